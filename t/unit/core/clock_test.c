/*
 * t/unit/core/clock_test.c -- the clock, and dates of any moment
 *
 * The source is built in here, since the wall clock that it keeps is set to
 * moments of our own.
 */
#include "core/clock.c"

#include "support/unit.h"

static void
set_wall_ms(uint64_t wall_ms)
{
	clock_update();
	wall.offset_ms = wall_ms - clock_now_ms;
	wall.until_ms = clock_now_ms + 1;
}

static const struct {
	uint64_t wall_ms;
	const char *http, *rfc3339;
} rows[] = {
	{ 1000, "Thu, 01 Jan 1970 00:00:01 GMT", "1970-01-01T00:00:01.000Z" },
	{ 784111777000, "Sun, 06 Nov 1994 08:49:37 GMT",
	  "1994-11-06T08:49:37.000Z" },
	{ 951782399999, "Mon, 28 Feb 2000 23:59:59 GMT",
	  "2000-02-28T23:59:59.999Z" },
	{ 951782400000, "Tue, 29 Feb 2000 00:00:00 GMT",
	  "2000-02-29T00:00:00.000Z" },
	{ 1483228799007, "Sat, 31 Dec 2016 23:59:59 GMT",
	  "2016-12-31T23:59:59.007Z" },
	{ 2147483648000, "Tue, 19 Jan 2038 03:14:08 GMT",
	  "2038-01-19T03:14:08.000Z" },
	{ 4107542400123, "Mon, 01 Mar 2100 00:00:00 GMT",
	  "2100-03-01T00:00:00.123Z" },
	{ 253402300799999, "Fri, 31 Dec 9999 23:59:59 GMT",
	  "9999-12-31T23:59:59.999Z" },
};

START_TEST(dates_are_of_their_moment)
{
	char text[CLOCK_RFC3339_LEN + 2];

	set_wall_ms(rows[_i].wall_ms);
	ck_assert_uint_eq(clock_wall_ms(), rows[_i].wall_ms);
	ck_assert_str_eq(clock_http_date(), rows[_i].http);
	ck_assert_uint_eq(strlen(clock_http_date()), CLOCK_HTTP_LEN);
	memset(text, '.', sizeof(text));
	clock_rfc3339(rows[_i].wall_ms, text);
	ck_assert_int_eq(text[CLOCK_RFC3339_LEN + 1], '.');
	ck_assert_str_eq(text, rows[_i].rfc3339);
}
END_TEST

START_TEST(a_date_holds_for_its_second)
{
	set_wall_ms(784111777000);
	wall.until_ms = UINT64_MAX;
	ck_assert_str_eq(clock_http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_now_ms += 999;
	ck_assert_str_eq(clock_http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_now_ms += 1;
	ck_assert_str_eq(clock_http_date(), "Sun, 06 Nov 1994 08:49:38 GMT");
}
END_TEST

/* A wrong offset (the system's clock was set) lasts less than a second. */
START_TEST(steps_of_the_system_clock_are_followed)
{
	uint64_t from, to;

	set_wall_ms(1000);
	ck_assert_uint_eq(clock_wall_ms(), 1000);
	clock_now_ms += 999;
	from = read_ns(CLOCK_REALTIME) / 1000000;
	to = clock_wall_ms();
	ck_assert_uint_ge(to, from);
	ck_assert_uint_le(to, read_ns(CLOCK_REALTIME) / 1000000);
}
END_TEST

START_TEST(it_stands_still_until_it_is_updated)
{
	uint64_t before = clock_read_ns(), seen;

	clock_update();
	seen = clock_now_ns;
	ck_assert_uint_ge(seen, before);
	ck_assert_uint_eq(clock_now_ms, seen / 1000000);
	while (clock_read_ns() == seen)
		;
	ck_assert_uint_eq(clock_now_ns, seen);
	clock_update();
	ck_assert_uint_gt(clock_now_ns, seen);
	ck_assert_uint_le(clock_now_ns, clock_read_ns());
}
END_TEST

/* Before the first update, too: the first line of the log needs it. */
START_TEST(the_wall_needs_no_update_before)
{
	uint64_t before = read_ns(CLOCK_REALTIME) / 1000000;

	ck_assert_uint_eq(clock_now_ns, 0);
	ck_assert_uint_ge(clock_wall_ms() + 1, before);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/clock");
	TCase *t = tcase_create("clock");

	tcase_add_test(t, the_wall_needs_no_update_before);
	tcase_add_loop_test(t, dates_are_of_their_moment, 0,
	    (int)COUNT_OF(rows));
	tcase_add_test(t, a_date_holds_for_its_second);
	tcase_add_test(t, steps_of_the_system_clock_are_followed);
	tcase_add_test(t, it_stands_still_until_it_is_updated);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
