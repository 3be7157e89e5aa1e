/* src/worker/cover.c -- which listening sockets this worker accepts on */
#include "worker/cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "net/listener.h"
#include "proc/child.h"
#include "shm/segment.h"

/* One listening socket: number s of address i is ios[i * n_slots + s]. */
static struct {
	const struct listener_set *listeners;
	size_t self, n_places;		/* ours, among all workers */
	const uint32_t *slots;		/* of places, in the segment */
	void (*on_accept)(int fd, const struct address *peer, size_t listener);
	struct io *ios;
	struct timer check;
	uint64_t paused_until_ms;
	uint64_t logged_ms;
	bool is_running, is_retiring;
	struct timer retired;
} cover;

/* Beats may be newer than our turn's clock. */
static bool
is_alive(uint32_t slot, uint64_t now_ms)
{
	const struct process_slot *p = segment_process(slot);
	uint64_t beat = shm_get(&p->beat_ms);

	return shm_get(&p->state) == SLOT_READY &&
	    shm_get(&p->accepting) != 0 &&
	    (beat >= now_ms || now_ms - beat <= COVER_STALE_MS);
}

size_t
cover_count(const uint32_t *slots, size_t self, size_t n, uint64_t now_ms)
{
	size_t count = 0;

	while (count + 1 < n &&
	    !is_alive(slots[(self + n - count - 1) % n], now_ms))
		count++;
	return count;
}

/* Whose turn it is to accept on this socket. */
static size_t
place_of(size_t socket)
{
	return socket % cover.n_places;
}

/* Only TCP: a Unix socket is one for all, and our own. */
static void
set_registered(size_t address, size_t socket, bool wanted)
{
	struct io *io = &cover.ios[address * cover.listeners->n_slots +
	    socket];
	bool is_shared =
	    cover.listeners->addresses[address].sa.sa_family == AF_UNIX;

	if (io->fd < 0 || (is_shared && socket != cover.self &&
	    !cover.is_retiring))
		return;
	if (wanted && !io->is_registered) {
		if (io_register(io, LOOP_LISTEN) < 0)
			log_write_errno(LOG_ERROR, NULL, "cannot accept on "
			    "socket %zu", socket);
	} else if (!wanted && io->is_registered)
		io_remove(io);
}

/* Accepts for the `count` places up to our own, and for no other. */
static void
accept_on(size_t count)
{
	size_t n = cover.n_places;

	for (size_t s = 0; s < cover.listeners->n_slots; s++) {
		bool wanted = (cover.self + n - place_of(s)) % n < count;

		for (size_t i = 0; i < cover.listeners->n_addresses; i++)
			set_registered(i, s, wanted);
	}
}

static void
check(void)
{
	if (clock_now_ms < cover.paused_until_ms)
		accept_on(0);
	else
		accept_on(1 + cover_count(cover.slots, cover.self,
		    cover.n_places, clock_now_ms));
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
	size_t place = place_of((size_t)(io - cover.ios) %
	    cover.listeners->n_slots);
	struct address peer = { 0 };

	/* Whoever it belongs to may be there by now, as all are when we start
	 * one after the other: the first must not take everything. */
	if (!cover.is_retiring && place != cover.self &&
	    is_alive(cover.slots[place], clock_now_ms)) {
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
	cover.self = self->place;
	cover.n_places = self->n_places;
	cover.slots = self->slots;
	cover.on_accept = on_accept;
	cover.ios = xcalloc(l->n_addresses * l->n_slots, sizeof(*cover.ios));
	for (size_t i = 0; i < l->n_addresses * l->n_slots; i++)
		io_init(&cover.ios[i], l->fds[i], on_connection);
	cover.is_running = true;
	shm_set(&segment_process(self->slot)->accepting, 1);
	timer_init(&cover.check, on_check);
	on_check(&cover.check);
}

static void
stop_checking(void)
{
	cover.is_running = false;
	accept_on(0);
	loop_timer_fini(&cover.check);
	shm_set(&segment_process(cover.slots[cover.self])->accepting, 0);
}

/* The memory stays until the process ends: this turn's events may look. */
void
cover_stop(void)
{
	if (cover.is_running && !cover.is_retiring)
		stop_checking();
}

/* ---- leaving */

static void
close_sockets_of(size_t address)
{
	size_t n = cover.listeners->n_slots;
	struct io *ios = &cover.ios[address * n];
	int closed = -1;

	for (size_t s = 0; s < n; s++) {
		if (ios[s].is_registered)
			io_remove(&ios[s]);
		if (ios[s].fd >= 0 && ios[s].fd != closed)
			close(ios[s].fd);
		closed = ios[s].fd;	/* a Unix socket is one for all */
		ios[s].fd = -1;
	}
}

static void
on_retired(struct timer *t UNUSED)
{
	cover.is_running = cover.is_retiring = false;
	for (size_t i = 0; i < cover.listeners->n_addresses; i++)
		close_sockets_of(i);
}

/* All who leave accept on all sockets of it. */
static void
accept_longer(size_t address)
{
	size_t n = cover.listeners->n_slots;

	cover.is_running = cover.is_retiring = true;
	for (size_t s = 0; s < n; s++)
		if (s == 0 || cover.ios[address * n + s].fd !=
		    cover.ios[address * n].fd)
			set_registered(address, s, true);
}

void
cover_leave(bool (*is_retired)(size_t address))
{
	if (!cover.is_running)
		return;
	stop_checking();
	cover.paused_until_ms = 0;
	for (size_t i = 0; i < cover.listeners->n_addresses; i++) {
		if (is_retired(i))
			accept_longer(i);
		else
			close_sockets_of(i);
	}
	timer_init(&cover.retired, on_retired);
	if (cover.is_retiring)
		loop_timer_set(&cover.retired, clock_now_ms +
		    LISTENER_RETIRE_MS);
}

bool
cover_is_leaving(void)
{
	return cover.is_retiring;
}
