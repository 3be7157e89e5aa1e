/* src/shm/record.c -- records larger than a word, in two copies */
#include <string.h>

#include "shm/internal.h"

static char *
half_of(const struct record *r, uint32_t index)
{
	return (char *)(uintptr_t)(r + 1) + (index & 1) * r->half_size;
}

uint64_t
record_make(uint32_t half_size)
{
	uint64_t offset;
	struct record *r;

	half_size = (half_size + CACHE_LINE - 1) & ~(CACHE_LINE - 1u);
	offset = segment_append(sizeof(*r) + 2ul * half_size);
	if (offset == 0)
		return 0;
	r = segment_at(offset);
	SEGMENT_HOOK();
	r->half_size = half_size;
	return offset;
}

void
record_write(struct record *r, const void *data, uint32_t len)
{
	uint32_t next = shm_get(&r->current) + 1;

	ASSERT(len <= r->half_size);
	/* A reader that still copies this half sees `current` move on. */
	atomic_thread_fence(memory_order_release);
	SEGMENT_HOOK();
	memcpy(half_of(r, next), data, len);
	shm_publish(&r->current, next);
}

bool
record_read(const struct record *r, void *data, uint32_t len)
{
	uint32_t before;

	ASSERT(len <= r->half_size);
	for (int i = 0; i < 2; i++) {
		before = atomic_load_explicit(&r->current,
		    memory_order_acquire);
		memcpy(data, half_of(r, before), len);
		atomic_thread_fence(memory_order_acquire);
		if (shm_get(&r->current) == before)
			return true;
	}
	return false;
}
