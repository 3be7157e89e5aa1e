/* contrib/test-backend/test_backend.c -- a server that shows what it got */
/*
 * test-backend [-a ADDRESS] PORT [NAME]
 *
 * /headers	the request head as it came, as the body
 * /echo	the request's body back; one of over 64 KiB while it comes
 * /status/N	status N
 * /delay/MS	the greeting, MS milliseconds late
 * /bytes/N	N bytes, the one at offset i being i mod 251
 * /chunked/N	the same in chunks
 * others	"Hello from NAME on port PORT"
 *
 * Each answer has X-Backend: NAME; but for a long echo it waits for the whole
 * request. PORT 0 is any free port, said on stderr. On TERM a line of JSON says
 * how many requests came, and how many health checks of fairlead, which are
 * none of them. Built on fairlead's own modules.
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
#include "core/stash.h"
#include "event/loop.h"
#include "http/reply.h"
#include "http1/parse.h"
#include "http1/server.h"

#define BLOCK 65536
#define PERIOD 251		/* of the bytes: a lost block shows */

struct exchange {
	struct http_sink sink;
	struct http_stream *stream;
	struct timer delay;
	struct deferred answer_later;
	void (*answer)(struct exchange *x);
	uint64_t number;		/* behind the path's second slash */
	struct stash kept;		/* a short body to be echoed */
	char *text;			/* a body of our own, or NULL */
	size_t text_len;
	struct span rest;		/* of a body, still to be sent */
	uint64_t fill, filled;		/* bytes of /bytes to send, and sent */
	bool is_streaming;		/* an echo while the request comes */
	bool is_head;
};

static struct {
	const char *name;
	unsigned port;
	uint64_t requests, checks;
	struct io io;
	struct http_service service;
	struct h1_server_settings settings;
	char block[BLOCK + PERIOD];
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
	loop_undefer(&x->answer_later);
	stash_clear(&x->kept);
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
greet_with(struct exchange *x, unsigned status)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "Hello from %s on port %u\n",
	    me.name, me.port);

	x->text = xmalloc((size_t)len);
	memcpy(x->text, text, (size_t)len);
	reply(x, status, span_of(x->text, (size_t)len));
}

static void
answer_greeting(struct exchange *x)
{
	greet_with(x, 200);
}

static void
on_delay(struct timer *t)
{
	greet_with(container_of(t, struct exchange, delay), 200);
}

static void
answer_delayed(struct exchange *x)
{
	loop_timer_set(&x->delay, clock_now_ms + x->number);
}

static void
answer_headers(struct exchange *x)
{
	reply(x, 200, span_of(x->text, x->text_len));
}

/* A head whose body is made or comes later. */
static void
begin_body(struct exchange *x, unsigned status, enum framing framing,
    uint64_t len)
{
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct http_head h = { .status = (uint16_t)status, .body_len = len,
		.framing = (uint8_t)framing,
		.extras = extras, .version = HTTP_1_1, .is_keep_alive = true };

	head_add(&h, SPAN("Server"), SPAN("test-backend"));
	head_add(&h, SPAN("Date"), span_of(clock_http_date(), CLOCK_HTTP_LEN));
	head_add(&h, SPAN("X-Backend"), span_str(me.name));
	(void)x->stream->ops->send_head(x->stream, &h, x->is_head ||
	    head_has_no_body(&h));
}

/* A final status, so that nobody waits for another. */
static void
answer_status(struct exchange *x)
{
	unsigned status = x->number < 200 || x->number > 599 ? 200 :
	    (unsigned)x->number;

	if (status == 204 || status == 304) {
		begin_body(x, status, FRAMING_NONE, 0);
		finish(x);
	} else {
		greet_with(x, status);
	}
}

static void
go_on_filling(struct exchange *x)
{
	size_t n, taken;

	while (x->fill > 0) {
		n = x->fill < BLOCK ? (size_t)x->fill : BLOCK;
		taken = 0;
		if (x->stream->ops->send_body(x->stream,
		    span_of(me.block + x->filled % PERIOD, n), n == x->fill,
		    &taken) != SEND_OK) {
			x->fill -= taken;
			x->filled += taken;
			return;
		}
		x->fill -= n;
		x->filled += n;
	}
	finish(x);
}

static void
answer_bytes(struct exchange *x)
{
	x->fill = x->is_head ? 0 : x->number;
	begin_body(x, 200, FRAMING_LENGTH, x->number);
	go_on_filling(x);
}

static void
answer_chunked(struct exchange *x)
{
	size_t taken;

	x->fill = x->is_head ? 0 : x->number;
	begin_body(x, 200, FRAMING_CHUNKED, 0);
	if (!x->is_head && x->number == 0)
		(void)x->stream->ops->send_body(x->stream, span_of(NULL, 0),
		    true, &taken);
	go_on_filling(x);
}

static void
answer_echo(struct exchange *x)
{
	reply(x, 200, stash_span(&x->kept));
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

static const struct page {
	const char *prefix;
	void (*answer)(struct exchange *x);
} pages[] = {
	{ "/headers", answer_headers },
	{ "/echo", answer_echo },
	{ "/status/", answer_status },
	{ "/delay/", answer_delayed },
	{ "/bytes/", answer_bytes },
	{ "/chunked/", answer_chunked },
	{ "", answer_greeting },
};

static void
plan(struct exchange *x, const struct http_head *h)
{
	const struct page *page = pages;

	while (!begins(h->target, page->prefix))
		page++;
	x->answer = page->answer;
	x->number = number_in(h->target, strlen(page->prefix));
	if (x->answer != answer_headers)
		return;
	x->text_len = h->size;
	x->text = xmalloc(h->size);
	memcpy(x->text, h->base, h->size);
}

static void
answer_later(struct deferred *d)
{
	struct exchange *x = container_of(d, struct exchange, answer_later);

	x->answer(x);
}

static struct http_sink *
on_open(struct http_service *service UNUSED, struct http_stream *s,
    const struct http_peer *peer UNUSED)
{
	struct exchange *x = xnew(struct exchange);

	x->sink.events = &events;
	x->stream = s;
	timer_init(&x->delay, on_delay);
	deferred_init(&x->answer_later, answer_later);
	return &x->sink;
}

static bool
is_check(const struct http_head *h)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (span_equal_nocase(field_name(h, &h->fields[i]),
		    SPAN("user-agent")))
			return span_equal(field_value(h, &h->fields[i]),
			    SPAN("fairlead-check"));
	return false;
}

static void
on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct exchange *x = exchange_of(s);

	if (is_check(h))
		me.checks++;
	else
		me.requests++;
	x->is_head = h->method == METHOD_HEAD;
	plan(x, h);
	x->is_streaming = x->answer == answer_echo && !x->is_head &&
	    (h->body_len > BLOCK || h->framing == FRAMING_CHUNKED);
	if (end)
		x->answer(x);
	else if (x->is_streaming)
		begin_body(x, 200, (enum framing)h->framing, h->body_len);
}

static size_t
on_body(struct http_stream *s, struct span data, bool end)
{
	struct exchange *x = exchange_of(s);
	size_t taken = 0;

	if (x->is_streaming) {
		if (s->ops->send_body(s, data, end, &taken) == SEND_OK && end)
			finish(x);
		return taken;
	}
	if (x->answer == answer_echo && !x->is_head)
		(void)stash_append(&x->kept, data, BLOCK);
	if (end)	/* not yet: the stream does not know that it has ended */
		loop_defer(&x->answer_later);
	return data.len;
}

static void
on_trailers(struct http_stream *s, struct http_head *t UNUSED)
{
	(void)on_body(s, span_of(NULL, 0), true);
}

static void
on_writable(struct http_stream *s)
{
	struct exchange *x = exchange_of(s);
	size_t taken = 0;

	if (x->is_streaming) {
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
	.on_trailers = on_trailers,
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
find_port(int fd)
{
	struct address a = { .len = sizeof(a.un) };

	if (getsockname(fd, &a.sa, &a.len) < 0)
		err(1, "getsockname");
	me.port = address_port(&a);
	fprintf(stderr, "test-backend: port %u\n", me.port);
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
	if (me.port == 0)
		find_port(fd);
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
	for (size_t i = 0; i < sizeof(me.block); i++)
		me.block[i] = (char)(i % PERIOD);
	me.service.open = on_open;
	me.settings = (struct h1_server_settings){
		.service = &me.service, .head_bytes = 65536,
		.field_count = HEAD_FIELDS_MAX, .head_timeout_ms = 60000,
		.body_timeout_ms = 60000, .keep_alive_ms = 300000,
		.send_timeout_ms = 60000,
	};
	h1_server_module_init();
	listen_on(host);
	loop_run();
	h1_server_close_all();
	printf("{\"name\":\"%s\",\"port\":%u,\"requests\":%llu,"
	    "\"checks\":%llu}\n", me.name, me.port,
	    (unsigned long long)me.requests, (unsigned long long)me.checks);
	loop_fini();
	return 0;
}
