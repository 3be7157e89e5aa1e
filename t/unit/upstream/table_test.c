/* t/unit/upstream/table_test.c -- the choice of a backend */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/health.h"
#include "upstream/internal.h"

/* Backends with these weights; 0 ends the list, so DRAINED stands for 0. */
#define DRAINED 65535
#define MOST 1000

/* As the exchange engine asks. */
static struct backend *
pick(struct upstream *u, struct backend *const *tried, unsigned n_tried)
{
	struct pick p = { .tried = tried, .n_tried = n_tried };

	return upstream_pick(u, &p);
}

static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf backends[MOST];
	struct upstream *all;
} w;

static void
setup(void)
{
	memset(&w, 0, sizeof(w));
	clock_update();
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	shm_set(&segment_process(0)->state, SLOT_READY);
}

static void
teardown(void)
{
	upstreams_free(&w.all, 1);
	loop_fini();
	segment_close();
}

static struct upstream *
upstream_of(const uint16_t *weights, size_t n, enum strategy_id strategy)
{
	for (size_t i = 0; i < n; i++) {
		struct backend_conf *b = &w.backends[i];

		b->host = "127.0.0.1";
		b->port = (uint16_t)(i + 1);
		b->weight = weights[i] == DRAINED ? 0 : weights[i];
		ck_assert(address_parse_host(&b->address, SPAN("127.0.0.1"),
		    b->port));
	}
	w.u = (struct upstream_conf){ .name = "default",
		.strategy = strategy, .backends = w.backends,
		.n_backends = n, .fail_open = 100, .slow_start_ms = 10000,
		.breaker = { .failures = 5, .window_ms = 10000, .requests = 20,
		.ratio = 5000, .open_ms = 10000, .open_most_ms = 300000,
		.trials = 1, .successes = 2, .max_ejected = 10000 } };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	w.all = upstreams_new(&w.conf, 0, 1);
	return w.all;
}

static const struct {
	uint16_t weights[8];
	enum strategy_id strategy;
} rows[] = {
	{ { 1, 1 }, STRATEGY_WEIGHTED },
	{ { 2, 1 }, STRATEGY_WEIGHTED },
	{ { 5, 1, 1 }, STRATEGY_WEIGHTED },
	{ { 1 }, STRATEGY_WEIGHTED },
	{ { 1000, 999, 1, 7, 13 }, STRATEGY_WEIGHTED },
	{ { 3, DRAINED, 5 }, STRATEGY_WEIGHTED },
	{ { 1000, 1, 1 }, STRATEGY_ROUND_ROBIN },
};

static size_t
count_of(const uint16_t *weights)
{
	size_t n = 0;

	while (n < 8 && weights[n] != 0)
		n++;
	return n;
}

/* Over one cycle from anywhere every share is exact. */
START_TEST(shares_are_exact_over_a_cycle)
{
	size_t n = count_of(rows[_i].weights);
	struct upstream *u = upstream_of(rows[_i].weights, n,
	    rows[_i].strategy);
	unsigned hits[8] = { 0 };

	shm_set(u->cursor, 12345);
	for (uint64_t i = 0; i < u->sum * 3; i++)
		hits[pick(u, NULL, 0) - u->backends]++;
	for (size_t i = 0; i < n; i++) {
		unsigned weight = rows[_i].weights[i];

		if (weight == DRAINED)
			weight = 0;
		else if (rows[_i].strategy == STRATEGY_ROUND_ROBIN)
			weight = 1;
		ck_assert_uint_eq(hits[i], weight * 3);
	}
}
END_TEST

/* No run of the heavy one is longer than its share asks for, by one. */
START_TEST(turns_are_evenly_spread)
{
	static const uint16_t weights[] = { 5, 1, 1 };
	struct upstream *u = upstream_of(weights, 3, STRATEGY_WEIGHTED);
	unsigned run = 0, longest = 0;

	for (int i = 0; i < 70; i++) {
		run = pick(u, NULL, 0) == &u->backends[0] ?
		    run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	ck_assert_uint_le(longest, 4);
}
END_TEST

START_TEST(tried_ones_are_walked_over)
{
	static const uint16_t weights[] = { 1, 1, 1 };
	struct upstream *u = upstream_of(weights, 3, STRATEGY_WEIGHTED);
	struct backend *tried[3];

	for (unsigned n = 0; n < 3; n++) {
		tried[n] = pick(u, tried, n);
		ck_assert_ptr_nonnull(tried[n]);
		for (unsigned i = 0; i < n; i++)
			ck_assert_ptr_ne(tried[n], tried[i]);
	}
	ck_assert_ptr_null(pick(u, tried, 3));
}
END_TEST

/* A try after a failed one leaves the order of turns alone. */
START_TEST(another_try_takes_no_turn)
{
	static const uint16_t weights[] = { 1, 1 };
	struct upstream *u = upstream_of(weights, 2, STRATEGY_WEIGHTED);
	struct backend *tried[1];
	unsigned firsts[2] = { 0 };

	for (int i = 0; i < 100; i++) {
		tried[0] = pick(u, NULL, 0);
		firsts[tried[0] - u->backends]++;
		ck_assert_ptr_ne(pick(u, tried, 1), tried[0]);
	}
	ck_assert_uint_eq(firsts[0], 50);
	ck_assert_uint_eq(firsts[1], 50);
}
END_TEST

START_TEST(nobody_is_left)
{
	static const uint16_t weights[] = { DRAINED, DRAINED };
	struct upstream *u = upstream_of(weights, 2, STRATEGY_WEIGHTED);

	ck_assert_ptr_null(pick(u, NULL, 0));
}
END_TEST

START_TEST(an_unresolved_one_is_never_chosen)
{
	static const uint16_t weights[] = { 1, 1 };
	struct upstream *u;

	u = upstream_of(weights, 2, STRATEGY_WEIGHTED);
	upstreams_free(&w.all, 1);
	w.backends[0].address.len = 0;
	w.all = u = upstreams_new(&w.conf, 0, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_eq(pick(u, NULL, 0), &u->backends[1]);
}
END_TEST

/* A thousand backends of any weights: exact, and found by their prefix. */
START_TEST(a_thousand_backends)
{
	static uint16_t weights[MOST];
	static unsigned hits[MOST];
	struct upstream *u;

	for (unsigned i = 0; i < MOST; i++)
		weights[i] = (uint16_t)(i % 1000 + 1);
	u = upstream_of(weights, MOST, STRATEGY_WEIGHTED);
	for (uint64_t i = 0; i < u->sum; i++)
		hits[pick(u, NULL, 0) - u->backends]++;
	for (unsigned i = 0; i < MOST; i++)
		ck_assert_uint_eq(hits[i], weights[i]);
}
END_TEST

/* ---- who is in the table */

static struct upstream *
three_equal(void)
{
	static const uint16_t weights[] = { 100, 100, 100 };

	return upstream_of(weights, 3, STRATEGY_WEIGHTED);
}

static void
set_health(struct upstream *u, unsigned i, enum health health,
    bool is_recovered)
{
	shm_set(&segment_backend_words(u->backends[i].slot)->health,
	    health_pack((struct health_word){ .health = health,
	    .is_recovered = is_recovered, .since_ms = clock_now_ms }));
	atomic_fetch_add(u->eligibility, 1);
}

static void
set_admin(struct upstream *u, unsigned i, struct admin_word word)
{
	shm_set(&segment_backend_words(u->backends[i].slot)->admin,
	    admin_pack(word));
	atomic_fetch_add(u->eligibility, 1);
}

/* Picks of each by `n` of them. */
static void
count_picks(struct upstream *u, unsigned n, unsigned hits[3])
{
	struct pick p = { .n_tried = 0 };
	struct backend *b;

	memset(hits, 0, 3 * sizeof(*hits));
	for (unsigned i = 0; i < n; i++) {
		b = upstream_pick(u, &p);
		ck_assert_ptr_nonnull(b);
		ck_assert(!p.is_trial);
		hits[b - u->backends]++;
	}
}

static void
later(uint64_t ms)
{
	clock_now_ms += ms;
	wheel_run(&loop.wheel, clock_now_ms);
}

/* At once by the old table, which is then made anew. */
START_TEST(who_is_down_gets_nothing)
{
	struct upstream *u = three_equal();
	unsigned hits[3];

	set_health(u, 1, HEALTH_DOWN, false);
	count_picks(u, 300, hits);
	ck_assert_uint_eq(hits[1], 0);
	ck_assert_uint_eq(u->n_rows, 3);
	later(60);
	ck_assert_uint_eq(u->n_rows, 2);
	count_picks(u, 200, hits);
	ck_assert_uint_eq(hits[0], 100);
	ck_assert_uint_eq(hits[1], 0);
	set_health(u, 1, HEALTH_UP, false);
	count_picks(u, 1, hits);
	later(60);
	count_picks(u, 300, hits);
	ck_assert_uint_eq(hits[1], 100);
}
END_TEST

START_TEST(an_operator_decides)
{
	struct upstream *u = three_equal();
	unsigned hits[3];

	set_admin(u, 0, (struct admin_word){ .state = ADMIN_DRAIN });
	set_admin(u, 1, (struct admin_word){ .state = ADMIN_MAINTENANCE });
	ck_assert(backend_can_serve(&u->backends[0]));
	ck_assert(!backend_can_serve(&u->backends[1]));
	table_build(u);
	count_picks(u, 30, hits);
	ck_assert_uint_eq(hits[2], 30);
	set_admin(u, 0, (struct admin_word){ .has_weight = true,
	    .weight = 300 });
	set_admin(u, 1, (struct admin_word){ .has_weight = true });
	table_build(u);
	count_picks(u, 400, hits);
	ck_assert_uint_eq(hits[0], 300);
	ck_assert_uint_eq(hits[1], 0);
	/* Nobody is well, but what an operator has said holds. */
	set_health(u, 0, HEALTH_DOWN, false);
	set_admin(u, 2, (struct admin_word){ .state = ADMIN_MAINTENANCE });
	table_build(u);
	count_picks(u, 30, hits);
	ck_assert_uint_eq(hits[0], 30);
}
END_TEST

START_TEST(backups_serve_when_nobody_else_can)
{
	struct upstream *u;
	unsigned hits[3];

	w.backends[2].is_backup = true;
	u = three_equal();
	count_picks(u, 30, hits);
	ck_assert_uint_eq(hits[2], 0);
	set_health(u, 0, HEALTH_DOWN, false);
	set_health(u, 1, HEALTH_DOWN, false);
	table_build(u);
	count_picks(u, 30, hits);
	ck_assert_uint_eq(hits[2], 30);
	/* Without any the primaries have to: it may be our own trouble. */
	set_health(u, 2, HEALTH_DOWN, false);
	table_build(u);
	count_picks(u, 200, hits);
	ck_assert_uint_eq(hits[0], 100);
	ck_assert_uint_eq(hits[2], 0);
	w.u.fail_open = 0;
	table_build(u);
	ck_assert_ptr_null(pick(u, NULL, 0));
}
END_TEST

START_TEST(below_a_share_all_serve)
{
	struct upstream *u = three_equal();
	unsigned hits[3];

	w.u.fail_open = 5000;
	set_health(u, 0, HEALTH_DOWN, false);
	table_build(u);
	ck_assert(!u->fails_open);
	set_health(u, 1, HEALTH_DOWN, false);
	table_build(u);
	ck_assert(u->fails_open);
	count_picks(u, 300, hits);
	ck_assert_uint_eq(hits[0], 100);
	ck_assert_uint_eq(hits[1], 100);
}
END_TEST

/* Its share against that of the two others at each tenth. */
START_TEST(who_returns_begins_slowly)
{
	struct upstream *u = three_equal();
	unsigned hits[3], want;

	set_health(u, 0, HEALTH_DOWN, false);
	table_build(u);
	set_health(u, 0, HEALTH_UP, true);
	table_build(u);
	for (unsigned tenth = 1; tenth <= 11; tenth++) {
		want = tenth < 10 ? tenth * 100 : 1000;
		for (int i = 0; i < 10; i++)
			later(100);
		count_picks(u, 2000 + want, hits);
		ck_assert_uint_ge(hits[0], want - 22);
		ck_assert_uint_le(hits[0], want + 3);
	}
	ck_assert_uint_eq(u->sum, 300);
}
END_TEST

START_TEST(all_who_return_share_at_once)
{
	struct upstream *u = three_equal();
	unsigned hits[3];

	for (unsigned i = 0; i < 3; i++)
		set_health(u, i, HEALTH_UP, true);
	table_build(u);
	count_picks(u, 300, hits);
	ck_assert_uint_eq(hits[0], 100);
}
END_TEST

/* ---- breakers */

static void
fail_times(struct backend *b, unsigned n, enum failure kind)
{
	for (unsigned i = 0; i < n; i++) {
		shm_add(b->requests, 1);
		backend_failed(b, kind, false);
	}
}

static enum breaker_state
state_of(const struct backend *b)
{
	return breaker_unpack(shm_get(b->breaker)).state;
}

START_TEST(failures_open_a_breaker_trials_close_it)
{
	struct upstream *u = three_equal();
	struct pick p = { .n_tried = 0 };
	unsigned hits[3];

	fail_times(&u->backends[1], 4, FAILURE_LOCAL);
	backend_succeeded(&u->backends[1], false);
	fail_times(&u->backends[1], 4, FAILURE_LOCAL);
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_CLOSED);
	fail_times(&u->backends[1], 1, FAILURE_LOCAL);
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_OPEN);
	ck_assert(!backend_can_serve(&u->backends[1]));
	count_picks(u, 100, hits);
	ck_assert_uint_eq(hits[1], 0);
	later(60);
	ck_assert_uint_eq(u->n_rows, 2);
	later(11001);	/* 10 s and a tenth more at most */
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_HALF_OPEN);
	ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[1]);
	ck_assert(p.is_trial);
	/* One at a time. */
	count_picks(u, 100, hits);
	ck_assert_uint_eq(hits[1], 0);
	backend_succeeded(&u->backends[1], true);
	backend_end_trial(&u->backends[1]);
	ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[1]);
	backend_succeeded(&u->backends[1], true);
	backend_end_trial(&u->backends[1]);
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_CLOSED);
	count_picks(u, 1, hits);
	later(60);
	ck_assert_uint_eq(u->n_rows, 3);
	count_picks(u, 2100, hits);	/* begins slowly */
	ck_assert_uint_le(hits[1], 102);
	ck_assert_uint_ge(hits[1], 98);
}
END_TEST

START_TEST(a_failed_trial_opens_it_for_longer)
{
	struct upstream *u = three_equal();
	struct pick p = { .n_tried = 0 };
	struct breaker b;

	fail_times(&u->backends[1], 5, FAILURE_GATEWAY);
	table_build(u);
	for (unsigned trips = 2; trips <= 7; trips++) {
		uint64_t want = 10000u << (trips - 1);

		if (want > 300000)
			want = 300000;
		later(breaker_unpack(shm_get(u->backends[1].breaker)).at_ms -
		    clock_now_ms + 2);
		ck_assert_int_eq(state_of(&u->backends[1]),
		    BREAKER_HALF_OPEN);
		ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[1]);
		backend_failed(&u->backends[1], FAILURE_LOCAL, p.is_trial);
		backend_end_trial(&u->backends[1]);
		b = breaker_unpack(shm_get(u->backends[1].breaker));
		ck_assert_int_eq(b.state, BREAKER_OPEN);
		ck_assert_uint_eq(b.trips, trips);
		ck_assert_uint_ge(b.at_ms - clock_now_ms, want - want / 10);
		ck_assert_uint_le(b.at_ms - clock_now_ms, want + want / 10);
		table_build(u);
	}
}
END_TEST

/* What a try says that began before the breaker opened changes nothing. */
START_TEST(late_news_does_not_count)
{
	struct upstream *u = three_equal();
	uint64_t word;

	fail_times(&u->backends[1], 5, FAILURE_LOCAL);
	word = shm_get(u->backends[1].breaker);
	backend_succeeded(&u->backends[1], false);
	fail_times(&u->backends[1], 3, FAILURE_LOCAL);
	ck_assert_uint_eq(shm_get(u->backends[1].breaker), word);
	table_build(u);
	later(11001);
	word = shm_get(u->backends[1].breaker);
	backend_succeeded(&u->backends[1], false);
	fail_times(&u->backends[1], 3, FAILURE_LOCAL);
	ck_assert_uint_eq(shm_get(u->backends[1].breaker), word);
}
END_TEST

START_TEST(a_share_of_failures_opens_it)
{
	struct upstream *u = three_equal();
	struct backend *b = &u->backends[0];

	/* Every second one fails: never in a row. */
	for (unsigned i = 0; i < 9; i++) {
		fail_times(b, 1, FAILURE_GATEWAY);
		shm_add(b->requests, 1);
		backend_succeeded(b, false);
	}
	fail_times(b, 1, FAILURE_GATEWAY);
	ck_assert_int_eq(state_of(b), BREAKER_CLOSED);	/* of 19 */
	fail_times(b, 1, FAILURE_GATEWAY);
	ck_assert_int_eq(state_of(b), BREAKER_OPEN);
}
END_TEST

START_TEST(failures_of_an_older_window_do_not_count)
{
	struct upstream *u = three_equal();
	struct backend *b = &u->backends[0];

	for (unsigned i = 0; i < 15; i++) {
		fail_times(b, 1, FAILURE_GATEWAY);
		shm_add(b->requests, 1);
		backend_succeeded(b, false);
		later(1000);
	}
	ck_assert_int_eq(state_of(b), BREAKER_CLOSED);
}
END_TEST

START_TEST(so_many_are_left_out_at_most)
{
	struct upstream *u = three_equal();

	w.u.breaker.max_ejected = 5000;
	fail_times(&u->backends[0], 5, FAILURE_LOCAL);
	fail_times(&u->backends[1], 20, FAILURE_LOCAL);
	ck_assert_int_eq(state_of(&u->backends[0]), BREAKER_OPEN);
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_CLOSED);
	/* One may always. */
	w.u.breaker.max_ejected = 0;
	shm_set(u->backends[0].breaker, 0);
	fail_times(&u->backends[1], 1, FAILURE_LOCAL);
	ck_assert_int_eq(state_of(&u->backends[1]), BREAKER_OPEN);
}
END_TEST

/* What serves nobody else's requests serves when nobody is left. */
START_TEST(all_that_are_left_out_serve)
{
	struct upstream *u = three_equal();
	unsigned hits[3];

	for (unsigned i = 0; i < 3; i++)
		fail_times(&u->backends[i], 5, FAILURE_LOCAL);
	count_picks(u, 30, hits);
	later(60);
	ck_assert(u->fails_open);
	count_picks(u, 300, hits);
	ck_assert_uint_eq(hits[0], 100);
}
END_TEST

/* Another process's trial counts, and is given back when it dies. */
START_TEST(trials_are_of_all_workers)
{
	struct upstream *u = three_equal();
	struct pick p = { .n_tried = 0 };
	uint32_t slot = u->backends[0].slot;
	_Atomic uint32_t *others = &segment_stripe(5, slot)->
	    trials[slot % BACKEND_CHUNK];

	fail_times(&u->backends[0], 5, FAILURE_LOCAL);
	table_build(u);
	later(11001);
	shm_set(&segment_process(5)->state, SLOT_READY);
	shm_claim(others, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_ne(upstream_pick(u, &p), &u->backends[0]);
	segment_clear_gauges(5);
	ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[0]);
	ck_assert(p.is_trial);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("table");
	TCase *t = tcase_create("table");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, shares_are_exact_over_a_cycle, 0,
	    (int)COUNT_OF(rows));
	tcase_add_test(t, turns_are_evenly_spread);
	tcase_add_test(t, tried_ones_are_walked_over);
	tcase_add_test(t, another_try_takes_no_turn);
	tcase_add_test(t, nobody_is_left);
	tcase_add_test(t, an_unresolved_one_is_never_chosen);
	tcase_add_test(t, a_thousand_backends);
	tcase_add_test(t, who_is_down_gets_nothing);
	tcase_add_test(t, an_operator_decides);
	tcase_add_test(t, backups_serve_when_nobody_else_can);
	tcase_add_test(t, below_a_share_all_serve);
	tcase_add_test(t, who_returns_begins_slowly);
	tcase_add_test(t, all_who_return_share_at_once);
	tcase_add_test(t, failures_open_a_breaker_trials_close_it);
	tcase_add_test(t, a_failed_trial_opens_it_for_longer);
	tcase_add_test(t, late_news_does_not_count);
	tcase_add_test(t, a_share_of_failures_opens_it);
	tcase_add_test(t, failures_of_an_older_window_do_not_count);
	tcase_add_test(t, so_many_are_left_out_at_most);
	tcase_add_test(t, all_that_are_left_out_serve);
	tcase_add_test(t, trials_are_of_all_workers);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
