/* contrib/bench/picks.c -- how long the choice of a backend takes */
/*
 * picks [PICKS]: nanoseconds a pick and picks a second with 2, 100 and 1000
 * backends of mixed weights, the median of nine runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "upstream/upstream.h"

#define RUNS 9
#define MOST 1000

static struct backend_conf backends[MOST];

static struct upstream *
make_upstream(size_t n, struct conf *conf, struct upstream_conf *u)
{
	for (size_t i = 0; i < n; i++) {
		backends[i].host = "127.0.0.1";
		backends[i].port = (uint16_t)(i + 1);
		backends[i].weight = (uint16_t)(i % 7 + 1);
		(void)address_parse_host(&backends[i].address,
		    SPAN("127.0.0.1"), backends[i].port);
	}
	*u = (struct upstream_conf){ .name = "default",
		.backends = backends, .n_backends = n };
	conf->upstreams = u;
	conf->n_upstreams = 1;
	if (segment_register_conf(conf) < 0)
		exit(1);
	return upstreams_new(conf, 0, 1);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
measure(struct upstream *u, uint64_t picks)
{
	struct pick p = { .n_tried = 0 };
	double ns[RUNS];
	uint64_t begin, sink = 0;

	for (int run = 0; run < RUNS; run++) {
		begin = clock_read_ns();
		for (uint64_t i = 0; i < picks; i++)
			sink += upstream_pick(u, &p)->slot;
		ns[run] = (double)(clock_read_ns() - begin) / (double)picks;
	}
	qsort(ns, RUNS, sizeof(*ns), compare);
	return sink == 0 ? 0 : ns[RUNS / 2];
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = { 2, 100, MOST };
	uint64_t picks = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	struct conf conf = { 0 };
	struct upstream_conf uc;
	struct upstream *u;
	double ns;

	clock_update();
	if (segment_create() < 0)
		return 1;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		u = make_upstream(sizes[i], &conf, &uc);
		ns = measure(u, picks);
		printf("%5zu backends %6.1f ns a pick %12.0f picks a second\n",
		    sizes[i], ns, 1e9 / ns);
		upstreams_free(&u, 1);
	}
	segment_close();
	return 0;
}
