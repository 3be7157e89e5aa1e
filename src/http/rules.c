/* src/http/rules.c -- what HTTP says of any head, whatever the version */
#include "http/rules.h"

#include "core/base.h"
#include "http/fields.h"

bool
span_cut(struct span *rest, char mark, struct span *part)
{
	const char *at;

	if (rest->len == 0)
		return false;
	at = memchr(rest->ptr, mark, rest->len);
	*part = *rest;
	if (at != NULL)
		part->len = (size_t)(at - rest->ptr);
	*rest = span_skip(*rest, part->len + (at != NULL));
	*part = span_trim(*part);
	return true;
}

bool
list_next(struct span *rest, struct span *element)
{
	while (span_cut(rest, ',', element))
		if (element->len > 0)
			return true;
	return false;
}

/* ---- hop by hop */

#define BIT(id) (1u << FIELD_##id)
#define HOP_BY_HOP							\
	(BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |	\
	BIT(TE) | BIT(TRAILER) | BIT(TRANSFER_ENCODING) |		\
	BIT(UPGRADE) |							\
	BIT(PROXY_AUTHENTICATE) | BIT(PROXY_AUTHORIZATION))
#define NEVER_NAMED							\
	(BIT(HOST) | BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING))
#define STAYS								\
	(BIT(VIA) | BIT(EXPECT) | BIT(FORWARDED) | BIT(X_FORWARDED_FOR) |		\
	BIT(X_FORWARDED_PROTO) | BIT(X_FORWARDED_HOST) |		\
	BIT(X_FORWARDED_PORT))
_Static_assert(FIELD_ID_COUNT <= 32, "a bit for each name");

static void
drop_named(struct http_head *h, struct span name)
{
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];

		if (f->id == FIELD_OTHER &&
		    span_equal_nocase(field_name(h, f), name))
			f->is_dropped = true;
	}
}

/* Drops what one Connection field names; *left counts down. */
static bool
drop_names(struct http_head *h, struct span list, unsigned *left)
{
	struct span name;

	while (list_next(&list, &name)) {
		enum field_id id = field_id_of(name);

		if ((NEVER_NAMED >> id & 1) != 0 || (*left)-- == 0)
			return false;
		if (id == FIELD_OTHER)
			drop_named(h, name);
		else if ((STAYS >> id & 1) == 0)
			head_drop(h, id);
	}
	return true;
}

bool
head_drop_hop_by_hop(struct http_head *h)
{
	unsigned left = CONNECTION_NAMES_MAX;

	if ((h->ids & HOP_BY_HOP) == 0)
		return true;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];

		if (likely((HOP_BY_HOP >> f->id & 1) == 0) ||
		    (f->id == FIELD_TRAILER && h->framing == FRAMING_CHUNKED))
			continue;
		f->is_dropped = true;
		if (unlikely(h->has_names_in_connection) &&
		    f->id == FIELD_CONNECTION &&
		    !drop_names(h, field_value(h, f), &left))
			return false;
	}
	return true;
}

/* ---- trailers */

static const struct span forbidden_trailers[] = {
	{ "authorization", 13 }, { "www-authenticate", 16 },
	{ "authentication-info", 19 }, { "proxy-authentication-info", 25 },
	{ "content-encoding", 16 }, { "content-range", 13 },
	{ "content-location", 16 }, { "content-language", 16 },
	{ "range", 5 }, { "if-match", 8 }, { "if-none-match", 13 },
	{ "if-modified-since", 17 }, { "if-unmodified-since", 19 },
	{ "if-range", 8 }, { "age", 3 }, { "expires", 7 }, { "location", 8 },
	{ "vary", 4 }, { "warning", 7 }, { "pragma", 6 },
	{ "accept-encoding", 15 }, { "accept-language", 15 },
	{ "accept-charset", 14 }, { "x-real-ip", 9 }, { "alt-svc", 7 },
	{ "x_forwarded_for", 15 }, { "x_forwarded_proto", 17 },
	{ "x_forwarded_host", 16 }, { "x_forwarded_port", 16 },
};

static bool
is_forbidden_trailer(struct span name)
{
	for (size_t i = 0; i < COUNT_OF(forbidden_trailers); i++)
		if (span_equal_nocase(forbidden_trailers[i], name))
			return true;
	return false;
}

void
trailers_drop_forbidden(struct http_head *t)
{
	/* Every name that has an id changes what somebody does. */
	for (unsigned i = 0; i < t->n_fields; i++)
		if (t->fields[i].id != FIELD_OTHER ||
		    is_forbidden_trailer(field_name(t, &t->fields[i])))
			t->fields[i].is_dropped = true;
}

/* ---- Via */

/* "1.1 name (comment)": the second word. */
static bool
is_received_by(struct span element, struct span pseudonym)
{
	struct span word;

	if (!span_cut(&element, ' ', &word))
		return false;
	element = span_trim(element);
	return span_cut(&element, ' ', &word) &&
	    span_equal_nocase(word, pseudonym);
}

unsigned
head_via_count(const struct http_head *h, struct span pseudonym)
{
	unsigned count = 0;

	if (!head_has(h, FIELD_VIA))
		return 0;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct span list, element;

		if (likely(h->fields[i].id != FIELD_VIA))
			continue;
		list = field_value(h, &h->fields[i]);
		while (list_next(&list, &element))
			count += is_received_by(element, pseudonym);
	}
	return count;
}

/* ---- Accept */

/* "0.8" in thousandths (RFC 9110 12.4.2); what is wrong counts as 0. */
static unsigned
weight_of(struct span text)
{
	unsigned weight, unit = 100;

	if (text.len == 0 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
		return 0;
	weight = text.ptr[0] == '1' ? 1000 : 0;
	if (text.len > 1 && text.ptr[1] != '.')
		return 0;
	for (size_t i = 2; i < text.len && unit > 0; i++, unit /= 10) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		weight += unit * (unsigned)(text.ptr[i] - '0');
	}
	return weight > 1000 ? 1000 : weight;
}

/* The q of "type/subtype;a=b;q=0.8": 1000 if there is none. */
static unsigned
weight_in(struct span parameters)
{
	struct span p;

	while (span_cut(&parameters, ';', &p))
		if (p.len >= 2 && (p.ptr[0] | 0x20) == 'q' && p.ptr[1] == '=')
			return weight_of(span_skip(p, 2));
	return 1000;
}

static const struct media_range {
	struct span range;
	enum http_media media;
} media_ranges[] = {
	{ { "text/html", 9 }, MEDIA_HTML },
	{ { "application/json", 16 }, MEDIA_JSON },
	{ { "text/plain", 10 }, MEDIA_TEXT },
	{ { "application/*", 13 }, MEDIA_JSON },
	{ { "text/*", 6 }, MEDIA_TEXT },
	{ { "*/*", 3 }, MEDIA_TEXT },
};

static const struct media_range *
media_range_of(struct span range)
{
	for (size_t i = 0; i < COUNT_OF(media_ranges); i++)
		if (span_equal_nocase(media_ranges[i].range, range))
			return &media_ranges[i];
	return NULL;
}

static void
accept_field(struct span list, enum http_media *best, unsigned *best_weight)
{
	struct span element, range;

	while (list_next(&list, &element)) {
		const struct media_range *r;
		unsigned weight;

		if (!span_cut(&element, ';', &range) ||
		    (r = media_range_of(range)) == NULL)
			continue;
		weight = weight_in(element);
		if (weight > *best_weight) {
			*best = r->media;
			*best_weight = weight;
		}
	}
}

enum http_media
head_accept(const struct http_head *request)
{
	enum http_media best = MEDIA_TEXT;
	unsigned best_weight = 0;

	if (!head_has(request, FIELD_ACCEPT))
		return best;
	for (unsigned i = 0; i < request->n_fields; i++)
		if (unlikely(request->fields[i].id == FIELD_ACCEPT))
			accept_field(field_value(request, &request->fields[i]),
			    &best, &best_weight);
	return best;
}
