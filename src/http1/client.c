/* src/http1/client.c -- HTTP/1 connections to backends */
#include "http1/client.h"

#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http/rules.h"
#include "http1/body.h"
#include "http1/parse.h"
#include "http1/splice.h"
#include "http1/wire.h"
#include "http1/write.h"

#define UPGRADE_MAX 16	/* a protocol's name, with its NUL */
#define LARGE_READS_HELD (4u << 20)	/* of blocks: then usual reads */
#define INFO_MAX 16	/* interim responses to one request */

/* What the connection does next, and which of its timeouts runs. */
enum state {
	STATE_IDLE,		/* the owner keeps it */
	STATE_HEAD,		/* has a sink, no response head yet */
	STATE_BODY,
	STATE_DONE,		/* response complete, sink not gone yet */
	STATE_DEAD,
};

enum next {
	NEXT_STEP,
	NEXT_WAIT,
	NEXT_END,
};

struct h1_client {
	struct wire wire;
	struct http_stream stream;
	struct timer timer;
	struct list link;		/* the owner's */
	struct h1_client_owner *owner;
	uint32_t epoch;			/* the owner's when it was made */
	struct stash rest;		/* read and not used yet */
	struct body body;		/* of the response */
	uint64_t chunk_left;		/* of the chunk that is sent */
	char upgrade[UPGRADE_MAX];	/* asked for; empty: nothing */
	uint8_t state;
	uint8_t method;
	uint8_t framing;		/* of the request */
	uint8_t n_infos;
	bool is_running;
	bool is_reused;
	bool is_paused;
	bool is_flowing;	/* the last read of the body was a full one */
	bool is_request_done;
	bool is_keep_alive;
	bool has_response_byte;
	bool has_new_rest;
	bool has_timed_out;
	bool is_expecting;		/* the body waits for a 100 */
	int error;			/* errno of what failed; 0: none */
};

static struct {
	struct slab slab;
	bool is_ready;
	struct http_field fields[HEAD_FIELDS_MAX];
	struct http_extra extras[HEAD_EXTRAS_MAX];
} clients;

static const struct http_stream_ops client_ops;

static struct h1_client *
client_of(const struct http_stream *stream)
{
	return container_of(stream, struct h1_client, stream);
}

static void
arm(struct h1_client *c, uint32_t ms)
{
	loop_timer_set(&c->timer, clock_now_ms + ms);
}

/* All but its memory. */
static void
client_shut(struct h1_client *c)
{
	ASSERT(c->stream.sink == NULL);
	loop_timer_fini(&c->timer);
	splice_drop(&c->body);
	stash_clear(&c->rest);
	wire_close(&c->wire);
}

static void
client_free(struct h1_client *c)
{
	client_shut(c);
	slab_give(&clients.slab, c);
}

/* The end of a connection that somebody must be told of: when it is closed,
 * so that another one may take its place at the backend. */
static void
client_end(struct h1_client *c)
{
	client_shut(c);
	c->owner->ops->on_closed(c->owner, c, c->state == STATE_IDLE);
	slab_give(&clients.slab, c);
}

/* ---- failures */

static enum sent
how_much_sent(const struct h1_client *c)
{
	if (!c->wire.has_written)
		return SENT_NOTHING;
	return c->is_request_done && stash_len(&c->wire.unsent) == 0 ?
	    SENT_ALL : SENT_PART;
}

/* interfaces.md, failures: the word for what just went wrong. */
static enum reason
failure_of(const struct h1_client *c)
{
	if (c->wire.is_connecting)
		return conn_is_local_error(c->error) ? REASON_LOCAL :
		    c->has_timed_out ? REASON_CONNECT_TIMEOUT : REASON_CONNECT;
	if (c->state == STATE_BODY)
		return REASON_TRUNCATED;
	if (c->has_timed_out)
		return REASON_TIMEOUT;
	/* Of a head that breaks off nobody has seen anything, but it came. */
	if (c->has_response_byte || !c->is_reused)
		return REASON_RESET;
	return c->wire.has_written ? REASON_RESET_REUSED : REASON_STALE;
}

static enum next
give_up(struct h1_client *c, enum reason why)
{
	struct http_sink *sink = c->stream.sink;
	enum sent sent = how_much_sent(c);

	if (c->state != STATE_IDLE)
		c->state = STATE_DEAD;
	errno = c->error;
	if (sink != NULL)
		sink->events->on_reset(&c->stream, why, sent);
	ASSERT(c->stream.sink == NULL);
	return NEXT_END;
}

/* ---- the response */

static void
keep_rest(struct h1_client *c, struct span data)
{
	bool kept;

	if (data.len == 0)
		return;
	kept = stash_append(&c->rest, data, STASH_MAX);
	ASSERT(kept);
	c->has_new_rest = true;
}

static struct parse_limits
limits_of(const struct h1_client *c)
{
	return (struct parse_limits){
		.head_bytes = c->owner->settings->head_bytes,
		.line_bytes = c->owner->settings->head_bytes,
		.field_count = c->owner->settings->field_count,
	};
}

/* Delivers what was read of the body, *used of it; false: it is malformed. */
static bool
feed(struct h1_client *c, struct span data, size_t *used)
{
	const struct parse_limits limits = limits_of(c);
	enum reason why;
	size_t n;

	switch (body_feed(&c->body, &c->stream, &limits, data, &n, &why)) {
	case FEED_MORE:
	case FEED_TURN:		/* never */
		break;
	case FEED_HELD:
		c->is_paused = true;
		break;
	case FEED_DONE:
		c->state = STATE_DONE;
		break;
	case FEED_BAD:
		return false;
	}
	*used += n;
	return true;
}

static bool
has_agreed(const struct h1_client *c, struct http_head *h)
{
	const struct http_field *f = head_find(h, FIELD_UPGRADE);

	if (c->upgrade[0] == '\0' || f == NULL || !h->has_upgrade_option ||
	    !span_equal_nocase(field_value(h, f), span_str(c->upgrade)))
		return false;
	h->upgrade = field_value(h, f);
	return true;
}

static void
begin_response(struct h1_client *c, struct http_head *h)
{
	bool end = head_has_no_body(h);

	body_begin(&c->body, h, 0);
	c->is_keep_alive = h->is_keep_alive && h->framing < FRAMING_CLOSE;
	c->state = end ? STATE_DONE : STATE_BODY;
	c->is_expecting = false;
	arm(c, c->stream.timeouts->between_bytes);
	c->stream.sink->events->on_head(&c->stream, h, end);
}

/* 101, and only if it was asked for. */
static enum next
begin_tunnel(struct h1_client *c, struct http_head *h)
{
	if (!has_agreed(c, h))
		return give_up(c, REASON_JUNK);
	h->framing = c->framing = FRAMING_TUNNEL;
	c->is_request_done = false;
	begin_response(c, h);
	return NEXT_STEP;
}

static enum next
deliver_info(struct h1_client *c, struct http_head *h)
{
	if (++c->n_infos > INFO_MAX)
		return give_up(c, REASON_JUNK);
	if (h->status == 100)
		c->is_expecting = false;
	c->stream.sink->events->on_info(&c->stream, h);
	return NEXT_STEP;
}

static enum next
deliver_head(struct h1_client *c, struct http_head *h, struct span data,
    size_t *used)
{
	enum next next = NEXT_STEP;

	*used = h->size;
	if (unlikely(h->status < 200 && h->status != 101))
		return deliver_info(c, h);
	if (unlikely(h->status == 101))
		next = begin_tunnel(c, h);
	else
		begin_response(c, h);
	if (next == NEXT_STEP && c->state == STATE_BODY &&
	    data.len > *used && !feed(c, span_skip(data, *used), used))
		return give_up(c, REASON_JUNK);
	return next;
}

static enum next
parse_head(struct h1_client *c, struct span data, size_t *used)
{
	const struct parse_limits limits = limits_of(c);
	struct http_head h;
	enum reason why = REASON_NONE;

	*used = 0;
	h.fields = clients.fields;
	h.extras = clients.extras;
	h.n_extras = 0;
	switch (parse_response(&h, data, c->method, &limits, &why)) {
	case PARSE_OK:
		return deliver_head(c, &h, data, used);
	case PARSE_MORE:
		return NEXT_WAIT;
	default:
		return give_up(c, why);
	}
}

static enum next
head_in_rest(struct h1_client *c)
{
	size_t used;
	enum next next;

	c->has_new_rest = false;
	next = parse_head(c, stash_span(&c->rest), &used);
	if (next == NEXT_END)
		return NEXT_END;
	stash_drop(&c->rest, used);
	if (stash_len(&c->rest) > 0 && next == NEXT_STEP)
		c->has_new_rest = true;
	return NEXT_STEP;
}

static enum next
on_head_bytes(struct h1_client *c, struct span got)
{
	size_t used;
	enum next next;

	c->has_response_byte = true;
	if (unlikely(stash_len(&c->rest) > 0)) {
		keep_rest(c, got);
		return NEXT_STEP;
	}
	next = parse_head(c, got, &used);
	if (next == NEXT_END)
		return NEXT_END;
	if (unlikely(used < got.len)) {
		keep_rest(c, span_skip(got, used));
		if (next == NEXT_WAIT)
			c->has_new_rest = false;
	}
	return NEXT_STEP;
}

/* A read that found the end, or an error. */
static enum next
on_end(struct h1_client *c, enum io_status status)
{
	struct http_sink *sink = c->stream.sink;

	c->error = status == IO_FAILED ? errno : 0;
	c->is_keep_alive = false;
	if (c->state == STATE_DONE)
		return NEXT_WAIT;	/* the answer is whole */
	if (status == IO_EOF && c->state == STATE_BODY &&
	    c->body.framing >= FRAMING_CLOSE) {
		c->state = STATE_DONE;
		(void)sink->events->on_body(&c->stream, span_of(NULL, 0),
		    true);
		return NEXT_STEP;
	}
	return give_up(c, failure_of(c));
}

static enum next
step_head(struct h1_client *c)
{
	struct span got;
	enum io_status status;

	if (c->has_new_rest)
		return head_in_rest(c);
	if (!c->wire.is_readable)
		return NEXT_WAIT;
	status = wire_read(&c->wire, &got, 0);
	if (likely(status == IO_DRAINED || status == IO_MORE))
		return on_head_bytes(c, got);
	return status == IO_WAIT ? NEXT_STEP : on_end(c, status);
}

static enum next
body_in_rest(struct h1_client *c)
{
	size_t used = 0;
	bool is_good;

	c->has_new_rest = false;
	is_good = feed(c, stash_span(&c->rest), &used);
	stash_drop(&c->rest, used);
	return is_good ? NEXT_STEP : give_up(c, REASON_JUNK);
}

static enum next
splice_more(struct h1_client *c)
{
	enum next next = NEXT_STEP;
	uint64_t moved;

	switch (splice_body(&c->body, &c->stream, &c->wire, &moved)) {
	case FEED_HELD:
		c->is_paused = true;
		break;
	case FEED_DONE:
		c->state = STATE_DONE;
		break;
	case FEED_TURN:
		wire_run_later(&c->wire);
		next = NEXT_WAIT;
		break;
	default:
		break;
	}
	if (moved > 0)
		arm(c, c->stream.timeouts->between_bytes);
	return next;
}

static enum next
body_bytes(struct h1_client *c, struct span got, enum io_status status)
{
	size_t used = 0;

	arm(c, c->stream.timeouts->between_bytes);
	if (unlikely(stash_len(&c->rest) > 0)) {
		keep_rest(c, got);
		return NEXT_STEP;
	}
	if (unlikely(!feed(c, got, &used)))
		return give_up(c, REASON_JUNK);
	if (unlikely(used < got.len)) {
		keep_rest(c, span_skip(got, used));
		/* Of trailers there must come more first. */
		c->has_new_rest = c->is_paused;
		return NEXT_STEP;
	}
	splice_judge(&c->body, status);
	return NEXT_STEP;
}

/* Much is to come that no pipe may take: read more at once, unless slow
 * clients hold a lot of what was read already. */
static size_t
body_read_size(const struct h1_client *c)
{
	return unlikely(c->is_flowing) &&
	    block_bytes_in_use() < LARGE_READS_HELD ? HOT_BUFFER : 0;
}

static enum next
step_body(struct h1_client *c)
{
	struct span got;
	enum io_status status;

	if (c->is_paused)
		return NEXT_WAIT;
	if (stash_len(&c->rest) > 0 && c->has_new_rest)
		return body_in_rest(c);
	if (splice_is_due(&c->body, c->wire.is_readable))
		return splice_more(c);
	if (!c->wire.is_readable)
		return NEXT_WAIT;
	status = wire_read(&c->wire, &got, body_read_size(c));
	c->is_flowing = status == IO_MORE;
	if (likely(status == IO_DRAINED || status == IO_MORE))
		return body_bytes(c, got, status);
	return status == IO_WAIT ? NEXT_STEP : on_end(c, status);
}

/* Anything on an idle connection ends it: EOF, or bytes nobody asked for. */
static enum next
step_idle(struct h1_client *c)
{
	struct span got;

	if (c->wire.is_readable &&
	    wire_read(&c->wire, &got, 0) != IO_WAIT)
		return NEXT_END;
	return NEXT_WAIT;
}

/* The sink has let go. */
static enum next
step_done(struct h1_client *c)
{
	if (c->stream.sink != NULL)
		return NEXT_WAIT;
	if (c->state != STATE_DONE || !c->is_request_done ||
	    !c->is_keep_alive || stash_len(&c->rest) > 0 ||
	    !wire_is_idle(&c->wire) || c->wire.is_ending) {
		c->state = STATE_DEAD;
		return NEXT_END;
	}
	if (c->epoch != c->owner->epoch ||
	    !c->owner->ops->on_idle(c->owner, c)) {
		c->state = STATE_DEAD;
		return NEXT_END;
	}
	c->state = STATE_IDLE;
	arm(c, c->owner->settings->idle_ms);
	/* A full read may have left something: no edge would tell. */
	return unlikely(c->wire.is_readable) ? NEXT_STEP : NEXT_WAIT;
}

static enum next
step(struct h1_client *c)
{
	if (c->state == STATE_IDLE)
		return step_idle(c);
	if (c->stream.sink == NULL)
		return step_done(c);
	if (unlikely(c->wire.has_failed) && (c->state == STATE_DONE ?
	    !c->is_request_done : !c->wire.is_readable))
		return give_up(c, failure_of(c));
	if (c->state == STATE_HEAD)
		return step_head(c);
	if (c->state == STATE_BODY)
		return step_body(c);
	return NEXT_WAIT;
}

static void
client_run(struct h1_client *c)
{
	enum next next;

	c->is_running = true;
	do
		next = step(c);
	while (next == NEXT_STEP);
	c->is_running = false;
	if (next == NEXT_END)
		client_end(c);
}

/* ---- events */

/* The connect's edge: NEXT_STEP connected, NEXT_WAIT not yet. */
static enum next
finish_connect(struct h1_client *c)
{
	c->error = conn_connect_error(&c->wire.conn);
	if (c->error == EINPROGRESS)
		return NEXT_WAIT;
	if (c->error != 0)
		return give_up(c, failure_of(c));
	c->wire.is_connecting = false;
	arm(c, c->stream.timeouts->response_head);
	if (c->stream.sink != NULL &&
	    c->stream.sink->events->on_connect != NULL)
		c->stream.sink->events->on_connect(&c->stream);
	return NEXT_STEP;
}

static void
on_out(struct h1_client *c)
{
	if (!wire_writable(&c->wire)) {
		arm(c, c->stream.timeouts->send);
		return;
	}
	arm(c, c->stream.timeouts->response_head);
	if (!c->wire.is_blocked)
		return;
	c->wire.is_blocked = false;
	if (c->stream.sink != NULL)
		c->stream.sink->events->on_writable(&c->stream);
}

static void
client_event(struct h1_client *c, uint32_t events)
{
	if (unlikely(c->wire.is_connecting)) {
		switch (finish_connect(c)) {
		case NEXT_WAIT:
			return;
		case NEXT_END:
			client_end(c);
			return;
		case NEXT_STEP:
			break;
		}
	}
	/* The backend has ended its side of a tunnel, nobody reads any more. */
	if (unlikely(events & EPOLLERR) && c->state == STATE_DONE)
		c->wire.has_failed = true;
	if ((events & EPOLLOUT) && c->state != STATE_IDLE &&
	    (c->wire.is_blocked || stash_len(&c->wire.unsent) > 0))
		on_out(c);
	client_run(c);
}

static void
on_event(struct io *io, uint32_t events)
{
	struct h1_client *c = container_of(io, struct h1_client, wire.conn.io);

	wire_enter();
	wire_note(&c->wire, events);
	client_event(c, events);
	wire_leave();
}

static void
on_run(struct wire *w)
{
	wire_enter();
	client_run(container_of(w, struct h1_client, wire));
	wire_leave();
}

static bool
is_waiting(const struct h1_client *c)
{
	if (c->state == STATE_IDLE || c->wire.is_connecting ||
	    c->wire.is_blocked || stash_len(&c->wire.unsent) > 0)
		return true;
	if (c->state == STATE_HEAD)
		return c->is_request_done || c->is_expecting;
	return c->state == STATE_BODY && !c->is_paused &&
	    c->body.framing != FRAMING_TUNNEL;
}

static void
on_timer(struct timer *t)
{
	struct h1_client *c = container_of(t, struct h1_client, timer);

	if (!is_waiting(c))
		return;		/* the client's side is what takes time */
	wire_enter();
	c->has_timed_out = true;
	(void)give_up(c, failure_of(c));
	client_end(c);
	wire_leave();
}

/* ---- operations of the stream */

static enum send_result
client_send_info(struct http_stream *s UNUSED,
    const struct http_head *h UNUSED)
{
	return SEND_OK;		/* requests have no interim heads */
}

static void
keep_upgrade(struct h1_client *c, struct span protocol)
{
	ASSERT(protocol.len < UPGRADE_MAX);
	if (protocol.len > 0)
		memcpy(c->upgrade, protocol.ptr, protocol.len);
	c->upgrade[protocol.len] = '\0';
}

static enum send_result
fail_later(struct h1_client *c)
{
	c->wire.has_failed = true;
	wire_run_later(&c->wire);
	return SEND_FAILED;
}

static enum send_result
client_send_head(struct http_stream *s, const struct http_head *h, bool end)
{
	struct h1_client *c = client_of(s);
	char *to = wire_room(&c->wire, write_bound(h));

	c->method = h->method;
	c->framing = h->framing;
	c->chunk_left = 0;
	c->is_request_done = end;
	c->is_expecting = h->expects_continue;
	keep_upgrade(c, h->upgrade);
	if (unlikely(s->timeouts != &c->owner->settings->timeouts))
		arm(c, c->wire.is_connecting ? s->timeouts->connect :
		    s->timeouts->response_head);
	if (to == NULL)
		return fail_later(c);
	wire_added(&c->wire, (size_t)(write_request(to, h) - to));
	if (end || c->is_expecting)
		wire_flush(&c->wire);
	return c->wire.has_failed ? SEND_FAILED : SEND_OK;
}

static void
end_request(struct h1_client *c)
{
	c->is_request_done = true;
	if (unlikely(c->framing == FRAMING_TUNNEL))
		wire_shut(&c->wire);
	else if (!c->wire.is_connecting && c->state == STATE_HEAD)
		arm(c, c->stream.timeouts->response_head);
}

static enum send_result
client_send_body(struct http_stream *s, struct span data, bool end,
    size_t *taken)
{
	struct h1_client *c = client_of(s);
	enum send_result result = c->framing == FRAMING_CHUNKED ?
	    chunked_send(&c->wire, &c->chunk_left, data, end, taken) :
	    wire_send(&c->wire, data, end, taken);

	if (*taken > 0)
		c->is_expecting = false;	/* it did not wait for a 100 */
	if (result == SEND_OK && end)
		end_request(c);
	else if (result == SEND_WAIT && !c->wire.is_connecting)
		arm(c, c->stream.timeouts->send);
	return result;
}

static bool
client_takes_pipe(const struct http_stream *s)
{
	const struct h1_client *c = client_of(s);

	return c->framing != FRAMING_CHUNKED &&
	    c->wire.conn.ops->splice_out != NULL;
}

static enum send_result
client_send_pipe(struct http_stream *s, struct pipe *p, bool end,
    size_t *taken)
{
	struct h1_client *c = client_of(s);
	enum send_result result = wire_send_pipe(&c->wire, p, taken);

	if (result == SEND_OK && end)
		end_request(c);
	else if (result == SEND_WAIT)
		arm(c, c->stream.timeouts->send);
	return result;
}

static enum send_result
client_send_trailers(struct http_stream *s, const struct http_head *t)
{
	struct h1_client *c = client_of(s);

	if (c->framing == FRAMING_CHUNKED &&
	    !chunked_send_trailers(&c->wire, t))
		return fail_later(c);
	wire_flush(&c->wire);
	end_request(c);
	return c->wire.has_failed ? SEND_FAILED : SEND_OK;
}

static void
client_resume(struct http_stream *s)
{
	struct h1_client *c = client_of(s);

	if (!c->is_paused)
		return;
	c->is_paused = false;
	c->has_new_rest = stash_len(&c->rest) > 0;
	if (c->state == STATE_BODY)
		arm(c, c->stream.timeouts->between_bytes);
	if (!c->is_running)
		wire_run_later(&c->wire);
}

static void
client_release(struct http_stream *s)
{
	struct h1_client *c = client_of(s);

	s->sink = NULL;
	if (!c->is_running && c->state != STATE_DEAD)
		wire_run_later(&c->wire);
}

static void
client_reset(struct http_stream *s, enum reason why UNUSED)
{
	struct h1_client *c = client_of(s);

	c->is_keep_alive = false;
	client_release(s);
}

static const struct http_stream_ops client_ops = {
	.send_info = client_send_info,
	.send_head = client_send_head,
	.send_body = client_send_body,
	.takes_pipe = client_takes_pipe,
	.send_pipe = client_send_pipe,
	.send_trailers = client_send_trailers,
	.resume = client_resume,
	.reset = client_reset,
	.release = client_release,
};

/* ---- for owners */

void
h1_client_module_init(void)
{
	if (clients.is_ready)
		return;
	clients.is_ready = true;
	wire_module_init();
	slab_init(&clients.slab, sizeof(struct h1_client), sizeof(struct io));
}

static struct h1_client *
client_new(void)
{
	struct h1_client *c = slab_take(&clients.slab);
	uint16_t tag = c->wire.conn.io.tag;	/* goes on */

	memset(c, 0, sizeof(*c));
	c->wire.conn.io.tag = tag;
	return c;
}

static void
client_init(struct h1_client *c, struct h1_client_owner *o)
{
	wire_init(&c->wire, on_run);
	c->stream.ops = &client_ops;
	timer_init(&c->timer, on_timer);
	list_init(&c->link);
	c->owner = o;
	c->epoch = o->epoch;
	c->stream.timeouts = &o->settings->timeouts;
}

struct h1_client *
h1_client_connect(struct h1_client_owner *o, const struct address *to)
{
	struct h1_client *c = client_new();
	int saved;

	if (conn_connect(&c->wire.conn, to, on_event) < 0) {
		saved = errno;
		slab_give(&clients.slab, c);
		errno = saved;
		return NULL;
	}
	client_init(c, o);
	c->wire.is_connecting = true;
	c->state = STATE_DONE;		/* until the stream is taken */
	arm(c, o->settings->timeouts.connect);
	return c;
}

/* ---- another process goes on with it */

static bool
is_tunnel_at_rest(const struct h1_client *c)
{
	return c->body.framing == FRAMING_TUNNEL && c->stream.sink != NULL &&
	    (c->state == STATE_DONE ||
	    (c->state == STATE_BODY && !c->wire.is_readable)) &&
	    !c->is_paused && !c->is_running && c->body.pipe == 0 &&
	    stash_len(&c->rest) == 0 && wire_is_at_rest(&c->wire);
}

int
h1_client_tunnel_at_rest(const struct http_stream *s)
{
	if (s->ops != &client_ops || !is_tunnel_at_rest(client_of(s)))
		return -1;
	return client_of(s)->wire.conn.io.fd;
}

void
h1_client_hold(struct http_stream *s)
{
	struct h1_client *c = client_of(s);

	io_remove(&c->wire.conn.io);
	timer_stop(&c->timer);
}

void
h1_client_go_on(struct http_stream *s)
{
	struct h1_client *c = client_of(s);

	if (io_register(&c->wire.conn.io, LOOP_EDGE) < 0)
		(void)fail_later(c);
}

struct http_stream *
h1_client_adopt_tunnel(struct h1_client_owner *o, int fd,
    bool client_has_ended, bool backend_has_ended)
{
	static const struct http_head h = { .framing = FRAMING_TUNNEL };
	struct h1_client *c = client_new();

	conn_init_plain(&c->wire.conn, fd, on_event);
	client_init(c, o);
	c->state = backend_has_ended ? STATE_DONE : STATE_BODY;
	c->method = METHOD_GET;
	c->framing = FRAMING_TUNNEL;
	body_begin(&c->body, &h, 0);
	c->wire.has_written = c->has_response_byte = true;
	c->is_request_done = client_has_ended;
	h1_client_go_on(&c->stream);
	return &c->stream;
}

struct http_stream *
h1_client_stream(struct h1_client *c)
{
	c->is_reused = c->state == STATE_IDLE;
	c->state = STATE_HEAD;
	c->wire.has_written = false;
	c->is_request_done = c->is_paused = false;
	c->has_response_byte = c->has_timed_out = false;
	c->is_expecting = c->has_new_rest = false;
	c->n_infos = 0;
	c->error = 0;
	c->stream.timeouts = &c->owner->settings->timeouts;
	if (c->is_reused)
		arm(c, c->stream.timeouts->response_head);
	return &c->stream;
}

struct list *
h1_client_link(struct h1_client *c)
{
	return &c->link;
}

struct h1_client *
h1_client_of_link(struct list *link)
{
	return container_of(link, struct h1_client, link);
}

bool
h1_client_is_quiet(struct h1_client *c)
{
	return conn_is_quiet(&c->wire.conn);
}

void
h1_client_close(struct h1_client *c)
{
	client_free(c);
}
