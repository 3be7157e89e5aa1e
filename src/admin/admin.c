/* src/admin/admin.c -- the admin interface: requests and their answers */
#include "admin/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "admin/json.h"
#include "admin/report.h"
#include "conf/conf.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http/reply.h"
#include "http1/server.h"

/* One request: its answer is made whole, then sent as the client takes it. */
struct admin_exchange {
	struct http_sink sink;
	struct http_stream *stream;
	struct json body;
	struct span rest;	/* of the body, still to be sent */
	bool is_request_done, is_answered;
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

static struct http_sink *
on_open(struct http_service *service UNUSED, struct http_stream *s,
    const struct http_peer *peer UNUSED)
{
	struct admin_exchange *x = xnew(struct admin_exchange);

	x->sink.events = &events;
	x->stream = s;
	json_init(&x->body);
	return &x->sink;
}

static void
finish(struct admin_exchange *x)
{
	x->stream->ops->release(x->stream);
	json_free(&x->body);
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
	bool is_ready = report_is_ready(admin.conf);

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
page_find(struct span target)
{
	const char *query = target.len == 0 ? NULL :
	    memchr(target.ptr, '?', target.len);

	if (query != NULL)
		target.len = (size_t)(query - target.ptr);
	for (size_t i = 0; i < COUNT_OF(pages); i++)
		if (span_equal(target, span_str(pages[i].path)))
			return &pages[i];
	return NULL;
}

static unsigned
make_error(struct json *j, unsigned status, const char *text)
{
	json_open(j, NULL, '{');
	json_string(j, "error", text);
	json_close(j, '}');
	return status;
}

static unsigned
make_answer(struct admin_exchange *x, const struct http_head *h,
    struct span *text)
{
	const struct page *page = page_find(h->target);

	if (page == NULL)
		return make_error(&x->body, 404, "no such page");
	if (h->method != METHOD_GET && h->method != METHOD_HEAD)
		return make_error(&x->body, 405, "only GET and HEAD");
	return page->make(&x->body, text);
}

static void
on_head(struct http_stream *s, struct http_head *h, bool end)
{
	static const struct http_extra extras[] = {
		{ { "Cache-Control", 13 }, { "no-store", 8 } },
		{ { "Allow", 5 }, { "GET, HEAD", 9 } },
	};
	struct admin_exchange *x = exchange_of(s);
	struct span text = { NULL, 0 };
	struct http_reply r = { .extras = extras };

	r.status = make_answer(x, h, &text);
	r.n_extras = r.status == 405 ? 2 : 1;
	r.body = text.len > 0 ? text : span_of(x->body.text, x->body.len);
	r.content_type = text.len > 0 ? SPAN("text/plain; charset=utf-8") :
	    SPAN("application/json");
	x->is_request_done = end;
	if (reply_send(s, &r, h->method == METHOD_HEAD, &x->rest) == SEND_OK)
		finish(x);
}

/* A body that nobody asked for is read and forgotten. */
static size_t
on_body(struct http_stream *s UNUSED, struct span data, bool end UNUSED)
{
	return data.len;
}

static void
on_trailers(struct http_stream *s UNUSED, struct http_head *t UNUSED)
{
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
