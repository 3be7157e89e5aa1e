/* contrib/bench/load.c -- a load generator that counts each request once */
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
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
"usage: load [option]... ADDRESS:PORT [PATH]\n"
"Requests PATH (/1024) and checks each answer: status, one framing, its whole\n"
"length (N if PATH is /N or /bytes/N), nothing behind it. Nothing is sent\n"
"twice; each request is counted once, by how it ended. Exit 0: all were well.\n"
"  -c, --connections N  connections, one request at a time on each (64)\n"
"  -n, --requests N     requests to count (10000 without -d)\n"
"  -d, --seconds S      ... or for how long\n"
"  -w, --warmup N       requests before those, not counted\n"
"  -r, --rate R         start R a second; latency is from the intended start\n"
"  -1, --new            a new connection for each request\n"
"  -i, --idle[=N]       one request on each of N connections, 64 at a time;\n"
"                       then \"idle N\" is printed, and they are held until\n"
"                       standard input ends or TERM comes; then \"closed N\"\n"
"  -p, --post N         POST with a body of N bytes\n"
"  -I, --ids            POST with a field X-Id, different each time\n"
"  -P, --pipeline N     GETs in groups of N, sent at once and answered in turn\n"
"  -t, --think MIN-MAX  pause behind each answer, random, in milliseconds\n"
"  -T, --timeout MS     an answer that takes longer has failed (10000)\n"
"  -H, --hold           when warm, print \"warm\" and wait for a line; then,\n"
"                       with the result out, until standard input ends\n"
"  -f, --failures FILE  a line for each failure: local port, how, status, ms,\n"
"                       when it began, as logs have it, and which request of\n"
"                       its connection it was\n"
"  -s, --seed N         of the pauses\n"
"  -j, --json           the result as JSON\n";

#define EVENTS 512
#define BUFFER (256u << 10)
#define HEAD_MAX 16384
#define LINE_MAX_LEN 256
#define BACKENDS_MAX 2048
#define SLOTS 4096		/* of one millisecond, for pauses */
#define STEPS 128u		/* of the histogram, for each doubling */
#define UNKNOWN UINT64_MAX

enum outcome { OK, STATUS, SHORT, RESET, CONNECT, TIMEOUT, MALFORMED,
	OUTCOMES };
static const char *const outcome_names[] = { "ok", "bad_status", "short",
	"reset", "connect_failed", "timed_out", "malformed" };

/* From HEAD on an answer is outstanding; DONE: it is complete. */
enum state { CLOSED, PAUSED, IDLE, CONNECTING, HEAD, BODY, CHUNK_SIZE,
	CHUNK_DATA, CHUNK_END, TRAILER, DONE };

struct client {
	int fd;
	enum state state;
	unsigned status;
	unsigned asked;			/* not answered yet */
	unsigned served;		/* on this connection */
	bool is_counted, will_close;
	uint64_t begun_us;		/* or when it was meant to begin */
	uint64_t due_us;		/* PAUSED: until then; else time-out */
	uint64_t id;
	size_t sent;			/* of the request */
	uint64_t left;			/* of the body, or of the chunk */
	uint64_t got;			/* of a body in chunks */
	char *partial;			/* a head or line still incomplete */
	size_t partial_len;
	struct client *next;		/* in the same slot */
};

static struct {
	struct sockaddr_in to;
	const char *path;
	unsigned connections, pause_min_ms, pause_max_ms, timeout_ms, pipeline;
	uint64_t requests, warmup, rate, seconds;
	uint64_t expected;		/* length of each body, or UNKNOWN */
	size_t post;
	bool is_new, is_idle, has_ids, is_json, is_held;
	FILE *failures;
} o = { .connections = 64, .timeout_ms = 10000, .path = "/1024",
	.pipeline = 1, .expected = UNKNOWN };

static struct {
	int epoll_fd;
	struct client *clients;
	uint64_t now_us;		/* at the beginning of this turn */
	bool is_counting;
	uint64_t ids, paused, slot_us;
	struct client *slots[SLOTS];
	char *request;			/* head and body, as sent last */
	size_t request_len;
	/* of this phase */
	uint64_t started, finished, wanted, until_us, first_us, next_us;
	uint64_t idle;			/* --idle: connections held */
} l;

static struct {
	uint64_t requests, begin_us, end_us, bytes;
	uint64_t outcomes[OUTCOMES], extra_bytes, closed_idle, connects;
	uint64_t statuses[600], max_us, sum_us;
	uint64_t histogram[STEPS * 40];
	struct {
		char name[64];
		uint64_t n;
	} backends[BACKENDS_MAX];
	unsigned n_backends;
} result;

static volatile sig_atomic_t wants_end;

static void go_on(struct client *c);

/* ---- latencies: exact up to 2 * STEPS us, then STEPS for each doubling */

static size_t
bucket_of(uint64_t us)
{
	unsigned shift = us < 2 * STEPS ? 0 :
	    56 - (unsigned)__builtin_clzll(us);
	size_t i = shift * STEPS + (size_t)(us >> shift);
	size_t last = sizeof(result.histogram) / sizeof(uint64_t) - 1;

	return i < last ? i : last;
}

/* The middle of what falls into it. */
static double
bucket_ms(size_t i)
{
	unsigned shift = i < 2 * STEPS ? 0 : (unsigned)(i / STEPS) - 1;
	uint64_t low = (uint64_t)(i - shift * STEPS) << shift;

	return ((double)low + (double)(1ull << shift) / 2) / 1000;
}

static double
percentile_ms(double share)
{
	double seen = 0, total = (double)result.requests;
	size_t n = sizeof(result.histogram) / sizeof(uint64_t);

	for (size_t i = 0; i < n; i++) {
		seen += (double)result.histogram[i];
		if (total > 0 && seen >= total * share)
			return fmin(bucket_ms(i), (double)result.max_us / 1000);
	}
	return 0;
}

/* ---- how a request ended */

/* The only place that counts: called once for each request begun. */
static void
count(struct client *c, enum outcome how)
{
	uint64_t now = now_us(), us = now - c->begun_us;

	l.finished++;
	c->asked--;
	if (!c->is_counted)
		return;
	if (how != OK)
		print_failure(o.failures, c->fd, outcome_names[how], c->status,
		    us, c->served + 1);
	result.requests++;
	result.outcomes[how]++;
	result.statuses[c->status]++;
	result.histogram[bucket_of(us)]++;
	result.sum_us += us;
	result.end_us = now;
	if (us > result.max_us)
		result.max_us = us;
}

static void
note_backend(const char *name, size_t len)
{
	size_t max = sizeof(result.backends[0].name) - 1;
	unsigned i;

	if (len > max)
		len = max;
	for (i = 0; i < result.n_backends; i++)
		if (strncmp(result.backends[i].name, name, len) == 0 &&
		    result.backends[i].name[len] == '\0')
			break;
	if (i == BACKENDS_MAX)
		return;
	if (i == result.n_backends) {
		memcpy(result.backends[i].name, name, len);
		result.n_backends++;
	}
	result.backends[i].n++;
}

static void
disconnect(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = CLOSED;
	c->partial_len = 0;
	c->served = 0;
}

static void
pause_until(struct client *c, uint64_t due_us)
{
	struct client **slot = &l.slots[due_us / 1000 % SLOTS];

	c->state = PAUSED;
	c->due_us = due_us;
	c->next = *slot;
	*slot = c;
	l.paused++;
}

/* Goes on a moment later: a peer that refuses is not hammered. Requests behind
 * the one that has failed have failed with it. */
static void
fail(struct client *c, enum outcome how)
{
	while (c->asked > 0)
		count(c, how);
	disconnect(c);
	if (o.rate == 0 && !o.is_idle)
		pause_until(c, l.now_us + 1000);
}

/* ---- sending */

static bool
is_post(void)
{
	return o.post > 0 || o.has_ids;
}

/* The same head again, so that there are as many as are sent at once. */
static void
repeat_request(void)
{
	size_t len = l.request_len;

	for (unsigned i = 1; i < o.pipeline; i++)
		memcpy(l.request + i * len, l.request, len);
	l.request_len = o.pipeline * len;
}

/* Into l.request; without ids all are the same. */
static void
print_request(uint64_t id)
{
	char *to = l.request, *end = to + HEAD_MAX;

	if (l.request_len > 0 && !o.has_ids)
		return;
	to += snprintf(to, (size_t)(end - to), "%s %s HTTP/1.1\r\n"
	    "Host: bench.example\r\nUser-Agent: load\r\nAccept: */*\r\n",
	    is_post() ? "POST" : "GET", o.path);
	if (o.has_ids)
		to += sprintf(to, "X-Id: %llu\r\n", (unsigned long long)id);
	if (is_post())
		to += sprintf(to, "Content-Length: %zu\r\n", o.post);
	to += sprintf(to, "%s\r\n", o.is_new ? "Connection: close\r\n" : "");
	memset(to, 'b', o.post);
	l.request_len = (size_t)(to - l.request) + o.post;
	repeat_request();
}

/* What the socket takes now; the rest when it says so. */
static void
send_request(struct client *c)
{
	print_request(c->id);
	while (c->sent < l.request_len) {
		ssize_t n = send(c->fd, l.request + c->sent,
		    l.request_len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* An answer may have come; then that is read. */
			c->will_close = true;
			return;
		}
		c->sent += (size_t)n;
	}
}

static void
connect_client(struct client *c)
{
	struct epoll_event e = { .data.ptr = c,
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		err(1, "socket");
	result.connects += l.is_counting;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->state = CONNECTING;
	if (connect(c->fd, (struct sockaddr *)&o.to, sizeof(o.to)) < 0 &&
	    errno != EINPROGRESS)
		fail(c, CONNECT);
	else if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
		err(1, "epoll_ctl");
}

static void
start(struct client *c, uint64_t begun_us)
{
	l.started += o.pipeline;
	c->asked = o.pipeline;
	c->is_counted = l.is_counting;
	c->begun_us = begun_us;
	c->due_us = l.now_us + o.timeout_ms * 1000ull;
	c->id = o.has_ids ? ++l.ids : 0;
	c->status = 0;
	c->sent = c->got = 0;
	c->will_close = false;
	if (c->fd < 0) {
		connect_client(c);
		return;
	}
	c->state = HEAD;
	send_request(c);
}

static bool
may_start(void)
{
	if (l.wanted > 0 && l.started >= l.wanted)
		return false;
	return (l.until_us == 0 || l.now_us < l.until_us) && !wants_end;
}

/* The client is free: its next request, now or behind a pause. */
static void
go_on(struct client *c)
{
	uint64_t range = o.pause_max_ms - o.pause_min_ms;

	if (o.is_idle || o.rate > 0 || !may_start())
		return;
	if (o.pause_max_ms > 0 && l.started >= o.connections)
		pause_until(c, l.now_us + o.pause_min_ms * 1000ull +
		    (uint64_t)random() % (range * 1000 + 1));
	else
		start(c, now_us());
}

/* ---- receiving: each take_ uses some of the data, or says -1: malformed */

struct head {
	const char *length, *backend;
	size_t length_len, backend_len;
	bool is_chunked, will_close;
	unsigned n_framings;
};

static bool
is_name(const char *line, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

/* The line without its end. False: it is no field. */
static bool
read_field(struct head *h, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len, value_len;

	if (colon == NULL || colon == line)
		return false;
	name_len = (size_t)(colon - line);
	value = colon + 1;
	while (value < line + len && *value == ' ')
		value++;
	value_len = (size_t)(line + len - value);
	if (is_name(line, name_len, "content-length")) {
		h->length = value;
		h->length_len = value_len;
		h->n_framings++;
	} else if (is_name(line, name_len, "transfer-encoding")) {
		h->is_chunked = is_name(value, value_len, "chunked");
		h->n_framings += h->is_chunked ? 1 : 2;
	} else if (is_name(line, name_len, "x-backend")) {
		h->backend = value;
		h->backend_len = value_len;
	} else if (is_name(line, name_len, "connection"))
		h->will_close = is_name(value, value_len, "close");
	return true;
}

static bool
read_number(const char *text, size_t len, unsigned base, uint64_t *to)
{
	static const char digits[] = "0123456789abcdef";

	*to = 0;
	for (size_t i = 0; i < len; i++) {
		const char *digit = memchr(digits, tolower(
		    (unsigned char)text[i]), base);

		if (digit == NULL || *to > UINT64_MAX / base / 2)
			return false;
		*to = *to * base + (uint64_t)(digit - digits);
	}
	return len > 0;
}

/* The whole head, with its empty line. */
static bool
read_fields(struct head *h, const char *at, const char *end)
{
	for (;;) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if (line_end == NULL || line_end == at || line_end[-1] != '\r')
			return false;
		if (line_end - at == 1)
			return line_end + 1 == end;
		if (!read_field(h, at, (size_t)(line_end - 1 - at)))
			return false;
		at = line_end + 1;
	}
}

static bool
read_head(struct client *c, const char *text, size_t len)
{
	struct head h = { 0 };
	const char *fields = memchr(text, '\n', len);
	uint64_t status;

	if (len < 16 || memcmp(text, "HTTP/1.1 ", 9) != 0 ||
	    !read_number(text + 9, 3, 10, &status) || status < 100 ||
	    status > 599 || (text[12] != ' ' && text[12] != '\r') ||
	    !read_fields(&h, fields + 1, text + len))
		return false;
	c->status = (unsigned)status;
	if (status < 200)
		return status != 101;	/* the answer is still to come */
	c->will_close |= h.will_close;
	if (h.backend != NULL && c->is_counted)
		note_backend(h.backend, h.backend_len);
	c->state = h.is_chunked ? CHUNK_SIZE : BODY;
	c->left = 0;
	if (status == 204 || status == 304)
		c->state = DONE;
	else if (h.n_framings != 1 || (h.length != NULL &&
	    !read_number(h.length, h.length_len, 10, &c->left)))
		return false;
	else if (status == 200 && !h.is_chunked &&
	    o.expected != UNKNOWN && c->left != o.expected)
		return false;
	if (c->state == BODY && c->left == 0)
		c->state = DONE;
	return true;
}

/* Adds data to what is kept until `end` is found in it; -1: too long. */
static ssize_t
keep(struct client *c, const char *data, size_t len, const char *end,
    bool *is_whole)
{
	size_t old = c->partial_len, n = len;
	char *found;

	if (c->partial == NULL)
		c->partial = xcalloc(1, HEAD_MAX);
	if (n > HEAD_MAX - old)
		n = HEAD_MAX - old;
	memcpy(c->partial + old, data, n);
	c->partial_len += n;
	found = memmem(c->partial, c->partial_len, end, strlen(end));
	*is_whole = found != NULL;
	if (found == NULL)
		return c->partial_len == HEAD_MAX ? -1 : (ssize_t)n;
	c->partial_len = (size_t)(found - c->partial) + strlen(end);
	return (ssize_t)(c->partial_len - old);
}

static ssize_t
take_head(struct client *c, const char *data, size_t len)
{
	const char *end;
	bool is_whole;
	ssize_t used;

	if (c->partial_len == 0) {	/* nearly always all at once */
		end = memmem(data, len, "\r\n\r\n", 4);
		if (end != NULL) {
			used = end + 4 - data;
			return read_head(c, data, (size_t)used) ? used : -1;
		}
	}
	used = keep(c, data, len, "\r\n\r\n", &is_whole);
	if (used < 0 || !is_whole)
		return used;
	is_whole = read_head(c, c->partial, c->partial_len);
	c->partial_len = 0;
	return is_whole ? used : -1;
}

static ssize_t
take_bytes(struct client *c, size_t len, enum state then)
{
	size_t n = len < c->left ? len : (size_t)c->left;

	c->left -= n;
	if (c->is_counted)
		result.bytes += n;
	if (c->left == 0)
		c->state = then;
	return (ssize_t)n;
}

/* A line of the framing in chunks, without its end. */
static bool
read_chunk_line(struct client *c, const char *line, size_t len)
{
	switch (c->state) {
	case CHUNK_SIZE:
		if (!read_number(line, len, 16, &c->left))
			return false;
		c->got += c->left;
		c->state = c->left > 0 ? CHUNK_DATA : TRAILER;
		return true;
	case CHUNK_END:
		c->state = CHUNK_SIZE;
		return len == 0;
	default:			/* TRAILER */
		if (len > 0)
			return memchr(line, ':', len) != NULL;
		c->state = DONE;
		return o.expected == UNKNOWN || c->status != 200 ||
		    c->got == o.expected;
	}
}

static ssize_t
take_chunks(struct client *c, const char *data, size_t len)
{
	bool is_whole;
	ssize_t used;

	if (c->state == CHUNK_DATA)
		return take_bytes(c, len, CHUNK_END);
	used = keep(c, data, len, "\r\n", &is_whole);
	if (used < 0 || !is_whole)
		return used;
	is_whole = read_chunk_line(c, c->partial, c->partial_len - 2);
	c->partial_len = 0;
	return is_whole ? used : -1;
}

static ssize_t
take(struct client *c, const char *data, size_t len)
{
	size_t used = 0;
	ssize_t n = 0;

	while (used < len && c->state != DONE && n >= 0) {
		if (c->state == HEAD)
			n = take_head(c, data + used, len - used);
		else if (c->state == BODY)
			n = take_bytes(c, len - used, DONE);
		else
			n = take_chunks(c, data + used, len - used);
		used += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -1 : (ssize_t)used;
}

/* The answer is complete. True: another is to follow. */
static bool
count_answer(struct client *c)
{
	count(c, c->status >= 200 && c->status < 400 ? OK : STATUS);
	c->served++;
	if (c->asked == 0)
		return false;
	c->state = HEAD;
	c->status = 0;
	c->got = 0;
	return true;
}

/* It was the last; `rest` bytes came behind it, which none may. */
static void
finish(struct client *c, size_t rest)
{
	result.extra_bytes += rest;
	if (o.is_new || c->will_close || rest > 0 || c->sent < l.request_len)
		disconnect(c);
	else
		c->state = IDLE;
	l.idle += o.is_idle && c->state == IDLE;
	go_on(c);
}

static void
on_data(struct client *c, const char *data, size_t len)
{
	ssize_t used;

	if (c->state < HEAD) {		/* nobody asked */
		result.extra_bytes += len;
		if (c->state == PAUSED) {
			close(c->fd);
			c->fd = -1;
			c->served = 0;
		} else
			disconnect(c);
		return;
	}
	do {
		used = take(c, data, len);
		if (used < 0) {
			fail(c, MALFORMED);
			return;
		}
		data += used;
		len -= (size_t)used;
		if (c->state != DONE)
			return;
	} while (count_answer(c));
	finish(c, len);
}

/* The peer has closed, or the connection is broken. */
static void
on_close(struct client *c)
{
	if (c->state == CONNECTING)
		fail(c, CONNECT);
	else if (c->state >= HEAD)
		fail(c, c->state == HEAD && c->partial_len == 0 ? RESET :
		    SHORT);
	else {
		result.closed_idle++;
		l.idle -= o.is_idle;
		close(c->fd);
		c->fd = -1;
		c->served = 0;
		if (c->state == IDLE)
			c->state = CLOSED;
	}
}

static void
on_connected(struct client *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		fail(c, CONNECT);
		return;
	}
	c->state = HEAD;
	send_request(c);
}

#define INPUT (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
#define THE_END (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

static void
on_event(struct client *c, uint32_t events)
{
	static char buffer[BUFFER];
	ssize_t n;

	if (c->state == CONNECTING) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			on_connected(c);
	} else if ((events & EPOLLOUT) && c->state >= HEAD)
		send_request(c);
	while ((events & INPUT) && c->fd >= 0 && c->state != CONNECTING) {
		n = recv(c->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			on_close(c);
			return;
		}
		on_data(c, buffer, (size_t)n);
		if (n < (ssize_t)sizeof(buffer) && !(events & THE_END))
			return;		/* drained: the next edge will come */
	}
}

/* ---- the clock: rates, pauses, time-outs */

static struct client *
free_client(void)
{
	static unsigned next;

	for (unsigned i = 0; i < o.connections; i++) {
		struct client *c = &l.clients[next++ % o.connections];

		if (c->state == IDLE || c->state == CLOSED)
			return c;
	}
	return NULL;
}

static void
start_by_rate(void)
{
	struct client *c;

	while (l.next_us <= l.now_us && may_start() &&
	    (c = free_client()) != NULL) {
		start(c, l.next_us);
		l.next_us = l.first_us + l.started * 1000000 / o.rate;
	}
}

static void
end_pause(struct client *c)
{
	l.paused--;
	if (c->due_us > l.now_us) {
		pause_until(c, c->due_us);
		return;
	}
	c->state = c->fd < 0 ? CLOSED : IDLE;
	if (may_start())
		start(c, now_us());
}

/* The phase is over for those who pause, too. */
static void
end_pauses(void)
{
	memset(l.slots, 0, sizeof(l.slots));
	l.paused = 0;
	for (unsigned i = 0; i < o.connections; i++)
		if (l.clients[i].state == PAUSED)
			l.clients[i].state = l.clients[i].fd < 0 ? CLOSED :
			    IDLE;
}

static void
look_at_slots(void)
{
	uint64_t last = l.now_us / 1000;

	if (last - l.slot_us >= SLOTS)
		l.slot_us = last - SLOTS + 1;
	for (; l.slot_us < last; l.slot_us++) {
		struct client *c = l.slots[l.slot_us % SLOTS], *next;

		l.slots[l.slot_us % SLOTS] = NULL;
		for (; c != NULL; c = next) {
			next = c->next;
			end_pause(c);
		}
	}
}

static void
look_at_time_outs(void)
{
	static uint64_t last;

	if (l.now_us - last < 50000)
		return;
	last = l.now_us;
	for (unsigned i = 0; i < o.connections; i++) {
		struct client *c = &l.clients[i];

		if (c->state >= CONNECTING && c->due_us <= l.now_us)
			fail(c, c->state == CONNECTING ? CONNECT : TIMEOUT);
	}
}

static void
turn(uint64_t wait_us)
{
	static struct epoll_event events[EVENTS];
	struct timespec wait = { .tv_sec = (time_t)(wait_us / 1000000),
		.tv_nsec = (long)(wait_us % 1000000) * 1000 };
	int n = epoll_pwait2(l.epoll_fd, events, EVENTS, &wait, NULL);

	l.now_us = now_us();
	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
	if (l.paused > 0)
		look_at_slots();
	look_at_time_outs();
}

static uint64_t
wait_us(void)
{
	uint64_t now = now_us();

	if (o.rate > 0 && may_start())
		return l.next_us > now ? l.next_us - now : 0;
	return l.paused > 0 ? 1000 : 50000;
}

/* Runs until `requests` are over, or `seconds` and those begun in them. */
static void
run_phase(uint64_t requests, uint64_t seconds, bool is_counting)
{
	l.is_counting = is_counting;
	l.started = l.finished = 0;
	l.now_us = l.first_us = l.next_us = now_us();
	l.slot_us = l.now_us / 1000;
	l.wanted = requests;
	if (o.rate > 0 && requests == 0)
		l.wanted = o.rate * seconds;
	else
		l.until_us = seconds > 0 ?
		    l.now_us + seconds * 1000000 : 0;
	if (is_counting)
		result.begin_us = l.now_us;
	for (unsigned i = 0; i < o.connections; i++)
		go_on(&l.clients[i]);
	while (l.started > l.finished || may_start()) {
		turn(wait_us());
		if (o.rate > 0)
			start_by_rate();
	}
	end_pauses();
}

/* At most 64 at a time, so that the far end needs no more either. */
static void
run_idle(void)
{
	char byte;
	unsigned next = 0;

	l.is_counting = true;
	l.now_us = result.begin_us = now_us();
	while (l.finished < o.connections && !wants_end) {
		while (next < o.connections && l.started - l.finished < 64)
			start(&l.clients[next++], now_us());
		turn(50000);
	}
	printf("idle %llu\n", (unsigned long long)l.idle);
	fflush(stdout);
	while (!wants_end && read(STDIN_FILENO, &byte, 1) > 0)
		;
	turn(0);			/* who has left in the meantime? */
	printf("closed %llu\n", (unsigned long long)result.closed_idle);
}

/* ---- the result */

static uint64_t
failed(void)
{
	return result.requests - result.outcomes[OK] +
	    (result.extra_bytes > 0);
}

static double
per_second(double seconds)
{
	return seconds > 0 ? (double)result.requests / seconds : 0;
}

static void
print_counts(void)
{
	printf(",\"statuses\":{");
	for (unsigned i = 0, n = 0; i < 600; i++)
		if (result.statuses[i] > 0)
			printf("%s\"%u\":%llu", n++ > 0 ? "," : "", i,
			    (unsigned long long)result.statuses[i]);
	printf("},\"backends\":{");
	for (unsigned i = 0; i < result.n_backends; i++)
		printf("%s\"%s\":%llu", i > 0 ? "," : "",
		    result.backends[i].name,
		    (unsigned long long)result.backends[i].n);
	printf("}");
}

static void
print_json(double seconds)
{
	printf("{\"requests\":%llu,\"failed\":%llu,\"seconds\":%.6f,"
	    "\"rps\":%.1f,\"bytes\":%llu,\"connects\":%llu,"
	    "\"extra_bytes\":%llu,\"closed_idle\":%llu",
	    (unsigned long long)result.requests,
	    (unsigned long long)failed(), seconds, per_second(seconds),
	    (unsigned long long)result.bytes,
	    (unsigned long long)result.connects,
	    (unsigned long long)result.extra_bytes,
	    (unsigned long long)result.closed_idle);
	for (unsigned i = 0; i < OUTCOMES; i++)
		printf(",\"%s\":%llu", outcome_names[i],
		    (unsigned long long)result.outcomes[i]);
	printf(",\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	    "\"p999_ms\":%.3f,\"max_ms\":%.3f", result.requests == 0 ? 0 :
	    (double)result.sum_us / (double)result.requests / 1000,
	    percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999),
	    (double)result.max_us / 1000);
	print_counts();
	printf("}\n");
}

static void
print_text(double seconds)
{
	printf("requests       %llu in %.3f s: %.0f a second\n",
	    (unsigned long long)result.requests, seconds,
	    per_second(seconds));
	for (unsigned i = 0; i < OUTCOMES; i++)
		if (i == OK || result.outcomes[i] > 0)
			printf("%-14s %llu\n", outcome_names[i],
			    (unsigned long long)result.outcomes[i]);
	if (result.extra_bytes > 0)
		printf("%-14s %llu\n", "extra bytes",
		    (unsigned long long)result.extra_bytes);
	printf("latency ms     p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f\n",
	    percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999),
	    (double)result.max_us / 1000);
	for (unsigned i = 0; i < result.n_backends; i++)
		printf("backend        %s: %llu\n", result.backends[i].name,
		    (unsigned long long)result.backends[i].n);
}

/* ---- main */

static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static uint64_t
number(const char *text)
{
	uint64_t n;

	if (!read_number(text, strlen(text), 10, &n))
		errx(2, "%s is no number", text);
	return n;
}

static void
set_target(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		usage();
	*colon = '\0';
	o.to.sin_family = AF_INET;
	o.to.sin_port = htons((uint16_t)number(colon + 1));
	if (inet_pton(AF_INET, text, &o.to.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", text);
}

static void
set_path(const char *path)
{
	const char *n = path + (strncmp(path, "/bytes/", 7) == 0 ? 7 : 1);
	uint64_t size;

	o.path = path;
	if (strlen(path) > 4096)
		errx(2, "too long a path");
	o.expected = read_number(n, strlen(n), 10, &size) ? size : UNKNOWN;
}

static void
set_pause(const char *text)
{
	if (sscanf(text, "%u-%u", &o.pause_min_ms, &o.pause_max_ms) == 2 &&
	    o.pause_min_ms <= o.pause_max_ms)
		return;
	o.pause_min_ms = 0;
	o.pause_max_ms = (unsigned)number(text);
}

static const char short_options[] = "c:n:d:w:r:p:P:t:T:f:s:1iIHj";
static const struct option long_options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "requests", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 'd' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "rate", required_argument, NULL, 'r' },
	{ "new", no_argument, NULL, '1' },
	{ "idle", optional_argument, NULL, 'i' },
	{ "post", required_argument, NULL, 'p' },
	{ "pipeline", required_argument, NULL, 'P' },
	{ "ids", no_argument, NULL, 'I' },
	{ "think", required_argument, NULL, 't' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "hold", no_argument, NULL, 'H' },
	{ "failures", required_argument, NULL, 'f' },
	{ "seed", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static void
set_idle(void)
{
	o.is_idle = true;
	if (optarg != NULL)
		o.connections = (unsigned)number(optarg);
}

static void
set_option(int option)
{
	switch (option) {
	case 'c': o.connections = (unsigned)number(optarg); break;
	case 'n': o.requests = number(optarg); break;
	case 'd': o.seconds = number(optarg); break;
	case 'w': o.warmup = number(optarg); break;
	case 'r': o.rate = number(optarg); break;
	case 'p': o.post = number(optarg); break;
	case 'P': o.pipeline = (unsigned)number(optarg); break;
	case 't': set_pause(optarg); break;
	case 'T': o.timeout_ms = (unsigned)number(optarg); break;
	case 'f': o.failures = fopen(optarg, "w"); break;
	case 's': srandom((unsigned)number(optarg)); break;
	case '1': o.is_new = true; break;
	case 'i': set_idle(); break;
	case 'I': o.has_ids = true; break;
	case 'H': o.is_held = true; break;
	case 'j': o.is_json = true; break;
	default: usage();
	}
	if (option == 'f' && o.failures == NULL)
		err(1, "%s", optarg);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, short_options, long_options,
	    NULL)) != -1)
		set_option(option);
	if (optind >= argc || optind + 2 < argc || o.connections == 0 ||
	    o.post > 64u << 20)
		usage();
	if (o.pipeline == 0 || o.pipeline > 100 || (o.pipeline > 1 &&
	    (o.is_new || o.is_idle || is_post())))
		usage();
	set_target(argv[optind]);
	set_path(optind + 1 < argc ? argv[optind + 1] : o.path);
	if (o.requests == 0 && o.seconds == 0)
		o.requests = 10000;
	if (o.warmup > 0 && o.warmup < o.connections)
		o.warmup = o.connections;	/* all of them are open then */
}

static void
on_signal(int signo)
{
	(void)signo;
	wants_end = 1;
}

static void
set_up(void)
{
	struct sigaction end = { .sa_handler = on_signal };
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	l.epoll_fd = epoll_create1(0);
	l.request = xcalloc(o.pipeline, HEAD_MAX + o.post);
	l.clients = xcalloc(o.connections, sizeof(*l.clients));
	for (unsigned i = 0; i < o.connections; i++)
		l.clients[i].fd = -1;
}

static void
wait_for(char end)
{
	char byte;

	while (!wants_end && read(STDIN_FILENO, &byte, 1) > 0 && byte != end)
		;
}

static void
warm_up(void)
{
	if (o.warmup > 0)
		run_phase(o.warmup, 0, false);
	if (!o.is_held)
		return;
	printf("warm\n");
	fflush(stdout);
	wait_for('\n');
}

int
main(int argc, char **argv)
{
	double seconds;

	read_options(argc, argv);
	set_up();
	if (o.is_idle) {
		run_idle();
	} else {
		warm_up();
		run_phase(o.requests, o.seconds, true);
		turn(0);		/* has anything come behind the last? */
	}
	seconds = (double)(result.end_us - result.begin_us) / 1e6;
	if (o.is_json)
		print_json(seconds);
	else if (!o.is_idle)
		print_text(seconds);
	if (o.failures != NULL)
		fclose(o.failures);
	fflush(stdout);
	if (o.is_held)
		wait_for('\0');
	return failed() == 0 ? 0 : 1;
}
