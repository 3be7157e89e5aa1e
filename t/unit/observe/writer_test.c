/* t/unit/observe/writer_test.c -- lines come whole, and none waits */
#include "observe/writer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

#define RING	4096

static size_t
size_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (size_t)st.st_size;
}

START_TEST(what_is_put_is_written)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct writer *w = writer_start(fd, RING, 1000);
	char text[64];

	ck_assert_ptr_nonnull(w);
	ck_assert(writer_put(w, "one\n", 4));
	ck_assert(writer_put(w, "two\n", 4));
	writer_stop(&w, 5000);
	ck_assert_ptr_null(w);
	ck_assert_int_eq(pread(fd, text, sizeof(text), 0), 8);
	ck_assert_mem_eq(text, "one\ntwo\n", 8);
	close(fd);
}
END_TEST

/* Many times round the ring, lines of all lengths, in order. */
START_TEST(lines_go_round_the_ring)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct writer *w = writer_start(fd, RING, 1000);
	char line[600], *all;
	size_t want = 0, at = 0, len;
	unsigned put = 0;

	for (unsigned i = 0; i < 3000; i++) {
		len = (size_t)snprintf(line, sizeof(line), "%u %0*d\n", i,
		    (int)(i % 500) + 1, 0);
		while (!writer_put(w, line, len))
			usleep(50);
		want += len;
	}
	writer_stop(&w, 5000);
	ck_assert_uint_eq(size_of(fd), want);
	all = mmap(NULL, want, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(all, MAP_FAILED);
	for (; at < want; put++) {
		ck_assert_uint_eq(strtoul(all + at, NULL, 10), put);
		at = (size_t)((char *)memchr(all + at, '\n', want - at) -
		    all) + 1;
	}
	ck_assert_uint_eq(put, 3000);
	munmap(all, want);
	close(fd);
}
END_TEST

/* A pipe that nobody reads: the ring fills, the rest is dropped and counted,
 * and what was kept comes whole once somebody reads. */
START_TEST(nobody_reads)
{
	static const char line[] = "0123456789abcdef0123456789abcde\n";
	int fds[2];
	struct writer *w;
	unsigned put = 0, dropped = 0;
	char got[64];
	ssize_t n;
	size_t total = 0;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	w = writer_start(fds[1], RING, 1000);
	while (dropped < 100) {
		if (writer_put(w, line, 32))
			put++;
		else
			dropped++;
	}
	ck_assert_uint_eq(writer_dropped(w), dropped);
	ck_assert_uint_ge(put, RING / 32);
	while (total < put * 32u) {
		n = read(fds[0], got, 32);
		ck_assert_int_eq(n, 32);
		ck_assert_mem_eq(got, line, 32);
		total += (size_t)n;
	}
	writer_stop(&w, 5000);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* A stop does not wait longer than it may for a pipe that nobody reads. */
START_TEST(a_stop_is_bounded)
{
	char line[1024];
	int fds[2];
	struct writer *w;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	w = writer_start(fds[1], 16384, 1000);
	for (int i = 0; i < 12; i++)
		ck_assert(writer_put(w, line, sizeof(line)));
	ck_assert_uint_ge(writer_stop(&w, 50), 8);
	ck_assert_ptr_null(w);
	/* The thread is still in its write: let it go. */
	close(fds[0]);
	usleep(50000);
}
END_TEST

/* A packet is one write. */
START_TEST(writes_to_a_pipe_are_whole)
{
	int fds[2];
	struct writer *w;
	char line[3000], packet[4097];
	size_t want = 0, total = 0, len;
	ssize_t n;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_DIRECT), 0);
	w = writer_start(fds[1], 65536, 1000);
	for (unsigned i = 0; i < 40; i++) {
		len = (size_t)snprintf(line, sizeof(line), "%0*d\n",
		    (int)(i * 97 % 2900) + 1, 0);
		ck_assert(writer_put(w, line, len));
		want += len;
	}
	while (total < want) {
		n = read(fds[0], packet, sizeof(packet));
		ck_assert_int_gt(n, 0);
		ck_assert_int_le(n, 4096);
		ck_assert_int_eq(packet[n - 1], '\n');
		total += (size_t)n;
	}
	ck_assert_uint_eq(writer_stop(&w, 5000), 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* One that does not block is waited for as well, also at the end. */
START_TEST(a_slow_reader)
{
	int fds[2];
	struct writer *w;
	char line[1024], got[4096];
	size_t total = 0;
	pid_t pid;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	pid = fork();
	if (pid == 0) {
		while (total < 32 * sizeof(line)) {
			ssize_t n = read(fds[0], got, sizeof(got));

			total += n > 0 ? (size_t)n : 0;
			usleep(1000);
		}
		_exit(0);
	}
	w = writer_start(fds[1], 65536, 0);
	for (int i = 0; i < 32; i++)
		ck_assert(writer_put(w, line, sizeof(line)));
	ck_assert_uint_eq(writer_stop(&w, 10000), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(a_flush)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct writer *w = writer_start(fd, RING, 60000);

	ck_assert(writer_flush(w, 0));
	ck_assert(writer_put(w, "x\n", 2));
	ck_assert(writer_flush(w, 5000));
	ck_assert_uint_eq(size_of(fd), 2);
	writer_stop(&w, 5000);
	close(fd);
}
END_TEST

START_TEST(another_file)
{
	int first = memfd_create("first", MFD_CLOEXEC);
	int second = memfd_create("second", MFD_CLOEXEC);
	struct writer *w = writer_start(first, RING, 1000);

	writer_reopen(w, second);
	ck_assert(writer_put(w, "x\n", 2));
	writer_stop(&w, 5000);
	ck_assert_uint_eq(size_of(first), 0);
	ck_assert_uint_eq(size_of(second), 2);
	close(first);
	close(second);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("observe/writer");
	TCase *t = tcase_create("writer");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_test(t, what_is_put_is_written);
	tcase_add_test(t, lines_go_round_the_ring);
	tcase_add_test(t, nobody_reads);
	tcase_add_test(t, a_stop_is_bounded);
	tcase_add_test(t, writes_to_a_pipe_are_whole);
	tcase_add_test(t, a_slow_reader);
	tcase_add_test(t, a_flush);
	tcase_add_test(t, another_file);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
