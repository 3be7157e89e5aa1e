/* src/event/loop.c -- the epoll loop of one process */
#include "event/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/memory.h"

#define DEFER_ROUNDS	8
#define SIGNALS_MAX	16
#define TAG_SHIFT	48	/* user addresses fit below (x86-64, aarch64) */
#define POINTER_MASK	((1ull << TAG_SHIFT) - 1)

struct loop loop = { .epoll_fd = -1 };

static struct {
	struct io io;
	signal_handler *on_signal;
} signals = { .io = { .fd = -1 } };

/* Memory that is freed when the turn is over. */
struct grave {
	struct grave *next;
	void *memory;
};
static struct grave *graves;

int
loop_init(void)
{
	if (loop.epoll_fd >= 0)
		(void)close(loop.epoll_fd);
	loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	if (loop.epoll_fd < 0)
		return -1;
	clock_update();
	wheel_init(&loop.wheel, clock_now_ms);
	list_init(&loop.deferred);
	return 0;
}

static COLD void
clear_graves(void)
{
	while (graves != NULL) {
		struct grave *g = graves;

		graves = g->next;
		free(g->memory);
		free(g);
	}
}

void
loop_free(void *memory)
{
	struct grave *g = xnew(struct grave);

	g->memory = memory;
	g->next = graves;
	graves = g;
}

void
loop_fini(void)
{
	clear_graves();
	if (signals.io.fd >= 0)
		io_close(&signals.io);
	if (loop.epoll_fd >= 0)
		(void)close(loop.epoll_fd);
	loop.epoll_fd = -1;
}

/* ---- one turn */

static void
dispatch(const struct epoll_event *e)
{
	struct io *io = (struct io *)(uintptr_t)(e->data.u64 & POINTER_MASK);

	if (likely(io->tag == (uint16_t)(e->data.u64 >> TAG_SHIFT)))
		io->on_event(io, e->events);
}

static void
run_deferred(void)
{
	struct list now;

	for (int round = 0; round < DEFER_ROUNDS; round++) {
		if (list_is_empty(&loop.deferred))
			return;
		list_move_all(&loop.deferred, &now);
		while (!list_is_empty(&now)) {
			struct deferred *d = list_first(&now, struct deferred,
			    link);

			list_remove(&d->link);
			d->on_deferred(d);
		}
	}
}

static HOT void
turn(void)
{
	static struct epoll_event events[LOOP_EVENTS];
	int wait_ms = list_is_empty(&loop.deferred) ?
	    wheel_wait_ms(&loop.wheel, clock_now_ms) : 0;
	int n = epoll_wait(loop.epoll_fd, events, LOOP_EVENTS, wait_ms);

	ASSERT(n >= 0 || errno == EINTR);
	clock_update();
	for (int i = 0; i < n; i++)
		dispatch(&events[i]);
	run_deferred();
	wheel_run(&loop.wheel, clock_now_ms);
	run_deferred();
	if (unlikely(graves != NULL))
		clear_graves();
	loop.turns++;
	if (loop.on_turn != NULL)
		loop.on_turn(&loop);
}

void
loop_run(void)
{
	loop.is_stopping = false;
	while (!loop.is_stopping)
		turn();
}

void
loop_stop(void)
{
	loop.is_stopping = true;
}

/* ---- descriptors */

void
io_init(struct io *io, int fd, io_handler *on_event)
{
	io->on_event = on_event;
	io->fd = fd;
	io->is_registered = false;	/* the tag goes on from its last use */
}

int
io_register(struct io *io, uint32_t events)
{
	struct epoll_event e = { .events = events };

	io->tag++;
	e.data.u64 = (uint64_t)(uintptr_t)io |
	    (uint64_t)io->tag << TAG_SHIFT;
	if (epoll_ctl(loop.epoll_fd, EPOLL_CTL_ADD, io->fd, &e) < 0)
		return -1;
	io->is_registered = true;
	return 0;
}

void
io_remove(struct io *io)
{
	io->tag++;
	if (!io->is_registered)
		return;
	io->is_registered = false;
	(void)epoll_ctl(loop.epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
}

void
io_close(struct io *io)
{
	io->tag++;
	io->is_registered = false;
	if (io->fd >= 0)
		(void)close(io->fd);
	io->fd = -1;
}

/* ---- deferred calls */

void
deferred_init(struct deferred *d, deferred_handler *on_deferred)
{
	list_init(&d->link);
	d->on_deferred = on_deferred;
}

void
loop_defer(struct deferred *d)
{
	if (list_is_empty(&d->link))
		list_append(&loop.deferred, &d->link);
}

void
loop_undefer(struct deferred *d)
{
	list_remove(&d->link);
}

/* ---- signals */

static void
on_signals(struct io *io, uint32_t events UNUSED)
{
	struct signalfd_siginfo info;

	while (read(io->fd, &info, sizeof(info)) == sizeof(info))
		signals.on_signal((int)info.ssi_signo);
}

int
loop_signals(const int *list, signal_handler *on_signal)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	for (int i = 0; i < SIGNALS_MAX && list[i] != 0; i++)
		(void)sigaddset(&set, list[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (signals.io.fd >= 0)
		io_close(&signals.io);
	signals.on_signal = on_signal;
	io_init(&signals.io, fd, on_signals);
	return io_register(&signals.io, LOOP_LISTEN);
}
