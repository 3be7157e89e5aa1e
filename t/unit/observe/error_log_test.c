/* t/unit/observe/error_log_test.c -- the log through its ring and thread */
#include "observe/error_log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "support/unit.h"

static char got[1 << 20];

static uint64_t
now_ms(void)
{
	return clock_read_ns() / 1000000;
}

static void
read_file(int fd)
{
	ssize_t n = pread(fd, got, sizeof(got) - 1, 0);

	ck_assert_int_ge(n, 0);
	got[n] = '\0';
}

static unsigned
count(const char *what)
{
	unsigned n = 0;

	for (const char *at = got; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

/* Is it in the file soon? Nobody flushes. */
static bool
comes(int fd, const char *what)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 500; i++) {
		read_file(fd);
		if (strstr(got, what) != NULL)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

/* As it comes and goes at once: none waits for the next. */
START_TEST(lines_come_at_once)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	char text[32];

	log_open(fd, false);
	ck_assert_int_eq(error_log_start(), 0);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text), ": line %d\n", i);
		log_info(NULL, "line %d", i);
		ck_assert(comes(fd, text));
	}
	error_log_stop(5000);
	ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

START_TEST(order_is_kept)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	const char *at = got;

	log_open(fd, false);
	log_info(NULL, "line 0;");
	ck_assert_int_eq(error_log_start(), 0);
	for (int i = 1; i < 500; i++)
		log_info(NULL, "line %d;", i);
	log_alert(NULL, "line 500;");
	read_file(fd);
	ck_assert_uint_eq(count("\n"), 501);	/* an alert flushes */
	for (int i = 501; i < 1000; i++)
		log_info(NULL, "line %d;", i);
	error_log_stop(5000);
	log_info(NULL, "line 1000;");
	read_file(fd);
	for (int i = 0; i <= 1000; i++) {
		at = strstr(at, "line ");
		ck_assert_ptr_nonnull(at);
		at += 5;
		ck_assert_int_eq(atoi(at), i);
	}
	ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

static bool
is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

/* Lines until neither the pipe nor the ring takes more. How many. */
static uint64_t
fill(int fd)
{
	uint64_t put = 0, dropped;

	do {
		dropped = log_dropped();
		log_info(NULL, "%0200d", 1);
		put++;
	} while (log_dropped() == dropped || is_writable(fd));
	return put;
}

/* Whether or not the descriptor blocks: nobody waits, all is counted, what
 * was kept comes whole. */
START_TEST(a_pipe_that_nobody_reads)
{
	uint64_t before = now_ms(), put, dropped;
	int ends[2];
	size_t len = 0;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, _i == 0 ? 0 : O_NONBLOCK), 0);
	log_open(ends[1], false);
	ck_assert_int_eq(error_log_start(), 0);
	put = fill(ends[1]);
	dropped = log_dropped() + 1;
	log_alert(NULL, "%0200d", 1);
	put++;
	ck_assert_uint_eq(log_dropped(), dropped);
	ck_assert_uint_lt(now_ms() - before, 5000);
	while (count("\n") + log_dropped() < put) {
		n = read(ends[0], got + len, sizeof(got) - 1 - len);
		if (n > 0)
			len += (size_t)n;
		got[len] = '\0';
	}
	ck_assert_uint_eq(count("\n"), put - log_dropped());
	ck_assert_uint_eq(count("00001\n"), put - log_dropped());
	error_log_stop(5000);
	ck_assert_uint_eq(log_dropped(), dropped);
}
END_TEST

/* A stop is bounded; what is left then is lost, and counted. */
START_TEST(what_is_left_is_counted)
{
	uint64_t before, put;
	int ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	log_open(ends[1], false);
	ck_assert_int_eq(error_log_start(), 0);
	put = fill(ends[1]);
	before = now_ms();
	error_log_stop(100);
	ck_assert_uint_lt(now_ms() - before, 5000);
	n = read(ends[0], got, sizeof(got) - 1);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_uint_eq(count("\n") + log_dropped(), put);
}
END_TEST

START_TEST(a_full_disk)
{
	int fd = open("/dev/full", O_WRONLY);

	log_open(fd, false);
	ck_assert_int_eq(error_log_start(), 0);
	for (int i = 0; i < 10; i++)
		log_info(NULL, "x");
	log_alert(NULL, "x");
	error_log_stop(5000);
	ck_assert_uint_eq(log_dropped(), 11);
}
END_TEST

START_TEST(a_reader_that_has_gone)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, 0), 0);
	close(ends[0]);
	log_open(ends[1], false);
	ck_assert_int_eq(error_log_start(), 0);
	for (int i = 0; i < 10; i++)
		log_info(NULL, "x");
	error_log_stop(5000);
	ck_assert_uint_eq(log_dropped(), 10);
}
END_TEST

/* A terminal that is stopped keeps its mirror only. */
START_TEST(a_mirror_has_its_own_ring)
{
	int fd = memfd_create("log", MFD_CLOEXEC), ends[2];

	ck_assert_int_eq(pipe2(ends, 0), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_open(fd, true);
	ck_assert_int_eq(error_log_start(), 0);
	for (int i = 0; i < 3000; i++) {
		log_info(NULL, "%0200d", 1);
		if (i % 100 == 0)
			usleep(1000);	/* the file is fast, not infinitely */
	}
	log_info(NULL, "the last");
	ck_assert(comes(fd, "the last\n"));
	ck_assert_uint_eq(count("\n"), 3001);
	ck_assert_uint_gt(log_dropped(), 0);
	close(ends[0]);			/* lets it go */
	error_log_stop(5000);
}
END_TEST

START_TEST(no_log_is_no_failure)
{
	log_open(-1, false);
	ck_assert_int_eq(error_log_start(), 0);
	log_info(NULL, "x");
	log_alert(NULL, "x");
	error_log_stop(5000);
	ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("observe/error_log");
	TCase *t = tcase_create("error_log");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_test(t, lines_come_at_once);
	tcase_add_test(t, order_is_kept);
	tcase_add_loop_test(t, a_pipe_that_nobody_reads, 0, 2);
	tcase_add_test(t, what_is_left_is_counted);
	tcase_add_test(t, a_full_disk);
	tcase_add_test(t, a_reader_that_has_gone);
	tcase_add_test(t, a_mirror_has_its_own_ring);
	tcase_add_test(t, no_log_is_no_failure);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
