/* src/http1/splice.c -- large bodies, from socket to socket through a pipe */
#include "http1/splice.h"

#include "core/assert.h"
#include "net/pipe.h"

/* What is in the pipe goes to the sink; false: not all of it. */
static bool
push_pipe(struct body *b, struct http_stream *s, uint64_t *moved)
{
	struct pipe *p = pipe_at(b->pipe);
	uint32_t len = p->len;
	bool end = b->framing == FRAMING_LENGTH && len == b->left;
	size_t taken = s->sink->events->on_pipe(s, p, end);

	ASSERT(taken <= len && p->len == len - taken);
	*moved += taken;
	b->most -= taken;
	(void)body_took(b, taken, end && taken == len);
	if (taken < len)
		return false;
	pipe_give(&b->pipe);
	return true;
}

/* False: nothing is there, or a read has to find out what is wrong. */
static bool
fill_pipe(struct body *b, struct wire *w)
{
	size_t most = b->left < PIPE_SIZE ? (size_t)b->left : PIPE_SIZE;
	enum io_status status;

	b->pipe = pipe_take();
	if (b->pipe == 0)
		return false;
	status = w->conn.ops->splice_in(&w->conn, pipe_at(b->pipe), most);
	if (likely(status == IO_MORE))
		return true;
	pipe_give(&b->pipe);
	if (status == IO_WAIT)
		w->is_readable = w->is_ending;
	return false;
}

static bool
can_splice(const struct http_stream *s, const struct wire *w)
{
	const struct http_stream_events *events = s->sink->events;

	return w->conn.ops->splice_in != NULL && events->takes_pipe != NULL &&
	    events->takes_pipe(s);
}

enum feed
splice_body(struct body *b, struct http_stream *s, struct wire *w,
    uint64_t *moved)
{
	*moved = 0;
	while (b->pipe != 0 || (s->sink != NULL && can_splice(s, w) &&
	    fill_pipe(b, w))) {
		if (!push_pipe(b, s, moved))
			return FEED_HELD;
		if (b->framing == FRAMING_LENGTH && b->left == 0)
			return FEED_DONE;
		if (*moved >= SPLICE_MOST)
			return FEED_TURN;
	}
	b->is_bulk = *moved >= SPLICE_MIN && !w->is_readable;
	return FEED_MORE;
}

void
splice_drop(struct body *b)
{
	pipe_give(&b->pipe);
}
