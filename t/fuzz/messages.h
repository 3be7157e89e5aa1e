/* t/fuzz/messages.h -- HTTP/1 messages, read slowly and plainly */
#pragma once
/*
 * A second opinion on where messages begin and end (RFC 9112): whole lines,
 * one after the other, from bytes that are all there. It knows nothing of
 * what src/ does. What it calls WRONG nobody may send or pass on.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_line.h"
#include "core/span.h"

#define CONTENT_POOL (1u << 20)

enum reading {
	READ_NOTHING,
	READ_WHOLE,
	READ_PART,	/* what is there is right, but there is more to come */
	READ_WRONG,
};

enum length_by { BY_NOTHING, BY_LENGTH, BY_CHUNKS, BY_CLOSE };

struct message {
	struct span all;	/* head, body and trailers, what is there */
	struct span fields;	/* lines, each with its CR LF */
	struct span trailers;	/* the same */
	struct span content;	/* without the chunks' framing */
	struct span method, target;
	unsigned status, minor;
	enum length_by by;
	uint64_t length;
	enum reading head, body;
	const char *fault;	/* what is wrong */
};

static struct {
	char bytes[CONTENT_POOL];
	size_t len;
} contents;

/* ---- lines */

/* The line at the front of *rest without its CR LF; false: not whole. */
static bool
next_line(struct span *rest, struct span *line)
{
	const char *lf = rest->len == 0 ? NULL :
	    memchr(rest->ptr, '\n', rest->len);

	if (lf == NULL || lf == rest->ptr || lf[-1] != '\r')
		return false;
	*line = span_of(rest->ptr, (size_t)(lf - rest->ptr) - 1);
	*rest = span_skip(*rest, line->len + 2);
	return true;
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f ||
		    strchr("()<>@,;:\\\"/[]?={}", s.ptr[i]) != NULL)
			return false;
	return s.len > 0;
}

static bool
is_line_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') ||
		    s.ptr[i] == 0x7f)
			return false;
	return true;
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = span_skip(s, 1);
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' ||
	    s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The field at the front of *rest; false: none, or not well-formed. */
static bool
next_field(struct span *rest, struct span *name, struct span *value)
{
	struct span line;
	const char *colon;

	if (!next_line(rest, &line))
		return false;
	colon = line.len == 0 ? NULL : memchr(line.ptr, ':', line.len);
	if (colon == NULL || !is_line_text(line))
		return false;
	*name = span_of(line.ptr, (size_t)(colon - line.ptr));
	*value = trim(span_skip(line, name->len + 1));
	return is_token(*name);
}

static bool
are_fields(struct span lines)
{
	struct span name, value;

	while (lines.len > 0)
		if (!next_field(&lines, &name, &value))
			return false;
	return true;
}

/* How many fields there are of that name; *value is the last one's. */
static unsigned
count_fields(struct span lines, const char *wanted, struct span *value)
{
	struct span name, v;
	unsigned n = 0;

	while (next_field(&lines, &name, &v)) {
		if (!span_equal_nocase(name, span_str(wanted)))
			continue;
		*value = v;
		n++;
	}
	return n;
}

static bool
has_field(const struct message *m, const char *name)
{
	struct span value;

	return count_fields(m->fields, name, &value) > 0;
}

/* An element of a list, trimmed, maybe empty. */
static bool
next_element(struct span *list, struct span *element)
{
	const char *comma;

	if (list->len == 0)
		return false;
	comma = memchr(list->ptr, ',', list->len);
	*element = *list;
	if (comma != NULL)
		element->len = (size_t)(comma - list->ptr);
	*list = span_skip(*list, element->len + (comma != NULL));
	*element = trim(*element);
	return true;
}

/* Some field of that name lists the word. */
static bool
has_word(const struct message *m, const char *field, struct span word)
{
	struct span lines = m->fields, name, list, element;

	while (next_field(&lines, &name, &list)) {
		if (!span_equal_nocase(name, span_str(field)))
			continue;
		while (next_element(&list, &element))
			if (span_equal_nocase(element, word))
				return true;
	}
	return false;
}

/* ---- heads */

static enum reading
head_wrong(struct message *m, const char *fault)
{
	m->fault = fault;
	return READ_WRONG;
}

/* "HTTP/1.0" or "HTTP/1.1", and later ones of that family. */
static bool
read_version(struct message *m, struct span s)
{
	if (s.len != 8 || memcmp(s.ptr, "HTTP/1.", 7) != 0 ||
	    s.ptr[7] < '0' || s.ptr[7] > '9')
		return false;
	m->minor = (unsigned)(s.ptr[7] - '0');
	return true;
}

static bool
read_request_line(struct message *m, struct span line)
{
	const char *space = line.len == 0 ? NULL :
	    memchr(line.ptr, ' ', line.len);
	struct span rest;

	if (space == NULL)
		return false;
	m->method = span_of(line.ptr, (size_t)(space - line.ptr));
	rest = span_skip(line, m->method.len + 1);
	space = rest.len == 0 ? NULL : memchr(rest.ptr, ' ', rest.len);
	if (space == NULL || !is_token(m->method))
		return false;
	m->target = span_of(rest.ptr, (size_t)(space - rest.ptr));
	for (size_t i = 0; i < m->target.len; i++)
		if (m->target.ptr[i] <= ' ' || m->target.ptr[i] >= 0x7f)
			return false;
	return m->target.len > 0 &&
	    read_version(m, span_skip(rest, m->target.len + 1));
}

static bool
read_status_line(struct message *m, struct span line)
{
	if (line.len < 12 || line.ptr[8] != ' ' || !is_line_text(line) ||
	    !read_version(m, span_of(line.ptr, 8)))
		return false;
	for (size_t i = 9; i < 12; i++) {
		if (line.ptr[i] < '0' || line.ptr[i] > '9')
			return false;
		m->status = m->status * 10 + (unsigned)(line.ptr[i] - '0');
	}
	return m->status >= 100 && (line.len == 12 || line.ptr[12] == ' ');
}

/* What the fields say of the length, whoever sent them. */
static enum reading
read_framing(struct message *m)
{
	struct span length = { 0 }, coding = { 0 };
	unsigned lengths = count_fields(m->fields, "Content-Length", &length);
	unsigned codings = count_fields(m->fields, "Transfer-Encoding",
	    &coding);

	if (lengths + codings > 1)
		return head_wrong(m, "the length is said more than once");
	if (codings == 1) {
		m->by = BY_CHUNKS;
		return m->minor > 0 && span_equal_nocase(coding,
		    SPAN("chunked")) ? READ_WHOLE :
		    head_wrong(m, "a coding that is not chunked");
	}
	if (lengths == 0)
		return READ_WHOLE;
	m->by = BY_LENGTH;
	for (size_t i = 0; i < length.len; i++) {
		if (length.ptr[i] < '0' || length.ptr[i] > '9' ||
		    m->length > (INT64_MAX - 9) / 10)
			return head_wrong(m, "a length that is no number");
		m->length = m->length * 10 + (unsigned)(length.ptr[i] - '0');
	}
	return length.len > 0 ? READ_WHOLE :
	    head_wrong(m, "a length that is no number");
}

/* The body that a response has, whatever its fields say (RFC 9112 6.3). */
static void
read_response_framing(struct message *m, struct span request_method)
{
	if (m->status < 200 || m->status == 204 || m->status == 304 ||
	    span_equal(request_method, SPAN("HEAD")))
		m->by = BY_NOTHING;
	else if (m->by == BY_NOTHING)
		m->by = BY_CLOSE;
}

/* method NULL: a request; else a response to that. *rest: behind it. */
static enum reading
read_head(struct message *m, struct span *rest, const struct span *method)
{
	struct span line;
	const char *end = rest->len < 4 ? NULL :
	    memmem(rest->ptr, rest->len, "\r\n\r\n", 4);
	size_t size;

	m->all = *rest;
	if (end == NULL)
		return READ_PART;
	size = (size_t)(end - rest->ptr) + 4;
	m->fields = span_of(rest->ptr, size - 2);
	*rest = span_skip(*rest, size);
	if (!next_line(&m->fields, &line) || !(method == NULL ?
	    read_request_line(m, line) : read_status_line(m, line)))
		return head_wrong(m, "the first line");
	if (!are_fields(m->fields))
		return head_wrong(m, "a field line");
	if (read_framing(m) == READ_WRONG)
		return READ_WRONG;
	if (method != NULL)
		read_response_framing(m, *method);
	return READ_WHOLE;
}

/* ---- bodies */

static void
add_content(struct message *m, struct span part)
{
	if (part.len > CONTENT_POOL - contents.len)
		abort();	/* the target's inputs are not that long */
	if (part.len > 0)
		memcpy(contents.bytes + contents.len, part.ptr, part.len);
	contents.len += part.len;
	m->content.len += part.len;
}

static enum reading
read_trailers(struct message *m, struct span *rest)
{
	struct span at = *rest, line;

	while (next_line(&at, &line)) {
		if (line.len > 0)
			continue;
		m->trailers = span_of(rest->ptr,
		    (size_t)(line.ptr - rest->ptr));
		*rest = at;
		return are_fields(m->trailers) ? READ_WHOLE : READ_WRONG;
	}
	return at.len > 0 && memchr(at.ptr, '\n', at.len) != NULL ?
	    READ_WRONG : READ_PART;
}

static enum reading
read_chunks(struct message *m, struct span *rest)
{
	struct span line;
	uint64_t size;

	for (;;) {
		if (rest->len == 0 || memchr(rest->ptr, '\n', rest->len) ==
		    NULL)
			return READ_PART;
		if (!next_line(rest, &line) || line.len >= CHUNKS_MOST ||
		    !is_chunk_line(line.ptr, line.len) ||
		    !chunk_size(line.ptr, &size))
			return READ_WRONG;
		if (size == 0)
			return read_trailers(m, rest);
		if (size > rest->len)
			size = rest->len;
		add_content(m, span_of(rest->ptr, size));
		*rest = span_skip(*rest, size);
		if (rest->len < 2)
			return READ_PART;
		if (memcmp(rest->ptr, "\r\n", 2) != 0)
			return READ_WRONG;
		*rest = span_skip(*rest, 2);
	}
}

static enum reading
read_body(struct message *m, struct span *rest)
{
	size_t len = rest->len;

	m->content = span_of(contents.bytes + contents.len, 0);
	switch (m->by) {
	case BY_NOTHING:
		return READ_WHOLE;
	case BY_CHUNKS:
		return read_chunks(m, rest);
	case BY_LENGTH:
		if (len > m->length)
			len = (size_t)m->length;
		break;
	case BY_CLOSE:
		break;
	}
	add_content(m, span_of(rest->ptr, len));
	*rest = span_skip(*rest, len);
	return m->by == BY_LENGTH && len == m->length ? READ_WHOLE :
	    READ_PART;
}

/*
 * The message at the front of *rest, which goes on behind what was read of it.
 * `method` as above. A body that only the close ends is READ_PART.
 */
static void
read_message(struct message *m, struct span *rest, const struct span *method)
{
	*m = (struct message){ .body = READ_PART };
	m->head = read_head(m, rest, method);
	if (m->head == READ_WHOLE)
		m->body = read_body(m, rest);
	if (m->body == READ_WRONG)
		m->fault = "the body";
	m->all.len = (size_t)(rest->ptr - m->all.ptr);
}
