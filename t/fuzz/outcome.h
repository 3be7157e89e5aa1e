/* t/fuzz/outcome.h -- all that the parser says of one input, to be compared */
#pragma once
#include <stdio.h>
#include <string.h>

#include "http1/parse.h"

#define OUTCOME_FIELDS 64

struct outcome {
	struct span data;
	enum parse_status status;
	enum reason why;
	struct http_head head;
	struct http_field fields[OUTCOME_FIELDS];
};

/* method METHOD_COUNT: a request; else a response to such a request. */
static inline void
outcome_parse(struct outcome *o, struct span data, enum method method,
    const struct parse_limits *limits)
{
	o->data = data;
	o->why = REASON_NONE;
	o->head.fields = o->fields;
	o->head.extras = NULL;
	o->status = method == METHOD_COUNT ?
	    parse_request(&o->head, data, limits, &o->why) :
	    parse_response(&o->head, data, method, limits, &o->why);
}

/* Over memory that holds no older answer. */
static inline void
outcome_of(struct outcome *o, struct span data, enum method method,
    const struct parse_limits *limits)
{
	memset(o, 0xa5, sizeof(*o));
	outcome_parse(o, data, method, limits);
}

static inline bool
is_same_place(const struct outcome *a, struct span in_a,
    const struct outcome *b, struct span in_b)
{
	if (in_a.ptr == NULL || in_b.ptr == NULL)
		return in_a.ptr == in_b.ptr && in_a.len == in_b.len;
	return in_a.ptr - a->data.ptr == in_b.ptr - b->data.ptr &&
	    in_a.len == in_b.len;
}

static inline const char *
field_difference(const struct http_field *a, const struct http_field *b)
{
	if (a->name != b->name || a->name_len != b->name_len)
		return "a field's name";
	if (a->value != b->value || a->value_len != b->value_len)
		return "a field's value";
	if (a->id != b->id || a->is_dropped != b->is_dropped)
		return "a field's id";
	return NULL;
}

#define OUTCOME_NUMBERS(X)						\
	X(n_fields) X(n_extras) X(status) X(version) X(method) X(framing) \
	X(is_raw) X(is_keep_alive) X(has_names_in_connection)		\
	X(fields_end) X(ids) X(size) X(body_len)
#define OUTCOME_SPANS(X) X(method_text) X(target) X(host) X(reason_phrase)

/* The first thing in which they differ; NULL. */
static inline const char *
outcome_difference(const struct outcome *a, const struct outcome *b)
{
	const char *found = NULL;

	if (a->status != b->status)
		return "the status";
	if (a->why != b->why)
		return "the reason";
	if (a->status != PARSE_OK)
		return NULL;
#define X(member)							\
	if (a->head.member != b->head.member)				\
		return #member;
	OUTCOME_NUMBERS(X)
#undef X
#define X(member)							\
	if (!is_same_place(a, a->head.member, b, b->head.member))	\
		return #member;
	OUTCOME_SPANS(X)
#undef X
	for (unsigned i = 0; i < a->head.n_fields && found == NULL; i++)
		found = field_difference(&a->fields[i], &b->fields[i]);
	return found;
}

/* A field line, as slowly and plainly as can be; NULL when it is right. */
static inline const char *
line_fault(const struct http_head *h, const struct http_field *f,
    uint32_t line, uint32_t next)
{
	struct span name = field_name(h, f), value = field_value(h, f);

	if (f->name != line || name.len == 0 || name.ptr[name.len] != ':')
		return "a name's place";
	for (size_t i = 0; i < name.len; i++)
		if (strchr("()<>@,;:\\\"/[]?={} \t", name.ptr[i]) != NULL ||
		    name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f)
			return "a name's bytes";
	for (size_t i = 0; i < value.len; i++)
		if (((unsigned char)value.ptr[i] < ' ' &&
		    value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return "a value's bytes";
	if (memcmp(h->base + next - 2, "\r\n", 2) != 0 ||
	    f->value + f->value_len + 2 > next)
		return "a line's end";
	for (uint32_t i = f->value + f->value_len; i < next - 2; i++)
		if (h->base[i] != ' ' && h->base[i] != '\t')
			return "a value's end";
	return f->id == field_id_of(name) ? NULL : "a field's id";
}

/* What must hold of any input; NULL when it does. */
static inline const char *
outcome_fault(const struct outcome *o, const struct parse_limits *limits)
{
	const struct http_head *h = &o->head;
	const char *fault = NULL;

	if (o->status == PARSE_MORE)
		return o->data.len < limits->head_bytes &&
		    memmem(o->data.ptr, o->data.len, "\r\n\r\n", 4) == NULL ?
		    NULL : "more than there can be";
	if (o->status == PARSE_BAD)
		return o->why != REASON_NONE ? NULL : "no reason";
	if (h->base != o->data.ptr || h->size > o->data.len ||
	    h->size > limits->head_bytes ||
	    h->n_fields > limits->field_count ||
	    h->fields_end + 2 != h->size ||
	    memcmp(h->base + h->fields_end - 2, "\r\n\r\n", 4) != 0)
		return "sizes";
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!head_has(h, h->fields[i].id))
			return "a field's bit";
	for (unsigned i = 0; i < h->n_fields && fault == NULL; i++)
		fault = line_fault(h, &h->fields[i], h->fields[i].name,
		    i + 1u < h->n_fields ? h->fields[i + 1].name :
		    h->fields_end);
	return fault;
}

/*
 * Runs every variant over `data` and compares it with the last, the scalar
 * one. NULL, or what is wrong, in static memory; *o is the scalar's.
 */
static inline const char *
outcome_check(struct outcome *o, struct span data, enum method method,
    const struct parse_limits *limits)
{
	static char text[128];
	static struct outcome other;
	const char *name, *wrong;

	(void)parse_use("scalar");
	outcome_of(o, data, method, limits);
	wrong = outcome_fault(o, limits);
	if (wrong != NULL)
		return wrong;
	for (unsigned i = 0; (name = parse_variant_at(i)) != NULL; i++) {
		(void)parse_use(name);
		outcome_of(&other, data, method, limits);
		wrong = outcome_difference(&other, o);
		if (wrong == NULL)
			continue;
		snprintf(text, sizeof(text), "%s and scalar differ in %s",
		    name, wrong);
		return text;
	}
	return NULL;
}
