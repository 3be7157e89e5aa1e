/* src/upstream/address.c -- where a backend is now, and what it is called */
#include "upstream/address.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "shm/location.h"
#include "upstream/standing.h"

bool
backend_find_address(const struct backend_conf *b, struct address *a)
{
	struct location l;

	*a = b->address;
	if (a->len == 0 && location_read(b->slot, &l))
		*a = l.address;
	return a->len > 0;
}

_Static_assert(BACKEND_NAME_MAX >= IDENTITY_MAX + ADDRESS_TEXT_MAX,
    "a name and an address");

void
backend_print_place(const struct backend_conf *b, const struct address *a,
    char out[BACKEND_NAME_MAX])
{
	char address[ADDRESS_TEXT_MAX];

	if (b->address.len > 0 || a == NULL || a->len == 0) {
		backend_print_name(b, out);
		return;
	}
	address_print(a, address);
	(void)snprintf(out, BACKEND_NAME_MAX, "%s@%s", b->host, address);
}

bool
backend_is_spare(const struct backend_conf *b)
{
	const struct backend_conf *first = b - b->seat;
	struct address a;

	if (backend_find_address(b, &a))
		return false;
	for (uint16_t i = 0; i < backend_seats(b); i++)
		if (backend_find_address(&first[i], &a))
			return true;
	return b->seat > 0;
}
