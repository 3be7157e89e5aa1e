/* src/http1/write.c -- heads as HTTP/1.1 sends them */
#include "http1/write.h"

#include <string.h>

#include "core/base.h"
#include "http/rules.h"

/* Start line beyond its spans, Content-Length, Connection, empty line. */
#define WRITE_FIXED 160

static inline char *
put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

/* Names and values are mostly short: two moves that may overlap cost less than
 * a call. */
static inline char *
put_span(char *to, struct span s)
{
	if (unlikely(s.len > 32 || s.len < 4))
		return s.len == 0 ? to : put(to, s.ptr, s.len);
	if (s.len >= 16) {
		memcpy(to, s.ptr, 16);
		memcpy(to + s.len - 16, s.ptr + s.len - 16, 16);
	} else if (s.len >= 8) {
		memcpy(to, s.ptr, 8);
		memcpy(to + s.len - 8, s.ptr + s.len - 8, 8);
	} else {
		memcpy(to, s.ptr, 4);
		memcpy(to + s.len - 4, s.ptr + s.len - 4, 4);
	}
	return to + s.len;
}

#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

static char *
put_number(char *to, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return put(to, digits + i, sizeof(digits) - i);
}

static char *
put_field(char *to, struct span name, struct span value)
{
	to = put_span(to, name);
	to = PUT(to, ": ");
	to = put_span(to, value);
	return PUT(to, "\r\n");
}

size_t
write_bound(const struct http_head *h)
{
	size_t size = WRITE_FIXED + h->method_text.len + h->target.len +
	    h->reason_phrase.len + h->upgrade.len + h->rewritten.len;

	if (h->is_raw)
		size += h->size;
	else
		for (unsigned i = 0; i < h->n_fields; i++)
			size += h->fields[i].name_len +
			    h->fields[i].value_len + 4u;
	for (unsigned i = 0; i < h->n_extras; i++)
		size += h->extras[i].name.len + h->extras[i].value.len + 4;
	return size;
}

/* Kept lines that stand side by side leave as one run. */
static inline __attribute__((always_inline)) char *
put_raw_fields(char *to, const struct http_head *h)
{
	const struct http_field *f = h->fields, *end = f + h->n_fields;
	uint32_t begin;

	while (f < end) {
		if (f->is_dropped) {
			f++;
			continue;
		}
		begin = f->name;
		while (f < end && !f->is_dropped)
			f++;
		to = put(to, h->base + begin,
		    (f < end ? f->name : h->fields_end) - begin);
	}
	return to;
}

static char *
put_single_fields(char *to, const struct http_head *h)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!h->fields[i].is_dropped)
			to = put_field(to, field_name(h, &h->fields[i]),
			    field_value(h, &h->fields[i]));
	return to;
}

/* Who drops Content-Length changes the framing; a made head has no lines. */
static bool
has_length_line(const struct http_head *h)
{
	return h->is_raw ? head_has(h, FIELD_CONTENT_LENGTH) :
	    head_find(h, FIELD_CONTENT_LENGTH) != NULL;
}

static char *
put_fields(char *to, const struct http_head *h)
{
	to = h->is_raw ? put_raw_fields(to, h) : put_single_fields(to, h);
	for (unsigned i = 0; i < h->n_extras; i++)
		to = put_field(to, h->extras[i].name, h->extras[i].value);
	if (h->framing == FRAMING_LENGTH &&
	    unlikely(!has_length_line(h))) {
		to = PUT(to, "Content-Length: ");
		to = put_number(to, h->body_len);
		to = PUT(to, "\r\n");
	} else if (unlikely(h->framing == FRAMING_CHUNKED)) {
		to = PUT(to, "Transfer-Encoding: chunked\r\n");
	}
	if (unlikely(h->upgrade.len > 0)) {
		to = PUT(to, "Connection: upgrade\r\n");
		to = put_field(to, SPAN("Upgrade"), h->upgrade);
	}
	return to;
}

char *
write_request(char *to, const struct http_head *h)
{
	to = put_span(to, h->method_text);
	*to++ = ' ';
	if (unlikely(h->rewritten.len > 0)) {
		to = put_span(to, h->rewritten);
	} else {
		if (unlikely(h->needs_slash))
			*to++ = '/';
		to = put_span(to, h->target);
	}
	to = PUT(to, " HTTP/1.1\r\n");
	to = put_fields(to, h);
	return PUT(to, "\r\n");
}

char *
write_response(char *to, const struct http_head *h, const char *connection)
{
	to = PUT(to, "HTTP/1.1 ");
	to = put_number(to, h->status);
	*to++ = ' ';
	if (h->reason_phrase.len > 0)
		to = put_span(to, h->reason_phrase);
	else
		to = put_span(to, span_str(status_phrase(h->status)));
	to = PUT(to, "\r\n");
	to = put_fields(to, h);
	if (connection != NULL)
		to = put_field(to, SPAN("Connection"), span_str(connection));
	return PUT(to, "\r\n");
}

char *
write_chunk_line(char *to, uint64_t size)
{
	static const char hex[] = "0123456789abcdef";
	char digits[16];
	size_t i = sizeof(digits);

	do {
		digits[--i] = hex[size & 15];
		size >>= 4;
	} while (size > 0);
	to = put(to, digits + i, sizeof(digits) - i);
	return PUT(to, "\r\n");
}

char *
write_trailers(char *to, const struct http_head *t)
{
	to = PUT(to, "0\r\n");
	to = t->is_raw ? put_raw_fields(to, t) : put_single_fields(to, t);
	return PUT(to, "\r\n");
}
