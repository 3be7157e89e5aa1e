/* t/unit/upstream/verdict_test.c -- what is made of an answer, or of none */
#include "upstream/verdict.h"

#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "core/memory.h"
#include "core/regex.h"
#include "http1/parse.h"
#include "support/unit.h"

static struct status_range usual[] = { { 200, 299 }, { 304, 304 } };
static struct test_conf condition;

static struct check_conf
conf_of(const struct test_conf *t)
{
	struct check_conf c = { .statuses = usual,
		.n_statuses = COUNT_OF(usual) };

	if (t->name != NULL) {
		condition = *t;
		c.fields = (struct tests_conf){ &condition, 1 };
	}
	return c;
}

static void
parse(struct http_head *h, const char *text)
{
	static struct http_field fields[HEAD_FIELDS_MAX];
	static char room[4096];
	const struct parse_limits limits = { .head_bytes = 4096,
		.line_bytes = 4096, .field_count = 100 };
	enum reason why;

	memset(room, 0, sizeof(room));
	memcpy(room, text, strlen(text));
	*h = (struct http_head){ .fields = fields };
	ck_assert_int_eq(parse_response(h, span_of(room, strlen(text)),
	    METHOD_GET, &limits, &why), PARSE_OK);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"

static const struct {
	struct test_conf condition;
	const char *head;
	enum check_result result;
	const char *text;
} heads[] = {
	{ { 0 }, "HTTP/1.1 200 X\r\n\r\n", CHECK_PASS, "200" },
	{ { 0 }, "HTTP/1.1 299 X\r\n\r\n", CHECK_PASS, "299" },
	{ { 0 }, "HTTP/1.1 300 X\r\n\r\n", CHECK_STATUS, "status 300" },
	{ { 0 }, "HTTP/1.1 303 X\r\n\r\n", CHECK_STATUS, "status 303" },
	{ { 0 }, "HTTP/1.1 304 X\r\n\r\n", CHECK_PASS, "304" },
	{ { 0 }, "HTTP/1.1 305 X\r\n\r\n", CHECK_STATUS, "status 305" },
	{ { "x-a", TEST_EQUAL, "b", NULL }, OK "X-A: b\r\n\r\n",
	    CHECK_PASS, "200" },
	{ { "x-a", TEST_EQUAL, "b", NULL }, OK "X-A: c\r\nX-A: b\r\n\r\n",
	    CHECK_PASS, "200" },
	{ { "x-a", TEST_EQUAL, "b", NULL }, OK "X-A: B\r\n\r\n",
	    CHECK_HEADER, "header x-a is not as expected" },
	{ { "x-a", TEST_EQUAL, "b", NULL }, OK "X-Ab: b\r\n\r\n",
	    CHECK_HEADER, "header x-a is not as expected" },
	{ { "x-a", TEST_PRESENT, NULL, NULL }, OK "X-A:\r\n\r\n",
	    CHECK_PASS, "200" },
	{ { "x-a", TEST_PRESENT, NULL, NULL }, OK "\r\n",
	    CHECK_HEADER, "header x-a is not as expected" },
	{ { "x-a", TEST_ABSENT, NULL, NULL }, OK "\r\n", CHECK_PASS, "200" },
	{ { "x-a", TEST_ABSENT, NULL, NULL }, OK "x-A: b\r\n\r\n",
	    CHECK_HEADER, "header x-a is not as expected" },
	/* The status comes first. */
	{ { "x-a", TEST_PRESENT, NULL, NULL }, "HTTP/1.1 500 X\r\n\r\n",
	    CHECK_STATUS, "status 500" },
};

START_TEST(heads_are_judged)
{
	struct check_conf c = conf_of(&heads[_i].condition);
	struct verdict v;
	struct http_head h;

	parse(&h, heads[_i].head);
	verdict_of_head(&v, &c, &h);
	ck_assert_int_eq(v.result, heads[_i].result);
	ck_assert_str_eq(v.text, heads[_i].text);
}
END_TEST

static const struct {
	const char *contains, *regex, *body;
	bool is_good;
} bodies[] = {
	{ "ok", NULL, "ok", true },
	{ "ok", NULL, "is ok.", true },
	{ "ok", NULL, "o k", false },
	{ "ok", NULL, "o", false },
	{ "ok", NULL, "", false },
	{ NULL, "^ok$", "ok", true },
	{ NULL, "^ok$", "ok\n", false },
	{ NULL, "^$", "", true },
};

START_TEST(bodies_are_judged)
{
	struct arena *a = arena_new(0);
	struct regex_fault fault;
	struct check_conf c = { .body = bodies[_i].contains };
	struct verdict v = { .result = CHECK_PASS, .text = "200" };
	size_t len = strlen(bodies[_i].body);

	if (bodies[_i].regex != NULL)
		c.body_regex = regex_new(a, span_str(bodies[_i].regex),
		    &fault);
	ck_assert(check_wants_body(&c));
	/* None has no memory either. */
	verdict_of_body(&v, &c, span_of(len > 0 ? bodies[_i].body : NULL,
	    len));
	ck_assert_int_eq(v.result, bodies[_i].is_good ? CHECK_PASS :
	    CHECK_BODY);
	ck_assert_str_eq(v.text, bodies[_i].is_good ? "200" :
	    "the body is not as expected");
	arena_free(&a);
}
END_TEST

static const struct {
	enum reason why;
	int error;
	enum check_result result;
	const char *text;
} resets[] = {
	{ REASON_CONNECT, ECONNREFUSED, CHECK_CONNECT,
	    "connect: Connection refused" },
	{ REASON_CONNECT, EHOSTUNREACH, CHECK_CONNECT,
	    "connect: No route to host" },
	{ REASON_LOCAL, EMFILE, CHECK_LOCAL, "local: Too many open files" },
	{ REASON_CONNECT, EADDRNOTAVAIL, CHECK_LOCAL,
	    "local: Cannot assign requested address" },
	{ REASON_CONNECT_TIMEOUT, 0, CHECK_TIMEOUT,
	    "timeout while connecting" },
	{ REASON_TIMEOUT, 0, CHECK_TIMEOUT, "timeout" },
	{ REASON_RESET, ECONNRESET, CHECK_RESET,
	    "reset: Connection reset by peer" },
	{ REASON_RESET, 0, CHECK_RESET, "connection closed" },
	{ REASON_STALE, 0, CHECK_RESET, "connection closed" },
	{ REASON_RESET_REUSED, EPIPE, CHECK_RESET, "reset: Broken pipe" },
	{ REASON_TRUNCATED, 0, CHECK_TRUNCATED, "the body broke off" },
	{ REASON_JUNK, 0, CHECK_JUNK, "malformed response" },
	{ REASON_HEAD_TOO_LARGE, 0, CHECK_JUNK, "malformed response" },
};

START_TEST(failures_are_told)
{
	struct verdict v;

	verdict_of_reason(&v, resets[_i].why, resets[_i].error);
	ck_assert_int_eq(v.result, resets[_i].result);
	ck_assert_str_eq(v.text, resets[_i].text);
}
END_TEST

/* Numbers of results are in the segment; they stay what they are. */
START_TEST(results_have_words)
{
	ck_assert_str_eq(check_result_word(0), "-");
	ck_assert_str_eq(check_result_word(1), "pass");
	ck_assert_str_eq(check_result_word(5), "connect");
	ck_assert_str_eq(check_result_word(10), "local");
	ck_assert_str_eq(check_result_word(CHECK_RESULT_COUNT), "-");
	ck_assert_str_eq(check_result_word(UINT32_MAX), "-");
	ck_assert_uint_le(CHECK_RESULT_COUNT, 32);	/* health_word.cause */
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("upstream/verdict");
	TCase *t = tcase_create("verdict");

	tcase_add_loop_test(t, heads_are_judged, 0, (int)COUNT_OF(heads));
	tcase_add_loop_test(t, bodies_are_judged, 0, (int)COUNT_OF(bodies));
	tcase_add_loop_test(t, failures_are_told, 0, (int)COUNT_OF(resets));
	tcase_add_test(t, results_have_words);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	(void)parse_init();
	return unit_main_rows(suite());
}
