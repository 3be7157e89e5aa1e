/* contrib/bench/origin.c -- a fast origin, and one that closes when it likes */
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char usage_text[] =
"usage: origin [option]... [PORT]\n"
"Answers a request for /N or /bytes/N with N bytes, others with 1024; reads\n"
"bodies with a Content-Length. Keep-alive, also if asked to close. A WebSocket\n"
"(with the key of RFC 6455's example) gets its messages and pings back.\n"
"  -p, --port PORT       the same as PORT\n"
"  -a, --address ADDR    127.0.0.1; 127.0.0.0 or 0.0.0.0: every 127.x.y.z\n"
"  -n, --name NAME       in X-Backend (origin)\n"
"  -c, --chunked         all answers in chunks, not only those for /chunked/N\n"
"  -x, --close-idle N    one answer in N is followed by a close: if the\n"
"                        connection is idle at a random moment within ...\n"
"  -m, --close-within US microseconds of it (3000)\n"
"  -s, --seed N          of chance\n"
"  -o, --stats FILE      written on USR1 and at the end, as JSON: requests,\n"
"                        connections, ids (of X-Id), those that came twice,\n"
"                        connections closed by chance, WebSockets\n";

#define EVENTS 512
#define BUFFER (64u << 10)
#define HEAD_MAX 16384
#define SIZE_MAX_BODY (64u << 20)
#define CHUNK 4096u
#define ANSWERS 64		/* different sizes in one run */

struct answer {			/* head and body, ready to be sent */
	size_t size, len;
	bool is_chunked;
	char *bytes;
};

struct conn {
	int fd;
	const struct answer *answer;	/* NULL: none is under way */
	size_t sent;
	uint64_t skip;			/* body bytes still to be forgotten */
	uint64_t close_at_us;		/* 0: not planned */
	char *partial;			/* what is not yet a request */
	size_t partial_len;
	bool is_socket;
	char *out;			/* frames that it does not take yet */
	size_t out_len;
};

struct request {
	size_t size;
	uint64_t body_len, id;
	bool is_chunked, is_socket;
};

static struct {
	const char *address, *name, *stats;
	int port;
	bool is_chunked;
	unsigned close_chance, close_within_us;
} o = { .address = "127.0.0.1", .name = "origin", .close_within_us = 3000 };

static struct {
	int epoll_fd, listen_fd;
	struct answer answers[ANSWERS];
	unsigned n_answers;
	struct conn **conns;		/* by descriptor */
	size_t n_conns;
	int *closing;			/* descriptors with a planned close */
	size_t n_closing, closing_size;
} l;

static struct {
	uint64_t requests, connections, twice, closed, sockets;
	uint64_t *ids;			/* open addressing; 0: empty */
	size_t n_ids, ids_size;
} seen;

static volatile sig_atomic_t wants_stats, wants_end;

/* ---- ids */

static bool
id_insert(uint64_t *table, size_t size, uint64_t id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15ull >> 20) & (size - 1);

	while (table[i] != 0) {
		if (table[i] == id)
			return false;
		i = (i + 1) & (size - 1);
	}
	table[i] = id;
	return true;
}

static void
grow_ids(void)
{
	size_t size = seen.ids_size == 0 ? 65536 : seen.ids_size * 2;
	uint64_t *table = xrealloc(NULL, size * sizeof(*table));

	memset(table, 0, size * sizeof(*table));
	for (size_t i = 0; i < seen.ids_size; i++)
		if (seen.ids[i] != 0)
			(void)id_insert(table, size, seen.ids[i]);
	free(seen.ids);
	seen.ids = table;
	seen.ids_size = size;
}

static void
note_id(uint64_t id)
{
	if (seen.n_ids * 2 >= seen.ids_size)
		grow_ids();
	if (id_insert(seen.ids, seen.ids_size, id))
		seen.n_ids++;
	else
		seen.twice++;
}

static void
write_stats(void)
{
	FILE *f = o.stats == NULL ? NULL : fopen(o.stats, "w");

	wants_stats = 0;
	if (f == NULL)
		return;
	fprintf(f, "{\"requests\":%llu,\"connections\":%llu,\"ids\":%zu,"
	    "\"twice\":%llu,\"closed\":%llu,\"sockets\":%llu}\n",
	    (unsigned long long)seen.requests,
	    (unsigned long long)seen.connections, seen.n_ids,
	    (unsigned long long)seen.twice, (unsigned long long)seen.closed,
	    (unsigned long long)seen.sockets);
	fclose(f);
}

/* ---- answers, made once for each size */

static size_t
print_chunks(char *to, size_t size)
{
	char *at = to;

	while (size > 0) {
		size_t n = size < CHUNK ? size : CHUNK;

		at += sprintf(at, "%zx\r\n", n);
		memset(at, 'x', n);
		memcpy(at + n, "\r\n", 2);
		at += n + 2;
		size -= n;
	}
	return (size_t)(at + sprintf(at, "0\r\n\r\n") - to);
}

static void
make_answer(struct answer *a, size_t size, bool is_chunked)
{
	char *at;

	a->size = size;
	a->is_chunked = is_chunked;
	at = a->bytes = xrealloc(NULL, size + size / CHUNK * 16 + 1024);
	at += sprintf(at, "HTTP/1.1 200 OK\r\nServer: origin\r\n"
	    "Date: Tue, 24 Nov 2026 00:00:00 GMT\r\n"
	    "Content-Type: text/plain\r\nX-Backend: %.200s\r\n", o.name);
	if (is_chunked) {
		at += sprintf(at, "Transfer-Encoding: chunked\r\n\r\n");
		at += print_chunks(at, size);
	} else {
		at += sprintf(at, "Content-Length: %zu\r\n\r\n", size);
		memset(at, 'x', size);
		at += size;
	}
	a->len = (size_t)(at - a->bytes);
}

static const struct answer *
answer_of(const struct request *r)
{
	struct answer *a = l.answers;

	for (; a < l.answers + l.n_answers; a++)
		if (a->size == r->size && a->is_chunked == r->is_chunked)
			return a;
	if (l.n_answers == ANSWERS)
		errx(1, "more than %d sizes", ANSWERS);
	make_answer(a, r->size, r->is_chunked);
	l.n_answers++;
	return a;
}

static const struct answer *
socket_answer(void)
{
	static char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	static const struct answer a = { .bytes = head,
		.len = sizeof(head) - 1 };

	return &a;
}

/* ---- connections */

static void
conn_close(struct conn *c)
{
	l.conns[c->fd] = NULL;
	close(c->fd);
	free(c->partial);
	free(c->out);
	free(c);
}

static void
conn_open(int fd)
{
	struct epoll_event e = { .data.fd = fd,
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	size_t old = l.n_conns;

	if ((size_t)fd >= old) {
		l.n_conns = (size_t)fd * 2 + 64;
		l.conns = xrealloc(l.conns, l.n_conns * sizeof(*l.conns));
		memset(l.conns + old, 0,
		    (l.n_conns - old) * sizeof(*l.conns));
	}
	l.conns[fd] = xrealloc(NULL, sizeof(struct conn));
	*l.conns[fd] = (struct conn){ .fd = fd };
	seen.connections++;
	if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

static void
plan_close(struct conn *c)
{
	if (o.close_chance == 0 || c->close_at_us != 0 ||
	    (unsigned)random() % o.close_chance != 0)
		return;
	c->close_at_us = now_us() + (uint64_t)random() % o.close_within_us;
	if (l.n_closing == l.closing_size) {
		l.closing_size = l.closing_size * 2 + 64;
		l.closing = xrealloc(l.closing,
		    l.closing_size * sizeof(*l.closing));
	}
	l.closing[l.n_closing++] = c->fd;
}

/* False: the connection is broken. */
static bool
send_answer(struct conn *c)
{
	const struct answer *a = c->answer;

	while (c->sent < a->len) {
		ssize_t n = send(c->fd, a->bytes + c->sent, a->len - c->sent,
		    MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	c->answer = NULL;
	plan_close(c);
	return true;
}

/* ---- WebSockets (RFC 6455): frames of at most 65,535 bytes, each back whole */

enum { OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* False: the connection is broken. */
static bool
send_out(struct conn *c)
{
	ssize_t n;

	if (c->out_len == 0)
		return true;
	n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN;
	c->out_len -= (size_t)n;
	memmove(c->out, c->out + n, c->out_len);
	return true;
}

static void
put_frame(struct conn *c, unsigned char first, const char *masked, size_t len)
{
	const char *mask = masked - 4;
	unsigned char *to;

	c->out = xrealloc(c->out, c->out_len + len + 4);
	to = (unsigned char *)c->out + c->out_len;
	*to++ = first;
	if (len < 126) {
		*to++ = (unsigned char)len;
	} else {
		*to++ = 126;
		*to++ = (unsigned char)(len >> 8);
		*to++ = (unsigned char)len;
	}
	for (size_t i = 0; i < len; i++)
		*to++ = (unsigned char)(masked[i] ^ mask[i % 4]);
	c->out_len = (size_t)((char *)to - c->out);
}

/* The length of the frame with its head, 0: not all is there, or SIZE_MAX: it
 * is none that a client may send. */
static size_t
frame_length(const unsigned char *at, size_t len, size_t *head)
{
	size_t n;

	if (len < 4)
		return 0;
	n = at[1] & 127;
	*head = n == 126 ? 8 : 6;
	if ((at[1] & 128) == 0 || n == 127)
		return SIZE_MAX;
	if (n == 126)
		n = (size_t)at[2] << 8 | at[3];
	return len < *head + n ? 0 : *head + n;
}

/* What was not used, or NULL: close. */
static const char *
echo(struct conn *c, const char *at, const char *end)
{
	size_t head, n;

	while ((n = frame_length((const unsigned char *)at,
	    (size_t)(end - at), &head)) != 0) {
		unsigned char first = (unsigned char)*at;

		if (n == SIZE_MAX)
			return NULL;
		if ((first & 15) == OP_PING)
			first = (unsigned char)((first & ~15u) | OP_PONG);
		put_frame(c, first, at + head, n - head);
		if (!send_out(c) || (first & 15) == OP_CLOSE)
			return NULL;
		at += n;
	}
	return at;
}

/* ---- requests */

static void
read_path(struct request *r, const char *path, const char *end)
{
	r->size = 1024;
	r->is_chunked = o.is_chunked;
	if (end - path > 8 && memcmp(path, "/chunked", 8) == 0) {
		r->is_chunked = true;
		path += 8;
	} else if (end - path > 6 && memcmp(path, "/bytes", 6) == 0)
		path += 6;
	if (isdigit((unsigned char)path[1]))
		r->size = strtoul(path + 1, NULL, 10);
	if (r->size > SIZE_MAX_BODY)
		r->size = SIZE_MAX_BODY;
}

static void
read_fields(struct request *r, const char *at, const char *end)
{
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if ((*at | 0x20) == 'c' && end - at > 15 &&
		    strncasecmp(at, "content-length:", 15) == 0)
			r->body_len = strtoull(at + 15, NULL, 10);
		else if ((*at | 0x20) == 'u' && end - at > 18 &&
		    strncasecmp(at, "upgrade: websocket", 18) == 0)
			r->is_socket = true;
		else if ((*at | 0x20) == 'x' && end - at > 5 &&
		    strncasecmp(at, "x-id:", 5) == 0)
			r->id = strtoull(at + 5, NULL, 10);
	}
}

/* A head of `len` bytes, with its empty line. False: it has no path. */
static bool
take_head(struct conn *c, const char *head, size_t len)
{
	const char *path = memchr(head, ' ', len);
	struct request r = { 0 };

	if (path == NULL)
		return false;
	read_path(&r, path + 1, head + len);
	read_fields(&r, path, head + len);
	seen.requests++;
	if (r.id != 0)
		note_id(r.id);
	c->skip = r.body_len;
	c->is_socket = r.is_socket;
	seen.sockets += r.is_socket;
	c->answer = r.is_socket ? socket_answer() : answer_of(&r);
	c->sent = 0;
	return true;
}

/* Body bytes first. How many were forgotten. */
static size_t
skip(struct conn *c, size_t len)
{
	size_t n = c->skip < len ? (size_t)c->skip : len;

	c->skip -= n;
	return n;
}

/* Answers follow the whole request. What was not used, or NULL: close. */
static const char *
serve(struct conn *c, const char *at, const char *end)
{
	const char *found;

	for (;;) {
		at += skip(c, (size_t)(end - at));
		if (c->skip > 0)
			return at;
		if (c->answer != NULL && !send_answer(c))
			return NULL;
		if (c->answer != NULL || at == end)
			return at;
		if (c->is_socket)
			return echo(c, at, end);
		found = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
		if (found == NULL)
			return at;
		if (!take_head(c, at, (size_t)(found + 4 - at)))
			return NULL;
		at = found + 4;
	}
}

static bool
keep(struct conn *c, const char *data, size_t len)
{
	if (c->partial == NULL)
		c->partial = xrealloc(NULL, HEAD_MAX + BUFFER);
	if (c->partial_len + len > HEAD_MAX + BUFFER)
		return false;
	memcpy(c->partial + c->partial_len, data, len);
	c->partial_len += len;
	return true;
}

static bool
serve_kept(struct conn *c)
{
	const char *rest, *end;

	if (c->partial_len == 0)
		return true;
	end = c->partial + c->partial_len;
	rest = serve(c, c->partial, end);
	if (rest == NULL)
		return false;
	c->partial_len = (size_t)(end - rest);
	memmove(c->partial, rest, c->partial_len);
	return true;
}

static bool
take(struct conn *c, const char *data, size_t len)
{
	const char *rest;

	if (c->partial_len > 0)
		return keep(c, data, len) && serve_kept(c);
	rest = serve(c, data, data + len);
	return rest != NULL && (rest == data + len ||
	    keep(c, rest, (size_t)(data + len - rest)));
}

#define THE_END (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

static bool
receive(struct conn *c, uint32_t events)
{
	static char buffer[BUFFER];
	ssize_t n;

	do {
		n = recv(c->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0 || !take(c, buffer, (size_t)n))
			return false;
	} while (n == (ssize_t)sizeof(buffer) || (events & THE_END));
	return true;
}

static void
on_event(struct conn *c, uint32_t events)
{
	if (c == NULL)			/* closed earlier in this turn */
		return;
	if ((events & EPOLLOUT) && c->answer != NULL && c->skip == 0 &&
	    (!send_answer(c) || !serve_kept(c)))
		conn_close(c);
	else if ((events & EPOLLOUT) && !send_out(c))
		conn_close(c);
	else if ((events & (EPOLLIN | THE_END)) && !receive(c, events))
		conn_close(c);
}

static bool
is_idle(const struct conn *c)
{
	return c->answer == NULL && c->skip == 0 && c->partial_len == 0 &&
	    !c->is_socket;
}

/* Those whose moment has come; a request may be on its way to them. */
static void
close_due(void)
{
	uint64_t now = now_us();
	size_t i = 0;

	while (i < l.n_closing) {
		struct conn *c = l.conns[l.closing[i]];

		if (c != NULL && c->close_at_us > now) {
			i++;
			continue;
		}
		l.closing[i] = l.closing[--l.n_closing];
		if (c == NULL || c->close_at_us == 0)
			continue;
		c->close_at_us = 0;
		if (is_idle(c)) {
			seen.closed++;
			conn_close(c);
		}
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

static void
listen_here(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)o.port) };
	struct epoll_event e = { .events = EPOLLIN };
	int on = 1;

	if (inet_pton(AF_INET, o.address, &a.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", o.address);
	if (strcmp(o.address, "127.0.0.0") == 0)
		a.sin_addr.s_addr = htonl(INADDR_ANY);
	l.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(l.listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(l.listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(l.listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(l.listen_fd, 8192) < 0)
		err(1, "port %d", o.port);
	e.data.fd = l.listen_fd;
	if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, l.listen_fd, &e) < 0)
		err(1, "epoll_ctl");
}

static void
accept_all(void)
{
	int fd;

	while ((fd = accept4(l.listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		conn_open(fd);
}

static void
turn(void)
{
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(l.epoll_fd, events, EVENTS,
	    l.n_closing > 0 ? 1 : -1);

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == l.listen_fd)
			accept_all();
		else
			on_event(l.conns[events[i].data.fd],
			    events[i].events);
	}
	if (l.n_closing > 0)
		close_due();
	if (wants_stats)
		write_stats();
}

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "address", required_argument, NULL, 'a' },
	{ "name", required_argument, NULL, 'n' },
	{ "chunked", no_argument, NULL, 'c' },
	{ "close-idle", required_argument, NULL, 'x' },
	{ "close-within", required_argument, NULL, 'm' },
	{ "seed", required_argument, NULL, 's' },
	{ "stats", required_argument, NULL, 'o' },
	{ NULL, 0, NULL, 0 },
};

static void
set_option(int option)
{
	switch (option) {
	case 'p': o.port = atoi(optarg); break;
	case 'a': o.address = optarg; break;
	case 'n': o.name = optarg; break;
	case 'c': o.is_chunked = true; break;
	case 'x': o.close_chance = (unsigned)atoi(optarg); break;
	case 'm': o.close_within_us = (unsigned)atoi(optarg); break;
	case 's': srandom((unsigned)atoi(optarg)); break;
	case 'o': o.stats = optarg; break;
	default:
		fputs(usage_text, stderr);
		exit(2);
	}
}

static void
set_up(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct rlimit files;
	int option;

	while ((option = getopt_long(argc, argv, "p:a:n:cx:m:s:o:",
	    long_options, NULL)) != -1)
		set_option(option);
	if (optind + 1 == argc)
		o.port = atoi(argv[optind++]);
	if (optind != argc || o.port <= 0 || o.close_within_us == 0)
		set_option('?');
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
}

int
main(int argc, char **argv)
{
	set_up(argc, argv);
	l.epoll_fd = epoll_create1(0);
	listen_here();
	while (!wants_end)
		turn();
	write_stats();
	return 0;
}
