/* contrib/test-backend/test_backend.c -- a server that shows what it got */
/*
 * test-backend [-a ADDRESS] PORT [NAME]
 *
 * /headers	the request head as it came, as the body
 * /echo	the request's body back, while it comes
 * /status/N	status N
 * /delay/MS	the greeting, MS milliseconds late
 * /bytes/N	N bytes
 * others	"Hello from NAME on port PORT"
 *
 * Each answer has X-Backend: NAME. On TERM a line of JSON says how many
 * requests came. Built on fairlead's own modules.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "event/loop.h"
#include "http/reply.h"
#include "http1/parse.h"
#include "http1/server.h"

#define BLOCK 65536

struct exchange {
	struct http_sink sink;
	struct http_stream *stream;
	struct timer delay;
	char *text;			/* a body of our own, or NULL */
	struct span rest;		/* of it, still to be sent */
	uint64_t fill;			/* bytes of /bytes still to be sent */
	bool is_echo, is_request_done, is_head;
};

static struct {
	const char *name;
	unsigned port;
	uint64_t requests;
	struct io io;
	struct http_service service;
	struct h1_server_settings settings;
	char block[BLOCK];
} me;

static const struct http_stream_events events;

static struct exchange *
exchange_of(struct http_stream *s)
{
	return container_of(s->sink, struct exchange, sink);
}

static void
finish(struct exchange *x)
{
	x->stream->ops->release(x->stream);
	loop_timer_fini(&x->delay);
	free(x->text);
	free(x);
}

/* ---- answers */

static void
reply(struct exchange *x, unsigned status, struct span body)
{
	struct http_extra name = { SPAN("X-Backend"), span_str(me.name) };
	struct http_reply r = { .status = status, .body = body,
		.content_type = SPAN("text/plain"), .extras = &name,
		.n_extras = 1 };

	if (reply_send(x->stream, &r, x->is_head, &x->rest) == SEND_OK)
		finish(x);
}

static void
greet(struct exchange *x, unsigned status)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "Hello from %s on port %u\n",
	    me.name, me.port);

	x->text = xmalloc((size_t)len);
	memcpy(x->text, text, (size_t)len);
	reply(x, status, span_of(x->text, (size_t)len));
}

static void
on_delay(struct timer *t)
{
	greet(container_of(t, struct exchange, delay), 200);
}

static void
show_head(struct exchange *x, const struct http_head *h)
{
	x->text = xmalloc(h->size);
	memcpy(x->text, h->base, h->size);
	reply(x, 200, span_of(x->text, h->size));
}

/* A head whose body is made or comes later. */
static void
begin_body(struct exchange *x, uint64_t len)
{
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct http_head h = { .status = 200, .framing = FRAMING_LENGTH,
		.body_len = len, .extras = extras, .version = HTTP_1_1 };

	head_add(&h, SPAN("Server"), SPAN("test-backend"));
	head_add(&h, SPAN("Date"), span_of(clock_http_date(), CLOCK_HTTP_LEN));
	head_add(&h, SPAN("X-Backend"), span_str(me.name));
	(void)x->stream->ops->send_head(x->stream, &h,
	    len == 0 || x->is_head);
}

static void
go_on_filling(struct exchange *x)
{
	size_t n, taken;

	while (x->fill > 0) {
		n = x->fill < BLOCK ? (size_t)x->fill : BLOCK;
		taken = 0;
		if (x->stream->ops->send_body(x->stream, span_of(me.block, n),
		    n == x->fill, &taken) != SEND_OK) {
			x->fill -= taken;
			return;
		}
		x->fill -= n;
	}
	finish(x);
}

/* ---- requests */

static uint64_t
number_in(struct span path, size_t prefix)
{
	uint64_t n = 0;

	for (size_t i = prefix; i < path.len && isdigit(path.ptr[i]); i++)
		n = n * 10 + (uint64_t)(path.ptr[i] - '0');
	return n;
}

static bool
begins(struct span path, const char *prefix)
{
	return path.len >= strlen(prefix) &&
	    memcmp(path.ptr, prefix, strlen(prefix)) == 0;
}

static void
dispatch(struct exchange *x, const struct http_head *h)
{
	struct span path = h->target;

	if (begins(path, "/headers")) {
		show_head(x, h);
	} else if (begins(path, "/status/")) {
		greet(x, (unsigned)number_in(path, 8) % 1000);
	} else if (begins(path, "/delay/")) {
		loop_timer_set(&x->delay, clock_now_ms + number_in(path, 7));
	} else if (begins(path, "/bytes/")) {
		x->fill = number_in(path, 7);
		begin_body(x, x->fill);
		if (x->is_head)
			x->fill = 0;
		go_on_filling(x);
	} else if (begins(path, "/echo")) {
		x->is_echo = true;
		begin_body(x, h->framing == FRAMING_LENGTH ? h->body_len : 0);
		if (x->is_request_done)
			finish(x);
	} else {
		greet(x, 200);
	}
}

static struct http_sink *
on_open(struct http_service *service UNUSED, struct http_stream *s,
    const struct http_peer *peer UNUSED)
{
	struct exchange *x = xnew(struct exchange);

	x->sink.events = &events;
	x->stream = s;
	timer_init(&x->delay, on_delay);
	me.requests++;
	return &x->sink;
}

static void
on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct exchange *x = exchange_of(s);

	x->is_request_done = end;
	x->is_head = h->method == METHOD_HEAD;
	if (h->status == 0)
		dispatch(x, h);
}

static size_t
on_body(struct http_stream *s, struct span data, bool end)
{
	struct exchange *x = exchange_of(s);
	size_t taken = 0;

	if (!x->is_echo)
		return data.len;
	if (s->ops->send_body(s, data, end, &taken) == SEND_OK && end)
		finish(x);
	return taken;
}

static void
on_writable(struct http_stream *s)
{
	struct exchange *x = exchange_of(s);
	size_t taken = 0;

	if (x->is_echo) {
		s->ops->resume(s);
	} else if (x->fill > 0) {
		go_on_filling(x);
	} else {
		if (s->ops->send_body(s, x->rest, true, &taken) == SEND_OK)
			finish(x);
		else
			x->rest = span_skip(x->rest, taken);
	}
}

static void
on_reset(struct http_stream *s, enum reason why UNUSED, enum sent sent UNUSED)
{
	finish(exchange_of(s));
}

static void
on_info(struct http_stream *s UNUSED, struct http_head *h UNUSED)
{
}

static const struct http_stream_events events = {
	.on_info = on_info,
	.on_head = on_head,
	.on_body = on_body,
	.on_writable = on_writable,
	.on_reset = on_reset,
};

/* ---- main */

static void
on_connection(struct io *io, uint32_t bits UNUSED)
{
	struct address peer = { 0 };
	int fd;

	for (;;) {
		peer.len = sizeof(peer.un);
		fd = accept4(io->fd, &peer.sa, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		h1_server_accept(fd, &peer, &me.settings);
	}
}

static void
on_signal(int signo UNUSED)
{
	loop_stop();
}

static void
listen_on(const char *host)
{
	struct address a;
	int on = 1, fd;

	if (!address_parse_host(&a, span_str(host), (uint16_t)me.port))
		errx(2, "%s is no address", host);
	fd = socket(a.sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, &a.sa, a.len) < 0 || listen(fd, 1024) < 0)
		err(1, "%s port %u", host, me.port);
	io_init(&me.io, fd, on_connection);
	if (io_register(&me.io, LOOP_LISTEN) < 0)
		err(1, "epoll");
}

static const char *
options(int argc, char **argv)
{
	const char *host = "127.0.0.1";
	int c;

	while ((c = getopt(argc, argv, "a:")) != -1) {
		if (c != 'a')
			exit(2);
		host = optarg;
	}
	if (optind >= argc || optind + 2 < argc)
		errx(2, "usage: test-backend [-a ADDRESS] PORT [NAME]");
	me.port = (unsigned)atoi(argv[optind]);
	me.name = optind + 1 < argc ? argv[optind + 1] : argv[optind];
	return host;
}

int
main(int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT, 0 };
	const char *host = options(argc, argv);

	if (loop_init() < 0 || loop_signals(signals, on_signal) < 0)
		err(1, "event loop");
	random_seed();
	(void)parse_init();
	memset(me.block, 'x', sizeof(me.block));
	me.service.open = on_open;
	me.settings = (struct h1_server_settings){
		.service = &me.service, .head_bytes = 65536,
		.field_count = HEAD_FIELDS_MAX, .head_timeout_ms = 60000,
		.body_timeout_ms = 60000, .keep_alive_ms = 300000,
		.send_timeout_ms = 60000, .port = (uint16_t)me.port,
	};
	h1_server_module_init();
	listen_on(host);
	loop_run();
	h1_server_close_all();
	printf("{\"name\":\"%s\",\"port\":%u,\"requests\":%llu}\n", me.name,
	    me.port, (unsigned long long)me.requests);
	loop_fini();
	return 0;
}
