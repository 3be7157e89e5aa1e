/* t/unit/proc/backoff_test.c -- the schedule of replacements */
#include "proc/backoff.h"

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/base.h"

static const struct {
	uint64_t lived_ms;
	uint32_t want_ms;
} deaths[] = {
	{ 60000, 0 },		/* the first: at once */
	{ 10, 100 }, { 0, 200 }, { 4999, 400 }, { 10, 800 }, { 10, 1600 },
	{ 10, 3200 }, { 10, 5000 }, { 10, 5000 }, { 10, 5000 },
	{ 5000, 0 },		/* lived long enough: afresh */
	{ 10, 100 },
};

START_TEST(delays_grow_and_start_afresh)
{
	struct backoff b = { 0 };

	for (size_t i = 0; i < COUNT_OF(deaths); i++)
		ck_assert_uint_eq(backoff_next(&b, deaths[i].lived_ms),
		    deaths[i].want_ms);
}
END_TEST

START_TEST(a_first_early_death_is_replaced_at_once)
{
	struct backoff b = { 0 };

	ck_assert_uint_eq(backoff_next(&b, 0), 0);
}
END_TEST

START_TEST(thousands_of_deaths_stay_at_the_most)
{
	struct backoff b = { 0 };

	for (int i = 0; i < 5000; i++)
		(void)backoff_next(&b, 1);
	ck_assert_uint_eq(backoff_next(&b, 1), BACKOFF_MOST_MS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/backoff");
	TCase *t = tcase_create("schedule");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, delays_grow_and_start_afresh);
	tcase_add_test(t, a_first_early_death_is_replaced_at_once);
	tcase_add_test(t, thousands_of_deaths_stay_at_the_most);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
