/* src/upstream/load.c -- what backends have in flight, over all workers */
#include "upstream/load.h"

#include <string.h>

#include "shm/gauges.h"

#define TAKE_EVERY_MS	100

struct load_view load_view;

/* A dead worker has nothing in flight, whatever its stripe says for now. */
static bool
may_count(uint32_t process)
{
	uint32_t state = shm_get(&segment_process(process)->state);

	return state != SLOT_FREE && state != SLOT_DEAD && state != SLOT_GONE;
}

void
load_view_take(void)
{
	load_view.n = 0;
	load_view.next_ms = clock_now_ms + TAKE_EVERY_MS;
	for (uint32_t i = 0; i < segment_slots(); i++)
		if (may_count(i)) {
			load_view.slots[load_view.n] = i;
			load_view.offsets[load_view.n++] =
			    i * (uint32_t)sizeof(struct stripe);
		}
}

uint32_t
load_of_upstream(uint32_t slot)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < load_view.n; i++)
		sum += shm_get(&segment_upstream_stripe(load_view.slots[i])->
		    in_flight[slot]);
	return sum;
}

void
load_of_runs(const struct run *runs, uint32_t n, uint32_t *loads)
{
	for (uint32_t i = 0; i < n; i++) {
		memset(loads, 0, runs[i].n * sizeof(*loads));
		for (uint32_t k = 0; k < load_view.n; k++)
			gauges_add(loads, (const void *)(runs[i].gauge +
			    load_view.offsets[k]), runs[i].n);
		loads += runs[i].n;
	}
}
