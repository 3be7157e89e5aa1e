/* t/fuzz/memory_net.h -- the loop and the connections, without a kernel */
#pragma once
/*
 * In place of src/event/loop.c and src/net/conn.c, whose objects the linker
 * then leaves in the library: connections are buffers, the time is a number,
 * and what happened can be looked at. For one target a program.
 *
 * The world outside says its part with net_say(), net_end() and net_reset(),
 * and net_rest() lets the product work until nothing more is to be done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/span.h"
#include "event/loop.h"
#include "net/conn.h"
#include "net/pipe.h"

#define LINKS		48
#define LINK_FD		(1 << 20)	/* and up: no descriptor of anybody */
#define TURNS_MAX	20000
#define WRITES_MAX	4096
#define NO_LIMIT	SIZE_MAX

struct bytes {
	char *at;
	size_t len, size;
};

/* One connection, seen from outside: `in` is what the product gets. */
struct link {
	struct conn *conn;	/* NULL: the product has closed it */
	struct bytes in, out;
	size_t taken;		/* of `in` */
	size_t room;		/* for what it writes */
	int connect_error;	/* EINPROGRESS: not yet */
	bool is_registered, has_edge;
	bool has_ended;		/* our FIN is behind `in` */
	bool is_reset, is_reset_told;
	bool is_shut;		/* its FIN is behind `out` */
	bool is_cut;		/* it closed with a reset */
	bool was_limited;
};

/* Where each write began, and the mark of that time. */
struct net_write {
	unsigned link, mark;
	size_t begin;
};

static struct {
	struct link links[LINKS];
	unsigned n_links, n_writes;
	struct net_write writes[WRITES_MAX];
	struct bytes held;	/* what the next connection will find */
	int next_connect;	/* errno of the next ones; 0: they succeed */
	size_t most_read;	/* what one read gives at most */
	char *scribble;		/* what the last read gave */
	size_t scribble_len;
	const uint64_t *mark;	/* copied into each write */
} net;

static char net_hot[HOT_BUFFER + HOT_SLACK];
struct loop loop;

static _Noreturn void net_fail(const char *what);

static void
bytes_add(struct bytes *b, const char *from, size_t len)
{
	if (b->len + len > b->size) {
		b->size = 2 * (b->len + len) + 1024;
		b->at = realloc(b->at, b->size);
		if (b->at == NULL)
			abort();
	}
	if (len > 0)
		memcpy(b->at + b->len, from, len);
	b->len += len;
}

static struct span
bytes_span(const struct bytes *b)
{
	return span_of(b->len == 0 ? "" : b->at, b->len);
}

/* ---- the world outside */

/* A link that keeps the memory of its buffers. */
static struct link *
link_new(void)
{
	struct link *l = &net.links[net.n_links];
	struct bytes in = l->in, out = l->out;

	if (net.n_links == LINKS)
		return NULL;
	net.n_links++;
	in.len = out.len = 0;
	*l = (struct link){ .in = in, .out = out, .room = NO_LIMIT };
	return l;
}

static int
link_fd(const struct link *l)
{
	return LINK_FD + (int)(l - net.links);
}

static bool
link_hears(const struct link *l)
{
	return l != NULL && l->conn != NULL && !l->has_ended && !l->is_reset;
}

static void
net_say(struct link *l, struct span text)
{
	if (!link_hears(l) || text.len == 0)
		return;
	bytes_add(&l->in, text.ptr, text.len);
	l->has_edge = true;
}

static void
net_end(struct link *l)
{
	if (!link_hears(l))
		return;
	l->has_ended = l->has_edge = true;
}

static void
net_reset(struct link *l)
{
	if (l == NULL || l->conn == NULL || l->is_reset)
		return;
	l->is_reset = l->has_edge = true;
	if (l->connect_error == EINPROGRESS)
		l->connect_error = ECONNREFUSED;
}

static void
net_room(struct link *l, size_t room)
{
	if (l == NULL || l->conn == NULL)
		return;
	l->was_limited |= room != NO_LIMIT;
	l->has_edge |= room > 0;
	l->room = room;
}

/* ---- the product's turn */

static uint32_t
events_of(const struct link *l)
{
	uint32_t events = 0;

	if (l->connect_error == EINPROGRESS)
		return 0;
	if (l->taken < l->in.len || l->has_ended || l->is_reset)
		events |= EPOLLIN;
	if (l->room > 0 || l->is_reset)
		events |= EPOLLOUT;
	if (l->has_ended || l->is_reset)
		events |= EPOLLRDHUP;
	if ((l->has_ended && l->is_shut) || l->is_reset)
		events |= EPOLLHUP;
	if (l->is_reset || l->connect_error != 0)
		events |= EPOLLERR | EPOLLHUP;
	return events;
}

/* What was read is gone when the handler returns. */
static void
net_scribble(void)
{
	if (net.scribble_len > 0)
		memset(net.scribble, '?', net.scribble_len);
	net.scribble_len = 0;
}

static bool
net_dispatch(void)
{
	bool did = false;

	for (unsigned i = 0; i < net.n_links; i++) {
		struct link *l = &net.links[i];
		uint32_t events = events_of(l);

		if (!l->has_edge || l->conn == NULL || !l->is_registered ||
		    events == 0)
			continue;
		l->has_edge = false;
		did = true;
		l->conn->io.on_event(&l->conn->io, events);
		net_scribble();
	}
	return did;
}

static bool
net_deferred(void)
{
	struct list now;

	if (list_is_empty(&loop.deferred))
		return false;
	list_move_all(&loop.deferred, &now);
	while (!list_is_empty(&now)) {
		struct deferred *d = list_first(&now, struct deferred, link);

		list_remove(&d->link);
		d->on_deferred(d);
		net_scribble();
	}
	return true;
}

static void
net_rest(void)
{
	unsigned turns = 0;
	bool did;

	do {
		did = net_dispatch();
		did |= net_deferred();
		if (++turns > TURNS_MAX)
			net_fail("it does not come to rest");
	} while (did);
}

static void
net_set_time(uint64_t ms)
{
	clock_now_ms = ms;
	clock_now_ns = ms * 1000000;
}

/* The time goes on by `ms`; timers fire on their way. */
static void
net_wait(uint64_t ms)
{
	uint64_t end = clock_now_ms + ms;
	int step;

	while (clock_now_ms < end) {
		step = wheel_wait_ms(&loop.wheel, clock_now_ms);
		if (step < 0 || (uint64_t)step > end - clock_now_ms)
			step = (int)(end - clock_now_ms);
		net_set_time(clock_now_ms + (step == 0 ? 1u : (unsigned)step));
		wheel_run(&loop.wheel, clock_now_ms);
		net_scribble();
		net_rest();
	}
}

static void
net_begin(const uint64_t *mark)
{
	if (loop.deferred.next == NULL)
		list_init(&loop.deferred);
	net.n_links = net.n_writes = 0;
	net.next_connect = 0;
	net.held.len = 0;
	net.most_read = HOT_BUFFER;
	net.mark = mark;
	net_set_time(1000000);
	wheel_init(&loop.wheel, clock_now_ms);
}

/* ---- connections, as src/net/conn.h promises them */

static struct link *
link_of(const struct conn *c)
{
	int i = c->io.fd - LINK_FD;

	if (i < 0 || i >= LINKS)
		net_fail("a connection that is not open");
	return &net.links[i];
}

/*
 * The bytes stand at the end of the buffer, so that who reads on too far is
 * found out; what can be read behind them looks like what many wait for.
 */
static void
net_give(struct link *l, size_t n, struct span *got)
{
	static const char slack[] = "\r\n\r\n0\r\n\r\n: chunked\r\n\r\n"
	    "GET / HTTP/1.1\r\nHost: a\r\n\r\n:\r\n\r\n0\r\n\r\n\r\n"
	    "\r\n\r\n\r\n\r\n";
	char *to = net_hot + HOT_BUFFER - n;

	_Static_assert(sizeof(slack) >= HOT_SLACK, "all of it");
	net_scribble();
	memcpy(to, l->in.at + l->taken, n);
	memcpy(to + n, slack, HOT_SLACK);
	l->taken += n;
	net.scribble = to;
	net.scribble_len = n;
	*got = span_of(to, n);
}

static enum io_status
memory_read(struct conn *c, struct span *got, size_t most)
{
	struct link *l = link_of(c);
	size_t left = l->in.len - l->taken;

	if (l->is_reset && !l->is_reset_told) {
		l->is_reset_told = true;
		errno = ECONNRESET;
		return IO_FAILED;
	}
	if (l->is_reset || (left == 0 && l->has_ended))
		return IO_EOF;
	if (left == 0)
		return IO_WAIT;
	if (most == 0 || most > net.most_read)
		most = net.most_read;
	net_give(l, left < most ? left : most, got);
	return left < most ? IO_DRAINED : IO_MORE;
}

static void
note_write(const struct link *l)
{
	if (net.n_writes == WRITES_MAX)
		return;
	net.writes[net.n_writes++] = (struct net_write){
		.link = (unsigned)(l - net.links), .begin = l->out.len,
		.mark = (unsigned)*net.mark,
	};
}

static enum io_status
memory_write(struct conn *c, const struct span *v, int n, size_t *taken)
{
	struct link *l = link_of(c);
	size_t all = 0;

	*taken = 0;
	if (l->is_shut)
		net_fail("a write behind the end");
	if (l->is_reset) {
		errno = EPIPE;
		return IO_FAILED;
	}
	note_write(l);
	for (int i = 0; i < n; i++) {
		size_t part = v[i].len < l->room ? v[i].len : l->room;

		all += v[i].len;
		bytes_add(&l->out, v[i].ptr, part);
		*taken += part;
		if (l->room != NO_LIMIT)
			l->room -= part;
	}
	return *taken == all ? IO_MORE : IO_WAIT;
}

/* A pipe has 64 KiB, which nobody here fills. */
static enum io_status
memory_splice_in(struct conn *c, struct pipe *p, size_t most)
{
	struct span got;
	enum io_status status = memory_read(c, &got, most);

	if (status != IO_MORE && status != IO_DRAINED)
		return status;
	if (write(p->in, got.ptr, got.len) != (ssize_t)got.len)
		net_fail("a pipe that is full");
	p->len = (uint32_t)got.len;
	return IO_MORE;
}

static enum io_status
memory_splice_out(struct conn *c, struct pipe *p)
{
	struct link *l = link_of(c);
	char bytes[4096];
	struct span now;
	size_t taken;
	enum io_status status = IO_MORE;

	while (p->len > 0 && status == IO_MORE) {
		size_t most = p->len < l->room ? p->len : l->room;

		if (most > sizeof(bytes))
			most = sizeof(bytes);
		if (most == 0)
			return IO_WAIT;
		if (read(p->out, bytes, most) != (ssize_t)most)
			net_fail("a pipe that has less than it says");
		now = span_of(bytes, most);
		status = memory_write(c, &now, 1, &taken);
		p->len -= (uint32_t)most;
	}
	return status;
}

static void
memory_shutdown_write(struct conn *c)
{
	struct link *l = link_of(c);

	l->is_shut = true;
	l->has_edge |= l->has_ended;
}

static void
memory_close(struct conn *c)
{
	link_of(c)->conn = NULL;
	io_close(&c->io);
}

const struct conn_ops plain_ops = {
	.read = memory_read,
	.write = memory_write,
	.splice_in = memory_splice_in,
	.splice_out = memory_splice_out,
	.shutdown_write = memory_shutdown_write,
	.close = memory_close,
};

void
conn_module_init(void)
{
}

void
conn_init_plain(struct conn *c, int fd, io_handler *on_event)
{
	io_init(&c->io, fd, on_event);
	c->ops = &plain_ops;
	link_of(c)->conn = c;
}

int
conn_connect(struct conn *c, const struct address *to UNUSED,
    io_handler *on_event)
{
	int error = net.next_connect;
	struct link *l;

	net.next_connect = 0;
	l = error == EMFILE || error == ENOENT ? NULL : link_new();
	if (l == NULL) {
		errno = error == ENOENT ? ECONNREFUSED : EMFILE;
		return -1;
	}
	conn_init_plain(c, link_fd(l), on_event);
	(void)io_register(&c->io, LOOP_EDGE);
	l->connect_error = error;
	bytes_add(&l->in, net.held.at, net.held.len);
	net.held.len = 0;
	return 0;
}

int
conn_connect_error(struct conn *c)
{
	return link_of(c)->connect_error;
}

bool
conn_is_local_error(int error)
{
	return error == EMFILE;
}

size_t
conn_room_before(const char *at)
{
	return at >= net_hot && at < net_hot + HOT_BUFFER ?
	    (size_t)(at - net_hot) : 0;
}

size_t
conn_backlog(struct conn *c UNUSED)
{
	return 0;
}

bool
conn_is_quiet(struct conn *c)
{
	const struct link *l = link_of(c);

	return l->taken == l->in.len && !l->has_ended && !l->is_reset;
}

/* The product asks for nothing but this one thing of a socket. */
int
setsockopt(int fd, int level, int name, const void *value UNUSED,
    socklen_t len UNUSED)
{
	if (fd >= LINK_FD && fd < LINK_FD + LINKS && level == SOL_SOCKET &&
	    name == SO_LINGER)
		net.links[fd - LINK_FD].is_cut = true;
	return 0;
}

/* ---- the loop, as src/event/loop.h promises it */

void
io_init(struct io *io, int fd, io_handler *on_event)
{
	io->on_event = on_event;
	io->fd = fd;
	io->is_registered = false;
}

/* An edge tells at once what there is. */
int
io_register(struct io *io, uint32_t events UNUSED)
{
	struct link *l = &net.links[io->fd - LINK_FD];

	io->tag++;
	io->is_registered = l->is_registered = l->has_edge = true;
	return 0;
}

void
io_close(struct io *io)
{
	io->tag++;
	io->is_registered = false;
	io->fd = -1;
}

void
deferred_init(struct deferred *d, deferred_handler *on_deferred)
{
	list_init(&d->link);
	d->on_deferred = on_deferred;
}

void
loop_defer(struct deferred *d)
{
	if (list_is_empty(&d->link))
		list_append(&loop.deferred, &d->link);
}

void
loop_undefer(struct deferred *d)
{
	list_remove(&d->link);
}

/* Of descriptors that are no connections; there are none here. */
void
io_remove(struct io *io)
{
	io->tag++;
	io->is_registered = false;
}
