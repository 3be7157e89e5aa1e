/* src/upstream/pool.c -- leases: idle connections, last in first out */
#include "upstream/internal.h"

static struct backend *
backend_of(struct h1_client_owner *o)
{
	return container_of(o, struct backend, owner);
}

static void
note_idle(struct backend *b)
{
	shm_set(b->idle_gauge, b->n_idle);
}

static bool
on_idle(struct h1_client_owner *o, struct h1_client *c)
{
	struct backend *b = backend_of(o);

	if (b->n_idle >= b->max_idle)
		return false;
	list_push(&b->idle, h1_client_link(c));
	b->n_idle++;
	note_idle(b);
	return true;
}

static void
unlink_idle(struct backend *b, struct h1_client *c)
{
	list_remove(h1_client_link(c));
	b->n_idle--;
	note_idle(b);
}

static void
on_closed(struct h1_client_owner *o, struct h1_client *c, bool was_idle)
{
	if (was_idle)
		unlink_idle(backend_of(o), c);
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
	}
	return NULL;
}

struct http_stream *
pool_lease(struct backend *b, enum lease_kind kind, bool *is_pooled)
{
	struct h1_client *c = NULL;

	if (kind != LEASE_FRESH)
		c = take_idle(b, kind == LEASE_QUIET);
	*is_pooled = c != NULL;
	if (c == NULL)
		c = h1_client_connect(&b->owner, &b->address);
	return c == NULL ? NULL : h1_client_stream(c);
}

void
pool_clear(struct backend *b)
{
	struct h1_client *c;

	while ((c = take_idle(b, false)) != NULL)
		h1_client_close(c);
}
