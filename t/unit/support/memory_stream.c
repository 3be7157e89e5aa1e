/* t/unit/support/memory_stream.c -- a third http_stream: bytes in memory */
#include "support/memory_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

static struct memory_stream *
of(struct http_stream *s)
{
	return container_of(s, struct memory_stream, stream);
}

static void
put_line(struct memory_stream *m, struct span name, const char *between,
    struct span value)
{
	size_t len = strlen(m->head);

	(void)snprintf(m->head + len, sizeof(m->head) - len, "%.*s%s%.*s\n",
	    SPAN_ARG(name), between, SPAN_ARG(value));
}

static void
record(struct memory_stream *m, const struct http_head *h)
{
	char status[8];

	m->head[0] = '\0';
	(void)snprintf(status, sizeof(status), "%u", h->status);
	if (h->status != 0)
		put_line(m, span_str(status), "", span_of(NULL, 0));
	else
		put_line(m, h->method_text, " ", h->target);
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!h->fields[i].is_dropped)
			put_line(m, field_name(h, &h->fields[i]), ": ",
			    field_value(h, &h->fields[i]));
	for (unsigned i = 0; i < h->n_extras; i++)
		put_line(m, h->extras[i].name, ": ", h->extras[i].value);
}

static enum send_result
send_info(struct http_stream *s, const struct http_head *h)
{
	of(s)->n_infos++;
	record(of(s), h);
	return SEND_OK;
}

static enum send_result
send_head(struct http_stream *s, const struct http_head *h, bool end)
{
	struct memory_stream *m = of(s);

	ASSERT(!m->is_released && !m->has_ended);
	m->n_heads++;
	m->has_ended = end;
	record(m, h);
	return m->is_dead ? SEND_FAILED : SEND_OK;
}

static enum send_result
send_body(struct http_stream *s, struct span data, bool end, size_t *taken)
{
	struct memory_stream *m = of(s);
	size_t n = data.len < m->room ? data.len : m->room;

	ASSERT(!m->is_released && !m->has_ended && m->n_heads > 0);
	ASSERT(m->body_len + n <= sizeof(m->body));
	*taken = n;
	if (n > 0)
		memcpy(m->body + m->body_len, data.ptr, n);
	m->body_len += n;
	m->room -= n;
	if (m->is_dead)
		return SEND_FAILED;
	if (n < data.len)
		return SEND_WAIT;
	m->has_ended = end;
	return SEND_OK;
}

static enum send_result
send_trailers(struct http_stream *s, const struct http_head *t)
{
	struct memory_stream *m = of(s);

	ASSERT(!m->is_released && !m->has_ended && m->n_heads > 0);
	m->has_ended = true;
	m->n_trailers = 0;
	for (unsigned i = 0; i < t->n_fields; i++)
		m->n_trailers += !t->fields[i].is_dropped;
	return m->is_dead ? SEND_FAILED : SEND_OK;
}

static void
on_resume(struct http_stream *s)
{
	of(s)->n_resumes++;
}

static void
on_stream_reset(struct http_stream *s, enum reason why)
{
	ASSERT(!of(s)->is_released);
	of(s)->is_reset = of(s)->is_released = true;
	of(s)->reset_why = why;
	s->sink = NULL;
}

static void
on_release(struct http_stream *s)
{
	ASSERT(!of(s)->is_released);
	of(s)->is_released = true;
	s->sink = NULL;
}

static const struct http_stream_ops ops = {
	.send_info = send_info,
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = on_resume,
	.reset = on_stream_reset,
	.release = on_release,
};

void
memory_stream_init(struct memory_stream *m)
{
	memset(m, 0, sizeof(*m));
	m->stream.ops = &ops;
	m->room = sizeof(m->body);
}

/* ---- heads */

static void
read_start(struct http_head *h, char *line)
{
	char *space = strchr(line, ' ');

	if (space == NULL) {
		h->status = (uint16_t)atoi(line);
		return;
	}
	h->method_text = span_of(line, (size_t)(space - line));
	h->method = (uint8_t)method_of(h->method_text);
	h->target = span_str(space + 1);
}

static void
read_line(struct http_head *h, char *line)
{
	struct http_field *f = &h->fields[h->n_fields++];
	char *colon = strstr(line, ": ");

	ASSERT(colon != NULL);
	f->name = (uint32_t)(line - h->base);
	f->name_len = (uint16_t)(colon - line);
	f->value = (uint32_t)(colon + 2 - h->base);
	f->value_len = (uint32_t)strlen(colon + 2);
	f->id = (uint8_t)field_id_of(field_name(h, f));
	f->is_dropped = false;
	h->ids |= HEAD_BIT(f->id);
	if (f->id == FIELD_HOST)
		h->host = field_value(h, f);
	if (f->id == FIELD_CONNECTION)
		h->has_names_in_connection = true;
}

struct http_head *
memory_head(const char *text, enum framing framing, uint64_t body_len)
{
	static struct http_head h;
	static struct http_field fields[32];
	static struct http_extra extras[HEAD_EXTRAS_MAX];
	static char raw[4096];
	char *line, *rest;

	memset(&h, 0, sizeof(h));
	(void)snprintf(raw, sizeof(raw), "%s", text);
	h.base = raw;
	h.size = (uint32_t)strlen(raw) + 1;
	h.fields = fields;
	h.extras = extras;
	h.framing = (uint8_t)framing;
	h.body_len = body_len;
	h.version = HTTP_1_1;
	h.is_keep_alive = true;
	line = strtok_r(raw, "\n", &rest);
	read_start(&h, line);
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL)
		read_line(&h, line);
	return &h;
}

/* ---- events */

void
memory_say_head(struct memory_stream *m, const char *text,
    enum framing framing, uint64_t body_len)
{
	bool end = framing == FRAMING_NONE ||
	    (framing == FRAMING_LENGTH && body_len == 0);

	m->stream.sink->events->on_head(&m->stream,
	    memory_head(text, framing, body_len), end);
}

size_t
memory_say_body(struct memory_stream *m, const char *bytes, bool end)
{
	return m->stream.sink->events->on_body(&m->stream, span_str(bytes),
	    end);
}

void
memory_say_reset(struct memory_stream *m, enum reason why, enum sent sent)
{
	m->is_dead = true;
	m->stream.sink->events->on_reset(&m->stream, why, sent);
	ASSERT(m->is_released);
}

void
memory_say_writable(struct memory_stream *m)
{
	m->stream.sink->events->on_writable(&m->stream);
}
