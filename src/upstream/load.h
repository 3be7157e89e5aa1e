/* src/upstream/load.h -- what backends have in flight, over all workers */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "core/base.h"
#include "core/clock.h"
#include "shm/segment.h"

/*
 * Picks sum gauges of one backend over the stripes of all workers that may
 * count in them. Where those stripes are is looked up ten times a second.
 */
struct load_view {
	uint64_t next_ms;
	uint32_t n;
	uint32_t slots[SEGMENT_SLOTS];
	uint32_t offsets[SEGMENT_SLOTS];	/* from slot 0's stripe, bytes */
};

extern struct load_view load_view;
void load_view_take(void);

/* Before a choice that looks at loads. */
static inline void
load_view_update(void)
{
	if (unlikely(clock_now_ms >= load_view.next_ms))
		load_view_take();
}

/* `gauge`: the backend's in_flight in the stripe of slot 0. */
static inline uint32_t
load_of(const char *gauge)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < load_view.n; i++)
		sum += shm_get((const _Atomic uint32_t *)(const void *)
		    (gauge + load_view.offsets[i]));
	return sum;
}

/* Of all backends of an upstream, where that is counted (backend.total). */
uint32_t load_of_upstream(uint32_t slot);

/* Gauges of backends that lie side by side. */
struct run {
	const char *gauge;	/* of the first */
	uint32_t n;
};
/* One for each backend, in the order of the runs. */
void load_of_runs(const struct run *runs, uint32_t n, uint32_t *loads);
