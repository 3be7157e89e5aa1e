/* t/unit/observe/access_test.c -- the lines of interfaces.md, whatever comes */
#include "observe/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
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
check(enum access_form form, const struct access_record *r, const char *want)
{
	char out[ACCESS_LINE_MAX];
	size_t len = access_print(form, r, out);

	ck_assert_uint_gt(len, 0);
	ck_assert_int_eq(out[len - 1], '\n');
	out[len - 1] = '\0';
	ck_assert_str_eq(out, want);
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

/* Every byte, in every place that a client fills, and far too much of it. */
START_TEST(hostile_bytes)
{
	static char text[65536];
	static char out[ACCESS_LINE_MAX + 64];
	struct access_record r = record();
	struct span s = span_of(text, sizeof(text));
	size_t len;

	memset(text, _i, sizeof(text));
	r.method = r.target = r.host = r.referer = r.user_agent = s;
	for (int form = ACCESS_TIMING; form <= ACCESS_JSON; form++) {
		memset(out + ACCESS_LINE_MAX, 0x55, 64);
		len = access_print((enum access_form)form, &r, out);
		ck_assert_uint_le(len, ACCESS_LINE_MAX);
		for (size_t i = 0; i + 1 < len; i++)
			ck_assert(out[i] >= 0x20 && out[i] < 0x7f);
		ck_assert_ptr_eq(memchr(out, '\n', len), out + len - 1);
		ck_assert_int_eq(out[ACCESS_LINE_MAX], 0x55);
	}
	r.target = span_of(text, 1);
	r.method = SPAN("GET");
	len = access_print(ACCESS_COMBINED, &r, out);
	if (_i < 0x20 || _i >= 0x7f || _i == '"' || _i == '\\') {
		snprintf(text, 16, "\"GET \\x%02x HTTP", (unsigned)_i);
		ck_assert_ptr_nonnull(memmem(out, len, text, strlen(text)));
	}
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
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
