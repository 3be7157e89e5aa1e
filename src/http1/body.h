/* src/http1/body.h -- bodies: where they end, and how they are sent */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"
#include "http/head.h"
#include "http/stream.h"
#include "http1/parse.h"
#include "http1/wire.h"

/*
 * A body that is read (RFC 9112 6 and 7). It keeps what framing bytes have
 * said so far, never content; bytes belong to the caller.
 */
struct body {
	uint64_t left;		/* content to come: of the body, the chunk */
	uint64_t most;		/* content still allowed; UINT64_MAX: any */
	uint32_t line;		/* bytes of the chunk's line so far */
	uint8_t framing;	/* enum framing */
	uint8_t state;
	uint8_t pipe;		/* splice.h: where content waits; 0: none */
	bool is_bulk;		/* splice.h: content comes in large pieces */
};

/* A chunk's line, extensions and all (they are dropped). */
#define BODY_CHUNK_LINE 4096

enum body_event {
	BODY_DATA,	/* content: *data */
	BODY_TRAILERS,	/* the trailer section begins: parse_trailers() */
	BODY_MORE,	/* all was used, there has to come more */
	BODY_END,	/* there is no more content */
	BODY_BAD,	/* not what RFC 9112 7.1 says */
};

/* `most` bytes of content are allowed; 0: any. */
void body_begin(struct body *b, const struct http_head *h, uint64_t most);
/* Before any of it: other than that. */
void body_allow(struct body *b, uint64_t most);

/*
 * Looks at what was read: *skip bytes of it are framing and done with. With
 * BODY_DATA *data lies behind them; what was used of it goes to body_took().
 * *end: the body ends with this data, and body_took() of all of it returns
 * the framing bytes behind that are done with too.
 */
enum body_event body_next(struct body *b, struct span in, size_t *skip,
    struct span *data, bool *end);
size_t body_took(struct body *b, size_t taken, bool end);
enum feed {
	FEED_MORE,	/* what is left of the input needs more behind it */
	FEED_HELD,	/* the sink takes no more for now */
	FEED_DONE,	/* the body has ended, the sink knows */
	FEED_TURN,	/* splice_body(): it was much, let others go on */
	FEED_BAD,	/* *why says */
};

/*
 * Gives what was read to the stream's sink: on_body, and on_trailers if there
 * are any. *used bytes of it are done with. Stops when the sink lets go of the
 * stream (FEED_MORE). *why: BAD_REQUEST, HEAD_TOO_LARGE, BODY_TOO_LARGE.
 */
enum feed body_feed(struct body *b, struct http_stream *s,
    const struct parse_limits *trailers, struct span in, size_t *used,
    enum reason *why);

/*
 * Sends content as chunks (RFC 9112 7.1), `end`: and the last chunk. *left is
 * the sender's: 0 at first, what the chunk under way still has to get. The
 * results of http_stream_ops.send_body.
 */
enum send_result chunked_send(struct wire *w, uint64_t *left,
    struct span data, bool end, size_t *taken);
/* The last chunk with these fields; false: no room, the wire has failed. */
bool chunked_send_trailers(struct wire *w, const struct http_head *t);
