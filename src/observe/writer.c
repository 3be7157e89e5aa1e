/* src/observe/writer.c -- lines that one thread writes, so that none waits */
#include "observe/writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"

#define FLUSH_MS	1000
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
	int wake_fd;
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

static void
sleep_until_woken(struct writer *w, int ms)
{
	struct pollfd p = { .fd = w->wake_fd, .events = POLLIN };
	uint64_t count;

	atomic_store(&w->is_asleep, true);
	if (poll(&p, 1, ms) > 0 &&
	    read(w->wake_fd, &count, sizeof(count)) < 0)
		return;		/* spurious: we look anyway */
	atomic_store(&w->is_asleep, false);
}

/* The bytes of `len` from ring position `at` up to their last line end. */
static size_t
whole_lines(const struct writer *w, uint64_t at, size_t len)
{
	while (len > 0 && w->ring[(at + len - 1) & (w->size - 1)] != '\n')
		len--;
	return len;
}

/* One write of whole lines, round the end of the ring; false: try later. */
static bool
write_some(struct writer *w, uint64_t tail, size_t len)
{
	size_t from = tail & (w->size - 1), whole;
	struct iovec v[2] = { { .iov_base = w->ring + from } };
	ssize_t n;

	if (len > WRITE_MOST) {
		whole = whole_lines(w, tail, WRITE_MOST);
		len = whole > 0 ? whole : WRITE_MOST;
	}
	v[0].iov_len = len < w->size - from ? len : w->size - from;
	v[1].iov_base = w->ring;
	v[1].iov_len = len - v[0].iov_len;
	n = writev(atomic_load(&w->fd), v, v[1].iov_len > 0 ? 2 : 1);
	if (n < 0)
		return errno == EINTR;
	atomic_store(&w->tail, tail + (uint64_t)n);
	return true;
}

/* False: what is there cannot be written now. */
static bool
drain(struct writer *w)
{
	for (;;) {
		uint64_t tail = atomic_load(&w->tail);
		size_t len = (size_t)(atomic_load(&w->head) - tail);

		if (len == 0)
			return true;
		if (!write_some(w, tail, len))
			return false;
	}
}

static void *
run(void *argument)
{
	struct writer *w = argument;
	bool is_good = true;

	while (!atomic_load(&w->is_ending)) {
		sleep_until_woken(w, is_good ? FLUSH_MS : RETRY_MS);
		is_good = drain(w);
	}
	(void)drain(w);
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

struct writer *
writer_start(int fd, size_t ring)
{
	struct writer *w;

	if (posix_memalign((void **)&w, 64, sizeof(*w)) != 0)
		return NULL;
	memset(w, 0, sizeof(*w));
	atomic_store(&w->fd, fd);
	w->size = ring;
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
	if (used + len >= w->size / 4 && atomic_load(&w->is_asleep)) {
		atomic_store(&w->is_asleep, false);
		wake(w);
	}
	return true;
}

void
writer_reopen(struct writer *w, int fd)
{
	atomic_store(&w->fd, fd);
}

uint64_t
writer_dropped(const struct writer *w)
{
	return atomic_load(&w->dropped);
}

static void
wait_for_end(struct writer *w, unsigned wait_ms)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	while (wait_ms-- > 0 && atomic_load(&w->state) == WRITER_RUNS)
		nanosleep(&ms, NULL);
}

void
writer_stop(struct writer **wp, unsigned wait_ms)
{
	struct writer *w = *wp;
	pthread_t thread;

	if (w == NULL)
		return;
	*wp = NULL;
	thread = w->thread;
	atomic_store(&w->is_ending, true);
	wake(w);
	wait_for_end(w, wait_ms);
	if (atomic_exchange(&w->state, WRITER_IS_GIVEN_UP) == WRITER_RUNS) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	writer_free(w);
}
