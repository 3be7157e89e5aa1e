/* src/observe/writer.c -- lines that one thread writes, so that none waits */
#include "observe/writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"

#define RETRY_MS	100	/* a full disk may get room */
#define WRITE_MOST	((size_t)256 << 10)	/* by one call */

/* Who comes second frees it: the thread that ends, or who has waited. */
enum writer_state {
	WRITER_RUNS,
	WRITER_HAS_ENDED,
	WRITER_IS_GIVEN_UP,
};

/* head and tail count bytes for ever: the ring holds head - tail of them. */
struct writer {
	_Atomic uint64_t head;	/* the loop's */
	_Atomic uint64_t dropped;
	_Atomic uint64_t tail __attribute__((aligned(64)));	/* the thread's */
	_Atomic bool is_asleep;
	_Atomic bool is_ending;
	_Atomic int state;	/* enum writer_state */
	_Atomic int fd;
	_Atomic size_t most;	/* bytes of one write */
	int wake_fd;
	int delay_ms;
	size_t size;
	pthread_t thread;
	char *ring;
};

static void
writer_free(struct writer *w)
{
	int saved = errno;

	if (w->wake_fd >= 0)
		close(w->wake_fd);
	free(w->ring);
	free(w);
	errno = saved;
}

static void
wake(struct writer *w)
{
	uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return;		/* full: it is awake */
}

static size_t
waiting(const struct writer *w)
{
	return (size_t)(atomic_load(&w->head) - atomic_load(&w->tail));
}

/* Who puts wakes the thread for so much. */
static size_t
enough(const struct writer *w)
{
	return w->delay_ms == 0 ? 1 : w->size / 4;
}

static void
wait_ms_or_wake(struct writer *w, struct pollfd *p, nfds_t n, int ms)
{
	uint64_t count;

	if (poll(p, n, ms) > 0 && (p->revents & POLLIN) != 0 &&
	    read(w->wake_fd, &count, sizeof(count)) < 0)
		return;		/* spurious: we look anyway */
}

/* What was put before `is_asleep` was seen has to be seen here. */
static void
sleep_until_woken(struct writer *w)
{
	struct pollfd p = { .fd = w->wake_fd, .events = POLLIN };

	atomic_store(&w->is_asleep, true);
	if (waiting(w) < enough(w))
		wait_ms_or_wake(w, &p, 1, w->delay_ms == 0 ? -1 : w->delay_ms);
	atomic_store(&w->is_asleep, false);
}

/* What cannot be written now: lines that are put meanwhile do not wake us. */
static void
sleep_until_writable(struct writer *w, int error)
{
	struct pollfd p[2] = {
		{ .fd = w->wake_fd, .events = POLLIN },
		{ .fd = atomic_load(&w->fd), .events = POLLOUT },
	};

	wait_ms_or_wake(w, p, error == EAGAIN ? 2 : 1, RETRY_MS);
}

static bool
is_line_end(const struct writer *w, uint64_t at)
{
	return w->ring[at & (w->size - 1)] == '\n';
}

/* At most `most` of the `len` bytes from ring position `at`, in whole lines;
 * one line where it is longer. */
static size_t
whole_lines(const struct writer *w, uint64_t at, size_t len, size_t most)
{
	size_t n = most;

	if (len <= most)
		return len;
	while (n > 0 && !is_line_end(w, at + n - 1))
		n--;
	if (n > 0)
		return n;
	while (most < len && !is_line_end(w, at + most - 1))
		most++;
	return most;
}

/* One write of whole lines, round the end of the ring. False with errno: try
 * later. */
static bool
write_some(struct writer *w, uint64_t tail, size_t len)
{
	size_t from = tail & (w->size - 1);
	struct iovec v[2] = { { .iov_base = w->ring + from } };
	ssize_t n;

	len = whole_lines(w, tail, len, atomic_load(&w->most));
	v[0].iov_len = len < w->size - from ? len : w->size - from;
	v[1].iov_base = w->ring;
	v[1].iov_len = len - v[0].iov_len;
	n = writev(atomic_load(&w->fd), v, v[1].iov_len > 0 ? 2 : 1);
	if (n < 0)
		return errno == EINTR;
	atomic_store(&w->tail, tail + (uint64_t)n);
	return true;
}

/* 0, or the errno why what is there cannot be written now. */
static int
drain(struct writer *w)
{
	size_t len;

	while ((len = waiting(w)) > 0)
		if (!write_some(w, atomic_load(&w->tail), len))
			return errno;
	return 0;
}

/* Whoever reads slowly has until we are given up; a disk stays full. */
static void
drain_last(struct writer *w)
{
	while (drain(w) == EAGAIN && atomic_load(&w->state) == WRITER_RUNS)
		sleep_until_writable(w, EAGAIN);
}

static void *
run(void *argument)
{
	struct writer *w = argument;
	int error = 0;

	while (!atomic_load(&w->is_ending)) {
		if (error == 0)
			sleep_until_woken(w);
		else
			sleep_until_writable(w, error);
		error = drain(w);
	}
	drain_last(w);
	if (atomic_exchange(&w->state, WRITER_HAS_ENDED) ==
	    WRITER_IS_GIVEN_UP)
		writer_free(w);
	return NULL;
}

static int
start_thread(struct writer *w)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);	/* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
set_fd(struct writer *w, int fd)
{
	struct stat st;

	atomic_store(&w->most, fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) ?
	    (size_t)PIPE_BUF : WRITE_MOST);
	atomic_store(&w->fd, fd);
}

struct writer *
writer_start(int fd, size_t ring, unsigned delay_ms)
{
	struct writer *w;

	if (posix_memalign((void **)&w, 64, sizeof(*w)) != 0)
		return NULL;
	memset(w, 0, sizeof(*w));
	set_fd(w, fd);
	w->size = ring;
	w->delay_ms = (int)delay_ms;
	w->ring = xmalloc(ring);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0 || start_thread(w) < 0) {
		writer_free(w);
		return NULL;
	}
	return w;
}

bool
writer_put(struct writer *w, const char *line, size_t len)
{
	uint64_t head = atomic_load_explicit(&w->head, memory_order_relaxed);
	size_t used = (size_t)(head - atomic_load(&w->tail));
	size_t at = head & (w->size - 1), first = w->size - at;

	if (len > w->size - used) {
		atomic_fetch_add(&w->dropped, 1);
		return false;
	}
	if (first > len)
		first = len;
	memcpy(w->ring + at, line, first);
	memcpy(w->ring, line + first, len - first);
	atomic_store(&w->head, head + len);
	if (used + len >= enough(w) && atomic_load(&w->is_asleep)) {
		atomic_store(&w->is_asleep, false);
		wake(w);
	}
	return true;
}

void
writer_reopen(struct writer *w, int fd)
{
	set_fd(w, fd);
}

static void
sleep_1_ms(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

bool
writer_flush(struct writer *w, unsigned wait_ms)
{
	if (waiting(w) > 0)
		wake(w);
	while (waiting(w) > 0 && wait_ms-- > 0)
		sleep_1_ms();
	return waiting(w) == 0;
}

uint64_t
writer_dropped(const struct writer *w)
{
	return atomic_load(&w->dropped);
}

static uint64_t
lines_left(const struct writer *w)
{
	uint64_t head = atomic_load(&w->head), n = 0;

	for (uint64_t at = atomic_load(&w->tail); at < head; at++)
		n += is_line_end(w, at);
	return n;
}

static void
wait_for_end(struct writer *w, unsigned wait_ms)
{
	while (wait_ms-- > 0 && atomic_load(&w->state) == WRITER_RUNS)
		sleep_1_ms();
}

uint64_t
writer_stop(struct writer **wp, unsigned wait_ms)
{
	struct writer *w = *wp;
	pthread_t thread;
	uint64_t left;

	if (w == NULL)
		return 0;
	*wp = NULL;
	thread = w->thread;
	atomic_store(&w->is_ending, true);
	wake(w);
	wait_for_end(w, wait_ms);
	left = lines_left(w);
	if (atomic_exchange(&w->state, WRITER_IS_GIVEN_UP) == WRITER_RUNS) {
		pthread_detach(thread);
		return left;
	}
	pthread_join(thread, NULL);
	writer_free(w);
	return left;
}
