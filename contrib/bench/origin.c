/* contrib/bench/origin.c -- a fast origin, and one that closes when it likes */
/*
 * origin [-a ADDRESS] [-c] [-x CHANCE] [-s SEED] [-o STATS] PORT
 *
 * GET or POST /N (or /bytes/N) is answered with N bytes, 1024 without a number;
 * request bodies with a Content-Length are read and forgotten. Keep-alive and
 * pipelining. -a 0.0.0.0 makes every 127.x.y.z the same origin. -c: in chunks.
 * -x N: one connection in N is closed at a random moment up to 3 ms behind an
 * answer. STATS is written on TERM and USR1: requests, connections, ids (of
 * the field X-Id) that came twice, requests met by a close.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define FDS 65536
#define HEAD_MAX 16384
#define BODY_MAX (64u << 20)

struct conn {
	char *partial;		/* a head that did not come whole */
	size_t partial_len;
	size_t skip;		/* body bytes still to be forgotten */
	size_t head_left, body_left;	/* of an answer that did not fit */
	char head[256];
	size_t head_at;
	uint64_t close_at_us;	/* 0: not */
};

static struct {
	int epoll_fd;
	bool is_chunked;
	unsigned close_chance;
	const char *stats;
	uint64_t requests, connections, twice, closed;
	uint64_t *ids;		/* open addressing; 0: empty */
	size_t n_ids, ids_size;
	int closing[FDS];	/* descriptors with close_at_us set */
	int n_closing;
} o;

static struct conn *conns[FDS];
static char *body;
static volatile sig_atomic_t wants_stats, wants_end;

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- ids seen */

static bool
id_insert(uint64_t *table, size_t size, uint64_t id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15ull) & (size - 1);

	while (table[i] != 0) {
		if (table[i] == id)
			return false;
		i = (i + 1) & (size - 1);
	}
	table[i] = id;
	return true;
}

static void
note_id(uint64_t id)
{
	if (o.n_ids * 2 >= o.ids_size) {
		size_t size = o.ids_size == 0 ? 65536 : o.ids_size * 2;
		uint64_t *table = calloc(size, sizeof(*table));

		for (size_t i = 0; i < o.ids_size; i++)
			if (o.ids[i] != 0)
				(void)id_insert(table, size, o.ids[i]);
		free(o.ids);
		o.ids = table;
		o.ids_size = size;
	}
	if (id_insert(o.ids, o.ids_size, id))
		o.n_ids++;
	else
		o.twice++;
}

static void
write_stats(void)
{
	FILE *f = o.stats == NULL ? NULL : fopen(o.stats, "w");

	wants_stats = 0;
	if (f == NULL)
		return;
	fprintf(f, "{\"requests\":%llu,\"connections\":%llu,\"ids\":%zu,"
	    "\"twice\":%llu,\"closed\":%llu}\n",
	    (unsigned long long)o.requests, (unsigned long long)o.connections,
	    o.n_ids, (unsigned long long)o.twice,
	    (unsigned long long)o.closed);
	fclose(f);
}

/* ---- connections */

static void
conn_close(int fd)
{
	if (conns[fd] != NULL)
		free(conns[fd]->partial);
	free(conns[fd]);
	conns[fd] = NULL;
	close(fd);
}

static void
conn_open(int fd)
{
	struct epoll_event e = { .data.fd = fd,
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	if (fd >= FDS || epoll_ctl(o.epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
		close(fd);
		return;
	}
	conns[fd] = calloc(1, sizeof(struct conn));
	o.connections++;
}

/* ---- answers */

static bool
flush(int fd, struct conn *c)
{
	ssize_t n;

	while (c->head_left > 0) {
		n = send(fd, c->head + c->head_at, c->head_left, MSG_NOSIGNAL |
		    (c->body_left > 0 ? MSG_MORE : 0));
		if (n < 0)
			return errno == EAGAIN;
		c->head_at += (size_t)n;
		c->head_left -= (size_t)n;
	}
	while (c->body_left > 0) {
		n = send(fd, body, c->body_left, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		c->body_left -= (size_t)n;
	}
	return true;
}

/* In one chunk; the answers are short then, so one call will do. */
static bool
answer_chunked(int fd, size_t size)
{
	char *text = malloc(size + 512);
	int len = sprintf(text, "HTTP/1.1 200 OK\r\nServer: origin\r\n"
	    "X-Backend: origin\r\nContent-Type: text/plain\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
	bool is_good;

	memcpy(text + len, body, size);
	memcpy(text + (size_t)len + size, "\r\n0\r\n\r\n", 7);
	is_good = send(fd, text, (size_t)len + size + 7, MSG_NOSIGNAL) ==
	    (ssize_t)((size_t)len + size + 7);
	free(text);
	return is_good;
}

static bool
answer(int fd, struct conn *c, size_t size)
{
	int len;

	o.requests++;
	if (o.is_chunked)
		return answer_chunked(fd, size);
	len = sprintf(c->head, "HTTP/1.1 200 OK\r\nServer: origin\r\n"
	    "Date: Tue, 24 Nov 2026 00:00:00 GMT\r\n"
	    "Content-Type: text/plain\r\nX-Backend: origin\r\n"
	    "Content-Length: %zu\r\n\r\n", size);
	if (size <= 65536) {		/* one call, one buffer */
		static char out[65536 + 256];
		ssize_t n;

		memcpy(out, c->head, (size_t)len);
		memcpy(out + len, body, size);
		n = send(fd, out, (size_t)len + size, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			n = 0;
		c->head_at = n < len ? (size_t)n : (size_t)len;
		c->head_left = (size_t)len - c->head_at;
		c->body_left = size - ((size_t)n > (size_t)len ?
		    (size_t)n - (size_t)len : 0);
		return true;
	}
	c->head_at = 0;
	c->head_left = (size_t)len;
	c->body_left = size;
	return flush(fd, c);
}

/* ---- requests */

static size_t
number_in_path(const char *head, size_t len)
{
	const char *end = memchr(head, '\r', len);
	const char *p = memchr(head, ' ', len);

	for (; p != NULL && p < end; p++)
		if (p[0] == '/' && isdigit((unsigned char)p[1]))
			return strtoul(p + 1, NULL, 10);
	return 1024;
}

static const char *
field(const char *head, size_t len, const char *name)
{
	const char *at = head, *end = head + len;
	size_t name_len = strlen(name);

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if ((size_t)(end - at) > name_len + 1 &&
		    strncasecmp(at, name, name_len) == 0 &&
		    at[name_len] == ':')
			return at + name_len + 1;
	}
	return NULL;
}

/* A head of `len` bytes; 0, or the size of the body wanted plus one. */
static size_t
take_head(struct conn *c, const char *head, size_t len)
{
	const char *value = NULL;
	size_t size = number_in_path(head, len);

	if (head[0] != 'G' && head[0] != 'H') {
		value = field(head, len, "content-length");
		c->skip = value == NULL ? 0 : strtoul(value, NULL, 10);
		value = field(head, len, "x-id");
		if (value != NULL)
			note_id(strtoull(value, NULL, 10));
	}
	return size > BODY_MAX ? BODY_MAX : size;
}

static void
plan_close(int fd, struct conn *c)
{
	if (o.close_chance == 0 || c->close_at_us != 0 ||
	    (unsigned)random() % o.close_chance != 0)
		return;
	c->close_at_us = now_us() + (uint64_t)(random() % 3000);
	o.closing[o.n_closing++] = fd;
}

/* Uses what it can of data; how much, or -1: close. */
static ssize_t
serve(int fd, struct conn *c, const char *data, size_t len)
{
	size_t used = 0, size;
	const char *end;

	for (;;) {
		size_t n = c->skip < len - used ? c->skip : len - used;

		c->skip -= n;
		used += n;
		if (used == len || c->skip > 0)
			return (ssize_t)used;
		end = memmem(data + used, len - used, "\r\n\r\n", 4);
		if (end == NULL)
			return (ssize_t)used;
		n = (size_t)(end + 4 - (data + used));
		size = take_head(c, data + used, n);
		used += n;
		if (c->head_left + c->body_left > 0 || !answer(fd, c, size))
			return -1;
		plan_close(fd, c);
	}
}

static bool
keep_partial(struct conn *c, const char *data, size_t len)
{
	if (c->partial == NULL)
		c->partial = malloc(HEAD_MAX);
	if (c->partial_len + len > HEAD_MAX)
		return false;
	memcpy(c->partial + c->partial_len, data, len);
	c->partial_len += len;
	return true;
}

static bool
take(int fd, struct conn *c, const char *data, size_t len)
{
	ssize_t used;

	if (c->partial_len == 0) {
		used = serve(fd, c, data, len);
		return used >= 0 && (used == (ssize_t)len || keep_partial(c,
		    data + used, len - (size_t)used));
	}
	if (!keep_partial(c, data, len))
		return false;
	used = serve(fd, c, c->partial, c->partial_len);
	if (used < 0)
		return false;
	memmove(c->partial, c->partial + used, c->partial_len - (size_t)used);
	c->partial_len -= (size_t)used;
	return true;
}

static void
on_event(int fd, uint32_t events)
{
	static char buffer[65536];
	struct conn *c = conns[fd];
	ssize_t n;

	if (c == NULL)
		return;
	if ((events & EPOLLOUT) && c->head_left + c->body_left > 0 &&
	    !flush(fd, c)) {
		conn_close(fd);
		return;
	}
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return;
	for (;;) {
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || !take(fd, c, buffer, (size_t)n)) {
			conn_close(fd);
			return;
		}
		if (n < (ssize_t)sizeof(buffer) && !(events & (EPOLLRDHUP |
		    EPOLLHUP | EPOLLERR)))
			return;
	}
}

/* Those whose moment has come; a request may be on its way to them. */
static void
close_due(void)
{
	uint64_t now = now_us();

	for (int i = 0; i < o.n_closing;) {
		int fd = o.closing[i];
		struct conn *c = conns[fd];

		if (c != NULL && c->close_at_us > now) {
			i++;
			continue;
		}
		o.closing[i] = o.closing[--o.n_closing];
		if (c == NULL || c->close_at_us == 0 ||
		    c->head_left + c->body_left > 0 || c->skip > 0)
			continue;
		o.closed++;
		conn_close(fd);
	}
}

/* ---- main */

static void
on_signal(int signo)
{
	if (signo == SIGUSR1)
		wants_stats = 1;
	else
		wants_end = 1;
}

static int
listen_on(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct epoll_event e = { .events = EPOLLIN };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 8192) < 0)
		err(1, "port %d", port);
	e.data.fd = fd;
	epoll_ctl(o.epoll_fd, EPOLL_CTL_ADD, fd, &e);
	return fd;
}

static const char *
options(int argc, char **argv)
{
	const char *address = "127.0.0.1";
	int c;

	while ((c = getopt(argc, argv, "a:cx:s:o:")) != -1) {
		switch (c) {
		case 'a': address = optarg; break;
		case 'c': o.is_chunked = true; break;
		case 'x': o.close_chance = (unsigned)atoi(optarg); break;
		case 's': srandom((unsigned)atoi(optarg)); break;
		case 'o': o.stats = optarg; break;
		default: exit(2);
		}
	}
	if (optind + 1 != argc)
		errx(2, "usage: origin [-a ADDRESS] [-c] [-x CHANCE] "
		    "[-s SEED] [-o STATS] PORT");
	return address;
}

static void
turn(int listen_fd)
{
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(o.epoll_fd, events, EVENTS,
	    o.n_closing > 0 ? 1 : -1);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd != listen_fd) {
			on_event(fd, events[i].events);
			continue;
		}
		while ((fd = accept4(listen_fd, NULL, NULL,
		    SOCK_NONBLOCK)) >= 0)
			conn_open(fd);
	}
	if (o.n_closing > 0)
		close_due();
	if (wants_stats)
		write_stats();
}

int
main(int argc, char **argv)
{
	const char *address = options(argc, argv);
	struct sigaction act = { .sa_handler = on_signal };
	int listen_fd;

	body = malloc(BODY_MAX);
	memset(body, 'x', BODY_MAX);
	o.epoll_fd = epoll_create1(0);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	listen_fd = listen_on(address, atoi(argv[optind]));
	while (!wants_end)
		turn(listen_fd);
	write_stats();
	return 0;
}
