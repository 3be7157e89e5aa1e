/* t/unit/conf/syntax_test.c -- what is no YAML, in words that help */
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
	{ "tab_indents", TEXT(
		"backends:\n"
		"\t- host: x\n"),
		"t.yaml:2:1: error: a tab cannot indent; use spaces\n"
		"    2 |  - host: x\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "tab_behind_spaces", TEXT(
		"limits:\n"
		"  connections: 3\n"
		"\theader_count: 2\n"),
		"t.yaml:3:1: error: a tab cannot indent; use spaces\n"
		"    3 |  header_count: 2\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "at_sign", TEXT(
		"user: @x\n"),
		"t.yaml:1:7: error: a value cannot begin with \"@\"; put "
		"the value in quotes\n"
		"    1 | user: @x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "backquote", TEXT(
		"user: `x\n"),
		"t.yaml:1:7: error: a value cannot begin with \"`\"; put "
		"the value in quotes\n"
		"    1 | user: `x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "percent", TEXT(
		"user: %x\n"),
		"t.yaml:1:7: error: a value cannot begin with \"%\"; put "
		"the value in quotes\n"
		"    1 | user: %x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "directive", TEXT(
		"%x: 1\n"),
		"t.yaml:1:1: error: a line cannot begin with \"%\"; put "
		"the word in quotes\n"
		"    1 | %x: 1\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alias_star", TEXT(
		"backends:\n"
		"  - host: *.example.com\n"
		"    port: 80\n"),
		"t.yaml:2:11: error: a value cannot begin with \"*\" (an "
		"alias in YAML); put the value in quotes\n"
		"    2 |   - host: *.example.com\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "anchor", TEXT(
		"user: &\n"),
		"t.yaml:1:7: error: a value cannot begin with \"&\" (an "
		"anchor in YAML); put the value in quotes\n"
		"    1 | user: &\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "exclamation", TEXT(
		"user: !<\n"),
		"t.yaml:1:7: error: a value cannot begin with \"!\" (a tag "
		"in YAML); put the value in quotes\n"
		"    1 | user: !<\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "tag_handle", TEXT(
		"user: !a!b c\n"),
		"t.yaml:1:7: error: a value cannot begin with \"!\" (a tag "
		"in YAML); put the value in quotes\n"
		"    1 | user: !a!b c\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "colon_in_value", TEXT(
		"user: /a: b\n"),
		"t.yaml:1:9: error: a plain value cannot hold \": \"; put "
		"the value in quotes\n"
		"    1 | user: /a: b\n"
		"      |         ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "line_above_no_colon", TEXT(
		"backends\n"
		"user: x\n"),
		"t.yaml:2:5: error: no key can stand here; look at the "
		"indentation, and whether the line above lacks a \": \"\n"
		"    2 | user: x\n"
		"      |     ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "key_under_value", TEXT(
		"user: x\n"
		"  workers: 2\n"),
		"t.yaml:2:10: error: no key can stand here; look at the "
		"indentation, and whether the line above lacks a \": \"\n"
		"    2 |   workers: 2\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "dash_behind_key", TEXT(
		"backends: - host: x\n"),
		"t.yaml:1:11: error: no list item can begin here; begin it "
		"on a line of its own\n"
		"    1 | backends: - host: x\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "ipv6_unquoted", TEXT(
		"backends:\n"
		"  - host: [::1]\n"
		"    port: 80\n"),
		"t.yaml:2:11: error: \"[\" begins a list; put an IPv6 "
		"address in quotes, as in \"[::1]:80\"\n"
		"    2 |   - host: [::1]\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "ipv6_port_unquoted", TEXT(
		"backends:\n"
		"  - host: [fe80::1]:80\n"),
		"t.yaml:2:11: error: \"[\" begins a list; put an IPv6 "
		"address in quotes, as in \"[::1]:80\"\n"
		"    2 |   - host: [fe80::1]:80\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "ipv6_in_flow", TEXT(
		"backends: [{host: [fe80::1]:80}]\n"),
		"t.yaml:1:19: error: \"[\" begins a list; put an IPv6 "
		"address in quotes, as in \"[::1]:80\"\n"
		"    1 | backends: [{host: [fe80::1]:80}]\n"
		"      |                   ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "value_missing", TEXT(
		"user: }\n"),
		"t.yaml:1:7: error: a value is missing here; put text that "
		"begins with a bracket or comma in quotes\n"
		"    1 | user: }\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "list_open", TEXT(
		"backends: [1, 2\n"
		"user: x\n"),
		"t.yaml:1:11: error: this list needs \",\" between its "
		"items and \"]\" at its end\n"
		"    1 | backends: [1, 2\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "map_open", TEXT(
		"limits: {connections: 1\n"),
		"t.yaml:1:9: error: this map needs \",\" between its keys "
		"and \"}\" at its end\n"
		"    1 | limits: {connections: 1\n"
		"      |         ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "file_ends", TEXT(
		"{\n"
		"\n"),
		"t.yaml:1:1: error: the file ends inside a list or map\n"
		"    1 | {\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "item_indent", TEXT(
		"backends:\n"
		"  - host: a\n"
		"    port: 1\n"
		"   weight: 3\n"),
		"t.yaml:4:4: error: this line is indented unlike the list "
		"it stands in\n"
		"    4 |    weight: 3\n"
		"      |    ^\n"
		"      = note: the list begins in line 2, column 3\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "key_indent", TEXT(
		"limits:\n"
		"    connections: 1\n"
		"  header_count: 2\n"),
		"t.yaml:3:3: error: this line is indented unlike the keys "
		"it stands among\n"
		"    3 |   header_count: 2\n"
		"      |   ^\n"
		"      = note: the map begins in line 1, column 1\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "behind_quotes", TEXT(
		"user: \"x\" y\n"),
		"t.yaml:1:11: error: the value has ended before this; put "
		"all of it in one pair of quotes\n"
		"    1 | user: \"x\" y\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "apostrophe", TEXT(
		"user: 'it's'\n"),
		"t.yaml:1:11: error: the value has ended before this; put "
		"all of it in one pair of quotes\n"
		"    1 | user: 'it's'\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "key_alone", TEXT(
		"user: x\n"
		"workers\n"),
		"t.yaml:2:1: error: a key needs \": \" behind it\n"
		"    2 | workers\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "quote_open", TEXT(
		"user: \"x\n"
		"workers: 2\n"),
		"t.yaml:1:7: error: this quote is never closed\n"
		"    1 | user: \"x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "apostrophe_open", TEXT(
		"user: 'x\n"),
		"t.yaml:1:7: error: this quote is never closed\n"
		"    1 | user: 'x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "escape", TEXT(
		"user: \"\\q\"\n"),
		"t.yaml:1:8: error: no such escape; write \"\\\\\" for a "
		"backslash, or use single quotes\n"
		"    1 | user: \"\\q\"\n"
		"      |        ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "escape_digits", TEXT(
		"user: \"\\x4\"\n"),
		"t.yaml:1:10: error: hexadecimal digits are missing in "
		"this escape; write \"\\\\\" for a backslash\n"
		"    1 | user: \"\\x4\"\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "escape_code", TEXT(
		"user: \"\\ud800\"\n"),
		"t.yaml:1:10: error: this escape stands for no character; "
		"write \"\\\\\" for a backslash\n"
		"    1 | user: \"\\ud800\"\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "block_zero", TEXT(
		"user: |0\n"
		"  x\n"),
		"t.yaml:1:8: error: text behind \"|\" or \">\" is indented "
		"by 1 to 9 blanks; leave the number out\n"
		"    1 | user: |0\n"
		"      |        ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "version_twice", TEXT(
		"%YAML 1.2\n"
		"%YAML 1.2\n"
		"---\n"
		"user: x\n"),
		"t.yaml:2:1: error: this directive is given twice; leave one "
		"out\n"
		"    2 | %YAML 1.2\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "block_text", TEXT(
		"user: |x\n"
		"  y\n"),
		"t.yaml:1:8: error: text behind \"|\" or \">\" begins on "
		"the next line; put a value that begins with them in "
		"quotes\n"
		"    1 | user: |x\n"
		"      |        ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "left_of_start", TEXT(
		"  user: x\n"
		"workers: 2\n"),
		"t.yaml:2:1: error: the configuration has ended before "
		"this line; begin all its keys in one column\n"
		"    2 | workers: 2\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "version", TEXT(
		"%YAML 3.0\n"
		"---\n"
		"user: x\n"),
		"t.yaml:1:1: error: only YAML 1.1 and 1.2 are read\n"
		"    1 | %YAML 3.0\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "alone", TEXT(
		"workers: 010\n"
		"limits: x\n"
		"user: \"x\n"),
		"t.yaml:3:7: error: this quote is never closed\n"
		"    3 | user: \"x\n"
		"      |       ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "star_in_list", TEXT(
		"routes:\n"
		"- match:\n"
		"    host: [*.example.com, a.example.com]\n"),
		"t.yaml:3:12: error: a value cannot begin with \"*\" (an "
		"alias in YAML); put the value in quotes\n"
		"    3 |     host: [*.example.com, a.example.com]\n"
		"      |            ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "colon_in_flow", TEXT(
		"{user: /a: b}\n"),
		"t.yaml:1:10: error: a plain value cannot hold \": \"; put "
		"the value in quotes\n"
		"    1 | {user: /a: b}\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "colon_in_flow_list", TEXT(
		"routes: [a: b: c]\n"),
		"t.yaml:1:14: error: a plain value cannot hold \": \"; put "
		"the value in quotes\n"
		"    1 | routes: [a: b: c]\n"
		"      |              ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "variable_in_map", TEXT(
		"user: {a: ${env:X}}\n"),
		"t.yaml:1:12: error: inside braces and brackets, text with "
		"\"${\" has to be in quotes\n"
		"    1 | user: {a: ${env:X}}\n"
		"      |            ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "variable_in_list", TEXT(
		"backends: [${env:X}]\n"),
		"t.yaml:1:13: error: inside braces and brackets, text with "
		"\"${\" has to be in quotes\n"
		"    1 | backends: [${env:X}]\n"
		"      |             ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "brace_closes_nothing", TEXT(
		"limits: {}}\n"),
		"t.yaml:1:11: error: this \"}\" closes nothing\n"
		"    1 | limits: {}}\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "bracket_closes_nothing", TEXT(
		"backends: [] ]\n"),
		"t.yaml:1:14: error: this \"]\" closes nothing\n"
		"    1 | backends: [] ]\n"
		"      |              ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "second_bracket_closes_nothing", TEXT(
		"backends: [{}]]\n"),
		"t.yaml:1:15: error: this \"]\" closes nothing\n"
		"    1 | backends: [{}]]\n"
		"      |               ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "tab_in_block", TEXT(
		"user: |\n"
		"\tx\n"),
		"t.yaml:2:1: error: a tab cannot indent; use spaces\n"
		"    2 |  x\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "tab_before_comment", TEXT(
		"user: x\n"
		"\t# c\n"),
		"t.yaml:2:1: error: a tab cannot indent; use spaces\n"
		"    2 |  # c\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "quote_open_in_flow", TEXT(
		"limits: {\"a: 1}\n"),
		"t.yaml:1:10: error: this quote is never closed\n"
		"    1 | limits: {\"a: 1}\n"
		"      |          ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "crlf_tab", TEXT(
		"user: x\r\n"
		"\tvia: y\r\n"),
		"t.yaml:2:1: error: a tab cannot indent; use spaces\n"
		"    2 |  via: y\n"
		"      | ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "umlaut_column", TEXT(
		"user: \"\303\251\" \303\251\n"),
		"t.yaml:1:11: error: the value has ended before this; put "
		"all of it in one pair of quotes\n"
		"    1 | user: \"\303\251\" \303\251\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "bom", TEXT(
		"\357\273\277user: \"x\" y\n"),
		"t.yaml:1:11: error: the value has ended before this; put "
		"all of it in one pair of quotes\n"
		"    1 | user: \"x\" y\n"
		"      |           ^\n"
		"fairlead: t.yaml: 1 error, 0 warnings\n" },
	{ "crlf", TEXT(
		"workers: 2\r\n"
		"user: \"x\" y\r\n"),
		"t.yaml:2:11: error: the value has ended before this; put "
		"all of it in one pair of quotes\n"
		"    2 | user: \"x\" y\n"
		"      |           ^\n"
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
	Suite *suite = suite_create("conf: syntax");
	TCase *tc = tcase_create("files");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_loop_test(tc, prints_exactly, 0, COUNT_OF(rows));
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
