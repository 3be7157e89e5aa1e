/* src/http/reply.h -- responses of our own */
#pragma once
#include "http/rules.h"
#include "http/stream.h"

/* A whole response with a body from memory; `extras` may be NULL. */
struct http_reply {
	unsigned status;
	struct span content_type;
	struct span body;
	const struct http_extra *extras;
	unsigned n_extras;
	bool is_last;		/* the connection ends behind it */
};

/*
 * Sends it with Server, Date, Content-Length on a server stream that has sent
 * no final head yet; `is_head`: without the body. Bodies over REPLY_WHOLE may
 * be taken in part: *rest is then what has to follow by send_body when the
 * stream is writable (its memory must live until then). Statuses that have no
 * content leave without a body and without the fields of one.
 */
#define REPLY_WHOLE 8192
enum send_result reply_send(struct http_stream *s, const struct http_reply *r,
    bool is_head, struct span *rest);

/* The methods that pass. */
extern const struct http_extra reply_allow;

#define REQUEST_ID_LEN 26	/* a ULID: 48 bits of time, 80 of chance */

/*
 * The answer to a failure (interfaces.md): status and word of `why`, the body
 * in the form the client accepts with the request's id (NULL: a new one),
 * Retry-After (seconds) with 503. Nothing is left over. The length of the body.
 */
size_t reply_reason(struct http_stream *s, enum reason why,
    enum http_media media, bool is_head, const char *id,
    uint32_t retry_after);

void request_id_make(char out[REQUEST_ID_LEN + 1]);
