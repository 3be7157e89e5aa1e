/* contrib/bench/simulate.c -- what the strategies choose, without requests */
/*
 * simulate [PICKS]: one line for each claim, a word, then numbers:
 *   weighted N OFF    picks over two cycles of 1000 backends with weights 1 to
 *                     1000; backends whose share was not exact
 *   random N CHI DF   PICKS (10000000) draws by weight; chi-square and its
 *                     degrees of freedom
 *   moved N M MOST    keys in 10^6 that another backend serves when one of N
 *                     is taken out of the file, at most, of those tried; the
 *                     most that there may be
 *   away N M MOST     the same while one of N is down
 *   strays N S        keys that moved then and were not its own, or did not
 *                     return with it
 *   table HASH        of the table of 100 backends of the file
 *   bounded N OVER    picks under bounded_load 125%; those beyond the bound
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"
#include "event/loop.h"
#include "proc/register.h"
#include "upstream/health.h"
#include "upstream/internal.h"

#define MOST	1000
#define KEYS	1000000u
#define OUTS	10	/* backends of each number that are tried */

static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf backends[MOST];
} w;

/* Without the one at `out`; the last takes its place, places are nothing. */
static struct upstream *
make(enum strategy_id id, uint32_t n, uint32_t out, uint32_t weights)
{
	for (uint32_t i = 0; i < n; i++) {
		struct backend_conf *b = &w.backends[i];

		*b = (struct backend_conf){ .host = "127.0.0.1",
			.port = (uint16_t)(i + 1),
			.weight = (uint16_t)(i % weights + 1) };
		(void)address_parse_host(&b->address, SPAN("127.0.0.1"),
		    b->port);
	}
	if (out < n)
		w.backends[out] = w.backends[--n];
	w.u.strategy = id;
	w.u.backends = w.backends;
	w.u.n_backends = n;
	if (segment_register_conf(&w.conf) < 0)
		exit(1);
	return upstreams_new(&w.conf, 0, 1);
}

static struct backend *
pick(struct upstream *u, uint64_t key)
{
	struct pick p = { .has_key = true,
		.key = hash_bytes(&key, sizeof(key), 0) };

	return upstream_pick(u, &p);
}

/* ---- by weight */

static void
check_weighted(void)
{
	struct upstream *u = make(STRATEGY_WEIGHTED, MOST, MOST, MOST);
	uint32_t hits[MOST] = { 0 }, n_off = 0;

	for (uint64_t i = 0; i < 2 * u->sum; i++)
		hits[pick(u, 0) - u->backends]++;
	for (uint32_t i = 0; i < MOST; i++)
		n_off += hits[i] != 2u * w.backends[i].weight;
	printf("weighted %" PRIu64 " %u\n", 2 * u->sum, n_off);
	upstreams_free(&u, 1);
}

static void
check_random(uint64_t picks)
{
	struct upstream *u = make(STRATEGY_RANDOM, MOST, MOST, 50);
	uint32_t hits[MOST] = { 0 };
	double chi = 0;

	for (uint64_t i = 0; i < picks; i++)
		hits[pick(u, 0) - u->backends]++;
	for (uint32_t i = 0; i < MOST; i++) {
		double want = (double)picks * w.backends[i].weight /
		    (double)u->sum;

		chi += (hits[i] - want) * (hits[i] - want) / want;
	}
	printf("random %" PRIu64 " %.1f %d\n", picks, chi, MOST - 1);
	upstreams_free(&u, 1);
}

/* ---- by key */

static uint16_t was[KEYS], is[KEYS];	/* ports */

static void
serve_keys(struct upstream *u, uint16_t *ports)
{
	for (uint32_t i = 0; i < KEYS; i++)
		ports[i] = pick(u, i)->conf->port;
}

static uint32_t
count_moved(uint32_t *strays, uint16_t out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		n += is[i] != was[i];
		*strays += is[i] != was[i] && was[i] != out;
	}
	return n;
}

static void
set_health(struct upstream *u, uint32_t i, enum health health)
{
	shm_set(&segment_backend_words(u->backends[i].slot)->health,
	    health_pack((struct health_word){ .health = health }));
	upstream_changed(u);
	table_build(u);
}

/* What moves, at most, when it is down; what should not have, all in all. */
static uint32_t
take_down(struct upstream *u, uint32_t out, uint32_t *strays)
{
	uint32_t n, none = 0;

	set_health(u, out, HEALTH_DOWN);
	serve_keys(u, is);
	n = count_moved(strays, w.backends[out].port);
	set_health(u, out, HEALTH_UP);
	serve_keys(u, is);
	*strays += count_moved(&none, 0);
	return n;
}

static void
check_moved(uint32_t n)
{
	uint32_t step = n / OUTS + 1, moved, most = 0, away = 0, strays = 0;
	uint32_t may = n <= 100 ? 2 * KEYS / n : KEYS / n + KEYS / 1000 * 15;
	struct upstream *u;

	for (uint32_t out = 0; out < n; out += step) {
		u = make(STRATEGY_HASH, n, n, 1);
		serve_keys(u, was);
		moved = take_down(u, out, &strays);
		away = moved > away ? moved : away;
		upstreams_free(&u, 1);
		u = make(STRATEGY_HASH, n, out, 1);
		serve_keys(u, is);
		moved = count_moved(&(uint32_t){ 0 }, 0);
		most = moved > most ? moved : most;
		upstreams_free(&u, 1);
	}
	printf("moved %u %u %u\naway %u %u %u\nstrays %u %u\n", n, most, may,
	    n, away, may, n, strays);
}

static void
check_table(void)
{
	struct upstream *u = make(STRATEGY_HASH, 100, 100, 7);

	serve_keys(u, was);
	printf("table %016" PRIx64 "\n", hash_bytes(was, sizeof(was), 0));
	upstreams_free(&u, 1);
}

/* Requests that all stay, a third of them of one key. */
static void
check_bounded(uint32_t n)
{
	uint32_t loads[MOST] = { 0 }, n_over = 0, picks = 200 * n;
	struct upstream *u;
	struct backend *b;
	uint64_t bound;

	w.u.hash.bounded_load = 12500;
	u = make(STRATEGY_HASH, n, n, 7);
	for (uint64_t i = 0; i < picks; i++) {
		b = pick(u, i % 3 == 0 ? 0 : i);
		bound = (12500 * (i + 1) * b->conf->weight + 10000 * u->sum -
		    1) / (10000 * u->sum);
		n_over += ++loads[b - u->backends] > bound;
		shm_add(b->in_flight, 1);
		shm_add(b->total, 1);
	}
	segment_clear_gauges(0);
	printf("bounded %u %u\n", picks, n_over);
	upstreams_free(&u, 1);
	w.u.hash.bounded_load = 0;
}

int
main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 2, 10, 100, 101, MOST };
	uint64_t picks = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;

	clock_update();
	random_seed();
	if (segment_create() < 0 || loop_init() < 0)
		return 1;
	shm_set(&segment_process(0)->state, SLOT_READY);
	w.u.name = "default";
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	check_weighted();
	check_random(picks);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		check_moved(sizes[i]);
	check_table();
	check_bounded(2);
	check_bounded(100);
	loop_fini();
	segment_close();
	return 0;
}
