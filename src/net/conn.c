/* src/net/conn.c -- plain connections and the hot buffer they read into */
#include "net/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/pipe.h"

#define HOT_ROOM	4096	/* before the bytes: whole pages stay aligned */

/* One for the process: every connection reads here (performance.md 1). */
static char *hot;

void
conn_module_init(void)
{
	size_t size = HOT_ROOM + HOT_BUFFER + HOT_SLACK;
	void *map;

	if (hot != NULL)
		return;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(map != MAP_FAILED);
	hot = (char *)map + HOT_ROOM;
}

size_t
conn_room_before(const char *at)
{
	uintptr_t begin = (uintptr_t)hot - HOT_ROOM;
	size_t room = (uintptr_t)at - begin;

	return room < HOT_ROOM + HOT_BUFFER ? room : 0;
}

/*
 * The two calls of each message, without what glibc does around them so that
 * a thread can be cancelled there: we have threads (of the logs), but none is
 * ever cancelled, and it is 50 instructions a call.
 */
static ssize_t
call_recv(int fd, void *to, size_t most)
{
	return syscall(SYS_recvfrom, fd, to, most, 0, NULL, NULL);
}

static ssize_t
call_send(int fd, const void *from, size_t len)
{
	return syscall(SYS_sendto, fd, from, len, MSG_NOSIGNAL, NULL, 0);
}

static enum io_status
plain_read(struct conn *c, struct span *got, size_t most)
{
	ssize_t n;

	if (likely(most == 0))
		most = READ_USUAL;
	else if (most > HOT_BUFFER)
		most = HOT_BUFFER;
	do {
		n = call_recv(c->io.fd, hot, most);
	} while (unlikely(n < 0 && errno == EINTR));
	if (likely(n > 0)) {
		*got = span_of(hot, (size_t)n);
		return (size_t)n < most ? IO_DRAINED : IO_MORE;
	}
	if (n == 0)
		return IO_EOF;
	return errno == EAGAIN ? IO_WAIT : IO_FAILED;
}

static ssize_t
send_spans(int fd, const struct span *v, int n)
{
	struct iovec iov[CONN_SPANS];
	struct msghdr m = { .msg_iov = iov };

	ASSERT(n <= CONN_SPANS);
	for (int i = 0; i < n; i++) {
		iov[i].iov_base = (void *)(uintptr_t)v[i].ptr;
		iov[i].iov_len = v[i].len;
	}
	m.msg_iovlen = (size_t)n;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static enum io_status
plain_write(struct conn *c, const struct span *v, int n, size_t *taken)
{
	size_t all = 0;
	ssize_t sent;

	for (int i = 0; i < n; i++)
		all += v[i].len;
	do {
		sent = n == 1 ? call_send(c->io.fd, v->ptr, v->len) :
		    send_spans(c->io.fd, v, n);
	} while (unlikely(sent < 0 && errno == EINTR));
	if (unlikely(sent < 0)) {
		*taken = 0;
		return errno == EAGAIN ? IO_WAIT : IO_FAILED;
	}
	*taken = (size_t)sent;
	return *taken == all ? IO_MORE : IO_WAIT;
}

static enum io_status
plain_splice_in(struct conn *c, struct pipe *p, size_t most)
{
	ssize_t n;

	ASSERT(p->len == 0);
	do {
		n = splice(c->io.fd, NULL, p->in, NULL, most,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (unlikely(n < 0 && errno == EINTR));
	if (likely(n > 0)) {
		p->len = (uint32_t)n;
		return IO_MORE;
	}
	if (n == 0)
		return IO_EOF;
	return errno == EAGAIN ? IO_WAIT : IO_FAILED;
}

static enum io_status
plain_splice_out(struct conn *c, struct pipe *p)
{
	ssize_t n;

	while (p->len > 0) {
		n = splice(p->out, NULL, c->io.fd, NULL, p->len,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (likely(n > 0))
			p->len -= (uint32_t)n;
		else if (n == 0 || errno != EINTR)
			return n < 0 && errno == EAGAIN ? IO_WAIT : IO_FAILED;
	}
	return IO_MORE;
}

static void
plain_shutdown_write(struct conn *c)
{
	(void)shutdown(c->io.fd, SHUT_WR);
}

static void
plain_close(struct conn *c)
{
	io_close(&c->io);
}

const struct conn_ops plain_ops = {
	.read = plain_read,
	.write = plain_write,
	.splice_in = plain_splice_in,
	.splice_out = plain_splice_out,
	.shutdown_write = plain_shutdown_write,
	.close = plain_close,
};

void
conn_init_plain(struct conn *c, int fd, io_handler *on_event)
{
	io_init(&c->io, fd, on_event);
	c->ops = &plain_ops;
}

static int
connect_socket(const struct address *to)
{
	int on = 1;
	int fd = socket(to->sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && to->sa.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int
conn_connect(struct conn *c, const struct address *to, io_handler *on_event)
{
	int saved, fd = connect_socket(to);

	if (fd < 0)
		return -1;
	conn_init_plain(c, fd, on_event);
	if ((connect(fd, &to->sa, to->len) < 0 && errno != EINPROGRESS) ||
	    io_register(&c->io, LOOP_EDGE) < 0) {
		saved = errno;
		io_close(&c->io);
		errno = saved;
		return -1;
	}
	return 0;
}

int
conn_connect_error(struct conn *c)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	if (error != 0)
		return error;
	len = sizeof(peer);
	if (getpeername(c->io.fd, (struct sockaddr *)&peer, &len) < 0)
		return errno == ENOTCONN ? EINPROGRESS : errno;
	return 0;
}

bool
conn_is_local_error(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == EADDRNOTAVAIL;
}

size_t
conn_backlog(struct conn *c)
{
	int bytes = 0;

	if (ioctl(c->io.fd, SIOCOUTQ, &bytes) < 0 || bytes < 0)
		return 0;
	return (size_t)bytes;
}

bool
conn_is_quiet(struct conn *c)
{
	char byte;

	return recv(c->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN;
}
