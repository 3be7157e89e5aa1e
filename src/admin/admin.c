/* src/admin/admin.c -- the admin interface: requests and their answers */
#include "admin/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "admin/json.h"
#include "admin/operate.h"
#include "admin/report.h"
#include "conf/conf.h"
#include "conf/value.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http/reply.h"
#include "http/uri.h"
#include "http1/server.h"

/*
 * One request: its answer is made whole, then sent as the client takes it. A
 * request that changes something is read whole before; it may then wait until
 * the backend has nothing in progress.
 */
struct admin_exchange {
	struct http_sink sink;
	struct http_stream *stream;
	struct json body;
	struct span rest;	/* of the body, still to be sent */
	bool is_head;
	bool is_local;		/* from the Unix socket: it may change things */
	bool collects;		/* its content is for operate() */
	struct operand operand;
	char *content;		/* OPERATE_BODY_MAX; NULL: none yet */
	size_t content_len;
	uint64_t wait_ms;	/* asked for; 0: no waiting */
	uint64_t until_ms;
	unsigned n_idle;	/* looks in a row that found nothing */
	struct timer wait;
};

static struct {
	struct io io[ADMIN_SOCKETS];
	struct http_service service;
	struct h1_server_settings settings;
	const struct conf *conf;
	bool is_started[ADMIN_SOCKETS];
} admin;

static const struct http_stream_events events;

static struct admin_exchange *
exchange_of(struct http_stream *s)
{
	return container_of(s->sink, struct admin_exchange, sink);
}

static void on_wait(struct timer *t);

static struct http_sink *
on_open(struct http_service *service UNUSED, struct http_stream *s,
    const struct http_peer *peer)
{
	struct admin_exchange *x = xnew(struct admin_exchange);

	x->sink.events = &events;
	x->stream = s;
	x->is_local = peer->client->sa.sa_family == AF_UNIX;
	json_init(&x->body);
	timer_init(&x->wait, on_wait);
	return &x->sink;
}

static void
finish(struct admin_exchange *x)
{
	x->stream->ops->release(x->stream);
	loop_timer_fini(&x->wait);
	json_free(&x->body);
	free(x->content);
	free(x);
}

/* ---- the pages */

static unsigned
page_healthz(struct json *j UNUSED, struct span *text)
{
	*text = SPAN("ok\n");
	return 200;
}

static unsigned
page_readyz(struct json *j UNUSED, struct span *text)
{
	bool is_ready = report_is_ready();

	*text = is_ready ? SPAN("ok\n") : SPAN("not ready\n");
	return is_ready ? 200 : 503;
}

static unsigned
page_status(struct json *j, struct span *text UNUSED)
{
	report_status(j, admin.conf);
	return 200;
}

static unsigned
page_upstreams(struct json *j, struct span *text UNUSED)
{
	report_upstreams(j, admin.conf);
	return 200;
}

static const struct page {
	const char *path;
	unsigned (*make)(struct json *j, struct span *text);
} pages[] = {
	{ "/healthz", page_healthz },
	{ "/readyz", page_readyz },
	{ "/v1/status", page_status },
	{ "/v1/upstreams", page_upstreams },
};

static const struct page *
page_find(struct span path)
{
	for (size_t i = 0; i < COUNT_OF(pages); i++)
		if (span_equal(path, span_str(pages[i].path)))
			return &pages[i];
	return NULL;
}

/* ---- answers */

static unsigned
make_error(struct json *j, unsigned status, const char *text)
{
	json_open(j, NULL, '{');
	json_put_string(j, "error", text);
	json_close(j, '}');
	return status;
}

/* `text` is what it says if that is no JSON. */
static void
send_answer(struct admin_exchange *x, unsigned status, struct span text)
{
	const struct http_extra extras[] = {
		{ SPAN("Cache-Control"), SPAN("no-store") },
		{ SPAN("Allow"), x->operand.name != NULL ?
		    SPAN("GET, HEAD, POST") : SPAN("GET, HEAD") },
	};
	struct http_reply r = {
		.status = status, .extras = extras,
		.n_extras = status == 405 ? 2 : 1,
		.body = text.len > 0 ? text :
		    span_of(x->body.text, x->body.len),
		.content_type = text.len > 0 ?
		    SPAN("text/plain; charset=utf-8") :
		    SPAN("application/json"),
	};

	x->collects = false;
	if (reply_send(x->stream, &r, x->is_head, &x->rest) == SEND_OK)
		finish(x);
}

static void
send_error(struct admin_exchange *x, unsigned status, const char *text)
{
	send_answer(x, make_error(&x->body, status, text), SPAN(""));
}

static void
answer_page(struct admin_exchange *x, enum method method, struct span path)
{
	const struct page *page = page_find(path);
	struct span text = { NULL, 0 };
	unsigned status;

	if (page == NULL) {
		send_error(x, 404, "no such page");
	} else if (method != METHOD_GET && method != METHOD_HEAD) {
		send_error(x, 405, "only GET and HEAD");
	} else {
		status = page->make(&x->body, &text);
		send_answer(x, status, text);
	}
}

/* ---- changes at run time */

#define WAIT_STEP_MS	20	/* between two looks */
#define WAIT_LOOKS	5	/* in a row that find nothing in progress */
#define WAIT_MOST_MS	(24u * 3600 * 1000)

static void
answer_operand(struct admin_exchange *x)
{
	operand_report(&x->operand, &x->body);
	send_answer(x, 200, SPAN(""));
}

/*
 * A worker may have chosen the backend a moment before it heard of it: so
 * nothing in progress is believed when it stays so for 100 ms.
 */
static void
on_wait(struct timer *t)
{
	struct admin_exchange *x = container_of(t, struct admin_exchange,
	    wait);
	uint64_t n = operand_in_flight(&x->operand);
	char text[80];

	x->n_idle = n == 0 ? x->n_idle + 1 : 0;
	if (x->n_idle >= WAIT_LOOKS) {
		answer_operand(x);
	} else if (clock_now_ms >= x->until_ms) {
		(void)snprintf(text, sizeof(text), "the time is over, and "
		    "%llu requests are in progress", (unsigned long long)n);
		send_error(x, 504, text);
	} else {
		loop_timer_set(t, clock_now_ms + WAIT_STEP_MS);
	}
}

static void
begin_wait(struct admin_exchange *x)
{
	x->until_ms = clock_now_ms + x->wait_ms;
	x->n_idle = 0;
	loop_timer_set(&x->wait, clock_now_ms + WAIT_STEP_MS);
}

/* All of its content is there. A POST without any only waits. */
static void
carry_out(struct admin_exchange *x)
{
	char why[OPERATE_WHY_MAX];

	x->collects = false;
	if ((x->content_len > 0 || x->wait_ms == 0) && !operate(&x->operand,
	    span_of(x->content, x->content_len), why))
		send_error(x, 400, why);
	else if (x->wait_ms > 0)
		begin_wait(x);
	else
		answer_operand(x);
}

/* "wait=30s"; a message if it is wrong. */
static bool
take_wait(struct admin_exchange *x, struct span query, char *why,
    size_t why_size)
{
	struct span value;
	bool is_good;

	if (!uri_query_find(query, SPAN("wait"), &value))
		return true;
	is_good = value_parse(&value_duration, value, NULL, &x->wait_ms, why,
	    why_size);
	if (x->wait_ms > WAIT_MOST_MS)
		x->wait_ms = WAIT_MOST_MS;
	return is_good;
}

static void
begin_change(struct admin_exchange *x, const struct http_head *h, bool end)
{
	char why[OPERATE_WHY_MAX];

	if (!x->is_local) {
		send_error(x, 403, "changes are made by the admin socket only");
	} else if (!take_wait(x, uri_query(h->target), why, sizeof(why))) {
		send_error(x, 400, why);
	} else if (end) {
		carry_out(x);
	} else {
		x->content = xmalloc(OPERATE_BODY_MAX);
		x->collects = true;
	}
}

static void
on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct admin_exchange *x = exchange_of(s);
	struct span path = span_of(h->target.ptr, h->target.len -
	    uri_query(h->target).len);
	const char *why;

	if (path.len > 0 && path.ptr[path.len - 1] == '?')
		path.len--;
	x->is_head = h->method == METHOD_HEAD;
	if (!operand_find(&x->operand, admin.conf, path, &why)) {
		x->operand.name = NULL;
		if (why != NULL)
			send_error(x, 404, why);
		else
			answer_page(x, h->method, path);
	} else if (h->method == METHOD_POST) {
		begin_change(x, h, end);
	} else if (h->method == METHOD_GET || x->is_head) {
		answer_operand(x);
	} else {
		send_error(x, 405, "only GET, HEAD and POST");
	}
}

/* A body that nobody asked for is read and forgotten. */
static size_t
on_body(struct http_stream *s, struct span data, bool end)
{
	struct admin_exchange *x = exchange_of(s);

	if (!x->collects)
		return data.len;
	if (data.len > OPERATE_BODY_MAX - x->content_len) {
		send_error(x, 413, "the content is too large");
		return data.len;
	}
	if (data.len > 0)
		memcpy(x->content + x->content_len, data.ptr, data.len);
	x->content_len += data.len;
	if (end)
		carry_out(x);
	return data.len;
}

static void
on_trailers(struct http_stream *s, struct http_head *t UNUSED)
{
	struct admin_exchange *x = exchange_of(s);

	if (x->collects)
		carry_out(x);
}

static void
on_writable(struct http_stream *s)
{
	struct admin_exchange *x = exchange_of(s);
	size_t taken = 0;
	enum send_result result = s->ops->send_body(s, x->rest, true, &taken);

	x->rest = span_skip(x->rest, taken);
	if (result == SEND_OK)
		finish(x);
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

/* ---- the sockets */

static void
on_connection(struct io *io, uint32_t bits UNUSED)
{
	struct address peer = { .len = sizeof(peer.un) };
	int fd;

	fd = accept4(io->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		h1_server_accept(fd, &peer, &admin.settings);
	else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		log_write_errno(LOG_WARN, NULL, "admin socket: accept");
}

static void
listen_on(size_t i, int fd)
{
	if (fd < 0)
		return;
	io_init(&admin.io[i], fd, on_connection);
	if (io_register(&admin.io[i], LOOP_LISTEN) < 0)
		log_write_errno(LOG_ERROR, NULL, "admin socket");
	else
		admin.is_started[i] = true;
}

void
admin_start(const int fds[ADMIN_SOCKETS], const struct conf *conf)
{
	admin.conf = conf;
	admin.service.open = on_open;
	admin.settings = (struct h1_server_settings){
		.service = &admin.service, .head_bytes = 16384,
		.field_count = 64, .head_timeout_ms = 15000,
		.body_timeout_ms = 15000, .keep_alive_ms = 75000,
		.send_timeout_ms = 15000,
	};
	h1_server_module_init();
	for (size_t i = 0; i < ADMIN_SOCKETS; i++)
		listen_on(i, fds[i]);
}

void
admin_stop(void)
{
	for (size_t i = 0; i < ADMIN_SOCKETS; i++) {
		if (admin.is_started[i])
			io_remove(&admin.io[i]);
		admin.is_started[i] = false;
	}
}
