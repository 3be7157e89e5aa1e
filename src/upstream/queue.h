/* src/upstream/queue.h -- connections that are limited, and who waits for them */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct backend;
struct upstream;

/*
 * max_connections of a backend and of an upstream count connections, idle
 * ones too, over all workers: a backend that has a thread or a process for
 * each never sees one more (checks are not counted). Whoever opens one adds it
 * to its own stripe, looks at the sum, and takes it back if that is too large
 * (rule 4 of the segment); a worker that dies gives its own back.
 *
 * Requests that find no room wait in their worker. A connection that becomes
 * free serves the longest waiting one, but the newest while the longest has
 * waited for half of the time that it may: then most of the old ones are lost
 * already, and to serve them first would only lose the new ones, too.
 *
 * Workers share what there is by who has requests waiting: each may keep its
 * part of the connections, closes what it has above that as it becomes free,
 * and wakes one who has less.
 */
struct waiter;
/* It may try now, or (`is_over`) has waited for too long: it is out of the
 * queue. False: there was no room after all, and it wants its place back. */
typedef bool waiter_handler(struct waiter *w, bool is_over);

struct waiter {
	struct list link;
	struct upstream *upstream;	/* NULL: it does not wait */
	uint64_t since_ms;
	waiter_handler *on_turn;
};

/* False: the queue has no room over all workers, or is off. */
bool queue_join(struct upstream *u, struct waiter *w);
void queue_leave(struct waiter *w);	/* accepts one that does not wait */
/* Seconds until what waits now may have been served, 1 or more. */
uint32_t queue_retry_after(struct upstream *u);

/* One more connection to the backend? False: it has no room. */
bool limit_claim(struct backend *b);
void limit_release(struct backend *b);
/* One that another worker had and gives back: there may be one too many, until
 * it does. */
void limit_adopt(struct backend *b);
/* Would limit_claim() give one? It may still fail. */
bool limit_has_room(const struct backend *b);
/* None is idle here, and no more can be opened: nobody need be asked. */
bool limit_is_reached(const struct upstream *u);
/* Behind a new table: what its backends may have open together. */
void limit_prepare(struct upstream *u);
/* A free connection is more than this worker's part, and others wait. */
bool limit_must_give(const struct upstream *u);

void queue_init(struct upstream *u);
void queue_fini(struct upstream *u);	/* nobody may wait */
/* A connection has become free or has gone: somebody may have his turn. */
void queue_wake(struct upstream *u);
