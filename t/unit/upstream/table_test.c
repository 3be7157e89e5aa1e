/* t/unit/upstream/table_test.c -- the choice of a backend */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/upstream.h"

/* Backends with these weights; 0 ends the list, so DRAINED stands for 0. */
#define DRAINED 65535
#define MOST 1000

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
}

static void
teardown(void)
{
	upstreams_free(&w.all, 1);
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
		.n_backends = n };
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
		hits[upstream_pick(u, NULL, 0) - u->backends]++;
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
		run = upstream_pick(u, NULL, 0) == &u->backends[0] ?
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
		tried[n] = upstream_pick(u, tried, n);
		ck_assert_ptr_nonnull(tried[n]);
		for (unsigned i = 0; i < n; i++)
			ck_assert_ptr_ne(tried[n], tried[i]);
	}
	ck_assert_ptr_null(upstream_pick(u, tried, 3));
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
		tried[0] = upstream_pick(u, NULL, 0);
		firsts[tried[0] - u->backends]++;
		ck_assert_ptr_ne(upstream_pick(u, tried, 1), tried[0]);
	}
	ck_assert_uint_eq(firsts[0], 50);
	ck_assert_uint_eq(firsts[1], 50);
}
END_TEST

START_TEST(nobody_is_left)
{
	static const uint16_t weights[] = { DRAINED, DRAINED };
	struct upstream *u = upstream_of(weights, 2, STRATEGY_WEIGHTED);

	ck_assert_ptr_null(upstream_pick(u, NULL, 0));
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
		ck_assert_ptr_eq(upstream_pick(u, NULL, 0), &u->backends[1]);
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
		hits[upstream_pick(u, NULL, 0) - u->backends]++;
	for (unsigned i = 0; i < MOST; i++)
		ck_assert_uint_eq(hits[i], weights[i]);
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
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
