/* contrib/bench/picks.c -- how long the choice of a backend takes */
/*
 * picks [PICKS]: of each strategy with 2, 100 and 1000 backends of mixed
 * weights and loads, which four workers count, nanoseconds a pick: hot, the
 * median of nine runs of PICKS (200000); cold, the median of 101 single picks,
 * each behind a walk through more memory than the caches hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"
#include "event/loop.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "upstream/ewma.h"
#include "upstream/strategy.h"
#include "upstream/upstream.h"

#define RUNS	9
#define SINGLES	101
#define MOST	1000
#define WORKERS	4
#define EVICT	(64u << 20)	/* more than last levels of caches have */

static struct backend_conf backends[MOST];
static uint32_t n_in_flight[WORKERS];
static volatile char *evictor;

static void
set_counts(const struct backend_conf *b)
{
	uint32_t row = b->slot % BACKEND_CHUNK;

	for (uint32_t w = 0; w < WORKERS; w++) {
		struct stripe *s = segment_stripe(w, b->slot);

		uint32_t n = (uint32_t)random_below(8);

		n_in_flight[w] += n;
		shm_set(&s->in_flight[row], n);
		shm_set(&s->ewma[row], ewma_sample(0, random_below(9000),
		    clock_now_ms));
	}
}

static struct upstream *
make_upstream(size_t n, enum strategy_id id, uint32_t bounded_load,
    struct conf *conf, struct upstream_conf *u)
{
	for (size_t i = 0; i < n; i++) {
		backends[i].host = "127.0.0.1";
		backends[i].port = (uint16_t)(i + 1);
		backends[i].weight = (uint16_t)(i % 7 + 1);
		(void)address_parse_host(&backends[i].address,
		    SPAN("127.0.0.1"), backends[i].port);
	}
	*u = (struct upstream_conf){ .name = "default", .strategy = id,
		.hash = { .bounded_load = bounded_load },
		.backends = backends, .n_backends = n };
	conf->upstreams = u;
	conf->n_upstreams = 1;
	if (segment_register_conf(conf) < 0)
		exit(1);
	memset(n_in_flight, 0, sizeof(n_in_flight));
	for (size_t i = 0; i < n; i++)
		set_counts(&backends[i]);
	for (uint32_t w = 0; w < WORKERS; w++)
		shm_set(&segment_upstream_stripe(w)->in_flight[u->slot],
		    n_in_flight[w]);
	return upstreams_new(conf, 0, WORKERS);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* As the worker does, but for what it stands on: keys come by themselves. */
static uint64_t
pick(struct upstream *u, uint64_t i)
{
	struct pick p = { .has_key = true, .key = i * 0x9e3779b97f4a7c15u };

	return upstream_pick(u, &p)->slot;
}

/* Not the time that others take from us on a shared machine. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double
measure_hot(struct upstream *u, uint64_t picks)
{
	double ns[RUNS];
	uint64_t begin, sink = 0;

	for (int run = 0; run < RUNS; run++) {
		begin = cpu_ns();
		for (uint64_t i = 0; i < picks; i++)
			sink += pick(u, i);
		ns[run] = (double)(cpu_ns() - begin) / (double)picks;
	}
	qsort(ns, RUNS, sizeof(*ns), compare);
	return sink == 1 ? 0 : ns[RUNS / 2];
}

static double
measure_cold(struct upstream *u)
{
	double ns[SINGLES];
	uint64_t begin, sink = 0;

	for (int run = 0; run < SINGLES; run++) {
		for (size_t i = 0; i < EVICT; i += CACHE_LINE)
			evictor[i]++;
		begin = clock_read_ns();
		begin = clock_read_ns();	/* hot again */
		sink += pick(u, (uint64_t)run + 1);
		ns[run] = (double)(clock_read_ns() - begin);
	}
	qsort(ns, SINGLES, sizeof(*ns), compare);
	return sink == 1 ? 0 : ns[SINGLES / 2];
}

static void
measure(enum strategy_id id, uint32_t bounded_load, uint64_t picks)
{
	static const size_t sizes[] = { 2, 32, 100, MOST };
	struct conf conf = { 0 };
	struct upstream_conf uc;
	struct upstream *u;
	double hot, cold;

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		u = make_upstream(sizes[i], id, bounded_load, &conf, &uc);
		hot = measure_hot(u, picks);
		cold = measure_cold(u);
		printf("%-12s%s %5zu backends %7.1f ns hot %8.0f ns cold\n",
		    strategies[id].name, bounded_load > 0 ? "+" : " ",
		    sizes[i], hot, cold);
		fflush(stdout);
		upstreams_free(&u, 1);
	}
}

int
main(int argc, char **argv)
{
	uint64_t picks = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;

	clock_update();
	evictor = calloc(1, EVICT);
	if (evictor == NULL || segment_create() < 0 || loop_init() < 0)
		return 1;
	for (uint32_t w = 0; w < WORKERS; w++)
		shm_set(&segment_process(w)->state, SLOT_READY);
	for (int id = 0; id < STRATEGY_COUNT; id++)
		measure((enum strategy_id)id, 0, picks);
	measure(STRATEGY_HASH, 12500, picks);	/* with bounded_load */
	segment_close();
	return 0;
}
