/* src/http1/body.c -- bodies: where they end, and how they are sent */
#include "http1/body.h"

#include <string.h>

#include "core/assert.h"
#include "http1/write.h"

/* What stands behind the last content: most bodies end so. */
#define LAST_CHUNK "\r\n0\r\n\r\n"
#define LAST_CHUNK_LEN (sizeof(LAST_CHUNK) - 1)

/*
 * A chunk's line, byte by byte (RFC 9112 7.1.1): the size, then extensions
 * "; name = value". A quoted value must be closed on its line: who does not
 * know quotes and who does would find different ends else.
 */
enum {
	CHUNK_SIZE,		/* the first digit */
	CHUNK_SIZE_MORE,
	CHUNK_BLANK,		/* blanks behind the size or an extension */
	CHUNK_NAME,		/* blanks, then the first of a name */
	CHUNK_NAME_MORE,
	CHUNK_NAME_BLANK,	/* blanks behind a name */
	CHUNK_VALUE,		/* blanks, then the first of a value */
	CHUNK_VALUE_MORE,
	CHUNK_QUOTED,
	CHUNK_ESCAPED,
	CHUNK_VALUE_END,	/* behind a closing quote */
	CHUNK_LF,		/* of the line */
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILERS,
	CHUNK_END,
	CHUNK_BAD,
};

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_tchar(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' &&
	    (c | 0x20) <= 'z') || (c != '\0' &&
	    memchr("!#$%&'*+-.^_`|~", c, 15) != NULL);
}

static bool
is_text(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* Behind something whole: blanks, another extension, or the line's end. */
static unsigned
after_word(unsigned char c, unsigned blank)
{
	switch (c) {
	case ' ':
	case '\t':
		return blank;
	case ';':
		return CHUNK_NAME;
	case '\r':
		return CHUNK_LF;
	default:
		return CHUNK_BAD;
	}
}

static unsigned
take_size(struct body *b, unsigned char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (b->left >> 59 != 0)
			return CHUNK_BAD;	/* 2^63 and more */
		b->left = b->left << 4 | (unsigned)digit;
		return CHUNK_SIZE_MORE;
	}
	return b->state == CHUNK_SIZE ? CHUNK_BAD : after_word(c, CHUNK_BLANK);
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static unsigned
take_name(unsigned state, unsigned char c)
{
	if (is_tchar(c) && state != CHUNK_NAME_BLANK)
		return CHUNK_NAME_MORE;
	if (state == CHUNK_NAME)
		return is_blank(c) ? CHUNK_NAME : CHUNK_BAD;
	return c == '=' ? CHUNK_VALUE : after_word(c, CHUNK_NAME_BLANK);
}

static unsigned
take_value(unsigned state, unsigned char c)
{
	if (is_tchar(c))
		return CHUNK_VALUE_MORE;
	if (state == CHUNK_VALUE_MORE)
		return after_word(c, CHUNK_BLANK);
	if (c == '"')
		return CHUNK_QUOTED;
	return is_blank(c) ? CHUNK_VALUE : CHUNK_BAD;
}

static unsigned
take_quoted(unsigned char c)
{
	if (c == '"')
		return CHUNK_VALUE_END;
	if (c == '\\')
		return CHUNK_ESCAPED;
	return is_text(c) ? CHUNK_QUOTED : CHUNK_BAD;
}

static unsigned
end_of_line(const struct body *b, unsigned char c)
{
	if (c != '\n')
		return CHUNK_BAD;
	return b->left == 0 ? CHUNK_TRAILERS : CHUNK_DATA;
}

/* The state behind one byte of framing. */
static unsigned
take_byte(struct body *b, unsigned char c)
{
	switch (b->state) {
	case CHUNK_SIZE:
	case CHUNK_SIZE_MORE:
		return take_size(b, c);
	case CHUNK_BLANK:
		return c == '\r' ? CHUNK_BAD : after_word(c, CHUNK_BLANK);
	case CHUNK_NAME:
	case CHUNK_NAME_MORE:
		return take_name(b->state, c);
	case CHUNK_NAME_BLANK:
		return c == '\r' ? CHUNK_BAD : take_name(b->state, c);
	case CHUNK_VALUE:
	case CHUNK_VALUE_MORE:
		return take_value(b->state, c);
	case CHUNK_QUOTED:
		return take_quoted(c);
	case CHUNK_ESCAPED:
		return is_text(c) ? CHUNK_QUOTED : CHUNK_BAD;
	case CHUNK_VALUE_END:
		return after_word(c, CHUNK_BLANK);
	case CHUNK_LF:
		return end_of_line(b, c);
	case CHUNK_DATA_CR:
		return c == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
	case CHUNK_DATA_LF:
		return c == '\n' ? CHUNK_SIZE : CHUNK_BAD;
	default:
		return CHUNK_BAD;
	}
}

/* Framing bytes up to content, trailers or the end of the input. */
static size_t
skip_framing(struct body *b, struct span in)
{
	size_t i = 0;

	while (i < in.len && b->state < CHUNK_TRAILERS &&
	    b->state != CHUNK_DATA) {
		b->state = (uint8_t)take_byte(b, (unsigned char)in.ptr[i++]);
		b->line = b->state == CHUNK_SIZE ? 0 : b->line + 1;
		if (b->line > BODY_CHUNK_LINE)
			b->state = CHUNK_BAD;
	}
	return i;
}

void
body_allow(struct body *b, uint64_t most)
{
	b->most = most == 0 ? UINT64_MAX : most;
}

void
body_begin(struct body *b, const struct http_head *h, uint64_t most)
{
	*b = (struct body){ .framing = h->framing };
	body_allow(b, most);
	if (h->framing == FRAMING_LENGTH)
		b->left = h->body_len;
	else if (h->framing >= FRAMING_CLOSE)
		b->left = UINT64_MAX;
}

static enum body_event
next_of_length(const struct body *b, struct span in, struct span *data,
    bool *end)
{
	if (b->left == 0)
		return BODY_END;
	if (in.len == 0)
		return BODY_MORE;
	*data = in;
	if (data->len >= b->left) {
		data->len = (size_t)b->left;
		*end = b->framing == FRAMING_LENGTH;
	}
	return BODY_DATA;
}

static enum body_event
next_of_chunked(struct body *b, struct span in, size_t *skip,
    struct span *data, bool *end)
{
	struct span rest;

	*skip = skip_framing(b, in);
	rest = span_skip(in, *skip);
	if (b->state == CHUNK_BAD)
		return BODY_BAD;
	if (b->state == CHUNK_TRAILERS)
		return BODY_TRAILERS;
	if (b->state == CHUNK_END)
		return BODY_END;
	if (rest.len == 0)
		return BODY_MORE;
	*data = rest;
	if (rest.len < b->left)
		return BODY_DATA;
	data->len = (size_t)b->left;
	*end = rest.len - data->len >= LAST_CHUNK_LEN &&
	    memcmp(rest.ptr + data->len, LAST_CHUNK, LAST_CHUNK_LEN) == 0;
	return BODY_DATA;
}

enum body_event
body_next(struct body *b, struct span in, size_t *skip, struct span *data,
    bool *end)
{
	*skip = 0;
	*end = false;
	if (b->framing == FRAMING_CHUNKED)
		return next_of_chunked(b, in, skip, data, end);
	return next_of_length(b, in, data, end);
}

size_t
body_took(struct body *b, size_t taken, bool end)
{
	ASSERT(taken <= b->left);
	if (b->framing >= FRAMING_CLOSE)
		return 0;
	b->left -= taken;
	if (b->framing != FRAMING_CHUNKED || b->left > 0)
		return 0;
	b->state = end ? CHUNK_END : CHUNK_DATA_CR;
	return end ? LAST_CHUNK_LEN : 0;
}

/* ---- to the sink */

static struct http_field trailer_fields[HEAD_FIELDS_MAX];

static enum feed
feed_trailers(struct body *b, struct http_stream *s,
    const struct parse_limits *limits, struct span in, size_t *used,
    enum reason *why)
{
	struct http_head t = { .fields = trailer_fields };

	switch (parse_trailers(&t, in, limits, why)) {
	case PARSE_MORE:
		return FEED_MORE;
	case PARSE_BAD:
		return FEED_BAD;
	case PARSE_OK:
		break;
	}
	*used += t.size;
	b->state = CHUNK_END;
	if (t.n_fields > 0)
		s->sink->events->on_trailers(s, &t);
	else
		(void)s->sink->events->on_body(s, span_of(NULL, 0), true);
	return FEED_DONE;
}

/* False: the sink takes no more. */
static inline bool
feed_content(struct body *b, struct http_stream *s, struct span content,
    bool end, size_t *used)
{
	size_t taken = s->sink->events->on_body(s, content, end);

	ASSERT(taken <= content.len);
	b->most -= taken;
	*used += taken + body_took(b, taken, end && taken == content.len);
	return taken == content.len;
}

static enum feed
feed_pieces(struct body *b, struct http_stream *s,
    const struct parse_limits *trailers, struct span in, size_t *used,
    enum reason *why)
{
	struct span content;
	size_t skip;
	bool end;

	while (s->sink != NULL && *used < in.len) {
		switch (body_next(b, span_skip(in, *used), &skip, &content,
		    &end)) {
		case BODY_DATA:
			*used += skip;
			*why = REASON_BODY_TOO_LARGE;
			if (unlikely(content.len > b->most))
				return FEED_BAD;
			if (!feed_content(b, s, content, end, used))
				return FEED_HELD;
			if (end)
				return FEED_DONE;
			break;
		case BODY_TRAILERS:
			*used += skip;
			return feed_trailers(b, s, trailers,
			    span_skip(in, *used), used, why);
		case BODY_MORE:
			*used += skip;
			return FEED_MORE;
		case BODY_END:
			return FEED_DONE;
		case BODY_BAD:
			*why = REASON_BAD_REQUEST;
			return FEED_BAD;
		}
	}
	return FEED_MORE;
}

enum feed
body_feed(struct body *b, struct http_stream *s,
    const struct parse_limits *trailers, struct span in, size_t *used,
    enum reason *why)
{
	enum feed result;

	*used = 0;
	if (likely(b->framing == FRAMING_LENGTH && in.len == b->left &&
	    in.len <= b->most && s->sink != NULL))	/* most come whole */
		return feed_content(b, s, in, true, used) ? FEED_DONE :
		    FEED_HELD;
	if (b->framing == FRAMING_CHUNKED)
		wire_borrow_begin();
	result = feed_pieces(b, s, trailers, in, used, why);
	wire_borrow_end();
	return result;
}

/* ---- sending */

/* These few bytes always find room. */
static void
put_chunk_line(struct wire *w, uint64_t size)
{
	char *to = wire_room(w, 20);

	wire_added(w, (size_t)(write_chunk_line(to, size) - to));
}

static enum send_result
send_last_chunk(struct wire *w)
{
	char *to;

	if (w->has_failed)
		return SEND_FAILED;
	to = wire_room(w, 5);
	memcpy(to, "0\r\n\r\n", 5);
	wire_added(w, 5);
	wire_flush(w);
	return w->has_failed ? SEND_FAILED : SEND_OK;
}

enum send_result
chunked_send(struct wire *w, uint64_t *left, struct span data, bool end,
    size_t *taken)
{
	enum send_result result;
	size_t part;

	*taken = 0;
	if (data.len == 0)
		return end ? send_last_chunk(w) : SEND_OK;
	if (!wire_can_send(w))
		return wire_refuse(w);
	while (data.len > 0) {
		struct span now = data, behind = SPAN("");
		bool is_last;

		if (*left == 0) {
			put_chunk_line(w, data.len);
			*left = data.len;
		}
		if (now.len > *left)
			now.len = (size_t)*left;
		is_last = end && now.len == data.len;
		if (now.len == *left)
			behind = is_last ? span_of(LAST_CHUNK, LAST_CHUNK_LEN) :
			    SPAN("\r\n");
		result = wire_send_framed(w, now, behind, is_last, &part);
		*left -= part;
		*taken += part;
		data = span_skip(data, part);
		if (result != SEND_OK)
			return result;
	}
	return SEND_OK;
}

bool
chunked_send_trailers(struct wire *w, const struct http_head *t)
{
	char *to = wire_room(w, write_bound(t));

	if (to == NULL)
		return false;
	wire_added(w, (size_t)(write_trailers(to, t) - to));
	wire_flush(w);
	return !w->has_failed;
}
