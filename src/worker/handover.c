/* src/worker/handover.c -- connections on their way to another process */
#include "worker/handover.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"

union ancillary {
	struct cmsghdr header;
	char room[CMSG_SPACE(HANDOVER_FDS * sizeof(int))];
};

/* ---- addresses */

void
handover_put_address(struct handover_address *to, const struct address *a)
{
	_Static_assert(sizeof(to->bytes) >= sizeof(struct sockaddr_un), "room");
	memset(to, 0, sizeof(*to));
	to->len = (uint16_t)a->len;
	memcpy(to->bytes, &a->sa, a->len);
}

static bool
is_length_of(sa_family_t family, size_t len)
{
	switch (family) {
	case AF_INET:
		return len == sizeof(struct sockaddr_in);
	case AF_INET6:
		return len == sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return len <= sizeof(struct sockaddr_un);
	default:
		return false;
	}
}

bool
handover_get_address(struct address *a, const struct handover_address *from)
{
	memset(a, 0, sizeof(*a));
	if (from->len < sizeof(sa_family_t) ||
	    from->len > sizeof(struct sockaddr_un))
		return false;
	a->len = from->len;
	memcpy(&a->sa, from->bytes, from->len);
	return is_length_of(a->sa.sa_family, from->len);
}

/* ---- sending */

void
handover_begin(struct handover_head *h, enum handover_kind kind, size_t size,
    uint64_t id)
{
	*h = (struct handover_head){
		.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION,
		.kind = (uint16_t)kind, .size = (uint32_t)size, .id = id,
	};
}

static void
attach(struct msghdr *msg, union ancillary *anc, const int *fds, size_t n)
{
	struct cmsghdr *c = &anc->header;

	memset(anc, 0, sizeof(*anc));
	msg->msg_control = anc;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

/* A peer that ended with something unread shows as a reset, once. */
static bool
is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

int
handover_send(int channel, const struct handover_head *h, const int *fds,
    size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)h, h->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union ancillary anc;
	ssize_t n;

	ASSERT(h->size <= HANDOVER_MAX && n_fds <= HANDOVER_FDS);
	if (n_fds > 0)
		attach(&msg, &anc, fds, n_fds);
	do
		n = sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (is_gone(errno))
		errno = EPIPE;
	return -1;
}

int
handover_answer(int channel, uint64_t id, bool is_taken)
{
	struct handover_head h;

	handover_begin(&h, is_taken ? HANDOVER_TAKEN : HANDOVER_REFUSED,
	    sizeof(h), id);
	return handover_send(channel, &h, NULL, 0);
}

/* ---- receiving */

static void
take_descriptors(struct msghdr *msg, struct handover *in)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	in->n_fds = 0;
	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS)
		return;
	in->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(in->fds, CMSG_DATA(c), in->n_fds * sizeof(int));
}

static ssize_t
receive(int channel, struct msghdr *msg)
{
	ssize_t n;

	do
		n = recvmsg(channel, msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	return n;
}

enum handover_result
handover_receive(int channel, struct handover *in)
{
	static alignas(16) char buffer[HANDOVER_MAX];
	const struct handover_head *h = (const void *)buffer;
	struct iovec iov = { buffer, sizeof(buffer) };
	union ancillary anc;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &anc, .msg_controllen = sizeof(anc),
	};
	ssize_t n = receive(channel, &msg);

	in->head = h;
	in->n_fds = 0;
	if (n < 0)
		return errno == EAGAIN ? HANDOVER_NOTHING : HANDOVER_GONE;
	if (n == 0)
		return HANDOVER_GONE;
	take_descriptors(&msg, in);
	if ((size_t)n >= sizeof(*h) && (msg.msg_flags & MSG_TRUNC) == 0 &&
	    h->magic == HANDOVER_MAGIC && h->size == (size_t)n)
		return HANDOVER_GOT;
	handover_close_fds(in);
	return HANDOVER_INVALID;
}

void
handover_close_fds(struct handover *in)
{
	for (size_t i = 0; i < in->n_fds; i++)
		close(in->fds[i]);
	in->n_fds = 0;
}
