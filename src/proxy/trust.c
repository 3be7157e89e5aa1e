/* src/proxy/trust.c -- what proxies before us say of the client */
#include <string.h>

#include "http/fields.h"
#include "proxy/exchange.h"

void
endpoint_set(struct endpoint *e, const struct address *a)
{
	e->family = (uint8_t)a->sa.sa_family;
	e->port = address_port(a);
	if (e->family == AF_INET)
		memcpy(&e->ip, &a->in.sin_addr, sizeof(a->in.sin_addr));
	else if (e->family == AF_INET6)
		e->ip = a->in6.sin6_addr;
}

void
endpoint_address(const struct endpoint *e, struct address *a)
{
	if (e->family == AF_INET || e->family == AF_INET6) {
		address_set(a, e->family, &e->ip, e->port);
	} else {
		a->len = sizeof(sa_family_t);
		a->un.sun_family = AF_UNIX;
		a->un.sun_path[0] = '\0';
	}
}

/*
 * The last one is kept: requests of one connection, and all that come by one
 * proxy, have the same, and to print it takes as long as to choose a backend.
 */
struct span
trust_print_peer(const struct exchange *x)
{
	static char text[ADDRESS_TEXT_MAX];
	static struct endpoint last;
	static size_t len;
	struct address a;

	if (len == 0 || last.family != x->peer.family ||
	    memcmp(&last.ip, &x->peer.ip, sizeof(last.ip)) != 0) {
		endpoint_address(&x->peer, &a);
		len = address_print_host(&a, text);
		last = x->peer;
	}
	return span_of(text, len);
}

/* The last element of a list, which loses it; false: none is left. */
static bool
take_last(struct span *rest, struct span *element)
{
	const char *comma;

	while (rest->len > 0) {
		comma = memrchr(rest->ptr, ',', rest->len);
		*element = comma == NULL ? *rest :
		    span_skip(*rest, (size_t)(comma - rest->ptr) + 1);
		rest->len = comma == NULL ? 0 : (size_t)(comma - rest->ptr);
		*element = span_trim(*element);
		if (element->len > 0)
			return true;
	}
	return false;
}

/* One hop of X-Forwarded-For: an address, some write a port behind it. */
static bool
parse_hop(struct address *a, struct span text)
{
	if (address_parse_host(a, text, 0))
		return true;
	return text.ptr[0] != '*' && text.ptr[0] != 'u' &&
	    address_parse(a, text);
}

/* From the right, as long as who speaks is trusted; false: the end of it. */
static bool
walk_field(struct exchange *x, struct span list)
{
	struct span hop;
	struct address a;

	while (take_last(&list, &hop)) {
		if (!parse_hop(&a, hop))
			return false;
		endpoint_set(&x->from, &a);
		if (!cidrs_hold(x->trusted, &a))
			return false;
	}
	return true;
}

/* semantics.md (j): the rightmost address that is not trusted. */
void
trust_find_client(struct exchange *x, const struct http_head *h)
{
	for (unsigned i = h->n_fields; i-- > 0;)
		if (h->fields[i].id == FIELD_X_FORWARDED_FOR &&
		    !walk_field(x, field_value(h, &h->fields[i])))
			return;
}

/* Of a chain that is too long: what matters of it. */
static COLD size_t
print_from(const struct exchange *x, enum field_id id, char *room)
{
	struct address a;
	size_t len;

	if (id != FIELD_X_FORWARDED_FOR)
		return 0;
	endpoint_address(&x->from, &a);
	len = address_print_host(&a, room);
	memcpy(room + len, ", ", 2);
	return len + 2;
}

struct span
trust_chain(const struct exchange *x, const struct http_head *h,
    enum field_id id, char room[CHAIN_MAX], struct span ours)
{
	size_t len = 0;

	if (likely(x->trusted == NULL) || !head_has(h, id))
		return ours;
	/* Dropped ones, too: an earlier try has dropped them. */
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct span value = field_value(h, &h->fields[i]);

		if (h->fields[i].id != id || value.len == 0)
			continue;
		if (len + value.len + 2 + ours.len > CHAIN_MAX) {
			len = print_from(x, id, room);
			break;
		}
		memcpy(room + len, value.ptr, value.len);
		memcpy(room + len + value.len, ", ", 2);
		len += value.len + 2;
	}
	memcpy(room + len, ours.ptr, ours.len);
	return span_of(room, len + ours.len);
}
