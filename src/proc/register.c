/* src/proc/register.c -- a configuration's slots in the shared segment */
#include "proc/register.h"

#include <stdio.h>

#include "conf/conf.h"
#include "core/log.h"
#include "shm/segment.h"

/* A name's slots are numbered: which address has which, the monitor says. */
static void
print_place(const struct backend_conf *b, char out[ADDRESS_TEXT_MAX])
{
	if (b->address.len > 0)
		address_print(&b->address, out);
	else if (b->is_srv)
		snprintf(out, ADDRESS_TEXT_MAX, "srv|#%u", b->seat);
	else
		snprintf(out, ADDRESS_TEXT_MAX, "%u|#%u", b->port, b->seat);
}

/* The hash of a slot is of all of it: there is room for the longest name. */
void
backend_identity(const struct upstream_conf *u, const struct backend_conf *b,
    char out[BACKEND_IDENTITY_MAX])
{
	char place[ADDRESS_TEXT_MAX];

	print_place(b, place);
	snprintf(out, BACKEND_IDENTITY_MAX, "%s|%s|%s", u->name, b->host,
	    place);
}

static int
register_backend(const struct upstream_conf *u, struct backend_conf *b)
{
	char identity[BACKEND_IDENTITY_MAX];
	int slot;

	backend_identity(u, b, identity);
	slot = segment_backend(identity);
	if (slot < 0) {
		log_write_errno(LOG_ERROR, NULL, "no room for backend %s of "
		    "upstream %s in the shared segment", b->host, u->name);
		return -1;
	}
	b->slot = (uint32_t)slot;
	return 0;
}

static int
register_upstream(struct upstream_conf *u)
{
	int slot = segment_upstream(u->name);

	if (slot < 0) {
		log_write_errno(LOG_ERROR, NULL, "no room for upstream %s in "
		    "the shared segment", u->name);
		return -1;
	}
	u->slot = (uint32_t)slot;
	for (size_t i = 0; i < u->n_backends; i++)
		if (register_backend(u, &u->backends[i]) < 0)
			return -1;
	return 0;
}

int
segment_register_conf(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		if (register_upstream(&conf->upstreams[i]) < 0)
			return -1;
	return 0;
}

void
conf_mark_slots(const struct conf *conf, struct segment_use *use)
{
	for (size_t i = 0; i < conf->n_upstreams; i++) {
		const struct upstream_conf *u = &conf->upstreams[i];

		slot_mark(use->upstreams, u->slot);
		for (size_t k = 0; k < u->n_backends; k++)
			slot_mark(use->backends, u->backends[k].slot);
	}
}

static size_t
count_seats(const struct upstream_conf *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_backends; i++)
		n += backend_seats(&u->backends[i]);
	return n;
}

static void
multiply_names(struct upstream_conf *u, struct arena *arena)
{
	size_t n_seats = count_seats(u), n = 0;
	struct backend_conf *all;

	if (n_seats == u->n_backends)
		return;
	all = arena_alloc(arena, n_seats * sizeof(*all));
	for (size_t i = 0; i < u->n_backends; i++) {
		const struct backend_conf *b = &u->backends[i];

		for (uint16_t seat = 0; seat < backend_seats(b); seat++) {
			all[n] = *b;
			all[n++].seat = seat;
		}
	}
	u->backends = all;
	u->n_backends = n;
}

void
conf_multiply_names(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		multiply_names(&conf->upstreams[i], conf->arena);
}
