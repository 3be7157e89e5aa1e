/* src/core/stash.h -- bytes that must outlive an event, in pooled blocks */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/span.h"

/*
 * A byte queue in one contiguous block. Empty it holds no memory. Blocks come
 * from process-wide slabs of 512 B, 2 KiB, 8 KiB, 32 KiB and 128 KiB, last in
 * first out; 128 KiB is the most one can hold.
 */
struct stash {
	char *block;
	uint32_t begin, end;	/* the bytes are block[begin, end) */
	uint32_t size;		/* of the block: one of the classes, or 0 */
};

#define STASH_MAX (512u << 10)

void stash_module_init(void);	/* once per process; idempotent */

static inline struct span
stash_span(const struct stash *s)
{
	/* Without a block there is nothing to point into. */
	return span_of(s->block == NULL ? NULL : s->block + s->begin,
	    s->end - s->begin);
}

static inline size_t
stash_len(const struct stash *s)
{
	return s->end - s->begin;
}

/* Copies `data` behind what is there, growing as needed; false (and nothing
 * changed) if that would exceed `most` bytes (at most STASH_MAX). */
bool stash_append(struct stash *s, struct span data, size_t most);

/* Room for at least `len` more bytes at the end; NULL beyond STASH_MAX. */
char *stash_room(struct stash *s, size_t len);
void stash_added(struct stash *s, size_t len);	/* what was written there */

/* Drops the first `len` bytes; gives the block back when none are left. */
void stash_drop(struct stash *s, size_t len);
void stash_give(struct stash *s);	/* inner */
static inline void
stash_clear(struct stash *s)
{
	if (unlikely(s->block != NULL))
		stash_give(s);
}

/* Blocks for others (kept request heads): at least `size` bytes, the class
 * chosen is stored in *class. Cannot fail for size <= STASH_MAX. */
void *block_take(size_t size, unsigned *class);
void block_give(void *block, unsigned class);
size_t block_bytes_in_use(void);	/* all classes, for limits.memory */
