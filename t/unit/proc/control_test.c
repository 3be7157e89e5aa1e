/* t/unit/proc/control_test.c -- messages, descriptors, and what is refused */
#include "proc/control.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE offsetof(struct control_message, fds)

static int ends[2];

static void
setup(void)
{
	ck_assert_int_eq(control_pair(ends), 0);
}

static void
teardown(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* A message as anybody might write it, with `fd` beside it unless -1. */
static void
send_raw(const void *data, size_t len, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} anc = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = &anc;
		msg.msg_controllen = sizeof(anc);
		anc.header.cmsg_level = SOL_SOCKET;
		anc.header.cmsg_type = SCM_RIGHTS;
		anc.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&anc.header), &fd, sizeof(fd));
	}
	ck_assert_int_eq(sendmsg(ends[0], &msg, 0), (ssize_t)len);
}

START_TEST(a_type_arrives_both_ways)
{
	struct control_message m;

	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_NOTHING);
	ck_assert_int_eq(control_tell(ends[0], CONTROL_DRAIN), 0);
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_GOT);
	ck_assert_uint_eq(m.type, CONTROL_DRAIN);
	ck_assert_uint_eq(m.n_fds, 0);
	ck_assert_int_eq(control_tell(ends[1], CONTROL_READY), 0);
	ck_assert_int_eq(control_receive(ends[0], &m), CONTROL_GOT);
	ck_assert_uint_eq(m.type, CONTROL_READY);
	ck_assert_int_eq(control_receive(ends[0], &m), CONTROL_NOTHING);
}
END_TEST

/* _i descriptors go over, all write to the same pipe. */
START_TEST(descriptors_arrive_and_work)
{
	struct control_message m = { .type = CONTROL_LOGS }, got;
	char text[CONTROL_FDS + 1];
	int pipe_fds[2];

	ck_assert_int_eq(pipe(pipe_fds), 0);
	m.n_fds = (uint32_t)_i;
	m.data_len = 5;
	memcpy(m.data, "hello", 5);
	for (int i = 0; i < _i; i++)
		m.fds[i] = pipe_fds[1];
	ck_assert_int_eq(control_send(ends[0], &m), 0);
	ck_assert_int_eq(control_receive(ends[1], &got), CONTROL_GOT);
	ck_assert_uint_eq(got.n_fds, (uint32_t)_i);
	ck_assert_mem_eq(got.data, "hello", 5);
	for (int i = 0; i < _i; i++) {
		ck_assert_int_eq(fcntl(got.fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(write(got.fds[i], "x", 1), 1);
		close(got.fds[i]);
	}
	close(pipe_fds[1]);
	ck_assert_int_eq(read(pipe_fds[0], text, sizeof(text)), _i);
	ck_assert_int_eq(read(pipe_fds[0], text, 1), 0);	/* none left */
	close(pipe_fds[0]);
}
END_TEST

static const struct {
	const char *why;
	struct control_message m;
	size_t len;
	int n_fds;
} refused[] = {
	{ "type 0", { .type = 0 }, WIRE, 0 },
	{ "unknown type", { .type = CONTROL_TYPES }, WIRE, 0 },
	{ "short", { .type = CONTROL_STOP }, WIRE - 1, 0 },
	{ "one byte", { .type = CONTROL_STOP }, 1, 0 },
	{ "long", { .type = CONTROL_STOP }, WIRE + 1, 0 },
	{ "data_len", { .type = CONTROL_STOP, .data_len = CONTROL_DATA + 1 },
	    WIRE, 0 },
	{ "fds missing", { .type = CONTROL_LOGS, .n_fds = 1 }, WIRE,
	    0 },
	{ "too many", { .type = CONTROL_LOGS,
	    .n_fds = CONTROL_FDS + 1 }, WIRE, 1 },
	{ "unannounced", { .type = CONTROL_LOGS }, WIRE, 1 },
	{ "wrong type", { .type = CONTROL_STOP, .n_fds = 1 }, WIRE, 1 },
	{ "short with fd", { .type = CONTROL_LOGS, .n_fds = 1 }, 8, 1 },
};

START_TEST(what_is_odd_is_refused_and_its_descriptors_closed)
{
	struct control_message m;
	int pipe_fds[2];
	char c;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	send_raw(&refused[_i].m, refused[_i].len,
	    refused[_i].n_fds > 0 ? pipe_fds[1] : -1);
	close(pipe_fds[1]);
	ck_assert_msg(control_receive(ends[1], &m) == CONTROL_INVALID, "%s",
	    refused[_i].why);
	ck_assert_int_eq(errno, EPROTO);
	/* EOF: nobody holds the other end any more. */
	ck_assert_int_eq(read(pipe_fds[0], &c, 1), 0);
	close(pipe_fds[0]);
	ck_assert_int_eq(control_tell(ends[0], CONTROL_STOP), 0);
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_GOT);
}
END_TEST

/* It has to hear of it all the same. */
START_TEST(whoever_has_no_descriptors_left_gets_fewer)
{
	struct control_message m = { .type = CONTROL_DRAIN, .n_fds = 4 };
	struct rlimit all, few;
	int next = dup(0);

	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)next + (rlim_t)_i;
	for (uint32_t i = 0; i < m.n_fds; i++)
		m.fds[i] = STDOUT_FILENO;
	ck_assert_int_eq(control_send(ends[0], &m), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_GOT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_uint_eq(m.type, CONTROL_DRAIN);
	ck_assert_uint_eq(m.n_fds, (uint32_t)_i);
	for (uint32_t i = 0; i < m.n_fds; i++)
		close(m.fds[i]);
}
END_TEST

START_TEST(nonsense_is_not_sent)
{
	struct control_message m = { .type = CONTROL_STOP, .n_fds = 1 };

	ck_assert_int_eq(control_send(ends[0], &m), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(control_tell(ends[0], CONTROL_TYPES), -1);
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_NOTHING);
}
END_TEST

START_TEST(a_full_queue_does_not_block)
{
	struct control_message m;
	int sent = 0, got = 0;

	while (sent < 100000 && control_tell(ends[0], CONTROL_STOP) == 0)
		sent++;
	ck_assert_int_eq(errno, EAGAIN);
	while (control_receive(ends[1], &m) == CONTROL_GOT)
		got++;
	ck_assert_int_eq(got, sent);
	ck_assert_int_eq(control_tell(ends[0], CONTROL_STOP), 0);
}
END_TEST

START_TEST(the_end_of_the_other_side_is_seen)
{
	struct control_message m;

	ck_assert_int_eq(control_tell(ends[0], CONTROL_READY), 0);
	close(ends[0]);
	ends[0] = -1;
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_GOT);
	ck_assert_int_eq(control_receive(ends[1], &m), CONTROL_GONE);
	ck_assert_int_eq(control_tell(ends[1], CONTROL_READY), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/control");
	TCase *t = tcase_create("messages");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_type_arrives_both_ways);
	tcase_add_loop_test(t, descriptors_arrive_and_work, 1,
	    CONTROL_FDS + 1);
	tcase_add_loop_test(t,
	    what_is_odd_is_refused_and_its_descriptors_closed, 0,
	    sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(t, whoever_has_no_descriptors_left_gets_fewer, 0,
	    5);
	tcase_add_test(t, nonsense_is_not_sent);
	tcase_add_test(t, a_full_queue_does_not_block);
	tcase_add_test(t, the_end_of_the_other_side_is_seen);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
