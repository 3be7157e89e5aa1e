/* src/http/uri.c -- the parts of a request target (RFC 3986, RFC 9112 3.2) */
#include "http/uri.h"

#include "core/base.h"
#include "http/fields.h"

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape at the start of `s` stands for; -1: none does. */
static int
escaped(struct span s)
{
	int high, low;

	if (s.len < 3 || s.ptr[0] != '%')
		return -1;
	high = digit_of(s.ptr[1]);
	low = digit_of(s.ptr[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 3986 2.3. */
static bool
is_unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* Escapes in their normal form; returns the length. */
static size_t
decode(struct span path, char *to)
{
	static const char hex[] = "0123456789ABCDEF";
	char *start = to;
	int c;

	while (path.len > 0) {
		c = escaped(path);
		if (c < 0) {
			*to++ = path.ptr[0];
			path = span_skip(path, 1);
			continue;
		}
		if (is_unreserved(c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
		path = span_skip(path, 3);
	}
	return (size_t)(to - start);
}

/* RFC 3986 5.2.4, in place, one segment "/x" at a time. */
static size_t
remove_dots(char *text, size_t len)
{
	size_t from = 0, to = 0, end;

	while (from < len) {
		for (end = from + 1; end < len && text[end] != '/'; end++)
			;
		struct span segment = span_of(text + from, end - from);
		bool is_last = end == len;

		if (span_equal(segment, SPAN("/.."))) {
			while (to > 0 && text[--to] != '/')
				;
		} else if (!span_equal(segment, SPAN("/."))) {
			memmove(text + to, segment.ptr, segment.len);
			to += segment.len;
			is_last = false;
		}
		if (is_last)	/* "/a/." and "/a/b/.." are "/a/" */
			text[to++] = '/';
		from = end;
	}
	return to;
}

static bool
is_normal(struct span path)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] == '%' || (path.ptr[i] == '/' &&
		    i + 1 < path.len && path.ptr[i + 1] == '.'))
			return false;
	return true;
}

struct span
uri_path(struct span target, char *room)
{
	const char *query = memchr(target.ptr, '?', target.len);
	struct span path = target;

	if (query != NULL)
		path.len = (size_t)(query - target.ptr);
	if (likely(is_normal(path)) || path.ptr[0] != '/')
		return path;
	return span_of(room, remove_dots(room, decode(path, room)));
}

struct span
uri_query(struct span target)
{
	const char *query = memchr(target.ptr, '?', target.len);

	if (query == NULL)
		return span_of(NULL, 0);
	return span_skip(target, (size_t)(query - target.ptr) + 1);
}

/* The byte that the part, which is not empty, begins with. */
static unsigned char
take_byte(struct span *part)
{
	int c = escaped(*part);

	if (c < 0)
		c = part->ptr[0] == '+' ? ' ' : (unsigned char)part->ptr[0];
	else
		*part = span_skip(*part, 2);
	*part = span_skip(*part, 1);
	return (unsigned char)c;
}

bool
uri_part_equal(struct span part, struct span plain)
{
	for (; part.len > 0 && plain.len > 0; plain = span_skip(plain, 1))
		if (take_byte(&part) != (unsigned char)plain.ptr[0])
			return false;
	return part.len == 0 && plain.len == 0;
}

struct span
uri_part_decode(struct span part, char *room)
{
	char *to = room;

	if (part.len == 0 || (memchr(part.ptr, '%', part.len) == NULL &&
	    memchr(part.ptr, '+', part.len) == NULL))
		return part;
	while (part.len > 0)
		*to++ = (char)take_byte(&part);
	return span_of(room, (size_t)(to - room));
}

bool
uri_query_find(struct span query, struct span name, struct span *value)
{
	struct span pair, key;

	while (span_cut(&query, '&', &pair)) {
		if (!span_cut(&pair, '=', &key) || !uri_part_equal(key, name))
			continue;
		*value = pair;
		return true;
	}
	return false;
}
