/* src/proxy/sticky.c -- the cookie that keeps a client with its backend */
#include <string.h>

#include "core/stash.h"
#include "http/fields.h"
#include "proxy/exchange.h"

/* All cookies in one field: "; " between two. */
static size_t
room_for(const struct http_head *h)
{
	size_t size = 0;

	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == FIELD_COOKIE)
			size += h->fields[i].value_len + 2;
	return size;
}

static bool
is_ours(struct span cookie, struct span name, struct span *value)
{
	struct span word;

	if (memchr(cookie.ptr, '=', cookie.len) == NULL ||
	    !span_cut(&cookie, '=', &word) || !span_equal(word, name))
		return false;
	*value = span_trim(cookie);
	return true;
}

static void
keep(struct exchange *x, struct span cookie)
{
	char *to = x->cookies + x->cookies_len;

	if (x->cookies_len > 0) {
		memcpy(to, "; ", 2);
		to += 2;
	}
	memcpy(to, cookie.ptr, cookie.len);
	x->cookies_len = (uint32_t)(to + cookie.len - x->cookies);
}

/* False: ours is not among them. */
static bool
take_field(struct exchange *x, struct span list, struct span name)
{
	struct span cookie, value;
	bool found = false;

	while (span_cut(&list, ';', &cookie)) {
		if (cookie.len == 0)
			continue;
		if (!is_ours(cookie, name, &value)) {
			keep(x, cookie);
			continue;
		}
		found = true;
		if (x->named == NULL)
			x->named = upstream_named(x->upstream, value);
	}
	return found;
}

void
sticky_take(struct exchange *x, const struct http_head *h)
{
	struct span name = span_str(x->upstream->sticky->cookie);
	unsigned class;
	bool found = false;

	if (!head_has(h, FIELD_COOKIE))
		return;
	x->cookies = block_take(room_for(h), &class);
	x->cookies_class = (uint8_t)class;
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == FIELD_COOKIE)
			found |= take_field(x, field_value(h, &h->fields[i]),
			    name);
	if (!found)
		sticky_drop(x);
}

void
sticky_give(struct exchange *x)
{
	block_give(x->cookies, x->cookies_class);
	x->cookies = NULL;
	x->cookies_len = 0;
}

void
sticky_request(const struct exchange *x, struct http_head *h)
{
	if (x->cookies == NULL)
		return;
	head_drop(h, FIELD_COOKIE);
	if (x->cookies_len > 0)
		head_add(h, SPAN("Cookie"), span_of(x->cookies,
		    x->cookies_len));
}

void
sticky_name(const struct exchange *x, struct http_head *h)
{
	if (x->backend == x->named ||
	    (h->status < 200 && h->status != 101))
		return;
	head_add(h, SPAN("Set-Cookie"), span_str(x->backend->set_cookie));
	/* A shared cache would give it to others. */
	head_add(h, SPAN("Cache-Control"), SPAN("private"));
}
