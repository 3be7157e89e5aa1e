/* src/proxy/tunnel.c -- tunnels that pass from process to process */
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "proc/register.h"
#include "proxy/exchange.h"

/* ---- giving */

/* The names are read where they are; these are printed. */
static struct {
	char identity[BACKEND_IDENTITY_MAX];
	char said[SAID_TEXT_MAX];
} text;

static struct span
identity_of(const struct backend *b)
{
	backend_identity(b->upstream->conf, b->conf, text.identity);
	return span_str(text.identity);
}

static void
describe(const struct exchange *x, struct proxy_tunnel *t)
{
	*t = (struct proxy_tunnel){
		.upstream = span_str(x->upstream->name),
		.backend = identity_of(x->backend), .slot = x->backend->slot,
		.age_ns = clock_now_ns - x->start_ns,
		.bytes_in = x->bytes_in, .bytes_out = x->bytes_out,
		.connected_us = x->connected_us, .head_us = x->head_us,
		.status = x->status, .attempts = x->n_attempts,
		.is_pooled = x->is_pooled, .is_unlogged = x->is_logged,
		.client_has_ended = x->is_request_done,
		.backend_has_ended = x->is_response_done,
	};
	endpoint_address(&x->from, &t->from);
	if (x->route != NULL)
		t->route = span_str(x->route->name);
	if (x->kept != NULL)
		t->request = span_of(x->kept->base, x->kept->size);
	t->response = span_of(text.said,
	    account_print_response(x, text.said));
}

bool
proxy_describe_tunnel(const struct http_stream *client,
    struct proxy_tunnel *t, struct http_stream **attempt)
{
	const struct exchange *x = exchange_of(client);

	if (x == NULL || x->state != EXCHANGE_TUNNEL || x->attempt == NULL)
		return false;
	*attempt = x->attempt;
	describe(x, t);
	return true;
}

void
proxy_forget_tunnel(struct http_stream *client)
{
	exchange_forget(exchange_of(client));
}

/* ---- taking */

struct backend *
proxy_find_backend(struct proxy *p, const struct proxy_tunnel *t)
{
	for (size_t i = 0; i < p->n_upstreams; i++)
		if (span_equal(t->upstream, span_str(p->upstreams[i].name)))
			return upstream_adopter(&p->upstreams[i], t->slot,
			    t->backend);
	return NULL;
}

static const struct route_conf *
find_route(const struct conf *conf, struct span name)
{
	for (size_t i = 0; i < conf->n_routes; i++)
		if (span_equal(name, span_str(conf->routes[i].name)))
			return &conf->routes[i];
	return NULL;
}

/* How long it may take to send. The route may lead elsewhere by now. */
static void
take_timeouts(struct exchange *x, struct http_stream *attempt)
{
	for (size_t i = 0; x->route != NULL && i < x->route->n_targets; i++) {
		const struct target_conf *target = &x->route->targets[i];

		if (&x->proxy->upstreams[target->upstream] != x->upstream)
			continue;
		x->target = target;
		if (target->has_timeouts)
			attempt->timeouts = &target->timeouts;
		return;
	}
}

static void
restore(struct exchange *x, const struct proxy_tunnel *t)
{
	endpoint_set(&x->from, &t->from);
	x->start_ns = clock_now_ns - t->age_ns;
	x->leased_ns = x->start_ns;
	x->bytes_in = t->bytes_in;
	x->bytes_out = t->bytes_out;
	x->connected_us = t->connected_us;
	x->head_us = t->head_us;
	x->status = t->status;
	x->n_attempts = t->attempts;
	x->is_pooled = t->is_pooled;
	x->is_logged = t->is_unlogged;
	x->is_request_done = t->client_has_ended;
	x->is_response_done = t->backend_has_ended;
	x->method = METHOD_GET;
	x->version = HTTP_1_1;
	x->has_taken_body = true;
}

/* What the line in the log says of them. */
static void
keep_heads(struct exchange *x, struct http_head *const heads[2])
{
	if (x->proxy->access == NULL || x->is_logged)
		return;
	if (heads[0] != NULL) {
		forward_target(heads[0]);
		exchange_keep_head(x, heads[0]);
	}
	if (heads[1] != NULL)
		account_response(x, heads[1]);
}

void
proxy_adopt_tunnel(struct proxy *p, const struct proxy_tunnel *t,
    struct backend *b, struct http_stream *const ends[2],
    const struct http_peer *peer, struct http_head *const heads[2])
{
	struct exchange *x = exchange_new(p, ends[0], peer);

	restore(x, t);
	x->backend = b;
	x->upstream = b->upstream;
	x->retry = &b->upstream->conf->retry;
	x->route = find_route(p->conf, t->route);
	take_timeouts(x, ends[1]);
	keep_heads(x, heads);
	exchange_lead(x, ends[1]);
}
