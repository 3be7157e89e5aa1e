/* src/upstream/ewma.h -- an average that peaks lift at once */
#pragma once
#include <stdint.h>

#include "core/base.h"

/*
 * stripe.ewma: what a worker thinks that a backend takes to answer. A longer
 * time is taken over at once, a shorter one draws it down as exp(-dt / 10 s)
 * says, and so does silence: who was slow is tried again (semantics.md (c)).
 *
 * One word: microseconds with EWMA_FRACTION bits behind the point, above
 * EWMA_CLOCK bits of time in units of 64 ms. Within a unit nothing decays, so
 * on most samples nothing is stored. 0: nothing is known.
 */
#define EWMA_CLOCK	26
#define EWMA_FRACTION	12
#define EWMA_MOST_US	((1u << 26) - 1)	/* 67 s */
/* What a failure costs: so many times what it took before, within bounds. */
#define EWMA_PENALTY		4
#define EWMA_PENALTY_US		1000000u	/* if that is not known */
#define EWMA_PENALTY_MOST_US	10000000u

static inline uint32_t
ewma_clock(uint64_t now_ms)
{
	return (uint32_t)(now_ms >> 6) & ((1u << EWMA_CLOCK) - 1);
}

static inline uint64_t
ewma_pack(uint64_t value, uint32_t clock)
{
	return value << EWMA_CLOCK | clock;
}

/* exp(-units * 64 ms / 10 s) of `value`, to 1 in 10,000. */
static inline uint64_t
ewma_decay(uint64_t value, uint32_t units)
{
	/* exp(-0.0064 * 2^i) * 2^20 */
	static const uint32_t factors[] = {
		1041887, 1035240, 1022073, 996240, 946516, 854390, 696166,
		462196, 203729, 39583, 1494,
	};

	if (units >= 1u << COUNT_OF(factors))
		return 0;
	for (unsigned i = 0; units != 0; i++, units >>= 1)
		if ((units & 1) != 0)
			value = value * factors[i] >> 20;
	return value;
}

/* As of `now_ms`, with EWMA_FRACTION bits behind the point; 0: unknown. */
static inline uint64_t
ewma_value(uint64_t word, uint64_t now_ms)
{
	uint32_t clock = ewma_clock(now_ms);
	uint32_t then = (uint32_t)word & ((1u << EWMA_CLOCK) - 1);

	if (likely(clock == then))
		return word >> EWMA_CLOCK;
	return ewma_decay(word >> EWMA_CLOCK,
	    (clock - then) & ((1u << EWMA_CLOCK) - 1));
}

/* The word behind a sample. */
static inline uint64_t
ewma_sample(uint64_t word, uint64_t us, uint64_t now_ms)
{
	uint64_t value = word >> EWMA_CLOCK, sample;
	uint32_t clock = ewma_clock(now_ms);
	uint32_t then = (uint32_t)word & ((1u << EWMA_CLOCK) - 1);

	sample = (us > EWMA_MOST_US ? EWMA_MOST_US : us | (us == 0)) <<
	    EWMA_FRACTION;
	if (sample >= value)
		return ewma_pack(sample, clock);
	if (likely(clock == then))
		return word;
	return ewma_pack(sample + ewma_decay(value - sample,
	    (clock - then) & ((1u << EWMA_CLOCK) - 1)), clock);
}

/* The word behind a failure, which took `us`: it shall attract nobody. */
static inline uint64_t
ewma_penalty(uint64_t word, uint64_t us, uint64_t now_ms)
{
	uint64_t value = ewma_value(word, now_ms) >> EWMA_FRACTION;
	uint64_t cost = value == 0 ? EWMA_PENALTY_US : value * EWMA_PENALTY;

	if (cost > EWMA_PENALTY_MOST_US)
		cost = EWMA_PENALTY_MOST_US;
	return ewma_sample(word, cost > us ? cost : us, now_ms);
}
