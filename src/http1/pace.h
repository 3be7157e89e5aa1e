/* src/http1/pace.h -- does a client move bytes fast enough to be waited for */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * limits.min_rate and the idle timeouts (interfaces.md; semantics.md,
 * defaults), for both directions of a connection at once. Bytes count when
 * they were read from the client, or when the client has acknowledged them:
 * what lies in our buffers and the kernel's is the backlog. It is looked at
 * only when a timer fires; each round from `mark_ms` on has to bring enough.
 *
 * Times are CLOCK_MONOTONIC in milliseconds, cut to 32 bits like the counts:
 * only differences mean something.
 */
struct pace {
	uint32_t moved;		/* read and handed out in all */
	uint32_t mark;		/* of it, without the backlog, at mark_ms */
	uint32_t mark_ms;	/* begin of the round */
	uint32_t last_ms;	/* when the last bytes moved */
};

struct pace_limits {
	uint32_t idle_ms;	/* nothing at all moved */
	uint32_t round_ms;	/* not more than idle_ms counts */
	uint32_t rate;		/* bytes a second; 0: any */
};

/* A round begins now: from here on we wait for the client. */
void pace_begin(struct pace *p, uint64_t now_ms, uint32_t backlog);

static inline void
pace_moved(struct pace *p, uint64_t now_ms, uint64_t bytes)
{
	p->moved += (uint32_t)bytes;
	p->last_ms = (uint32_t)now_ms;
}

/* In how many milliseconds pace_check() has to be asked next; behind one that
 * was true: at least 1. */
uint32_t pace_next(const struct pace *p, uint64_t now_ms,
    const struct pace_limits *limits);

/* False: nothing moved for idle_ms, or too little in the round. */
bool pace_check(struct pace *p, uint64_t now_ms, uint32_t backlog,
    const struct pace_limits *limits);
