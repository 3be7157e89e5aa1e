/* t/unit/proc/wake_test.c -- one process wakes another */
#include "proc/wake.h"

#include <stdbool.h>
#include <unistd.h>

#include "core/clock.h"
#include "event/loop.h"
#include "shm/segment.h"
#include "support/unit.h"

static unsigned n_woken;

static void
on_wake(void)
{
	n_woken++;
}

static void
on_end(struct timer *t UNUSED)
{
	loop_stop();
}

/* Until all that is due has been seen. */
static void
run_a_moment(void)
{
	struct timer end;

	timer_init(&end, on_end);
	loop_timer_set(&end, clock_now_ms + 2);
	loop_run();
	loop_timer_fini(&end);
}

static void
set_up(void)
{
	n_woken = 0;
	ck_assert_int_eq(loop_init(), 0);
	ck_assert_int_eq(wake_open(SEGMENT_SLOTS), 0);
}

static void
tear_down(void)
{
	wake_close();
	loop_fini();
}

/* Also of slots that no process has had before. */
START_TEST(whoever_listens_is_woken)
{
	ck_assert_int_eq(wake_listen((uint32_t)_i, on_wake), 0);
	wake_process((uint32_t)_i);
	wake_process((uint32_t)_i);
	run_a_moment();
	ck_assert_uint_eq(n_woken, 1);
	wake_process((uint32_t)(_i + 1) % (SEGMENT_MONITOR + 1));
	run_a_moment();
	ck_assert_uint_eq(n_woken, 1);
	wake_ignore();
	wake_process((uint32_t)_i);
	run_a_moment();
	ck_assert_uint_eq(n_woken, 1);
}
END_TEST

START_TEST(descriptors_are_told_for_all_slots)
{
	int fds[SEGMENT_SLOTS + 2];

	ck_assert_uint_eq(wake_descriptors(fds, SEGMENT_SLOTS + 2),
	    SEGMENT_SLOTS + 1);
	ck_assert_uint_eq(wake_descriptors(fds, 3), 3);
	wake_close();
	ck_assert_uint_eq(wake_descriptors(fds, SEGMENT_SLOTS + 2), 0);
	wake_process(3);	/* nothing */
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("proc/wake");
	TCase *t = tcase_create("wake");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, whoever_listens_is_woken, 0,
	    SEGMENT_MONITOR + 1);
	tcase_add_test(t, descriptors_are_told_for_all_slots);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
