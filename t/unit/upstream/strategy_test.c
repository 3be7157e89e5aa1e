/* t/unit/upstream/strategy_test.c -- each way to choose a backend */
#include "upstream/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/hash.h"
#include "core/random.h"
#include "event/loop.h"
#include "proc/register.h"
#include "support/unit.h"
#include "upstream/health.h"
#include "upstream/internal.h"
#include "upstream/load.h"

#define MOST	100
#define WORKERS	4

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
	random_seed();
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	for (uint32_t i = 0; i < WORKERS; i++)
		shm_set(&segment_process(i)->state, SLOT_READY);
	load_view.next_ms = 0;
	w.u = (struct upstream_conf){ .name = "default",
		.backends = w.backends, .fail_open = 100 };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
}

static void
teardown(void)
{
	upstreams_free(&w.all, 1);
	loop_fini();
	segment_close();
}

static struct upstream *
begin(void)
{
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	w.all = upstreams_new(&w.conf, 0, WORKERS);
	return w.all;
}

/* `n` backends with the weights given, over and over. */
static struct upstream *
upstream_of(enum strategy_id strategy, size_t n, const uint16_t *weights,
    size_t n_weights)
{
	for (size_t i = 0; i < n; i++) {
		struct backend_conf *b = &w.backends[i];

		b->host = "127.0.0.1";
		b->port = (uint16_t)(i + 1);
		b->weight = weights[i % n_weights];
		ck_assert(address_parse_host(&b->address, SPAN("127.0.0.1"),
		    b->port));
	}
	w.u.strategy = strategy;
	w.u.n_backends = n;
	return begin();
}

static const uint16_t ones[] = { 1 };
static const uint16_t mixed[] = { 5, 1, 3 };

static uint32_t
pick(struct upstream *u)
{
	struct pick p = { .n_tried = 0 };
	struct backend *b = upstream_pick(u, &p);

	ck_assert_ptr_nonnull(b);
	return (uint32_t)(b - u->backends);
}

static uint32_t
pick_key(struct upstream *u, uint64_t i)
{
	struct pick p = { .has_key = true,
		.key = hash_bytes(&i, sizeof(i), 0) };
	struct backend *b = upstream_pick(u, &p);

	ck_assert_ptr_nonnull(b);
	return (uint32_t)(b - u->backends);
}

/* As worker `process` counts it. */
static void
set_load(const struct upstream *u, uint32_t i, uint32_t process, uint32_t n)
{
	uint32_t slot = u->backends[i].slot;

	shm_set(&segment_stripe(process, slot)->in_flight[slot %
	    BACKEND_CHUNK], n);
}

static void
set_down(struct upstream *u, uint32_t i, bool is_down)
{
	shm_set(&segment_backend_words(u->backends[i].slot)->health,
	    health_pack((struct health_word){ .health = is_down ?
	    HEALTH_DOWN : HEALTH_UP }));
	upstream_changed(u);
	table_build(u);
}

/* ---- names */

START_TEST(each_has_a_name)
{
	for (int i = 0; i < STRATEGY_COUNT; i++) {
		ck_assert_ptr_nonnull(strategies[i].name);
		ck_assert_ptr_nonnull(strategies[i].pick);
	}
	ck_assert_str_eq(strategies[STRATEGY_LEAST_CONN].name, "least-conn");
}
END_TEST

/* Under each: nobody who is out is chosen, tried ones last, one alone too. */
START_TEST(each_keeps_to_who_may_serve)
{
	struct upstream *u = upstream_of((enum strategy_id)_i, 6, mixed, 3);
	struct backend *tried[6];
	struct pick p = { .tried = tried, .has_key = true };

	set_down(u, 0, true);
	set_down(u, 4, true);
	for (p.key = 0; p.key < 1000000000; p.key += 9999991) {
		for (p.n_tried = 0; p.n_tried < 4; p.n_tried++) {
			tried[p.n_tried] = upstream_pick(u, &p);
			ck_assert_ptr_nonnull(tried[p.n_tried]);
			ck_assert_ptr_ne(tried[p.n_tried], &u->backends[0]);
			ck_assert_ptr_ne(tried[p.n_tried], &u->backends[4]);
			for (unsigned i = 0; i < p.n_tried; i++)
				ck_assert_ptr_ne(tried[i], tried[p.n_tried]);
		}
		ck_assert_ptr_null(upstream_pick(u, &p));
	}
	for (uint32_t i = 1; i < 6; i++)
		set_down(u, i, i != 3);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(pick_key(u, (uint64_t)i), 3);
}
END_TEST

/* The table is of a moment ago: who went down since is not chosen. */
START_TEST(each_looks_again_when_the_table_is_old)
{
	struct upstream *u = upstream_of((enum strategy_id)_i, 3, ones, 1);

	shm_set(&segment_backend_words(u->backends[0].slot)->health,
	    health_pack((struct health_word){ .health = HEALTH_DOWN }));
	upstream_changed(u);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_ne(pick_key(u, (uint64_t)i), 0);
}
END_TEST

/* ---- by weight */

START_TEST(draws_go_by_weight)
{
	struct upstream *u = upstream_of(STRATEGY_RANDOM, 6, mixed, 3);
	unsigned hits[6] = { 0 };

	for (int i = 0; i < 180000; i++)
		hits[pick(u)]++;
	for (uint32_t i = 0; i < 6; i++) {	/* of 18 parts */
		ck_assert_uint_ge(hits[i], mixed[i % 3] * 10000u * 94 / 100);
		ck_assert_uint_le(hits[i], mixed[i % 3] * 10000u * 106 / 100);
	}
}
END_TEST

START_TEST(the_first_serves_until_it_cannot)
{
	struct upstream *u = upstream_of(STRATEGY_FIRST, 3, ones, 1);
	struct pick p = { .n_tried = 2, .tried = (struct backend *[]){
		&u->backends[0], &u->backends[1] } };

	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(pick(u), 0);
	ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[2]);
	set_down(u, 0, true);
	ck_assert_uint_eq(pick(u), 1);
	set_down(u, 0, false);
	ck_assert_uint_eq(pick(u), 0);
}
END_TEST

/* ---- by load */

/* What all workers have counts; more for more weight. */
START_TEST(the_least_loaded_for_its_weight)
{
	struct upstream *u = upstream_of(STRATEGY_LEAST_CONN, 3, mixed, 3);

	set_load(u, 0, 0, 3);
	set_load(u, 0, 3, 1);		/* 5 to be with the next, for 5 */
	set_load(u, 1, 1, 1);		/* 2 for 1 */
	set_load(u, 2, 2, 3);		/* 4 for 3 */
	ck_assert_uint_eq(pick(u), 0);
	set_load(u, 0, 3, 5);		/* 9 for 5 */
	ck_assert_uint_eq(pick(u), 2);
	set_load(u, 2, 2, 5);		/* 6 for 3: ties with 2 for 1 */
	ck_assert_uint_eq(pick(u), 0);
	set_load(u, 0, 3, 99);
	ck_assert_uint_ne(pick(u), 0);
}
END_TEST

/* Idle and of one weight they take turns, among equals by weight too. */
START_TEST(equals_take_turns)
{
	struct upstream *u = upstream_of(STRATEGY_LEAST_CONN, 6, mixed, 3);
	unsigned hits[6] = { 0 };

	/* (load + 1) / weight is 2 for all but the last. */
	for (uint32_t i = 0; i < 6; i++)
		set_load(u, i, i % WORKERS, 2u * mixed[i % 3] - 1 + (i == 5));
	for (int i = 0; i < 1800; i++)
		hits[pick(u)]++;
	ck_assert_uint_eq(hits[5], 0);
	for (uint32_t i = 0; i < 5; i++) {	/* of 15 parts */
		ck_assert_uint_ge(hits[i], mixed[i % 3] * 120u - 12);
		ck_assert_uint_le(hits[i], mixed[i % 3] * 120u + 12);
	}
}
END_TEST

/* A worker that is dead has nothing in flight. */
START_TEST(the_dead_do_not_count)
{
	struct upstream *u = upstream_of(STRATEGY_LEAST_CONN, 2, ones, 1);

	set_load(u, 0, 3, 9);
	set_load(u, 1, 2, 1);
	ck_assert_uint_eq(pick(u), 1);
	shm_set(&segment_process(3)->state, SLOT_DEAD);
	load_view.next_ms = 0;
	ck_assert_uint_eq(pick(u), 0);
}
END_TEST

/* Kept busy by simulated requests all end up with about the same load. */
START_TEST(loads_are_evened_out)
{
	static const struct {
		enum strategy_id strategy;
		size_t n;
		uint32_t spread;
	} rows[] = {
		{ STRATEGY_LEAST_CONN, 10, 1 }, { STRATEGY_LEAST_CONN, 32, 1 },
		{ STRATEGY_LEAST_CONN, 33, 4 }, { STRATEGY_LEAST_CONN, 100, 4 },
		{ STRATEGY_P2C, 10, 6 }, { STRATEGY_P2C, 100, 7 },
		{ STRATEGY_PEAK_EWMA, 10, 6 },
	};
	struct upstream *u = upstream_of(rows[_i].strategy, rows[_i].n, ones,
	    1);
	uint32_t loads[MOST] = { 0 }, least = UINT32_MAX, most = 0, at;

	for (size_t i = 0; i < rows[_i].n * 50; i++) {
		at = pick(u);
		set_load(u, at, 1, ++loads[at]);
	}
	for (size_t i = 0; i < rows[_i].n; i++) {
		least = loads[i] < least ? loads[i] : least;
		most = loads[i] > most ? loads[i] : most;
	}
	ck_assert_uint_le(most - least, rows[_i].spread);
}
END_TEST

/* All idle: who was chosen less this second comes first. */
START_TEST(two_choices_spread_what_is_idle)
{
	struct upstream *u = upstream_of(STRATEGY_P2C, 6, mixed, 3);
	unsigned hits[6] = { 0 };

	for (int i = 0; i < 60000; i++)
		hits[pick(u)]++;
	/* A heavy idle one wins over any lighter: of the pairs. */
	ck_assert_uint_gt(hits[0], hits[2]);
	ck_assert_uint_gt(hits[2], hits[1]);
	ck_assert_int_le(abs((int)hits[0] - (int)hits[3]), 2000);
}
END_TEST

/* ---- by time */

static void
answer(struct upstream *u, uint32_t i, uint64_t us, unsigned status)
{
	backend_timed(&u->backends[i], us, status);
}

START_TEST(the_faster_one_of_two)
{
	struct upstream *u = upstream_of(STRATEGY_PEAK_EWMA, 2, ones, 1);

	answer(u, 0, 1000, 200);
	answer(u, 1, 3000, 200);
	ck_assert_uint_eq(pick(u), 0);
	set_load(u, 0, 2, 3);		/* 4 * 1 ms against 3 ms */
	ck_assert_uint_eq(pick(u), 1);
	set_load(u, 0, 2, 1);
	ck_assert_uint_eq(pick(u), 0);
	answer(u, 0, 4, 404);		/* says nothing */
	answer(u, 0, 4, 500);		/* 4 times as long */
	ck_assert_uint_eq(pick(u), 1);
	backend_penalize(&u->backends[1], 9000000);
	ck_assert_uint_eq(pick(u), 0);
	clock_now_ms += 60000;		/* forgotten, but not what 9 s are */
	ck_assert_uint_eq(pick(u), 0);
}
END_TEST

/* Nobody knows the last: it is taken to be like most. */
START_TEST(a_newcomer_is_like_most)
{
	struct upstream *u = upstream_of(STRATEGY_PEAK_EWMA, 4, ones, 1);
	unsigned hits[4] = { 0 };

	answer(u, 0, 1000, 200);
	answer(u, 1, 5000, 200);
	answer(u, 2, 9000, 200);
	for (int i = 0; i < 6000; i++)
		hits[pick(u)]++;
	ck_assert_uint_gt(hits[0], hits[3]);	/* wins all its pairs */
	ck_assert_uint_gt(hits[3], 1000);
	ck_assert_uint_eq(hits[2], 0);
}
END_TEST

START_TEST(times_are_counted_by_class)
{
	struct upstream *u = upstream_of(STRATEGY_WEIGHTED, 1, ones, 1);
	uint64_t counts[LATENCY_CLASSES];

	answer(u, 0, 1000, 200);
	answer(u, 0, 1000, 404);
	answer(u, 0, 1000, 503);
	segment_latency(u->backends[0].slot, counts);
	ck_assert_uint_eq(counts[latency_class(1000)], 3);
}
END_TEST

/* ---- by key */

#define KEYS	2000

START_TEST(a_key_stays_and_returns)
{
	struct upstream *u = upstream_of(STRATEGY_HASH, 10, ones, 1);
	uint32_t was[KEYS], is, moved = 0;

	for (uint64_t i = 0; i < KEYS; i++)
		was[i] = pick_key(u, i);
	set_down(u, 4, true);
	for (uint64_t i = 0; i < KEYS; i++) {
		is = pick_key(u, i);
		ck_assert_uint_ne(is, 4);
		ck_assert(is == was[i] || was[i] == 4);
		moved += is != was[i];
	}
	ck_assert_uint_le(moved, 2 * KEYS / 10);
	set_down(u, 4, false);
	for (uint64_t i = 0; i < KEYS; i++)
		ck_assert_uint_eq(pick_key(u, i), was[i]);
}
END_TEST

/* The order of the file is nothing. */
START_TEST(places_do_not_matter)
{
	struct upstream *u = upstream_of(STRATEGY_HASH, 10, ones, 1);
	uint32_t was[KEYS];

	for (uint64_t i = 0; i < KEYS; i++)
		was[i] = w.backends[pick_key(u, i)].port;
	upstreams_free(&w.all, 1);
	for (size_t i = 0; i < 5; i++) {
		struct backend_conf b = w.backends[i];

		w.backends[i] = w.backends[9 - i];
		w.backends[9 - i] = b;
	}
	u = begin();
	for (uint64_t i = 0; i < KEYS; i++)
		ck_assert_uint_eq(w.backends[pick_key(u, i)].port, was[i]);
}
END_TEST

/* A name with two addresses: these are two, wherever they stand. */
START_TEST(addresses_of_a_name_are_told_apart)
{
	struct upstream *u;
	unsigned hits[2] = { 0 };

	(void)upstream_of(STRATEGY_HASH, 2, ones, 1);
	upstreams_free(&w.all, 1);
	w.backends[1].port = w.backends[0].port;
	ck_assert(address_parse_host(&w.backends[1].address,
	    SPAN("127.0.0.2"), 1));
	u = begin();
	for (uint64_t i = 0; i < KEYS; i++)
		hits[pick_key(u, i)]++;
	ck_assert_uint_gt(hits[0], KEYS * 4 / 10);
	ck_assert_uint_gt(hits[1], KEYS * 4 / 10);
}
END_TEST

START_TEST(without_a_key_by_weight)
{
	struct upstream *u = upstream_of(STRATEGY_HASH, 3, mixed, 3);
	unsigned hits[3] = { 0 };

	for (int i = 0; i < 900; i++)
		hits[pick(u)]++;
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(hits[i], mixed[i] * 100u);
}
END_TEST

START_TEST(backups_have_a_table_of_their_own)
{
	struct upstream *u;
	uint32_t was[KEYS];

	w.backends[2].is_backup = w.backends[3].is_backup = true;
	u = upstream_of(STRATEGY_HASH, 4, ones, 1);
	for (uint64_t i = 0; i < KEYS; i++) {
		was[i] = pick_key(u, i);
		ck_assert_uint_le(was[i], 1);
	}
	set_down(u, 0, true);
	set_down(u, 1, true);
	for (uint64_t i = 0; i < KEYS; i++)
		ck_assert_uint_ge(pick_key(u, i), 2);
	set_down(u, 0, false);
	set_down(u, 1, false);
	for (uint64_t i = 0; i < KEYS; i++)
		ck_assert_uint_eq(pick_key(u, i), was[i]);
}
END_TEST

/* However the keys are spread, nobody gets more than its bound at a time. */
START_TEST(bounded_load_holds)
{
	static const uint32_t bounds[] = { 10000, 12500, 20000 };
	uint32_t loads[30] = { 0 }, at;
	struct upstream *u;
	uint64_t sum, bound;

	w.u.hash.bounded_load = bounds[_i];
	u = upstream_of(STRATEGY_HASH, 30, mixed, 3);
	sum = u->sum;
	for (uint64_t i = 0; i < 3000; i++) {
		at = pick_key(u, i % 5);	/* a few keys have it all */
		bound = (bounds[_i] * (i + 1) * w.backends[at].weight +
		    sum * 10000 - 1) / (sum * 10000);
		loads[at]++;
		ck_assert_uint_le(loads[at], bound);
		set_load(u, at, 1, loads[at] / 2);
		set_load(u, at, 3, loads[at] - loads[at] / 2);
		shm_set(&segment_upstream_stripe(i % 2)->in_flight[
		    w.u.slot], (uint32_t)(i / 2 + 1));
	}
}
END_TEST

START_TEST(without_load_bounds_move_nothing)
{
	struct upstream *u = upstream_of(STRATEGY_HASH, 10, ones, 1);
	uint32_t was[KEYS];

	for (uint64_t i = 0; i < KEYS; i++)
		was[i] = pick_key(u, i);
	upstreams_free(&w.all, 1);
	w.u.hash.bounded_load = 12500;
	u = begin();
	for (uint64_t i = 0; i < KEYS; i++)
		ck_assert_uint_eq(pick_key(u, i), was[i]);
}
END_TEST

/* Gauges that lie side by side, and one that does not. */
START_TEST(runs_are_summed_one_by_one)
{
	struct run runs[2] = { { .n = (uint32_t)_i }, { .n = 1 } };
	uint32_t loads[41];

	for (uint32_t i = 0; i < 40; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "b%u", i);
		ck_assert_int_eq(segment_backend(name), (int)i);
		for (uint32_t p = 0; p < WORKERS; p++)
			shm_set(&segment_stripe(p, 0)->in_flight[i],
			    1000 * p + i);
	}
	load_view_take();
	runs[0].gauge = (const char *)&segment_stripe(0, 0)->in_flight[3];
	runs[1].gauge = (const char *)&segment_stripe(0, 0)->in_flight[1];
	loads[_i + 1] = 7;
	load_of_runs(runs, 2, loads);
	for (uint32_t i = 0; i < runs[0].n; i++)
		ck_assert_uint_eq(loads[i], 6000 + 4 * (i + 3));
	ck_assert_uint_eq(loads[_i], 6004);
	ck_assert_uint_eq(loads[_i + 1], 7);
}
END_TEST

/* Rows with a gap between them, as when one is out. */
START_TEST(a_scan_leaves_out_who_is_down)
{
	struct upstream *u = upstream_of(STRATEGY_LEAST_CONN, 10, ones, 1);

	for (uint32_t i = 0; i < 10; i++)
		set_load(u, i, 2, i == 3 ? 0 : i == 8 ? 1 : 2);
	ck_assert_uint_eq(pick(u), 3);
	set_down(u, 3, true);
	ck_assert_uint_eq(pick(u), 8);
	set_down(u, 0, true);
	ck_assert_uint_eq(pick(u), 8);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("strategy");
	TCase *t = tcase_create("strategy");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_has_a_name);
	tcase_add_loop_test(t, each_keeps_to_who_may_serve, 0, STRATEGY_COUNT);
	tcase_add_loop_test(t, each_looks_again_when_the_table_is_old, 0,
	    STRATEGY_COUNT);
	tcase_add_test(t, draws_go_by_weight);
	tcase_add_test(t, the_first_serves_until_it_cannot);
	tcase_add_test(t, the_least_loaded_for_its_weight);
	tcase_add_test(t, equals_take_turns);
	tcase_add_test(t, the_dead_do_not_count);
	tcase_add_loop_test(t, loads_are_evened_out, 0, 7);
	tcase_add_test(t, two_choices_spread_what_is_idle);
	tcase_add_test(t, the_faster_one_of_two);
	tcase_add_test(t, a_newcomer_is_like_most);
	tcase_add_test(t, times_are_counted_by_class);
	tcase_add_test(t, a_key_stays_and_returns);
	tcase_add_test(t, places_do_not_matter);
	tcase_add_test(t, addresses_of_a_name_are_told_apart);
	tcase_add_test(t, without_a_key_by_weight);
	tcase_add_test(t, backups_have_a_table_of_their_own);
	tcase_add_loop_test(t, bounded_load_holds, 0, 3);
	tcase_add_test(t, without_load_bounds_move_nothing);
	tcase_add_loop_test(t, runs_are_summed_one_by_one, 0, 36);
	tcase_add_test(t, a_scan_leaves_out_who_is_down);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
