/* src/shm/gauges.h -- adding up gauges that lie side by side */
#pragma once
#include <stdint.h>

#include "shm/segment.h"

/*
 * Four as one: every word is read whole, and none is ordered to another.
 * Spelt out because gcc -O2 makes no vectors of a loop over atomics, nor of
 * one whose count it does not know.
 */
typedef uint32_t gauge_quad
    __attribute__((vector_size(16), aligned(4), may_alias));

/* Adds `n` gauges from `at` on to sums[0..n). */
static inline void
gauges_add(uint32_t *sums, const _Atomic uint32_t *at, uint32_t n)
{
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4)
		*(gauge_quad *)(void *)&sums[i] +=
		    *(const gauge_quad *)(const void *)&at[i];
	for (; i < n; i++)
		sums[i] += shm_get(&at[i]);
}
