/* src/shm/location.h -- where a backend is that has a name */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"

/*
 * The typed form of a place_record. The monitor writes it, which goes by the
 * name servers' answers, and then adds to the eligibility of the upstream;
 * whoever needs the address of a backend that has a name reads it.
 */
struct location {
	struct address address;		/* len 0: nowhere, now */
	uint16_t weight;		/* of an SRV record; 0: it has none */
	uint16_t priority;		/* above 0: a backup */
};

void location_write(uint32_t backend, const struct location *l);
/* False: keep what you have read last. */
bool location_read(uint32_t backend, struct location *l);
