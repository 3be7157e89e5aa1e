/* src/http1/splice.h -- large bodies, from socket to socket through a pipe */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "http1/body.h"
#include "http1/wire.h"

/*
 * When a read has filled the buffer and much is still to come, the rest goes
 * through a pipe if the sink can take one (performance.md 4). Below that,
 * three system calls in place of two would cost more than the copy.
 */
#define SPLICE_MIN	(64u << 10)
#define SPLICE_MOST	(512u << 10)	/* at once */

/* Behind a read of the body that gave `status` and was all used. */
static inline void
splice_judge(struct body *b, enum io_status status)
{
	b->is_bulk = status == IO_MORE && b->framing != FRAMING_CHUNKED &&
	    b->left >= SPLICE_MIN && b->most >= b->left;
}

/* Is it splice_body()'s turn? `is_readable`: the connection. */
static inline bool
splice_is_due(const struct body *b, bool is_readable)
{
	return b->pipe != 0 || (b->is_bulk && is_readable);
}

/*
 * Moves content to the sink until there is no more (FEED_MORE; then reads may
 * go on), the sink takes no more (FEED_HELD), the body has ended (FEED_DONE)
 * or SPLICE_MOST bytes were moved (FEED_TURN). *moved: what the sink took.
 */
enum feed splice_body(struct body *b, struct http_stream *s, struct wire *w,
    uint64_t *moved);
/* Gives a pipe back that is still held; its bytes are lost. */
void splice_drop(struct body *b);
