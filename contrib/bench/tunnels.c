/* contrib/bench/tunnels.c -- WebSockets that stay, used now and then */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char usage_text[] =
"usage: tunnels [option]... ADDRESS:PORT [PATH]\n"
"Opens WebSockets at PATH (/) and keeps them. Behind a pause each sends a\n"
"message or a ping of its own, which must come back as it was, and nothing\n"
"else. None is opened again, nothing is sent twice. At the end, by time or by\n"
"TERM, each that is left sends a last message and is closed as both agree.\n"
"Exit 0: all were opened, none was lost, each message came back.\n"
"  -c, --connections N  how many (50)\n"
"  -e, --every MS       one is opened each MS milliseconds (all at once)\n"
"  -d, --seconds S      for how long (10)\n"
"  -t, --think MIN-MAX  pause behind each echo, in milliseconds (100-2000)\n"
"  -T, --timeout MS     an echo that takes longer has failed (10000)\n"
"  -f, --failures FILE  a line for each socket lost: local port, how, status,\n"
"                       ms, when that began, as logs have it, and how many\n"
"                       messages had come back on it, and this one\n"
"  -s, --seed N         of pauses and messages\n";

#define HEAD_MAX 4096
#define MESSAGE_MAX 60000u
#define FRAME_ROOM (MESSAGE_MAX + 16)
#define SOCKETS_MAX 10000

/* From CONNECTING on there is a descriptor; what is under way between QUIET
 * and CLOSED is counted once, as ok or as a failure. */
enum state { PLANNED, CONNECTING, HEAD, QUIET, WAITING, CLOSING, CLOSED, LOST };

struct socket {
	int fd;
	enum state state;
	uint64_t begun_us;	/* what is under way, or the pause */
	uint64_t due_us;	/* the end of the pause, or of patience */
	unsigned status, served;
	bool is_last;
	char *out;		/* a frame to the server, masked */
	size_t out_len, out_sent;
	char *expected;		/* the same as it must come back */
	size_t expected_len, expected_got;
	char head[HEAD_MAX];
	size_t head_len;
};

static struct {
	struct sockaddr_in to;
	const char *path;
	unsigned n, every_ms, seconds, pause_min_ms, pause_max_ms, timeout_ms;
	FILE *failures;
} o = { .path = "/", .n = 50, .seconds = 10, .pause_min_ms = 100,
	.pause_max_ms = 2000, .timeout_ms = 10000 };

static struct {
	struct socket *sockets;
	uint64_t now_us, end_us;
	bool is_ending;
} l;

static struct {
	uint64_t opened, alive, lost, messages, ok, max_us;
} result;

static volatile sig_atomic_t wants_end;

/* ---- the end of one */

static void
lose(struct socket *s, const char *how)
{
	print_failure(o.failures, s->fd, how, s->status,
	    now_us() - s->begun_us, s->served + 1);
	if (o.failures != NULL)
		fflush(o.failures);
	result.lost++;
	close(s->fd);
	s->fd = -1;
	s->state = LOST;
}

/* What is under way was broken off. */
static void
lose_by_close(struct socket *s)
{
	static const char *const how[] = { [CONNECTING] = "connect_failed",
		[HEAD] = "reset", [QUIET] = "closed_quiet",
		[WAITING] = "reset", [CLOSING] = "reset" };

	lose(s, s->state != QUIET && (s->head_len > 0 || s->expected_got > 0) ?
	    "short" : how[s->state]);
}

/* ---- messages */

static size_t
put_frame_head(char *to, unsigned op, unsigned mask_bit, size_t len)
{
	to[0] = (char)(0x80 | op);
	if (len < 126) {
		to[1] = (char)(mask_bit | len);
		return 2;
	}
	to[1] = (char)(mask_bit | 126);
	to[2] = (char)(len >> 8);
	to[3] = (char)len;
	return 4;
}

/* Most are small; some do not fit into a buffer or two. */
static size_t
random_length(void)
{
	unsigned chance = (unsigned)random() % 100;
	size_t most = chance < 80 ? 126 : chance < 95 ? 5000 : MESSAGE_MAX;

	return (size_t)random() % most;
}

/* Of the socket's own letters, so that another's are noticed. */
static void
send_frame(struct socket *s, unsigned op, unsigned op_back, const char *text,
    size_t len)
{
	unsigned number = (unsigned)(s - l.sockets);
	size_t head = put_frame_head(s->out, op, 0x80, len);
	size_t back = put_frame_head(s->expected, op_back, 0, len);
	const char *mask = s->out + head;

	for (unsigned i = 0; i < 4; i++)
		s->out[head++] = (char)random();
	for (size_t i = 0; i < len; i++) {
		char c = text != NULL ? text[i] :
		    (char)('!' + (number * 7 + s->served + i) % 90);

		s->expected[back++] = c;
		s->out[head++] = (char)(c ^ mask[i % 4]);
	}
	s->out_len = head;
	s->expected_len = back;
	s->out_sent = s->expected_got = 0;
	s->begun_us = now_us();
	s->due_us = l.now_us + o.timeout_ms * 1000ull;
	result.messages++;
}

static void
send_rest(struct socket *s)
{
	ssize_t n = send(s->fd, s->out + s->out_sent, s->out_len - s->out_sent,
	    MSG_NOSIGNAL);

	if (n >= 0)
		s->out_sent += (size_t)n;
	else if (errno != EAGAIN)
		lose_by_close(s);
}

static void
say(struct socket *s)
{
	bool is_ping = random() % 4 == 0;

	s->state = WAITING;
	s->is_last = l.is_ending;
	if (is_ping)
		send_frame(s, 9, 10, NULL, (size_t)random() % 126);
	else
		send_frame(s, 1, 1, NULL, random_length());
	send_rest(s);
}

static void
say_goodbye(struct socket *s)
{
	s->state = CLOSING;
	send_frame(s, 8, 8, "\x03\xe8", 2);
	send_rest(s);
}

static void
rest_a_while(struct socket *s)
{
	uint64_t range = (o.pause_max_ms - o.pause_min_ms) * 1000ull;

	s->state = QUIET;
	s->begun_us = l.now_us;
	s->due_us = l.now_us + o.pause_min_ms * 1000ull +
	    (uint64_t)random() % (range + 1);
	s->head_len = s->expected_got = 0;
}

static void
count_echo(struct socket *s)
{
	uint64_t us = now_us() - s->begun_us;

	s->served++;
	result.ok++;
	if (us > result.max_us)
		result.max_us = us;
	if (s->state == CLOSING) {
		result.alive++;
		s->state = CLOSED;	/* when the server closes, too */
	} else if (s->is_last)
		say_goodbye(s);
	else
		rest_a_while(s);
}

/* ---- opening */

static void
open_socket(struct socket *s)
{
	int on = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		err(1, "socket");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->state = CONNECTING;
	s->begun_us = l.now_us;
	s->due_us = l.now_us + o.timeout_ms * 1000ull;
	s->out_len = (size_t)snprintf(s->out, FRAME_ROOM, "GET %s HTTP/1.1\r\n"
	    "Host: bench.example\r\nUser-Agent: tunnels\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", o.path);
	if (connect(s->fd, (struct sockaddr *)&o.to, sizeof(o.to)) < 0 &&
	    errno != EINPROGRESS)
		lose(s, "connect_failed");
}

static void
on_connected(struct socket *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		lose(s, "connect_failed");
		return;
	}
	s->state = HEAD;
	send_rest(s);
}

/* Bytes of the head of the answer. */
static void
take_head(struct socket *s, const char *data, size_t len)
{
	char *end;

	if (len > HEAD_MAX - 1 - s->head_len) {
		lose(s, "malformed");
		return;
	}
	memcpy(s->head + s->head_len, data, len);
	s->head_len += len;
	s->head[s->head_len] = '\0';
	end = strstr(s->head, "\r\n\r\n");
	if (end == NULL)
		return;
	if (sscanf(s->head, "HTTP/1.1 %3u ", &s->status) != 1)
		lose(s, "malformed");
	else if (s->status != 101)
		lose(s, "bad_status");
	else if (end + 4 != s->head + s->head_len ||
	    strstr(s->head, " s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") == NULL)
		lose(s, "malformed");
	else {
		result.opened++;
		rest_a_while(s);
	}
}

/* ---- receiving */

static void
take(struct socket *s, const char *data, size_t len)
{
	if (s->state == HEAD) {
		take_head(s, data, len);
	} else if (len > s->expected_len - s->expected_got ||
	    (s->state != WAITING && s->state != CLOSING) ||
	    memcmp(data, s->expected + s->expected_got, len) != 0) {
		lose(s, "malformed");
	} else {
		s->expected_got += len;
		if (s->expected_got == s->expected_len)
			count_echo(s);
	}
}

static void
receive(struct socket *s)
{
	static char buffer[FRAME_ROOM];
	ssize_t n = recv(s->fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		take(s, buffer, (size_t)n);
	} else if (s->state == CLOSED) {
		close(s->fd);
		s->fd = -1;
	} else
		lose_by_close(s);
}

static void
on_event(struct socket *s, int events)
{
	if (s->state == CONNECTING)
		on_connected(s);
	else if (s->out_sent < s->out_len && (events & POLLOUT))
		send_rest(s);
	if (s->fd >= 0 && (events & ~POLLOUT))
		receive(s);
}

/* ---- the clock */

static void
on_due(struct socket *s)
{
	switch (s->state) {
	case PLANNED:
		if (l.is_ending)
			s->state = CLOSED;	/* there was no time for it */
		else
			open_socket(s);
		break;
	case QUIET:
		say(s);
		break;
	case CLOSED:
		if (s->fd >= 0)		/* it does not close */
			lose(s, "timed_out");
		break;
	case LOST:
		break;
	default:
		lose(s, s->state == CONNECTING ? "connect_failed" :
		    "timed_out");
	}
}

static bool
is_over(const struct socket *s)
{
	return s->state == LOST || (s->state == CLOSED && s->fd < 0);
}

/* True: some are not over. Until when, at most. */
static bool
look_at_clocks(uint64_t *until_us)
{
	bool is_busy = false;

	*until_us = l.is_ending ? UINT64_MAX : l.end_us;
	for (unsigned i = 0; i < o.n; i++) {
		struct socket *s = &l.sockets[i];

		if (s->due_us <= l.now_us && !is_over(s))
			on_due(s);
		if (is_over(s))
			continue;
		is_busy = true;
		if (s->due_us < *until_us)
			*until_us = s->due_us;
	}
	return is_busy;
}

/* The last message now, or behind the one that is under way. */
static void
begin_end(void)
{
	l.is_ending = true;
	for (unsigned i = 0; i < o.n; i++)
		if (l.sockets[i].state == QUIET ||
		    l.sockets[i].state == PLANNED)
			l.sockets[i].due_us = l.now_us;
}

static void
wait_for_events(uint64_t until_us)
{
	static struct pollfd polled[SOCKETS_MAX];
	uint64_t wait_us = until_us > l.now_us ? until_us - l.now_us : 0;

	for (unsigned i = 0; i < o.n; i++) {
		const struct socket *s = &l.sockets[i];
		bool is_sending = s->state == CONNECTING ||
		    s->out_sent < s->out_len;

		polled[i].fd = s->fd;
		polled[i].events = (short)(POLLIN |
		    (is_sending ? POLLOUT : 0));
		polled[i].revents = 0;
	}
	if (poll(polled, o.n, wait_us > 50000 ? 50 :
	    (int)((wait_us + 999) / 1000)) < 0)
		return;
	l.now_us = now_us();
	for (unsigned i = 0; i < o.n; i++)
		if (polled[i].revents != 0)
			on_event(&l.sockets[i], polled[i].revents);
}

static void
run(void)
{
	uint64_t until_us;

	while (look_at_clocks(&until_us)) {
		wait_for_events(until_us);
		l.now_us = now_us();
		if (!l.is_ending && (wants_end || l.now_us >= l.end_us))
			begin_end();
		/* Whoever was busy then is idle now, and does not wait. */
		for (unsigned i = 0; l.is_ending && i < o.n; i++)
			if (l.sockets[i].state == QUIET)
				l.sockets[i].due_us = l.now_us;
	}
}

/* ---- main */

static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
set_target(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		usage();
	*colon = '\0';
	o.to.sin_family = AF_INET;
	o.to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, text, &o.to.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", text);
}

static const struct option long_options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "every", required_argument, NULL, 'e' },
	{ "seconds", required_argument, NULL, 'd' },
	{ "think", required_argument, NULL, 't' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "failures", required_argument, NULL, 'f' },
	{ "seed", required_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

static void
set_option(int option)
{
	switch (option) {
	case 'c': o.n = (unsigned)atoi(optarg); break;
	case 'e': o.every_ms = (unsigned)atoi(optarg); break;
	case 'd': o.seconds = (unsigned)atoi(optarg); break;
	case 't':
		if (sscanf(optarg, "%u-%u", &o.pause_min_ms,
		    &o.pause_max_ms) != 2 || o.pause_min_ms > o.pause_max_ms)
			usage();
		break;
	case 'T': o.timeout_ms = (unsigned)atoi(optarg); break;
	case 'f': o.failures = fopen(optarg, "w"); break;
	case 's': srandom((unsigned)atoi(optarg)); break;
	default: usage();
	}
	if (option == 'f' && o.failures == NULL)
		err(1, "%s", optarg);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:e:d:t:T:f:s:",
	    long_options, NULL)) != -1)
		set_option(option);
	if (optind >= argc || optind + 2 < argc || o.n == 0 ||
	    o.n > SOCKETS_MAX)
		usage();
	set_target(argv[optind]);
	if (optind + 1 < argc)
		o.path = argv[optind + 1];
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

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	l.now_us = now_us();
	l.end_us = l.now_us + o.seconds * 1000000ull;
	l.sockets = xcalloc(o.n, sizeof(*l.sockets));
	for (unsigned i = 0; i < o.n; i++) {
		struct socket *s = &l.sockets[i];

		s->fd = -1;
		s->due_us = l.now_us + 1000ull * o.every_ms * i;
		s->out = xcalloc(1, FRAME_ROOM);
		s->expected = xcalloc(1, FRAME_ROOM);
	}
}

int
main(int argc, char **argv)
{
	read_options(argc, argv);
	set_up();
	run();
	printf("{\"sockets\":%u,\"opened\":%llu,\"alive\":%llu,\"lost\":%llu,"
	    "\"messages\":%llu,\"ok\":%llu,\"max_ms\":%.3f}\n", o.n,
	    (unsigned long long)result.opened,
	    (unsigned long long)result.alive, (unsigned long long)result.lost,
	    (unsigned long long)result.messages, (unsigned long long)result.ok,
	    (double)result.max_us / 1000);
	if (o.failures != NULL)
		fclose(o.failures);
	return result.opened == o.n && result.alive == o.n ? 0 : 1;
}
