/* src/shm/stripe.c -- counters: one writer each, summed by any reader */
#include <string.h>

#include "shm/internal.h"

struct stripe *
segment_stripe(uint32_t process, uint32_t backend)
{
	struct stripe *chunk;

	ASSERT(process <= SEGMENT_MONITOR && backend / BACKEND_CHUNK <
	    shm_get(&segment.header->n_backend_chunks));
	chunk = segment_at(segment.header->
	    stripe_chunks[backend / BACKEND_CHUNK]);
	return &chunk[process];
}

/* Slots that were never used hold zeroes in pages that do not exist yet:
 * they are left alone. */
static bool
was_used(uint32_t process)
{
	return shm_get(&segment_process(process)->state) != SLOT_FREE;
}

#define SUM(member)							\
	uint64_t sum = 0;						\
									\
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++)			\
		if (was_used(i))					\
			sum += shm_get(&segment_stripe(i, backend)->	\
			    member[backend % BACKEND_CHUNK]);		\
	return sum

uint64_t
segment_in_flight(uint32_t backend)
{
	SUM(in_flight);
}

uint64_t
segment_idle(uint32_t backend)
{
	SUM(idle);
}

uint64_t
segment_requests(uint32_t backend)
{
	SUM(requests);
}

uint64_t
segment_failures(uint32_t backend)
{
	SUM(failures);
}

/* The inner loop has no branch and plain adds: compilers make vectors of it. */
static void
add_range(uint32_t *out, const struct stripe *s, uint32_t row, uint32_t n)
{
	const uint32_t *from = (const uint32_t *)(const void *)
	    &s->in_flight[row];

	for (uint32_t i = 0; i < n; i++)
		out[i] += from[i];
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
		for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++)
			if (was_used(i))
				add_range(out + at,
				    segment_stripe(i, first + at), row, part);
	}
}

void
segment_clear_gauges(uint32_t process)
{
	for (uint32_t chunk = 0; chunk < segment.n_chunks; chunk++) {
		struct stripe *s = segment_stripe(process,
		    chunk * BACKEND_CHUNK);

		for (uint32_t i = 0; i < BACKEND_CHUNK; i++) {
			shm_set(&s->in_flight[i], 0);
			shm_set(&s->idle[i], 0);
		}
	}
	shm_set(&segment_process(process)->connections, 0);
}
