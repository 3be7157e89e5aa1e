/* src/shm/stripe.c -- counters: one writer each, summed by any reader */
#include "shm/gauges.h"
#include "shm/internal.h"

struct stripe *
segment_stripe(uint32_t process, uint32_t backend)
{
	uint32_t chunk = backend / BACKEND_CHUNK;
	struct stripe *stripes;

	ASSERT(process <= SEGMENT_MONITOR && knows_chunk(chunk));
	stripes = segment_at(segment.stripe_chunks[chunk]);
	return &stripes[process];
}

struct upstream_stripe *
segment_upstream_stripe(uint32_t process)
{
	struct upstream_stripe *stripes = segment_at(segment.upstreams +
	    UPSTREAM_SLOTS_BYTES);

	ASSERT(process <= SEGMENT_MONITOR);
	return &stripes[process];
}

/* Slots that were never used hold zeroes in pages that do not exist yet:
 * they are left alone. */
bool
segment_has_counts(uint32_t process)
{
	return shm_get(&segment_process(process)->state) != SLOT_FREE;
}

/* Over all processes `i`; what one reads is never ordered to another. */
#define SUM(word, order)						\
	uint64_t sum = 0;						\
									\
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i))			\
		if (segment_has_counts(i))				\
			sum += atomic_load_explicit((word), order);	\
	return sum
#define OF_BACKEND(member)						\
	&segment_stripe(i, backend)->member[backend % BACKEND_CHUNK]
#define OF_UPSTREAM(member)						\
	&segment_upstream_stripe(i)->member[upstream]

uint64_t
segment_in_flight(uint32_t backend)
{
	SUM(OF_BACKEND(in_flight), memory_order_relaxed);
}

uint64_t
segment_idle(uint32_t backend)
{
	SUM(OF_BACKEND(idle), memory_order_relaxed);
}

uint64_t
segment_requests(uint32_t backend)
{
	SUM(OF_BACKEND(requests), memory_order_relaxed);
}

uint64_t
segment_failures(uint32_t backend)
{
	SUM(OF_BACKEND(failures), memory_order_relaxed);
}

void
segment_latency(uint32_t backend, uint64_t out[LATENCY_CLASSES])
{
	uint32_t row = backend % BACKEND_CHUNK;

	memset(out, 0, LATENCY_CLASSES * sizeof(*out));
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i)) {
		const struct stripe *s = segment_stripe(i, backend);

		if (!segment_has_counts(i))
			continue;
		for (uint32_t k = 0; k < LATENCY_CLASSES; k++)
			out[k] += shm_get(&s->latency[row][k]);
	}
}

uint64_t
segment_open(uint32_t backend)
{
	SUM(OF_BACKEND(open), memory_order_seq_cst);
}

uint64_t
segment_trials(uint32_t backend)
{
	SUM(OF_BACKEND(trials), memory_order_seq_cst);
}

uint64_t
segment_waiting(uint32_t upstream)
{
	SUM(OF_UPSTREAM(waiting), memory_order_seq_cst);
}

uint64_t
segment_upstream_open(uint32_t upstream)
{
	SUM(OF_UPSTREAM(open), memory_order_seq_cst);
}

uint64_t
segment_first_requests(uint32_t upstream)
{
	SUM(OF_UPSTREAM(requests), memory_order_relaxed);
}

void
segment_sum_in_flight(uint32_t first, uint32_t n, uint32_t *out)
{
	uint32_t row, part;

	memset(out, 0, n * sizeof(*out));
	for (uint32_t at = 0; at < n; at += part) {
		row = (first + at) % BACKEND_CHUNK;
		part = BACKEND_CHUNK - row;
		if (part > n - at)
			part = n - at;
		for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i))
			if (segment_has_counts(i))
				gauges_add(out + at, &segment_stripe(i,
				    first + at)->in_flight[row], part);
	}
}

void
segment_clear_gauges(uint32_t process)
{
	for (uint32_t chunk = 0; chunk < segment.n_chunks; chunk++) {
		struct stripe *s = segment_stripe(process,
		    chunk * BACKEND_CHUNK);

		for (uint32_t i = 0; i < BACKEND_CHUNK; i++) {
			shm_clear(&s->in_flight[i]);
			shm_clear(&s->idle[i]);
			shm_clear(&s->open[i]);
			shm_clear(&s->trials[i]);
		}
	}
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++) {
		shm_clear(&segment_upstream_stripe(process)->waiting[i]);
		shm_clear(&segment_upstream_stripe(process)->open[i]);
		shm_clear(&segment_upstream_stripe(process)->idle[i]);
		shm_clear(&segment_upstream_stripe(process)->in_flight[i]);
	}
	shm_set(&segment_process(process)->connections, 0);
}
