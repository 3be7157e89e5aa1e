/* src/upstream/pool.c -- leases: idle connections, last in first out */
#include <errno.h>

#include "upstream/internal.h"

static struct backend *
backend_of(struct h1_client_owner *o)
{
	return container_of(o, struct backend, owner);
}

static inline void
note_idle(struct backend *b, uint32_t more)
{
	b->n_idle += more;
	shm_set(b->idle_gauge, b->n_idle);
	if (unlikely(b->upstream->has_limits))
		shm_add(b->upstream->idle, more);
}

static bool
on_idle(struct h1_client_owner *o, struct h1_client *c)
{
	struct backend *b = backend_of(o);

	if (b->n_idle >= b->max_idle)
		return false;
	if (unlikely(b->upstream->has_limits)) {
		if (limit_must_give(b->upstream))
			return false;
		queue_wake(b->upstream);
	}
	list_push(&b->idle, h1_client_link(c));
	note_idle(b, 1);
	return true;
}

static void
unlink_idle(struct backend *b, struct h1_client *c)
{
	list_remove(h1_client_link(c));
	note_idle(b, (uint32_t)-1);
}

static void
note_closed(struct backend *b)
{
	if (likely(!b->upstream->has_limits))
		return;
	limit_release(b);
	queue_wake(b->upstream);
}

static void
on_closed(struct h1_client_owner *o, struct h1_client *c, bool was_idle)
{
	if (was_idle)
		unlink_idle(backend_of(o), c);
	note_closed(backend_of(o));
}

const struct h1_client_owner_ops pool_ops = {
	.on_idle = on_idle,
	.on_closed = on_closed,
};

static struct h1_client *
take_idle(struct backend *b, bool must_be_quiet)
{
	struct h1_client *c;

	while (!list_is_empty(&b->idle)) {
		c = h1_client_of_link(b->idle.next);
		unlink_idle(b, c);
		if (!must_be_quiet || h1_client_is_quiet(c))
			return c;
		h1_client_close(c);
		note_closed(b);
	}
	return NULL;
}

/* NULL with errno. */
static struct h1_client *
connect_limited(struct backend *b)
{
	struct h1_client *c;

	if (!limit_claim(b)) {
		errno = EBUSY;
		return NULL;
	}
	c = h1_client_connect(&b->owner, &b->address);
	if (c == NULL)
		limit_release(b);
	return c;
}

struct http_stream *
pool_lease(struct backend *b, enum lease_kind kind, bool *is_pooled)
{
	struct h1_client *c = NULL;

	if (kind != LEASE_FRESH)
		c = take_idle(b, kind == LEASE_QUIET);
	else if (unlikely(b->upstream->has_limits) && b->n_idle > 0)
		pool_drop_idle(b);	/* makes room for the fresh one */
	*is_pooled = c != NULL;
	if (unlikely(c == NULL && b->address.len == 0)) {
		errno = EADDRNOTAVAIL;	/* our trouble, not its */
		return NULL;
	}
	if (c == NULL)
		c = likely(!b->upstream->has_limits) ?
		    h1_client_connect(&b->owner, &b->address) :
		    connect_limited(b);
	return c == NULL ? NULL : h1_client_stream(c);
}

void
pool_clear(struct backend *b)
{
	struct h1_client *c;

	while ((c = take_idle(b, false)) != NULL) {
		h1_client_close(c);
		if (b->upstream->has_limits)
			limit_release(b);
	}
}

/* The one that has been idle for longest. */
void
pool_drop_idle(struct backend *b)
{
	struct h1_client *c = h1_client_of_link(b->idle.prev);

	unlink_idle(b, c);
	h1_client_close(c);
	note_closed(b);
}
