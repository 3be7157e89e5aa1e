/* src/http1/wire.c -- gathered output, and the connection it leaves by */
#include "http1/wire.h"

#include <sys/mman.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/pipe.h"

#define GATHER_SIZE	(3 * HEAD_BYTES_MAX)
#define BORROW_PIECES	32
#define BORROW_MIN	256		/* less is sooner copied */
#define BORROW_MAX	(64u << 10)	/* in all: `unsent` must have room */

static struct {
	char *buffer;
	size_t len;
	struct wire *owner;	/* NULL: nothing is gathered */
	unsigned depth;		/* of wire_enter */
	bool can_borrow;
	unsigned n_borrowed;
	size_t borrowed_len;
	struct {
		size_t at;	/* behind so much of the buffer */
		struct span data;
	} borrowed[BORROW_PIECES];
	struct deferred flush;	/* for output made outside of our handlers */
	struct deferred run;
	struct list due;
} gather;

static void
on_flush(struct deferred *d UNUSED)
{
	if (gather.owner != NULL)
		wire_flush(gather.owner);
}

static void
on_due(struct deferred *d UNUSED)
{
	struct list now;

	list_move_all(&gather.due, &now);
	while (!list_is_empty(&now)) {
		struct wire *w = list_first(&now, struct wire, run);

		list_remove(&w->run);
		w->on_run(w);
	}
}

void
wire_module_init(void)
{
	void *map;

	if (gather.buffer != NULL)
		return;
	stash_module_init();
	conn_module_init();
	map = mmap(NULL, GATHER_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(map != MAP_FAILED);
	gather.buffer = map;
	list_init(&gather.due);
	deferred_init(&gather.flush, on_flush);
	deferred_init(&gather.run, on_due);
}

void
wire_init(struct wire *w, void (*on_run)(struct wire *w))
{
	w->unsent = (struct stash){ 0 };
	list_init(&w->run);
	w->on_run = on_run;
	w->is_connecting = w->is_blocked = w->has_failed = false;
	w->has_written = w->is_readable = w->is_ending = false;
	w->must_shut = false;
}

void
wire_close(struct wire *w)
{
	if (gather.owner == w)
		wire_flush(w);
	stash_clear(&w->unsent);
	list_remove(&w->run);
	w->conn.ops->close(&w->conn);
}

void
wire_enter(void)
{
	gather.depth++;
}

void
wire_leave(void)
{
	gather.depth--;
	if (unlikely(gather.owner != NULL))
		wire_flush(gather.owner);
}

bool
wire_is_at_rest(const struct wire *w)
{
	return wire_can_send(w) && gather.owner != w && !w->is_blocked &&
	    list_is_empty(&w->run);
}

void
wire_run_later(struct wire *w)
{
	if (!list_is_empty(&w->run))
		return;
	list_append(&gather.due, &w->run);
	loop_defer(&gather.run);
}

enum io_status
wire_read(struct wire *w, struct span *got, size_t most)
{
	enum io_status status = w->conn.ops->read(&w->conn, got, most);

	if (status != IO_MORE)
		w->is_readable = status == IO_DRAINED && w->is_ending;
	return status;
}

char *
wire_room(struct wire *w, size_t size)
{
	if (unlikely(size > GATHER_SIZE - gather.len))
		wire_flush(w);		/* if it is ours; else below */
	if (gather.owner != w) {
		if (gather.owner != NULL)
			wire_flush(gather.owner);
		gather.owner = w;
		if (unlikely(gather.depth == 0))
			loop_defer(&gather.flush);
	}
	if (unlikely(size > GATHER_SIZE))
		return NULL;
	return gather.buffer + gather.len;
}

void
wire_added(struct wire *w UNUSED, size_t size)
{
	gather.len += size;
}

static void
wire_fail(struct wire *w)
{
	w->has_failed = true;
	w->is_readable = true;	/* what the peer said before may explain it */
	stash_clear(&w->unsent);
	wire_run_later(w);
}

static void
keep_unsent(struct wire *w, struct span rest)
{
	if (rest.len > 0 && !stash_append(&w->unsent, rest, STASH_MAX))
		wire_fail(w);
}

/* Writes spans now; false: failed. *taken counts over all of them. */
static bool
write_now(struct wire *w, const struct span *v, int n, size_t *taken)
{
	enum io_status status = w->conn.ops->write(&w->conn, v, n, taken);

	if (likely(*taken > 0))
		w->has_written = true;
	if (likely(status != IO_FAILED))
		return true;
	wire_fail(w);
	return false;
}

/* Takes the gathered bytes out of the buffer, which others may use then. */
static struct span
gathered(struct wire *w)
{
	struct span all = span_of(gather.buffer, gather.len);

	ASSERT(gather.owner == w);
	gather.owner = NULL;
	gather.len = 0;
	return all;
}

/* The buffer's runs and what was borrowed between them, in order. */
static int
list_pieces(struct span *v, size_t len)
{
	size_t from = 0;
	int n = 0;

	for (unsigned i = 0; i < gather.n_borrowed; i++) {
		size_t at = gather.borrowed[i].at;

		if (at > from)
			v[n++] = span_of(gather.buffer + from, at - from);
		v[n++] = gather.borrowed[i].data;
		from = at;
	}
	if (len > from)
		v[n++] = span_of(gather.buffer + from, len - from);
	gather.n_borrowed = 0;
	gather.borrowed_len = 0;
	return n;
}

static void
flush_borrowed(struct wire *w)
{
	struct span v[2 * BORROW_PIECES + 1];
	size_t taken = 0;
	int n;

	n = list_pieces(v, gather.len);
	(void)gathered(w);
	if (w->has_failed)
		return;
	if (!w->is_connecting && stash_len(&w->unsent) == 0 &&
	    !write_now(w, v, n, &taken))
		return;
	for (int i = 0; i < n && !w->has_failed; i++) {
		size_t part = taken < v[i].len ? taken : v[i].len;

		keep_unsent(w, span_skip(v[i], part));
		taken -= part;
	}
}

void
wire_flush(struct wire *w)
{
	struct span all;
	size_t taken = 0;

	if (gather.owner != w)
		return;
	if (unlikely(gather.n_borrowed > 0)) {
		flush_borrowed(w);
		return;
	}
	all = gathered(w);
	if (w->has_failed || all.len == 0)
		return;
	if (!w->is_connecting && stash_len(&w->unsent) == 0 &&
	    !write_now(w, &all, 1, &taken))
		return;
	if (unlikely(taken < all.len))
		keep_unsent(w, span_skip(all, taken));
}

void
wire_shut(struct wire *w)
{
	wire_flush(w);
	w->must_shut = true;
	if (!w->has_failed && stash_len(&w->unsent) == 0)
		w->conn.ops->shutdown_write(&w->conn);
}

enum send_result
wire_refuse(struct wire *w)
{
	if (w->has_failed)
		return SEND_FAILED;
	w->is_blocked = true;
	return SEND_WAIT;
}

/* The head right in front of the content: one piece is cheaper to send. */
static struct span
join(struct span head, struct span data)
{
	char *to = (char *)(uintptr_t)data.ptr - head.len;

	memcpy(to, head.ptr, head.len);
	return span_of(to, head.len + data.len);
}

/*
 * What is gathered, `data` and what frames it, in one call. Of the framing
 * nothing is ever taken without all of the data.
 */
static enum send_result
send_now(struct wire *w, struct span data, struct span behind, size_t *taken)
{
	struct span v[3], *first = v;
	size_t head_len, sent = 0;
	int n = 3;

	if (unlikely(gather.n_borrowed > 0))
		wire_flush(gather.owner);
	v[0] = gather.owner == w ? gathered(w) : span_of(NULL, 0);
	v[1] = data;
	v[2] = behind;
	head_len = v[0].len;
	if (unlikely(stash_len(&w->unsent) > 0)) {
		keep_unsent(w, v[0]);
		return wire_refuse(w);
	}
	if (head_len <= conn_room_before(data.ptr)) {
		if (head_len > 0)
			v[1] = join(v[0], data);
		first++;
		n--;
	}
	if (behind.len == 0)
		n--;
	if (!write_now(w, first, n, &sent))
		return SEND_FAILED;
	if (unlikely(sent < head_len)) {
		keep_unsent(w, span_skip(v[0], sent));
		return wire_refuse(w);
	}
	sent -= head_len;
	*taken = sent < data.len ? sent : data.len;
	if (*taken < data.len)
		return wire_refuse(w);
	keep_unsent(w, span_skip(behind, sent - data.len));
	return w->has_failed ? SEND_FAILED : SEND_OK;
}

void
wire_borrow_begin(void)
{
	gather.can_borrow = true;
}

void
wire_borrow_end(void)
{
	gather.can_borrow = false;
	if (gather.n_borrowed > 0)
		wire_flush(gather.owner);
}

/* Content behind what is gathered, and what frames it, until it all leaves. */
static bool
borrow(struct wire *w, struct span data, struct span behind)
{
	if (gather.owner != w || data.len < BORROW_MIN || !wire_can_send(w) ||
	    gather.n_borrowed == BORROW_PIECES ||
	    data.len > BORROW_MAX - gather.borrowed_len ||
	    behind.len > GATHER_SIZE - gather.len)
		return false;
	gather.borrowed[gather.n_borrowed].at = gather.len;
	gather.borrowed[gather.n_borrowed++].data = data;
	gather.borrowed_len += data.len;
	if (behind.len > 0)
		memcpy(gather.buffer + gather.len, behind.ptr, behind.len);
	gather.len += behind.len;
	return true;
}

enum send_result
wire_send_framed(struct wire *w, struct span data, struct span behind,
    bool end, size_t *taken)
{
	char *to;

	*taken = 0;
	if (unlikely(w->has_failed))
		return SEND_FAILED;
	if (unlikely(w->is_connecting) && data.len > 0) {
		/* Nothing is taken that another backend may have to get. */
		wire_flush(w);
		return wire_refuse(w);
	}
	if (gather.owner != w && data.len == 0)
		return SEND_OK;
	if (unlikely(gather.can_borrow) && borrow(w, data, behind)) {
		*taken = data.len;
		if (end)
			wire_flush(w);
		return w->has_failed ? SEND_FAILED : SEND_OK;
	}
	if (gather.owner != w || data.len > WIRE_COPY_MAX ||
	    data.len + behind.len > GATHER_SIZE - gather.len)
		return send_now(w, data, behind, taken);
	to = gather.buffer + gather.len;
	if (data.len > 0)
		memcpy(to, data.ptr, data.len);
	if (behind.len > 0)
		memcpy(to + data.len, behind.ptr, behind.len);
	gather.len += data.len + behind.len;
	*taken = data.len;
	if (end)
		wire_flush(w);
	return w->has_failed ? SEND_FAILED : SEND_OK;
}

enum send_result
wire_send_pipe(struct wire *w, struct pipe *p, size_t *taken)
{
	uint32_t len = p->len;
	enum io_status status;

	*taken = 0;
	wire_flush(w);
	if (!wire_can_send(w))
		return wire_refuse(w);
	status = w->conn.ops->splice_out(&w->conn, p);
	*taken = len - p->len;
	if (*taken > 0)
		w->has_written = true;
	if (unlikely(status == IO_FAILED)) {
		wire_fail(w);
		return SEND_FAILED;
	}
	return status == IO_WAIT ? wire_refuse(w) : SEND_OK;
}

bool
wire_writable(struct wire *w)
{
	size_t taken;
	struct span rest;

	while (stash_len(&w->unsent) > 0) {
		rest = stash_span(&w->unsent);
		if (!write_now(w, &rest, 1, &taken))
			return false;
		stash_drop(&w->unsent, taken);
		if (taken < rest.len)
			return false;
	}
	if (unlikely(w->must_shut))
		w->conn.ops->shutdown_write(&w->conn);
	return true;
}
