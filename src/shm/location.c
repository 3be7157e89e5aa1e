/* src/shm/location.c -- where a backend is that has a name */
#include "shm/location.h"

#include <string.h>

#include "shm/segment.h"

static struct record *
record_of(uint32_t backend)
{
	return (struct record *)(void *)segment_backend_slot(backend)->place;
}

void
location_write(uint32_t backend, const struct location *l)
{
	const struct address *a = &l->address;
	struct place_record r = { .weight = l->weight,
		.priority = l->priority };

	if (a->len > 0) {
		r.family = a->sa.sa_family;
		r.port = address_port(a);
		if (r.family == AF_INET)
			memcpy(r.ip, &a->in.sin_addr, sizeof(a->in.sin_addr));
		else
			memcpy(r.ip, &a->in6.sin6_addr,
			    sizeof(a->in6.sin6_addr));
	}
	record_write(record_of(backend), &r, sizeof(r));
}

/* A family that is none is nowhere. */
static void
take_address(struct address *a, const struct place_record *r)
{
	memset(a, 0, sizeof(*a));
	if (r->family == AF_INET) {
		a->len = sizeof(a->in);
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(r->port);
		memcpy(&a->in.sin_addr, r->ip, sizeof(a->in.sin_addr));
	} else if (r->family == AF_INET6) {
		a->len = sizeof(a->in6);
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(r->port);
		memcpy(&a->in6.sin6_addr, r->ip, sizeof(a->in6.sin6_addr));
	}
}

bool
location_read(uint32_t backend, struct location *l)
{
	struct place_record r;

	if (!record_read(record_of(backend), &r, sizeof(r)))
		return false;
	take_address(&l->address, &r);
	l->weight = r.weight;
	l->priority = r.priority;
	return true;
}
