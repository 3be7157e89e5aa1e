/* src/worker/cover.c -- which listening sockets this worker accepts on */
#include "worker/cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "net/listener.h"
#include "proc/child.h"
#include "shm/segment.h"

/* One listening socket: address i of slot s is ios[i * n_slots + s]. */
static struct {
	const struct listener_set *listeners;
	size_t self;
	void (*on_accept)(int fd, const struct address *peer, size_t listener);
	struct io *ios;
	struct timer check;
	uint64_t paused_until_ms;
	uint64_t logged_ms;
	bool is_running;
} cover;

/* Beats may be newer than our turn's clock. */
static bool
is_alive(size_t slot, uint64_t now_ms)
{
	const struct process_slot *p = segment_process((uint32_t)slot);
	uint64_t beat = shm_get(&p->beat_ms);

	return shm_get(&p->state) == SLOT_READY &&
	    shm_get(&p->accepting) != 0 &&
	    (beat >= now_ms || now_ms - beat <= COVER_STALE_MS);
}

size_t
cover_count(size_t self, size_t n, uint64_t now_ms)
{
	size_t count = 0;

	while (count + 1 < n && !is_alive((self + n - count - 1) % n, now_ms))
		count++;
	return count;
}

/* Only TCP: a Unix socket is one for all slots, and our own. */
static void
set_registered(size_t address, size_t slot, bool wanted)
{
	struct io *io = &cover.ios[address * cover.listeners->n_slots + slot];
	bool is_shared =
	    cover.listeners->addresses[address].sa.sa_family == AF_UNIX;

	if (is_shared && slot != cover.self)
		return;
	if (wanted && !io->is_registered) {
		if (io_register(io, LOOP_LISTEN) < 0)
			log_write_errno(LOG_ERROR, NULL, "cannot accept for "
			    "slot %zu", slot);
	} else if (!wanted && io->is_registered)
		io_remove(io);
}

/* Accepts on the `count` slots up to our own, and on no other. */
static void
accept_on(size_t count)
{
	size_t n = cover.listeners->n_slots;

	for (size_t slot = 0; slot < n; slot++) {
		bool wanted = (cover.self + n - slot) % n < count;

		for (size_t i = 0; i < cover.listeners->n_addresses; i++)
			set_registered(i, slot, wanted);
	}
}

static void
check(void)
{
	if (clock_now_ms < cover.paused_until_ms)
		accept_on(0);
	else
		accept_on(1 + cover_count(cover.self,
		    cover.listeners->n_slots, clock_now_ms));
}

static void
on_check(struct timer *t)
{
	check();
	loop_timer_set(t, clock_now_ms + COVER_EVERY_MS);
}

void
cover_pause(void)
{
	cover.paused_until_ms = clock_now_ms + COVER_PAUSE_MS;
	accept_on(0);
}

static bool
is_accepting(void)
{
	return cover.is_running && clock_now_ms >= cover.paused_until_ms;
}

/* We have no descriptor or memory for more: the queue waits, not the loop. */
static void
pause_accepting(void)
{
	if (cover.logged_ms == 0 || clock_now_ms - cover.logged_ms >= 1000) {
		log_write_errno(LOG_WARN, NULL, "accept: pausing for %d ms",
		    COVER_PAUSE_MS);
		cover.logged_ms = clock_now_ms;
	}
	cover_pause();
}

/* accept(2): a connection that failed in the queue is not our failure. */
static bool
is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

static void
on_connection(struct io *io, uint32_t events UNUSED)
{
	size_t address = (size_t)(io - cover.ios) / cover.listeners->n_slots;
	size_t slot = (size_t)(io - cover.ios) % cover.listeners->n_slots;
	struct address peer = { 0 };

	/* Whoever it belongs to may be there by now, as all are when we start
	 * one after the other: the first must not take everything. */
	if (slot != cover.self && is_alive(slot, clock_now_ms)) {
		check();
		return;
	}
	for (int i = 0; i < COVER_BATCH && is_accepting(); i++) {
		int fd;

		peer.len = sizeof(peer) - offsetof(struct address, sa);
		fd = accept4(io->fd, &peer.sa, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			cover.on_accept(fd, &peer, address);
		else if (errno == EAGAIN)
			return;
		else if (is_exhausted(errno)) {
			pause_accepting();
			return;
		}
	}
}

void
cover_start(const struct child *self,
    void (*on_accept)(int fd, const struct address *peer, size_t listener))
{
	const struct listener_set *l = self->listeners;

	free(cover.ios);	/* of an earlier life, in tests */
	memset(&cover, 0, sizeof(cover));
	cover.listeners = l;
	cover.self = self->slot;
	cover.on_accept = on_accept;
	cover.ios = xcalloc(l->n_addresses * l->n_slots, sizeof(*cover.ios));
	for (size_t i = 0; i < l->n_addresses * l->n_slots; i++)
		io_init(&cover.ios[i], l->fds[i], on_connection);
	cover.is_running = true;
	shm_set(&segment_process(self->slot)->accepting, 1);
	timer_init(&cover.check, on_check);
	on_check(&cover.check);
}

/* The memory stays until the process ends: this turn's events may look. */
void
cover_stop(void)
{
	if (!cover.is_running)
		return;
	cover.is_running = false;
	accept_on(0);
	loop_timer_fini(&cover.check);
	shm_set(&segment_process((uint32_t)cover.self)->accepting, 0);
}
