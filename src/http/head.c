/* src/http/head.c -- looking things up in heads, changing and copying them */
#include "http/head.h"

#include "core/assert.h"

/*
 * Names are told apart by length, then by words that are compared with
 * constants: the literals below fold away. Only a letter's case is ignored;
 * words overlap at the end, so that nothing outside of the name is read.
 */
static inline bool
is_word8(const char *p, const char *lower)
{
	uint64_t word, want;

	memcpy(&word, p, sizeof(word));
	memcpy(&want, lower, sizeof(want));
	return ((word ^ want) & ~((want & 0x4040404040404040) >> 1)) == 0;
}

static inline bool
is_word4(const char *p, const char *lower)
{
	uint32_t word, want;

	memcpy(&word, p, sizeof(word));
	memcpy(&want, lower, sizeof(want));
	return ((word ^ want) & ~((want & 0x40404040) >> 1)) == 0;
}

static inline bool
is_word2(const char *p, const char *lower)
{
	return (p[0] | 0x20) == lower[0] && (p[1] | 0x20) == lower[1];
}

/* Both are `len` bytes, 2 to 24; two and three byte names are all letters. */
static inline __attribute__((always_inline)) bool
is_name(const char *p, const char *lower, size_t len)
{
	if (len < 4)
		return is_word2(p, lower) &&
		    is_word2(p + len - 2, lower + len - 2);
	if (len < 8)
		return is_word4(p, lower) &&
		    is_word4(p + len - 4, lower + len - 4);
	return is_word8(p, lower) &&
	    (len <= 16 || is_word8(p + 8, lower + 8)) &&
	    is_word8(p + len - 8, lower + len - 8);
}

#define IS(literal, id)							\
	if (is_name(p, literal, sizeof(literal) - 1))			\
		return FIELD_##id

static enum field_id
short_field_id(const char *p, size_t len)
{
	switch (len) {
	case 2:
		IS("te", TE);
		break;
	case 3:
		IS("via", VIA);
		break;
	case 4:
		IS("host", HOST);
		IS("date", DATE);
		break;
	case 6:
		IS("accept", ACCEPT);
		IS("cookie", COOKIE);
		IS("server", SERVER);
		IS("expect", EXPECT);
		break;
	case 7:
		IS("upgrade", UPGRADE);
		IS("trailer", TRAILER);
		break;
	case 9:
		IS("forwarded", FORWARDED);
		break;
	case 10:
		IS("connection", CONNECTION);
		IS("keep-alive", KEEP_ALIVE);
		IS("set-cookie", SET_COOKIE);
		break;
	default:
		break;
	}
	return FIELD_OTHER;
}

static enum field_id
long_field_id(const char *p, size_t len)
{
	switch (len) {
	case 11:
		IS("retry-after", RETRY_AFTER);
		break;
	case 12:
		IS("content-type", CONTENT_TYPE);
		IS("max-forwards", MAX_FORWARDS);
		break;
	case 13:
		IS("cache-control", CACHE_CONTROL);
		break;
	case 14:
		IS("content-length", CONTENT_LENGTH);
		break;
	case 15:
		IS("x-forwarded-for", X_FORWARDED_FOR);
		break;
	case 16:
		IS("proxy-connection", PROXY_CONNECTION);
		IS("x-forwarded-host", X_FORWARDED_HOST);
		IS("x-forwarded-port", X_FORWARDED_PORT);
		break;
	case 17:
		IS("transfer-encoding", TRANSFER_ENCODING);
		IS("x-forwarded-proto", X_FORWARDED_PROTO);
		break;
	case 18:
		IS("proxy-authenticate", PROXY_AUTHENTICATE);
		break;
	case 19:
		IS("proxy-authorization", PROXY_AUTHORIZATION);
		break;
	default:
		break;
	}
	return FIELD_OTHER;
}
#undef IS

enum field_id
field_id_of(struct span name)
{
	if (name.len <= 10)
		return short_field_id(name.ptr, name.len);
	return long_field_id(name.ptr, name.len);
}

#define IS(literal)							\
	if (memcmp(token.ptr, #literal, sizeof(#literal) - 1) == 0)	\
		return METHOD_##literal

enum method
method_of(struct span token)
{
	switch (token.len) {
	case 3:
		IS(GET);
		IS(PUT);
		break;
	case 4:
		IS(HEAD);
		IS(POST);
		break;
	case 5:
		IS(PATCH);
		IS(TRACE);
		break;
	case 6:
		IS(DELETE);
		break;
	case 7:
		IS(OPTIONS);
		IS(CONNECT);
		break;
	default:
		break;
	}
	return METHOD_OTHER;
}
#undef IS

bool
method_is_idempotent(enum method m)
{
	switch (m) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_PUT:
	case METHOD_DELETE:
	case METHOD_OPTIONS:
	case METHOD_TRACE:
		return true;
	default:
		return false;
	}
}

struct http_field *
head_find(const struct http_head *h, enum field_id id)
{
	struct http_field *f, *end;

	if (!head_has(h, id))
		return NULL;	/* nor need there be any fields at all */
	for (f = h->fields, end = f + h->n_fields; f < end; f++)
		if (f->id == id && !f->is_dropped)
			return f;
	return NULL;
}

unsigned
head_count(const struct http_head *h, enum field_id id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_fields; i++)
		n += h->fields[i].id == id && !h->fields[i].is_dropped;
	return n;
}

void
head_drop(struct http_head *h, enum field_id id)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == id)
			h->fields[i].is_dropped = true;
}

void
head_add(struct http_head *h, struct span name, struct span value)
{
	ASSERT(h->extras != NULL && h->n_extras < HEAD_EXTRAS_MAX);
	h->extras[h->n_extras++] = (struct http_extra){ name, value };
}

static size_t
fields_size(const struct http_head *h)
{
	return sizeof(*h->fields) * h->n_fields;
}

size_t
head_copy_size(const struct http_head *h)
{
	return fields_size(h) + h->size;
}

/* A span into the raw bytes moves with them; any other stays. */
static void
move_span(struct span *s, const struct http_head *h, const char *base)
{
	if (s->len > 0 && s->ptr >= h->base && s->ptr < h->base + h->size)
		s->ptr = base + (s->ptr - h->base);
}

void
head_copy(struct http_head *copy, const struct http_head *h, void *to)
{
	char *base = (char *)to + fields_size(h);

	*copy = *h;
	if (h->n_fields > 0)
		memcpy(to, h->fields, fields_size(h));
	if (h->size > 0)
		memcpy(base, h->base, h->size);
	copy->fields = to;
	copy->base = base;
	copy->extras = NULL;
	copy->n_extras = 0;
	move_span(&copy->method_text, h, base);
	move_span(&copy->target, h, base);
	move_span(&copy->host, h, base);
	move_span(&copy->reason_phrase, h, base);
	move_span(&copy->upgrade, h, base);
}
