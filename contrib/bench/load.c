/* contrib/bench/load.c -- a load generator that counts each request once */
/*
 * load [options] ADDRESS:PORT [PATH]
 *
 * -c N	connections (64)		-n N	requests in all
 * -d S	seconds				-w N	requests before counting starts
 * -r N	requests a second, latency from the intended start
 * -1	a new connection for each request
 * -i	idle: one request on each connection, then "idle" is printed, and they
 *	stay open until standard input ends
 * -p N	POST with N bytes		-I	a field X-Id, different each time
 * -t MS	random pause up to MS behind each answer
 * -T MS	an answer that takes longer has failed (10000)
 * -f FILE	a line for each failed request: local port, what, milliseconds
 * -j	the result as JSON
 *
 * Every answer's status line, length (also in chunks) and end are checked;
 * nothing is ever sent twice. Bytes behind an answer are a failure.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define HEAD_MAX 8192
#define BACKENDS_MAX 64

enum outcome { OK, STATUS, SHORT, RESET, CONNECT, TIMEOUT, EXTRA, OUTCOMES };
static const char *const outcome_names[] = { "ok", "bad_status", "short",
	"reset", "connect_failed", "timed_out", "extra_bytes" };

enum state { CLOSED, CONNECTING, IDLE, PAUSED, HEAD, BODY, CHUNKS };

struct client {
	int fd;
	enum state state;
	uint64_t begun_us;		/* or intended */
	uint64_t due_us;		/* PAUSED: until; else: time-out */
	char head[HEAD_MAX];
	size_t head_len;
	uint64_t body_left;
	unsigned tail;			/* bytes matched of the end */
	unsigned status;
	bool is_counted, will_close;
};

static struct {
	struct sockaddr_in to;
	const char *path;
	unsigned connections, pause_ms, timeout_ms;
	uint64_t requests, warmup, rate, seconds;
	size_t post;
	bool is_new, is_idle, has_ids, is_json;
	FILE *failures;

	int epoll_fd;
	struct client *clients;
	char *body;
	uint64_t started, finished, counted, ids, start_us, next_us, idle;
	uint64_t begin_us, end_us;	/* of what is counted */
	uint64_t outcomes[OUTCOMES], statuses[600], bytes;
	struct {
		char name[64];
		uint64_t n;
	} backends[BACKENDS_MAX];
	unsigned n_backends;
	uint32_t histogram[64 * 64];	/* log-linear, microseconds */
	uint64_t max_us;
} l;

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- latencies: 32 steps for each doubling */

static unsigned
bucket_of(uint64_t us)
{
	unsigned shift = us < 64 ? 0 :
	    58 - (unsigned)__builtin_clzll(us);

	return shift * 32 + (unsigned)(us >> shift);
}

static uint64_t
value_of(unsigned bucket)
{
	unsigned shift = bucket < 64 ? 0 : bucket / 32 - 1;

	return ((uint64_t)(bucket - shift * 32) + 1) << shift;
}

static double
percentile_ms(double share)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < 64 * 64; i++)
		total += l.histogram[i];
	for (unsigned i = 0; i < 64 * 64; i++) {
		seen += l.histogram[i];
		if (total > 0 && (double)seen >= (double)total * share)
			return (double)value_of(i) / 1000;
	}
	return 0;
}

/* ---- one request's end */

static void
note_failure(const struct client *c, enum outcome what)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	if (l.failures == NULL)
		return;
	(void)getsockname(c->fd, (struct sockaddr *)&a, &len);
	fprintf(l.failures, "%u %s %u %.3f\n", ntohs(a.sin_port),
	    outcome_names[what], c->status,
	    (double)(now_us() - c->begun_us) / 1000);
}

static void
note_backend(const char *name, size_t len)
{
	unsigned i;

	if (len >= sizeof(l.backends[0].name))
		len = sizeof(l.backends[0].name) - 1;
	for (i = 0; i < l.n_backends; i++)
		if (strlen(l.backends[i].name) == len &&
		    memcmp(l.backends[i].name, name, len) == 0)
			break;
	if (i == BACKENDS_MAX)
		return;
	if (i == l.n_backends) {
		memcpy(l.backends[i].name, name, len);
		l.n_backends++;
	}
	l.backends[i].n++;
}

static void
count(struct client *c, enum outcome what)
{
	uint64_t now = now_us(), us = now - c->begun_us;

	l.finished++;
	if (what != OK)
		note_failure(c, what);
	if (!c->is_counted)
		return;
	l.counted++;
	l.outcomes[what]++;
	l.end_us = now;
	if (c->status < 600)
		l.statuses[c->status]++;
	l.histogram[bucket_of(us < 1u << 30 ? us : 1u << 30)]++;
	if (us > l.max_us)
		l.max_us = us;
}

static void
disconnect(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = CLOSED;
}

static void
fail(struct client *c, enum outcome what)
{
	count(c, what);
	disconnect(c);
}

/* ---- sending */

static bool
may_start(void)
{
	if (l.requests > 0 && l.started >= l.requests + l.warmup)
		return false;
	return l.seconds == 0 || l.begin_us == 0 ||
	    now_us() < l.begin_us + l.seconds * 1000000;
}

static size_t
print_request(char *to, size_t size)
{
	int n = snprintf(to, size, "%s %s HTTP/1.1\r\nHost: bench.example\r\n"
	    "User-Agent: load\r\nAccept: */*\r\n",
	    l.post > 0 || l.has_ids ? "POST" : "GET", l.path);

	if (l.has_ids)
		n += snprintf(to + n, size - (size_t)n, "X-Id: %llu\r\n",
		    (unsigned long long)++l.ids);
	if (l.post > 0 || l.has_ids)
		n += snprintf(to + n, size - (size_t)n,
		    "Content-Length: %zu\r\n", l.post);
	if (l.is_new)
		n += snprintf(to + n, size - (size_t)n,
		    "Connection: close\r\n");
	n += snprintf(to + n, size - (size_t)n, "\r\n");
	memcpy(to + n, l.body, l.post);
	return (size_t)n + l.post;
}

/* Longer bodies than the socket takes at once are waited for: the peer reads
 * them before it answers. */
static bool
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void
send_request(struct client *c)
{
	static char buffer[(1 << 20) + 1024];
	size_t len = print_request(buffer, sizeof(buffer));

	c->state = HEAD;
	c->head_len = 0;
	c->status = 0;
	if (!send_all(c->fd, buffer, len))
		fail(c, RESET);
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
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->state = CONNECTING;
	if (connect(c->fd, (struct sockaddr *)&l.to, sizeof(l.to)) < 0 &&
	    errno != EINPROGRESS) {
		fail(c, CONNECT);
		return;
	}
	epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void
start(struct client *c, uint64_t begun_us)
{
	l.started++;
	c->is_counted = l.started > l.warmup;
	if (c->is_counted && l.begin_us == 0)
		l.begin_us = now_us();
	c->begun_us = begun_us;
	c->due_us = begun_us + l.timeout_ms * 1000ull;
	c->status = 0;
	if (c->fd < 0)
		connect_client(c);
	else
		send_request(c);
}

/* Behind an answer, or at the beginning: the next request, if there is one. */
static void
go_on(struct client *c)
{
	if (l.is_idle && c->state == IDLE)
		return;
	if (l.rate > 0)
		return;			/* the clock starts them */
	if (l.pause_ms > 0 && c->state == IDLE) {
		c->state = PAUSED;
		c->due_us = now_us() + (uint64_t)random() %
		    (l.pause_ms * 1000ull);
		return;
	}
	if (may_start())
		start(c, now_us());
}

static void
finish(struct client *c)
{
	count(c, c->status >= 200 && c->status < 400 ? OK : STATUS);
	if (l.is_new || c->will_close)
		disconnect(c);
	else
		c->state = IDLE;
	l.idle += c->state == IDLE;
	go_on(c);
}

/* ---- receiving */

static const char *
field(struct client *c, const char *name)
{
	const char *at = c->head;
	size_t len = strlen(name);

	while ((at = strchr(at, '\n')) != NULL) {
		at++;
		if (strncasecmp(at, name, len) == 0 && at[len] == ':')
			return at + len + 1 + strspn(at + len + 1, " ");
	}
	return NULL;
}

/* The head is complete and ends with a NUL. False: not HTTP. */
static bool
read_head(struct client *c)
{
	const char *length, *coding, *backend, *connection;

	if (strncmp(c->head, "HTTP/1.1 ", 9) != 0)
		return false;
	c->status = (unsigned)atoi(c->head + 9);
	length = field(c, "content-length");
	coding = field(c, "transfer-encoding");
	backend = field(c, "x-backend");
	connection = field(c, "connection");
	c->will_close = connection != NULL &&
	    strncasecmp(connection, "close", 5) == 0;
	if (backend != NULL && c->is_counted)
		note_backend(backend, strcspn(backend, "\r"));
	if ((length == NULL) == (coding == NULL))
		return false;		/* one framing, exactly */
	c->state = coding != NULL ? CHUNKS : BODY;
	c->body_left = length == NULL ? 0 : strtoull(length, NULL, 10);
	c->tail = 0;
	return true;
}

/* Returns how much it used. Chunks are only searched for their end: bodies
 * of our origin hold no "0\r\n\r\n". */
static size_t
take_chunks(struct client *c, const char *data, size_t len)
{
	static const char end[] = "\r\n0\r\n\r\n";

	for (size_t i = 0; i < len; i++) {
		if (data[i] == end[c->tail])
			c->tail++;
		else
			c->tail = data[i] == end[0];
		if (c->tail == sizeof(end) - 1) {
			finish(c);
			return i + 1;
		}
	}
	return len;
}

static size_t
take_head(struct client *c, const char *data, size_t len)
{
	size_t room = HEAD_MAX - 1 - c->head_len, old = c->head_len, used;
	size_t n = len < room ? len : room;
	char *end;

	memcpy(c->head + old, data, n);
	c->head_len += n;
	c->head[c->head_len] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL) {
		if (c->head_len == HEAD_MAX - 1)
			fail(c, SHORT);
		return n;
	}
	used = (size_t)(end + 4 - c->head) - old;
	end[2] = '\0';
	if (!read_head(c))
		fail(c, SHORT);
	else if (c->state == BODY && c->body_left == 0)
		finish(c);
	return used;
}

static size_t
take_body(struct client *c, size_t len)
{
	size_t n = len < c->body_left ? len : (size_t)c->body_left;

	c->body_left -= n;
	l.bytes += n;
	if (c->body_left == 0)
		finish(c);
	return n;
}

static void
take(struct client *c, const char *data, size_t len)
{
	uint64_t finished = l.finished;

	while (len > 0 && c->fd >= 0) {
		size_t n = c->state == HEAD ? take_head(c, data, len) :
		    c->state == BODY ? take_body(c, len) :
		    c->state == CHUNKS ? take_chunks(c, data, len) : 0;

		data += n;
		len -= n;
		/* Nothing may follow what was asked for. */
		if (len > 0 && (n == 0 || l.finished != finished)) {
			l.outcomes[EXTRA]++;
			disconnect(c);
		}
	}
}

/* The peer has closed: whose fault follows from the state. */
static void
on_close(struct client *c)
{
	if (c->state == IDLE || c->state == PAUSED) {
		l.idle -= c->state == IDLE;
		disconnect(c);
		if (!l.is_idle)
			go_on(c);
		return;
	}
	fail(c, c->state == CONNECTING ? CONNECT :
	    c->state == HEAD && c->head_len == 0 ? RESET : SHORT);
	go_on(c);
}

static void
on_event(struct client *c, uint32_t events)
{
	static char buffer[262144];
	int error = 0, fd = c->fd;
	socklen_t len = sizeof(error);
	ssize_t n;

	if (c->fd < 0)
		return;
	if (c->state == CONNECTING) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0) {
			on_close(c);
			return;
		}
		if (events & EPOLLOUT)
			send_request(c);
	}
	while (c->fd == fd &&
	    (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
		n = recv(c->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			on_close(c);
			return;
		}
		take(c, buffer, (size_t)n);
		if (n < (ssize_t)sizeof(buffer) &&
		    !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
			return;
	}
}

/* ---- the clock: rates, pauses, time-outs */

static struct client *
free_client(void)
{
	static unsigned next;

	for (unsigned i = 0; i < l.connections; i++) {
		struct client *c = &l.clients[next++ % l.connections];

		if (c->state == IDLE || c->state == CLOSED)
			return c;
	}
	return NULL;
}

static void
start_by_rate(uint64_t now)
{
	struct client *c;

	while (l.next_us <= now && may_start() &&
	    (c = free_client()) != NULL) {
		start(c, l.next_us);
		l.next_us = l.start_us + (l.started * 1000000) / l.rate;
	}
}

static void
look_at_clients(uint64_t now)
{
	static uint64_t last;

	if (now - last < 1000)
		return;
	last = now;
	for (unsigned i = 0; i < l.connections; i++) {
		struct client *c = &l.clients[i];

		if (c->state == PAUSED && c->due_us <= now) {
			c->state = IDLE;
			if (may_start())
				start(c, now);
		} else if (c->state >= HEAD && c->due_us <= now) {
			fail(c, TIMEOUT);
			go_on(c);
		} else if (c->state == CONNECTING && c->due_us <= now) {
			fail(c, CONNECT);
			go_on(c);
		}
	}
}

static bool
is_busy(void)
{
	return l.started > l.finished || may_start();
}

static void
run(void)
{
	static struct epoll_event events[EVENTS];
	bool needs_clock = l.rate > 0 || l.pause_ms > 0;
	uint64_t now;
	int n;

	l.start_us = l.next_us = now_us();
	for (unsigned i = 0; i < l.connections && !l.is_idle; i++)
		go_on(&l.clients[i]);
	while (is_busy()) {
		n = epoll_wait(l.epoll_fd, events, EVENTS,
		    needs_clock ? 1 : 100);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
		now = now_us();
		if (l.rate > 0)
			start_by_rate(now);
		look_at_clients(now);
	}
}

/* At most 64 at a time, so that the far end needs no more either. */
static void
run_idle(void)
{
	static struct epoll_event events[EVENTS];
	unsigned next = 0;
	char byte;
	int n;

	while (l.finished < l.connections) {
		while (next < l.connections && l.started - l.finished < 64)
			start(&l.clients[next++], now_us());
		n = epoll_wait(l.epoll_fd, events, EVENTS, 100);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
		look_at_clients(now_us());
	}
	printf("idle %llu\n", (unsigned long long)l.idle);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* ---- the result */

static void
print_json(double seconds)
{
	printf("{\"requests\":%llu,\"failed\":%llu,\"seconds\":%.6f,"
	    "\"rps\":%.1f,\"bytes\":%llu",
	    (unsigned long long)l.counted,
	    (unsigned long long)(l.counted - l.outcomes[OK]), seconds,
	    seconds > 0 ? (double)l.counted / seconds : 0,
	    (unsigned long long)l.bytes);
	for (unsigned i = 0; i < OUTCOMES; i++)
		printf(",\"%s\":%llu", outcome_names[i],
		    (unsigned long long)l.outcomes[i]);
	printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,"
	    "\"max_ms\":%.3f,\"statuses\":{", percentile_ms(0.5),
	    percentile_ms(0.99), percentile_ms(0.999),
	    (double)l.max_us / 1000);
	for (unsigned i = 0, n = 0; i < 600; i++)
		if (l.statuses[i] > 0)
			printf("%s\"%u\":%llu", n++ > 0 ? "," : "", i,
			    (unsigned long long)l.statuses[i]);
	printf("},\"backends\":{");
	for (unsigned i = 0; i < l.n_backends; i++)
		printf("%s\"%s\":%llu", i > 0 ? "," : "", l.backends[i].name,
		    (unsigned long long)l.backends[i].n);
	printf("}}\n");
}

static void
print_text(double seconds)
{
	printf("requests %llu in %.3f s: %.0f a second\n",
	    (unsigned long long)l.counted, seconds,
	    seconds > 0 ? (double)l.counted / seconds : 0);
	for (unsigned i = 0; i < OUTCOMES; i++)
		if (i == OK || l.outcomes[i] > 0)
			printf("%-14s %llu\n", outcome_names[i],
			    (unsigned long long)l.outcomes[i]);
	printf("latency ms     p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f\n",
	    percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999),
	    (double)l.max_us / 1000);
}

/* ---- main */

static void
usage(void)
{
	errx(2, "usage: load [-c N] [-n N] [-d S] [-w N] [-r RATE] [-1ijI] "
	    "[-p N] [-t MS] [-T MS] [-f FILE] ADDRESS:PORT [PATH]");
}

static void
set_target(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		usage();
	*colon = '\0';
	l.to.sin_family = AF_INET;
	l.to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, text, &l.to.sin_addr) != 1)
		usage();
}

static void
set_option(int option)
{
	switch (option) {
	case 'c': l.connections = (unsigned)atoi(optarg); break;
	case 'n': l.requests = strtoull(optarg, NULL, 10); break;
	case 'd': l.seconds = strtoull(optarg, NULL, 10); break;
	case 'w': l.warmup = strtoull(optarg, NULL, 10); break;
	case 'r': l.rate = strtoull(optarg, NULL, 10); break;
	case 'p': l.post = strtoul(optarg, NULL, 10); break;
	case 't': l.pause_ms = (unsigned)atoi(optarg); break;
	case 'T': l.timeout_ms = (unsigned)atoi(optarg); break;
	case 'f': l.failures = fopen(optarg, "w"); break;
	case '1': l.is_new = true; break;
	case 'i': l.is_idle = true; break;
	case 'I': l.has_ids = true; break;
	case 'j': l.is_json = true; break;
	default: usage();
	}
}

static void
set_up(int argc, char **argv)
{
	struct rlimit files;
	int option;

	l.connections = 64;
	l.timeout_ms = 10000;
	l.path = "/1024";
	while ((option = getopt(argc, argv, "c:n:d:w:r:p:t:T:f:1iIj")) != -1)
		set_option(option);
	if (optind >= argc || l.connections == 0 || l.post > 1 << 20)
		usage();
	set_target(argv[optind]);
	if (optind + 1 < argc)
		l.path = argv[optind + 1];
	if (l.requests == 0 && l.seconds == 0)
		l.requests = 10000;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int
main(int argc, char **argv)
{
	double seconds;

	set_up(argc, argv);
	l.epoll_fd = epoll_create1(0);
	l.body = calloc(1, l.post + 1);
	memset(l.body, 'b', l.post);
	l.clients = calloc(l.connections, sizeof(*l.clients));
	for (unsigned i = 0; i < l.connections; i++)
		l.clients[i].fd = -1;
	if (l.is_idle) {
		run_idle();
		return 0;
	}
	run();
	seconds = (double)(l.end_us - l.begin_us) / 1e6;
	(l.is_json ? print_json : print_text)(seconds);
	if (l.failures != NULL)
		fclose(l.failures);
	return l.counted == l.outcomes[OK] && l.outcomes[EXTRA] == 0 ? 0 : 1;
}
