/* t/unit/conf/bad_test.c -- what is YAML and wrong: one row for each rule */
#include <string.h>

#include "core/base.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define TEXT(literal) { "" literal, sizeof(literal) - 1 }

/* A file, and all that must be printed about it. */
static const struct row {
	const char *name;
	struct span file;
	const char *said;
} rows[] = {
	{ "bad_utf8", TEXT(
		"user: caf\351\n"),
		"t.yaml:1:10: error: the byte 0xE9 is no UTF-8; save the "
		"file as UTF-8\n"
		"    1 | user: caf\357\277\275\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "control", TEXT(
		"user: a\033[31m\n"),
		"t.yaml:1:8: error: the control character U+001B is not "
		"allowed\n"
		"    1 | user: a\357\277\275[31m\n"
		"      |        ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "nul_byte", TEXT(
		"user: \000\n"),
		"t.yaml:1:7: error: the control character U+0000 is not "
		"allowed\n"
		"    1 | user: \357\277\275\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "not_utf8_below_bom", TEXT(
		"\357\273\277workers: 2\n"
		"user: \377\n"),
		"t.yaml:2:7: error: the byte 0xFF is no UTF-8; save the "
		"file as UTF-8\n"
		"    2 | user: \357\277\275\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "utf16", TEXT(
		"\377\376u\000s\000"),
		"t.yaml: error: the file is UTF-16; save it as UTF-8\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "second_document", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"---\n"
		"user: x\n"),
		"t.yaml:4:1: error: a second document begins here; a "
		"configuration is one document\n"
		"    4 | ---\n"
		"      | ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "merge_key", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits:\n"
		"  <<: {connections: 3}\n"),
		"t.yaml:5:3: error: the merge key \"<<\" is no part of "
		"YAML 1.2; write the keys out\n"
		"    5 |   <<: {connections: 3}\n"
		"      |   ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_undefined", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: &name x\n"
		"strategy: *nmae\n"),
		"t.yaml:5:11: error: no anchor \"&nmae\" stands before this "
		"alias; did you mean \"*name\"?\n"
		"    5 | strategy: *nmae\n"
		"      |           ^~~~~\n"
		"      = note: the anchors before it are: &name\n"
		"      = note: text that begins with \"*\" has to be in "
		"quotes\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_undefined_alone", TEXT(
		"user: *a\n"),
		"t.yaml:1:7: error: no anchor \"&a\" stands before this "
		"alias\n"
		"    1 | user: *a\n"
		"      |       ^~\n"
		"      = note: text that begins with \"*\" has to be in "
		"quotes\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_undefined_many", TEXT(
		"limits: [&a x, &b x, &c x, &d x, &e x, &f x, &g x, &h x, &i "
		"x]\n"
		"user: *long_name\n"),
		"t.yaml:1:9: error: \"limits\" takes a map of keys, not a "
		"list\n"
		"    1 | limits: [&a x, &b x, &c x, &d x, &e x, &f x, &g x, "
		"&h x, &i x]\n"
		"      |         ^\n"
		"t.yaml:2:7: error: no anchor \"&long_name\" stands before "
		"this alias\n"
		"    2 | user: *long_name\n"
		"      |       ^~~~~~~~~~\n"
		"      = note: the anchors before it are: &a, &b, &c, &d, "
		"&e, &f, &g, &h, ...\n"
		"      = note: text that begins with \"*\" has to be in "
		"quotes\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "alias_recursion", TEXT(
		"backends: &r [*r]\n"),
		"t.yaml:1:15: error: the alias \"*r\" stands inside what it "
		"repeats; write the values out\n"
		"    1 | backends: &r [*r]\n"
		"      |               ^~\n"
		"      = note: its anchor is in line 1, column 11\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_recursion_below", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"upstreams: &u\n"
		"  x:\n"
		"    backends: *u\n"),
		"t.yaml:6:15: error: the alias \"*u\" stands inside what it "
		"repeats; write the values out\n"
		"    6 |     backends: *u\n"
		"      |               ^~\n"
		"      = note: its anchor is in line 4, column 12\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_repeats_no_error", TEXT(
		"backends: &b\n"
		"  - host: 127.0.0.1\n"
		"    port: 90001\n"
		"upstreams:\n"
		"  x: {backends: *b}\n"
		"  y: {backends: *b}\n"
		"routes: [{upstream: x}]\n"),
		"t.yaml:3:11: error: \"90001\" is out of range; \"port\" "
		"takes 1 to 65535\n"
		"    3 |     port: 90001\n"
		"      |           ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_places", TEXT(
		"backends: [{host: &h 127.0.0.300, port: &p !!int 900000}]\n"
		"user: &l  [*h]\n"
		"limits: *l\n"
		"timeouts: &t\n"
		"  tunel: 1s\n"
		"keep_alive: *t\n"),
		"t.yaml:1:22: error: \"127.0.0.300\" is no IPv4 address; "
		"write four numbers up to 255, as in 192.0.2.1\n"
		"    1 | backends: [{host: &h 127.0.0.300, port: &p !!int "
		"900000}]\n"
		"      |                      ^~~~~~~~~~~\n"
		"t.yaml:1:50: error: \"900000\" is out of range; \"port\" "
		"takes 1 to 65535\n"
		"    1 | backends: [{host: &h 127.0.0.300, port: &p !!int "
		"900000}]\n"
		"      |                                                  "
		"^~~~~~\n"
		"t.yaml:2:11: error: \"user\" takes a single value, not a "
		"list\n"
		"    2 | user: &l  [*h]\n"
		"      |           ^\n"
		"t.yaml:2:11: error: \"limits\" takes a map of keys, not a "
		"list\n"
		"    2 | user: &l  [*h]\n"
		"      |           ^\n"
		"t.yaml:5:3: error: unknown key \"tunel\" in \"timeouts\"; "
		"did you mean \"tunnel\"?\n"
		"    5 |   tunel: 1s\n"
		"      |   ^~~~~\n"
		"t.yaml:5:3: error: unknown key \"tunel\" in \"keep_alive\"\n"
		"    5 |   tunel: 1s\n"
		"      |   ^~~~~\n"
		"fairlead: t.yaml: 6 errors, 0 warnings\n" },
	{ "alias_key", TEXT(
		"? &l [a]\n"
		": 1\n"
		"*l : 2\n"
		"? &k usre\n"
		": 3\n"
		"*k : 4\n"),
		"t.yaml:1:6: error: a key must be a word, not a list; put "
		"text with brackets or braces in quotes\n"
		"    1 | ? &l [a]\n"
		"      |      ^\n"
		"t.yaml:4:6: error: unknown key \"usre\"; did you mean "
		"\"user\"?\n"
		"    4 | ? &k usre\n"
		"      |      ^~~~\n"
		"t.yaml:6:1: error: the key \"usre\" is given twice\n"
		"    6 | *k : 4\n"
		"      | ^~\n"
		"      = note: the first is in line 4, column 6\n"
		"fairlead: t.yaml: 3 errors, 0 warnings\n" },
	{ "alias_duplicate", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"upstreams:\n"
		"  &k one: {backends: []}\n"
		"  *k : {}\n"),
		"t.yaml:5:22: error: the upstream \"one\" has no backends\n"
		"    5 |   &k one: {backends: []}\n"
		"      |                      ^\n"
		"t.yaml:6:3: error: the key \"one\" is given twice\n"
		"    6 |   *k : {}\n"
		"      |   ^~\n"
		"      = note: the first is in line 5, column 6\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "alias_merge", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: &l {connections: 3}\n"
		"timeouts:\n"
		"  <<: *l\n"),
		"t.yaml:6:3: error: the merge key \"<<\" is no part of YAML "
		"1.2; write the keys out\n"
		"    6 |   <<: *l\n"
		"      |   ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_anchor_again", TEXT(
		"user: &a x\n"
		"via: *a\n"
		"max_hops: &a y\n"
		"workers: *a\n"),
		"t.yaml:3:14: error: \"y\" is no whole number; write decimal "
		"digits\n"
		"    3 | max_hops: &a y\n"
		"      |              ^\n"
		"t.yaml:3:14: error: \"y\" is no whole number; write decimal "
		"digits, or auto\n"
		"    3 | max_hops: &a y\n"
		"      |              ^\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "tag", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: !secret x\n"),
		"t.yaml:4:7: error: the tag \"!secret\" means nothing "
		"here; leave it out\n"
		"    4 | user: !secret x\n"
		"      |       ^~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "list_tag", TEXT(
		"backends: !!omap []\n"),
		"t.yaml:1:11: error: the tag \"!!omap\" means nothing "
		"here; leave it out\n"
		"    1 | backends: !!omap []\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "duplicate", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: a\n"
		"workers: 2\n"
		"user: b\n"
		"user: c\n"),
		"t.yaml:6:1: error: the key \"user\" is given twice\n"
		"    6 | user: b\n"
		"      | ^~~~\n"
		"      = note: the first is in line 4, column 1\n"
		"t.yaml:7:1: error: the key \"user\" is given twice\n"
		"    7 | user: c\n"
		"      | ^~~~\n"
		"      = note: the first is in line 4, column 1\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "duplicate_nested", TEXT(
		"backends:\n"
		"  - {host: 127.0.0.1, port: 1, host: 127.0.0.2}\n"),
		"t.yaml:2:32: error: the key \"host\" is given twice\n"
		"    2 |   - {host: 127.0.0.1, port: 1, host: 127.0.0.2}\n"
		"      |                                ^~~~\n"
		"      = note: the first is in line 2, column 6\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "key_is_list", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"? [a]\n"
		": b\n"),
		"t.yaml:4:3: error: a key must be a word, not a list; put "
		"text with brackets or braces in quotes\n"
		"    4 | ? [a]\n"
		"      |   ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "key_is_map", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"{a: b}: c\n"),
		"t.yaml:4:1: error: a key must be a word, not a map; put "
		"text with brackets or braces in quotes\n"
		"    4 | {a: b}: c\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "nul_in_value", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: \"a\\0b\"\n"),
		"t.yaml:4:7: error: a value cannot hold the character \\0\n"
		"    4 | user: \"a\\0b\"\n"
		"      |       ^~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "root_list", TEXT(
		"- a\n"),
		"t.yaml:1:1: error: a configuration is a map of keys, not "
		"a list\n"
		"    1 | - a\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "root_word", TEXT(
		"hello\n"),
		"t.yaml:1:1: error: a configuration is a map of keys, not "
		"a single value\n"
		"    1 | hello\n"
		"      | ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown", TEXT(
		"bakends:\n"
		"  - host: a\n"),
		"t.yaml:1:1: error: unknown key \"bakends\"; did you mean "
		"\"backends\"?\n"
		"    1 | bakends:\n"
		"      | ^~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_in_backend", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"    wieght: 3\n"),
		"t.yaml:4:5: error: unknown key \"wieght\" in a backend; "
		"did you mean \"weight\"?\n"
		"    4 |     wieght: 3\n"
		"      |     ^~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_in_limits", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {conections: 3}\n"),
		"t.yaml:4:10: error: unknown key \"conections\" in "
		"\"limits\"; did you mean \"connections\"?\n"
		"    4 | limits: {conections: 3}\n"
		"      |          ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_in_timeouts", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts:\n"
		"  client-head: 3s\n"),
		"t.yaml:5:3: error: unknown key \"client-head\" in "
		"\"timeouts\"; did you mean \"client_head\"?\n"
		"    5 |   client-head: 3s\n"
		"      |   ^~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_upper", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"User: x\n"),
		"t.yaml:4:1: error: unknown key \"User\"; did you mean "
		"\"user\"?\n"
		"    4 | User: x\n"
		"      | ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_far", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"colour: red\n"),
		"t.yaml:4:1: error: unknown key \"colour\"\n"
		"    4 | colour: red\n"
		"      | ^~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "misplaced_down", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"weight: 3\n"
		"client_body: 3s\n"),
		"t.yaml:4:1: error: unknown key \"weight\"; it belongs in "
		"a backend\n"
		"    4 | weight: 3\n"
		"      | ^~~~~~\n"
		"t.yaml:5:1: error: unknown key \"client_body\"; it belongs "
		"in \"timeouts\"\n"
		"    5 | client_body: 3s\n"
		"      | ^~~~~~~~~~~\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "misplaced_up", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits:\n"
		"  user: x\n"),
		"t.yaml:5:3: error: unknown key \"user\" in \"limits\"; it "
		"belongs at the top level\n"
		"    5 |   user: x\n"
		"      |   ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "misplaced_aside", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits:\n"
		"  client_head: 3s\n"),
		"t.yaml:5:3: error: unknown key \"client_head\" in "
		"\"limits\"; it belongs in \"timeouts\"\n"
		"    5 |   client_head: 3s\n"
		"      |   ^~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "not_built", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"pid: /run/x.pid\n"
		"signals: fast\n"
		"shards: {}\n"
		"splice: off\n"
		"hot_standby: off\n"
		"protocols: off\n"
		"include: x\n"
		"tls: {}\n"),
		"t.yaml:4:1: error: unknown key \"pid\"\n"
		"    4 | pid: /run/x.pid\n"
		"      | ^~~\n"
		"t.yaml:5:1: error: unknown key \"signals\"\n"
		"    5 | signals: fast\n"
		"      | ^~~~~~~\n"
		"t.yaml:6:1: error: unknown key \"shards\"\n"
		"    6 | shards: {}\n"
		"      | ^~~~~~\n"
		"t.yaml:7:1: error: unknown key \"splice\"\n"
		"    7 | splice: off\n"
		"      | ^~~~~~\n"
		"t.yaml:8:1: error: unknown key \"hot_standby\"\n"
		"    8 | hot_standby: off\n"
		"      | ^~~~~~~~~~~\n"
		"t.yaml:9:1: error: unknown key \"protocols\"\n"
		"    9 | protocols: off\n"
		"      | ^~~~~~~~~\n"
		"t.yaml:10:10: error: \"x\" cannot be read: No such file or "
		"directory\n"
		"   10 | include: x\n"
		"      |          ^\n"
		"t.yaml:11:1: error: unknown key \"tls\"\n"
		"   11 | tls: {}\n"
		"      | ^~~\n"
		"fairlead: t.yaml: 8 errors, 0 warnings\n" },
	{ "not_built_nested", TEXT(
		"backends:\n"
		"  - {host: 127.0.0.1, port: 1, splice: true, name: a, "
		"capacity: 3, tls: x}\n"
		"timeouts: {queued: 1h}\n"),
		"t.yaml:2:32: error: unknown key \"splice\" in a backend\n"
		"    2 |   - {host: 127.0.0.1, port: 1, splice: true, "
		"name: a, capacity: 3, tls: x}\n"
		"      |                                ^~~~~~\n"
		"t.yaml:2:46: error: unknown key \"name\" in a backend; "
		"it belongs in \"hash\"\n"
		"    2 |   - {host: 127.0.0.1, port: 1, splice: true, "
		"name: a, capacity: 3, tls: x}\n"
		"      |                                              "
		"^~~~\n"
		"t.yaml:2:55: error: unknown key \"capacity\" in a "
		"backend\n"
		"    2 |   - {host: 127.0.0.1, port: 1, splice: true, "
		"name: a, capacity: 3, tls: x}\n"
		"      |                                                   "
		"    ^~~~~~~~\n"
		"t.yaml:2:68: error: unknown key \"tls\" in a backend\n"
		"    2 |   - {host: 127.0.0.1, port: 1, splice: true, "
		"name: a, capacity: 3, tls: x}\n"
		"      |                                                   "
		"                 ^~~\n"
		"t.yaml:3:12: error: unknown key \"queued\" in "
		"\"timeouts\"\n"
		"    3 | timeouts: {queued: 1h}\n"
		"      |            ^~~~~~\n"
		"fairlead: t.yaml: 5 errors, 0 warnings\n" },
	{ "unknown_escaped", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"\"a\\e[31m\\nb\": 1\n"),
		"t.yaml:4:1: error: unknown key \"a\\x1b[31m\\nb\"\n"
		"    4 | \"a\\e[31m\\nb\": 1\n"
		"      | ^~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "unknown_long", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1\n"),
		"t.yaml:4:1: error: unknown key "
		"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxx...\"\n"
		"    4 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1\n"
		"      | ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"
		"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "backends_word", TEXT(
		"backends: 127.0.0.1:9001\n"),
		"t.yaml:1:11: error: \"backends\" takes a list, not a "
		"single value; begin each item with \"- \"\n"
		"    1 | backends: 127.0.0.1:9001\n"
		"      |           ^~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "backends_map", TEXT(
		"backends: {host: a}\n"),
		"t.yaml:1:11: error: \"backends\" takes a list, not a map; "
		"begin each item with \"- \"\n"
		"    1 | backends: {host: a}\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "backends_empty", TEXT(
		"backends: []\n"),
		"t.yaml:1:11: error: no backends; list them under "
		"\"backends\" in a file (-c FILE), or give -b HOST:PORT\n"
		"    1 | backends: []\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "backends_null", TEXT(
		"backends:\n"),
		"t.yaml: error: no backends; list them under \"backends"
		"\" in a file (-c FILE), or give -b HOST:PORT\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "item_word", TEXT(
		"backends:\n"
		"  - 127.0.0.1:9001\n"),
		"t.yaml:2:5: error: a backend is a map of keys, not a "
		"single value; begin it with \"host: \"\n"
		"    2 |   - 127.0.0.1:9001\n"
		"      |     ^~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "item_list", TEXT(
		"backends:\n"
		"  - [a]\n"),
		"t.yaml:2:5: error: a backend is a map of keys, not a "
		"list; begin it with \"host: \"\n"
		"    2 |   - [a]\n"
		"      |     ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "item_null", TEXT(
		"backends:\n"
		"  -\n"),
		"t.yaml:2:4: error: a backend is a map of keys, not a "
		"single value; begin it with \"host: \"\n"
		"    2 |   -\n"
		"      |    ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "no_host", TEXT(
		"backends:\n"
		"  - port: 9001\n"),
		"t.yaml:2:5: error: a backend needs the key \"host\"\n"
		"    2 |   - port: 9001\n"
		"      |     ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "no_port", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"),
		"t.yaml:2:5: error: a backend needs the key \"port\"\n"
		"    2 |   - host: 127.0.0.1\n"
		"      |     ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "neither", TEXT(
		"backends:\n"
		"  - weight: 1\n"),
		"t.yaml:2:5: error: a backend needs the key \"host\"\n"
		"    2 |   - weight: 1\n"
		"      |     ^~~~~~\n"
		"t.yaml:2:5: error: a backend needs the key \"port\"\n"
		"    2 |   - weight: 1\n"
		"      |     ^~~~~~\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "empty_item", TEXT(
		"backends:\n"
		"  - {}\n"),
		"t.yaml:2:5: error: a backend needs the key \"host\"\n"
		"    2 |   - {}\n"
		"      |     ^\n"
		"t.yaml:2:5: error: a backend needs the key \"port\"\n"
		"    2 |   - {}\n"
		"      |     ^\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "host_null", TEXT(
		"backends:\n"
		"  - {host: ~, port: 80}\n"),
		"t.yaml:2:5: error: a backend needs the key \"host\"\n"
		"    2 |   - {host: ~, port: 80}\n"
		"      |     ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_empty", TEXT(
		"backends:\n"
		"  - {host: \"\", port: 80}\n"),
		"t.yaml:2:12: error: \"host\" cannot be empty\n"
		"    2 |   - {host: \"\", port: 80}\n"
		"      |            ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_list", TEXT(
		"backends:\n"
		"  - host: [a, b]\n"
		"    port: 80\n"),
		"t.yaml:2:11: error: \"host\" takes a single value, not a "
		"list\n"
		"    2 |   - host: [a, b]\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_http", TEXT(
		"backends:\n"
		"  - {host: \"http://a.example\", port: 80}\n"),
		"t.yaml:2:12: error: \"http://a.example\" holds a scheme; "
		"write the name or address alone\n"
		"    2 |   - {host: \"http://a.example\", port: 80}\n"
		"      |            ^~~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_path", TEXT(
		"backends:\n"
		"  - {host: a.example/x, port: 80}\n"),
		"t.yaml:2:12: error: \"a.example/x\" holds a \"/\"; write "
		"the name or address alone\n"
		"    2 |   - {host: a.example/x, port: 80}\n"
		"      |            ^~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_port", TEXT(
		"backends:\n"
		"  - {host: \"a.example:80\", port: 80}\n"),
		"t.yaml:2:12: error: \"a.example:80\" holds a port; write "
		"it under \"port\"\n"
		"    2 |   - {host: \"a.example:80\", port: 80}\n"
		"      |            ^~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_ipv4", TEXT(
		"backends:\n"
		"  - {host: 10.0.0.256, port: 80}\n"),
		"t.yaml:2:12: error: \"10.0.0.256\" is no IPv4 address; "
		"write four numbers up to 255, as in 192.0.2.1\n"
		"    2 |   - {host: 10.0.0.256, port: 80}\n"
		"      |            ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_ipv4_short", TEXT(
		"backends:\n"
		"  - {host: 127.1, port: 80}\n"),
		"t.yaml:2:12: error: \"127.1\" is no IPv4 address; write "
		"four numbers up to 255, as in 192.0.2.1\n"
		"    2 |   - {host: 127.1, port: 80}\n"
		"      |            ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_ipv4_hex", TEXT(
		"backends:\n"
		"  - {host: 0x7f000001, port: 80}\n"),
		"t.yaml:2:12: error: \"0x7f000001\" is no IPv4 address; "
		"write four numbers up to 255, as in 192.0.2.1\n"
		"    2 |   - {host: 0x7f000001, port: 80}\n"
		"      |            ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_ipv6", TEXT(
		"backends:\n"
		"  - {host: \"2001:db8:::1\", port: 80}\n"),
		"t.yaml:2:12: error: \"2001:db8:::1\" is no IPv6 address; "
		"write it as in \"2001:db8::1\"\n"
		"    2 |   - {host: \"2001:db8:::1\", port: 80}\n"
		"      |            ^~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_space", TEXT(
		"backends:\n"
		"  - {host: a b, port: 80}\n"),
		"t.yaml:2:12: error: \"a b\" is no host name; a name has "
		"letters, digits, \"-\" and dots\n"
		"    2 |   - {host: a b, port: 80}\n"
		"      |            ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_dash", TEXT(
		"backends:\n"
		"  - {host: -a.example, port: 80}\n"),
		"t.yaml:2:12: error: \"-a.example\" is no host name; a "
		"name has letters, digits, \"-\" and dots\n"
		"    2 |   - {host: -a.example, port: 80}\n"
		"      |            ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_dots", TEXT(
		"backends:\n"
		"  - {host: a..example, port: 80}\n"),
		"t.yaml:2:12: error: \"a..example\" is no host name; a "
		"name has letters, digits, \"-\" and dots\n"
		"    2 |   - {host: a..example, port: 80}\n"
		"      |            ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "host_unicode", TEXT(
		"backends:\n"
		"  - {host: b\303\274cher.example, port: 80}\n"),
		"t.yaml:2:12: error: \"b\303\274cher.example\" is no host "
		"name; a name has letters, digits, \"-\" and dots\n"
		"    2 |   - {host: b\303\274cher.example, port: 80}\n"
		"      |            ^~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_zero", TEXT(
		"backends:\n"
		"  - {host: a, port: 0}\n"),
		"t.yaml:2:21: error: \"0\" is out of range; \"port\" takes "
		"1 to 65535\n"
		"    2 |   - {host: a, port: 0}\n"
		"      |                     ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_big", TEXT(
		"backends:\n"
		"  - {host: a, port: 65536}\n"),
		"t.yaml:2:21: error: \"65536\" is out of range; \"port"
		"\" takes 1 to 65535\n"
		"    2 |   - {host: a, port: 65536}\n"
		"      |                     ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_huge", TEXT(
		"backends:\n"
		"  - {host: a, port: 99999999999999999999}\n"),
		"t.yaml:2:21: error: \"99999999999999999999\" is out of "
		"range; \"port\" takes 1 to 65535\n"
		"    2 |   - {host: a, port: 99999999999999999999}\n"
		"      |                     ^~~~~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_word", TEXT(
		"backends:\n"
		"  - {host: a, port: http}\n"),
		"t.yaml:2:21: error: \"http\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: http}\n"
		"      |                     ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_sexagesimal", TEXT(
		"backends:\n"
		"  - {host: a, port: 22:22}\n"),
		"t.yaml:2:21: error: \"22:22\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: 22:22}\n"
		"      |                     ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_octal", TEXT(
		"backends:\n"
		"  - {host: a, port: 080}\n"),
		"t.yaml:2:21: error: \"080\" has a leading zero; write it "
		"without\n"
		"    2 |   - {host: a, port: 080}\n"
		"      |                     ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_fraction", TEXT(
		"backends:\n"
		"  - {host: a, port: 80.0}\n"),
		"t.yaml:2:21: error: \"80.0\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: 80.0}\n"
		"      |                     ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_hex", TEXT(
		"backends:\n"
		"  - {host: a, port: 0x50}\n"),
		"t.yaml:2:21: error: \"0x50\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: 0x50}\n"
		"      |                     ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "port_underscore", TEXT(
		"backends:\n"
		"  - {host: a, port: 8_080}\n"),
		"t.yaml:2:21: error: \"8_080\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: 8_080}\n"
		"      |                     ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "weight_big", TEXT(
		"backends:\n"
		"  - {host: a, port: 80, weight: 1001}\n"),
		"t.yaml:2:33: error: \"1001\" is out of range; \"weight"
		"\" takes 0 to 1000\n"
		"    2 |   - {host: a, port: 80, weight: 1001}\n"
		"      |                                 ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "weight_negative", TEXT(
		"backends:\n"
		"  - {host: a, port: 80, weight: -1}\n"),
		"t.yaml:2:33: error: \"-1\" is no whole number; write "
		"decimal digits\n"
		"    2 |   - {host: a, port: 80, weight: -1}\n"
		"      |                                 ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "tls_port", TEXT(
		"backends:\n"
		"  - host: \"api.example.com\"        # port 443\n"
		"    port: 443\n"
		"  - host: \"127.0.0.1\"\n"
		"    port: 9001\n"),
		"t.yaml:2:11: warning: the backend \"api.example.com\" needs "
		"TLS (port 443), which is not built yet; it is left out and "
		"gets no requests\n"
		"    2 |   - host: \"api.example.com\"        # port 443\n"
		"      |           ^~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 0 errors, 1 warning\n" },
	{ "tls_alone", TEXT(
		"backends:\n"
		"  - host: \"HTTPS://[::1]\"   # explicit\n"
		"    port: 8443\n"),
		"t.yaml:2:3: error: the upstream \"default\" has no backend "
		"left: all need TLS, which is not built yet; list one that "
		"speaks plain HTTP\n"
		"    2 |   - host: \"HTTPS://[::1]\"   # explicit\n"
		"      |   ^\n"
		"t.yaml:2:11: warning: the backend \"::1\" needs TLS "
		"(\"https://\"), which is not built yet; it is left out and "
		"gets no requests\n"
		"    2 |   - host: \"HTTPS://[::1]\"   # explicit\n"
		"      |           ^~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 1 warning\n" },
	{ "tls_alone_in_upstream", TEXT(
		"upstreams:\n"
		"  web:\n"
		"    backends: [{host: 10.0.0.1, port: 443}]\n"),
		"t.yaml:3:15: error: the upstream \"web\" has no backend "
		"left: all need TLS, which is not built yet; list one that "
		"speaks plain HTTP\n"
		"    3 |     backends: [{host: 10.0.0.1, port: 443}]\n"
		"      |               ^\n"
		"t.yaml:3:23: warning: the backend \"10.0.0.1\" needs TLS "
		"(port 443), which is not built yet; it is left out and gets "
		"no requests\n"
		"    3 |     backends: [{host: 10.0.0.1, port: 443}]\n"
		"      |                       ^~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 1 warning\n" },
	{ "tls_no_port", TEXT(
		"backends:\n"
		"  - host: https://a.example\n"
		"  - {host: b.example, port: 80}\n"),
		"t.yaml:2:5: error: a backend needs the key \"port\"\n"
		"    2 |   - host: https://a.example\n"
		"      |     ^~~~\n"
		"t.yaml:2:11: warning: the backend \"a.example\" needs TLS "
		"(\"https://\"), which is not built yet; it is left out and "
		"gets no requests\n"
		"    2 |   - host: https://a.example\n"
		"      |           ^~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 1 warning\n" },
	{ "duplicate_backend", TEXT(
		"backends:\n"
		"  - {host: A.example, port: 80}\n"
		"  - {host: b.example, port: 80}\n"
		"  - {host: a.example, port: 80}   # again\n"),
		"t.yaml:4:12: warning: the backend a.example:80 is listed "
		"twice; to send it more, give it a \"weight\"\n"
		"    4 |   - {host: a.example, port: 80}   # again\n"
		"      |            ^~~~~~~~~\n"
		"      = note: the first is in line 2, column 12\n"
		"fairlead: t.yaml: 0 errors, 1 warning\n" },
	{ "strategy_near", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"strategy: roundrobin\n"),
		"t.yaml:4:11: error: \"roundrobin\" is no strategy; did "
		"you mean \"round-robin\"?\n"
		"    4 | strategy: roundrobin\n"
		"      |           ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "strategy_far", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"strategy: dispersion\n"),
		"t.yaml:4:11: error: \"dispersion\" is no strategy; there "
		"are: weighted, round-robin, random, sticky, least-conn, "
		"p2c, peak-ewma, hash, first\n"
		"    4 | strategy: dispersion\n"
		"      |           ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "sticky_values", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"sticky:\n"
		"  cookie: a b\n"
		"  secret: short\n"
		"  path: /a;b\n"
		"  domain: a/b\n"
		"  on_down: wait\n"),
		"t.yaml:3:11: error: \"a b\" is no name of a cookie; write "
		"letters, digits, \"-\" and \"_\" without blanks\n"
		"    3 |   cookie: a b\n"
		"      |           ^~~\n"
		"t.yaml:4:11: error: the secret is too short; write 16 characters or more\n"
		"    4 |   secret: *****\n"
		"      |           ^~~~~\n"
		"t.yaml:5:9: error: \"/a;b\" is no path of a cookie; write "
		"letters, digits and \"/\", others as in %20\n"
		"    5 |   path: /a;b\n"
		"      |         ^~~~\n"
		"t.yaml:6:11: error: \"a/b\" is no domain of a cookie; write "
		"a name, as in example.com\n"
		"    6 |   domain: a/b\n"
		"      |           ^~~\n"
		"t.yaml:7:12: error: \"wait\" is no on_down; there are: other, fail\n"
		"    7 |   on_down: wait\n"
		"      |            ^~~~\n"
		"fairlead: t.yaml: 5 errors, 0 warnings\n" },
	/* What is wrong is said once, not also what follows from it. */
	{ "no_follow_up", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - upstream: [default]\n"
		"  - upstrem: default\n"
		"  - match: {header: {X-A: {present: TRUE}}}\n"
		"    upstream: default\n"
		"  - all\n"
		"  - match: {header: {X-B: {equal: !x y}}}\n"
		"    upstream: default\n"),
		"t.yaml:3:15: error: \"upstream\" takes a single value, not "
		"a list\n"
		"    3 |   - upstream: [default]\n"
		"      |               ^\n"
		"t.yaml:4:5: error: unknown key \"upstrem\" in a route; did "
		"you mean \"upstream\"?\n"
		"    4 |   - upstrem: default\n"
		"      |     ^~~~~~~\n"
		"t.yaml:5:37: error: \"TRUE\" is no boolean; write true\n"
		"    5 |   - match: {header: {X-A: {present: TRUE}}}\n"
		"      |                                     ^~~~\n"
		"t.yaml:7:5: error: a route is a map of keys, not a single "
		"value; begin it with \"name: \"\n"
		"    7 |   - all\n"
		"      |     ^~~\n"
		"t.yaml:8:35: error: the tag \"!x\" means nothing here; leave "
		"it out\n"
		"    8 |   - match: {header: {X-B: {equal: !x y}}}\n"
		"      |                                   ^~~~\n"
		"fairlead: t.yaml: 5 errors, 0 warnings\n" },
	{ "upstream_twice", TEXT(
		"upstreams:\n"
		"  web: {backends: [{host: 127.0.0.1, port: 9001}]}\n"
		"  web: {backends: [{host: 127.0.0.1, port: 9002}]}\n"),
		"t.yaml:3:3: error: the key \"web\" is given twice\n"
		"    3 |   web: {backends: [{host: 127.0.0.1, port: 9002}]}\n"
		"      |   ^~~\n"
		"      = note: the first is in line 2, column 3\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "field_variable", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes: [{respond: {body: \"${request.X A}\"}}]\n"),
		"t.yaml:2:27: error: there is no variable "
		"\"${request.X A}\"; write \"$${\" for a plain \"${\"\n"
		"    2 | routes: [{respond: {body: \"${request.X A}\"}}]\n"
		"      |                           ^~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "redirect_lines", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - redirect: {to: \"http://a/\\r\\nSet-Cookie: a=b\"}\n"),
		"t.yaml:3:20: error: the target of a redirection cannot hold "
		"control characters or line ends\n"
		"    3 |   - redirect: {to: \"http://a/\\r\\nSet-Cookie: a=b\"}\n"
		"      |                    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "respond_no_content", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - {match: {path: /a}, respond: {status: 204, body: a}}\n"
		"  - {match: {path: /b}, respond: {status: 205, body: b}}\n"
		"  - {match: {path: /c}, respond: {status: 304, body: c}}\n"
		"  - {match: {path: /d}, respond: {status: 204}}\n"),
		"t.yaml:3:54: error: a response with the status 204 has no "
		"content; leave out \"body\"\n"
		"    3 |   - {match: {path: /a}, respond: {status: 204, body: a}}\n"
		"      |                                                      ^\n"
		"t.yaml:4:54: error: a response with the status 205 has no "
		"content; leave out \"body\"\n"
		"    4 |   - {match: {path: /b}, respond: {status: 205, body: b}}\n"
		"      |                                                      ^\n"
		"t.yaml:5:54: error: a response with the status 304 has no "
		"content; leave out \"body\"\n"
		"    5 |   - {match: {path: /c}, respond: {status: 304, body: c}}\n"
		"      |                                                      ^\n"
		"fairlead: t.yaml: 3 errors, 0 warnings\n" },
	{ "edits_host", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - upstream: default\n"
		"    request_headers: {set: {Host: a}, add: {host: b}}\n"
		"  - upstream: default\n"
		"    match: {path: /}\n"
		"    request_headers: {remove: [X, Host]}\n"),
		"t.yaml:4:45: error: a request has one \"Host\"; \"set\" changes "
		"it\n"
		"    4 |     request_headers: {set: {Host: a}, add: {host: b}}\n"
		"      |                                             ^~~~\n"
		"t.yaml:5:5: warning: no request reaches route \"route 2\"\n"
		"    5 |   - upstream: default\n"
		"      |     ^~~~~~~~\n"
		"      = note: route \"route 1\" in line 3 takes them first\n"
		"t.yaml:7:31: error: a request needs its \"Host\"; \"set\" "
		"changes it\n"
		"    7 |     request_headers: {remove: [X, Host]}\n"
		"      |                               ^\n"
		"fairlead: t.yaml: 2 errors, 1 warning\n" },
	{ "edits_without_upstream", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - respond: {body: a}\n"
		"    request_headers: {remove: X}\n"
		"    response_headers: {set: {X-A: a}, remove: X}\n"),
		"t.yaml:4:31: warning: \"request_headers\" has no effect in a "
		"route without an upstream\n"
		"    4 |     request_headers: {remove: X}\n"
		"      |                               ^\n"
		"t.yaml:5:30: warning: \"response_headers\" has no effect in a "
		"route without an upstream\n"
		"    5 |     response_headers: {set: {X-A: a}, remove: X}\n"
		"      |                              ^~~\n"
		"fairlead: t.yaml: 0 errors, 2 warnings\n" },
	{ "strategy_list", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"strategy: [weighted]\n"),
		"t.yaml:4:11: error: \"strategy\" takes a single value, "
		"not a list\n"
		"    4 | strategy: [weighted]\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "idle_weight", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"    weight: 2\n"
		"strategy: round-robin\n"),
		"t.yaml:4:13: warning: a weight has no effect under the "
		"strategy \"round-robin\"; use \"weighted\"\n"
		"    4 |     weight: 2\n"
		"      |             ^\n"
		"fairlead: t.yaml: 0 errors, 1 warning\n" },
	{ "all_drained", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"    weight: 0\n"),
		"t.yaml:2:3: warning: all backends have the weight 0, "
		"which drains them: every request gets 503\n"
		"    2 |   - host: 127.0.0.1\n"
		"      |   ^\n"
		"fairlead: t.yaml: 0 errors, 1 warning\n" },
	{ "workers_zero", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"workers: 0\n"),
		"t.yaml:4:10: error: \"0\" is out of range; \"workers"
		"\" takes 1 to 64\n"
		"    4 | workers: 0\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "workers_many", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"workers: 65\n"),
		"t.yaml:4:10: error: \"65\" is out of range; \"workers"
		"\" takes 1 to 64\n"
		"    4 | workers: 65\n"
		"      |          ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "workers_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"workers: many\n"),
		"t.yaml:4:10: error: \"many\" is no whole number; write "
		"decimal digits, or auto\n"
		"    4 | workers: many\n"
		"      |          ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "workers_octal", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"workers: 010\n"),
		"t.yaml:4:10: error: \"010\" has a leading zero, which "
		"YAML 1.1 reads as octal; write 10 or 8\n"
		"    4 | workers: 010\n"
		"      |          ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "user_empty", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: \"\"\n"),
		"t.yaml:4:7: error: \"user\" cannot be empty\n"
		"    4 | user: \"\"\n"
		"      |       ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "user_list", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"user: [a]\n"),
		"t.yaml:4:7: error: \"user\" takes a single value, not a "
		"list\n"
		"    4 | user: [a]\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "shutdown_unit", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"shutdown_timeout: 30\n"),
		"t.yaml:4:19: error: \"30\" lacks a unit; write 30s or "
		"30ms\n"
		"    4 | shutdown_timeout: 30\n"
		"      |                   ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "shutdown_space", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"shutdown_timeout: 5 sec\n"),
		"t.yaml:4:19: error: \"5 sec\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s\n"
		"    4 | shutdown_timeout: 5 sec\n"
		"      |                   ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "shutdown_off", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"shutdown_timeout: off\n"),
		"t.yaml:4:19: error: \"off\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s\n"
		"    4 | shutdown_timeout: off\n"
		"      |                   ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "shutdown_long", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"shutdown_timeout: 2d\n"),
		"t.yaml:4:19: error: \"2d\" is out of range; "
		"\"shutdown_timeout\" takes 0 to 1d\n"
		"    4 | shutdown_timeout: 2d\n"
		"      |                   ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "drain_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"drain_timeout: never\n"),
		"t.yaml:4:16: error: \"never\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s, or off\n"
		"    4 | drain_timeout: never\n"
		"      |                ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "drain_order", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"drain_timeout: 30s1m\n"),
		"t.yaml:4:16: error: \"30s1m\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s, or off\n"
		"    4 | drain_timeout: 30s1m\n"
		"      |                ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "drain_long", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"drain_timeout: 31d\n"),
		"t.yaml:4:16: error: \"31d\" is out of range; "
		"\"drain_timeout\" takes 0 to 30d\n"
		"    4 | drain_timeout: 31d\n"
		"      |                ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "limits_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: none\n"),
		"t.yaml:4:9: error: \"limits\" takes a map of keys, not a "
		"single value\n"
		"    4 | limits: none\n"
		"      |         ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "limits_list", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: [a]\n"),
		"t.yaml:4:9: error: \"limits\" takes a map of keys, not a "
		"list\n"
		"    4 | limits: [a]\n"
		"      |         ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "connections_zero", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {connections: 0}\n"),
		"t.yaml:4:23: error: \"0\" is out of range; "
		"\"connections\" takes 1 to 10000000\n"
		"    4 | limits: {connections: 0}\n"
		"      |                       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "head_small", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_head: 1023B}\n"),
		"t.yaml:4:24: error: \"1023B\" is out of range; "
		"\"request_head\" takes 1KiB to 64KiB\n"
		"    4 | limits: {request_head: 1023B}\n"
		"      |                        ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "head_big", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_head: 1m}\n"),
		"t.yaml:4:24: error: \"1m\" is out of range; "
		"\"request_head\" takes 1KiB to 64KiB\n"
		"    4 | limits: {request_head: 1m}\n"
		"      |                        ^~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "head_unit", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_head: 32768}\n"),
		"t.yaml:4:24: error: \"32768\" lacks a unit; write 32768k "
		"or 32768B\n"
		"    4 | limits: {request_head: 32768}\n"
		"      |                        ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "head_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_head: 32KB}\n"),
		"t.yaml:4:24: error: \"32KB\" is no size; write a number "
		"with B, k, m, g, KiB, MiB or GiB, as in 64k\n"
		"    4 | limits: {request_head: 32KB}\n"
		"      |                        ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "count_big", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {header_count: 1025}\n"),
		"t.yaml:4:24: error: \"1025\" is out of range; "
		"\"header_count\" takes 1 to 256\n"
		"    4 | limits: {header_count: 1025}\n"
		"      |                        ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "body_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_body: none}\n"),
		"t.yaml:4:24: error: \"none\" is no size; write a number "
		"with B, k, m, g, KiB, MiB or GiB, as in 64k, or off\n"
		"    4 | limits: {request_body: none}\n"
		"      |                        ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "body_big", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_body: 2000g}\n"),
		"t.yaml:4:24: error: \"2000g\" is out of range; "
		"\"request_body\" takes 0 to 1024GiB\n"
		"    4 | limits: {request_body: 2000g}\n"
		"      |                        ^~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "body_octal", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {request_body: 010k}\n"),
		"t.yaml:4:24: error: \"010k\" has a leading zero; write it "
		"without\n"
		"    4 | limits: {request_body: 010k}\n"
		"      |                        ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "requests_word", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {requests_per_connection: infinite}\n"),
		"t.yaml:4:35: error: \"infinite\" is no whole number; "
		"write decimal digits, or off\n"
		"    4 | limits: {requests_per_connection: infinite}\n"
		"      |                                   ^~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "requests_big", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {requests_per_connection: 1000000001}\n"),
		"t.yaml:4:35: error: \"1000000001\" is out of range; "
		"\"requests_per_connection\" takes 0 to 1000000000\n"
		"    4 | limits: {requests_per_connection: 1000000001}\n"
		"      |                                   ^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "age_long", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"limits: {connection_age: 31d}\n"),
		"t.yaml:4:26: error: \"31d\" is out of range; "
		"\"connection_age\" takes 0 to 30d\n"
		"    4 | limits: {connection_age: 31d}\n"
		"      |                          ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "timeouts_list", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts: []\n"),
		"t.yaml:4:11: error: \"timeouts\" takes a map of keys, not "
		"a list\n"
		"    4 | timeouts: []\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "client_head_zero", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts: {client_head: 0}\n"),
		"t.yaml:4:25: error: \"0\" is out of range; "
		"\"client_head\" takes 1ms to 1d\n"
		"    4 | timeouts: {client_head: 0}\n"
		"      |                         ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "client_body_off", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts: {client_body: off}\n"),
		"t.yaml:4:25: error: \"off\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s\n"
		"    4 | timeouts: {client_body: off}\n"
		"      |                         ^~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "keep_alive_long", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts: {keep_alive: 24h1ms}\n"),
		"t.yaml:4:24: error: \"24h1ms\" is out of range; "
		"\"keep_alive\" takes 1ms to 1d\n"
		"    4 | timeouts: {keep_alive: 24h1ms}\n"
		"      |                        ^~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "send_fraction", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"timeouts: {send: 1.5s}\n"),
		"t.yaml:4:18: error: \"1.5s\" is no duration; write a "
		"number with ms, s, m, h or d, as in 5s\n"
		"    4 | timeouts: {send: 1.5s}\n"
		"      |                  ^~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "long_line", TEXT(
		"{backends: [{host: 127.0.0.1, port: 9001}], limits: {     "
		"                                                          "
		"                                                         "
		"conections: 3}, user: "
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxx}\n"),
		"t.yaml:1:174: error: unknown key \"conections\" in "
		"\"limits\"; did you mean \"connections\"?\n"
		"    1 |                                                   "
		"conections: 3}, user: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
		"      |                                                   "
		"^~~~~~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "in_order", TEXT(
		"backends:\n"
		"  - host: 127.0.0.1\n"
		"    port: 9001\n"
		"workers: 0\n"
		"limits:\n"
		"  header_count: x\n"
		"  connections: y\n"
		"strategy: z\n"
		"timeouts: 3\n"),
		"t.yaml:4:10: error: \"0\" is out of range; \"workers"
		"\" takes 1 to 64\n"
		"    4 | workers: 0\n"
		"      |          ^\n"
		"t.yaml:6:17: error: \"x\" is no whole number; write "
		"decimal digits\n"
		"    6 |   header_count: x\n"
		"      |                 ^\n"
		"t.yaml:7:16: error: \"y\" is no whole number; write "
		"decimal digits\n"
		"    7 |   connections: y\n"
		"      |                ^\n"
		"t.yaml:8:11: error: \"z\" is no strategy; there are: "
		"weighted, round-robin, random, sticky, least-conn, "
		"p2c, peak-ewma, hash, first\n"
		"    8 | strategy: z\n"
		"      |           ^\n"
		"t.yaml:9:11: error: \"timeouts\" takes a map of keys, not "
		"a single value\n"
		"    9 | timeouts: 3\n"
		"      |           ^\n"
		"fairlead: t.yaml: 5 errors, 0 warnings\n" },
	{ "regex_plain", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - match: {path_regex: ^/(v1|v2}\n"
		"    upstream: default\n"),
		"t.yaml:3:33: error: \"^/(v1|v2\" is no regular expression: "
		"missing closing parenthesis\n"
		"    3 |   - match: {path_regex: ^/(v1|v2}\n"
		"      |                                 ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "regex_quoted", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - match: {path_regex: [x, '\303\244[z-a]']}\n"
		"    upstream: default\n"),
		"t.yaml:3:34: error: \"\303\244[z-a]\" is no regular "
		"expression: range out of order in character class\n"
		"    3 |   - match: {path_regex: [x, '\303\244[z-a]']}\n"
		"      |                                  ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "regex_escaped", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - match: {header: {a: {regex: \"\\x2a\"}}}\n"
		"    upstream: default\n"),
		"t.yaml:3:33: error: \"*\" is no regular expression: "
		"quantifier does not follow a repeatable item\n"
		"    3 |   - match: {header: {a: {regex: \"\\x2a\"}}}\n"
		"      |                                 ^~~~~~\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "two_conditions", TEXT(
		"backends: [{host: 127.0.0.1, port: 9001}]\n"
		"routes:\n"
		"  - match: {header: {a: {regex: x, present: true}, b: {}}}\n"
		"    upstream: default\n"),
		"t.yaml:3:22: error: the condition on \"a\" takes one of "
		"\"equal\", \"present\" and \"regex\"\n"
		"    3 |   - match: {header: {a: {regex: x, present: true}, b: {}}}\n"
		"      |                      ^\n"
		"t.yaml:3:52: error: the condition on \"b\" takes one of "
		"\"equal\", \"present\" and \"regex\"\n"
		"    3 |   - match: {header: {a: {regex: x, present: true}, b: {}}}\n"
		"      |                                                    ^\n"
		"fairlead: t.yaml: 2 errors, 0 warnings\n" },
	{ "path_not_normal", TEXT(
		"backends: [{host: 127.0.0.1, port: 1}]\n"
		"routes:\n"
		"  - upstream: default\n"
		"    match:\n"
		"      path:\n"
		"        - \"/a/../b\"\n"
		"        - \"/a/.\"\n"
		"        - \"/%7eu\"\n"
		"        - \"/%41\"\n"
		"        - \"/%2f\"\n"
		"        - \"/a b\"\n"
		"        - \"/\\u00e9\"\n"
		"        - \"/.a/..b/...\"\n"
		"        - \"/%2F%20\"\n"
		"        - \"/100%\"\n"
		"        - \"/%zz\"\n"),
		"t.yaml:6:11: error: no request has the path \"/a/../b\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"    6 |         - \"/a/../b\"\n"
		"      |           ^~~~~~~~~\n"
		"t.yaml:7:11: error: no request has the path \"/a/.\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"    7 |         - \"/a/.\"\n"
		"      |           ^~~~~~\n"
		"t.yaml:8:11: error: no request has the path \"/%7eu\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"    8 |         - \"/%7eu\"\n"
		"      |           ^~~~~~~\n"
		"t.yaml:9:11: error: no request has the path \"/%41\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"    9 |         - \"/%41\"\n"
		"      |           ^~~~~~\n"
		"t.yaml:10:11: error: no request has the path \"/%2f\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"   10 |         - \"/%2f\"\n"
		"      |           ^~~~~~\n"
		"t.yaml:11:11: error: no request has the path \"/a b\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"   11 |         - \"/a b\"\n"
		"      |           ^~~~~~\n"
		"t.yaml:12:11: error: no request has the path \"/\303\251\"; they are "
		"compared without \".\" and \"..\", and only what needs it is "
		"written %XX, with large digits\n"
		"   12 |         - \"/\\u00e9\"\n"
		"      |           ^~~~~~~~~\n"
		"fairlead: t.yaml: 7 errors, 0 warnings\n" },
	{ "h2c", TEXT(
		"backends: [{host: 127.0.0.1, port: 1}]\n"
		"routes: [{upstream: default, upgrade: [websocket, H2C]}]\n"),
		"t.yaml:2:39: error: \"h2c\" is never passed on: requests "
		"could hide in it; leave it out\n"
		"    2 | routes: [{upstream: default, upgrade: [websocket, "
		"H2C]}]\n"
		"      |                                       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "empty", TEXT(
		""),
		"t.yaml: error: no backends; list them under \"backends"
		"\" in a file (-c FILE), or give -b HOST:PORT\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "only_comment", TEXT(
		"# nothing\n"),
		"t.yaml: error: no backends; list them under \"backends"
		"\" in a file (-c FILE), or give -b HOST:PORT\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "null_root", TEXT(
		"~\n"),
		"t.yaml: error: no backends; list them under \"backends"
		"\" in a file (-c FILE), or give -b HOST:PORT\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
};

START_TEST(prints_exactly)
{
	const struct row *row = &rows[_i];
	struct reading r = conf_file_read(row->file, NULL);

	ck_assert_msg(strcmp(r.said, row->said) == 0,
	    "%s:\n--- wanted\n%s--- said\n%s", row->name, row->said, r.said);
	ck_assert((r.conf == NULL) == (r.errors > 0));
	reading_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: bad");
	TCase *tc = tcase_create("files");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_loop_test(tc, prints_exactly, 0, COUNT_OF(rows));
	suite_add_tcase(suite, tc);
	return unit_main_rows(suite);
}
