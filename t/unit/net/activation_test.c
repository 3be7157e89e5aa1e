/* t/unit/net/activation_test.c -- inherited listening sockets */
#include "net/activation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/address.h"
#include "core/log.h"
#include "net/listener.h"
#include "support/unit.h"

static int log_end[2];

static void
setup(void)
{
	ck_assert_int_eq(pipe2(log_end, O_NONBLOCK | O_CLOEXEC), 0);
	log_open(log_end[1], false);
}

static void
teardown(void)
{
	activation_close();
	log_open(-1, false);
	close(log_end[0]);
	close(log_end[1]);
}

static const char *
logged(void)
{
	static char lines[4096];
	ssize_t n = read(log_end[0], lines, sizeof(lines) - 1);

	lines[n < 0 ? 0 : n] = '\0';
	return lines;
}

/* A TCP socket of the loopback, and where it is. */
static int
bound(struct address *a, bool listens)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert(address_parse(a, SPAN("127.0.0.1:1")));
	a->in.sin_port = 0;
	ck_assert_int_eq(bind(fd, &a->sa, a->len), 0);
	ck_assert_int_eq(getsockname(fd, &a->sa, &a->len), 0);
	if (listens)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

START_TEST(is_taken_by_its_address)
{
	struct address a, b, other;
	int first = bound(&a, true), second = bound(&b, true);

	ck_assert(address_parse(&other, SPAN("127.0.0.2:80")));
	activation_add(first, "http");
	activation_add(second, "more");
	ck_assert_int_eq(activation_take(&other), -1);
	ck_assert_uint_eq(activation_count(&b), 1);
	ck_assert_int_eq(activation_take(&b), second);
	ck_assert_uint_eq(activation_count(&b), 0);
	ck_assert_int_eq(activation_take(&b), -1);
	ck_assert_int_eq(fcntl(second, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(second, F_GETFL) & O_NONBLOCK, 0);
	activation_log_rest();
	ck_assert_ptr_nonnull(strstr(logged(), " (http) is no listener of the "
	    "configuration"));
	activation_close();
	ck_assert_int_lt(fcntl(first, F_GETFD), 0);
	ck_assert_int_ge(fcntl(second, F_GETFD), 0);	/* is the taker's */
	close(second);
}
END_TEST

START_TEST(takes_unix_sockets)
{
	char path[] = "/tmp/fairlead-activation-XXXXXX", text[64];
	struct address a;
	int fd = mkstemp(path);

	close(fd);
	unlink(path);
	fd = listener_open_unix(path);
	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert(address_parse(&a, span_str(text)));
	activation_add(fd, "u");
	ck_assert_int_eq(activation_take(&a), fd);
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(refuses_what_is_none)
{
	struct address a;
	int fds[2], idle = bound(&a, false);

	ck_assert_int_eq(pipe(fds), 0);
	activation_add(fds[0], "pipe");
	ck_assert_ptr_nonnull(strstr(logged(), "(pipe) is not used: it is no "
	    "stream socket"));
	activation_add(socket(AF_INET, SOCK_DGRAM, 0), "udp");
	ck_assert_ptr_nonnull(strstr(logged(), "it is no stream socket"));
	activation_add(idle, "idle");
	ck_assert_ptr_nonnull(strstr(logged(), "it does not listen"));
	activation_add(4711, "closed");
	ck_assert_ptr_nonnull(strstr(logged(), "it is no stream socket"));
	ck_assert_int_lt(fcntl(fds[0], F_GETFD), 0);
	close(fds[1]);
}
END_TEST

/* A listener takes it, opens the others beside it, and accepts on it. */
START_TEST(serves_a_listener)
{
	struct listener_conf wanted = { .backlog = 0 };
	struct listener_set *set;
	int fd = bound(&wanted.address, true), one = 0;
	socklen_t len = sizeof(one);

	activation_add(fd, "http");
	set = listener_set_open(&wanted, 1, 3);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(set->n_slots, 3);
	ck_assert_int_eq(set->fds[0], fd);
	ck_assert_int_ge(set->fds[2], 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, &len),
	    0);
	ck_assert_int_eq(one, 1);
	listener_set_close(&set);
	activation_log_rest();
	ck_assert_str_eq(logged(), "");
}
END_TEST

/* As an upgrade brings them: more than there are workers now. */
START_TEST(serves_with_all_there_are)
{
	struct listener_conf wanted = { .backlog = 0 };
	struct listener_set *set;
	struct address a;
	int fds[4];

	ck_assert(address_parse(&wanted.address, SPAN("127.0.0.1:1")));
	wanted.address.in.sin_port = 0;
	set = listener_set_open(&wanted, 1, 4);
	wanted.address = a = set->addresses[0];
	for (int i = 0; i < 4; i++) {
		fds[i] = dup(set->fds[i]);
		activation_add(fds[i], "x");
	}
	listener_set_close(&set);
	set = listener_set_open(&wanted, 1, 2);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(set->n_slots, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(set->fds[i], fds[i]);
	ck_assert_uint_eq(activation_count(&a), 0);
	listener_set_close(&set);
}
END_TEST

/* ---- the environment */

static const struct {
	const char *fds;
	bool is_ours;
	size_t n;
} rows[] = {
	{ "2", true, 2 }, { "1", true, 1 }, { "0", true, 0 },
	{ "2", false, 0 }, { "-1", true, 0 }, { "x", true, 0 },
	{ "99999", true, 0 },
};

/* In a process of its own, whose descriptors 3 and 4 may be what they like. */
static int
inherit(int row)
{
	struct address a, b;
	int fds[2] = { bound(&a, true), bound(&b, true) };
	char pid[16];

	fds[0] = fcntl(fds[0], F_DUPFD, 10);
	fds[1] = fcntl(fds[1], F_DUPFD, 10);
	dup2(fds[0], 3);
	dup2(fds[1], 4);
	snprintf(pid, sizeof(pid), "%d", rows[row].is_ours ? getpid() : 1);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", rows[row].fds, 1);
	setenv("LISTEN_FDNAMES", "web", 1);
	activation_open();
	if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
	    getenv("LISTEN_FDNAMES") != NULL)
		return 99;
	return (int)(activation_count(&a) + activation_count(&b));
}

START_TEST(reads_the_environment)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(inherit(_i));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), (int)rows[_i].n);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net: activation");
	TCase *t = tcase_create("activation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, is_taken_by_its_address);
	tcase_add_test(t, takes_unix_sockets);
	tcase_add_test(t, refuses_what_is_none);
	tcase_add_test(t, serves_a_listener);
	tcase_add_test(t, serves_with_all_there_are);
	tcase_add_loop_test(t, reads_the_environment, 0,
	    sizeof(rows) / sizeof(*rows));
	suite_add_tcase(s, t);
	return unit_main(s);
}
