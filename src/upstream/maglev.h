/* src/upstream/maglev.h -- a table of hashes (Maglev, Google 2016) */
#pragma once
#include <stdint.h>

#include "core/base.h"

/*
 * A prime number of entries, each of which names a member. Every member has
 * an order of its own in which it would take entries; they take turns, as
 * often as their weights say, until all are taken. All of it hangs on
 * identities and weights alone, never on positions: the same members make the
 * same table in any process on any machine, and with one more or less nearly
 * all entries stay what they were.
 *
 * What a member may do now is not in it. Who hits one that may not serve
 * walks on: so only that one's keys move, and they come back with it.
 */
#define MAGLEV_ENTRIES	65537u

struct maglev {
	uint16_t entries[MAGLEV_ENTRIES];	/* positions of members */
};

struct maglev_member {
	uint64_t identity;	/* its hash; no two have the same */
	uint32_t weight;	/* 0: it gets nothing */
};

#define MAGLEV_NONE	UINT16_MAX

/* With no weight at all every entry is MAGLEV_NONE. `n` is below that. */
void maglev_build(struct maglev *m, const struct maglev_member *members,
    uint32_t n);

/*
 * The walk of a key: step 0 is its own entry, the next are where further
 * hashes of it lead, and those behind MAGLEV_HASHES go from entry to entry
 * until all have been seen.
 */
#define MAGLEV_HASHES	16u
#define MAGLEV_STEPS	(MAGLEV_HASHES + MAGLEV_ENTRIES)

static inline uint32_t
maglev_place(uint64_t key)
{
	return (uint32_t)(((key >> 32) * MAGLEV_ENTRIES) >> 32);
}

/* One step of splitmix64: a bijection that leaves no trace of its input. */
static inline uint64_t
maglev_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline uint32_t
maglev_walk(const struct maglev *m, uint64_t key, uint32_t step)
{
	uint32_t hash = step < MAGLEV_HASHES ? step : MAGLEV_HASHES - 1;
	uint32_t place = maglev_place(hash == 0 ? key :
	    maglev_mix(key + hash * 0x9e3779b97f4a7c15u));

	return m->entries[(place + step - hash) % MAGLEV_ENTRIES];
}
