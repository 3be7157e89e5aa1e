/* src/proc/backoff.c -- how long to wait before a dead child is replaced */
#include "proc/backoff.h"

uint32_t
backoff_next(struct backoff *b, uint64_t lived_ms)
{
	uint32_t wait = BACKOFF_FIRST_MS;

	if (lived_ms >= BACKOFF_STEADY_MS)
		b->deaths = 0;
	if (b->deaths++ == 0)
		return 0;
	for (uint32_t i = 2; i < b->deaths && wait < BACKOFF_MOST_MS; i++)
		wait *= 2;
	return wait < BACKOFF_MOST_MS ? wait : BACKOFF_MOST_MS;
}
