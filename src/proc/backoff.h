/* src/proc/backoff.h -- how long to wait before a dead child is replaced */
#pragma once
#include <stdint.h>

#define BACKOFF_FIRST_MS	100
#define BACKOFF_MOST_MS		5000
#define BACKOFF_STEADY_MS	5000	/* who lived so long starts afresh */

struct backoff {
	uint32_t deaths;	/* in a row, each soon after its start */
};

/*
 * A child has died that lived `lived_ms`: 0 if it is to be replaced at once,
 * else milliseconds to wait, doubling with each early death.
 */
uint32_t backoff_next(struct backoff *b, uint64_t lived_ms);
