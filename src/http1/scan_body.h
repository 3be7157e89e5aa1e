/* src/http1/scan_body.h -- the walk over the masks, once for each variant */
/*
 * The including file defines VARIANT (a name) and
 *	static inline void classify(const char *at, struct masks *m);
 * which looks at 64 bytes and sets a bit for each one that
 *	nontoken: is no tchar (RFC 9110 5.6.2);
 *	ctl: may not stand in a field value: below 0x20 except HT, or 0x7f;
 *	nontarget: may not stand in a request target: up to 0x20, '#', from
 *	0x7f on.
 * The walk asks for the first such byte behind a place.
 */
#include <string.h>

#include "core/base.h"

#define BLOCK 64

struct scan {
	const char *begin, *end;
	const char *block;	/* the masks are of these 64 bytes */
	struct masks m;
};

/* The last block is looked at in a copy: nothing behind `end` is read. */
static COLD void
classify_tail(const char *at, size_t len, struct masks *m)
{
	char copy[BLOCK];

	memset(copy, 0, sizeof(copy));
	memcpy(copy, at, len);
	classify(copy, m);
}

static inline void
load_block(struct scan *s, const char *at)
{
	size_t left;

	s->block = s->begin + ((size_t)(at - s->begin) & ~(size_t)(BLOCK - 1));
	left = (size_t)(s->end - s->block);
	if (likely(left >= BLOCK))
		classify(s->block, &s->m);
	else
		classify_tail(s->block, left, &s->m);
}

/* The first byte at or behind `at` with its bit in the mask; end: none. */
#define FIND(function, mask)						\
	static inline const char *					\
	function(struct scan *s, const char *at)			\
	{								\
		uint64_t bits;						\
									\
		while (at < s->end) {					\
			if (at >= s->block + BLOCK)			\
				load_block(s, at);			\
			bits = s->m.mask >> (at - s->block);		\
			if (likely(bits != 0)) {			\
				at += __builtin_ctzll(bits);		\
				return at < s->end ? at : s->end;	\
			}						\
			at = s->block + BLOCK;				\
		}							\
		return s->end;						\
	}
FIND(find_nontoken, nontoken)
FIND(find_ctl, ctl)
FIND(find_nontarget, nontarget)

static inline enum parse_status
bad(enum reason *why, enum reason reason)
{
	*why = reason;
	return PARSE_BAD;
}

/* CR LF at `at`: OK, the start of one at the end: MORE. */
static inline enum parse_status
line_end(const struct scan *s, const char *at)
{
	if (at >= s->end)
		return PARSE_MORE;
	if (at[0] != '\r')
		return PARSE_BAD;
	if (at + 1 >= s->end)
		return PARSE_MORE;
	return at[1] == '\n' ? PARSE_OK : PARSE_BAD;
}

static inline const char *
skip_blanks(const struct scan *s, const char *at)
{
	while (at < s->end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static inline void
put_field(struct http_head *h, const char *name, size_t name_len,
    const char *value, const char *end)
{
	struct http_field *f = &h->fields[h->n_fields++];

	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	f->name = (uint32_t)(name - h->base);
	f->name_len = (uint16_t)name_len;
	f->value = (uint32_t)(value - h->base);
	f->value_len = (uint32_t)(end - value);
	f->id = (uint8_t)field_id_of(span_of(name, name_len));
	f->is_dropped = false;
}

/* One field line from *at on; *at moves behind it. */
static inline enum parse_status
scan_field(struct scan *s, struct http_head *h, const char **at,
    const struct parse_limits *limits, enum reason *why, enum reason word)
{
	const char *name = *at, *colon, *value, *end;
	enum parse_status status;

	colon = find_nontoken(s, name);
	if (colon == s->end)
		return PARSE_MORE;
	if (unlikely(*colon != ':' || colon == name))
		return bad(why, word);
	value = skip_blanks(s, colon + 1);
	end = find_ctl(s, value);
	status = line_end(s, end);
	if (unlikely(status != PARSE_OK))
		return status == PARSE_MORE ? status : bad(why, word);
	if (unlikely((size_t)(end - name) > limits->line_bytes ||
	    h->n_fields >= limits->field_count))
		return bad(why, REASON_HEAD_TOO_LARGE);
	put_field(h, name, (size_t)(colon - name), value, end);
	*at = end + 2;
	return PARSE_OK;
}

/* All field lines and the empty one. */
static inline enum parse_status
scan_fields(struct scan *s, struct http_head *h, const char *at,
    const struct parse_limits *limits, enum reason *why, enum reason word)
{
	enum parse_status status = PARSE_OK;

	h->n_fields = 0;
	h->is_raw = true;
	while (at < s->end && *at != '\r') {
		status = scan_field(s, h, &at, limits, why, word);
		if (unlikely(status != PARSE_OK))
			break;
	}
	if (likely(status == PARSE_OK))
		status = line_end(s, at);
	if (unlikely((size_t)((status == PARSE_MORE ? s->end : at) -
	    s->begin) > limits->head_bytes))
		return bad(why, REASON_HEAD_TOO_LARGE);
	if (unlikely(status != PARSE_OK)) {
		if (status == PARSE_BAD && *why == REASON_NONE)
			*why = word;
		return status;
	}
	h->fields_end = (uint32_t)(at - s->begin);
	h->size = h->fields_end + 2;
	return PARSE_OK;
}

/* "HTTP/1." and a digit; *version from it. RFC 9112 2.3: later minor versions
 * are read as 1.1. */
static inline enum parse_status
scan_version(const struct scan *s, const char *at, struct http_head *h,
    enum reason *why, enum reason word)
{
	static const char text[] = "HTTP/";
	size_t left = (size_t)(s->end - at);
	size_t n = left < 5 ? left : 5;

	if (unlikely(memcmp(at, text, n) != 0))
		return bad(why, word);
	if (left < 8)
		return PARSE_MORE;
	if (at[5] < '0' || at[5] > '9' || at[6] != '.' || at[7] < '0' ||
	    at[7] > '9')
		return bad(why, word);
	if (at[5] != '1')
		return bad(why, word == REASON_JUNK ? word : REASON_VERSION);
	h->version = at[7] == '0' ? HTTP_1_0 : HTTP_1_1;
	return PARSE_OK;
}

#define METHOD_LEN_MAX 32

static inline enum parse_status
scan_request_line(struct scan *s, struct http_head *h, const char **at,
    const struct parse_limits *limits, enum reason *why)
{
	const char *p = s->begin, *end = find_nontoken(s, p);
	enum parse_status status;

	if (unlikely((size_t)(end - p) > METHOD_LEN_MAX))
		return bad(why, REASON_BAD_REQUEST);
	if (end == s->end)
		return PARSE_MORE;
	if (unlikely(*end != ' ' || end == p))
		return bad(why, REASON_BAD_REQUEST);
	h->method_text = span_of(p, (size_t)(end - p));
	p = end + 1;
	end = find_nontarget(s, p);
	if (unlikely((size_t)(end - p) > limits->line_bytes))
		return bad(why, REASON_URI_TOO_LONG);
	if (end == s->end)
		return PARSE_MORE;
	if (unlikely(*end != ' ' || end == p))
		return bad(why, REASON_BAD_REQUEST);
	h->target = span_of(p, (size_t)(end - p));
	p = end + 1;
	status = scan_version(s, p, h, why, REASON_BAD_REQUEST);
	if (unlikely(status != PARSE_OK))
		return status;
	*at = p + 10;
	status = line_end(s, p + 8);
	return status == PARSE_BAD ? bad(why, REASON_BAD_REQUEST) : status;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK": the blank behind the code may be missing only together
 * with the phrase. */
static inline enum parse_status
scan_status_line(struct scan *s, struct http_head *h, const char **at,
    const struct parse_limits *limits, enum reason *why)
{
	const char *p = s->begin, *end;
	enum parse_status status;

	status = scan_version(s, p, h, why, REASON_JUNK);
	if (unlikely(status != PARSE_OK))
		return status;
	if (s->end - p < 13)
		return PARSE_MORE;
	p += 8;
	if (unlikely(p[0] != ' ' || !is_digit(p[1]) || !is_digit(p[2]) ||
	    !is_digit(p[3]) || (p[4] != ' ' && p[4] != '\r')))
		return bad(why, REASON_JUNK);
	h->status = (uint16_t)((p[1] - '0') * 100 + (p[2] - '0') * 10 +
	    (p[3] - '0'));
	p += p[4] == ' ' ? 5 : 4;
	end = find_ctl(s, p);
	if (unlikely((size_t)(end - p) > limits->line_bytes))
		return bad(why, REASON_JUNK);
	h->reason_phrase = span_of(p, (size_t)(end - p));
	*at = end + 2;
	status = line_end(s, end);
	return status == PARSE_BAD ? bad(why, REASON_JUNK) : status;
}

static inline void
scan_begin(struct scan *s, struct http_head *h, struct span data)
{
	s->begin = data.ptr;
	s->end = data.ptr + data.len;
	load_block(s, s->begin);
	h->base = data.ptr;
}

static HOT enum parse_status
scan_request(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why)
{
	struct scan s;
	const char *at = NULL;
	enum parse_status status;

	scan_begin(&s, h, data);
	status = scan_request_line(&s, h, &at, limits, why);
	if (unlikely(status != PARSE_OK))
		return status;
	return scan_fields(&s, h, at, limits, why, REASON_BAD_REQUEST);
}

static HOT enum parse_status
scan_response(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why)
{
	struct scan s;
	const char *at = NULL;
	enum parse_status status;

	scan_begin(&s, h, data);
	status = scan_status_line(&s, h, &at, limits, why);
	if (likely(status == PARSE_OK))
		status = scan_fields(&s, h, at, limits, why, REASON_JUNK);
	if (unlikely(status == PARSE_BAD))
		*why = REASON_JUNK;
	return status;
}

#define SCAN_NAME_(v)	#v
#define SCAN_NAME(v)	SCAN_NAME_(v)
#define SCAN_SYMBOL_(v)	scan_##v
#define SCAN_SYMBOL(v)	SCAN_SYMBOL_(v)
const struct scan_variant SCAN_SYMBOL(VARIANT) = {
	.name = SCAN_NAME(VARIANT),
	.request = scan_request,
	.response = scan_response,
};
