/* src/proxy/account.c -- what is said of an exchange when it is over */
#include "conf/conf.h"
#include "core/clock.h"
#include "http/reply.h"
#include "observe/access.h"
#include "observe/writer.h"
#include "proxy/exchange.h"

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
	case EXCHANGE_WAIT:	return 'H';
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
		[REASON_REFUSED] = "SH", [REASON_TIMEOUT] = "sH",
		[REASON_JUNK] = "PH", [REASON_TRUNCATED] = "SD",
		[REASON_NO_BACKEND] = "SC", [REASON_LOCAL] = "RC",
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

static struct span
value_of(const struct http_head *h, struct span name)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].name_len == name.len &&
		    span_equal_nocase(field_name(h, &h->fields[i]), name))
			return field_value(h, &h->fields[i]);
	return span_of(NULL, 0);
}

static void
set_request(struct access_record *r, const struct http_head *h)
{
	r->method = h->method_text;
	r->target = h->target;
	r->host = h->host;
	r->referer = value_of(h, SPAN("referer"));
	r->user_agent = value_of(h, SPAN("user-agent"));
}

static void
set_times(struct access_record *r, const struct exchange *x)
{
	r->total_us = account_us(x);
	r->start_ms = clock_wall_ms() - r->total_us / 1000;
	r->queue_us = x->n_attempts > 0 ? 0 : ACCESS_NOT_REACHED;
	r->connect_us = x->connected_us > 0 ? x->is_pooled ? 0 :
	    x->connected_us : ACCESS_NOT_REACHED;
	r->head_us = x->head_us > 0 ? x->head_us - x->connected_us :
	    ACCESS_NOT_REACHED;
}

/* NULL: more listeners than the configuration has (tests). */
static const char *
listener_name(const struct exchange *x, char text[ADDRESS_TEXT_MAX])
{
	const struct conf *conf = x->proxy->conf;

	if (x->listener >= conf->n_listeners)
		return NULL;
	address_print(&conf->listeners[x->listener].address, text);
	return text;
}

void
account_end(const struct exchange *x, const char *id)
{
	char line[ACCESS_LINE_MAX], listener[ADDRESS_TEXT_MAX];
	char made[REQUEST_ID_LEN + 1];
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
		.id = id != NULL ? id : made,
	};

	endpoint_address(&x->from, &client);
	if (id == NULL)
		request_id_make(made);
	if (x->kept != NULL)
		set_request(&r, x->kept);
	set_times(&r, x);
	set_end(r.end, x);
	(void)writer_put(x->proxy->access, line, access_print(
	    (enum access_form)x->proxy->conf->access.form, &r, line));
}
