/* src/http/reply.c -- responses of our own */
#include "http/reply.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/random.h"

#define PIECE	4096	/* a stream takes it behind the head, whole */

/* However slow the client reads: nobody waits to send the rest of these. */
static enum send_result
send_whole(struct http_stream *s, struct span body)
{
	enum send_result result = SEND_OK;
	size_t taken = 0;

	while (result == SEND_OK && body.len > 0) {
		bool is_last = body.len <= PIECE;

		result = s->ops->send_body(s, span_of(body.ptr,
		    is_last ? body.len : PIECE), is_last, &taken);
		body = span_skip(body, taken);
	}
	return result;
}

enum send_result
reply_send(struct http_stream *s, const struct http_reply *r, bool is_head,
    struct span *rest)
{
	struct http_extra extras[HEAD_EXTRAS_MAX];
	struct http_head h = {
		.status = (uint16_t)r->status, .framing = FRAMING_LENGTH,
		.body_len = r->body.len, .extras = extras, .version = HTTP_1_1,
		.is_keep_alive = !r->is_last,
	};
	enum send_result result;
	size_t taken = 0;

	head_add(&h, SPAN("Server"), SPAN("fairlead"));
	head_add(&h, SPAN("Date"), span_of(clock_http_date(), CLOCK_HTTP_LEN));
	if (r->status == 204 || r->status == 304)
		h.framing = FRAMING_NONE;	/* RFC 9110 8.6 */
	else if (r->status != 205)
		head_add(&h, SPAN("Content-Type"), r->content_type);
	for (unsigned i = 0; i < r->n_extras; i++)
		head_add(&h, r->extras[i].name, r->extras[i].value);
	*rest = span_of(NULL, 0);
	if (is_head || r->body.len == 0)
		return s->ops->send_head(s, &h, true);
	result = s->ops->send_head(s, &h, false);
	if (result == SEND_OK && r->body.len <= REPLY_WHOLE)
		return send_whole(s, r->body);
	if (result == SEND_OK)
		result = s->ops->send_body(s, r->body, true, &taken);
	*rest = span_skip(r->body, taken);
	return result;
}

const struct http_extra reply_allow = { { "Allow", 5 },
	{ "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH", 51 } };

/* Crockford's base 32, as ULIDs are written. */
static const char digits32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
put_digits32(char *out, size_t n, uint64_t value)
{
	while (n-- > 0) {
		out[n] = digits32[value & 31];
		value >>= 5;
	}
}

void
request_id_make(char out[REQUEST_ID_LEN + 1])
{
	put_digits32(out, 10, clock_wall_ms());
	put_digits32(out + 10, 8, random_u64());
	put_digits32(out + 18, 8, random_u64());
	out[REQUEST_ID_LEN] = '\0';
}

static int
print_html(char *out, size_t size, unsigned status, const char *word,
    const char *id)
{
	return snprintf(out, size, "<!DOCTYPE html>\n"
	    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>%u %s</title></head>\n"
	    "<body><h1>%u %s</h1>\n<p>Reason: %s. Request: %s.</p>\n"
	    "<hr><p>fairlead</p></body></html>\n", status,
	    status_phrase(status), status, status_phrase(status), word, id);
}

static int
print_body(char *out, size_t size, enum http_media media, unsigned status,
    const char *word, const char *id)
{
	if (media == MEDIA_HTML)
		return print_html(out, size, status, word, id);
	if (media == MEDIA_JSON)
		return snprintf(out, size, "{\"status\":%u,\"error\":\"%s\","
		    "\"request_id\":\"%s\"}\n", status, word, id);
	return snprintf(out, size, "%u %s: %s (request %s)\n", status,
	    status_phrase(status), word, id);
}

static struct span
content_type_of(enum http_media media)
{
	if (media == MEDIA_HTML)
		return SPAN("text/html; charset=utf-8");
	if (media == MEDIA_JSON)
		return SPAN("application/json");
	return SPAN("text/plain; charset=utf-8");
}

size_t
reply_reason(struct http_stream *s, enum reason why, enum http_media media,
    bool is_head, const char *id, uint32_t retry_after)
{
	char seconds[11];
	const struct http_extra retry = { SPAN("Retry-After"), span_of(seconds,
	    (size_t)snprintf(seconds, sizeof(seconds), "%u", retry_after)) };
	char body[1024], made[REQUEST_ID_LEN + 1];
	unsigned status = reasons[why].status;
	struct http_reply r = {
		.status = status, .content_type = content_type_of(media),
		.is_last = why == REASON_BAD_REQUEST,
	};
	struct span rest;

	if (id == NULL)
		request_id_make(made);
	r.body = span_of(body, (size_t)print_body(body, sizeof(body), media,
	    status, reasons[why].word, id != NULL ? id : made));

	if (status == 503 || status == 405) {
		r.extras = status == 503 ? &retry : &reply_allow;
		r.n_extras = 1;
	}
	(void)reply_send(s, &r, is_head, &rest);
	return is_head ? 0 : r.body.len;
}
