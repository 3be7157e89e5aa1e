/* src/proxy/forward.c -- what changes in a head on its way (semantics.md j) */
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "proxy/exchange.h"

void
exchange_client(const struct exchange *x, struct address *a)
{
	if (x->client_family == AF_INET) {
		a->len = sizeof(a->in);
		memset(&a->in, 0, sizeof(a->in));
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(x->client_port);
		memcpy(&a->in.sin_addr, &x->client_ip, sizeof(a->in.sin_addr));
	} else if (x->client_family == AF_INET6) {
		a->len = sizeof(a->in6);
		memset(&a->in6, 0, sizeof(a->in6));
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(x->client_port);
		a->in6.sin6_addr = x->client_ip;
	} else {
		a->len = sizeof(sa_family_t);
		a->un.sun_family = AF_UNIX;
		a->un.sun_path[0] = '\0';
	}
}

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

/* The peer is not trusted: what it says of itself is replaced. */
static void
drop_forwarded(struct http_head *h)
{
	const uint32_t there = HEAD_BIT(FIELD_OTHER) |
	    HEAD_BIT(FIELD_X_FORWARDED_FOR) | HEAD_BIT(FIELD_X_FORWARDED_PROTO) |
	    HEAD_BIT(FIELD_X_FORWARDED_HOST) |
	    HEAD_BIT(FIELD_X_FORWARDED_PORT) | HEAD_BIT(FIELD_FORWARDED);

	if ((h->ids & there) == 0)
		return;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];

		switch (f->id) {
		case FIELD_X_FORWARDED_FOR:
		case FIELD_X_FORWARDED_PROTO:
		case FIELD_X_FORWARDED_HOST:
		case FIELD_X_FORWARDED_PORT:
		case FIELD_FORWARDED:
			f->is_dropped = true;
			break;
		case FIELD_OTHER:
			if (unlikely(is_underscore_twin(field_name(h, f))))
				f->is_dropped = true;
			break;
		default:
			break;
		}
	}
}

static void
add_forwarded(const struct exchange *x, struct http_head *h,
    struct forward_room *room)
{
	struct address a;
	size_t len;

	exchange_client(x, &a);
	len = address_print_host(&a, room->client);
	head_add(h, SPAN("X-Forwarded-For"), span_of(room->client, len));
	head_add(h, SPAN("X-Forwarded-Proto"), SPAN("http"));
	if (h->host.len > 0)
		head_add(h, SPAN("X-Forwarded-Host"), h->host);
	len = print_number(room->port, x->listener_port);
	head_add(h, SPAN("X-Forwarded-Port"), span_of(room->port, len));
}

/* RFC 9112 3.2.2: an absolute target leaves in origin form. */
static void
make_origin_form(struct http_head *h)
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

enum reason
forward_request(const struct exchange *x, struct http_head *h,
    struct forward_room *room)
{
	const struct proxy *p = x->proxy;

	h->n_extras = 0;
	make_origin_form(h);
	if (!head_drop_hop_by_hop(h))
		return REASON_BAD_REQUEST;
	add_host(x, h);
	count_hop(h, room);
	sticky_request(x, h);
	drop_forwarded(h);
	add_forwarded(x, h, room);
	if (p->via_value.len > 0)
		head_add(h, SPAN("Via"), p->via_value);
	return REASON_NONE;
}

bool
forward_response(const struct exchange *x, struct http_head *h)
{
	const struct proxy *p = x->proxy;

	h->n_extras = 0;
	if (!head_drop_hop_by_hop(h))
		return false;
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
	return true;
}
