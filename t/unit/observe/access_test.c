/* t/unit/observe/access_test.c -- the lines of interfaces.md, whatever comes */
#include "observe/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/schema.h"
#include "core/base.h"
#include "core/memory.h"
#include "support/unit.h"

static struct address client;

static struct access_record
record(void)
{
	ck_assert(address_parse(&client, SPAN("192.0.2.7:51234")));
	setenv("TZ", "UTC", 1);
	return (struct access_record){
		.client = &client, .start_ms = 1763906706123,
		.method = SPAN("GET"), .target = SPAN("/x?y"),
		.host = SPAN("example.com"), .user_agent = SPAN("curl/8"),
		.version = "1.1", .status = 200, .bytes_in = 3,
		.bytes_out = 5321, .listener = "edge", .upstream = "api",
		.backend = "web1", .queue_us = 0, .connect_us = 412,
		.head_us = 3871, .total_us = 4310, .attempts = 1,
		.end = { '-', '-' }, .reason = "-", .id = "01J",
	};
}

static void
check_format(const struct access_format *f, const struct access_record *r,
    const char *want)
{
	char out[ACCESS_LINE_MAX];
	size_t len = access_print(f, r, out);

	ck_assert_uint_gt(len, 0);
	ck_assert_int_eq(out[len - 1], '\n');
	out[len - 1] = '\0';
	ck_assert_str_eq(out, want);
}

static void
check(enum access_form form, const struct access_record *r, const char *want)
{
	check_format(&(struct access_format){ .form = form }, r, want);
}

START_TEST(the_forms)
{
	struct access_record r = record();

	check(ACCESS_TIMING, &r, "192.0.2.7:51234 [2025-11-23T14:05:06.123Z] "
	    "\"GET /x?y HTTP/1.1\" 200 5321 edge/api/web1 q=0.000 c=0.412 "
	    "h=3.871 t=4.310 try=1 end=-- id=01J");
	check(ACCESS_COMBINED, &r, "192.0.2.7 - - "
	    "[23/Nov/2025:14:05:06 +0000] \"GET /x?y HTTP/1.1\" 200 5321 "
	    "\"-\" \"curl/8\"");
	check(ACCESS_JSON, &r, "{\"timestamp\":\"2025-11-23T14:05:06.123Z\","
	    "\"client.address\":\"192.0.2.7\",\"client.port\":51234,"
	    "\"http.request.method\":\"GET\",\"url.path\":\"/x\","
	    "\"url.query\":\"y\",\"server.address\":\"example.com\","
	    "\"network.protocol.version\":\"1.1\","
	    "\"user_agent.original\":\"curl/8\","
	    "\"http.response.status_code\":200,"
	    "\"http.request.body.size\":3,\"http.response.body.size\":5321,"
	    "\"fairlead.listener\":\"edge\",\"fairlead.upstream\":\"api\","
	    "\"fairlead.backend\":\"web1\",\"fairlead.attempts\":1,"
	    "\"fairlead.t_queue\":0.000,\"fairlead.t_connect\":0.412,"
	    "\"fairlead.t_head\":3.871,\"fairlead.t_total\":4.310,"
	    "\"fairlead.end\":\"--\",\"fairlead.request_id\":\"01J\"}");
}
END_TEST

START_TEST(what_was_not_reached)
{
	struct access_record r = record();

	r.method = r.target = r.host = r.user_agent = span_of(NULL, 0);
	r.upstream = r.backend = NULL;
	r.connect_us = r.head_us = r.queue_us = ACCESS_NOT_REACHED;
	r.status = 499;
	r.attempts = 0;
	r.end[0] = 'C';
	r.end[1] = 'R';
	r.reason = "client_gone";
	check(ACCESS_TIMING, &r, "192.0.2.7:51234 [2025-11-23T14:05:06.123Z] "
	    "\"- - HTTP/1.1\" 499 5321 edge/-/- q=- c=- h=- t=4.310 try=0 "
	    "end=CR id=01J");
	check(ACCESS_JSON, &r, "{\"timestamp\":\"2025-11-23T14:05:06.123Z\","
	    "\"client.address\":\"192.0.2.7\",\"client.port\":51234,"
	    "\"network.protocol.version\":\"1.1\","
	    "\"http.response.status_code\":499,"
	    "\"http.request.body.size\":3,\"http.response.body.size\":5321,"
	    "\"fairlead.listener\":\"edge\",\"fairlead.attempts\":0,"
	    "\"fairlead.t_total\":4.310,\"fairlead.end\":\"CR\","
	    "\"error.type\":\"client_gone\",\"fairlead.request_id\":\"01J\"}");
}
END_TEST

/* (ck_assert() for each byte would take seconds.) */
static void
check_printable(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] < 0x20 || line[i] >= 0x7f)
			ck_abort_msg("byte %zu is 0x%02x", i,
			    (unsigned char)line[i]);
}

/* Every byte, in every place that a client fills, and far too much of it. */
START_TEST(hostile_bytes)
{
	static char text[65536];
	static char out[ACCESS_LINE_MAX + 64];
	struct access_record r = record();
	const struct access_format combined = { .form = ACCESS_COMBINED };
	struct span s = span_of(text, sizeof(text));
	size_t len;

	memset(text, _i, sizeof(text));
	r.method = r.target = r.host = r.referer = r.user_agent = s;
	for (int form = ACCESS_TIMING; form <= ACCESS_JSON; form++) {
		const struct access_format f = {
			.form = (enum access_form)form,
		};

		memset(out + ACCESS_LINE_MAX, 0x55, 64);
		len = access_print(&f, &r, out);
		ck_assert_uint_le(len, ACCESS_LINE_MAX);
		check_printable(out, len - 1);
		ck_assert_ptr_eq(memchr(out, '\n', len), out + len - 1);
		ck_assert_int_eq(out[ACCESS_LINE_MAX], 0x55);
	}
	r.target = span_of(text, 1);
	r.method = SPAN("GET");
	len = access_print(&combined, &r, out);
	if (_i < 0x20 || _i >= 0x7f || _i == '"' || _i == '\\') {
		snprintf(text, 16, "\"GET \\x%02x HTTP", (unsigned)_i);
		ck_assert_ptr_nonnull(memmem(out, len, text, strlen(text)));
	}
}
END_TEST

/* ---- templates */

static struct arena *arena;

static struct access_format
format(const char *text)
{
	struct access_format f = { .form = ACCESS_TEMPLATE };
	char why[WHY_MAX];

	ck_assert_msg(template_parse(&f.line, span_str(text), USE_LOG, arena,
	    why), "%s", why);
	return f;
}

/* Each variable, where it has a value and where there is none. */
static const struct {
	const char *text, *want, *none;
} variables[] = {
	{ "${client}", "192.0.2.7", "192.0.2.7" },
	{ "${client_port}", "51234", "51234" },
	{ "${time}", "2025-11-23T14:05:06.123Z", "2025-11-23T14:05:06.123Z" },
	{ "${method}", "GET", "-" }, { "${target}", "/x?y", "-" },
	{ "${request_uri}", "/x?y", "-" }, { "${path}", "/n", "-" },
	{ "${query}", "q=1", "-" }, { "${version}", "1.1", "1.1" },
	{ "${host}", "name", "-" }, { "${scheme}", "http", "http" },
	{ "${status}", "200", "499" }, { "${bytes_in}", "3", "0" },
	{ "${bytes_out}", "5321", "0" }, { "${listener}", "edge", "-" },
	{ "${route}", "r 1", "-" }, { "${upstream}", "api", "-" },
	{ "${backend}", "web1", "-" }, { "${attempts}", "1", "0" },
	{ "${t_queue}", "0.000", "-" }, { "${t_connect}", "0.412", "-" },
	{ "${t_head}", "3.871", "-" }, { "${t_total}", "4.310", "0.001" },
	{ "${end}", "--", "CH" }, { "${reason}", "-", "client_gone" },
	{ "${request_id}", "01J", "-" }, { "${tls_version}", "-", "-" },
	{ "${tls_cipher}", "-", "-" }, { "${sni}", "-", "-" },
	{ "${request.A}", "first", "-" },
	{ "\"\303\251\\\t${request.A} ${response.B} ${request.C}\"",
	    "\"\303\251\\\tfirst se\\x22ond \\xff\"",
	    "\"\303\251\\\t- - -\"" },
	{ "$${client} $$${client}$", "${client} $${client}$",
	    "${client} $${client}$" },
};

START_TEST(templates)
{
	static const struct span fields[] = {
		{ "first", 5 }, { "se\"ond", 6 }, { "\377", 1 },
	};
	struct access_record r = record(), none = {
		.client = &client, .start_ms = r.start_ms, .version = "1.1",
		.status = 499, .queue_us = ACCESS_NOT_REACHED,
		.connect_us = ACCESS_NOT_REACHED,
		.head_us = ACCESS_NOT_REACHED, .total_us = 1,
		.end = { 'C', 'H' }, .reason = "client_gone",
		.fields = (const struct span[3]){ { NULL, 0 } },
	};
	struct access_format f;

	arena = arena_new(4096);
	f = format(variables[_i].text);
	r.path = SPAN("/n");
	r.query = SPAN("q=1");
	r.name = SPAN("name");
	r.route = "r 1";
	r.fields = fields;
	check_format(&f, &r, variables[_i].want);
	check_format(&f, &none, variables[_i].none);
	arena_free(&arena);
}
END_TEST

static void
check_hostile(const struct access_format *f, const struct access_record *r)
{
	static char out[ACCESS_LINE_MAX + 64];
	size_t len;

	memset(out + ACCESS_LINE_MAX, 0x55, 64);
	len = access_print(f, r, out);
	ck_assert_uint_le(len, ACCESS_LINE_MAX);
	check_printable(out, len - 1);
	ck_assert_int_eq(memcmp(out + len - 5, " end\n", 5), 0);
	ck_assert_int_eq(out[ACCESS_LINE_MAX], 0x55);
}

/* As much as a configuration may ask for, and hostile bytes in all of it. */
START_TEST(hostile_templates)
{
	static char text[65536];
	char all[ACCESS_TEXT_MAX + 1024] = "";
	struct access_record r = record();
	struct span s = span_of(text, sizeof(text)), fields[32];
	struct access_format f;

	arena = arena_new(65536);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		fields[i] = s;
		strcat(all, i % 2 ? "${request.a}" : "${response.b}");
	}
	memset(all + strlen(all), '.', ACCESS_TEXT_MAX - 4);
	strcat(all, "${target}${method}${path}${query}${host}${time} end");
	f = format(all);
	r.method = r.target = r.path = r.query = r.name = s;
	r.fields = fields;
	for (int c = 0; c < 256; c++) {
		memset(text, c, sizeof(text));
		check_hostile(&f, &r);
	}
	arena_free(&arena);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("observe/access");
	TCase *t = tcase_create("access");

	tcase_add_test(t, the_forms);
	tcase_add_test(t, what_was_not_reached);
	tcase_add_loop_test(t, hostile_bytes, 0, 256);
	tcase_add_loop_test(t, templates, 0, (int)COUNT_OF(variables));
	tcase_add_test(t, hostile_templates);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main_rows(suite());
}
