/* src/net/conn.h -- a stream of bytes: plain TCP or Unix, later TLS */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/span.h"
#include "event/loop.h"

/*
 * The first seam (interfaces.md). All connections of a process read into one
 * hot buffer: a span given out lies there and is valid until the handler
 * returns or the next conn_read() of anybody. At least HOT_SLACK bytes
 * behind a span can be read (they mean nothing).
 */
#define HOT_BUFFER	(256u << 10)	/* one read gives at most this */
#define READ_USUAL	(64u << 10)	/* what it gives if nobody says more */
#define HOT_SLACK	64

#define CONN_SPANS	72	/* of one write */

enum io_status {
	IO_MORE,	/* the buffer was filled: there may be more */
	IO_DRAINED,	/* that was all: wait for the edge */
	IO_WAIT,	/* nothing there; or nothing could be written */
	IO_EOF,
	IO_FAILED,	/* errno says why */
};

struct conn;
struct pipe;
struct conn_ops {
	/* MORE, DRAINED with *got; WAIT, EOF, FAILED without. `most`: at most
	 * so many bytes (0: READ_USUAL). */
	enum io_status (*read)(struct conn *c, struct span *got, size_t most);
	/* MORE: all was taken; WAIT: *taken of it, an edge will come;
	 * FAILED. Up to CONN_SPANS spans. */
	enum io_status (*write)(struct conn *c, const struct span *v, int n,
	    size_t *taken);
	/* NULL: cannot. MORE: up to `most` bytes went into the empty pipe;
	 * WAIT, EOF, FAILED: none. splice_out: as write, p->len is left. */
	enum io_status (*splice_in)(struct conn *c, struct pipe *p,
	    size_t most);
	enum io_status (*splice_out)(struct conn *c, struct pipe *p);
	void (*shutdown_write)(struct conn *c);
	/* No FIN dance: for connections that must not be reused. */
	void (*close)(struct conn *c);
};

/*
 * Embedded first in the codecs' connections; its io's handler is the codec's.
 */
struct conn {
	struct io io;
	const struct conn_ops *ops;
};

extern const struct conn_ops plain_ops;

void conn_module_init(void);	/* once per process: the hot buffer */
/* Takes over `fd` (non-blocking); registers nothing. */
void conn_init_plain(struct conn *c, int fd, io_handler *on_event);

/* How many bytes in front of `at`, which has been given out, can be written
 * over: what lies there has been dealt with. 0: `at` is elsewhere. */
size_t conn_room_before(const char *at);

static inline enum io_status
conn_read(struct conn *c, struct span *got)
{
	return c->ops->read(c, got, 0);
}

/*
 * Starts connecting a non-blocking TCP_NODELAY socket and registers it edge
 * triggered. 0: under way or done (an OUT edge will tell; see
 * conn_connect_error); -1 with errno (LOCAL troubles: conn_is_local_error).
 */
int conn_connect(struct conn *c, const struct address *to,
    io_handler *on_event);
/* The result of a connect whose edge has come: 0 or an errno;
 * EINPROGRESS: not yet (a stale event). */
int conn_connect_error(struct conn *c);
/* EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL: ours, not the backend's. */
bool conn_is_local_error(int error);
/* Bytes that the kernel has and the peer has not acknowledged. */
size_t conn_backlog(struct conn *c);
/* MSG_PEEK: is the idle connection still open and silent? One system call. */
bool conn_is_quiet(struct conn *c);
