/* t/unit/core/timer_test.c -- the timer wheel beside a naive list */
#include "core/timer.h"

#include <string.h>

#include "core/random.h"
#include "support/unit.h"

#define TIMERS 40
#define STEPS 20000
#define HOUR_MS 3600000u	/* the longest wait */
#define DAY_MS (24 * (uint64_t)HOUR_MS)

/* Check writes down every assertion that it passes, which is slow. */
#define MUST(cond)							\
	do {								\
		if (!(cond))						\
			ck_abort_msg("%s, step %d", #cond, step);	\
	} while (0)

static struct wheel wheel;
static struct watched {
	struct timer timer;
	uint64_t due_ms;	/* the naive list; 0: not set */
	unsigned fired;
} all[TIMERS];
static int step;
static bool handlers_act;

static void act(void);

static void
on_timer(struct timer *t)
{
	struct watched *w = container_of(t, struct watched, timer);

	MUST(!timer_is_set(t));
	MUST(w->due_ms == wheel.now_ms);
	w->due_ms = 0;
	w->fired++;
	if (handlers_act && random_below(2) == 0)
		act();
}

static void
set_up(void)
{
	memset(all, 0, sizeof(all));
	wheel_init(&wheel, 1);
	for (int i = 0; i < TIMERS; i++)
		timer_init(&all[i].timer, on_timer);
}

/* What has passed is due at the next millisecond of the wheel. */
static void
set(struct watched *w, uint64_t deadline_ms)
{
	timer_set(&wheel, &w->timer, deadline_ms);
	w->due_ms = deadline_ms > wheel.now_ms ? deadline_ms :
	    wheel.now_ms + 1;
}

/* All sizes alike: mostly near a border of some level. */
static uint64_t
some_span(unsigned bits)
{
	uint64_t span = 1ull << random_below(bits);

	return random_below(3) == 0 ? span : random_below(span * 2);
}

static void
act(void)
{
	struct watched *w = &all[random_below(TIMERS)];

	switch (random_below(6)) {
	case 0:
		timer_stop(&w->timer);
		w->due_ms = 0;
		break;
	case 1:
		timer_fini(&wheel, &w->timer);
		w->due_ms = 0;
		break;
	case 2:
		set(w, wheel.now_ms > 10 ? wheel.now_ms - 10 : 1);
		break;
	default:
		set(w, wheel.now_ms + some_span(30));
	}
	MUST(timer_is_set(&w->timer) == (w->due_ms != 0));
}

static uint64_t
soonest(void)
{
	uint64_t first = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (all[i].due_ms != 0 && all[i].due_ms < first)
			first = all[i].due_ms;
	return first;
}

/* `at_ms` may lie behind the wheel's time: then it is told to hurry. */
static void
check_wait(uint64_t at_ms)
{
	uint64_t first = soonest();
	int wait = wheel_wait_ms(&wheel, at_ms);

	MUST(wait >= -1 && wait <= (int)HOUR_MS);
	if (first == UINT64_MAX)
		return;		/* a stopped one may still be looked at */
	MUST(wait >= 0);
	MUST((uint64_t)wait <= (first > at_ms ? first - at_ms : 0));
}

static void
run_to(uint64_t now_ms)
{
	wheel_run(&wheel, now_ms);
	MUST(wheel.now_ms == now_ms);
	MUST(soonest() > now_ms);
}

/* Jumps of up to two days, and now and then of two years. */
static void
random_steps(void)
{
	for (step = 0; step < STEPS; step++) {
		act();
		check_wait(wheel.now_ms);
		check_wait(wheel.now_ms + some_span(12));
		if (random_below(3) == 0)
			run_to(wheel.now_ms + some_span(28));
		if (random_below(2000) == 0)
			run_to(wheel.now_ms + random_below(730 * DAY_MS));
	}
	handlers_act = false;
	run_to(wheel.now_ms + 10000 * DAY_MS);
	ck_assert_uint_eq(soonest(), UINT64_MAX);
	ck_assert_int_eq(wheel_wait_ms(&wheel, wheel.now_ms), -1);
}

START_TEST(fires_when_a_naive_list_would)
{
	random_steps();
}
END_TEST

START_TEST(handlers_may_change_any_timer)
{
	handlers_act = true;
	random_steps();
}
END_TEST

static const uint64_t starts[] = {
	0, 1, 62, 63, 64, 4095, 4096, 262143, (1ull << 24) - 1,
	(1ull << 30) - 1, (1ull << 36) - 1, 1764000000123,
};
static const uint64_t aheads[] = {
	1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 262144, HOUR_MS, DAY_MS,
	12 * DAY_MS, 365 * DAY_MS,
};

/* A loop that sleeps as long as it is told wakes up in time, and seldom. */
START_TEST(waiting_as_told_is_in_time)
{
	for (size_t i = 0; i < COUNT_OF(aheads); i++) {
		uint64_t deadline = starts[_i] + aheads[i];
		uint64_t wakes = 0;

		wheel_init(&wheel, starts[_i]);
		timer_init(&all[0].timer, on_timer);
		set(&all[0], deadline);
		while (all[0].due_ms != 0) {
			run_to(wheel.now_ms + (uint64_t)wheel_wait_ms(&wheel,
			    wheel.now_ms));
			wakes++;
		}
		ck_assert_uint_eq(wheel.now_ms, deadline);
		ck_assert_uint_le(wakes, TIMER_LEVELS + aheads[i] / HOUR_MS);
	}
}
END_TEST

/* The cost of re-arming per request is one store. */
START_TEST(a_later_deadline_moves_nothing)
{
	struct timer *t = &all[0].timer;
	struct list link;

	set(&all[0], 100);
	link = t->link;
	set(&all[0], 200);
	ck_assert_uint_eq(t->linked_ms, 100);
	ck_assert_mem_eq(&t->link, &link, sizeof(link));
	run_to(199);
	ck_assert_uint_eq(all[0].fired, 0);
	run_to(200);
	ck_assert_uint_eq(all[0].fired, 1);
	run_to(500);
	ck_assert_uint_eq(all[0].fired, 1);
}
END_TEST

START_TEST(a_stopped_one_may_be_set_again)
{
	set(&all[0], 100);
	timer_stop(&all[0].timer);
	set(&all[0], 50);
	run_to(50);
	ck_assert_uint_eq(all[0].fired, 1);
	timer_stop(&all[0].timer);
	all[0].due_ms = 0;
	run_to(1000);
	ck_assert_uint_eq(all[0].fired, 1);
}
END_TEST

/* Its memory may go: nothing in the wheel points to it. */
START_TEST(a_finished_one_is_forgotten)
{
	set(&all[0], 100);
	set(&all[1], 100);
	timer_fini(&wheel, &all[0].timer);
	memset(&all[0], 0xa5, sizeof(all[0]));
	all[0].due_ms = 0;
	run_to(100);
	ck_assert_uint_eq(all[1].fired, 1);
	set(&all[1], 200);
	timer_fini(&wheel, &all[1].timer);
	ck_assert_int_eq(wheel_wait_ms(&wheel, 100), -1);
	timer_fini(&wheel, &all[1].timer);	/* twice does no harm */
}
END_TEST

START_TEST(a_clock_that_goes_back_does_nothing)
{
	run_to(1000);
	set(&all[0], 1001);
	wheel_run(&wheel, 10);
	ck_assert_uint_eq(wheel.now_ms, 1000);
	ck_assert_int_eq(wheel_wait_ms(&wheel, 1000), 1);
	run_to(1001);
	ck_assert_uint_eq(all[0].fired, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/timer");
	TCase *t = tcase_create("timer");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, fires_when_a_naive_list_would);
	tcase_add_test(t, handlers_may_change_any_timer);
	tcase_add_loop_test(t, waiting_as_told_is_in_time, 0,
	    (int)COUNT_OF(starts));
	tcase_add_test(t, a_later_deadline_moves_nothing);
	tcase_add_test(t, a_stopped_one_may_be_set_again);
	tcase_add_test(t, a_finished_one_is_forgotten);
	tcase_add_test(t, a_clock_that_goes_back_does_nothing);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
