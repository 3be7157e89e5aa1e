/* src/proc/control.c -- messages and descriptors between master and child */
#include "proc/control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_SIZE offsetof(struct control_message, fds)

/* Room for one SCM_RIGHTS message, aligned as the kernel wants it. */
union ancillary {
	struct cmsghdr header;
	char room[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
};

int
control_pair(int fds[2])
{
	return socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

static bool
is_valid(const struct control_message *m)
{
	return m->type > 0 && m->type < CONTROL_TYPES &&
	    m->n_fds <= CONTROL_FDS && m->data_len <= CONTROL_DATA &&
	    (m->n_fds == 0 || m->type == CONTROL_DRAIN ||
	    m->type == CONTROL_HEIR || m->type == CONTROL_LOGS);
}

static void
attach_descriptors(struct msghdr *msg, union ancillary *anc,
    const struct control_message *m)
{
	size_t size = m->n_fds * sizeof(int);
	struct cmsghdr *c = &anc->header;

	memset(anc, 0, sizeof(*anc));
	msg->msg_control = anc;
	msg->msg_controllen = CMSG_SPACE(size);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), m->fds, size);
}

int
control_send(int fd, const struct control_message *m)
{
	struct iovec iov = { (void *)(uintptr_t)m, WIRE_SIZE };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union ancillary anc;
	ssize_t n;

	if (!is_valid(m)) {
		errno = EINVAL;
		return -1;
	}
	if (m->n_fds > 0)
		attach_descriptors(&msg, &anc, m);
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int
control_tell(int fd, enum control_type type)
{
	struct control_message m = { .type = type };

	return control_send(fd, &m);
}

/* All descriptors that came, at most CONTROL_FDS: there is no room for more. */
static uint32_t
take_descriptors(struct msghdr *msg, int fds[CONTROL_FDS])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return (uint32_t)n;
}

/* Fewer than the sender says: this process may have no more. */
static bool
is_right_count(const struct msghdr *msg, uint32_t said, uint32_t got)
{
	return got == said || (got < said && (msg->msg_flags & MSG_CTRUNC));
}

enum control_result
control_receive(int fd, struct control_message *m)
{
	struct iovec iov = { m, WIRE_SIZE };
	union ancillary anc;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &anc, .msg_controllen = sizeof(anc),
	};
	uint32_t n_fds;
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return CONTROL_NOTHING;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return CONTROL_GONE;
	if (n < 0)
		return CONTROL_INVALID;
	n_fds = take_descriptors(&msg, m->fds);
	if (n == WIRE_SIZE && (msg.msg_flags & MSG_TRUNC) == 0 &&
	    is_valid(m) && is_right_count(&msg, m->n_fds, n_fds)) {
		m->n_fds = n_fds;
		return CONTROL_GOT;
	}
	for (uint32_t i = 0; i < n_fds; i++)
		close(m->fds[i]);
	errno = EPROTO;
	return CONTROL_INVALID;
}
