/* src/http1/wire.h -- what client and server connections have in common */
#pragma once
#include <stdbool.h>

#include "core/list.h"
#include "core/stash.h"
#include "http/stream.h"
#include "net/conn.h"

/*
 * A connection with ordered output. What a handler writes is gathered in one
 * buffer of the process (it has one owner at a time) and leaves by one send:
 * when the message ends, when another connection needs the buffer, or when the
 * handler returns. What the kernel does not take waits in `unsent`.
 */
struct wire {
	struct conn conn;
	struct stash unsent;
	struct list run;		/* waits to be run by the loop */
	void (*on_run)(struct wire *w);
	bool is_connecting;		/* output waits in unsent */
	bool is_blocked;		/* the sink was refused: owe on_writable */
	bool has_failed;		/* a write failed: owe on_reset */
	bool has_written;		/* a byte has reached the kernel */
	bool is_readable;		/* an edge came, not drained yet */
	bool is_ending;			/* RDHUP, HUP or ERR: read to the end */
	bool must_shut;			/* FIN behind what is unsent */
};

struct pipe;

#define WIRE_COPY_MAX 4096	/* bodies up to this are put behind the head */

void wire_module_init(void);	/* idempotent */
void wire_init(struct wire *w, void (*on_run)(struct wire *w));
/* Closes and gives back all memory but the wire's own. */
void wire_close(struct wire *w);

/* Brackets around every entry from the loop: leaving flushes. */
void wire_enter(void);
void wire_leave(void);

/* Notes what an event says of reading. */
static inline void
wire_note(struct wire *w, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		w->is_readable = true;
	if (unlikely(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		w->is_ending = true;
}

/* Reads once and keeps is_readable right. */
enum io_status wire_read(struct wire *w, struct span *got, size_t most);

/* At least `size` bytes of room behind what is gathered, which leaves if it is
 * in the way; NULL: more than the buffer has. */
char *wire_room(struct wire *w, size_t size);
void wire_added(struct wire *w, size_t size);

/* Sends what is gathered. */
void wire_flush(struct wire *w);
/*
 * Between these two, content that is sent stays where it lies and may leave
 * only with the second: the many small pieces of a chunked body by one call.
 */
void wire_borrow_begin(void);
void wire_borrow_end(void);
/* Body bytes: copied behind a gathered head when short, else written from
 * where they lie, and `behind` behind the last of them (its bytes are not
 * counted in *taken). The results of http_stream_ops.send_body. */
enum send_result wire_send_framed(struct wire *w, struct span data,
    struct span behind, bool end, size_t *taken);
static inline enum send_result
wire_send(struct wire *w, struct span data, bool end, size_t *taken)
{
	return wire_send_framed(w, data, span_of(NULL, 0), end, taken);
}
/* What is in a pipe. *taken: what is no longer. The same results. */
enum send_result wire_send_pipe(struct wire *w, struct pipe *p,
    size_t *taken);
/* Takes nothing now: SEND_WAIT, or SEND_FAILED. */
enum send_result wire_refuse(struct wire *w);
/* FIN behind all that was sent. */
void wire_shut(struct wire *w);
/* An OUT edge: true when everything waiting is gone. */
bool wire_writable(struct wire *w);

static inline bool
wire_is_idle(const struct wire *w)
{
	return w->unsent.begin == w->unsent.end && !w->has_failed;
}

/* Would take content. */
static inline bool
wire_can_send(const struct wire *w)
{
	return w->unsent.begin == w->unsent.end && !w->has_failed &&
	    !w->is_connecting;
}

/* Nothing waits to be sent, and it is not to be run. */
bool wire_is_at_rest(const struct wire *w);

/* Runs on_run from a deferred call. */
void wire_run_later(struct wire *w);
