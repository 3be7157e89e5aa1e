/* src/core/random.c -- wyrand (Wang Yi), seeded from the kernel */
#include "core/random.h"

#include <sys/random.h>

#include "core/assert.h"

static uint64_t state;

void
random_seed(void)
{
	ASSERT(getrandom(&state, sizeof(state), 0) == sizeof(state));
}

uint64_t
random_u64(void)
{
	unsigned __int128 product;

	state += 0xa0761d6478bd642full;
	product = (unsigned __int128)state * (state ^ 0xe7037ed1a0b428dbull);
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

uint64_t
random_below(uint64_t below)
{
	unsigned __int128 m = (unsigned __int128)random_u64() * below;

	if ((uint64_t)m < below) {
		uint64_t least = -below % below;

		while ((uint64_t)m < least)
			m = (unsigned __int128)random_u64() * below;
	}
	return (uint64_t)(m >> 64);
}
