/* t/unit/shm/process_test.c -- who has which process slot */
#include "shm/segment.h"

#include <errno.h>
#include <unistd.h>

#include "support/unit.h"

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
}

START_TEST(the_lowest_free_slot_is_taken)
{
	ck_assert_int_eq(segment_take_process(), 0);
	ck_assert_int_eq(segment_take_process(), 1);
	ck_assert_int_eq(segment_take_process(), 2);
	segment_give_process(1);
	segment_give_process(0);
	ck_assert_int_eq(segment_take_process(), 0);
	ck_assert_int_eq(segment_take_process(), 1);
	ck_assert_int_eq(segment_take_process(), 3);
}
END_TEST

START_TEST(the_monitor_has_its_own)
{
	for (int i = 0; i < SEGMENT_SLOTS; i++)
		ck_assert_int_eq(segment_take_process(), i);
	errno = 0;
	ck_assert_int_eq(segment_take_process(), -1);
	ck_assert_int_eq(errno, ENOSPC);
	segment_give_process(SEGMENT_SLOTS - 1);
	ck_assert_int_eq(segment_take_process(), SEGMENT_SLOTS - 1);
}
END_TEST

START_TEST(counters_of_a_slot_go_on)
{
	ck_assert_int_eq(segment_backend("b"), 0);
	ck_assert_int_eq(segment_take_process(), 0);
	shm_publish(&segment_process(0)->state, SLOT_STARTING);
	shm_add(&segment_stripe(0, 0)->requests[0], 5);
	shm_publish(&segment_process(0)->state, SLOT_DEAD);
	segment_give_process(0);
	ck_assert_uint_eq(segment_process(0)->state, SLOT_GONE);
	ck_assert(segment_has_counts(0));
	ck_assert_uint_eq(segment_requests(0), 5);
}
END_TEST

/* It was taken and then not needed. */
START_TEST(a_slot_that_nobody_ran_in_is_free)
{
	ck_assert_int_eq(segment_take_process(), 0);
	segment_give_process(0);
	ck_assert_uint_eq(segment_process(0)->state, SLOT_FREE);
	ck_assert(!segment_has_counts(0));
}
END_TEST

/* Whoever attaches says himself which live on. */
START_TEST(after_an_attach_slots_are_held)
{
	int fd;

	ck_assert_int_eq(segment_take_process(), 0);
	fd = dup(segment.fd);
	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	segment_hold_process(1);
	ck_assert_int_eq(segment_take_process(), 0);
	ck_assert_int_eq(segment_take_process(), 2);
	segment_give_process(1);
	ck_assert_int_eq(segment_take_process(), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/process");
	TCase *t = tcase_create("process");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_test(t, the_lowest_free_slot_is_taken);
	tcase_add_test(t, the_monitor_has_its_own);
	tcase_add_test(t, counters_of_a_slot_go_on);
	tcase_add_test(t, a_slot_that_nobody_ran_in_is_free);
	tcase_add_test(t, after_an_attach_slots_are_held);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
