/* src/shm/location.c -- where a backend is that has a name */
#include "shm/location.h"

#include <string.h>

#include "shm/segment.h"

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
	record_init(segment_place_record(backend), sizeof(r));
	record_write(segment_place_record(backend), &r, sizeof(r));
}

/* A family that is none is nowhere. */
static void
take_address(struct address *a, const struct place_record *r)
{
	if (r->family == AF_INET || r->family == AF_INET6)
		address_set(a, r->family, r->ip, r->port);
	else
		memset(a, 0, sizeof(*a));
}

bool
location_read(uint32_t backend, struct location *l)
{
	struct place_record r;

	if (!record_read(segment_place_record(backend), &r, sizeof(r)))
		return false;
	take_address(&l->address, &r);
	l->weight = r.weight;
	l->priority = r.priority;
	return true;
}
