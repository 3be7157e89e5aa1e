/* src/http1/server.c -- HTTP/1 connections of clients */
#include "http1/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http/reply.h"
#include "http1/body.h"
#include "http1/pace.h"
#include "http1/parse.h"
#include "http1/splice.h"
#include "http1/wire.h"
#include "http1/write.h"

#define LINGER_MS	30000	/* after an answer that came early, in all */
#define LINGER_IDLE_MS	5000
#define BODY_READ_MAX	READ_USUAL
#define FRESH_MAX	256

enum next {
	NEXT_STEP,
	NEXT_WAIT,
	NEXT_END,
};

/*
 * One connection; an idle one holds nothing else. States
 * (steps[] below): HEAD waits for a request or the rest of one, EXCHANGE
 * has a sink, LINGER discards what the client still sends behind the last
 * answer, CLOSE waits for the last bytes to leave, GIVEN to hear whether another
 * process has it.
 */
struct h1_server {
	struct wire wire;
	struct http_stream stream;
	struct timer timer;
	struct list link;		/* of all connections */
	const struct h1_server_settings *settings;
	struct stash rest;		/* read and not used yet */
	uint64_t id;
	struct body body;		/* of the request */
	uint64_t response_left;		/* to be sent: of the body, the chunk */
	uint64_t end_ms;		/* LINGER: the last moment; else: age */
	struct pace pace;
	uint32_t requests;
	uint8_t state;
	uint8_t method;
	uint8_t version;
	uint8_t framing;		/* of the response */
	uint8_t empty_lines;		/* in front of the request */
	bool is_running;		/* the driver is on the stack */
	bool is_keep_alive;
	bool is_paused;			/* the sink takes no more body */
	bool is_expecting;		/* the client waits for our 100 */
	bool is_request_done;
	bool has_response_head;
	bool is_response_done;
	bool is_shut;			/* LINGER: our side is closed */
	bool has_new_rest;		/* bytes the parser has not seen */
	bool has_said_close;		/* the client: it sends nothing more */
	uint8_t family;
	uint16_t client_port;
	uint16_t fresh;			/* its place among the fresh ones + 1 */
	uint16_t refused;		/* by the taker of that number */
	union {
		struct in_addr in;
		struct in6_addr in6;
	} client;
};

static struct {
	struct slab slab;
	struct list all;
	size_t n;
	uint64_t last_id;
	bool is_ready, is_draining;
	h1_server_taker *take;		/* NULL: nobody takes them over */
	uint16_t taker;			/* its number; 0: none was there yet */
	struct http_field fields[HEAD_FIELDS_MAX];
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct address client;		/* given out by http_peer */
	/* Not registered with the loop yet, by the turn they came in. */
	struct {
		struct h1_server *s;	/* NULL: has been registered, or gone */
		uint64_t turn;
	} fresh[FRESH_MAX];
	unsigned n_fresh;
	struct timer fresh_timer;
} servers;

static const struct http_stream_ops server_ops;

static struct h1_server *
server_of(const struct http_stream *stream)
{
	return container_of(stream, struct h1_server, stream);
}

static void
set_state(struct h1_server *s, unsigned state)
{
	s->state = (uint8_t)state;
}

enum { STATE_HEAD, STATE_EXCHANGE, STATE_LINGER, STATE_CLOSE, STATE_GIVEN };

static void
arm(struct h1_server *s, uint32_t ms)
{
	loop_timer_set(&s->timer, clock_now_ms + ms);
}

/* ---- how long the client is waited for while bytes are to move */

static bool
has_to_take(const struct h1_server *s)
{
	return s->wire.is_blocked || stash_len(&s->wire.unsent) > 0;
}

static uint32_t
backlog_of(struct h1_server *s)
{
	return !has_to_take(s) ? 0 : (uint32_t)(stash_len(&s->wire.unsent) +
	    conn_backlog(&s->wire.conn));
}

static struct pace_limits
pace_limits_of(const struct h1_server *s)
{
	return (struct pace_limits){
		.idle_ms = has_to_take(s) ? s->settings->send_timeout_ms :
		    s->settings->body_timeout_ms,
		.round_ms = s->settings->body_timeout_ms,
		.rate = s->settings->min_rate,
	};
}

static void
arm_pace(struct h1_server *s)
{
	const struct pace_limits limits = pace_limits_of(s);

	arm(s, pace_next(&s->pace, clock_now_ms, &limits));
}

/* The client is to send of a body; it may not have been before. */
static void
wait_for_body(struct h1_server *s)
{
	pace_begin(&s->pace, clock_now_ms, 0);
	arm_pace(s);
}

#define BACKLOG_MS 1000	/* asking the kernel costs a system call */

/* The client has to take what we have. */
static void
wait_for_room(struct h1_server *s)
{
	if (s->body.framing == FRAMING_TUNNEL) {
		arm(s, s->settings->tunnel_ms);
		return;
	}
	if ((uint32_t)clock_now_ms - s->pace.mark_ms >= BACKLOG_MS)
		pace_begin(&s->pace, clock_now_ms, backlog_of(s));
	arm_pace(s);
}

/* The timer of a client that we wait for; false: it is too slow. */
static bool
keeps_pace(struct h1_server *s)
{
	const struct pace_limits limits = pace_limits_of(s);

	if (!pace_check(&s->pace, clock_now_ms, backlog_of(s), &limits))
		return false;
	arm_pace(s);
	return true;
}

/* ---- when the loop gets to know them */

static void
forget_fresh(struct h1_server *s)
{
	if (s->fresh > 0)
		servers.fresh[s->fresh - 1].s = NULL;
	s->fresh = 0;
}

static void
server_register(struct h1_server *s)
{
	forget_fresh(s);
	if (s->wire.conn.io.is_registered ||
	    io_register(&s->wire.conn.io, LOOP_EDGE) == 0)
		return;
	s->wire.has_failed = true;
	wire_run_later(&s->wire);
}

/*
 * A connection that brought its whole request waits for nothing of its client
 * but room, or that it leaves: if the answer comes within a turn and is the
 * last, the loop never hears of it (performance.md, accept path).
 */
static void
add_fresh(struct h1_server *s)
{
	if (servers.n_fresh == FRESH_MAX) {
		server_register(s);
		return;
	}
	servers.fresh[servers.n_fresh].s = s;
	servers.fresh[servers.n_fresh].turn = loop.turns;
	s->fresh = (uint16_t)++servers.n_fresh;
	if (!timer_is_set(&servers.fresh_timer))
		loop_timer_set(&servers.fresh_timer, clock_now_ms + 1);
}

/* Those of earlier turns have waited long enough. */
static void
on_fresh(struct timer *t UNUSED)
{
	unsigned n = 0;

	for (unsigned i = 0; i < servers.n_fresh; i++) {
		struct h1_server *s = servers.fresh[i].s;

		if (s != NULL && servers.fresh[i].turn < loop.turns) {
			server_register(s);
		} else if (s != NULL) {
			servers.fresh[n] = servers.fresh[i];
			s->fresh = (uint16_t)++n;
		}
	}
	servers.n_fresh = n;
	if (n > 0)
		loop_timer_set(&servers.fresh_timer, clock_now_ms + 1);
}

/* Of a body that only the close ends something is missing. */
static bool
is_cut_short(const struct h1_server *s)
{
	return s->has_response_head && s->framing == FRAMING_CLOSE &&
	    (!s->is_response_done || stash_len(&s->wire.unsent) > 0);
}

/*
 * By a reset: it must not look whole, and what the kernel still has for a client
 * that is too slow would stay for as long.
 */
static void
cut_hard(struct h1_server *s)
{
	struct linger abort = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(s->wire.conn.io.fd, SOL_SOCKET, SO_LINGER, &abort,
	    sizeof(abort));
}

static void
server_free(struct h1_server *s)
{
	ASSERT(s->stream.sink == NULL);
	forget_fresh(s);
	if (unlikely(is_cut_short(s)))
		cut_hard(s);
	loop_timer_fini(&s->timer);
	splice_drop(&s->body);
	list_remove(&s->link);
	stash_clear(&s->rest);
	wire_close(&s->wire);
	servers.n--;
	slab_give(&servers.slab, s);
}

/* ---- the client's address, kept in few bytes */

static void
keep_client(struct h1_server *s, const struct address *a)
{
	s->family = (uint8_t)a->sa.sa_family;
	s->client_port = address_port(a);
	if (s->family == AF_INET)
		s->client.in = a->in.sin_addr;
	else if (s->family == AF_INET6)
		s->client.in6 = a->in6.sin6_addr;
}

static const struct address *
client_address(const struct h1_server *s)
{
	struct address *a = &servers.client;

	if (s->family == AF_INET) {
		a->len = sizeof(a->in);
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(s->client_port);
		a->in.sin_addr = s->client.in;
	} else if (s->family == AF_INET6) {
		a->len = sizeof(a->in6);
		memset(&a->in6, 0, sizeof(a->in6));
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(s->client_port);
		a->in6.sin6_addr = s->client.in6;
	} else {
		a->len = sizeof(sa_family_t);
		a->un.sun_family = AF_UNIX;
		a->un.sun_path[0] = '\0';
	}
	return a;
}

/* ---- events to the sink */

static void
tell_reset(struct h1_server *s, enum reason why)
{
	struct http_sink *sink = s->stream.sink;

	if (sink != NULL)
		sink->events->on_reset(&s->stream, why, SENT_NOTHING);
	ASSERT(s->stream.sink == NULL);
}

/* The connection cannot go on: what is in the way is abandoned. */
static enum next
give_up(struct h1_server *s, enum reason why)
{
	tell_reset(s, why);
	return NEXT_END;
}

/* ---- HEAD */

static struct parse_limits
limits_of(const struct h1_server *s)
{
	return (struct parse_limits){
		.head_bytes = s->settings->head_bytes,
		.line_bytes = s->settings->head_bytes / 2,
		.field_count = s->settings->field_count,
	};
}

/* What the client still sends is for nobody. */
static void
begin_linger(struct h1_server *s)
{
	splice_drop(&s->body);
	s->end_ms = clock_now_ms + LINGER_MS;
	arm(s, LINGER_IDLE_MS);
	set_state(s, STATE_LINGER);
}

static void
answer_refusal(struct h1_server *s, enum reason why)
{
	s->is_keep_alive = false;
	s->is_request_done = false;	/* we do not know where it ends */
	(void)reply_reason(&s->stream, why, MEDIA_TEXT,
	    s->method == METHOD_HEAD, NULL, 1);
	wire_flush(&s->wire);
	begin_linger(s);
}

static struct http_peer
peer_of(struct h1_server *s)
{
	return (struct http_peer){
		.client = client_address(s), .port = s->settings->port,
		.connection = s->id, .trusted = s->settings->trusted,
		.listener = s->settings->listener,
	};
}

/* There is no exchange yet that could tell of it. */
static void
refuse_head(struct h1_server *s, enum reason why)
{
	struct http_service *service = s->settings->service;
	struct http_peer peer = peer_of(s);

	if (service->on_refused != NULL)
		service->on_refused(service, &peer, why);
	answer_refusal(s, why);
}

/* A body that cannot go on. */
static void
refuse_body(struct h1_server *s, enum reason why)
{
	bool can_answer = !s->has_response_head;

	tell_reset(s, why);
	if (can_answer) {
		answer_refusal(s, why);
		return;
	}
	wire_flush(&s->wire);
	set_state(s, STATE_CLOSE);
}

/* Delivers what was read of the body; returns how much was used. */
static size_t
feed(struct h1_server *s, struct span data)
{
	const struct parse_limits limits = limits_of(s);
	enum reason why;
	size_t used;

	switch (body_feed(&s->body, &s->stream, &limits, data, &used, &why)) {
	case FEED_MORE:
	case FEED_TURN:		/* never */
		break;
	case FEED_HELD:
		s->is_paused = true;
		break;
	case FEED_DONE:
		s->is_request_done = true;
		break;
	case FEED_BAD:
		refuse_body(s, why);
		break;
	}
	pace_moved(&s->pace, clock_now_ms, used);
	if (used > 0)
		s->is_expecting = false;	/* no longer, if it did */
	return used;
}

static void
begin_exchange(struct h1_server *s, struct http_head *h)
{
	struct http_peer peer = peer_of(s);
	bool end = head_has_no_body(h);

	set_state(s, STATE_EXCHANGE);
	s->empty_lines = 0;
	s->requests++;
	s->method = h->method;
	s->version = h->version;
	body_begin(&s->body, h, s->settings->body_bytes);
	s->is_request_done = end;
	s->is_paused = false;
	s->is_expecting = h->expects_continue;
	s->has_said_close = !h->is_keep_alive;
	pace_begin(&s->pace, clock_now_ms, 0);
	s->has_response_head = s->is_response_done = false;
	s->is_keep_alive = h->is_keep_alive && (s->settings->requests == 0 ||
	    s->requests < s->settings->requests) && clock_now_ms < s->end_ms;
	s->stream.body_limit = s->settings->body_bytes;
	s->stream.sink = s->settings->service->open(s->settings->service,
	    &s->stream, &peer);
	s->stream.sink->events->on_head(&s->stream, h, end);
	if (unlikely(s->stream.body_limit != s->settings->body_bytes))
		body_allow(&s->body, s->stream.body_limit);
}

/* Uses `data`, which begins with a whole head; returns how much of it. */
static size_t
run_request(struct h1_server *s, struct http_head *h, struct span data)
{
	size_t used = h->size;

	begin_exchange(s, h);
	if (!s->is_request_done && data.len > used)
		used += feed(s, span_skip(data, used));
	return used;
}

static void
keep_rest(struct h1_server *s, struct span data)
{
	bool kept;

	if (data.len == 0)
		return;
	kept = stash_append(&s->rest, data, STASH_MAX);
	ASSERT(kept);		/* heads and one read fit */
	s->has_new_rest = true;
}

/* However they came: no more than one call of the parser would skip. */
static enum parse_status
refuse_empty_lines(enum reason *why)
{
	*why = REASON_BAD_REQUEST;
	return PARSE_BAD;
}

/* One attempt at a head in `data`: *used bytes are done with. */
static enum next
parse_head(struct h1_server *s, struct span data, size_t *used)
{
	const struct parse_limits limits = limits_of(s);
	struct http_head h;
	enum reason why = REASON_NONE;
	size_t empty = parse_skip_empty_lines(data);

	*used = empty;
	data = span_skip(data, empty);
	s->empty_lines = (uint8_t)(s->empty_lines + empty / 2);
	if (data.len == 0 && s->empty_lines <= PARSE_EMPTY_LINES)
		return NEXT_WAIT;
	h.fields = servers.fields;
	h.extras = servers.extras;
	h.n_extras = 0;
	h.needs_slash = false;
	h.rewritten.len = 0;
	h.method = METHOD_OTHER;
	switch (s->empty_lines > PARSE_EMPTY_LINES ?
	    refuse_empty_lines(&why) : parse_request(&h, data, &limits, &why)) {
	case PARSE_OK:
		if (unlikely(s->settings->body_bytes > 0 &&
		    h.body_len > s->settings->body_bytes)) {
			why = REASON_BODY_TOO_LARGE;
			break;
		}
		*used += run_request(s, &h, data);
		return NEXT_STEP;
	case PARSE_MORE:
		return NEXT_WAIT;
	case PARSE_BAD:
		break;
	}
	s->requests++;
	s->method = h.method;	/* known in time: HEAD gets no content */
	refuse_head(s, why);
	*used += data.len;
	return NEXT_STEP;
}

static enum next
head_in_rest(struct h1_server *s)
{
	size_t used;
	enum next next;

	s->has_new_rest = false;
	next = parse_head(s, stash_span(&s->rest), &used);
	stash_drop(&s->rest, used);
	if (stash_len(&s->rest) > 0 && next == NEXT_STEP)
		s->has_new_rest = true;
	return next == NEXT_WAIT ? NEXT_STEP : next;
}

/* A head that did not come whole: the clock runs from its first byte. */
static void
begin_partial(struct h1_server *s, struct span data)
{
	keep_rest(s, data);
	s->has_new_rest = false;
	arm(s, s->settings->head_timeout_ms);
}

static enum next
head_from_conn(struct h1_server *s)
{
	struct span got;
	size_t used;
	enum next next;

	switch (wire_read(&s->wire, &got, 0)) {
	case IO_MORE:
	case IO_DRAINED:
		break;
	case IO_WAIT:
		return NEXT_STEP;
	default:
		return NEXT_END;
	}
	if (stash_len(&s->rest) > 0) {
		keep_rest(s, got);
		return NEXT_STEP;
	}
	next = parse_head(s, got, &used);
	if (used < got.len) {
		if (next == NEXT_WAIT)
			begin_partial(s, span_skip(got, used));
		else
			keep_rest(s, span_skip(got, used));
	}
	return NEXT_STEP;
}

static enum next
step_head(struct h1_server *s)
{
	if (s->wire.has_failed)
		return NEXT_END;
	if (stash_len(&s->wire.unsent) > 0)
		return NEXT_WAIT;	/* the last answer has not left */
	if (s->has_new_rest)
		return head_in_rest(s);
	if (s->wire.is_readable)
		return head_from_conn(s);
	return NEXT_WAIT;
}

/* ---- EXCHANGE */

static enum next
body_in_rest(struct h1_server *s)
{
	size_t used;

	s->has_new_rest = false;
	used = feed(s, stash_span(&s->rest));
	stash_drop(&s->rest, used);
	return NEXT_STEP;
}

/* The client will send no more. */
static enum next
on_read_end(struct h1_server *s, enum io_status status)
{
	if (s->body.framing != FRAMING_TUNNEL || status != IO_EOF)
		return give_up(s, REASON_CLIENT_GONE);
	s->is_request_done = true;
	(void)s->stream.sink->events->on_body(&s->stream, span_of(NULL, 0),
	    true);
	return NEXT_STEP;
}

static enum next
splice_more(struct h1_server *s)
{
	enum next next = NEXT_STEP;
	uint64_t moved;

	switch (splice_body(&s->body, &s->stream, &s->wire, &moved)) {
	case FEED_HELD:
		s->is_paused = true;
		break;
	case FEED_DONE:
		s->is_request_done = true;
		break;
	case FEED_TURN:
		wire_run_later(&s->wire);
		next = NEXT_WAIT;
		break;
	default:
		break;
	}
	pace_moved(&s->pace, clock_now_ms, moved);
	return next;
}

static enum next
body_from_conn(struct h1_server *s)
{
	struct span got;
	size_t most = BODY_READ_MAX, used;
	enum io_status status;

	if (s->body.framing == FRAMING_LENGTH && most > s->body.left)
		most = (size_t)s->body.left;
	status = wire_read(&s->wire, &got, most);
	if (status == IO_WAIT)
		return NEXT_STEP;
	if (unlikely(status != IO_MORE && status != IO_DRAINED))
		return on_read_end(s, status);
	if (unlikely(stash_len(&s->rest) > 0)) {
		keep_rest(s, got);
		return NEXT_STEP;
	}
	used = feed(s, got);
	if (unlikely(used < got.len)) {
		keep_rest(s, span_skip(got, used));
		/* What the parser has seen of trailers needs more behind it. */
		s->has_new_rest = s->is_paused;
		return NEXT_STEP;
	}
	splice_judge(&s->body, status);
	return NEXT_STEP;
}

/* The sink has let go: the next request, or the end. */
static enum next
end_exchange(struct h1_server *s)
{
	if (!s->is_response_done)
		return NEXT_END;	/* cut: the client must not take it
					 * for whole */
	if (s->is_request_done && s->is_keep_alive) {
		if (unlikely(s->fresh > 0))
			server_register(s);
		set_state(s, STATE_HEAD);
		s->method = METHOD_OTHER;	/* not known yet */
		arm(s, stash_len(&s->wire.unsent) > 0 ?
		    s->settings->send_timeout_ms : s->settings->keep_alive_ms);
		s->has_new_rest = stash_len(&s->rest) > 0;
		if (unlikely(servers.take != NULL))
			wire_run_later(&s->wire);	/* it is offered then */
		return NEXT_STEP;
	}
	if (unlikely(s->fresh > 0) && !s->has_said_close)
		s->wire.is_readable = true;	/* nobody has told us yet */
	if (s->is_request_done && stash_len(&s->rest) == 0 &&
	    !s->wire.is_readable) {
		arm(s, s->settings->send_timeout_ms);
		set_state(s, STATE_CLOSE);
		return NEXT_STEP;
	}
	begin_linger(s);
	return NEXT_STEP;
}

static enum next
step_exchange(struct h1_server *s)
{
	if (s->stream.sink == NULL)
		return end_exchange(s);
	if (s->wire.has_failed)
		return give_up(s, REASON_CLIENT_GONE);
	if (s->is_request_done || s->is_paused)
		return NEXT_WAIT;
	if (stash_len(&s->rest) > 0 && s->has_new_rest)
		return body_in_rest(s);
	if (splice_is_due(&s->body, s->wire.is_readable))
		return splice_more(s);
	if (s->wire.is_readable)
		return body_from_conn(s);
	if (s->body.framing == FRAMING_TUNNEL)
		arm(s, s->settings->tunnel_ms);
	else if (!s->wire.is_blocked)
		arm_pace(s);
	return NEXT_WAIT;
}

/* ---- LINGER, CLOSE */

static enum next
step_linger(struct h1_server *s)
{
	uint64_t idle_end = clock_now_ms + LINGER_IDLE_MS;
	struct span got;

	if (s->wire.has_failed)
		return NEXT_END;
	if (stash_len(&s->wire.unsent) > 0)
		return NEXT_WAIT;
	if (!s->is_shut) {
		s->is_shut = true;
		s->wire.conn.ops->shutdown_write(&s->wire.conn);
	}
	if (!s->wire.is_readable)
		return NEXT_WAIT;
	switch (wire_read(&s->wire, &got, 0)) {
	case IO_MORE:
	case IO_DRAINED:
		loop_timer_set(&s->timer,
		    idle_end < s->end_ms ? idle_end : s->end_ms);
		return NEXT_STEP;
	case IO_WAIT:
		return NEXT_STEP;
	default:
		return NEXT_END;
	}
}

static enum next
step_close(struct h1_server *s)
{
	if (s->wire.has_failed || stash_len(&s->wire.unsent) == 0)
		return NEXT_END;
	return NEXT_WAIT;
}

/* Another process has it, or will not have it. */
static enum next
step_given(struct h1_server *s UNUSED)
{
	return NEXT_WAIT;
}

/* ---- the driver */

#define STATES(X)							\
	X(HEAD,		step_head,	"reading the request head")	\
	X(EXCHANGE,	step_exchange,	"serving a request")		\
	X(LINGER,	step_linger,	"discarding what still comes")	\
	X(CLOSE,	step_close,	"sending the last bytes")		\
	X(GIVEN,	step_given,	"handing it over")
static const struct step {
	enum next (*run)(struct h1_server *s);
	const char *doing;
} steps[] = {
#define X(id, fn, doing) [STATE_##id] = { fn, doing },
	STATES(X)
#undef X
};

/* False: it has ended and is gone. */
static bool
server_run(struct h1_server *s)
{
	enum next next;

	s->is_running = true;
	do
		next = steps[s->state].run(s);
	while (next == NEXT_STEP);
	s->is_running = false;
	if (next != NEXT_END)
		return true;
	server_free(s);
	return false;
}

/* ---- another process goes on with it */

/* Nobody else goes on with it when this process ends. */
static bool
must_end_here(const struct h1_server *s)
{
	return servers.take == NULL || s->settings->address == NULL ||
	    s->refused == servers.taker;
}

static bool
is_tunnel(const struct h1_server *s)
{
	return s->stream.sink != NULL && s->framing == FRAMING_TUNNEL &&
	    s->body.framing == FRAMING_TUNNEL;
}

static bool
is_tunnel_at_rest(const struct h1_server *s)
{
	return s->state == STATE_EXCHANGE && is_tunnel(s) && !s->is_paused &&
	    s->body.pipe == 0 && (s->is_request_done || !s->wire.is_readable);
}

static bool
is_at_rest(const struct h1_server *s)
{
	if (!s->wire.conn.io.is_registered || s->is_running ||
	    stash_len(&s->rest) > 0 || !wire_is_at_rest(&s->wire))
		return false;
	return s->state == STATE_HEAD ? !s->wire.is_readable :
	    is_tunnel_at_rest(s);
}

static struct h1_server_rest
rest_of(struct h1_server *s)
{
	return (struct h1_server_rest){
		.fd = s->wire.conn.io.fd, .settings = s->settings,
		.client = *client_address(s), .requests = s->requests,
		.end_ms = s->end_ms, .deadline_ms = s->timer.deadline_ms,
		.tunnel = is_tunnel(s) ? &s->stream : NULL,
	};
}

/*
 * What the client sends from now on the kernel keeps, and tells whoever
 * registers the connection next, of which a stale event of ours says nothing.
 */
static enum h1_server_offer
offer(struct h1_server *s)
{
	struct h1_server_rest rest;
	enum h1_server_offer result;

	if (!is_at_rest(s) || must_end_here(s))
		return OFFER_LATER;
	rest = rest_of(s);
	result = servers.take(s, &rest);
	if (result != OFFER_TAKEN)
		return result;
	/* Ours is a duplicate from here on: it has to leave the loop before
	 * it is closed. */
	io_remove(&s->wire.conn.io);
	timer_stop(&s->timer);
	set_state(s, STATE_GIVEN);
	return result;
}

/* The end of an entry from the loop, which may end the connection. */
static void
run_and_leave(struct h1_server *s)
{
	bool is_there;

	is_there = server_run(s);
	wire_leave();
	if (unlikely(servers.take != NULL) && is_there)
		(void)offer(s);
}

static void
on_run(struct wire *w)
{
	wire_enter();
	run_and_leave(container_of(w, struct h1_server, wire));
}

static void
on_out(struct h1_server *s)
{
	if (!wire_writable(&s->wire)) {
		wait_for_room(s);
		return;
	}
	if (s->state == STATE_HEAD)
		arm(s, s->settings->keep_alive_ms);
	if (!s->wire.is_blocked)
		return;
	s->wire.is_blocked = false;
	if (s->stream.sink != NULL)
		s->stream.sink->events->on_writable(&s->stream);
}

/*
 * HUP and ERR: both directions are gone; RDHUP alone is a client that still
 * wants its answer. Both directions of a tunnel may have ended in peace, with
 * bytes still to be read.
 */
static uint32_t
lost_by(const struct h1_server *s)
{
	return s->body.framing == FRAMING_TUNNEL ? EPOLLERR :
	    EPOLLHUP | EPOLLERR;
}

static void
on_event(struct io *io, uint32_t events)
{
	struct h1_server *s = container_of(io, struct h1_server, wire.conn.io);

	wire_enter();
	wire_note(&s->wire, events);
	if ((events & EPOLLOUT) &&
	    (s->wire.is_blocked || stash_len(&s->wire.unsent) > 0))
		on_out(s);
	if (unlikely(events & lost_by(s)) && s->state == STATE_EXCHANGE)
		s->wire.has_failed = true;
	run_and_leave(s);
}

/* ---- timer: which limit it is follows from the state */

static bool
is_waiting_for_body(const struct h1_server *s)
{
	return !s->is_request_done && !s->is_paused && !s->is_expecting;
}

static enum next
exchange_timeout(struct h1_server *s)
{
	bool can_answer = !s->wire.is_blocked && !s->has_response_head;

	if (!s->wire.is_blocked && s->body.framing != FRAMING_TUNNEL &&
	    !is_waiting_for_body(s))
		return NEXT_WAIT;	/* an old deadline of the idle time */
	if (s->body.framing != FRAMING_TUNNEL && keeps_pace(s))
		return NEXT_WAIT;
	tell_reset(s, REASON_CLIENT_TIMEOUT);
	if (!can_answer) {
		cut_hard(s);
		return NEXT_END;
	}
	answer_refusal(s, REASON_CLIENT_TIMEOUT);
	return NEXT_STEP;
}

static enum next
timeout(struct h1_server *s)
{
	if (s->state == STATE_EXCHANGE && s->stream.sink != NULL)
		return exchange_timeout(s);
	if (s->state != STATE_LINGER && stash_len(&s->wire.unsent) > 0) {
		if (keeps_pace(s))
			return NEXT_WAIT;
		cut_hard(s);
		return NEXT_END;
	}
	if (s->state != STATE_HEAD || stash_len(&s->rest) == 0)
		return NEXT_END;
	refuse_head(s, REASON_CLIENT_TIMEOUT);
	return NEXT_STEP;
}

static void
on_timer(struct timer *t)
{
	struct h1_server *s = container_of(t, struct h1_server, timer);

	wire_enter();
	switch (timeout(s)) {
	case NEXT_STEP:
		(void)server_run(s);
		break;
	case NEXT_END:
		server_free(s);
		break;
	case NEXT_WAIT:
		break;
	}
	wire_leave();
}

/* ---- operations of the stream */

static enum send_result
result_of(const struct h1_server *s)
{
	return s->wire.has_failed ? SEND_FAILED : SEND_OK;
}

static bool
put_response(struct h1_server *s, const struct http_head *h,
    const char *connection)
{
	char *to = wire_room(&s->wire, write_bound(h));

	if (to == NULL) {
		s->wire.has_failed = true;
		wire_run_later(&s->wire);
		return false;
	}
	wire_added(&s->wire, (size_t)(write_response(to, h, connection) - to));
	return true;
}

static enum send_result
server_send_info(struct http_stream *stream, const struct http_head *h)
{
	struct h1_server *s = server_of(stream);

	if (s->version == HTTP_1_0)
		return SEND_OK;		/* RFC 9110 15.2 */
	if (h->status == 100) {
		s->is_expecting = false;
		wait_for_body(s);
	}
	if (put_response(s, h, NULL))
		wire_flush(&s->wire);
	return result_of(s);
}

/* Draining: but what was sent behind it already is answered, too. */
static bool
is_last(const struct h1_server *s)
{
	return unlikely(servers.is_draining) && must_end_here(s) &&
	    stash_len(&s->rest) == 0;
}

static const char *
connection_field(const struct h1_server *s)
{
	if (!s->is_keep_alive)
		return "close";
	return s->version == HTTP_1_0 ? "keep-alive" : NULL;
}

/* 101: from here on bytes go both ways. */
static enum send_result
begin_tunnel(struct h1_server *s, const struct http_head *h)
{
	s->has_response_head = true;
	s->is_keep_alive = false;
	s->framing = FRAMING_TUNNEL;
	s->response_left = UINT64_MAX;
	body_begin(&s->body, h, 0);
	s->is_request_done = s->is_expecting = false;
	s->has_new_rest = stash_len(&s->rest) > 0;
	if (!put_response(s, h, NULL))
		return SEND_FAILED;
	arm(s, s->settings->tunnel_ms);
	if (!s->is_running)
		wire_run_later(&s->wire);
	return result_of(s);
}

static enum send_result
server_send_head(struct http_stream *stream, const struct http_head *h,
    bool end)
{
	struct h1_server *s = server_of(stream);
	struct http_head closing;

	if (unlikely(h->framing == FRAMING_TUNNEL))
		return begin_tunnel(s, h);
	if (unlikely(h->framing == FRAMING_CHUNKED && s->version == HTTP_1_0)) {
		closing = *h;
		closing.framing = FRAMING_CLOSE;
		h = &closing;
	}
	if (!s->is_request_done || !h->is_keep_alive ||
	    (!end && h->framing == FRAMING_CLOSE) || is_last(s))
		s->is_keep_alive = false;
	s->framing = h->framing;
	s->response_left = h->framing == FRAMING_LENGTH ? h->body_len :
	    h->framing == FRAMING_CHUNKED ? 0 : UINT64_MAX;
	s->has_response_head = true;
	if (!put_response(s, h, connection_field(s)))
		return SEND_FAILED;
	if (end) {
		s->is_response_done = true;
		wire_flush(&s->wire);
	}
	return result_of(s);
}

static void
note_sent(struct h1_server *s, enum send_result result, bool end,
    size_t taken)
{
	pace_moved(&s->pace, clock_now_ms, taken);
	if (result == SEND_WAIT)
		wait_for_room(s);
	else if (unlikely(s->framing == FRAMING_TUNNEL) && taken > 0)
		arm(s, s->settings->tunnel_ms);
	if (result != SEND_OK || !end)
		return;
	s->is_response_done = true;
	if (unlikely(s->framing == FRAMING_TUNNEL))
		wire_shut(&s->wire);
}

static enum send_result
server_send_body(struct http_stream *stream, struct span data, bool end,
    size_t *taken)
{
	struct h1_server *s = server_of(stream);
	enum send_result result;

	if (s->framing == FRAMING_CHUNKED) {
		result = chunked_send(&s->wire, &s->response_left, data, end,
		    taken);
	} else {
		ASSERT(data.len <= s->response_left);
		result = wire_send(&s->wire, data, end, taken);
		if (s->framing == FRAMING_LENGTH)
			s->response_left -= *taken;
	}
	note_sent(s, result, end, *taken);
	return result;
}

static bool
server_takes_pipe(const struct http_stream *stream)
{
	const struct h1_server *s = server_of(stream);

	return s->framing != FRAMING_CHUNKED &&
	    s->wire.conn.ops->splice_out != NULL;
}

static enum send_result
server_send_pipe(struct http_stream *stream, struct pipe *p, bool end,
    size_t *taken)
{
	struct h1_server *s = server_of(stream);
	enum send_result result = wire_send_pipe(&s->wire, p, taken);

	if (s->framing == FRAMING_LENGTH)
		s->response_left -= *taken;
	note_sent(s, result, end, *taken);
	return result;
}

static enum send_result
server_send_trailers(struct http_stream *stream, const struct http_head *t)
{
	struct h1_server *s = server_of(stream);

	/* HTTP/1.0 and bodies with a length have no place for them. */
	if (s->framing == FRAMING_CHUNKED &&
	    !chunked_send_trailers(&s->wire, t)) {
		s->wire.has_failed = true;
		wire_run_later(&s->wire);
		return SEND_FAILED;
	}
	wire_flush(&s->wire);
	s->is_response_done = true;
	return result_of(s);
}

static void
server_resume(struct http_stream *stream)
{
	struct h1_server *s = server_of(stream);

	if (!s->is_paused)
		return;
	s->is_paused = false;
	s->has_new_rest = stash_len(&s->rest) > 0;
	if (!s->wire.is_blocked)
		pace_begin(&s->pace, clock_now_ms, 0);
	if (!s->is_running)
		wire_run_later(&s->wire);
}

static void
server_reset(struct http_stream *stream, enum reason why UNUSED)
{
	struct h1_server *s = server_of(stream);

	stream->sink = NULL;
	if (s->has_response_head && s->framing == FRAMING_CLOSE)
		wire_flush(&s->wire);
	set_state(s, STATE_CLOSE);
	stash_clear(&s->wire.unsent);
	if (!s->is_running)
		wire_run_later(&s->wire);
}

static bool
can_wait_for_next(const struct h1_server *s)
{
	return s->is_request_done && s->is_response_done && s->is_keep_alive &&
	    !s->wire.is_readable && stash_len(&s->rest) == 0 &&
	    !s->wire.has_failed;
}

static void
server_release(struct http_stream *stream)
{
	struct h1_server *s = server_of(stream);

	stream->sink = NULL;
	if (s->is_running)
		return;			/* the driver sees it */
	if (likely(can_wait_for_next(s)))
		(void)end_exchange(s);
	else
		wire_run_later(&s->wire);
}

static bool
server_has_ended(const struct http_stream *stream)
{
	return server_of(stream)->wire.is_ending;
}

static const struct http_stream_ops server_ops = {
	.send_info = server_send_info,
	.send_head = server_send_head,
	.send_body = server_send_body,
	.takes_pipe = server_takes_pipe,
	.send_pipe = server_send_pipe,
	.send_trailers = server_send_trailers,
	.resume = server_resume,
	.has_ended = server_has_ended,
	.reset = server_reset,
	.release = server_release,
};

/* ---- for listeners and workers */

void
h1_server_module_init(void)
{
	if (servers.is_ready)
		return;
	servers.is_ready = true;
	wire_module_init();
	slab_init(&servers.slab, sizeof(struct h1_server), sizeof(struct io));
	list_init(&servers.all);
	timer_init(&servers.fresh_timer, on_fresh);
}

static struct h1_server *
server_new(int fd, const struct address *client,
    const struct h1_server_settings *settings)
{
	struct h1_server *s = slab_take(&servers.slab);
	struct io io = s->wire.conn.io;	/* its tag goes on */

	memset(s, 0, sizeof(*s));
	s->wire.conn.io.tag = io.tag;
	conn_init_plain(&s->wire.conn, fd, on_event);
	wire_init(&s->wire, on_run);
	s->stream.ops = &server_ops;
	timer_init(&s->timer, on_timer);
	s->settings = settings;
	s->id = ++servers.last_id;
	keep_client(s, client);
	list_push(&servers.all, &s->link);
	servers.n++;
	return s;
}

void
h1_server_accept(int fd, const struct address *client,
    const struct h1_server_settings *settings)
{
	struct h1_server *s = server_new(fd, client, settings);

	s->end_ms = settings->age_ms == 0 ? UINT64_MAX :
	    clock_now_ms + settings->age_ms;
	/* Read first: a deferred accept comes with its request. */
	s->wire.is_readable = true;
	arm(s, settings->head_timeout_ms);
	wire_enter();
	if (server_run(s)) {
		if (s->state == STATE_EXCHANGE && s->is_request_done)
			add_fresh(s);
		else
			server_register(s);
	}
	wire_leave();
}

size_t
h1_server_connections(void)
{
	return servers.n;
}

static bool
is_idle(const struct h1_server *s)
{
	return s->state == STATE_HEAD && stash_len(&s->rest) == 0 &&
	    stash_len(&s->wire.unsent) == 0;
}

size_t
h1_server_close_idle(size_t n)
{
	struct list *it = servers.all.prev, *before;
	struct h1_server *s;
	size_t closed = 0;

	for (; it != &servers.all && closed < n; it = before) {
		before = it->prev;
		s = container_of(it, struct h1_server, link);
		if (!is_idle(s) || s->is_running)
			continue;
		server_free(s);
		closed++;
	}
	return closed;
}

void
h1_server_drain(void)
{
	servers.is_draining = true;
}

void
h1_server_offer_to(h1_server_taker *take)
{
	servers.take = take;
	if (++servers.taker == 0)
		servers.taker++;
}

void
h1_server_offer(void)
{
	struct list *it = servers.all.prev, *before;

	for (; it != &servers.all && servers.take != NULL; it = before) {
		before = it->prev;
		if (offer(container_of(it, struct h1_server, link)) ==
		    OFFER_FULL)
			return;
	}
}

void
h1_server_given(struct h1_server *s)
{
	ASSERT(s->state == STATE_GIVEN);
	server_free(s);
}

void
h1_server_take_back(struct h1_server *s, bool is_refused)
{
	ASSERT(s->state == STATE_GIVEN);
	set_state(s, is_tunnel(s) ? STATE_EXCHANGE : STATE_HEAD);
	arm(s, is_tunnel(s) ? s->settings->tunnel_ms :
	    s->settings->keep_alive_ms);
	if (is_refused)
		s->refused = servers.taker;
	server_register(s);
}

static struct h1_server *
adopt(const struct h1_server_rest *rest)
{
	struct h1_server *s = server_new(rest->fd, &rest->client,
	    rest->settings);

	s->requests = rest->requests;
	s->end_ms = rest->end_ms;
	loop_timer_set(&s->timer, rest->deadline_ms);
	server_register(s);
	if (unlikely(servers.take != NULL))
		wire_run_later(&s->wire);	/* we are leaving, too */
	return s;
}

void
h1_server_adopt(const struct h1_server_rest *rest)
{
	(void)adopt(rest);
}

struct http_stream *
h1_server_adopt_tunnel(const struct h1_server_rest *rest,
    bool client_has_ended, bool backend_has_ended, struct http_peer *peer)
{
	static const struct http_head h = { .framing = FRAMING_TUNNEL };
	struct h1_server *s = adopt(rest);

	set_state(s, STATE_EXCHANGE);
	s->method = METHOD_GET;
	s->version = HTTP_1_1;
	s->framing = FRAMING_TUNNEL;
	s->response_left = UINT64_MAX;
	body_begin(&s->body, &h, 0);
	s->has_response_head = true;
	s->is_request_done = client_has_ended;
	s->is_response_done = backend_has_ended;
	*peer = peer_of(s);
	return &s->stream;
}

void
h1_server_close_all(void)
{
	struct list *it, *after;

	list_each(it, after, &servers.all) {
		struct h1_server *s = container_of(it, struct h1_server, link);

		tell_reset(s, REASON_CLIENT_GONE);
		server_free(s);
	}
}
