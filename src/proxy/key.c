/* src/proxy/key.c -- what of a request the strategy hash goes by */
#include "conf/conf.h"
#include "core/hash.h"
#include "http/fields.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/match.h"

#define SEED 0	/* the same on all machines that share clients */

static struct span
client_bytes(const struct exchange *x)
{
	switch (x->from.family) {
	case AF_INET:	return span_of((const char *)&x->from.ip, 4);
	case AF_INET6:	return span_of((const char *)&x->from.ip, 16);
	default:	return span_of(NULL, 0);	/* a local socket */
	}
}

static struct span
parameter(const struct http_head *h, struct span name)
{
	struct span value;

	return uri_query_find(uri_query(h->target), name, &value) ? value :
	    span_of(NULL, 0);
}

static struct span
cookie(const struct http_head *h, struct span name)
{
	struct span value;

	return match_cookie(h, name, &value) ? value : span_of(NULL, 0);
}

static struct span
value_of(const struct exchange *x, const struct http_head *h)
{
	const struct hash_conf *c = &x->upstream->conf->hash;

	switch ((enum hash_key)c->key) {
	case HASH_CLIENT:	return client_bytes(x);
	case HASH_URI:		return h->target;
	case HASH_PATH:		return request_path(h);
	case HASH_QUERY:	return parameter(h, span_str(c->name));
	case HASH_HEADER:	return head_value(h, span_str(c->name));
	case HASH_COOKIE:	return cookie(h, span_str(c->name));
	}
	return span_of(NULL, 0);
}

void
key_take(struct exchange *x, const struct http_head *h)
{
	struct span value = value_of(x, h);

	x->has_key = value.len > 0;
	if (x->has_key)
		x->key = hash_bytes(value.ptr, value.len, SEED);
}
