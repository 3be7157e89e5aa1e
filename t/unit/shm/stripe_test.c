/* t/unit/shm/stripe_test.c -- counters of many writers, and their sums */
#include "shm/segment.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/random.h"
#include "support/unit.h"

#define BACKENDS 600	/* three chunks */
#define TURNS 200000

static void
set_up(void)
{
	char name[32];

	ck_assert_int_eq(segment_create(), 0);
	for (int i = 0; i < BACKENDS; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		ck_assert_int_eq(segment_backend(name), i);
	}
	ck_assert_int_eq(segment_upstream("u"), 0);
}

/* Random counters of every second process; what they should sum up to. */
static struct sums {
	uint64_t in_flight[BACKENDS], idle[BACKENDS];
	uint64_t requests[BACKENDS], failures[BACKENDS];
	uint64_t first_class[BACKENDS], last_class[BACKENDS];
} want;

static void
count_one(uint32_t process, uint32_t backend)
{
	struct stripe *s = segment_stripe(process, backend);
	uint32_t row = backend % BACKEND_CHUNK;
	uint32_t in_flight = (uint32_t)random_below(1000);
	uint32_t idle = (uint32_t)random_below(1000);
	uint64_t requests = random_u64() >> 8, failures = random_u64() >> 8;

	shm_set(&s->in_flight[row], in_flight);
	shm_set(&s->idle[row], idle);
	shm_set(&s->requests[row], requests);
	shm_set(&s->failures[row], failures);
	want.in_flight[backend] += in_flight;
	want.idle[backend] += idle;
	want.requests[backend] += requests;
	want.failures[backend] += failures;
	/* 32 bits each, the sum has more. */
	shm_set(&s->latency[row][0], UINT32_MAX);
	shm_set(&s->latency[row][LATENCY_CLASSES - 1], in_flight);
	want.first_class[backend] += UINT32_MAX;
	want.last_class[backend] += in_flight;
}

static void
count_all(void)
{
	memset(&want, 0, sizeof(want));
	while (segment_take_process() >= 0)
		continue;
	for (uint32_t p = 0; p <= SEGMENT_MONITOR; p += 2) {
		shm_set(&segment_process(p)->state,
		    p % 4 == 0 ? SLOT_READY : SLOT_DEAD);
		for (uint32_t b = 0; b < BACKENDS; b++)
			count_one(p, b);
	}
}

START_TEST(sums_are_of_all_processes)
{
	count_all();
	for (uint32_t b = 0; b < BACKENDS; b++) {
		ck_assert_uint_eq(segment_in_flight(b), want.in_flight[b]);
		ck_assert_uint_eq(segment_idle(b), want.idle[b]);
		ck_assert_uint_eq(segment_requests(b), want.requests[b]);
		ck_assert_uint_eq(segment_failures(b), want.failures[b]);
	}
}
END_TEST

START_TEST(classes_of_times_are_summed)
{
	uint64_t got[LATENCY_CLASSES];

	count_all();
	for (uint32_t b = 0; b < BACKENDS; b++) {
		segment_latency(b, got);
		ck_assert_uint_eq(got[0], want.first_class[b]);
		ck_assert_uint_eq(got[1], 0);
		ck_assert_uint_eq(got[LATENCY_CLASSES - 1],
		    want.last_class[b]);
	}
}
END_TEST

static const struct {
	uint32_t first, n;
} ranges[] = {
	{ 0, 0 }, { 0, 1 }, { 0, BACKENDS }, { 1, BACKENDS - 1 }, { 3, 513 },
	{ 250, 12 }, { 255, 1 }, { 255, 2 }, { 256, 256 }, { 511, 89 },
	{ BACKENDS - 1, 1 },
};

START_TEST(a_range_is_summed_as_one_by_one)
{
	uint32_t first = ranges[_i].first, n = ranges[_i].n;
	uint32_t out[BACKENDS + 1];

	count_all();
	memset(out, 0xa5, sizeof(out));
	segment_sum_in_flight(first, n, out);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_uint_eq(out[i], want.in_flight[first + i]);
	ck_assert_uint_eq(out[n], 0xa5a5a5a5);	/* not one further */
}
END_TEST

START_TEST(gauges_of_a_dead_process_are_cleared_counters_stay)
{
	uint64_t in_flight, idle;

	count_all();
	shm_set(&segment_process(4)->connections, 9);
	shm_set(&segment_process(4)->requests, 10);
	in_flight = segment_stripe(4, 299)->in_flight[299 - 256];
	idle = segment_stripe(4, 299)->idle[299 - 256];
	segment_clear_gauges(4);
	ck_assert_uint_eq(segment_in_flight(299),
	    want.in_flight[299] - in_flight);
	ck_assert_uint_eq(segment_idle(299), want.idle[299] - idle);
	for (uint32_t b = 0; b < BACKENDS; b++) {
		struct stripe *s = segment_stripe(4, b);

		ck_assert_uint_eq(s->in_flight[b % BACKEND_CHUNK], 0);
		ck_assert_uint_eq(s->idle[b % BACKEND_CHUNK], 0);
		ck_assert_uint_eq(segment_requests(b), want.requests[b]);
		ck_assert_uint_eq(segment_failures(b), want.failures[b]);
	}
	ck_assert_uint_eq(segment_process(4)->connections, 0);
	ck_assert_uint_eq(segment_process(4)->requests, 10);
}
END_TEST

/* Takes numbers from the cursor of upstream 0, counts into its own stripe. */
static void
work(uint32_t process)
{
	_Atomic uint64_t *cursor = &segment_upstream_slot(0)->cursor;
	struct stripe *s = segment_stripe(process, 1);

	shm_publish(&segment_process(process)->state, SLOT_READY);
	for (int i = 0; i < TURNS; i++) {
		atomic_fetch_add_explicit(cursor, 1, memory_order_relaxed);
		shm_add(&s->in_flight[1], 1);
		shm_add(&s->requests[1], 1);
		shm_add(&s->in_flight[1], (uint32_t)-1);
	}
}

START_TEST(two_processes_lose_no_count)
{
	uint64_t start = segment_upstream_slot(0)->cursor;
	pid_t pids[2];
	int status;

	for (uint32_t p = 0; p < 2; p++) {
		pids[p] = fork();
		ck_assert_int_ge(pids[p], 0);
		if (pids[p] == 0) {
			work(p);
			_exit(0);
		}
	}
	for (uint32_t p = 0; p < 2; p++) {
		ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(segment_upstream_slot(0)->cursor,
	    start + 2 * TURNS);
	ck_assert_uint_eq(segment_requests(1), 2 * TURNS);
	ck_assert_uint_eq(segment_in_flight(1), 0);
}
END_TEST

/* Rule 7: what different processes write lies on different lines. */
START_TEST(writers_share_no_line)
{
	uintptr_t a = (uintptr_t)segment_stripe(0, 0);
	uintptr_t b = (uintptr_t)segment_stripe(1, 0);

	ck_assert_uint_eq(a % 64, 0);
	ck_assert_uint_eq(b - a, sizeof(struct stripe));
	ck_assert_uint_eq(sizeof(struct stripe) % 64, 0);
	ck_assert_uint_eq((uintptr_t)segment_process(1) % 64, 0);
	ck_assert_uint_eq(offsetof(struct process_slot, beat_ms) % 64, 0);
	ck_assert_uint_eq((uintptr_t)segment_upstream_slot(1) % 64, 0);
	ck_assert_uint_eq(offsetof(struct upstream_slot, eligibility), 64);
	ck_assert_uint_eq(offsetof(struct upstream_slot, budget) % 64, 0);
	ck_assert_uint_eq((uintptr_t)segment_backend_slot(1) % 64, 0);
	ck_assert_uint_eq((uintptr_t)segment_backend_words(1) % 64, 0);
	ck_assert_uint_eq(offsetof(struct backend_words, health) % 64, 0);
	ck_assert_uint_eq((uintptr_t)segment_upstream_stripe(1) % 64, 0);
	ck_assert_uint_eq(sizeof(struct upstream_stripe) % 64, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/stripe");
	TCase *t = tcase_create("stripe");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_test(t, sums_are_of_all_processes);
	tcase_add_test(t, classes_of_times_are_summed);
	tcase_add_loop_test(t, a_range_is_summed_as_one_by_one, 0,
	    sizeof(ranges) / sizeof(ranges[0]));
	tcase_add_test(t, gauges_of_a_dead_process_are_cleared_counters_stay);
	tcase_add_test(t, two_processes_lose_no_count);
	tcase_add_test(t, writers_share_no_line);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
