/* t/unit/proc/watch_test.c -- when a child counts as hung */
#include "proc/watch.h"

#include <check.h>
#include <stdlib.h>

#define START 1000000u

/* Looks every WATCH_EVERY_MS until `until`; when something else than FINE is
 * said, or 0. */
static uint64_t
look_on(struct watch *w, uint64_t beat, uint64_t from, uint64_t until,
    enum watch_verdict want)
{
	for (uint64_t t = from; t <= until; t += WATCH_EVERY_MS) {
		enum watch_verdict v = watch_look(w, beat, t);

		if (v != WATCH_FINE) {
			ck_assert_int_eq(v, want);
			return t;
		}
	}
	return 0;
}

START_TEST(a_beating_child_is_left_alone)
{
	struct watch w;

	watch_init(&w, 1, START);
	for (uint64_t t = START; t < START + 100000; t += WATCH_EVERY_MS)
		ck_assert_int_eq(watch_look(&w, t, t), WATCH_FINE);
}
END_TEST

START_TEST(a_hung_child_is_aborted_then_killed_once)
{
	uint64_t t, end = START + 60000;
	struct watch w;

	watch_init(&w, 7, START);
	t = look_on(&w, 7, START, end, WATCH_ABORT);
	ck_assert_uint_eq(t, START + WATCH_HUNG_MS);
	t = look_on(&w, 7, t, end, WATCH_KILL);
	ck_assert_uint_eq(t, START + WATCH_HUNG_MS + WATCH_KILL_MS);
	ck_assert_uint_eq(look_on(&w, 7, t, end, WATCH_KILL), 0);
}
END_TEST

/* What a child writes is not believed: only a change counts. */
START_TEST(a_beat_from_the_future_does_not_help)
{
	struct watch w;

	watch_init(&w, 0, START);
	ck_assert_uint_eq(look_on(&w, UINT64_MAX, START, START + 60000,
	    WATCH_ABORT), START + WATCH_HUNG_MS);
}
END_TEST

START_TEST(a_master_that_was_away_blames_nobody)
{
	struct watch w;
	uint64_t back = START + 50000;

	watch_init(&w, 7, START);
	ck_assert_int_eq(watch_look(&w, 7, back), WATCH_FINE);
	ck_assert_uint_eq(look_on(&w, 7, back, back + 60000, WATCH_ABORT),
	    back + WATCH_HUNG_MS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/watch");
	TCase *t = tcase_create("verdicts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, a_beating_child_is_left_alone);
	tcase_add_test(t, a_hung_child_is_aborted_then_killed_once);
	tcase_add_test(t, a_beat_from_the_future_does_not_help);
	tcase_add_test(t, a_master_that_was_away_blames_nobody);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
