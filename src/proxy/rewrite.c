/* src/proxy/rewrite.c -- the upstream and the target that a route gives */
#include <string.h>

#include "core/hash.h"
#include "core/random.h"
#include "http/uri.h"
#include "proxy/exchange.h"

#define KEY_MOST	1024	/* of a split's key: what is behind is not seen */

/* ---- split */

/* A position in the shares. The same key gives the same one on every machine
 * (no seed); a request without a key is dealt by chance. */
static uint32_t
choose_position(const struct exchange *x, const struct http_head *h)
{
	const struct route_conf *r = x->route;
	char room[KEY_MOST];
	struct span key = { room, 0 };

	if (r->split_key.n > 0)
		(void)expand(&r->split_key, x, h, room, sizeof(room), &key);
	if (key.len == 0)
		return (uint32_t)random_below(r->weight);
	return (uint32_t)(((hash_bytes(key.ptr, key.len, 0) >> 32) *
	    r->weight) >> 32);
}

const struct target_conf *
target_choose(const struct exchange *x, const struct http_head *h)
{
	const struct target_conf *t = x->route->targets;
	uint32_t position;

	if (likely(x->route->n_targets == 1))
		return t;
	position = choose_position(x, h);
	for (; position >= t->weight; t++)
		position -= t->weight;
	return t;
}

/* ---- the target */

/* Within one event: send_head() copies it. */
static char target_room[HEAD_BYTES_MAX];

struct out {
	size_t len;
	bool is_full;
};

static void
put(struct out *o, char c)
{
	if (o->len < HEAD_BYTES_MAX)
		target_room[o->len++] = c;
	else
		o->is_full = true;
}

/* What may not stand in a target (RFC 9112 3.2) is escaped: a value of the
 * request, decoded, may be anything. */
static void
put_path(struct out *o, struct span s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c > 0x20 && c < 0x7f && c != '#') {
			put(o, (char)c);
			continue;
		}
		put(o, '%');
		put(o, hex[c >> 4]);
		put(o, hex[c & 15]);
	}
}

/* The query stays as the client sent it, unless the new path brings one. */
static void
put_query(struct out *o, struct span target)
{
	const char *mark = memchr(target.ptr, '?', target.len);

	if (mark == NULL || memchr(target_room, '?', o->len) != NULL)
		return;
	for (; mark < target.ptr + target.len; mark++)
		put(o, *mark);
}

static struct span
without_prefix(struct span path, const char *prefix)
{
	size_t len = strlen(prefix);

	/* A regex of the route may also take others: those stay whole. */
	if (path.len < len || memcmp(path.ptr, prefix, len) != 0 ||
	    (path.len > len && prefix[len - 1] != '/' && path.ptr[len] != '/'))
		return path;
	return span_skip(path, len);
}

enum reason
target_rewrite(const struct exchange *x, struct http_head *h)
{
	const struct route_conf *r = x->route;
	static char expanded[HEAD_BYTES_MAX];
	struct out o = { .len = 0 };
	struct span path;

	h->rewritten = span_of(NULL, 0);
	if (likely(r->strip_prefix == NULL && !r->has_replace_path) ||
	    h->target.ptr[0] == '*')
		return REASON_NONE;
	if (r->has_replace_path) {
		if (!expand(&r->replace_path, x, h, expanded,
		    sizeof(expanded), &path))
			return REASON_URI_TOO_LONG;
	} else {
		path = without_prefix(request_path(h), r->strip_prefix);
	}
	if (path.len == 0 || path.ptr[0] != '/')
		put(&o, '/');
	put_path(&o, path);
	put_query(&o, h->target);
	if (o.is_full)
		return REASON_URI_TOO_LONG;
	h->rewritten = span_of(target_room, o.len);
	return REASON_NONE;
}
