/* src/observe/latency.h -- times in classes, and what they say together */
#pragma once
#include <stdint.h>

#include "shm/segment.h"

/*
 * Log-linear: four classes to a power of two, so a time is known to a fifth
 * of itself. Class 0 is all below LATENCY_LEAST_US, the last all from 50 s on.
 * Counts of the same class add up, over processes and backends.
 */
#define LATENCY_LEAST_US	64u
#define LATENCY_MOST_US		58720255u	/* the last in the last */

static inline uint32_t
latency_class(uint64_t us)
{
	uint32_t v, log;

	v = us > LATENCY_MOST_US ? LATENCY_MOST_US :
	    us < LATENCY_LEAST_US ? LATENCY_LEAST_US - 1 : (uint32_t)us;
	log = 31 - (uint32_t)__builtin_clz(v);
	return 4 * log + (v >> (log - 2)) - 27;
}

/* The first microsecond of a class; of LATENCY_CLASSES, the end of the last. */
uint64_t latency_begin(uint32_t class);

/*
 * What `share` (0 to 1) of all times are below, as if those of a class were
 * evenly spread over it; microseconds, -1: there are none.
 */
double latency_percentile(const uint64_t counts[LATENCY_CLASSES],
    double share);
