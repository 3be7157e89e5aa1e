/* src/observe/access.c -- a finished request as a line of the access log */
#include "observe/access.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
#include "core/clock.h"

/* What a value may take of the line, escapes and all; together they fit. */
#define TARGET_MOST	6144
#define FIELD_MOST	2048
#define NAME_MOST	512

struct line {
	char *at;
	size_t len;
	bool is_json;
};

static void
put(struct line *l, struct span s)
{
	memcpy(l->at + l->len, s.ptr, s.len);
	l->len += s.len;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, span_str(s));
}

static void
put_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(l, span_of(digits + i, sizeof(digits) - i));
}

/* Milliseconds with three decimals. */
static void
put_ms(struct line *l, uint32_t us)
{
	char *to;

	put_number(l, us / 1000);
	to = l->at + l->len;
	to[0] = '.';
	to[1] = (char)('0' + us / 100 % 10);
	to[2] = (char)('0' + us / 10 % 10);
	to[3] = (char)('0' + us % 10);
	l->len += 4;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* What is not plain is written \xNN, in JSON \u00NN. */
static void
put_escaped(struct line *l, struct span s, size_t most)
{
	static const char hex[] = "0123456789abcdef";
	size_t end = l->len + most - 6;

	for (size_t i = 0; i < s.len && l->len < end; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (likely(is_plain(c))) {
			l->at[l->len++] = (char)c;
			continue;
		}
		put(l, l->is_json ? SPAN("\\u00") : SPAN("\\x"));
		l->at[l->len++] = hex[c >> 4];
		l->at[l->len++] = hex[c & 15];
	}
}

static void
put_or_dash(struct line *l, struct span s, size_t most)
{
	if (s.len == 0)
		put_str(l, "-");
	else
		put_escaped(l, s, most);
}

static void
put_name(struct line *l, const char *name)
{
	put_or_dash(l, name == NULL ? span_of(NULL, 0) : span_str(name),
	    NAME_MOST);
}

static void
put_host(struct line *l, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	put(l, span_of(text, address_print_host(a, text)));
}

static void
put_time(struct line *l, uint64_t ms)
{
	char text[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(ms, text);
	put(l, span_of(text, CLOCK_RFC3339_LEN));
}

static void
put_request(struct line *l, const struct access_record *r)
{
	put_str(l, "\"");
	put_or_dash(l, r->method, NAME_MOST);
	put_str(l, " ");
	put_or_dash(l, r->target, TARGET_MOST);
	put_str(l, " HTTP/");
	put_str(l, r->version);
	put_str(l, "\" ");
	put_number(l, r->status);
	put_str(l, " ");
}

/* ---- timing */

static void
put_phase(struct line *l, const char *name, uint32_t us)
{
	put_str(l, name);
	if (us == ACCESS_NOT_REACHED)
		put_str(l, "-");
	else
		put_ms(l, us);
}

static void
put_places(struct line *l, const struct access_record *r)
{
	put_str(l, " ");
	put_name(l, r->listener);
	put_str(l, "/");
	put_name(l, r->upstream);
	put_str(l, "/");
	put_name(l, r->backend);
}

static void
print_timing(struct line *l, const struct access_record *r)
{
	char text[ADDRESS_TEXT_MAX];

	put(l, span_of(text, address_print(r->client, text)));
	put_str(l, " [");
	put_time(l, r->start_ms);
	put_str(l, "] ");
	put_request(l, r);
	put_number(l, r->bytes_out);
	put_places(l, r);
	put_phase(l, " q=", r->queue_us);
	put_phase(l, " c=", r->connect_us);
	put_phase(l, " h=", r->head_us);
	put_phase(l, " t=", r->total_us);
	put_str(l, " try=");
	put_number(l, r->attempts);
	put_str(l, " end=");
	put(l, span_of(r->end, 2));
	put_str(l, " id=");
	put_name(l, r->id);
}

/* ---- combined, as Apache and NGINX write it */

static void
put_local_time(struct line *l, uint64_t ms)
{
	time_t second = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&second, &tm);
	l->len += strftime(l->at + l->len, 40, "%d/%b/%Y:%H:%M:%S %z", &tm);
}

static void
print_combined(struct line *l, const struct access_record *r)
{
	put_host(l, r->client);
	put_str(l, " - - [");
	put_local_time(l, r->start_ms);
	put_str(l, "] ");
	put_request(l, r);
	put_number(l, r->bytes_out);
	put_str(l, " \"");
	put_or_dash(l, r->referer, FIELD_MOST);
	put_str(l, "\" \"");
	put_or_dash(l, r->user_agent, FIELD_MOST);
	put_str(l, "\"");
}

/* ---- JSON: OpenTelemetry's names, ours under fairlead */

static void
put_key(struct line *l, const char *key)
{
	put_str(l, l->len > 1 ? ",\"" : "\"");
	put_str(l, key);
	put_str(l, "\":");
}

/* What is not there has no key. */
static void
put_text(struct line *l, const char *key, struct span value, size_t most)
{
	if (value.len == 0)
		return;
	put_key(l, key);
	put_str(l, "\"");
	put_escaped(l, value, most);
	put_str(l, "\"");
}

static void
put_word(struct line *l, const char *key, const char *value)
{
	if (value != NULL)
		put_text(l, key, span_str(value), NAME_MOST);
}

static void
put_count(struct line *l, const char *key, uint64_t n)
{
	put_key(l, key);
	put_number(l, n);
}

static void
put_duration(struct line *l, const char *key, uint32_t us)
{
	if (us == ACCESS_NOT_REACHED)
		return;
	put_key(l, key);
	put_ms(l, us);
}

static void
put_target(struct line *l, struct span target)
{
	const char *mark;
	struct span path = target;

	if (target.len == 0)
		return;
	mark = memchr(target.ptr, '?', target.len);
	if (mark != NULL)
		path.len = (size_t)(mark - target.ptr);
	put_text(l, "url.path", path, TARGET_MOST / 2);
	if (mark != NULL)
		put_text(l, "url.query", span_skip(target, path.len + 1),
		    TARGET_MOST / 2);
}

static void
put_client(struct line *l, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	put_text(l, "client.address", span_of(text,
	    address_print_host(a, text)), NAME_MOST);
	if (address_port(a) != 0)
		put_count(l, "client.port", address_port(a));
}

static void
put_http(struct line *l, const struct access_record *r)
{
	put_text(l, "http.request.method", r->method, NAME_MOST);
	put_target(l, r->target);
	put_text(l, "server.address", r->host, NAME_MOST);
	put_word(l, "network.protocol.version", r->version);
	put_text(l, "user_agent.original", r->user_agent, FIELD_MOST);
	put_text(l, "http.request.header.referer", r->referer, FIELD_MOST);
	put_count(l, "http.response.status_code", r->status);
	put_count(l, "http.request.body.size", r->bytes_in);
	put_count(l, "http.response.body.size", r->bytes_out);
}

static void
put_ours(struct line *l, const struct access_record *r)
{
	put_word(l, "fairlead.listener", r->listener);
	put_word(l, "fairlead.route", r->route);
	put_word(l, "fairlead.upstream", r->upstream);
	put_word(l, "fairlead.backend", r->backend);
	put_count(l, "fairlead.attempts", r->attempts);
	put_duration(l, "fairlead.t_queue", r->queue_us);
	put_duration(l, "fairlead.t_connect", r->connect_us);
	put_duration(l, "fairlead.t_head", r->head_us);
	put_duration(l, "fairlead.t_total", r->total_us);
	put_text(l, "fairlead.end", span_of(r->end, 2), NAME_MOST);
	if (strcmp(r->reason, "-") != 0)
		put_word(l, "error.type", r->reason);
	put_word(l, "fairlead.request_id", r->id);
}

static void
print_json(struct line *l, const struct access_record *r)
{
	l->is_json = true;
	put_str(l, "{");
	put_key(l, "timestamp");
	put_str(l, "\"");
	put_time(l, r->start_ms);
	put_str(l, "\"");
	put_client(l, r->client);
	put_http(l, r);
	put_ours(l, r);
	put_str(l, "}");
}

/* ---- templates */

#define VALUE_ROOM	128	/* numbers, times, addresses */

static struct span
word(const char *s)
{
	return s == NULL ? span_of(NULL, 0) : span_str(s);
}

/* Variables that are texts already. */
static struct span
text_of(enum variable v, const struct access_record *r)
{
	switch (v) {
	case VARIABLE_METHOD:	return r->method;
	case VARIABLE_TARGET:
	case VARIABLE_REQUEST_URI: return r->target;
	case VARIABLE_PATH:	return r->path;
	case VARIABLE_QUERY:	return r->query;
	case VARIABLE_VERSION:	return word(r->version);
	case VARIABLE_HOST:	return r->name;
	case VARIABLE_SCHEME:	return SPAN("http");
	case VARIABLE_LISTENER:	return word(r->listener);
	case VARIABLE_ROUTE:	return word(r->route);
	case VARIABLE_UPSTREAM:	return word(r->upstream);
	case VARIABLE_BACKEND:	return word(r->backend);
	case VARIABLE_END:	return span_of(r->end, 2);
	case VARIABLE_REASON:	return word(r->reason);
	case VARIABLE_REQUEST_ID: return word(r->id);
	default:		return span_of(NULL, 0);
	}
}

static void
put_reached(struct line *l, uint32_t us)
{
	if (us != ACCESS_NOT_REACHED)
		put_ms(l, us);
}

/* Variables that become texts here; false: `v` is none of them. */
static bool
put_counted(struct line *l, enum variable v, const struct access_record *r)
{
	switch (v) {
	case VARIABLE_CLIENT:	put_host(l, r->client); break;
	case VARIABLE_CLIENT_PORT:
		if (address_port(r->client) != 0)
			put_number(l, address_port(r->client));
		break;
	case VARIABLE_TIME:	put_time(l, r->start_ms); break;
	case VARIABLE_STATUS:	put_number(l, r->status); break;
	case VARIABLE_ATTEMPTS:	put_number(l, r->attempts); break;
	case VARIABLE_BYTES_IN:	put_number(l, r->bytes_in); break;
	case VARIABLE_BYTES_OUT: put_number(l, r->bytes_out); break;
	case VARIABLE_T_QUEUE:	put_reached(l, r->queue_us); break;
	case VARIABLE_T_CONNECT: put_reached(l, r->connect_us); break;
	case VARIABLE_T_HEAD:	put_reached(l, r->head_us); break;
	case VARIABLE_T_TOTAL:	put_reached(l, r->total_us); break;
	default:		return false;
	}
	return true;
}

/* The value takes at most `left` of the line; returns what it took. */
static size_t
put_variable(struct line *l, enum variable v, const struct access_record *r,
    struct span value, size_t left)
{
	bool is_long = v == VARIABLE_TARGET || v == VARIABLE_REQUEST_URI ||
	    v == VARIABLE_PATH || v == VARIABLE_QUERY;
	size_t most = is_long ? TARGET_MOST : FIELD_MOST, before = l->len;
	char room[VALUE_ROOM];
	struct line made = { .at = room };

	if (most > left)
		most = left;
	if (most < 8)
		return 0;	/* the line is full */
	if (put_counted(&made, v, r))
		value = span_of(room, made.len);
	put_or_dash(l, value, most);
	return l->len - before;
}

static size_t
plain_size(const struct template *t)
{
	size_t size = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].variable == VARIABLE_NONE)
			size += t->at[i].text.len;
	return size;
}

/* What is between the variables finds room whatever they are. */
static void
print_template(struct line *l, const struct template *t,
    const struct access_record *r)
{
	size_t left = ACCESS_LINE_MAX - 1 - plain_size(t);
	const struct span *field = r->fields;

	for (size_t i = 0; i < t->n; i++) {
		const struct template_piece *p = &t->at[i];

		if (p->variable == VARIABLE_NONE)
			put(l, p->text);
		else
			left -= put_variable(l, p->variable, r,
			    p->variable >= VARIABLE_FIELD ? *field++ :
			    text_of(p->variable, r), left);
	}
}

size_t
access_print(const struct access_format *format,
    const struct access_record *r, char out[ACCESS_LINE_MAX])
{
	struct line l = { .at = out };

	switch (format->form) {
	case ACCESS_TIMING:	print_timing(&l, r); break;
	case ACCESS_COMBINED:	print_combined(&l, r); break;
	case ACCESS_JSON:	print_json(&l, r); break;
	case ACCESS_TEMPLATE:	print_template(&l, &format->line, r); break;
	}
	out[l.len++] = '\n';
	return l.len;
}
