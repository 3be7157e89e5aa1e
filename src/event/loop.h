/* src/event/loop.h -- the epoll loop of one process */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "core/list.h"
#include "core/timer.h"

/*
 * One loop a process, single-threaded. A turn:
 *   1. epoll_wait (at most 512 events), until the next timer slot;
 *   2. the clock is read once (core/clock.h);
 *   3. the handlers of the events, in the kernel's order;
 *   4. deferred calls, also those that deferred calls add (at most 8 rounds);
 *   5. timers that are due;
 *   6. deferred calls again.
 *
 * A descriptor is registered once, edge triggered for IN, OUT and RDHUP, and
 * never modified (performance.md 2); events are hints: a handler must find
 * out by reading or writing what there is, since an event may be stale.
 * Memory that holds a struct io must stay readable until the turn ends (slabs
 * do that; else free it by loop_free): the loop drops events of an io that
 * was removed or reused in the same turn by its tag.
 */
#define LOOP_EVENTS	512
#define LOOP_EDGE	((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP) | EPOLLET)
/* Listening sockets: level triggered. */
#define LOOP_LISTEN	((uint32_t)EPOLLIN)

struct io;
struct loop;
/* `events` are epoll's bits. May remove and free its owner as its last act. */
typedef void io_handler(struct io *io, uint32_t events);

struct io {
	io_handler *on_event;
	int fd;			/* -1: none */
	uint16_t tag;		/* of the current registration */
	bool is_registered;
};

struct deferred;
typedef void deferred_handler(struct deferred *d);
struct deferred {
	struct list link;
	deferred_handler *on_deferred;
};

struct loop {
	int epoll_fd;
	bool is_stopping;
	uint64_t turns;
	struct wheel wheel;
	struct list deferred;
	/* Called once a turn, behind 6; NULL: not (heartbeats). */
	void (*on_turn)(struct loop *loop);
};

/* The process's loop; loop_init() it after fork. */
extern struct loop loop;

int loop_init(void);		/* 0, or -1 with errno */
void loop_fini(void);
void loop_run(void);		/* until loop_stop() */
void loop_stop(void);

void io_init(struct io *io, int fd, io_handler *on_event);
/* `events`: LOOP_EDGE or LOOP_LISTEN; EPOLLIN and EPOLLOUT alone for what a
 * library reads and writes as it likes. 0, or -1 with errno. */
int io_register(struct io *io, uint32_t events);
/* Takes it out of epoll; pending events of this turn are dropped. */
void io_remove(struct io *io);
/*
 * Closes the descriptor (which takes it out of epoll: no other process may
 * hold a duplicate, else io_remove first) and drops pending events.
 */
void io_close(struct io *io);

void deferred_init(struct deferred *d, deferred_handler *on_deferred);
/* Runs it once, after the current handler; twice deferred runs once. */
void loop_defer(struct deferred *d);
void loop_undefer(struct deferred *d);

/* free() once the turn is over, at the latest by loop_fini(): for memory with
 * a struct io in it, of which this turn may have events yet. */
void loop_free(void *memory);

/* Timers on the loop's wheel. Milliseconds; rounds up to the wheel's. */
static inline void
loop_timer_set(struct timer *t, uint64_t deadline_ms)
{
	timer_set(&loop.wheel, t, deadline_ms);
}
static inline void
loop_timer_fini(struct timer *t)
{
	timer_fini(&loop.wheel, t);
}

/*
 * Signals as events: blocks `signals` (a zero-ended list) and calls the
 * handler for each that arrives, from the loop. A new list replaces the old
 * one, whose signals stay blocked. 0, or -1 with errno.
 */
typedef void signal_handler(int signo);
int loop_signals(const int *signals, signal_handler *on_signal);
