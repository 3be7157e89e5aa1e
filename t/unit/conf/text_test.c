/* t/unit/conf/text_test.c -- characters and lines */
#include "conf/text.h"

#include <stdio.h>

#include "core/base.h"
#include "support/unit.h"

static const struct {
	const char *text;
	size_t chars;
} counted[] = {
	{ "", 0 }, { "abc", 3 }, { "\xc3\xa9", 1 }, { "\xe2\x82\xac!", 2 },
	{ "\xf0\x9f\x98\x80", 1 }, { "\xff\xfe", 2 }, { "\x80\x80", 2 },
	{ "\xc3", 1 }, { "\xc3" "a", 2 }, { "\xe2\x82", 1 },
};

START_TEST(chars)
{
	struct span s = span_str(counted[_i].text);
	size_t n = counted[_i].chars;

	ck_assert_uint_eq(text_chars(s), n);
	ck_assert_uint_eq(text_bytes_of_chars(s, n), s.len);
	ck_assert_uint_eq(text_bytes_of_chars(s, n + 5), s.len);
	ck_assert_uint_eq(text_skip_chars(s, n).len, 0);
}
END_TEST

static void
check_line(struct text_lines *l, uint32_t number, const char *want)
{
	struct span line = text_line(l, number);

	ck_assert_msg(span_equal(line, span_str(want)), "line %u: %.*s",
	    number, SPAN_ARG(line));
}

/* As libyaml ends lines, else marks and excerpts would not agree. */
START_TEST(lines)
{
	struct text_lines l = { .text = SPAN("\xef\xbb\xbf" "a\nb\r\nc\rd\n\n"
	    "f\xc2\x85g\xe2\x80\xa8h\xe2\x80\xa9\xc2\xa0\xe2\x82\xacx") };

	check_line(&l, 1, "a");
	check_line(&l, 1, "a");
	check_line(&l, 2, "b");
	check_line(&l, 4, "d");
	check_line(&l, 5, "");
	ck_assert(text_has_line(&l, 5));
	check_line(&l, 6, "f");
	check_line(&l, 7, "g");
	check_line(&l, 8, "h");
	check_line(&l, 9, "\xc2\xa0\xe2\x82\xacx");
	ck_assert(!text_has_line(&l, 10));
}
END_TEST

START_TEST(no_text)
{
	struct text_lines l = { .text = span_of(NULL, 0) };

	ck_assert_uint_eq(text_line(&l, 1).len, 0);
	ck_assert_uint_eq(text_line(&l, 7).len, 0);
}
END_TEST

static const struct {
	struct span text;
	enum text_fault fault;
	uint32_t line, column, code;
} checked[] = {
	{ SPAN("a\tb\r\nc\n"), TEXT_GOOD, 0, 0, 0 },
	{ SPAN("\xc2\x85\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
	  TEXT_GOOD, 0, 0, 0 },
	{ SPAN("a\nb\x01"), TEXT_CONTROL, 2, 2, 1 },
	{ SPAN("a\0"), TEXT_CONTROL, 1, 2, 0 },
	{ SPAN("a\n\x7f"), TEXT_CONTROL, 2, 1, 0x7f },
	{ SPAN("\xc3\xa9\xc2\x9b"), TEXT_CONTROL, 1, 2, 0x9b },
	{ SPAN("\xef\xbf\xbe"), TEXT_CONTROL, 1, 1, 0xfffe },
	{ SPAN("a\r\n\xff"), TEXT_NOT_UTF8, 2, 1, 0xff },
	{ SPAN("\x80"), TEXT_NOT_UTF8, 1, 1, 0x80 },
	{ SPAN("\xc0\x80"), TEXT_NOT_UTF8, 1, 1, 0xc0 },
	{ SPAN("\xe0\x80\x80"), TEXT_NOT_UTF8, 1, 1, 0xe0 },
	{ SPAN("\xed\xa0\x80"), TEXT_NOT_UTF8, 1, 1, 0xed },
	{ SPAN("\xf4\x90\x80\x80"), TEXT_NOT_UTF8, 1, 1, 0xf4 },
	{ SPAN("\xf8\x88\x80\x80"), TEXT_NOT_UTF8, 1, 1, 0xf8 },
	{ SPAN("a\xe2\x82"), TEXT_NOT_UTF8, 1, 2, 0xe2 },
	{ SPAN("\xef\xbb\xbf" "a\xff"), TEXT_NOT_UTF8, 1, 2, 0xff },
};

START_TEST(check)
{
	struct text_bad bad = text_check(checked[_i].text);

	ck_assert_uint_eq(bad.fault, checked[_i].fault);
	ck_assert_uint_eq(bad.line, checked[_i].line);
	ck_assert_uint_eq(bad.column, checked[_i].column);
	ck_assert_uint_eq(bad.code, checked[_i].code);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: text");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, chars, 0, COUNT_OF(counted));
	tcase_add_test(tc, lines);
	tcase_add_test(tc, no_text);
	tcase_add_loop_test(tc, check, 0, COUNT_OF(checked));
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
