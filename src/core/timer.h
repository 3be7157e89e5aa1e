/* src/core/timer.h -- timer wheel with lazy re-arming */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

/*
 * Seven levels of 64 slots, 1 ms at the lowest (64 ms, 4 s, 4.4 min, 4.7 h, 12
 * days, 2 years, 139 years: the top never wraps). A timer is in at most one
 * slot. Setting a deadline that is not earlier than
 * the one it is linked for only stores it: when its slot comes up the timer
 * is linked again for the deadline it then has (performance.md 6). So the
 * cost of re-arming per request is one store.
 */
#define TIMER_LEVELS	7
#define TIMER_SLOTS	64
#define TIMER_OFF	0	/* no deadline */

struct timer;
typedef void timer_handler(struct timer *t);

struct timer {
	struct list link;
	uint64_t deadline_ms;	/* CLOCK_MONOTONIC; TIMER_OFF when stopped */
	uint64_t linked_ms;	/* what its slot was chosen for; 0: unlinked */
	timer_handler *on_timer;
};

struct wheel {
	uint64_t now_ms;	/* all slots up to here have been run */
	uint64_t used[TIMER_LEVELS];	/* a bit per non-empty slot */
	struct list slots[TIMER_LEVELS][TIMER_SLOTS];
};

void wheel_init(struct wheel *w, uint64_t now_ms);
void timer_init(struct timer *t, timer_handler *on_timer);

/* Fires once at or after `deadline_ms`, never before. */
void timer_link(struct wheel *w, struct timer *t);	/* inner: by deadline */

static inline void
timer_set(struct wheel *w, struct timer *t, uint64_t deadline_ms)
{
	t->deadline_ms = deadline_ms;
	if (t->linked_ms == 0 || deadline_ms < t->linked_ms)
		timer_link(w, t);
}

/* No longer fires; stays linked (cheap) until its slot comes up. */
static inline void
timer_stop(struct timer *t)
{
	t->deadline_ms = TIMER_OFF;
}

static inline bool
timer_is_set(const struct timer *t)
{
	return t->deadline_ms != TIMER_OFF;
}

/* Takes it out of its slot: before its memory ends. */
void timer_fini(struct wheel *w, struct timer *t);

/*
 * Runs everything due at `now_ms`. Handlers may set, stop and fini any timer,
 * their own too (their own timer is unlinked and off when they are called).
 */
void wheel_run(struct wheel *w, uint64_t now_ms);

/*
 * Milliseconds from `now_ms` until the next slot that may hold something due;
 * -1: none. May be early (a cascade, a lazily moved timer), never late.
 */
int wheel_wait_ms(const struct wheel *w, uint64_t now_ms);
