/* t/unit/upstream/ewma_test.c -- an average that peaks lift at once */
#include "upstream/ewma.h"

#include <math.h>

#include "support/unit.h"

#define NOW	(90ull * 86400 * 1000)	/* past a turn of its clock */

static double
us_of(uint64_t word, uint64_t now_ms)
{
	return (double)ewma_value(word, now_ms) / (1 << EWMA_FRACTION);
}

START_TEST(nothing_is_unknown)
{
	ck_assert_uint_eq(ewma_value(0, NOW), 0);
	ck_assert_uint_eq(ewma_value(0, 0), 0);
	ck_assert_double_eq(us_of(ewma_sample(0, 0, NOW), NOW), 1);
	ck_assert_double_eq(us_of(ewma_sample(0, 500, NOW), NOW), 500);
}
END_TEST

START_TEST(a_peak_replaces)
{
	uint64_t word = ewma_sample(ewma_sample(0, 500, NOW), 90000, NOW);

	ck_assert_double_eq(us_of(word, NOW), 90000);
	ck_assert_double_eq(us_of(ewma_sample(word, UINT64_MAX, NOW), NOW),
	    EWMA_MOST_US);
}
END_TEST

/* While it idles, as exp(-dt / 10 s), over any time. */
START_TEST(silence_decays)
{
	uint64_t word = ewma_sample(0, 1000000, NOW);

	for (uint64_t ms = 0; ms <= 100000; ms += 640) {
		double want = 1000000 * exp(-(double)ms / 10000);

		ck_assert_double_le(fabs(us_of(word, NOW + ms) - want),
		    want / 1000 + 1);
	}
	ck_assert_uint_eq(ewma_value(word, NOW + 300000), 0);
	ck_assert_uint_eq(ewma_value(word, NOW + 86400000), 0);
}
END_TEST

/* Towards what comes now, however often it comes. */
START_TEST(shorter_ones_draw_it_down)
{
	static const uint64_t every[] = { 1, 10, 64, 100, 1000 };
	uint64_t word = ewma_sample(0, 1000000, NOW);

	for (uint64_t ms = 0; ms <= 20000; ms += every[_i])
		word = ewma_sample(word, 1000, NOW + ms);
	ck_assert_double_le(fabs(us_of(word, NOW + 20000) -
	    (1000 + 999000 * exp(-2.0))), 2000);
	for (uint64_t ms = 20000; ms <= 200000; ms += every[_i])
		word = ewma_sample(word, 1000, NOW + ms);
	ck_assert_double_le(fabs(us_of(word, NOW + 200000) - 1000), 10);
}
END_TEST

START_TEST(a_failure_costs)
{
	uint64_t word = ewma_sample(0, 2000, NOW);

	ck_assert_double_eq(us_of(ewma_penalty(0, 3, NOW), NOW),
	    EWMA_PENALTY_US);
	word = ewma_penalty(word, 3, NOW);
	ck_assert_double_eq(us_of(word, NOW), 2000 * EWMA_PENALTY);
	ck_assert_double_eq(us_of(ewma_penalty(word, 30000000, NOW), NOW),
	    30000000);
	for (int i = 0; i < 100; i++)
		word = ewma_penalty(word, 3, NOW);
	ck_assert_double_eq(us_of(word, NOW), EWMA_PENALTY_MOST_US);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("ewma");
	TCase *t = tcase_create("ewma");

	tcase_add_test(t, nothing_is_unknown);
	tcase_add_test(t, a_peak_replaces);
	tcase_add_test(t, silence_decays);
	tcase_add_loop_test(t, shorter_ones_draw_it_down, 0, 5);
	tcase_add_test(t, a_failure_costs);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
