/* contrib/bench/troubled.c -- an origin with so many hands, and with troubles */
#include <arpa/inet.h>
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char usage_text[] =
"usage: troubled [option]... PORT\n"
"Answers each request with 100 bytes behind a service time; so many are served\n"
"at a time, others wait. The file MODE, read again when it changes, says what\n"
"happens to requests from then on: serve, refuse (503), silent (no answer),\n"
"reset (in the middle of the head), or a number: so many of 100 get a 503.\n"
"  -n, --name NAME     in X-Backend (troubled)\n"
"  -t, --time MS       the service time (0)\n"
"  -h, --hands N       requests served at a time (1000000)\n"
"  -m, --mode FILE     what is wrong with it\n"
"  -o, --stats FILE    written on USR1 and at the end, as JSON: requests,\n"
"                      connections, most connections and most requests at a\n"
"                      time, checks\n"
"  -i, --ids FILE      a line for each X-Id of a request that is not answered\n"
"                      with 503: it may have been carried out\n";

#define EVENTS 512
#define HEAD_MAX 16384
#define CONNS_MAX 65536

struct conn {
	int fd;			/* 0: none */
	uint32_t uses;		/* of the descriptor: later news are stale */
	uint64_t skip;		/* of the body */
	bool is_busy;		/* a request waits or is served */
	size_t len;
	char head[HEAD_MAX];
};

/* What waits for a hand, or for the end of its time, in order. */
struct place {
	int fd;
	uint32_t uses;
	uint64_t due_us;
};
struct ring {
	struct place *at;
	size_t first, n;
};

static struct {
	const char *name, *mode, *stats, *ids;
	int port;
	uint64_t time_us;
	size_t hands;
} o = { .name = "troubled", .hands = 1000000 };

static struct {
	int epoll_fd, listen_fd;
	struct conn *conns[CONNS_MAX];
	struct ring waiting, served;
	size_t n_busy;		/* hands */
	char mode[16];
	struct timespec mode_time;
	uint64_t looked_us;
	uint64_t requests, connections, checks;
	size_t n_open, most_open, n_asked, most_asked;
	FILE *ids;
} l;

static volatile sig_atomic_t wants_stats, wants_end;

#define RING 65536

static void
ring_put(struct ring *r, struct place p)
{
	if (r->n == RING)
		errx(1, "more than %d requests at a time", RING);
	r->at[(r->first + r->n++) % RING] = p;
}

static struct place
ring_take(struct ring *r)
{
	struct place p = r->at[r->first];

	r->first = (r->first + 1) % RING;
	r->n--;
	return p;
}

static void
write_stats(void)
{
	FILE *f = o.stats == NULL ? NULL : fopen(o.stats, "w");

	wants_stats = 0;
	if (f == NULL)
		return;
	fprintf(f, "{\"requests\":%llu,\"connections\":%llu,"
	    "\"most_connections\":%zu,\"most_requests\":%zu,"
	    "\"checks\":%llu}\n",
	    (unsigned long long)l.requests,
	    (unsigned long long)l.connections, l.most_open, l.most_asked,
	    (unsigned long long)l.checks);
	fclose(f);
}

/* Every 10 ms at most. */
static void
read_mode(void)
{
	uint64_t now = now_us();
	struct stat st;
	FILE *f;

	if (o.mode == NULL || now < l.looked_us + 10000)
		return;
	l.looked_us = now;
	if (stat(o.mode, &st) < 0 ||
	    (st.st_mtim.tv_sec == l.mode_time.tv_sec &&
	    st.st_mtim.tv_nsec == l.mode_time.tv_nsec))
		return;
	f = fopen(o.mode, "r");
	if (f == NULL)
		return;
	l.mode_time = st.st_mtim;
	if (fscanf(f, "%15s", l.mode) != 1)
		strcpy(l.mode, "serve");
	fclose(f);
}

/* ---- connections */

static void
conn_close(struct conn *c)
{
	l.n_open--;
	l.n_asked -= c->is_busy;
	close(c->fd);
	c->fd = 0;
	c->is_busy = false;
	c->uses++;
}

static void
conn_reset(struct conn *c)
{
	const struct linger abort = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	conn_close(c);
}

static struct conn *
conn_at(struct place p)
{
	struct conn *c = l.conns[p.fd];

	return c->fd != 0 && c->uses == p.uses ? c : NULL;
}

/* ---- requests */

static void
answer(struct conn *c, int status)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %d %s\r\n"
	    "Content-Length: 100\r\nX-Backend: %.100s\r\n\r\n%-100s", status,
	    status == 200 ? "OK" : "Service Unavailable", o.name, "x");

	l.n_asked--;
	c->is_busy = false;
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		conn_close(c);
}

static void
begin(struct place p)
{
	p.due_us = now_us() + o.time_us;
	l.n_busy++;
	ring_put(&l.served, p);
}

/* Those whose time is over, and who waited for their hands. */
static void
serve_due(void)
{
	uint64_t now = now_us();
	struct conn *c;

	while (l.served.n > 0 && l.served.at[l.served.first].due_us <= now) {
		c = conn_at(ring_take(&l.served));
		l.n_busy--;
		if (c != NULL)
			answer(c, 200);
		while (l.waiting.n > 0 && l.n_busy < o.hands) {
			struct place p = ring_take(&l.waiting);

			/* Nobody tells a program that reads no further. */
			begin(p);
		}
	}
}

static bool
fails_by_chance(void)
{
	int percent = atoi(l.mode);

	return percent > 0 && random() % 100 < percent;
}

static void
take_request(struct conn *c, char *head)
{
	char *length = strcasestr(head, "\r\ncontent-length:");
	char *id = strcasestr(head, "\r\nx-id:");
	struct place p = { c->fd, c->uses, 0 };

	c->skip = length == NULL ? 0 : strtoull(length + 17, NULL, 10);
	l.requests++;
	l.checks += strcasestr(head, "fairlead-check") != NULL;
	c->is_busy = true;
	if (++l.n_asked > l.most_asked)
		l.most_asked = l.n_asked;
	if (strcmp(l.mode, "refuse") == 0 || fails_by_chance()) {
		answer(c, 503);
		return;
	}
	if (id != NULL && l.ids != NULL)
		fprintf(l.ids, "%llu\n", strtoull(id + 7, NULL, 10));
	if (strcmp(l.mode, "reset") == 0) {
		(void)!send(c->fd, "HTTP/1.1 200 OK\r\nConte", 22,
		    MSG_NOSIGNAL);
		conn_reset(c);
	} else if (strcmp(l.mode, "silent") != 0) {
		if (l.n_busy < o.hands)
			begin(p);
		else
			ring_put(&l.waiting, p);
	}
}

static void
parse(struct conn *c)
{
	size_t n;
	char *end;

	while (c->fd != 0 && !c->is_busy) {
		n = c->skip < c->len ? c->skip : c->len;
		c->skip -= n;
		c->len -= n;
		memmove(c->head, c->head + n, c->len);
		c->head[c->len] = '\0';
		end = c->skip > 0 ? NULL : strstr(c->head, "\r\n\r\n");
		if (end == NULL)
			return;
		end[2] = '\0';
		n = (size_t)(end + 4 - c->head);
		take_request(c, c->head);
		c->len -= n;
		memmove(c->head, c->head + n, c->len);
	}
}

static void
receive(struct conn *c)
{
	ssize_t n = recv(c->fd, c->head + c->len, HEAD_MAX - 1 - c->len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->len += (size_t)n;
	parse(c);
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
		.sin_port = htons((uint16_t)o.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	int on = 1;

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

/* Until the next is due, and often enough for the mode and for signals. */
static int
patience_ms(void)
{
	uint64_t now = now_us(), due;

	if (l.served.n == 0)
		return 10;
	due = l.served.at[l.served.first].due_us;
	return due <= now ? 0 : due - now > 10000 ? 10 :
	    (int)((due - now + 999) / 1000);
}

/* News of connections before new ones: what is closed is not counted. True:
 * there are new ones. */
static bool
look(int ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l.epoll_fd, events, EVENTS, ms);
	bool has_new = false;

	read_mode();
	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd == l.listen_fd)
			has_new = true;
		else if (l.conns[fd]->fd != 0)
			receive(l.conns[fd]);
	}
	return has_new;
}

static void
accept_all(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
	int fd;

	while ((fd = accept4(l.listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= CONNS_MAX)
			errx(1, "more than %d connections", CONNS_MAX);
		if (l.conns[fd] == NULL)
			l.conns[fd] = xcalloc(1, sizeof(*l.conns[fd]));
		l.conns[fd]->fd = fd;
		l.conns[fd]->len = l.conns[fd]->skip = 0;
		l.connections++;
		/* What ended before this one began is known by now. */
		(void)look(0);
		if (++l.n_open > l.most_open)
			l.most_open = l.n_open;
		e.data.fd = fd;
		if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
			err(1, "epoll_ctl");
	}
}

static void
turn(void)
{
	bool has_new = look(patience_ms());

	serve_due();
	if (has_new)
		accept_all();
	if (wants_stats) {
		if (l.ids != NULL)
			fflush(l.ids);
		write_stats();
	}
}

static void
read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "time", required_argument, NULL, 't' },
		{ "hands", required_argument, NULL, 'h' },
		{ "mode", required_argument, NULL, 'm' },
		{ "stats", required_argument, NULL, 'o' },
		{ "ids", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "n:t:h:m:o:i:", options,
	    NULL)) != -1) {
		switch (c) {
		case 'n': o.name = optarg; break;
		case 't': o.time_us = strtoull(optarg, NULL, 10) * 1000; break;
		case 'h': o.hands = strtoull(optarg, NULL, 10); break;
		case 'm': o.mode = optarg; break;
		case 'o': o.stats = optarg; break;
		case 'i': o.ids = optarg; break;
		default:
			fputs(usage_text, stderr);
			exit(2);
		}
	}
	if (argc - optind != 1) {
		fputs(usage_text, stderr);
		exit(2);
	}
	o.port = atoi(argv[optind]);
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct rlimit files;

	read_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	l.epoll_fd = epoll_create1(0);
	l.waiting.at = xcalloc(RING, sizeof(struct place));
	l.served.at = xcalloc(RING, sizeof(struct place));
	if (o.ids != NULL && (l.ids = fopen(o.ids, "a")) == NULL)
		err(1, "%s", o.ids);
	if (l.ids != NULL)
		setvbuf(l.ids, NULL, _IOLBF, 0);	/* it may be killed */
	strcpy(l.mode, "serve");
	listen_here();
	while (!wants_end)
		turn();
	write_stats();
	return 0;
}
