/* src/worker/describe.c -- connections as messages, and back */
#include "worker/describe.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "http1/parse.h"

/* ---- messages */

static alignas(16) char buffer[HANDOVER_MAX];

static uint64_t
left_until(uint64_t at_ms)
{
	return at_ms > clock_now_ms ? at_ms - clock_now_ms : 0;
}

static void
put_connection(struct handover_connection *m,
    const struct h1_server_rest *rest)
{
	memset(m, 0, sizeof(*m));
	handover_put_address(&m->listener, rest->settings->address);
	handover_put_address(&m->client, &rest->client);
	m->age_left_ms = rest->end_ms == UINT64_MAX ? HANDOVER_NEVER :
	    left_until(rest->end_ms);
	m->wait_left_ms = left_until(rest->deadline_ms);
	m->requests = rest->requests;
}

const struct handover_head *
describe_connection(uint64_t id, const struct h1_server_rest *rest)
{
	struct handover_connection *m = (void *)buffer;

	put_connection(m, rest);
	handover_begin(&m->head, HANDOVER_CONNECTION, sizeof(*m), id);
	return &m->head;
}

static uint16_t
flags_of(const struct proxy_tunnel *t)
{
	return (uint16_t)((t->is_pooled ? HANDOVER_POOLED : 0) |
	    (t->is_unlogged ? HANDOVER_UNLOGGED : 0) |
	    (t->client_has_ended ? HANDOVER_CLIENT_ENDED : 0) |
	    (t->backend_has_ended ? HANDOVER_BACKEND_ENDED : 0));
}

static struct handover_tunnel
numbers_of(const struct proxy_tunnel *t)
{
	return (struct handover_tunnel){
		.age_ns = t->age_ns,
		.bytes_in = t->bytes_in, .bytes_out = t->bytes_out,
		.connected_us = t->connected_us, .head_us = t->head_us,
		.slot = t->slot, .status = t->status,
		.attempts = t->attempts, .flags = flags_of(t),
		.upstream_len = (uint16_t)t->upstream.len,
		.route_len = (uint16_t)t->route.len,
		.backend_len = (uint16_t)t->backend.len,
		.request_len = (uint32_t)t->request.len,
		.response_len = (uint32_t)t->response.len,
	};
}

static char *
put(char *to, struct span text)
{
	if (text.len > 0)
		memcpy(to, text.ptr, text.len);
	return to + text.len;
}

static bool
has_room_for(const struct proxy_tunnel *t)
{
	return t->upstream.len <= UINT16_MAX && t->route.len <= UINT16_MAX &&
	    t->backend.len <= UINT16_MAX && t->upstream.len + t->route.len +
	    t->backend.len + t->request.len + t->response.len <=
	    sizeof(buffer) - sizeof(struct handover_tunnel);
}

const struct handover_head *
describe_tunnel(uint64_t id, const struct h1_server_rest *rest,
    const struct proxy_tunnel *t)
{
	struct handover_tunnel *m = (void *)buffer;
	char *to = buffer + sizeof(*m);

	if (!has_room_for(t))
		return NULL;
	*m = numbers_of(t);
	put_connection(&m->connection, rest);
	handover_put_address(&m->from, &t->from);
	to = put(to, t->upstream);
	to = put(to, t->route);
	to = put(to, t->backend);
	to = put(to, t->request);
	to = put(to, t->response);
	handover_begin(&m->connection.head, HANDOVER_TUNNEL,
	    (size_t)(to - buffer), id);
	return &m->connection.head;
}

/* ---- and back */

static uint64_t
moment_in(uint64_t ms)
{
	return ms > UINT64_MAX - 1 - clock_now_ms ? UINT64_MAX :
	    clock_now_ms + ms;
}

static bool
is_connection(const struct handover *in)
{
	return in->head->kind == HANDOVER_CONNECTION && in->n_fds == 1 &&
	    in->head->size == sizeof(struct handover_connection);
}

static bool
is_tunnel(const struct handover *in)
{
	return in->head->kind == HANDOVER_TUNNEL && in->n_fds == 2 &&
	    in->head->size >= sizeof(struct handover_tunnel);
}

bool
describe_read(const struct handover *in, struct h1_server_rest *rest,
    struct address *listener)
{
	const struct handover_connection *m = (const void *)in->head;

	if (m->head.version != HANDOVER_VERSION ||
	    (!is_connection(in) && !is_tunnel(in)))
		return false;
	*rest = (struct h1_server_rest){
		.fd = in->fds[0], .requests = m->requests,
		.end_ms = moment_in(m->age_left_ms),
		.deadline_ms = moment_in(m->wait_left_ms),
	};
	return handover_get_address(listener, &m->listener) &&
	    handover_get_address(&rest->client, &m->client);
}

static struct span
take(struct span *rest, size_t len)
{
	struct span s = span_of(rest->ptr, len);

	*rest = span_skip(*rest, len);
	return s;
}

static bool
take_texts(struct proxy_tunnel *t, const struct handover_tunnel *m,
    struct span rest)
{
	if (rest.len != (size_t)m->upstream_len + m->route_len +
	    m->backend_len + m->request_len + m->response_len)
		return false;
	t->upstream = take(&rest, m->upstream_len);
	t->route = take(&rest, m->route_len);
	t->backend = take(&rest, m->backend_len);
	t->request = take(&rest, m->request_len);
	t->response = take(&rest, m->response_len);
	return true;
}

bool
describe_read_tunnel(const struct handover *in, struct proxy_tunnel *t)
{
	const struct handover_tunnel *m = (const void *)in->head;

	if (!is_tunnel(in))
		return false;
	*t = (struct proxy_tunnel){
		.age_ns = m->age_ns,
		.bytes_in = m->bytes_in, .bytes_out = m->bytes_out,
		.connected_us = m->connected_us, .head_us = m->head_us,
		.slot = m->slot, .status = m->status,
		.attempts = (uint8_t)m->attempts,
		.is_pooled = (m->flags & HANDOVER_POOLED) != 0,
		.is_unlogged = (m->flags & HANDOVER_UNLOGGED) != 0,
		.client_has_ended = (m->flags & HANDOVER_CLIENT_ENDED) != 0,
		.backend_has_ended = (m->flags & HANDOVER_BACKEND_ENDED) != 0,
	};
	return handover_get_address(&t->from, &m->from) &&
	    take_texts(t, m, span_of((const char *)(m + 1),
	    in->head->size - sizeof(*m)));
}

/* ---- heads */

#define STATUS_LINE	"HTTP/1.1 101 \r\n"

static struct {
	struct http_head request, response;
	struct http_field request_fields[HEAD_FIELDS_MAX];
	struct http_field response_fields[HEAD_FIELDS_MAX];
	char response_text[HEAD_BYTES_MAX];
} room;

static const struct parse_limits no_limits = { .head_bytes = HEAD_BYTES_MAX,
	.line_bytes = HEAD_BYTES_MAX, .field_count = HEAD_FIELDS_MAX };

static struct http_head *
read_request(struct span text)
{
	struct http_head *h = &room.request;
	enum reason why;

	*h = (struct http_head){ .fields = room.request_fields };
	return text.len > 0 && parse_request(h, text, &no_limits, &why) ==
	    PARSE_OK ? h : NULL;
}

/* Its text has only fields. */
static struct http_head *
read_response(struct span text)
{
	struct http_head *h = &room.response;
	enum reason why;
	int len;

	if (text.len == 0 || text.len > HEAD_BYTES_MAX / 2)
		return NULL;
	len = snprintf(room.response_text, sizeof(room.response_text),
	    STATUS_LINE "%.*s\r\n", SPAN_ARG(text));
	*h = (struct http_head){ .fields = room.response_fields };
	return parse_response(h, span_of(room.response_text, (size_t)len),
	    METHOD_GET, &no_limits, &why) == PARSE_OK ? h : NULL;
}

void
describe_heads(const struct proxy_tunnel *t, struct http_head *heads[2])
{
	heads[0] = read_request(t->request);
	heads[1] = read_response(t->response);
}
