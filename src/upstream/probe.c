/* src/upstream/probe.c -- one health check over the network */
#include "upstream/probe.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "conf/conf.h"
#include "core/assert.h"
#include "core/clock.h"
#include "upstream/verdict.h"

#define USER_AGENT	"fairlead-check"

static void start_request(struct probe *p, bool is_fresh);

static struct probe *
probe_of(struct http_stream *s)
{
	return container_of(s->sink, struct probe, sink);
}

/* ---- the end */

static void
finish(struct probe *p, struct verdict *v)
{
	ASSERT(p->state == PROBE_RUNS);
	v->took_us = (uint32_t)((clock_read_ns() - p->started_ns) / 1000);
	p->state = p->stream != NULL ? PROBE_DRAINS : PROBE_RESTS;
	if (p->state == PROBE_RESTS)
		timer_stop(&p->timer);
	stash_clear(&p->body);
	p->on_verdict(p, v);
}

/* All of the response has come: its connection can be used again. */
static void
let_go(struct probe *p)
{
	struct http_stream *s = p->stream;

	p->stream = NULL;
	p->state = PROBE_RESTS;
	timer_stop(&p->timer);
	s->ops->release(s);
}

/* Cuts the connection under way; not from within one of its events. */
static void
cut(struct probe *p)
{
	struct http_stream *s = p->stream;

	if (p->conn.io.fd >= 0)
		p->conn.ops->close(&p->conn);
	if (s == NULL)
		return;
	p->stream = NULL;
	s->ops->reset(s, REASON_TIMEOUT);
}

static void
drop_idle(struct probe *p)
{
	if (p->idle == NULL)
		return;
	h1_client_close(p->idle);
	p->idle = NULL;
}

static void
on_timer(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);
	struct verdict v;

	cut(p);
	if (p->state == PROBE_DRAINS) {
		p->state = PROBE_RESTS;
		return;
	}
	verdict_of_timeout(&v, p->is_connected);
	finish(p, &v);
}

/* ---- the response */

static void
on_connect(struct http_stream *s)
{
	probe_of(s)->is_connected = true;
}

static void
on_info(struct http_stream *s UNUSED, struct http_head *h UNUSED)
{
}

static void
judge_body(struct probe *p)
{
	struct verdict v = { .result = CHECK_PASS };

	(void)snprintf(v.text, sizeof(v.text), "%u", p->status);
	verdict_of_body(&v, p->conf, stash_span(&p->body));
	finish(p, &v);
}

static void
end_response(struct probe *p)
{
	if (p->state == PROBE_RUNS)
		judge_body(p);
	let_go(p);
}

static void
on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct probe *p = probe_of(s);
	struct verdict v;

	verdict_of_head(&v, p->conf, h);
	p->status = h->status;
	if (v.result != CHECK_PASS || !check_wants_body(p->conf))
		finish(p, &v);
	if (end)
		end_response(p);
}

/* The part of `data` that belongs to what is looked at. */
static void
keep_body(struct probe *p, struct span data)
{
	size_t room = CHECK_BODY_MOST - stash_len(&p->body);

	if (data.len > room)
		data.len = room;
	(void)stash_append(&p->body, data, CHECK_BODY_MOST);
	if (stash_len(&p->body) == CHECK_BODY_MOST)
		judge_body(p);
}

/* A body without an end must not be read for ever. */
static size_t
on_body(struct http_stream *s, struct span data, bool end)
{
	struct probe *p = probe_of(s);

	p->n_seen += data.len;
	if (p->state == PROBE_RUNS)
		keep_body(p, data);
	if (end)
		end_response(p);
	else if (p->n_seen >= CHECK_BODY_MOST)
		loop_timer_set(&p->timer, clock_now_ms);
	return data.len;
}

static void
on_trailers(struct http_stream *s, struct http_head *t UNUSED)
{
	end_response(probe_of(s));
}

static void
on_writable(struct http_stream *s UNUSED)
{
}

static void
on_reset(struct http_stream *s, enum reason why, enum sent sent UNUSED)
{
	struct probe *p = probe_of(s);
	struct verdict v;

	verdict_of_reason(&v, why, errno);
	p->stream = NULL;
	s->ops->release(s);
	if (p->state == PROBE_DRAINS) {
		p->state = PROBE_RESTS;
		timer_stop(&p->timer);
	} else if (p->is_reused && v.result == CHECK_RESET)
		start_request(p, true);
	else
		finish(p, &v);
}

static const struct http_stream_events probe_events = {
	.on_connect = on_connect,
	.on_info = on_info,
	.on_head = on_head,
	.on_body = on_body,
	.on_trailers = on_trailers,
	.on_writable = on_writable,
	.on_reset = on_reset,
};

/* ---- the request */

static bool
on_idle(struct h1_client_owner *o, struct h1_client *c)
{
	struct probe *p = container_of(o, struct probe, owner);

	if (p->idle != NULL)
		return false;
	p->idle = c;
	return true;
}

static void
on_closed(struct h1_client_owner *o, struct h1_client *c, bool was_idle)
{
	struct probe *p = container_of(o, struct probe, owner);

	if (was_idle && p->idle == c)
		p->idle = NULL;
}

static const struct h1_client_owner_ops owner_ops = {
	.on_idle = on_idle,
	.on_closed = on_closed,
};

static bool
has_header(const struct check_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_headers; i++)
		if (strcasecmp(c->headers[i].name, name) == 0)
			return true;
	return false;
}

static void
add_fields(struct http_head *h, const struct probe *p)
{
	const struct check_conf *c = p->conf;

	head_add(h, SPAN("Host"), span_str(p->host));
	if (!has_header(c, "user-agent"))
		head_add(h, SPAN("User-Agent"), SPAN(USER_AGENT));
	for (size_t i = 0; i < c->n_headers; i++)
		head_add(h, span_str(c->headers[i].name),
		    span_str(c->headers[i].value));
}

static void
send_request(struct probe *p)
{
	static const enum method methods[] = {
		[CHECK_GET] = METHOD_GET, [CHECK_HEAD] = METHOD_HEAD,
		[CHECK_OPTIONS] = METHOD_OPTIONS,
	};
	static const char *const words[] = {
		[CHECK_GET] = "GET", [CHECK_HEAD] = "HEAD",
		[CHECK_OPTIONS] = "OPTIONS",
	};
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct http_head h = {
		.version = HTTP_1_1, .framing = FRAMING_NONE,
		.method = (uint8_t)methods[p->conf->method],
		.method_text = span_str(words[p->conf->method]),
		.target = span_str(p->conf->path),
		.is_keep_alive = true, .extras = extras,
	};

	add_fields(&h, p);
	p->sink.events = &probe_events;
	p->stream->sink = &p->sink;
	/* A failure comes as an event. */
	(void)p->stream->ops->send_head(p->stream, &h, true);
}

/* NULL with errno: none could be made. */
static struct h1_client *
take_client(struct probe *p, bool is_fresh)
{
	struct h1_client *c = p->idle;

	if (c != NULL && (is_fresh || !h1_client_is_quiet(c)))
		drop_idle(p);
	c = p->idle;
	p->idle = NULL;
	p->is_reused = p->is_connected = c != NULL;
	return c != NULL ? c : h1_client_connect(&p->owner, &p->to);
}

static void
start_request(struct probe *p, bool is_fresh)
{
	struct h1_client *c = take_client(p, is_fresh);
	struct verdict v;

	if (c == NULL) {
		verdict_of_connect(&v, errno);
		finish(p, &v);
		return;
	}
	p->stream = h1_client_stream(c);
	p->n_seen = 0;
	send_request(p);
}

/* ---- a connection alone */

static void
end_connect(struct probe *p, int error)
{
	struct verdict v = { .result = CHECK_PASS, .text = "connected" };

	if (error != 0)
		verdict_of_connect(&v, error);
	finish(p, &v);
}

static void
on_event(struct io *io, uint32_t events UNUSED)
{
	struct probe *p = container_of(io, struct probe, conn.io);
	int error = conn_connect_error(&p->conn);

	if (error == EINPROGRESS)
		return;
	cut(p);
	end_connect(p, error);
}

static void
start_connect(struct probe *p)
{
	p->is_connected = false;
	if (conn_connect(&p->conn, &p->to, on_event) < 0)
		end_connect(p, errno);
}

/* ---- for owners */

void
probe_timeouts(struct h1_client_settings *s, const struct check_conf *c)
{
	uint32_t ms = c->timeout_ms + 1000;

	s->timeouts = (struct upstream_timeouts){ ms, ms, ms, ms };
	s->idle_ms = c->interval_ms * 2 + ms;
}

void
probe_init(struct probe *p, const struct check_conf *conf, const char *host,
    const struct h1_client_settings *settings,
    void (*on_verdict)(struct probe *p, struct verdict *v))
{
	*p = (struct probe){
		.conf = conf, .host = host, .on_verdict = on_verdict,
		.owner = { .ops = &owner_ops, .settings = settings },
	};
	timer_init(&p->timer, on_timer);
	io_init(&p->conn.io, -1, on_event);
}

void
probe_fini(struct probe *p)
{
	cut(p);
	drop_idle(p);
	stash_clear(&p->body);
	loop_timer_fini(&p->timer);
	p->state = PROBE_RESTS;
}

void
probe_start(struct probe *p, const struct address *to, bool is_fresh)
{
	ASSERT(p->state != PROBE_RUNS);
	cut(p);			/* what the last one has left */
	if (p->idle != NULL && !address_equal(to, &p->to))
		drop_idle(p);
	p->to = *to;
	p->state = PROBE_RUNS;
	p->started_ns = clock_read_ns();
	loop_timer_set(&p->timer, clock_now_ms + p->conf->timeout_ms);
	if (p->conf->type == CHECK_TCP)
		start_connect(p);
	else
		start_request(p, is_fresh);
}
