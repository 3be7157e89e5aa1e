/* src/proxy/forward.c -- what changes in a head on its way (semantics.md j) */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "proxy/exchange.h"

#define HOST_SHOWN	255	/* a longer one is no name */

static size_t
print_number(char *to, uint32_t n)
{
	char digits[10];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + i, sizeof(digits) - i);
	return sizeof(digits) - i;
}

/* "X_Forwarded_For" and its like: some origins read them as the real ones. */
static bool
is_underscore_twin(struct span name)
{
	static const struct span twins[] = {
		{ "x-forwarded-for", 15 }, { "x-forwarded-proto", 17 },
		{ "x-forwarded-host", 16 }, { "x-forwarded-port", 16 },
	};
	char lower[17];

	if (name.len < 15 || name.len > 17 ||
	    memchr(name.ptr, '_', name.len) == NULL)
		return false;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.ptr[i] == '_' ? '-' :
		    (char)(name.ptr[i] | 0x20);
	for (size_t i = 0; i < COUNT_OF(twins); i++)
		if (span_equal(span_of(lower, name.len), twins[i]))
			return true;
	return false;
}

/* What a peer says of itself is replaced; what a trusted one says, but for
 * what grows with each hop, stays. */
static bool
is_replaced(const struct exchange *x, enum field_id id)
{
	switch (id) {
	case FIELD_X_FORWARDED_FOR:
		return true;
	case FIELD_FORWARDED:
		return x->trusted == NULL || x->proxy->conf->sends_forwarded;
	case FIELD_X_FORWARDED_PROTO:
	case FIELD_X_FORWARDED_HOST:
	case FIELD_X_FORWARDED_PORT:
		return x->trusted == NULL;
	default:
		return false;
	}
}

static void
drop_forwarded(const struct exchange *x, struct http_head *h)
{
	const uint32_t there = HEAD_BIT(FIELD_OTHER) |
	    HEAD_BIT(FIELD_X_FORWARDED_FOR) | HEAD_BIT(FIELD_X_FORWARDED_PROTO) |
	    HEAD_BIT(FIELD_X_FORWARDED_HOST) |
	    HEAD_BIT(FIELD_X_FORWARDED_PORT) | HEAD_BIT(FIELD_FORWARDED);

	if ((h->ids & there) == 0)
		return;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];

		if (f->id == FIELD_OTHER ?
		    unlikely(is_underscore_twin(field_name(h, f))) :
		    is_replaced(x, f->id))
			f->is_dropped = true;
	}
}

/* One more of those that a trusted proxy may have said already. */
static void
add_unless_told(const struct exchange *x, struct http_head *h,
    enum field_id id, struct span name, struct span value)
{
	if (unlikely(x->trusted != NULL) && head_has(h, id))
		return;
	head_add(h, name, value);
}

/* for=192.0.2.43;proto=http;host="a:80" (RFC 7239 4). */
static struct span
print_element(char *to, const struct endpoint *peer, struct span client,
    struct span host)
{
	bool is_ipv6 = memchr(client.ptr, ':', client.len) != NULL;
	int len;

	if (peer->family == AF_UNIX)
		client = SPAN("unknown");
	len = snprintf(to, ELEMENT_MAX, is_ipv6 &&
	    peer->family != AF_UNIX ? "for=\"[%.*s]\";proto=http" :
	    "for=%.*s;proto=http", SPAN_ARG(client));
	if (host.len > 0 && host.len <= HOST_SHOWN)
		len += snprintf(to + len, ELEMENT_MAX - (size_t)len,
		    ";host=\"%.*s\"", SPAN_ARG(host));
	return span_of(to, (size_t)len);
}

static void
add_forwarded(const struct exchange *x, struct http_head *h,
    struct forward_room *room)
{
	struct span client = trust_print_peer(x), chain;

	chain = trust_chain(x, h, FIELD_X_FORWARDED_FOR, room->chain, client);
	head_add(h, SPAN("X-Forwarded-For"), chain);
	add_unless_told(x, h, FIELD_X_FORWARDED_PROTO,
	    SPAN("X-Forwarded-Proto"), SPAN("http"));
	if (h->host.len > 0)
		add_unless_told(x, h, FIELD_X_FORWARDED_HOST,
		    SPAN("X-Forwarded-Host"), h->host);
	add_unless_told(x, h, FIELD_X_FORWARDED_PORT,
	    SPAN("X-Forwarded-Port"), span_of(room->port,
	    print_number(room->port, x->listener_port)));
	if (likely(!x->proxy->conf->sends_forwarded))
		return;
	head_add(h, SPAN("Forwarded"), trust_chain(x, h, FIELD_FORWARDED,
	    room->forwarded, print_element(room->element, &x->peer, client,
	    h->host)));
}

void
forward_target(struct http_head *h)
{
	struct span rest = h->target;

	if (rest.ptr[0] == '/' || rest.ptr[0] == '*' || rest.ptr[0] == '?')
		return;		/* it is, or was made so for an earlier try */
	rest = span_skip(rest, (size_t)(h->host.ptr + h->host.len - rest.ptr));
	head_drop(h, FIELD_HOST);	/* the target's authority wins */
	/* "http://a?b" has an empty path, which is "/". */
	h->needs_slash = rest.len > 0 && rest.ptr[0] == '?';
	if (rest.len > 0)
		h->target = rest;
	else
		h->target = h->method == METHOD_OPTIONS ? SPAN("*") :
		    SPAN("/");
}

/* An HTTP/1.0 client may have named no host; HTTP/1.1 has to. */
static void
add_host(const struct exchange *x, struct http_head *h)
{
	if (likely(head_find(h, FIELD_HOST) != NULL))
		return;
	head_add(h, SPAN("Host"), h->host.len > 0 ? h->host :
	    span_str(x->upstream->name));
}

int
forward_hops(const struct http_head *h)
{
	int hops = -1;

	if (likely(!head_has(h, FIELD_MAX_FORWARDS)) ||
	    (h->method != METHOD_TRACE && h->method != METHOD_OPTIONS))
		return -1;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct span value = field_value(h, &h->fields[i]);

		if (h->fields[i].id != FIELD_MAX_FORWARDS)
			continue;
		if (hops >= 0 || value.len == 0 || value.len > 5)
			return -1;	/* several, or out of all reason */
		hops = 0;
		for (size_t k = 0; k < value.len; k++) {
			if (value.ptr[k] < '0' || value.ptr[k] > '9')
				return -1;
			hops = hops * 10 + (value.ptr[k] - '0');
		}
	}
	return hops;
}

/* One hop less. The field stays in the kept head, dropped. */
static void
count_hop(struct http_head *h, struct forward_room *room)
{
	int hops = forward_hops(h);
	size_t len;

	if (likely(hops <= 0))
		return;
	head_drop(h, FIELD_MAX_FORWARDS);
	len = print_number(room->hops, (uint32_t)hops - 1);
	head_add(h, SPAN("Max-Forwards"), span_of(room->hops, len));
}

/* Fields of that name, those that we have added, too. */
static void
remove_field(struct http_head *h, struct span name)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].name_len == name.len &&
		    span_equal_nocase(field_name(h, &h->fields[i]), name))
			h->fields[i].is_dropped = true;
	for (unsigned i = 0; i < h->n_extras; i++)
		if (!span_equal_nocase(h->extras[i].name, name))
			h->extras[kept++] = h->extras[i];
	h->n_extras = (uint16_t)kept;
}

/* What the route changes; `request`: what variables speak of. */
static bool
edit(const struct exchange *x, const struct edits_conf *e,
    struct http_head *h, const struct http_head *request,
    struct forward_room *room)
{
	struct span value, rest = span_of(room->edits, EDITS_ROOM);

	for (size_t i = 0; i < e->remove.n; i++)
		remove_field(h, span_str(e->remove.at[i]));
	for (size_t i = 0; i < e->n_set + e->n_add; i++) {
		const struct field_conf *f = i < e->n_set ? &e->set[i] :
		    &e->add[i - e->n_set];

		if (!expand_late(&f->value, x, request, h,
		    (char *)(uintptr_t)rest.ptr, rest.len, &value))
			return false;
		rest = span_skip(rest, value.len);
		if (i < e->n_set)
			remove_field(h, span_str(f->name));
		head_add(h, span_str(f->name), value);
	}
	return true;
}

enum reason
forward_request(const struct exchange *x, struct http_head *h,
    struct forward_room *room)
{
	const struct proxy *p = x->proxy;

	h->n_extras = 0;
	forward_target(h);
	if (!head_drop_hop_by_hop(h))
		return REASON_BAD_REQUEST;
	add_host(x, h);
	count_hop(h, room);
	sticky_request(x, h);
	drop_forwarded(x, h);
	add_forwarded(x, h, room);
	if (p->via_value.len > 0)
		head_add(h, SPAN("Via"), p->via_value);
	if (likely(x->route == NULL))
		return REASON_NONE;
	if (!edit(x, &x->route->request_headers, h, h, room))
		return REASON_HEAD_TOO_LARGE;
	return target_rewrite(x, h);
}

enum reason
forward_response(const struct exchange *x, struct http_head *h,
    struct forward_room *room)
{
	const struct proxy *p = x->proxy;

	h->n_extras = 0;
	if (!head_drop_hop_by_hop(h))
		return REASON_JUNK;
	h->is_keep_alive = true;	/* what the backend said ended there */
	if (unlikely(h->framing == FRAMING_CLOSE))
		h->framing = FRAMING_CHUNKED;	/* of unknown length */
	if (unlikely(h->status == 205)) {
		/* No content, but RFC 9112 6.3 reads on without a length. */
		h->framing = FRAMING_LENGTH;
		h->body_len = 0;
	}
	sticky_response(x, h);
	if (unlikely(!head_has(h, FIELD_DATE) ||
	    h->has_names_in_connection) && h->status >= 200 &&
	    head_find(h, FIELD_DATE) == NULL)
		head_add(h, SPAN("Date"),
		    span_of(clock_http_date(), CLOCK_HTTP_LEN));
	if (p->via_value.len > 0)
		head_add(h, SPAN("Via"), p->via_value);
	if (unlikely(x->route != NULL) && h->status >= 200 &&
	    x->kept != NULL && !edit(x, &x->route->response_headers, h,
	    x->kept, room))
		return REASON_HEAD_TOO_LARGE;	/* no fault of the backend */
	return REASON_NONE;
}
