/* t/unit/observe/latency_test.c -- times in classes */
#include "observe/latency.h"

#include <string.h>

#include "core/base.h"
#include "support/unit.h"

static const struct {
	uint64_t us;
	uint32_t class;
} rows[] = {
	{ 0, 0 }, { 1, 0 }, { 63, 0 }, { 64, 1 }, { 79, 1 }, { 80, 2 },
	{ 95, 2 }, { 96, 3 }, { 111, 3 }, { 112, 4 }, { 127, 4 }, { 128, 5 },
	{ 159, 5 }, { 160, 6 }, { 1023, 16 }, { 1024, 17 }, { 1279, 17 },
	{ 1280, 18 }, { 50331647, 78 }, { 50331648, 79 }, { 58720255, 79 },
	{ 58720256, 79 }, { 1ull << 31, 79 }, { 1ull << 32, 79 },
	{ UINT64_MAX, 79 },
};

START_TEST(a_time_has_a_class)
{
	ck_assert_uint_eq(latency_class(rows[_i].us), rows[_i].class);
}
END_TEST

START_TEST(classes_begin_where_the_one_before_ends)
{
	for (uint32_t i = 1; i < LATENCY_CLASSES; i++) {
		ck_assert_uint_eq(latency_class(latency_begin(i)), i);
		ck_assert_uint_eq(latency_class(latency_begin(i) - 1), i - 1);
	}
	ck_assert_uint_eq(latency_begin(0), 0);
	ck_assert_uint_eq(latency_begin(LATENCY_CLASSES),
	    LATENCY_MOST_US + 1);
}
END_TEST

START_TEST(nothing_has_no_percentile)
{
	uint64_t counts[LATENCY_CLASSES] = { 0 };

	ck_assert_double_eq(latency_percentile(counts, 0.5), -1);
}
END_TEST

/* Of times from 1 to 100,000 us that are all there once. */
START_TEST(percentiles_are_near_the_truth)
{
	uint64_t counts[LATENCY_CLASSES] = { 0 };

	for (uint64_t us = 1; us <= 100000; us++)
		counts[latency_class(us)]++;
	for (int i = 1; i <= 99; i++) {
		double got = latency_percentile(counts, i / 100.0);

		ck_assert_double_le(got, i * 1000 * 1.1);
		ck_assert_double_ge(got, i * 1000 * 0.9);
	}
}
END_TEST

START_TEST(ends_stay_within_their_classes)
{
	uint64_t counts[LATENCY_CLASSES] = { [5] = 10, [20] = 10 };

	ck_assert_double_eq(latency_percentile(counts, 0), 128);
	ck_assert_double_eq(latency_percentile(counts, 0.25), 144);
	ck_assert_double_eq(latency_percentile(counts, 0.5), 160);
	ck_assert_double_ge(latency_percentile(counts, 0.51),
	    (double)latency_begin(20));
	ck_assert_double_eq(latency_percentile(counts, 1),
	    (double)latency_begin(21));
	memset(counts, 0, sizeof(counts));
	counts[LATENCY_CLASSES - 1] = 1;
	ck_assert_double_eq(latency_percentile(counts, 0), 50331648);
	ck_assert_double_eq(latency_percentile(counts, 1), 58720256);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("latency");
	TCase *t = tcase_create("latency");

	tcase_add_loop_test(t, a_time_has_a_class, 0, (int)COUNT_OF(rows));
	tcase_add_test(t, classes_begin_where_the_one_before_ends);
	tcase_add_test(t, nothing_has_no_percentile);
	tcase_add_test(t, percentiles_are_near_the_truth);
	tcase_add_test(t, ends_stay_within_their_classes);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
