/* src/shm/names.h -- whose the slots are */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/segment.h"

/*
 * The names that this process has given slots to (the master), or found in
 * them (attach). They decide; the slots only tell others. By slot. A name
 * that was given back keeps its slot until another needs it.
 */
struct names {
	uint64_t hash[BACKENDS_MAX];	/* 0: never named */
	char *text[BACKENDS_MAX];	/* from malloc; cut after an attach */
	uint64_t released[BACKENDS_MAX];	/* the release; 0: used */
	/* Of its use, 0: nothing was ever written to it. */
	uint32_t generation[BACKENDS_MAX];
	uint64_t n_released;	/* ever */
	uint32_t named;		/* all slots below have a name */
};
_Static_assert(UPSTREAMS_MAX <= BACKENDS_MAX, "names has room for both");

extern struct names backend_names, upstream_names;	/* table.c */

uint64_t name_hash(const char *text);
/* The slot of this name among the first `n`, else `n`. */
uint32_t names_find(const struct names *k, uint32_t n, const char *text,
    size_t text_max, uint64_t hash);
/* One for a new name: never named, else the one that was given back the
 * longest ago, else `n`. */
uint32_t names_spare(struct names *k, uint32_t n);
/* Whose name it had before is forgotten. */
void names_take(struct names *k, uint32_t slot, const char *text,
    uint64_t hash);
void names_release(struct names *k, uint32_t slot);
void names_forget(struct names *k, uint32_t n);

/* What the slot should tell of its use (enum slot_use). */
static inline uint32_t
names_use(const struct names *k, uint32_t slot)
{
	return k->hash[slot] == 0 ? SLOT_UNUSED :
	    k->released[slot] == 0 ? SLOT_USED : SLOT_RELEASED;
}
