/* src/proxy/expand.c -- what ${variables} say of a request */
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/router.h"

/* A path is compared or shown within one event. */
static char path_room[HEAD_BYTES_MAX];

struct span
request_path(const struct http_head *h)
{
	return h->needs_slash ? SPAN("/") : uri_path(h->target, path_room);
}

struct out {
	char *at;
	size_t len, room;
};

static void
put(struct out *o, struct span s)
{
	if (s.len == 0)
		return;		/* perhaps there is none: NULL */
	if (s.len <= o->room - o->len)
		memcpy(o->at + o->len, s.ptr, s.len);
	else
		s.len = o->room - o->len;
	o->len += s.len;	/* full: too long */
}

static void
put_address(struct out *o, const struct exchange *x)
{
	char text[ADDRESS_TEXT_MAX];
	struct address a;

	endpoint_address(&x->from, &a);
	put(o, span_of(text, address_print_host(&a, text)));
}

static void
put_number(struct out *o, unsigned n)
{
	char digits[10];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(o, span_of(digits + i, sizeof(digits) - i));
}

struct span
head_value(const struct http_head *h, struct span name)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].name_len == name.len &&
		    span_equal_nocase(field_name(h, &h->fields[i]), name))
			return field_value(h, &h->fields[i]);
	return span_of(NULL, 0);
}

/* When the request began. */
static void
put_time(struct out *o, const struct exchange *x)
{
	char text[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(clock_wall_ms() - account_us(x) / 1000, text);
	put(o, span_of(text, CLOCK_RFC3339_LEN));
}

const char *
listener_name(const struct exchange *x, char text[ADDRESS_TEXT_MAX])
{
	const struct conf *conf = x->proxy->conf;

	if (x->listener >= conf->n_listeners)
		return NULL;
	address_print(&conf->listeners[x->listener].address, text);
	return text;
}

static void
put_listener(struct out *o, const struct exchange *x)
{
	char text[ADDRESS_TEXT_MAX];

	if (listener_name(x, text) != NULL)
		put(o, span_str(text));
}

static void
put_target(struct out *o, const struct http_head *h)
{
	if (h->needs_slash)
		put(o, SPAN("/"));
	put(o, h->target);
}

/* What is known behind the response. */
static void
put_late(struct out *o, const struct template_piece *p,
    const struct exchange *x, const struct http_head *response)
{
	switch (p->variable) {
	case VARIABLE_STATUS:	put_number(o, response->status); break;
	case VARIABLE_UPSTREAM:	put(o, span_str(x->upstream->name)); break;
	case VARIABLE_BACKEND:	put(o, span_str(x->backend->name)); break;
	case VARIABLE_ATTEMPTS:	put_number(o, x->n_attempts); break;
	case VARIABLE_RESPONSE_FIELD:
		put(o, head_value(response, p->text));
		break;
	default:
		break;		/* of the log, or nothing as yet: TLS */
	}
}

static void
put_variable(struct out *o, const struct template_piece *p,
    const struct exchange *x, const struct http_head *h,
    const struct http_head *response)
{
	switch (p->variable) {
	case VARIABLE_NONE:	put(o, p->text); break;
	case VARIABLE_CLIENT:	put_address(o, x); break;
	case VARIABLE_CLIENT_PORT: put_number(o, x->from.port); break;
	case VARIABLE_METHOD:	put(o, h->method_text); break;
	case VARIABLE_TARGET:
	case VARIABLE_REQUEST_URI: put_target(o, h); break;
	case VARIABLE_PATH:	put(o, request_path(h)); break;
	case VARIABLE_QUERY:	put(o, uri_query(h->target)); break;
	case VARIABLE_HOST:	put(o, host_without_port(h->host)); break;
	case VARIABLE_VERSION:	put(o, x->version == HTTP_1_0 ?
				    SPAN("1.0") : SPAN("1.1")); break;
	case VARIABLE_SCHEME:	put(o, SPAN("http")); break;
	case VARIABLE_ROUTE:	put(o, span_str(x->route->name)); break;
	case VARIABLE_TIME:	put_time(o, x); break;
	case VARIABLE_LISTENER:	put_listener(o, x); break;
	case VARIABLE_FIELD:	put(o, head_value(h, p->text)); break;
	default:
		if (response != NULL)
			put_late(o, p, x, response);
	}
}

bool
expand_late(const struct template *t, const struct exchange *x,
    const struct http_head *h, const struct http_head *response,
    char *room, size_t size, struct span *text)
{
	struct out o = { .at = room, .room = size };

	for (size_t i = 0; i < t->n; i++)
		put_variable(&o, &t->at[i], x, h, response);
	*text = span_of(room, o.len);
	return o.len < size;
}

bool
expand(const struct template *t, const struct exchange *x,
    const struct http_head *h, char *room, size_t size, struct span *text)
{
	return expand_late(t, x, h, NULL, room, size, text);
}
