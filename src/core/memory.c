/* src/core/memory.c -- heap memory that cannot fail, arenas and slabs */
#include "core/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, n)	ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n)	ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define poison(p, n)	((void)(p), (void)(n))
#define unpoison(p, n)	((void)(p), (void)(n))
#endif

#define ARENA_ALIGN	16u
#define CHUNK_FIRST	(64u << 10)
#define CHUNK_LAST	(1u << 20)
#define BLOCK_MOST	((size_t)512 << 10)	/* unless one thing is larger */
#define PAGE		((uintptr_t)4096)
#define POPULATE_LEAST	(64u << 10)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14; an older one refuses it */
#endif

void
memory_populate(void *p, size_t size)
{
	uintptr_t from = ((uintptr_t)p + PAGE - 1) & ~(PAGE - 1);
	uintptr_t to = ((uintptr_t)p + size) & ~(PAGE - 1);
	int saved = errno;

	if (size >= POPULATE_LEAST)
		(void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
	errno = saved;
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	ASSERT(p != NULL);
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

	ASSERT(p != NULL);
	memory_populate(p, count * size);	/* it has not overflowed */
	return p;
}

void *
xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size == 0 ? 1 : size);

	ASSERT(p != NULL);
	return p;
}

char *
xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}

/* ---- arena: a list of blocks, the newest first */

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	max_align_t bytes[];
};

struct arena_end {
	struct arena_end *next;
	void (*end)(void *object);
	void *object;
};

struct arena {
	struct arena_block *blocks;
	struct arena_end *ends;		/* they lie in the blocks */
	size_t next_size, used;
};

static struct arena_block *
block_new(struct arena *a, size_t at_least)
{
	struct arena_block *b;
	size_t size = a->next_size;

	while (size < at_least)
		size *= 2;
	b = xmalloc(sizeof(*b) + size);
	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	memory_populate(b, sizeof(*b) + size);
	poison(b->bytes, size);
	a->blocks = b;
	a->next_size = size < BLOCK_MOST ? size * 2 : BLOCK_MOST;
	return b;
}

struct arena *
arena_new(size_t first)
{
	struct arena *a = xnew(struct arena);

	a->next_size = first < 256 ? 256 : first;
	return a;
}

void
arena_free(struct arena **a)
{
	struct arena_block *b, *next;

	if (*a == NULL)
		return;
	for (struct arena_end *e = (*a)->ends; e != NULL; e = e->next)
		e->end(e->object);
	for (b = (*a)->blocks; b != NULL; b = next) {
		next = b->next;
		unpoison(b->bytes, b->size);
		free(b);
	}
	free(*a);
	*a = NULL;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_block *b = a->blocks;
	char *p;

	ASSERT(size <= PTRDIFF_MAX / 2);	/* block_new() can double */
	if (b == NULL || b->size - b->used < rounded)
		b = block_new(a, rounded);
	p = (char *)b->bytes + b->used;
	b->used += rounded;
	a->used += rounded;
	unpoison(p, size);
	return memset(p, 0, size);
}

char *
arena_str(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return p;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

void
arena_at_end(struct arena *a, void (*end)(void *object), void *object)
{
	struct arena_end *e = arena_new_of(a, struct arena_end);

	*e = (struct arena_end){ a->ends, end, object };
	a->ends = e;
}

/* ---- slab: chunks from mmap, free objects last in first out */

struct slab_chunk {
	struct slab_chunk *next;
	size_t size;		/* of the mapping */
	size_t n_objects;	/* that were given out of it at least once */
	size_t n_free;		/* slab_trim's scratch */
};

#define CHUNK_HEADER 64		/* objects behind it keep their cache lines */

void
slab_init(struct slab *s, size_t size, size_t keep)
{
	*s = (struct slab){ 0 };
	s->size = (size + 15) & ~(size_t)15;
	s->keep = keep < sizeof(struct slab_free) ?
	    sizeof(struct slab_free) : keep;
	if (s->keep > s->size)
		s->keep = s->size;
	s->next_chunk = CHUNK_FIRST;
}

void
slab_fini(struct slab *s)
{
	struct slab_chunk *c, *next;

	for (c = s->chunks; c != NULL; c = next) {
		next = c->next;
		unpoison(c, c->size);
		(void)munmap(c, c->size);
	}
	slab_init(s, s->size, s->keep);
}

static void
chunk_add(struct slab *s)
{
	size_t size = s->next_chunk;
	struct slab_chunk *c;

	ASSERT(s->size <= PTRDIFF_MAX / 2);
	while (size < CHUNK_HEADER + s->size)
		size *= 2;
	c = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(c != MAP_FAILED);
	c->next = s->chunks;
	c->size = size;
	s->chunks = c;
	s->fresh = (char *)c + CHUNK_HEADER;
	s->fresh_end = (char *)c + size;
	poison(s->fresh, size - CHUNK_HEADER);
	if (s->next_chunk < CHUNK_LAST)
		s->next_chunk *= 2;
}

static void *
take_fresh(struct slab *s)
{
	char *p;

	if ((size_t)(s->fresh_end - s->fresh) < s->size)
		chunk_add(s);
	p = s->fresh;
	s->fresh += s->size;
	s->chunks->n_objects++;
	s->total++;
	return p;
}

HOT void *
slab_take(struct slab *s)
{
	struct slab_free *f = s->free;
	void *p = f;

	if (likely(f != NULL))
		s->free = f->next;
	else
		p = take_fresh(s);
	unpoison(p, s->size);
	s->in_use++;
	return p;
}

HOT void
slab_give(struct slab *s, void *object)
{
	struct slab_free *f;

	if (object == NULL)
		return;
	f = object;	/* over the first word only: the rest of `keep` stays */
	f->next = s->free;
	s->free = f;
	s->in_use--;
	poison((char *)object + s->keep, s->size - s->keep);
}

/* ---- giving back: slow, from a timer */

static struct slab_chunk *
chunk_of(struct slab *s, const void *object)
{
	struct slab_chunk *c = s->chunks;

	while ((const char *)object < (const char *)c ||
	    (const char *)object >= (const char *)c + c->size)
		c = c->next;
	return c;
}

static bool
is_empty(const struct slab *s, const struct slab_chunk *c)
{
	return c->n_free == c->n_objects && c != s->chunks;
}

/* Takes the objects of empty chunks out of the free list. */
static void
forget_free(struct slab *s)
{
	struct slab_free **link = &s->free;

	while (*link != NULL) {
		if (is_empty(s, chunk_of(s, *link))) {
			*link = (*link)->next;
			s->total--;
		} else {
			link = &(*link)->next;
		}
	}
}

static size_t
unmap_empty(struct slab *s)
{
	struct slab_chunk **link = &s->chunks, *c;
	size_t given = 0;

	while ((c = *link) != NULL) {
		if (!is_empty(s, c)) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		given += c->size;
		unpoison(c, c->size);
		(void)munmap(c, c->size);
	}
	return given;
}

size_t
slab_trim(struct slab *s)
{
	for (struct slab_chunk *c = s->chunks; c != NULL; c = c->next)
		c->n_free = 0;
	for (struct slab_free *f = s->free; f != NULL; f = f->next)
		chunk_of(s, f)->n_free++;
	forget_free(s);
	return unmap_empty(s);
}
