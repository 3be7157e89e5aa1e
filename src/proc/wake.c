/* src/proc/wake.c -- one process wakes another */
#include "proc/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "event/loop.h"
#include "shm/segment.h"

static struct {
	int fds[SEGMENT_SLOTS + 1];	/* by slot; 0: none (that is stdin) */
	struct io io;
	void (*on_wake)(void);
} wakes;

static int
open_one(uint32_t slot)
{
	if (wakes.fds[slot] == 0)
		wakes.fds[slot] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (wakes.fds[slot] > 0)
		return 0;
	wakes.fds[slot] = 0;
	return -1;
}

int
wake_open(uint32_t n_slots)
{
	for (uint32_t i = 0; i < n_slots && i < SEGMENT_SLOTS; i++)
		if (open_one(i) < 0)
			return -1;
	return open_one(SEGMENT_MONITOR);
}

void
wake_close(void)
{
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++) {
		if (wakes.fds[i] > 0)
			close(wakes.fds[i]);
		wakes.fds[i] = 0;
	}
}

void
wake_adopt(uint32_t slot, int fd)
{
	if (fd > 0)
		wakes.fds[slot] = fd;
}

int
wake_descriptor(uint32_t slot)
{
	return wakes.fds[slot] > 0 ? wakes.fds[slot] : -1;
}

unsigned
wake_descriptors(int *fds, unsigned most)
{
	unsigned n = 0;

	for (uint32_t i = 0; i <= SEGMENT_MONITOR && n < most; i++)
		if (wakes.fds[i] > 0)
			fds[n++] = wakes.fds[i];
	return n;
}

static void
on_event(struct io *io, uint32_t events UNUSED)
{
	uint64_t count;

	/* Woken for nothing is no harm. */
	if (read(io->fd, &count, sizeof(count)) == sizeof(count))
		wakes.on_wake();
}

int
wake_listen(uint32_t slot, void (*on_wake)(void))
{
	if (wakes.fds[slot] == 0)
		return 0;
	wakes.on_wake = on_wake;
	io_init(&wakes.io, wakes.fds[slot], on_event);
	return io_register(&wakes.io, LOOP_LISTEN);
}

void
wake_ignore(void)
{
	if (wakes.io.is_registered)
		io_remove(&wakes.io);
}

void
wake_process(uint32_t slot)
{
	const uint64_t one = 1;

	/* It can only be full, and then it is awake. */
	if (wakes.fds[slot] > 0 &&
	    write(wakes.fds[slot], &one, sizeof(one)) < 0)
		return;
}
