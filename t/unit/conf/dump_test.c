/* t/unit/conf/dump_test.c -- what is read and printed reads and prints alike */
#include "conf/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/base.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define ONE	"backends: [{host: a, port: 1}]\n"
#define ROUTE	ONE "routes:\n  - "
#define FIRST	"# fairlead " FAIRLEAD_VERSION ": the effective configuration\n"

/* Heap. The model must be good. */
static char *
dumped(const struct reading *r)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_msg(r->conf != NULL, "%s", r->said);
	conf_dump(r->conf, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_uint_eq(strlen(text), len);
	return text;
}

/* Fed back without options it must be the same, byte by byte. */
static char *
dumped_twice(struct span text, const struct options *o)
{
	struct reading r = conf_file_read(text, o), again;
	char *first = dumped(&r), *second;

	again = conf_file_read(span_str(first), NULL);
	second = dumped(&again);
	ck_assert_str_eq(first, second);
	free(second);
	reading_free(&r);
	reading_free(&again);
	return first;
}

/* What of a file stands in what is printed. NULL: no such line. */
static const struct {
	const char *file, *has, *lacks;
} rows[] = {
	{ ONE, FIRST "backends:\n  - host: a\n    port: 1\n"
	    "    resolve: address\n    addresses: 8\n"
	    "    weight: 1\n"
	  "    backup: false\n"
	    "    max_connections: off\nstrategy: weighted\n", "\nuser" },
	{ ONE, "\nlisteners:\n  - address: \"0.0.0.0:9000\"\n"
	  "    backlog: auto\n", "trusted_proxies" },
	{ ONE "workers: 7\nuser: 'no'\n", "\nuser: \"no\"\n", "auto\nuser" },
	{ ONE "workers: \"auto\"\nuser: off\n", "\nuser: \"off\"\n", NULL },
	{ ONE "user: \"1.10\"\n", "\nuser: \"1.10\"\n", NULL },
	{ ONE "user: a.b-c_d/9\n", "\nuser: a.b-c_d/9\n", NULL },
	{ ONE "user: \"\\\"\\\\ \\u00e9 \\t\\n\\u0085\\u2028\\ufeff\\x7f\"\n",
	  "\nuser: \"\\\"\\\\ \303\251 \\t\\n\\x85\\u2028\\ufeff\\x7f\"\n", NULL },
	{ ONE "limits: {request_body: 0, request_head: 2k, min_rate: 0}\n",
	  "request_head: 2KiB\n", "body: 0" },
	{ ONE "timeouts: {send: 90s, client_body: 1500ms}\n",
	  "client_body: 1500ms\n  keep_alive: 75s\n  send: 90s\n", NULL },
	{ ONE "drain_timeout: 0\n", "\ndrain_timeout: off\n", NULL },
	{ ONE "retries: off\n", "\nretries: off\n", "attempts" },
	{ ONE "retries: {attempts: 0}\n", "\nretries: off\n", "attempts" },
	{ ONE "access_log: off\n", "\naccess_log: off\n", "timing" },
	{ ONE, "\nvia: fairlead\n", "access_log" },
	{ ONE "access_log: {file: /x}\n", "\naccess_log:\n  file: /x\n"
	  "  format: timing\n", NULL },
	{ ONE "via: off\nforwarded: true\n", "\nvia: off\n", NULL },
	{ ONE "sticky: {secret: \"0123456789abcdef\"}\n",
	  "secret: \"0123456789abcdef\"\n", "domain" },
	{ "listeners:\n  - address: '*:81'\n    trusted_proxies:\n"
	  "      [10.0.0.0/8, 192.0.2.1, '::/0', '2001:db8::/32', 0.0.0.0/0]\n"
	  "    backlog: 5\n  - {address: 'unix:/x y', freebind: true}\n" ONE,
	  "listeners:\n  - address: \"[::]:81\"\n    backlog: 5\n"
	  "    ipv6_only: false\n    freebind: false\n    trusted_proxies: "
	  "[\"10.0.0.0/8\", \"192.0.2.1/32\", \"::/0\", \"2001:db8::/32\", "
	  "\"0.0.0.0/0\"]\n  - address: \"unix:/x y\"\n    backlog: auto\n",
	  NULL },
	{ "upstreams:\n  a.b: {backends: [{host: a, port: 1}]}\n"
	  "  \"1\": {backends: [{host: b, port: 2, weight: 0}, "
	  "{host: b, port: 3}],\n    timeouts: {connect: 1s}}\n"
	  "routes: [{upstream: a.b}]\n",
	  "upstreams:\n  a.b:\n    backends:\n      - host: a\n", "\nbackends" },
	{ ROUTE "{name: x, match: {host: [a.B, '*.c'], path: /p, "
	  "method: GET}, upstream: default}\n",
	  "routes:\n  - name: x\n    match:\n      host: [a.b, \"*.c\"]\n"
	  "      path: [/p]\n      method: [GET]\n    upstream: default\n",
	  "upgrade" },
	{ ROUTE "{match: {header: {X-A: b c, X-B: {present: false}}, "
	  "client: '::1'}, upstream: default}\n",
	  "  - match:\n      header:\n        X-A: \"b c\"\n        X-B:\n"
	  "          present: false\n      client: [\"::1/128\"]\n", NULL },
	{ ROUTE "{match: {path_regex: '\\.(a|\"b)$', query: {k: {regex: ''}}}, "
	  "upstream: default}\n",
	  "      path_regex: [\"\\\\.(a|\\\"b)$\"]\n      query:\n        k:\n"
	  "          regex: \"\"\n", NULL },
	{ ROUTE "{match: {listener: '0.0.0.0:9000'}, respond: {}}\n",
	  "  - match:\n      listener: \"0.0.0.0:9000\"\n    respond:\n"
	  "      status: 200\n      content_type: text/plain\n", " body:" },
	{ ROUTE "respond:\n      body: |\n        a\n        b: ${host} $${x}\n",
	  "body: \"a\\nb: ${host} $${x}\\n\"\n", "match" },
	{ ROUTE "{respond: {status: 204, body: ''}}\n",
	  "status: 204\n      body: \"\"\n", NULL },
	{ ROUTE "{redirect: {to: 'https://${host}${request_uri}', "
	  "status: 301}}\n", "  - redirect:\n      to: "
	  "\"https://${host}${request_uri}\"\n      status: 301\n", "respond" },
	{ ROUTE "{upstream: default, upgrade: off}\n", "upgrade: off\n", NULL },
	{ ROUTE "{upstream: default, upgrade: [websocket, x]}\n",
	  "upgrade: [websocket, x]\n", NULL },
	{ ROUTE "upstream: default\n    request_headers: {set: {X: '${client}'},"
	  " remove: [Y, true]}\n",
	  "    request_headers:\n      set:\n        X: \"${client}\"\n"
	  "      remove: [\"Y\", \"true\"]\n", "\n      add" },
	{ ROUTE "{upstream: default, match: {}, response_headers: "
	  "{set: {}}}\n", "routes:\n  - upstream: default\n", "match" },
	{ ROUTE "{upstream: default, retries: {}, timeouts: {send: 1s}, "
	  "limits: {request_body: off}, match: {path_prefix: /a}, "
	  "strip_prefix: /a}\n",
	  "    strip_prefix: /a\n    timeouts:\n      send: 1s\n"
	  "    retries: {}\n    limits:\n      request_body: off\n", "connect:" },
	{ ROUTE "{upstream: default, retries: off}\n", "    retries: off\n",
	  "attempts: 0" },
	{ ROUTE "{upstream: default, retries: {attempts: 0}}\n",
	  "    retries:\n      attempts: 0\n", "retries: off" },
	{ ROUTE "split: {key: '${path}', upstreams: {default: 3}}\n",
	  "  - split:\n      key: \"${path}\"\n      upstreams:\n"
	  "        default: 3\n", "absent" },
	{ ONE "admin: {socket: off, address: '[::1]:1'}\n",
	  "\nadmin:\n  socket: off\n  address: \"[::1]:1\"\n", NULL },
	{ ROUTE "respond: {body: '${env:DUMP_A}${env:DUMP_B}{x} $${y} "
	  "${request.X-A}'}\n",
	  "body: \"$${client} $$${x} $${y} ${request.X-A}\"\n", NULL },
	{ ROUTE "{upstream: default, response_headers: {set: "
	  "{X: '${status} ${response.X-B}'}}}\n",
	  "        X: \"${status} ${response.X-B}\"\n", NULL },
	{ ONE "access_log: {file: a, format: '${env:DUMP_A} ${t_total}', "
	  "sample: 12.5%}\n",
	  "  file: a\n  format: \"$${client} ${t_total}\"\n  sample: 12.5%\n",
	  "source" },
	{ ROUTE "{upstream: default, access_log: {sample: 1%}}\n",
	  "    access_log:\n      sample: 1%\n", NULL },
	{ ROUTE "{upstream: default, access_log: off}\n",
	  "    access_log: off\n", NULL },
	{ ONE "user: '${env:DUMP_A}$${env:DUMP_A}'\n",
	  "\nuser: \"${client}$${env:DUMP_A}\"\n", NULL },
	{ ONE "log: {level: debug, file: stderr, format: json}\n",
	  "\nlog:\n  level: debug\n  file: stderr\n  format: json\n", NULL },
	{ ONE "routes: []\n", "\nroutes: []\n", NULL },
};

START_TEST(round_trip)
{
	char *text = dumped_twice(span_str(rows[_i].file), NULL);

	ck_assert_msg(strstr(text, rows[_i].has) != NULL, "%s lacks %s", text,
	    rows[_i].has);
	ck_assert_msg(rows[_i].lacks == NULL ||
	    strstr(text, rows[_i].lacks) == NULL, "%s has %s", text,
	    rows[_i].lacks);
	free(text);
}
END_TEST

/* The command line stands in it, and what it replaces does not. */
START_TEST(options_are_in_it)
{
	const char *b[] = { "[::1]:81*3", "b.example:82" };
	struct options o = { .host = "::1", .port = 8080, .backends = b,
		.n_backends = 2, .strategy = "random", .workers = "3",
		.cookie_name = "C" };
	char *text = dumped_twice(SPAN(ONE "workers: 5\nlisteners: "
	    "[{address: '*:1'}]\nsticky: {cookie: D}\n"), &o);

	ck_assert_ptr_nonnull(strstr(text, FIRST "backends:\n"
	    "  - host: \"[::1]\"\n    port: 81\n"
	    "    resolve: address\n    addresses: 8\n"
	    "    weight: 3\n    backup: false\n"
	    "    max_connections: off\n"
	    "  - host: b.example\n    port: 82\n"
	    "    resolve: address\n    addresses: 8\n"
	    "    weight: 1\n"
	    "    backup: false\n"
	    "    max_connections: off\n"
	    "strategy: random\nsticky:\n  cookie: C\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nlisteners:\n"
	    "  - address: \"[::1]:8080\"\n    backlog: auto\n"
	    "    ipv6_only: false\n    freebind: false\nlog:"));
	ck_assert_ptr_nonnull(strstr(text, "\nworkers: 3\n"));
	free(text);
}
END_TEST

#define SHOWN "upstreams:\n  web: {backends: [{host: \"10.0.0.1\", port: 80}, "\
	"{host: b, port: 81}]}\n  web.old: {backends: [{host: c, port: 82}],\n" \
	"    strategy: random}\nroutes:\n  - {name: api, match: {host: x}, " \
	"upstream: web.old}\n  - {respond: {body: \"a\\nb\"}}\n" \
	"retries: off\nlisteners: [{address: '[::1]:5'}]\n"

static const struct {
	const char *path, *prints, *why;	/* NULL: the other */
} shown[] = {
	{ "limits.connections", "65536\n", NULL },
	{ "limits.request_body", "off\n", NULL },
	{ "workers", "auto\n", NULL },
	{ "user", "null\n", NULL },
	{ "forwarded", "false\n", NULL },
	{ "retries", "off\n", NULL },
	{ "upstreams.web.retries", "attempts: 2\nbudget: 20%\n", NULL },
	{ "upstreams.web.retries.attempts", "2\n", NULL },
	{ "upstreams.web.backends.0.host", "10.0.0.1\n", NULL },
	{ "upstreams.web.backends.1", "host: b\nport: 81\n"
	    "resolve: address\naddresses: 8\n"
	    "weight: 1\n"
	  "backup: false\n"
	    "max_connections: off\n", NULL },
	{ "upstreams.web.old.strategy", "random\n", NULL },
	{ "upstreams.web.backends",
	  "- host: \"10.0.0.1\"\n  port: 80\n"
	    "  resolve: address\n  addresses: 8\n"
	    "  weight: 1\n"
	  "  backup: false\n"
	    "  max_connections: off\n- host: b\n  port: 81\n"
	    "  resolve: address\n  addresses: 8\n"
	    "  weight: 1\n"
	  "  backup: false\n"
	    "  max_connections: off\n", NULL },
	{ "routes.api.upstream", "web.old\n", NULL },
	{ "routes.0.match", "host: [x]\n", NULL },
	{ "routes.api.match.host", "[x]\n", NULL },
	{ "routes.1.respond.body", "a\nb\n", NULL },
	{ "routes.1.redirect", "null\n", NULL },
	{ "listeners.0.address", "[::1]:5\n", NULL },
	{ "limits.conections", NULL, "there is no \"limits.conections\"; did "
	  "you mean \"limits.connections\"?" },
	{ "limit.connections", NULL, "there is no \"limit.connections\"; did "
	  "you mean \"limits.connections\"?" },
	{ "upstreams.wep.strategy", NULL, "there is no "
	  "\"upstreams.wep.strategy\"; did you mean "
	  "\"upstreams.web.strategy\"?" },
	{ "routes.apy", NULL, "there is no \"routes.apy\"; did you mean "
	  "\"routes.api\"?" },
	{ "routes.2", NULL, "there is no \"routes.2\"" },
	{ "routes.00", NULL, "there is no \"routes.00\"" },
	{ "workers.x", NULL, "there is no \"workers.x\"" },
	{ "upstreams.0", NULL, "there is no \"upstreams.0\"" },
	{ ".workers", NULL, "there is no \".workers\"" },
	{ "zzz", NULL, "there is no \"zzz\"" },
};

START_TEST(one_key)
{
	struct reading r = conf_file_read(SPAN(SHOWN), NULL);
	char why[CONF_WHY_MAX] = "", *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool is_good;

	ck_assert_ptr_nonnull(r.conf);
	is_good = conf_show(r.conf, shown[_i].path, out, why);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(is_good, shown[_i].why == NULL);
	ck_assert_str_eq(text, is_good ? shown[_i].prints : "");
	ck_assert_str_eq(why, is_good ? "" : shown[_i].why);
	free(text);
	reading_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: dump");
	TCase *tc = tcase_create("dump");

	setenv("DUMP_A", "${client}", 1);
	setenv("DUMP_B", " $$", 1);
	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_loop_test(tc, round_trip, 0, COUNT_OF(rows));
	tcase_add_test(tc, options_are_in_it);
	tcase_add_loop_test(tc, one_key, 0, COUNT_OF(shown));
	suite_add_tcase(suite, tc);
	return unit_main_rows(suite);
}
