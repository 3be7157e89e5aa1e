/* src/proxy/account.c -- what is said of an exchange when it is over */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/uri.h"
#include "observe/access.h"
#include "observe/writer.h"
#include "proxy/exchange.h"
#include "proxy/router.h"

uint32_t
account_us(const struct exchange *x)
{
	uint64_t us = (clock_now_ns - x->start_ns) / 1000;

	return us >= UINT32_MAX ? UINT32_MAX - 1 : us == 0 ? 1 : (uint32_t)us;
}

/* The phase that it was in, in HAProxy's letters. */
static char
phase_of(const struct exchange *x)
{
	switch (x->state) {
	case EXCHANGE_START:	return 'R';
	case EXCHANGE_CONNECT:	return 'C';
	case EXCHANGE_QUEUE:	return 'Q';
	case EXCHANGE_WAIT:
	case EXCHANGE_HOLD:	return 'H';
	case EXCHANGE_RELAY:
	case EXCHANGE_TUNNEL:	return 'D';
	default:		return '-';
	}
}

/* Who ended it, and in which phase (fairlead(8) has the table). */
static void
set_end(char end[2], const struct exchange *x)
{
	static const char codes[REASON_COUNT][2] = {
		[REASON_NONE] = "--", [REASON_CONNECT] = "SC",
		[REASON_CONNECT_TIMEOUT] = "sC", [REASON_STALE] = "SH",
		[REASON_RESET_REUSED] = "SH", [REASON_RESET] = "SH",
		[REASON_REFUSED] = "SH", [REASON_TIMEOUT] = "s?",
		[REASON_JUNK] = "P?", [REASON_TRUNCATED] = "SD",
		[REASON_NO_BACKEND] = "SC", [REASON_LOCAL] = "RC",
		[REASON_QUEUE_TIMEOUT] = "sQ", [REASON_QUEUE_FULL] = "SQ",
		[REASON_CLIENT_GONE] = "C?", [REASON_CLIENT_TIMEOUT] = "c?",
		[REASON_BAD_REQUEST] = "PR", [REASON_HEAD_TOO_LARGE] = "PR",
		[REASON_BODY_TOO_LARGE] = "PR", [REASON_URI_TOO_LONG] = "PR",
		[REASON_NOT_FOUND] = "PR", [REASON_METHOD] = "PR",
		[REASON_LIMIT] = "PR", [REASON_LOOP] = "PR",
		[REASON_EXPECTATION] = "PR", [REASON_VERSION] = "PR",
	};

	end[0] = codes[x->why][0];
	end[1] = codes[x->why][1];
	if (end[1] == '?')
		end[1] = phase_of(x);
	if (x->why == REASON_NONE && x->backend == NULL)
		end[0] = 'L';	/* answered here */
}

/* What went wrong always leaves a line. */
static bool
is_wanted(const struct exchange *x)
{
	uint32_t sample = x->route == NULL ? x->proxy->conf->access.sample :
	    x->route->log_sample;

	if (likely(sample >= SAMPLE_ALL))
		return sample != SAMPLE_OFF;
	return x->why != REASON_NONE || x->status >= 500 ||
	    random_below(SAMPLE_ALL) < sample;
}

static void
set_request(struct access_record *r, const struct http_head *h)
{
	r->method = h->method_text;
	r->target = h->target;
	r->host = h->host;
	r->referer = head_value(h, SPAN("referer"));
	r->user_agent = head_value(h, SPAN("user-agent"));
}

static void
set_times(struct access_record *r, const struct exchange *x)
{
	r->total_us = account_us(x);
	r->start_ms = clock_wall_ms() - r->total_us / 1000;
	r->queue_us = x->aside != NULL && x->aside->queue_us > 0 ?
	    x->aside->queue_us : x->n_attempts > 0 ? 0 : ACCESS_NOT_REACHED;
	r->connect_us = x->connected_us > 0 ? x->is_pooled ? 0 :
	    x->connected_us : ACCESS_NOT_REACHED;
	r->head_us = x->head_us > 0 ? x->head_us - x->connected_us :
	    ACCESS_NOT_REACHED;
}

/* ---- templates */

#define SAID_MOST	1024	/* bytes of a field of the response */

static struct span
said_value(const struct http_head *h, struct span name)
{
	struct span value = head_value(h, name);

	return span_of(value.ptr, value.len < SAID_MOST ? value.len :
	    SAID_MOST);
}

static char *
put_said(char *to, struct span value)
{
	uint16_t len = (uint16_t)value.len;

	memcpy(to, &len, sizeof(len));
	if (len > 0)
		memcpy(to + sizeof(len), value.ptr, len);
	return to + sizeof(len) + len;
}

/* NULL: no response came. */
static struct span
take_said(const char **at)
{
	struct span value = { NULL, 0 };
	uint16_t len;

	if (*at == NULL)
		return value;
	memcpy(&len, *at, sizeof(len));
	value = span_of(*at + sizeof(len), len);
	*at += sizeof(len) + len;
	return value;
}

/* Each value behind its length, in the order of the template. */
void
account_response(struct exchange *x, const struct http_head *h)
{
	const struct access_format *f = &x->proxy->conf->access.format;
	size_t size = 0;
	unsigned class;
	char *to;

	if (likely(f->n_response == 0))
		return;
	for (size_t i = 0; i < f->line.n; i++)
		if (f->line.at[i].variable == VARIABLE_RESPONSE_FIELD)
			size += sizeof(uint16_t) +
			    said_value(h, f->line.at[i].text).len;
	x->said = to = block_take(size, &class);
	x->said_class = (uint8_t)class;
	for (size_t i = 0; i < f->line.n; i++)
		if (f->line.at[i].variable == VARIABLE_RESPONSE_FIELD)
			to = put_said(to, said_value(h, f->line.at[i].text));
}

size_t
account_print_response(const struct exchange *x, char out[SAID_TEXT_MAX])
{
	const struct access_format *f = &x->proxy->conf->access.format;
	const char *said = x->said;
	size_t len = 0;

	for (size_t i = 0; said != NULL && i < f->line.n; i++) {
		const struct template_piece *p = &f->line.at[i];
		struct span value;

		if (p->variable != VARIABLE_RESPONSE_FIELD)
			continue;
		value = take_said(&said);
		if (value.len > 0 && p->text.len + value.len + 4 <
		    SAID_TEXT_MAX - len)
			len += (size_t)sprintf(out + len, "%.*s: %.*s\r\n",
			    SPAN_ARG(p->text), SPAN_ARG(value));
	}
	return len;
}

void
account_drop(struct exchange *x)
{
	if (x->said != NULL)
		block_give(x->said, x->said_class);
	x->said = NULL;
}

static void
set_fields(struct span fields[ACCESS_FIELDS_MAX], const struct exchange *x,
    const struct template *t)
{
	const char *said = x->said;

	for (size_t i = 0; i < t->n; i++) {
		const struct template_piece *p = &t->at[i];

		if (p->variable == VARIABLE_FIELD)
			*fields++ = x->kept == NULL ? span_of(NULL, 0) :
			    head_value(x->kept, p->text);
		else if (p->variable == VARIABLE_RESPONSE_FIELD)
			*fields++ = take_said(&said);
	}
}

/* What only templates ask for. */
static void
set_variables(struct access_record *r, const struct exchange *x,
    const struct template *t, struct span fields[ACCESS_FIELDS_MAX])
{
	set_fields(fields, x, t);
	r->fields = fields;
	if (x->kept == NULL)
		return;
	r->path = request_path(x->kept);
	r->query = uri_query(x->kept->target);
	r->name = host_without_port(x->kept->host);
}

/* ---- the line */

static void
write_line(const struct exchange *x, const char *id)
{
	const struct access_format *format = &x->proxy->conf->access.format;
	char line[ACCESS_LINE_MAX], listener[ADDRESS_TEXT_MAX];
	struct span fields[ACCESS_FIELDS_MAX];
	struct address client;
	struct access_record r = {
		.client = &client, .status = x->status,
		.version = x->version == HTTP_1_0 ? "1.0" : "1.1",
		.bytes_in = x->bytes_in, .bytes_out = x->bytes_out,
		.listener = listener_name(x, listener),
		.route = x->route == NULL ? NULL : x->route->name,
		.upstream = x->upstream == NULL ? NULL : x->upstream->name,
		.backend = x->backend == NULL ? NULL : x->backend->name,
		.attempts = x->n_attempts, .reason = reasons[x->why].word,
		.id = id,
	};

	endpoint_address(&x->from, &client);
	if (x->kept != NULL)
		set_request(&r, x->kept);
	set_times(&r, x);
	set_end(r.end, x);
	if (format->form == ACCESS_TEMPLATE)
		set_variables(&r, x, &format->line, fields);
	(void)writer_put(x->proxy->access, line,
	    access_print(format, &r, line));
}

void
account_end(struct exchange *x, const char *id)
{
	char made[REQUEST_ID_LEN + 1];

	if (is_wanted(x)) {
		if (id == NULL) {
			request_id_make(made);
			id = made;
		}
		write_line(x, id);
	}
	account_drop(x);
}
