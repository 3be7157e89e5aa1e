/* t/unit/conf/read_test.c -- what good files and options become */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define TWO	"backends:\n  - {host: 127.0.0.1, port: 9001}\n" \
	"  - {host: \"::1\", port: 9002}\n"

static const struct span none;

static struct conf *
good(struct reading *r)
{
	ck_assert_str_eq(r->said, "");
	ck_assert_ptr_nonnull(r->conf);
	return r->conf;
}

static void
check_address(const struct address *a, const char *want)
{
	char text[ADDRESS_TEXT_MAX];

	address_print(a, text);
	ck_assert_str_eq(text, want);
}

/* semantics.md, the last column of its table. */
START_TEST(defaults)
{
	struct reading r = conf_file_read(SPAN(TWO), NULL);
	const struct conf *c = good(&r);

	ck_assert_uint_eq(c->limits.connections, 65536);
	ck_assert_uint_eq(c->limits.request_head, 32768);
	ck_assert_uint_eq(c->limits.response_head, 32768);
	ck_assert_uint_eq(c->limits.header_count, 128);
	ck_assert_uint_eq(c->limits.request_body, 0);
	ck_assert_uint_eq(c->limits.requests_per_connection, 10000);
	ck_assert_uint_eq(c->limits.connection_age_ms, 3600000);
	ck_assert_uint_eq(c->timeouts.client_head, 15000);
	ck_assert_uint_eq(c->timeouts.client_body, 30000);
	ck_assert_uint_eq(c->timeouts.keep_alive, 75000);
	ck_assert_uint_eq(c->timeouts.send, 60000);
	ck_assert_uint_eq(c->upstreams[0].timeouts.connect, 5000);
	ck_assert_uint_eq(c->upstreams[0].timeouts.response_head, 60000);
	ck_assert_uint_eq(c->upstreams[0].timeouts.between_bytes, 60000);
	ck_assert_uint_eq(c->upstreams[0].timeouts.send, 30000);
	ck_assert_uint_eq(c->upstreams[0].idle_ms, 30000);
	ck_assert_uint_eq(c->upstreams[0].pool_idle, 256);
	ck_assert_uint_eq(c->upstreams[0].retry.attempts, 2);
	ck_assert_uint_eq(c->upstreams[0].retry.when,
	    RETRY_BIT(CONNECT) | RETRY_BIT(RESET));
	ck_assert_uint_eq(c->upstreams[0].retry.try_ms, 0);
	ck_assert_uint_eq(c->upstreams[0].retry.total_ms, 0);
	ck_assert_uint_eq(c->upstreams[0].budget, 2000);
	ck_assert_uint_eq(c->max_hops, 10);
	ck_assert_str_eq(c->via, "fairlead");
	ck_assert(!c->sends_forwarded);
	ck_assert_uint_eq(c->log.level, LOG_INFO);
	ck_assert_uint_eq(c->log.form, LOG_TEXT);
	ck_assert_ptr_null(c->log.file);
	ck_assert_uint_eq(c->shutdown_timeout_ms, 30000);
	ck_assert_uint_eq(c->drain_timeout_ms, 600000);
	ck_assert_uint_eq(c->drain_delay_ms, 0);
	ck_assert(!c->sigterm_is_graceful);
	ck_assert_ptr_null(c->pid_file);
	ck_assert(!c->is_pid_file_off);
	ck_assert_ptr_null(c->user);
	ck_assert_int_eq(c->workers, conf_workers_auto());
	ck_assert_str_eq(c->via, "fairlead");
	ck_assert_str_eq(c->run_dir, RUNSTATEDIR "/fairlead");
	reading_free(&r);
}
END_TEST

START_TEST(short_form)
{
	struct reading r = conf_file_read(SPAN(TWO), NULL);
	const struct conf *c = good(&r);
	const struct backend_conf *b = c->upstreams[0].backends;

	ck_assert_str_eq(c->file, "t.yaml");
	ck_assert_uint_eq(c->n_listeners, 1);
	check_address(&c->listeners[0].address, "0.0.0.0:9000");
	ck_assert_uint_eq(c->n_upstreams, 1);
	ck_assert_str_eq(c->upstreams[0].name, "default");
	ck_assert_uint_eq(c->upstreams[0].strategy, STRATEGY_WEIGHTED);
	ck_assert_uint_eq(c->upstreams[0].n_backends, 2);
	check_address(&b[0].address, "127.0.0.1:9001");
	check_address(&b[1].address, "[::1]:9002");
	ck_assert_str_eq(b[1].host, "::1");
	ck_assert_uint_eq(b[1].port, 9002);
	ck_assert_uint_eq(b[1].weight, 1);
	ck_assert_uint_eq(b[1].at.line, 3);
	ck_assert_uint_eq(b[1].at.column, 12);
	reading_free(&r);
}
END_TEST

START_TEST(every_key)
{
	struct reading r = conf_file_read(SPAN(TWO
	    "strategy: round-robin\nworkers: 7\nuser: \"nobody\"\n"
	    "shutdown_timeout: 1m30s\ndrain_timeout: off\n"
	    "drain_delay: 3s\nsigterm: graceful\npid_file: /x/y.pid\n"
	    "limits: {connections: 1, request_head: 4KiB, header_count: 9,\n"
	    "  request_body: 3g, requests_per_connection: off,\n"
	    "  connection_age: 0}\n"
	    "timeouts:\n  client_head: 1h\n  client_body: 7ms\n"
	    "  keep_alive: 1d\n  send: 2s5ms\n"
	    "log: {level: warn, file: /x/y, format: json}\n"), NULL);
	const struct conf *c = good(&r);

	ck_assert_uint_eq(c->upstreams[0].strategy, STRATEGY_ROUND_ROBIN);
	ck_assert_int_eq(c->workers, 7);
	ck_assert_str_eq(c->user, "nobody");
	ck_assert_uint_eq(c->shutdown_timeout_ms, 90000);
	ck_assert_uint_eq(c->drain_timeout_ms, 0);
	ck_assert_uint_eq(c->drain_delay_ms, 3000);
	ck_assert(c->sigterm_is_graceful);
	ck_assert_str_eq(c->pid_file, "/x/y.pid");
	ck_assert_uint_eq(c->limits.connections, 1);
	ck_assert_uint_eq(c->limits.request_head, 4096);
	ck_assert_uint_eq(c->limits.header_count, 9);
	ck_assert_uint_eq(c->limits.request_body, 3ull << 30);
	ck_assert_uint_eq(c->limits.requests_per_connection, 0);
	ck_assert_uint_eq(c->limits.connection_age_ms, 0);
	ck_assert_uint_eq(c->timeouts.client_head, 3600000);
	ck_assert_uint_eq(c->timeouts.client_body, 7);
	ck_assert_uint_eq(c->timeouts.keep_alive, 86400000);
	ck_assert_uint_eq(c->timeouts.send, 2005);
	ck_assert_uint_eq(c->log.level, LOG_WARN);
	ck_assert_uint_eq(c->log.form, LOG_JSON);
	ck_assert_str_eq(c->log.file, "/x/y");
	reading_free(&r);
}
END_TEST

/* What a string field says is taken as written, whatever YAML 1.1 thinks. */
static const struct {
	const char *written, *want;
} strings[] = {
	{ "no", "no" }, { "yes", "yes" }, { "off", "off" },
	{ "true", "true" }, { "010", "010" }, { "22:22", "22:22" },
	{ "1.10", "1.10" }, { "2024-01-01", "2024-01-01" },
	{ "0x1f", "0x1f" }, { "1e3", "1e3" }, { "'~'", "~" },
	{ "'null'", "null" }, { "!!str ~", "~" }, { "!!int 5", "5" },
	{ "|-\n  a b", "a b" }, { "\"\\u00e9\"", "\303\251" },
};

START_TEST(strings_as_written)
{
	char text[200];
	struct reading r;

	snprintf(text, sizeof(text), TWO "user: %s\n", strings[_i].written);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_str_eq(good(&r)->user, strings[_i].want);
	reading_free(&r);
}
END_TEST

/* An alias stands for whatever node its anchor has. */
START_TEST(aliases)
{
	struct reading r = conf_file_read(SPAN(
	    "backends: &b\n  - &one {host: &h 127.0.0.1, port: &p 9001}\n"
	    "  - host: \"127.0.0.2\"\n    port: *p\n"
	    "upstreams:\n"
	    "  x:\n    backends: *b\n    timeouts: &t\n      connect: &d 1s\n"
	    "  y:\n    backends: [*one, {host: *h, port: 2}]\n"
	    "    timeouts: *t\n    &r retries: {attempts: 1}\n"
	    "*r : off\n"
	    "shutdown_timeout: *d\n"
	    "user: &d nobody\n"
	    "via: *d\n"), NULL);
	const struct conf *c = good(&r);

	ck_assert_uint_eq(c->n_upstreams, 3);
	ck_assert_uint_eq(c->upstreams[1].n_backends, 2);
	ck_assert_uint_eq(c->upstreams[1].backends[1].port, 9001);
	ck_assert_uint_eq(c->upstreams[2].n_backends, 2);
	check_address(&c->upstreams[2].backends[0].address, "127.0.0.1:9001");
	check_address(&c->upstreams[2].backends[1].address, "127.0.0.1:2");
	ck_assert_uint_eq(c->upstreams[2].timeouts.connect, 1000);
	ck_assert_uint_eq(c->upstreams[2].retry.attempts, 1);
	ck_assert_uint_eq(c->upstreams[0].retry.attempts, 0);
	ck_assert_uint_eq(c->shutdown_timeout_ms, 1000);
	ck_assert_str_eq(c->via, "nobody");
	reading_free(&r);
}
END_TEST

/* A key with nothing behind it is as good as absent. */
static const char *const unset[] = { "", " ~", " null", " NULL", " # x" };

START_TEST(unset_is_absent)
{
	char text[200];
	struct reading r;

	snprintf(text, sizeof(text), TWO "user:%s\nworkers:%s\nlimits:%s\n"
	    "timeouts:\n  send:%s\n", unset[_i], unset[_i], unset[_i],
	    unset[_i]);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_ptr_null(good(&r)->user);
	ck_assert_uint_eq(r.conf->timeouts.send, 60000);
	reading_free(&r);
}
END_TEST

START_TEST(names_stay_unresolved)
{
	struct reading r = conf_file_read(SPAN("backends:\n"
	    "  - {host: a_b-c.example., port: 80, weight: 0}\n"
	    "  - {host: \"[::1]\", port: 1, weight: 1000}\n"), NULL);
	const struct backend_conf *b = good(&r)->upstreams[0].backends;

	ck_assert_str_eq(b[0].host, "a_b-c.example.");
	ck_assert_uint_eq(b[0].address.len, 0);
	ck_assert_uint_eq(b[0].weight, 0);
	ck_assert_str_eq(b[1].host, "::1");
	check_address(&b[1].address, "[::1]:1");
	ck_assert_uint_eq(b[1].weight, 1000);
	reading_free(&r);
}
END_TEST

/* config.md's example: its plain backends serve, the others are named. */
START_TEST(four_backends)
{
	struct reading r = conf_file_read(SPAN("backends:\n"
	    "  - host: \"127.0.0.1\"\n    port: 9001\n    weight: 2\n"
	    "  - host: \"127.0.0.1\"\n    port: 9002\n"
	    "  - host: \"api.example.com\"        # HTTPS is implied\n"
	    "    port: 443\n"
	    "  - host: \"https://secure.example.com\"   # explicit HTTPS\n"
	    "    port: 8443\n"), NULL);

	const struct upstream_conf *u;

	ck_assert_ptr_nonnull(r.conf);
	u = &r.conf->upstreams[0];
	ck_assert_uint_eq(u->n_backends, 2);
	check_address(&u->backends[0].address, "127.0.0.1:9001");
	check_address(&u->backends[1].address, "127.0.0.1:9002");
	ck_assert_ptr_nonnull(strstr(r.said, "t.yaml:7:11: warning: the "
	    "backend \"api.example.com\" needs TLS (port 443), "));
	ck_assert_ptr_nonnull(strstr(r.said, "t.yaml:9:11: warning: the "
	    "backend \"secure.example.com\" needs TLS (\"https://\"), "));
	reading_free(&r);
}
END_TEST

/* -b replaces a list that has nothing left, too. */
START_TEST(option_for_none_left)
{
	const char *b[] = { "127.0.0.1:9001" };
	struct options o = { .backends = b, .n_backends = 1 };
	struct reading r = conf_file_read(SPAN("backends:\n"
	    "  - {host: 127.0.0.1, port: 443}\n"), &o);

	ck_assert_ptr_nonnull(r.conf);
	ck_assert_uint_eq(r.conf->upstreams[0].n_backends, 1);
	reading_free(&r);
}
END_TEST

START_TEST(sha256_of_the_bytes)
{
	struct reading r = conf_file_read(SPAN(TWO), NULL);
	uint8_t want[32];

	EVP_Digest(TWO, sizeof(TWO) - 1, want, NULL, EVP_sha256(), NULL);
	ck_assert_mem_eq(good(&r)->sha256, want, sizeof(want));
	reading_free(&r);
}
END_TEST

START_TEST(options_win)
{
	const char *b[] = { "[::1]:81*3", "a.example:82" };
	struct options o = { .host = "::", .port = 8080, .backends = b,
		.n_backends = 2, .strategy = "weighted", .workers = "3",
		.run_dir = "/run/x" };
	struct reading r = conf_file_read(SPAN(TWO "workers: 5\n"
	    "strategy: round-robin\n"), &o);
	const struct conf *c = good(&r);
	const struct upstream_conf *u = &c->upstreams[0];

	check_address(&c->listeners[0].address, "[::]:8080");
	ck_assert_uint_eq(u->n_backends, 2);
	check_address(&u->backends[0].address, "[::1]:81");
	ck_assert_uint_eq(u->backends[0].weight, 3);
	ck_assert_str_eq(u->backends[1].host, "a.example");
	ck_assert_uint_eq(u->backends[1].address.len, 0);
	ck_assert_uint_eq(u->backends[1].at.line, 0);
	ck_assert_uint_eq(u->strategy, STRATEGY_WEIGHTED);
	ck_assert_int_eq(c->workers, 3);
	ck_assert_str_eq(c->run_dir, "/run/x");
	reading_free(&r);
}
END_TEST

START_TEST(no_file)
{
	const char *b[] = { "127.0.0.1:9001" };
	struct options o = { .backends = b, .n_backends = 1,
		.workers = "auto", .is_single = true, .host = "*" };
	struct reading r = conf_file_read(none, &o);
	const struct conf *c = good(&r);

	ck_assert_ptr_null(c->file);
	ck_assert_int_eq(c->workers, 0);
	ck_assert_uint_eq(c->listeners[0].address.sa.sa_family, AF_INET6);
	ck_assert_uint_eq(address_port(&c->listeners[0].address), 9000);
	ck_assert_uint_eq(c->timeouts.client_head, 15000);
	reading_free(&r);
}
END_TEST

static void
check_below(const char *directory, const char *path, const char *rest)
{
	size_t len = strlen(directory);

	ck_assert_int_eq(strncmp(path, directory, len), 0);
	ck_assert_str_eq(path + len, rest);
}

/* The command line of one that goes to the background and to "/". */
START_TEST(leaves_its_directory)
{
	char here[PATH_MAX];
	struct options o = { .daemon = true, .run_dir = "run",
		.directory = getcwd(here, sizeof(here)), .log_file = "log" };
	struct reading r = conf_file_read(SPAN(TWO
	    "access_log: {file: stdout}\nadmin: {socket: a/s}\n"
	    "listeners: [{address: \"unix:l\"}, {address: \"unix:/l\"}]\n"),
	    &o);
	const struct conf *c = good(&r);

	check_below(here, c->file, "/t.yaml");
	check_below(here, c->run_dir, "/run");
	check_below(here, c->log.file, "/log");
	ck_assert_str_eq(c->access.file, "stdout");
	check_below(here, c->admin_socket, "/a/s");
	check_below(here, c->listeners[0].address.un.sun_path, "/l");
	check_address(&c->listeners[1].address, "unix:/l");
	check_below(here, c->pid_file, "/run/fairlead.pid");
	reading_free(&r);
}
END_TEST

static const struct { bool is_daemon; const char *line, *path; } pid_files[] = {
	{ false, "", NULL },
	{ true, "", "/run/x/fairlead.pid" },
	{ false, "pid_file: y.pid\n", "y.pid" },
	{ true, "pid_file: /y.pid\n", "/y.pid" },
	{ true, "pid_file: off\n", NULL },
};

START_TEST(pid_file)
{
	struct options o = { .daemon = pid_files[_i].is_daemon,
		.run_dir = "/run/x" };
	char text[256];
	struct reading r;

	snprintf(text, sizeof(text), TWO "%s", pid_files[_i].line);
	r = conf_file_read(span_str(text), &o);
	ck_assert_pstr_eq(good(&r)->pid_file, pid_files[_i].path);
	reading_free(&r);
}
END_TEST

#define B(...)								\
	.backends = (const char *[]){ __VA_ARGS__ },			\
	.n_backends = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)
#define ONE_ERROR	"fairlead: command line: 1 error, 0 warnings\n"
#define ONE_WARNING	"fairlead: command line: 0 errors, 1 warning\n"
#define GOOD	B("127.0.0.1:9001")
#define LEFT_OUT "which is not built yet; it is left out and gets no " \
	"requests\n"
#define NONE_LEFT "fairlead: error: the upstream \"default\" has no backend " \
	"left: all need TLS, which is not built yet; list one that speaks " \
	"plain HTTP\nfairlead: command line: 1 error, 1 warning\n"

static const struct {
	struct options o;
	const char *said;
} options[] = {
	{ { .port = 0 }, "fairlead: error: no backends; list them under "
	  "\"backends\" in a file (-c FILE), or give -b HOST:PORT\n"
	  ONE_ERROR },
	{ { B("127.0.0.1") }, "fairlead: error: -b 127.0.0.1: it has no port; "
	  "write HOST:PORT, as in 127.0.0.1:9001\n" ONE_ERROR },
	{ { B(":80") }, "fairlead: error: -b :80: it has no port; "
	  "write HOST:PORT, as in 127.0.0.1:9001\n" ONE_ERROR },
	{ { B("https://a.example") }, "fairlead: error: -b https://a.example: "
	  "it has no port; write HOST:PORT, as in 127.0.0.1:9001\n"
	  ONE_ERROR },
	{ { B("a.example:") }, "fairlead: error: -b a.example:: \"\" is no "
	  "whole number; write decimal digits\n" ONE_ERROR },
	{ { B("a.example:65536") }, "fairlead: error: -b a.example:65536: "
	  "\"65536\" is out of range; \"port\" takes 1 to 65535\n" ONE_ERROR },
	{ { B("a.example:80*1001") }, "fairlead: error: -b a.example:80*1001: "
	  "\"1001\" is out of range; \"weight\" takes 0 to 1000\n" ONE_ERROR },
	{ { B("a.example:80*") }, "fairlead: error: -b a.example:80*: \"\" is "
	  "no whole number; write decimal digits\n" ONE_ERROR },
	{ { B("::1:80") }, "fairlead: error: -b ::1:80: an IPv6 address needs "
	  "brackets, as in [::1]:9001\n" ONE_ERROR },
	{ { B("10.0.0.256:80") }, "fairlead: error: -b 10.0.0.256:80: "
	  "\"10.0.0.256\" is no IPv4 address; write four numbers up to 255, "
	  "as in 192.0.2.1\n" ONE_ERROR },
	{ { B("a.example:443") }, "fairlead: warning: -b a.example:443: it "
	  "needs TLS (port 443), " LEFT_OUT NONE_LEFT },
	{ { B("https://[::1]:80") }, "fairlead: warning: -b https://[::1]:80: "
	  "it needs TLS (\"https://\"), " LEFT_OUT NONE_LEFT },
	{ { B("a.example:443", "b.example:80") }, "fairlead: warning: "
	  "-b a.example:443: it needs TLS (port 443), " LEFT_OUT ONE_WARNING },
	{ { B("a.example:80", "A.example:80") }, "fairlead: warning: "
	  "-b A.example:80 is given twice\n" ONE_WARNING },
	{ { B("a.example:80*2"), .strategy = "round-robin" },
	  "fairlead: warning: -b a.example:80*2: a weight has no effect under "
	  "the strategy \"round-robin\"; use \"weighted\"\n" ONE_WARNING },
	{ { B("a.example:80*0") }, "fairlead: warning: all backends have the "
	  "weight 0, which drains them: every request gets 503\n"
	  ONE_WARNING },
	{ { GOOD, .host = "localhost" }, "fairlead: error: -H: \"localhost\" "
	  "is no address; write one in numbers, as in 127.0.0.1 or ::1, or * "
	  "for all\n" ONE_ERROR },
	{ { GOOD, .cookie_name = "a b" }, "fairlead: error: --cookie-name: "
	  "\"a b\" is no name of a cookie; write letters, digits, \"-\" and "
	  "\"_\" without blanks\n" ONE_ERROR },
	{ { GOOD, .strategy = "wieghted" }, "fairlead: error: -s: \"wieghted\" "
	  "is no strategy; did you mean \"weighted\"?\n" ONE_ERROR },
	{ { GOOD, .workers = "0" }, "fairlead: error: --workers: \"0\" is out "
	  "of range; \"workers\" takes 1 to 64\n" ONE_ERROR },
	{ { GOOD, .log_level = "loud" }, "fairlead: error: --log-level: "
	  "\"loud\" is no level; there are: debug, info, notice, warn, "
	  "error\n" ONE_ERROR },
	{ { GOOD, .log_level = "alert" }, "fairlead: error: --log-level: "
	  "\"alert\" is no level; there are: debug, info, notice, warn, "
	  "error\n" ONE_ERROR },
	{ { B("x", "\033[1m:80"), .workers = "x" },
	  "fairlead: error: --workers: \"x\" is no whole number; write decimal "
	  "digits, or auto\n"
	  "fairlead: error: -b x: it has no port; write HOST:PORT, as in "
	  "127.0.0.1:9001\n"
	  "fairlead: error: -b \\x1b[1m:80: \"\\x1b[1m\" is no host name; a "
	  "name has letters, digits, \"-\" and dots\n"
	  "fairlead: command line: 3 errors, 0 warnings\n" },
};

START_TEST(bad_options)
{
	struct reading r = conf_file_read(none, &options[_i].o);

	ck_assert_str_eq(r.said, options[_i].said);
	ck_assert((r.conf == NULL) == (r.errors > 0));
	reading_free(&r);
}
END_TEST

START_TEST(log_options_win)
{
	struct options o = { .log_file = "-", .log_level = "debug" };
	struct reading r = conf_file_read(SPAN(TWO
	    "log: {level: warn, file: /x/y, format: json}\n"), &o);
	const struct conf *c = good(&r);

	ck_assert_uint_eq(c->log.level, LOG_DEBUG);
	ck_assert_uint_eq(c->log.form, LOG_JSON);
	ck_assert_str_eq(c->log.file, "-");
	reading_free(&r);
}
END_TEST

/* The command line's come first, then the file's; all of them. */
START_TEST(options_and_file)
{
	struct options o = { .strategy = "x" };
	struct reading r = conf_file_read(SPAN(TWO "workers: x\n"), &o);

	ck_assert_str_eq(r.said, "fairlead: error: -s: \"x\" is no strategy; "
	    "there are: weighted, round-robin, random, sticky, "
	    "least-conn, p2c, peak-ewma, hash, first\n"
	    "t.yaml:4:10: error: \"x\" is no whole number; write decimal "
	    "digits, or auto\n"
	    "    4 | workers: x\n"
	    "      |          ^\n"
	    "fairlead: t.yaml: 2 errors, 0 warnings\n");
	reading_free(&r);
}
END_TEST

START_TEST(no_such_file)
{
	struct options o = { .file = "/nonexistent/x.yaml" };
	struct diagnostics *d = diagnostics_new();

	ck_assert_ptr_null(conf_read(&o, d));
	ck_assert_uint_eq(diagnostics_errors(d), 1);
	diagnostics_free(&d);
	ck_assert_ptr_null(d);
	o.file = "/";
	d = diagnostics_new();
	ck_assert_ptr_null(conf_read(&o, d));
	ck_assert_uint_eq(diagnostics_errors(d), 1);
	diagnostics_free(&d);
}
END_TEST

START_TEST(print_ok)
{
	struct reading r = conf_file_read(SPAN(TWO), NULL);
	char said[200] = "";
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	conf_print_ok(good(&r), fds[1]);
	ck_assert_int_gt(read(fds[0], said, sizeof(said) - 1), 0);
	ck_assert_str_eq(said, "fairlead: t.yaml: configuration ok "
	    "(1 listener, 0 routes, 1 upstream)\n");
	reading_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: read");
	TCase *tc = tcase_create("files and options");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, short_form);
	tcase_add_test(tc, every_key);
	tcase_add_test(tc, aliases);
	tcase_add_loop_test(tc, strings_as_written, 0, COUNT_OF(strings));
	tcase_add_loop_test(tc, unset_is_absent, 0, COUNT_OF(unset));
	tcase_add_test(tc, names_stay_unresolved);
	tcase_add_test(tc, four_backends);
	tcase_add_test(tc, option_for_none_left);
	tcase_add_test(tc, sha256_of_the_bytes);
	tcase_add_test(tc, options_win);
	tcase_add_test(tc, log_options_win);
	tcase_add_test(tc, no_file);
	tcase_add_test(tc, leaves_its_directory);
	tcase_add_loop_test(tc, pid_file, 0, COUNT_OF(pid_files));
	tcase_add_loop_test(tc, bad_options, 0, COUNT_OF(options));
	tcase_add_test(tc, options_and_file);
	tcase_add_test(tc, no_such_file);
	tcase_add_test(tc, print_ok);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
