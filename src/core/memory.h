/* src/core/memory.h -- heap memory that cannot fail, arenas and slabs */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/span.h"

/*
 * The x-functions end the process (alert) rather than return NULL. They are
 * for start-up, configuration and pools that grow; never per request.
 * xcalloc memory is zeroed. Free with free(3).
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
/*
 * Gives memory that is going to be used its pages at once, if it is 64 KiB or
 * more: one by one, as they are touched, costs twenty times as much (12 us a
 * page where that was measured, in a virtual machine). xcalloc() and arenas do
 * it; for maps of other kinds. Keeps errno.
 */
void memory_populate(void *p, size_t size);
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/*
 * An arena gives memory that ends all at once: one per configuration.
 * Blocks double from `first` bytes to 512 KiB, and are there when they are
 * taken, page by page. Tails are poisoned under ASan.
 */
struct arena;
struct arena *arena_new(size_t first);
void arena_free(struct arena **a);	/* clears, accepts NULL inside */
void *arena_alloc(struct arena *a, size_t size);	/* zeroed, 16-aligned */
char *arena_str(struct arena *a, struct span s);	/* NUL-terminated copy */
size_t arena_used(const struct arena *a);
/* What ends with the arena and is more than its memory: `end` is called with
 * `object` by arena_free(), the last that was added first. */
void arena_at_end(struct arena *a, void (*end)(void *object), void *object);
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

/*
 * A slab holds objects of one size, last in first out, so that the hottest
 * memory is given out first. Chunks come from mmap (64 KiB, growing to 1 MiB),
 * aligned so that objects whose size is a multiple of 64 start on a cache
 * line. Objects are NOT cleared. Memory stays mapped, so that a
 * stale pointer to a freed object can still be read until slab_trim().
 * Freed objects are poisoned under ASan except their first `keep` bytes
 * (0: all poisoned; the loop needs a struct io to stay readable).
 */
struct slab {
	size_t size;		/* of one object, rounded up to 16 */
	size_t keep;
	struct slab_free *free;
	struct slab_chunk *chunks;
	char *fresh, *fresh_end;	/* never used yet */
	size_t in_use, total;		/* objects */
	size_t next_chunk;		/* bytes */
};

struct slab_free {
	struct slab_free *next;
};

void slab_init(struct slab *s, size_t size, size_t keep);
void slab_fini(struct slab *s);		/* unmaps all, in use or not */
void *slab_take(struct slab *s);	/* cannot fail */
void slab_give(struct slab *s, void *object);	/* NULL is accepted */
/*
 * Gives memory back to the kernel: unmaps chunks wholly free. Walks the free
 * list (slow timer only). Returns the bytes given back.
 */
size_t slab_trim(struct slab *s);
