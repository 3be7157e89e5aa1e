/* src/http1/parse_body.h -- the walker: included by each variant, once */
/*
 * The including file has defined
 *	static inline struct masks classify(const char *block);
 * for 64 bytes, and PARSER as the name of the struct parser to define. It may
 * also define HAS_CLASSIFY_FIRST and
 *	static inline struct masks classify_first(const char *block, size_t n);
 * for n of them, 1 to 63, where the others cannot be read.
 */
#include "core/base.h"
#include "http/fields.h"
#include "http1/parse_rules.h"

#define BLOCK 64u

/* The block that was classified last; bits behind the end are not set. */
struct scan {
	const char *data;
	size_t len;
	size_t block;		/* its offset */
	struct masks masks;
};

#ifdef HAS_CLASSIFY_FIRST
static inline struct masks
classify_end(const struct scan *s UNUSED, const char *at, size_t rest)
{
	return classify_first(at, rest);
}
#else
/* There are less than 64 bytes in all. */
static __attribute__((noinline)) struct masks
classify_copy(const char *at, size_t rest)
{
	char copy[BLOCK] = { 0 };

	memcpy(copy + BLOCK - rest, at, rest);
	return classify(copy);
}

/* The last bytes: the 64 that end with them are classified, and shifted. */
static inline struct masks
classify_end(const struct scan *s, const char *at, size_t rest)
{
	size_t shift = BLOCK - rest;
	struct masks m = likely(s->len >= BLOCK) ? classify(at - shift) :
	    classify_copy(at, rest);

	return (struct masks){
		m.nontoken >> shift, m.nontarget >> shift, m.ctl >> shift
	};
}
#endif

static __attribute__((noinline)) void
scan_load(struct scan *s, size_t block)
{
	size_t rest = s->len - block;
	const char *at = s->data + block;

	s->masks = rest < BLOCK ? classify_end(s, at, rest) : classify(at);
	s->block = block;
}

/* The first bit of *mask, one of s->masks, at or behind `at`, or the end. */
static inline __attribute__((always_inline)) size_t
scan_find(struct scan *s, const uint64_t *mask, size_t at)
{
	while (likely(at < s->len)) {
		size_t block = at & ~(size_t)(BLOCK - 1);
		uint64_t bits;

		if (block != s->block)
			scan_load(s, block);
		bits = *mask >> at % BLOCK;
		if (likely(bits != 0))
			return at + (size_t)__builtin_ctzll(bits);
		at = block + BLOCK;
	}
	return s->len;
}

static inline struct scan
scan_of(const struct parse *p)
{
	return (struct scan){ .data = p->data, .len = p->len,
		.block = SIZE_MAX };
}

static inline bool
is_crlf(const char *at)
{
	return memcmp(at, "\r\n", 2) == 0;
}

/* 8 bytes at `at`. */
static inline enum parse_status
take_version(struct parse *p, size_t at)
{
	if (likely(memcmp(p->data + at, "HTTP/1.1", 8) == 0)) {
		p->h->version = HTTP_1_1;
		return PARSE_OK;
	}
	return parse_other_version(p, at);
}

/* The line may end at `end`, where no text byte is; *next is behind it. `why`
 * is for one that is too long. */
static inline __attribute__((always_inline)) enum parse_status
end_line(struct parse *p, size_t line, size_t end, enum reason why,
    size_t *next)
{
	*next = end + 2;
	if (unlikely(*next > p->len)) {
		if (end < p->len && p->data[end] != '\r')
			return parse_refuse(p, REASON_BAD_REQUEST);
		return parse_incomplete(p, line, why);
	}
	if (unlikely(!is_crlf(p->data + end)))
		return parse_refuse(p, REASON_BAD_REQUEST);
	if (unlikely(end - line > p->limits->line_bytes))
		return parse_refuse(p, why);
	return PARSE_OK;
}

/* "Name: value" from `line` to `end`, the colon at `colon`. */
static inline __attribute__((always_inline)) bool
take_field(struct parse *p, struct http_field *f, size_t line, size_t colon,
    size_t value, size_t end)
{
	/* What is not above a space is one, or a tab: no controls here. */
	while (end > value && unlikely((uint8_t)p->data[end - 1] <= ' '))
		end--;
	f->name = (uint32_t)line;
	f->name_len = (uint16_t)(colon - line);
	f->value = (uint32_t)value;
	f->value_len = (uint32_t)(end - value);
	f->id = (uint8_t)field_id_of(span_of(p->data + line, colon - line));
	f->is_dropped = false;
	p->h->ids |= HEAD_BIT(f->id);
	return (PARSE_RULED >> f->id & 1) == 0 || parse_field_rule(p, f);
}

static inline __attribute__((always_inline)) size_t
skip_ows(const struct parse *p, size_t at)
{
	if (likely(at < p->len && p->data[at] == ' '))
		at++;
	while (at < p->len && unlikely((uint8_t)p->data[at] <= ' ') &&
	    is_ows(p->data[at]))
		at++;
	return at;
}

/* The field lines from `line` on, and the empty line behind them. */
static inline __attribute__((always_inline)) enum parse_status
walk_fields(struct parse *p, struct scan *s, size_t line)
{
	struct http_head *h = p->h;
	struct http_field *f = h->fields, *full = f + p->limits->field_count;
	enum parse_status status;
	size_t colon, value, end, next;

	h->ids = 0;
	for (;; f++, line = next) {
		colon = scan_find(s, &s->masks.nontoken, line);
		if (unlikely(colon == line) || colon == p->len)
			break;
		if (unlikely(p->data[colon] != ':'))
			return parse_refuse(p, REASON_BAD_REQUEST);
		value = skip_ows(p, colon + 1);
		end = scan_find(s, &s->masks.ctl, value);
		status = end_line(p, line, end, REASON_HEAD_TOO_LARGE, &next);
		if (unlikely(status != PARSE_OK))
			return status;
		if (unlikely(f == full))
			return parse_refuse(p, REASON_HEAD_TOO_LARGE);
		if (unlikely(!take_field(p, f, line, colon, value, end)))
			return parse_refuse(p, REASON_BAD_REQUEST);
	}
	if (colon > line)
		return parse_incomplete(p, line, REASON_HEAD_TOO_LARGE);
	status = end_line(p, line, line, REASON_HEAD_TOO_LARGE, &next);
	h->n_fields = (uint16_t)(f - h->fields);
	h->fields_end = (uint32_t)line;
	h->size = (uint32_t)next;
	return status;
}

/* "HTTP/1.x" at `at` and the end of the request line; *next is behind it. */
static inline __attribute__((always_inline)) enum parse_status
walk_request_version(struct parse *p, size_t at, size_t *next)
{
	enum parse_status status;

	if (unlikely(p->len - at < 8)) {
		if (!parse_may_become(p, at, "HTTP/9.9"))
			return parse_refuse(p, REASON_BAD_REQUEST);
		return parse_incomplete(p, 0, REASON_URI_TOO_LONG);
	}
	status = take_version(p, at);
	if (unlikely(status != PARSE_OK))
		return status;
	return end_line(p, 0, at + 8, REASON_URI_TOO_LONG, next);
}

static inline __attribute__((always_inline)) enum parse_status
walk_request_line(struct parse *p, struct scan *s, size_t *next)
{
	struct http_head *h = p->h;
	size_t space, target, end;

	space = scan_find(s, &s->masks.nontoken, 0);
	if (unlikely(space == p->len))
		return parse_incomplete(p, 0, REASON_URI_TOO_LONG);
	if (unlikely(space == 0 || p->data[space] != ' ')) {
		/* Half an empty line? */
		if (p->len == 1 && p->data[0] == '\r')
			return parse_incomplete(p, 0, REASON_URI_TOO_LONG);
		return parse_refuse(p, REASON_BAD_REQUEST);
	}
	h->method_text = span_of(p->data, space);
	h->method = (uint8_t)method_of(h->method_text);
	if (unlikely(h->method == METHOD_CONNECT))
		return parse_refuse(p, REASON_METHOD);
	target = space + 1;
	end = scan_find(s, &s->masks.nontarget, target);
	if (unlikely(end == p->len))
		return parse_incomplete(p, 0, REASON_URI_TOO_LONG);
	if (unlikely(end == target || p->data[end] != ' '))
		return parse_refuse(p, REASON_BAD_REQUEST);
	h->target = span_of(p->data + target, end - target);
	return walk_request_version(p, end + 1, next);
}

/* Three digits, 100 to 599; 0 if they are not. */
static inline unsigned
status_at(const char *at)
{
	unsigned a = (unsigned)at[0] - '0', b = (unsigned)at[1] - '0',
	    c = (unsigned)at[2] - '0';

	if (a < 1 || a > 5 || b > 9 || c > 9)
		return 0;
	return a * 100 + b * 10 + c;
}

static inline __attribute__((always_inline)) enum parse_status
walk_status_line(struct parse *p, struct scan *s, size_t *next)
{
	enum parse_status status;
	size_t end, phrase = 12;	/* behind "HTTP/1.1 200" */

	if (unlikely(p->len < phrase + 1)) {
		if (!parse_may_become(p, 0, "HTTP/1.9 999"))
			return parse_refuse(p, REASON_JUNK);
		return parse_incomplete(p, 0, REASON_JUNK);
	}
	p->h->status = (uint16_t)status_at(p->data + 9);
	status = take_version(p, 0);
	if (unlikely(status != PARSE_OK))
		return status;
	if (unlikely(p->data[8] != ' ' || p->h->status == 0))
		return parse_refuse(p, REASON_JUNK);
	if (likely(p->data[phrase] == ' '))
		phrase++;
	else if (p->data[phrase] != '\r')
		return parse_refuse(p, REASON_JUNK);
	end = scan_find(s, &s->masks.ctl, phrase);
	p->h->reason_phrase = span_of(p->data + phrase, end - phrase);
	return end_line(p, 0, end, REASON_JUNK, next);
}

static enum parse_status
request(struct parse *p)
{
	struct scan s = scan_of(p);
	enum parse_status status;
	size_t at = 0;

	status = walk_request_line(p, &s, &at);
	if (likely(status == PARSE_OK))
		status = walk_fields(p, &s, at);
	return likely(status == PARSE_OK) ? parse_finish_request(p) : status;
}

static enum parse_status
response(struct parse *p)
{
	struct scan s = scan_of(p);
	enum parse_status status;
	size_t at = 0;

	status = walk_status_line(p, &s, &at);
	if (likely(status == PARSE_OK))
		status = walk_fields(p, &s, at);
	return likely(status == PARSE_OK) ? parse_finish_response(p) : status;
}

static enum parse_status
trailers(struct parse *p)
{
	struct scan s = scan_of(p);

	return walk_fields(p, &s, 0);
}

const struct parser PARSER = { request, response, trailers };
