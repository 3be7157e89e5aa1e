/* src/proxy/exchange.c -- one request, its attempts and its answer */
#include "proxy/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/assert.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/regex.h"
#include "core/stash.h"
#include "http/reply.h"
#include "http/uri.h"
#include "net/conn.h"
#include "net/pipe.h"
#include "proxy/router.h"

#define ANSWER_ROOM REPLY_WHOLE	/* of a route: a body, a target */

static struct slab exchanges;
static const struct http_stream_events client_events, backend_events;

static const char *const doing[] = {
#define X(id, words) [EXCHANGE_##id] = words,
	EXCHANGE_STATES(X)
#undef X
};

static struct exchange *
of_client(const struct http_stream *s)
{
	return container_of(s->sink, struct exchange, client_sink);
}

static struct exchange *
of_backend(const struct http_stream *s)
{
	return container_of(s->sink, struct exchange, backend_sink);
}

/* ---- beginning and end */

static inline struct exchange *
begin(struct proxy *p, struct http_stream *s,
    const struct http_peer *peer)
{
	struct exchange *x = slab_take(&exchanges);

	memset(x, 0, offsetof(struct exchange, id));
	x->client_sink.events = &client_events;
	x->backend_sink.events = &backend_events;
	x->client = s;
	x->proxy = p;
	x->id = ++p->exchanges;
	x->start_ns = clock_now_ns;
	x->connection = peer->connection;
	x->listener_port = peer->port;
	x->listener = peer->listener;
	endpoint_set(&x->peer, peer->client);
	x->from = x->peer;
	if (unlikely(peer->trusted != NULL) &&
	    cidrs_hold(peer->trusted, peer->client))
		x->trusted = peer->trusted;
	p->n_active++;
	return x;
}

static struct http_sink *
exchange_open(struct http_service *service, struct http_stream *s,
    const struct http_peer *peer)
{
	struct proxy *p = container_of(service, struct proxy, service);

	p->requests++;
	return &begin(p, s, peer)->client_sink;
}

static void
drop_kept(struct exchange *x)
{
	if (x->block != NULL)
		block_give(x->block, x->block_class);
	x->block = NULL;
	x->kept = NULL;
}

/* Both streams are gone: so is the exchange. */
static void
exchange_free(struct exchange *x)
{
	ASSERT(x->client == NULL && x->attempt == NULL);
	if (x->proxy->access != NULL && !x->is_logged)
		account_end(x, NULL);
	drop_kept(x);
	if (unlikely(x->aside != NULL))
		aside_drop(x);
	stash_clear(&x->replay);
	sticky_drop(x);
	x->proxy->n_active--;
	slab_give(&exchanges, x);
}

static void
end_trial(struct exchange *x)
{
	if (unlikely(x->is_trial))
		backend_end_trial(x->backend);
	x->is_trial = false;
}

/* The attempt is over, whatever became of it; its stream is given back. */
static void
end_attempt(struct exchange *x)
{
	struct http_stream *s = x->attempt;

	x->attempt = NULL;
	end_trial(x);
	backend_done(x->backend);
	s->ops->release(s);
}

/* The same of one that is not over: its connection is closed. */
static void
abandon_attempt(struct exchange *x, enum reason why)
{
	struct http_stream *s = x->attempt;

	x->attempt = NULL;
	end_trial(x);
	backend_done(x->backend);
	s->ops->reset(s, why);
}

static void
release_client(struct exchange *x)
{
	struct http_stream *s = x->client;

	x->client = NULL;
	s->ops->release(s);
}

/* ---- failures */

static COLD void
log_try(const struct exchange *x, enum log_level level, const char *word)
{
	int error = errno;
	struct address client;
	struct log_context ctx = {
		.connection = x->connection, .exchange = x->id,
		.doing = doing[x->state], .client = &client,
		.upstream = x->upstream == NULL ? NULL : x->upstream->name,
		.backend = x->backend == NULL ? NULL : x->backend->name,
	};

	endpoint_address(&x->from, &client);
	(error != 0 ? log_write_errno : log_write)(level, &ctx, "%s", word);
}

/* What costs nobody anything is no reason to warn. */
static void
log_failure(const struct exchange *x, enum reason why)
{
	log_try(x, reasons[why].is_charged || why == REASON_LOCAL ?
	    LOG_WARN : LOG_INFO, reasons[why].word);
}

/* Seconds, for a 503. */
static uint32_t
retry_after(const struct exchange *x)
{
	return x->upstream != NULL && x->upstream->has_limits ?
	    queue_retry_after(x->upstream) : 1;
}

/* Answers for the backends; the client has seen nothing of them yet. */
static void
answer(struct exchange *x, enum reason why)
{
	char id[REQUEST_ID_LEN + 1];

	if (x->kept != NULL)
		x->media = (uint8_t)head_accept(x->kept);
	request_id_make(id);
	x->why = (uint8_t)why;
	x->status = reasons[why].status;
	x->bytes_out = reply_reason(x->client, why, x->media,
	    x->method == METHOD_HEAD, id, retry_after(x));
	if (x->proxy->access != NULL && !x->is_logged)
		account_end(x, id);
	x->is_logged = true;
	x->state = EXCHANGE_END;
	release_client(x);
	exchange_free(x);
}

static void
cut_client(struct exchange *x, enum reason why)
{
	struct http_stream *s = x->client;

	x->client = NULL;
	x->why = (uint8_t)why;
	s->ops->reset(s, why);
}

static inline uint64_t
us_since_lease(const struct exchange *x)
{
	return (clock_now_ns - x->leased_ns) / 1000;
}

/* errno may say more of why. */
static void
charge(struct exchange *x, enum reason why)
{
	log_failure(x, why);
	if (reasons[why].is_charged) {
		backend_failed(x->backend, FAILURE_LOCAL, x->is_trial);
		backend_penalize(x->backend, us_since_lease(x));
	}
	end_trial(x);
}

/* ---- attempts */

/* `is_fresh`: pooled ones to this backend have just been found dead. */
static inline enum lease_kind
lease_kind_for(const struct exchange *x, bool is_fresh)
{
	if (unlikely(is_fresh))
		return LEASE_FRESH;
	return method_is_idempotent(x->method) ? LEASE_ANY : LEASE_QUIET;
}

/* Room for a copy of the request's head: our own tail, or a block. */
static void
keep_head(struct exchange *x, const struct http_head *h)
{
	size_t size = sizeof(*h) + head_copy_size(h);
	unsigned class = 0;
	char *at = x->tail;

	if (size > EXCHANGE_SIZE - offsetof(struct exchange, tail)) {
		x->block = at = block_take(size, &class);
		x->block_class = (uint8_t)class;
	}
	x->kept = (struct http_head *)(void *)at;
	head_copy(x->kept, h, at + sizeof(*h));
}

/* What an earlier attempt took, once more; true: all of it is sent. */
static bool
push_replay(struct exchange *x)
{
	struct span rest = span_skip(stash_span(&x->replay), x->replayed);
	size_t taken = 0;

	if (rest.len > 0 || x->is_request_done)
		x->is_replaying = x->attempt->ops->send_body(x->attempt, rest,
		    x->is_request_done, &taken) != SEND_OK;
	else
		x->is_replaying = false;
	x->replayed += (uint32_t)taken;
	return !x->is_replaying;
}

/* Content may be needed again while the request may be sent twice. */
static void
keep_content(struct exchange *x, struct span taken)
{
	if (taken.len == 0 || x->has_taken_body)
		return;
	if (x->kept != NULL && method_is_idempotent(x->method) &&
	    stash_append(&x->replay, taken, REPLAY_MAX)) {
		x->replayed += (uint32_t)taken.len;
		return;
	}
	stash_clear(&x->replay);
	x->has_taken_body = true;
}

/* A failure to send comes as an event. */
static inline __attribute__((always_inline)) void
send_request(struct exchange *x, struct http_head *h)
{
	bool end = head_has_no_body(h);

	x->attempt->sink = &x->backend_sink;
	if (unlikely(x->target != NULL && x->target->has_timeouts))
		x->attempt->timeouts = &x->target->timeouts;
	x->state = x->is_pooled ? EXCHANGE_WAIT : EXCHANGE_CONNECT;
	if (unlikely((x->retry->try_ms | x->retry->total_ms) != 0))
		aside_begin_try(x);
	if (unlikely(x->proxy->access != NULL))
		x->connected_us = x->is_pooled ? account_us(x) : 0;
	(void)x->attempt->ops->send_head(x->attempt, h, end);
	x->replayed = 0;
	if (unlikely(!end && (x->is_request_done ||
	    stash_len(&x->replay) > 0)))
		(void)push_replay(x);
}

/* One lease. REASON_NONE: under way. */
static inline __attribute__((always_inline)) enum reason
try_backend(struct exchange *x, struct http_head *h, bool is_fresh)
{
	x->leased_ns = clock_now_ns;
	x->attempt = backend_lease(x->backend, lease_kind_for(x, is_fresh),
	    &x->is_pooled);
	if (likely(x->attempt != NULL)) {
		send_request(x, h);
		return REASON_NONE;
	}
	if (errno == EBUSY)
		return REASON_QUEUE_FULL;
	return conn_is_local_error(errno) ? REASON_LOCAL : REASON_CONNECT;
}

/* Another than those tried, while there is one. */
static struct backend *
pick_other(struct exchange *x, struct pick *p)
{
	struct backend *b = upstream_pick(x->upstream, p);

	if (likely(b != NULL) || p->n_tried == 0 || p->is_full)
		return b;
	p->n_tried = 0;
	return upstream_pick(x->upstream, p);
}

/* REASON_QUEUE_FULL: there is one, but at its limit of connections. */
static enum reason
pick_backend(struct exchange *x)
{
	struct pick p = { .tried = x->tried, .n_tried = x->n_attempts,
		.has_key = x->has_key, .key = x->key };
	struct backend *b = x->named;

	if (likely(b == NULL) || x->n_attempts > 0 ||
	    !backend_can_serve(b) || !backend_has_place(b)) {
		if (b != NULL && x->upstream->sticky->fails_when_down)
			return REASON_NO_BACKEND;
		b = pick_other(x, &p);
	}
	if (unlikely(b == NULL))
		return p.is_full ? REASON_QUEUE_FULL : REASON_NO_BACKEND;
	x->backend = b;
	x->is_trial = p.is_trial;
	x->tried[x->n_attempts++] = b;
	return REASON_NONE;
}

/* Another one took the connection before it: as if it had not been tried. */
static COLD enum reason
take_back(struct exchange *x)
{
	end_trial(x);
	x->n_attempts--;
	return REASON_QUEUE_FULL;
}

/*
 * Goes on to the next backend until an attempt is under way. REASON_NONE:
 * one is; else the reason of the last failure.
 */
static enum reason
start_attempt(struct exchange *x, struct http_head *h)
{
	enum reason why = REASON_NO_BACKEND, pick;

	do {
		pick = pick_backend(x);
		if (unlikely(pick != REASON_NONE))
			return pick == REASON_QUEUE_FULL ? pick : why;
		why = try_backend(x, h, false);
		if (likely(why == REASON_NONE))
			return why;
		if (why == REASON_QUEUE_FULL)
			return take_back(x);
		x->state = EXCHANGE_CONNECT;
		charge(x, why);
	} while (retry_is_safe(x, why, SENT_NOTHING) && retry_take(x, why));
	return why;
}

/* The kept head once more; the edits of forward_request are made anew. */
static enum reason
retry(struct exchange *x, bool same_backend)
{
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct forward_room room;
	struct http_head h = *x->kept;
	enum reason why;

	h.extras = extras;
	why = forward_request(x, &h, &room);
	if (why != REASON_NONE)
		return why;
	if (same_backend && try_backend(x, &h, true) == REASON_NONE)
		return REASON_NONE;
	return start_attempt(x, &h);
}

static void
finish(struct exchange *x)
{
	x->state = EXCHANGE_END;
	end_attempt(x);
	release_client(x);
	exchange_free(x);
}

/* ---- responses: the one that the client gets */

static void
note_head(struct exchange *x, const struct http_head *h)
{
	x->head_us = account_us(x);
	if (x->connected_us == 0)
		x->connected_us = x->head_us;
	account_response(x, h);
}

/* A response is there, no other try comes: what one would need goes, but
 * what the log says, and what this try has still to send. */
static inline void
settle(struct exchange *x, const struct http_head *h)
{
	x->status = h->status;
	x->has_taken_body = true;
	if (unlikely(x->aside != NULL))
		aside_end_try(x);
	if (likely(!x->is_replaying))
		stash_clear(&x->replay);
	if (likely(x->proxy->access == NULL || x->is_logged))
		drop_kept(x);
	else
		note_head(x, h);
	x->state = EXCHANGE_RELAY;
}

/* Its own attempt may still be there, and the last one need not be. */
static COLD void
finish_held(struct exchange *x)
{
	if (x->attempt != NULL)
		end_attempt(x);
	x->state = EXCHANGE_END;
	release_client(x);
	exchange_free(x);
}

/* Content of a response that was kept back; may end the exchange. */
COLD void
exchange_push_held(struct exchange *x)
{
	struct aside *a = x->aside;
	size_t taken = 0;
	enum send_result result = x->client->ops->send_body(x->client,
	    stash_span(&a->body), a->is_whole, &taken);

	x->bytes_out += taken;
	stash_drop(&a->body, taken);
	if (result != SEND_OK)
		return;
	if (!a->is_whole) {
		aside_forget(x);
		x->attempt->ops->resume(x->attempt);
		return;
	}
	finish_held(x);
}

/* The response that was kept back is the answer, as far as it is there. */
static COLD void
relay_held(struct exchange *x)
{
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct aside *a = x->aside;
	struct forward_room room;
	struct http_head h = a->head;
	bool end = head_has_no_body(&h);
	enum reason why;

	h.extras = extras;
	x->backend = a->backend;
	why = forward_response(x, &h, &room);
	ASSERT(why == REASON_NONE);	/* it was asked before */
	settle(x, &h);
	(void)x->client->ops->send_head(x->client, &h, end);
	if (end)
		finish_held(x);
	else
		aside_push_later(x);
}

/* ---- events of the client's stream */

void
route_request_init(struct route_request *q, const struct exchange *x,
    const struct http_head *h, struct address *client)
{
	*q = (struct route_request){
		.host = h->host, .path = request_path(h),
		.query = uri_query(h->target), .method = h->method_text,
		.head = h, .client = client, .listener = x->listener,
	};
	endpoint_address(&x->from, client);
}

static enum reason
find_route(struct exchange *x, const struct http_head *h)
{
	uint64_t undecided = regex_limits_hit();
	struct address client;
	struct route_request q;

	route_request_init(&q, x, h, &client);
	x->route = router_find(x->proxy->router, &q);
	/* A pattern that could not decide may be one that refuses. */
	if (unlikely(regex_limits_hit() != undecided))
		return REASON_BAD_REQUEST;
	if (x->route == NULL)
		return REASON_NOT_FOUND;
	x->is_logged = x->route->log_sample == SAMPLE_OFF;
	return REASON_NONE;
}

/* A route may have another limit than limits.request_body. */
static enum reason
check_length(const struct exchange *x, const struct http_head *h)
{
	uint64_t most = x->route->body_limit;

	if (likely(!x->proxy->conf->has_body_limits))
		return REASON_NONE;
	if (most > 0 && h->framing == FRAMING_LENGTH && h->body_len > most)
		return REASON_BODY_TOO_LARGE;
	x->client->body_limit = most;
	return REASON_NONE;
}

static enum reason
take_route(struct exchange *x, struct http_head *h)
{
	enum reason why = find_route(x, h);

	if (why == REASON_NONE)
		why = check_length(x, h);
	if (why != REASON_NONE || x->route->action != ACTION_UPSTREAM)
		return why;
	x->target = target_choose(x, h);
	x->upstream = &x->proxy->upstreams[x->target->upstream];
	x->retry = &x->target->retry;
	return REASON_NONE;
}

static COLD void
look_at_request(struct exchange *x, const struct http_head *h)
{
	if (x->upstream->sticky != NULL)
		sticky_take(x, h);
	if (x->upstream->strategy_id == STRATEGY_HASH)
		key_take(x, h);
}

static enum reason
check_request(struct exchange *x, struct http_head *h)
{
	enum reason why = REASON_NONE;

	if (head_via_count(h, x->proxy->via_name) >
	    x->proxy->conf->max_hops)
		return REASON_LOOP;
	if (x->proxy->router != NULL) {
		why = take_route(x, h);
	} else {
		x->upstream = &x->proxy->upstreams[
		    x->proxy->conf->default_upstream];
		x->retry = &x->upstream->conf->retry;
	}
	if (unlikely(x->upstream != NULL && x->upstream->looks_at_request))
		look_at_request(x, h);
	return why;
}

/* Behind an answer of our own to the request `h`, which is not kept yet. */
static void
end_here(struct exchange *x, const struct http_head *h,
    const struct http_reply *r)
{
	x->state = EXCHANGE_END;
	x->status = (uint16_t)r->status;
	x->bytes_out = h->method == METHOD_HEAD ? 0 : r->body.len;
	x->kept = (struct http_head *)(uintptr_t)h;
	release_client(x);
	exchange_free(x);
}

/* RFC 9110 7.6.2: no hop is left, we are the last; true: answered. */
static bool
answer_hop(struct exchange *x, const struct http_head *h)
{
	const struct http_reply r = {
		.status = 200, .content_type = SPAN("text/plain"),
		.extras = &reply_allow, .n_extras = 1,
	};
	struct span rest;

	if (forward_hops(h) != 0)
		return false;
	if (h->method == METHOD_TRACE) {
		x->kept = (struct http_head *)(uintptr_t)h;
		answer(x, REASON_METHOD);	/* nothing of it is shown */
		return true;
	}
	(void)reply_send(x->client, &r, false, &rest);
	end_here(x, h, &r);
	return true;
}

/* What the route itself answers. */
static void
answer_route(struct exchange *x, const struct http_head *h)
{
	const struct route_conf *r = x->route;
	struct http_extra location = { SPAN("Location"), { NULL, 0 } };
	struct http_reply reply = { .status = r->status };
	char text[ANSWER_ROOM];
	struct span expanded, rest;

	if (!expand(&r->text, x, h, text, sizeof(text), &expanded)) {
		x->kept = (struct http_head *)(uintptr_t)h;
		answer(x, REASON_URI_TOO_LONG);	/* what grew came with it */
		return;
	}
	if (r->action == ACTION_RESPOND) {
		reply.content_type = span_str(r->content_type);
		reply.body = expanded;
	} else {
		reply.content_type = SPAN("text/plain");
		location.value = expanded;
		reply.extras = &location;
		reply.n_extras = 1;
	}
	(void)reply_send(x->client, &reply, h->method == METHOD_HEAD, &rest);
	end_here(x, h, &reply);
}

static bool
may_upgrade(const struct exchange *x, struct span protocol)
{
	if (x->route == NULL)
		return span_equal_nocase(protocol, SPAN("websocket"));
	for (size_t i = 0; i < x->route->upgrade.n; i++)
		if (span_equal_nocase(protocol,
		    span_str(x->route->upgrade.at[i])))
			return true;
	return false;
}

/* semantics.md (j), Upgrade: what may be asked for, else a plain request. */
static void
take_upgrade(const struct exchange *x, struct http_head *h, bool end)
{
	const struct http_field *f = head_find(h, FIELD_UPGRADE);

	h->upgrade = span_of(NULL, 0);
	if (likely(f == NULL) || !h->has_upgrade_option || !end ||
	    h->method != METHOD_GET || h->version != HTTP_1_1)
		return;
	if (may_upgrade(x, field_value(h, f)) &&
	    head_count(h, FIELD_UPGRADE) == 1)
		h->upgrade = field_value(h, f);
}

/* Whoever comes while others wait does so behind them, unless these all want
 * what is full. */
static inline enum reason
start(struct exchange *x, struct http_head *h)
{
	return unlikely(x->upstream->n_waiting > 0) &&
	    !x->upstream->all_are_choosy ? REASON_QUEUE_FULL :
	    start_attempt(x, h);
}

/* Its turn, or an answer. */
static COLD void
wait_or_answer(struct exchange *x, struct http_head *h)
{
	keep_head(x, h);
	x->state = EXCHANGE_QUEUE;
	if (!aside_wait(x))
		answer(x, REASON_QUEUE_FULL);
}

static void
client_on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct exchange *x = of_client(s);
	struct forward_room room;
	enum reason why;

	x->method = h->method;
	x->version = h->version;
	x->is_request_done = end;
	if (unlikely(x->trusted != NULL))
		trust_find_client(x, h);
	if (unlikely(head_has(h, FIELD_MAX_FORWARDS)) && answer_hop(x, h))
		return;
	forward_target(h);
	why = check_request(x, h);
	if (why == REASON_NONE && unlikely(x->upstream == NULL)) {
		answer_route(x, h);
		return;
	}
	take_upgrade(x, h, end);
	if (why == REASON_NONE)
		why = forward_request(x, h, &room);
	if (why == REASON_NONE) {
		upstream_count(x->upstream);
		why = start(x, h);
	}
	if (unlikely(why == REASON_QUEUE_FULL)) {
		wait_or_answer(x, h);
		return;
	}
	if (unlikely(why != REASON_NONE)) {
		x->kept = h;	/* for the log */
		answer(x, why);
		return;
	}
	keep_head(x, h);
}

/* Also if it failed: the client will not say the end again. */
static void
note_request_end(struct exchange *x, enum send_result result)
{
	x->is_request_done = true;
	if (unlikely(x->is_response_done) && result == SEND_OK)
		finish(x);
	else if (unlikely(x->aside != NULL) && x->state < EXCHANGE_HOLD)
		aside_begin_try(x);	/* the backend has all of it now */
}

static size_t
client_on_body(struct http_stream *s, struct span data, bool end)
{
	struct exchange *x = of_client(s);
	enum send_result result;
	size_t taken = 0;

	if (x->attempt == NULL) {	/* it waits; data stays with the stream */
		x->is_request_done |= end && data.len == 0;
		return 0;
	}
	if (unlikely(x->is_replaying)) {
		x->is_request_done |= end && data.len == 0;
		return 0;
	}
	result = x->attempt->ops->send_body(x->attempt, data, end, &taken);
	x->bytes_in += taken;
	keep_content(x, span_of(data.ptr, taken));
	if (end && taken == data.len)
		note_request_end(x, result);
	return taken;
}

/* Only what no other try can need stays unseen. */
static bool
client_takes_pipe(const struct http_stream *s)
{
	const struct exchange *x = of_client(s);

	return x->attempt != NULL && x->has_taken_body && !x->is_replaying &&
	    x->attempt->ops->takes_pipe != NULL &&
	    x->attempt->ops->takes_pipe(x->attempt);
}

static size_t
client_on_pipe(struct http_stream *s, struct pipe *p, bool end)
{
	struct exchange *x = of_client(s);
	enum send_result result;
	size_t taken = 0;

	if (x->attempt == NULL)
		return 0;
	result = x->attempt->ops->send_pipe(x->attempt, p, end, &taken);
	x->bytes_in += taken;
	if (end && p->len == 0)
		note_request_end(x, result);
	return taken;
}

static void
client_on_trailers(struct http_stream *s, struct http_head *t)
{
	struct exchange *x = of_client(s);

	/* Another try goes without them (RFC 9110 6.5.1). */
	x->is_request_done = true;
	if (x->is_replaying || x->attempt == NULL)
		return;
	trailers_drop_forbidden(t);
	(void)x->attempt->ops->send_trailers(x->attempt, t);
}

static void
client_on_writable(struct http_stream *s)
{
	struct exchange *x = of_client(s);

	if (unlikely(has_held(x)) && x->state == EXCHANGE_RELAY)
		exchange_push_held(x);
	else if (x->attempt != NULL)
		x->attempt->ops->resume(x->attempt);
}

static void
client_on_reset(struct http_stream *s, enum reason why, enum sent sent UNUSED)
{
	struct exchange *x = of_client(s);

	x->why = (uint8_t)why;
	if (x->status == 0)
		x->status = why == REASON_CLIENT_GONE ? 499 :
		    reasons[why].status;
	errno = 0;
	if (log_threshold >= LOG_INFO && why != REASON_CLIENT_GONE)
		log_failure(x, why);
	if (x->attempt != NULL)
		abandon_attempt(x, REASON_CLIENT_GONE);
	release_client(x);
	exchange_free(x);
}

static void
client_on_info(struct http_stream *s UNUSED, struct http_head *h UNUSED)
{
}

static const struct http_stream_events client_events = {
	.on_info = client_on_info,
	.on_head = client_on_head,
	.on_body = client_on_body,
	.takes_pipe = client_takes_pipe,
	.on_pipe = client_on_pipe,
	.on_trailers = client_on_trailers,
	.on_writable = client_on_writable,
	.on_reset = client_on_reset,
};

/* ---- events of the backend's stream */

/* No other try: the last response that is kept back, else an answer of ours
 * (semantics.md (f), retry). */
static COLD void
give_up(struct exchange *x, enum reason why)
{
	if (has_held(x))
		relay_held(x);
	else
		answer(x, why);
}

/* The attempt is gone. */
static void
go_on(struct exchange *x, enum reason why, enum sent sent)
{
	enum reason next;
	bool is_free;

	if (!retry_is_due(x, why, sent)) {
		give_up(x, why);
		return;
	}
	is_free = retry_is_free(x, why);
	x->has_retried_free |= is_free;
	next = retry(x, is_free);
	if (next == REASON_QUEUE_FULL) {
		x->state = EXCHANGE_QUEUE;
		if (aside_wait(x))
			return;
	}
	if (next == REASON_NONE)
		x->client->ops->resume(x->client);
	else
		give_up(x, next == REASON_NO_BACKEND ? why : next);
}

/* Another try, for the sake of which a response was kept back; without one
 * that response is the answer, or `why` if it is not whole. */
static COLD void
better_held(struct exchange *x, enum reason why)
{
	if (!x->aside->is_whole)
		aside_forget(x);
	if (retry_take(x, why) && retry(x, false) == REASON_NONE)
		x->client->ops->resume(x->client);
	else
		give_up(x, why);
}

/* The attempt failed: `s` is dead and already let go of by its codec. */
static void
fail_attempt(struct exchange *x, enum reason why, enum sent sent)
{
	bool is_held = x->state == EXCHANGE_HOLD;

	if (is_held)
		log_failure(x, why);	/* its status has been charged */
	else if (why != REASON_STALE)
		charge(x, why);
	end_attempt(x);
	if (is_held) {
		/* The client does not know that there was a part of it. */
		better_held(x, why == REASON_TRUNCATED ? REASON_RESET : why);
		return;
	}
	if (x->state >= EXCHANGE_RELAY) {
		cut_client(x, why);
		exchange_free(x);
		return;
	}
	go_on(x, why, sent);
}

/* ---- the queue */

/* It has sent its end while it waited: nobody may want the answer, and
 * others wait, too (semantics.md (j), client gone). */
static COLD void
drop_client(struct exchange *x)
{
	x->status = 499;
	cut_client(x, REASON_CLIENT_GONE);
	exchange_free(x);
}

bool
exchange_turn(struct exchange *x, bool is_over)
{
	const struct http_stream_ops *ops = x->client->ops;
	enum reason why;

	if (ops->has_ended != NULL && ops->has_ended(x->client)) {
		drop_client(x);
		return true;
	}
	if (is_over) {
		give_up(x, REASON_QUEUE_TIMEOUT);
		return true;
	}
	why = retry(x, false);
	if (why == REASON_QUEUE_FULL)
		return false;
	if (why == REASON_NONE)
		x->client->ops->resume(x->client);
	else
		give_up(x, why);
	return true;
}

/* ---- deadlines */

/* The client still sends: that is not the backend's time. */
static bool
waits_for_client(const struct exchange *x)
{
	return x->state == EXCHANGE_WAIT && !x->is_request_done;
}

void
exchange_try_is_over(struct exchange *x)
{
	bool is_connecting = x->state == EXCHANGE_CONNECT;
	enum reason why = is_connecting ? REASON_CONNECT_TIMEOUT :
	    REASON_TIMEOUT;
	bool is_held = x->state == EXCHANGE_HOLD;

	if (waits_for_client(x)) {
		aside_begin_try(x);
		return;
	}
	errno = 0;
	if (is_held)
		log_failure(x, why);
	else
		charge(x, why);
	abandon_attempt(x, why);
	if (is_held)
		better_held(x, why);
	else
		go_on(x, why, is_connecting ? SENT_NOTHING : SENT_ALL);
}

/* One that was not given all the time is not to blame. */
static COLD void
note_late(struct exchange *x)
{
	errno = 0;
	if (x->attempt != NULL && x->aside->queue_us == 0 &&
	    x->n_attempts == 1 && x->is_request_done && !x->has_retried_free &&
	    x->state < EXCHANGE_HOLD)
		charge(x, REASON_TIMEOUT);
	else
		log_failure(x, REASON_TIMEOUT);
}

void
exchange_total_is_over(struct exchange *x)
{
	queue_leave(&x->aside->waiter);
	note_late(x);
	if (x->state == EXCHANGE_HOLD)
		aside_forget(x);
	if (x->attempt != NULL)
		abandon_attempt(x, REASON_TIMEOUT);
	if (x->state < EXCHANGE_RELAY) {
		give_up(x, REASON_TIMEOUT);
		return;
	}
	cut_client(x, REASON_TIMEOUT);
	exchange_free(x);
}

/* ---- */

static void
backend_on_connect(struct http_stream *s)
{
	struct exchange *x = of_backend(s);

	if (x->state != EXCHANGE_CONNECT)
		return;
	x->state = EXCHANGE_WAIT;
	if (unlikely(x->proxy->access != NULL))
		x->connected_us = account_us(x);
}

static void
backend_on_reset(struct http_stream *s, enum reason why, enum sent sent)
{
	fail_attempt(of_backend(s), why, sent);
}

static void
backend_on_info(struct http_stream *s, struct http_head *h)
{
	struct exchange *x = of_backend(s);

	x->state = EXCHANGE_WAIT;
	if (x->version == HTTP_1_0 ||
	    forward_response(x, h, NULL) != REASON_NONE)
		return;
	x->has_said_info = true;
	(void)x->client->ops->send_info(x->client, h);
}

/* What only we can see: the codec found the head well-formed. */
static void
refuse_response(struct exchange *x, enum reason why)
{
	x->state = EXCHANGE_WAIT;
	errno = 0;
	charge(x, why);
	end_attempt(x);
	answer(x, why);
}

/* The backend's own word that it cannot serve (interfaces.md, failures). */
static void
judge_status(struct exchange *x, unsigned status)
{
	if (likely(status < 500) || !retry_is_charged(x, status))
		backend_succeeded(x->backend, x->is_trial);
	else
		backend_failed(x->backend, FAILURE_GATEWAY, x->is_trial);
	backend_timed(x->backend, us_since_lease(x), status);
	end_trial(x);
}

/* The client may never hear of it. */
static COLD void
log_status(const struct exchange *x, unsigned status)
{
	char word[8];

	errno = 0;
	(void)snprintf(word, sizeof(word), "%u", status);
	log_try(x, retry_is_charged(x, status) ? LOG_WARN : LOG_INFO, word);
}

/* The response that is kept back is whole. */
static COLD void
end_held(struct exchange *x)
{
	x->aside->is_whole = true;
	end_attempt(x);
	better_held(x, REASON_NONE);
}

/* A response that another try may better is kept back. */
static COLD void
hold_response(struct exchange *x, const struct http_head *h, bool end)
{
	judge_status(x, h->status);
	log_status(x, h->status);
	aside_keep_head(x, h);
	x->state = EXCHANGE_HOLD;
	if (end)
		end_held(x);
}

/* Which lasts as long as it lasts: timeouts.total is not for it. */
static void
begin_tunnel(struct exchange *x)
{
	x->state = EXCHANGE_TUNNEL;
	x->is_request_done = false;
	if (unlikely(x->aside != NULL))
		aside_drop(x);
}

static void
backend_on_head(struct http_stream *s, struct http_head *h, bool end)
{
	struct exchange *x = of_backend(s);
	struct forward_room room;
	enum reason why = forward_response(x, h, &room);

	if (unlikely(why != REASON_NONE)) {
		refuse_response(x, why);
		return;
	}
	if (unlikely(h->status >= 429) && retry_may_better(x, h)) {
		hold_response(x, h, end);
		return;
	}
	judge_status(x, h->status);
	if (unlikely(has_held(x)))
		aside_forget(x);
	settle(x, h);
	if (unlikely(h->framing == FRAMING_TUNNEL))
		begin_tunnel(x);
	(void)x->client->ops->send_head(x->client, h, end);
	if (end)
		finish(x);
}

static void
note_response_end(struct exchange *x)
{
	x->is_response_done = true;
	if (x->state != EXCHANGE_TUNNEL || x->is_request_done)
		finish(x);
}

/*
 * True: what came is kept back, too, or waits behind what was. A response that
 * gets too long for that is the answer.
 */
static COLD bool
hold_body(struct exchange *x, struct span data, bool end, size_t *taken)
{
	if (!has_held(x))
		return false;
	if (x->state == EXCHANGE_HOLD) {
		if (aside_keep_body(x, data)) {
			*taken = data.len;
			if (end)
				end_held(x);
			return true;
		}
		relay_held(x);
	}
	if (has_held(x) && end && data.len == 0)
		x->aside->is_whole = true;
	return has_held(x);
}

static size_t
backend_on_body(struct http_stream *s, struct span data, bool end)
{
	struct exchange *x = of_backend(s);
	enum send_result result;
	size_t taken = 0;

	if (unlikely(x->aside != NULL) && hold_body(x, data, end, &taken))
		return taken;
	result = x->client->ops->send_body(x->client, data, end, &taken);
	x->bytes_out += taken;
	if (result == SEND_OK && end)
		note_response_end(x);
	return taken;
}

static bool
backend_takes_pipe(const struct http_stream *s)
{
	const struct exchange *x = of_backend(s);

	return !has_held(x) && x->client->ops->takes_pipe != NULL &&
	    x->client->ops->takes_pipe(x->client);
}

static size_t
backend_on_pipe(struct http_stream *s, struct pipe *p, bool end)
{
	struct exchange *x = of_backend(s);
	enum send_result result;
	size_t taken = 0;

	result = x->client->ops->send_pipe(x->client, p, end, &taken);
	x->bytes_out += taken;
	if (result == SEND_OK && end)
		note_response_end(x);
	return taken;
}

static void
backend_on_trailers(struct http_stream *s, struct http_head *t)
{
	struct exchange *x = of_backend(s);
	size_t taken;

	if (unlikely(has_held(x))) {
		/* They may be left out (RFC 9110 6.5.1). */
		(void)hold_body(x, span_of(NULL, 0), true, &taken);
		return;
	}
	trailers_drop_forbidden(t);
	if (x->client->ops->send_trailers(x->client, t) == SEND_OK)
		finish(x);
}

static void
backend_on_writable(struct http_stream *s)
{
	struct exchange *x = of_backend(s);

	if (unlikely(x->is_replaying) && !push_replay(x))
		return;
	if (x->client != NULL)
		x->client->ops->resume(x->client);
}

static const struct http_stream_events backend_events = {
	.on_connect = backend_on_connect,
	.on_info = backend_on_info,
	.on_head = backend_on_head,
	.on_body = backend_on_body,
	.takes_pipe = backend_takes_pipe,
	.on_pipe = backend_on_pipe,
	.on_trailers = backend_on_trailers,
	.on_writable = backend_on_writable,
	.on_reset = backend_on_reset,
};

/* ---- for tunnels that pass from process to process */

struct exchange *
exchange_of(const struct http_stream *client)
{
	return client->sink->events == &client_events ? of_client(client) :
	    NULL;
}

struct exchange *
exchange_new(struct proxy *p, struct http_stream *client,
    const struct http_peer *peer)
{
	return begin(p, client, peer);
}

void
exchange_keep_head(struct exchange *x, const struct http_head *h)
{
	keep_head(x, h);
}

void
exchange_forget(struct exchange *x)
{
	account_drop(x);
	x->is_logged = true;
	finish(x);
}

void
exchange_lead(struct exchange *x, struct http_stream *attempt)
{
	x->client->sink = &x->client_sink;
	x->attempt = attempt;
	attempt->sink = &x->backend_sink;
	x->state = EXCHANGE_TUNNEL;
}

/* ---- the service */

/* Only the log hears of it. */
static void
on_refused(struct http_service *service, const struct http_peer *peer,
    enum reason why)
{
	struct proxy *p = container_of(service, struct proxy, service);
	struct exchange x = {
		.proxy = p, .listener = peer->listener,
		.version = HTTP_1_1, .start_ns = clock_now_ns,
		.why = (uint8_t)why, .status = reasons[why].status,
	};

	if (p->access == NULL)
		return;
	endpoint_set(&x.from, peer->client);
	account_end(&x, NULL);
}

void
proxy_log_to(struct proxy *p, struct writer *w)
{
	p->access = w;
}

void
proxy_init(struct proxy *p, const struct conf *conf,
    struct upstream *upstreams)
{
	int len;

	memset(p, 0, sizeof(*p));
	p->service.open = exchange_open;
	p->service.on_refused = on_refused;
	p->conf = conf;
	p->upstreams = upstreams;
	p->n_upstreams = conf->n_upstreams;
	if (conf->via != NULL) {
		len = snprintf(p->via, sizeof(p->via), "1.1 %s", conf->via);
		ASSERT(len > 4 && (size_t)len < sizeof(p->via));
		p->via_value = span_of(p->via, (size_t)len);
		p->via_name = span_skip(p->via_value, 4);
	}
	if (conf->n_routes > 0)
		p->router = router_new(conf->routes, conf->n_routes);
	slab_init(&exchanges, EXCHANGE_SIZE, 0);
	aside_module_init();
	stash_module_init();
}

void
proxy_fini(struct proxy *p)
{
	if (p->router != NULL)
		router_free(&p->router);
}
