/* src/dns/seats.h -- the slots of one name, and which address has which */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/lookup.h"

struct backend_conf;
struct upstream_conf;

/*
 * A backend that has a name gets slots in the segment once, twice as many as
 * its `addresses` (conf.h, backend_seats), so that all of them may be replaced
 * at once; which address has which slot changes. An address that stays
 * keeps its slot, and with it counters and health; one that is gone leaves its
 * slot without a place, so that nothing new goes there, not even by a cookie,
 * while what is under way ends in peace. The slot is given to another address
 * when nothing is in flight on it, and not before every worker had the time to
 * see that it was free.
 */
#define SEAT_REST_MS	1000

struct seat {
	uint32_t slot;
	bool is_taken;
	struct answer last;		/* address.len 0: never taken */
	uint64_t left_ms;		/* not taken since then */
};

struct seats {
	const struct upstream_conf *upstream;
	struct seat *all;		/* heap */
	size_t n;
	size_t most;			/* addresses that serve */
	size_t n_waiting;		/* addresses, for a slot to rest */
	size_t n_left_out;		/* beyond `most` */
};

/* Takes over what the segment says: the monitor before us may have died.
 * `first` is the first of those that stand for the name (proc/register.h). */
void seats_init(struct seats *s, const struct upstream_conf *u,
    const struct backend_conf *first);
void seats_fini(struct seats *s);

/*
 * Publishes these answers; `keeps_others`: addresses that are not among them
 * stay, too. Prefers the first answers. True: something has changed.
 */
bool seats_give(struct seats *s, const struct answers *a, bool keeps_others);
bool seats_are_empty(const struct seats *s);
