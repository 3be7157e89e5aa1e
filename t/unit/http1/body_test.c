/* t/unit/http1/body_test.c -- chunks beside a naive reader, every cut */
#include "../../fuzz/chunks.h"
#include "core/base.h"
#include "core/random.h"
#include "support/unit.h"

#define N "\r\n"

static const struct row {
	const char *text;
	enum chunks_verdict want;
	const char *content;
} rows[] = {
	{ "0" N N, CHUNKS_END, "" },
	{ "5" N "hello" N "0" N N, CHUNKS_END, "hello" },
	{ "5" N "hello" N "1" N "!" N "0" N N, CHUNKS_END, "hello!" },
	{ "00A" N "0123456789" N "000" N N, CHUNKS_END, "0123456789" },
	{ "1;a" N "x" N "0;b=c" N N, CHUNKS_END, "x" },
	{ "1 ;\ta = \"q;\\\"\" ; c" N "x" N "0" N N, CHUNKS_END, "x" },
	{ "1;a=\"\"" N "x" N "0" N N, CHUNKS_END, "x" },
	{ "0" N "A: b" N N, CHUNKS_TRAILERS, "" },
	{ "5" N "hel", CHUNKS_MORE, "hel" },
	{ "7fffffffffffffff" N "x", CHUNKS_MORE, "x" },
	{ "8000000000000000" N "x", CHUNKS_BAD, "" },
	{ "10000000000000001" N "x", CHUNKS_BAD, "" },
	{ "5\nhello" N "0" N N, CHUNKS_BAD, "" },
	{ "5" N "hello\n0" N N, CHUNKS_BAD, "hello" },
	{ "5\r\rhello", CHUNKS_BAD, "" },
	{ "5 " N "hello", CHUNKS_BAD, "" },
	{ " 5" N "hello", CHUNKS_BAD, "" },
	{ "5;" N "hello", CHUNKS_BAD, "" },
	{ "5;a " N "hello", CHUNKS_BAD, "" },
	{ "5;a=" N "hello", CHUNKS_BAD, "" },
	{ "5;a b" N "hello", CHUNKS_BAD, "" },
	{ "5;a=b c" N "hello", CHUNKS_BAD, "" },
	{ "5;a=\"b" N "hello", CHUNKS_BAD, "" },
	{ "5;a=\"b\"c" N "hello", CHUNKS_BAD, "" },
	{ "5;a=\"\\" N "hello", CHUNKS_BAD, "" },
	{ "5,6" N "hello", CHUNKS_BAD, "" },
	{ "0x5" N "hello", CHUNKS_BAD, "" },
	{ "-5" N "hello", CHUNKS_BAD, "" },
	{ N "hello", CHUNKS_BAD, "" },
	{ "g" N, CHUNKS_BAD, "" },
	{ "4" N "hello" N, CHUNKS_BAD, "hell" },
};

START_TEST(each_row_at_every_cut)
{
	const struct row *r = &rows[_i];
	size_t n = strlen(r->text);
	struct chunks c;

	for (size_t piece = 1; piece <= n; piece++)
		for (size_t most = 1; most <= n; most++) {
			chunks_ours(&c, r->text, n, piece, most);
			ck_assert_msg(c.verdict == r->want, "\"%s\": %d",
			    r->text, c.verdict);
			ck_assert_uint_eq(c.len, strlen(r->content));
			ck_assert_mem_eq(c.content, r->content, c.len);
			ck_assert_ptr_null(chunks_check(r->text, n, piece,
			    most));
		}
}
END_TEST

/* Bytes that mean something, in any order. */
START_TEST(as_a_naive_reader)
{
	static const char some[] = "0123aF;=\" \t\\\r\n\r\n\r\nxy:-_";
	char text[64];

	for (unsigned i = 0; i < 300000; i++) {
		size_t n = (size_t)random_below(sizeof(text));
		const char *wrong;

		for (size_t k = 0; k < n; k++)
			text[k] = some[random_below(sizeof(some) - 1)];
		wrong = chunks_check(text, n, 1 + (size_t)random_below(8),
		    1 + (size_t)random_below(4));
		ck_assert_msg(wrong == NULL, "%s: \"%.*s\"", wrong, (int)n,
		    text);
	}
}
END_TEST

/* A row with one byte changed to any other. */
START_TEST(one_byte_changed)
{
	char text[128];
	size_t n = strlen(rows[_i].text);

	for (size_t at = 0; at < n; at++)
		for (unsigned byte = 0; byte < 256; byte++) {
			memcpy(text, rows[_i].text, n);
			text[at] = (char)byte;
			ck_assert_msg(chunks_check(text, n, 3, 2) == NULL,
			    "\"%.*s\"", (int)n, text);
		}
}
END_TEST

START_TEST(a_line_has_a_bound)
{
	static char text[3 * BODY_CHUNK_LINE];
	struct http_head h = { .framing = FRAMING_CHUNKED };
	struct body b;
	struct span data;
	size_t skip;
	bool end;

	memset(text, 'a', sizeof(text));
	memcpy(text, "1;", 2);
	body_begin(&b, &h, 0);
	ck_assert_int_eq(body_next(&b, span_of(text, BODY_CHUNK_LINE), &skip,
	    &data, &end), BODY_MORE);
	ck_assert_int_eq(body_next(&b, SPAN("a"), &skip, &data, &end),
	    BODY_BAD);
}
END_TEST

START_TEST(a_length_is_counted)
{
	struct http_head h = { .framing = FRAMING_LENGTH, .body_len = 5 };
	struct body b;
	struct span data;
	size_t skip;
	bool end;

	body_begin(&b, &h, 0);
	ck_assert_int_eq(body_next(&b, SPAN("hel"), &skip, &data, &end),
	    BODY_DATA);
	ck_assert(!end && data.len == 3 && skip == 0);
	ck_assert_uint_eq(body_took(&b, 3, end), 0);
	ck_assert_int_eq(body_next(&b, SPAN("lo, more"), &skip, &data, &end),
	    BODY_DATA);
	ck_assert(end && data.len == 2);
	ck_assert_uint_eq(body_took(&b, 2, end), 0);
	ck_assert_int_eq(body_next(&b, SPAN("x"), &skip, &data, &end),
	    BODY_END);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1/body");
	TCase *chunks = tcase_create("chunks"), *other = tcase_create("other");

	tcase_set_timeout(chunks, 60);
	tcase_add_loop_test(chunks, each_row_at_every_cut, 0,
	    (int)COUNT_OF(rows));
	tcase_add_loop_test(chunks, one_byte_changed, 0, (int)COUNT_OF(rows));
	tcase_add_test(chunks, as_a_naive_reader);
	suite_add_tcase(suite, chunks);
	tcase_add_test(other, a_line_has_a_bound);
	tcase_add_test(other, a_length_is_counted);
	suite_add_tcase(suite, other);
	return unit_main_rows(suite);
}
