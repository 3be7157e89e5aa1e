/* src/shm/wipe.c -- a slot's next owner finds nothing of the last one */
#include "shm/internal.h"

/* As long as no live configuration has the slot nobody writes there, so that
 * we may: each process's counters of it, and all that is known of it. */
static void
wipe_row(struct stripe *s, uint32_t row)
{
	shm_clear(&s->in_flight[row]);
	shm_clear(&s->idle[row]);
	shm_clear(&s->open[row]);
	shm_clear(&s->trials[row]);
	shm_clear(&s->requests[row]);
	shm_clear(&s->failures[row]);
	shm_clear(&s->ewma[row]);
	for (uint32_t i = 0; i < LATENCY_CLASSES; i++)
		shm_clear(&s->latency[row][i]);
}

static void
wipe_words(struct backend_words *w)
{
	shm_clear(&w->breaker);
	shm_clear(&w->window);
	shm_clear(&w->suspect);
	shm_clear(&w->health);
	shm_clear(&w->admin);
}

static void
wipe_record(struct record *r, size_t bytes)
{
	_Atomic uint64_t *word = (void *)r;

	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		shm_clear(&word[i]);
}

void
backend_wipe(uint32_t slot)
{
	wipe_words(segment_backend_words(slot));
	wipe_record(segment_check_record(slot),
	    RECORD_BYTES(sizeof(struct check_record)));
	wipe_record(segment_place_record(slot),
	    RECORD_BYTES(sizeof(struct place_record)));
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i))
		if (segment_has_counts(i))
			wipe_row(segment_stripe(i, slot),
			    slot % BACKEND_CHUNK);
}

void
upstream_wipe(uint32_t slot)
{
	struct upstream_stripe *s;

	shm_clear(&segment_upstream_slot(slot)->budget);
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i)) {
		if (!segment_has_counts(i))
			continue;
		s = segment_upstream_stripe(i);
		shm_clear(&s->requests[slot]);
		shm_clear(&s->waiting[slot]);
		shm_clear(&s->open[slot]);
		shm_clear(&s->idle[slot]);
		shm_clear(&s->in_flight[slot]);
	}
}
