/* src/shm/record.c -- records larger than a word, in two copies */
#include "shm/internal.h"

static uint32_t
half_size_of(uint32_t len)
{
	return (uint32_t)ALIGN_UP(len, CACHE_LINE);
}

/* By `len`, never by half_size: that one may be scribbled on. */
static char *
half_of(const struct record *r, uint32_t index, uint32_t len)
{
	return (char *)(uintptr_t)(r + 1) + (index & 1) * half_size_of(len);
}

void
record_init(struct record *r, uint32_t len)
{
	shm_set(&r->half_size, half_size_of(len));
}

uint64_t
record_make(uint32_t len)
{
	uint64_t offset = segment_append(RECORD_BYTES(len));

	if (offset != 0)
		record_init(segment_at(offset), len);
	return offset;
}

void
record_write(struct record *r, const void *data, uint32_t len)
{
	uint32_t next = shm_get(&r->current) + 1;

	if (shm_get(&r->half_size) != half_size_of(len))
		return;
	/* Whoever still copies this half must see that `current` went on:
	 * our last publication comes before the first word below. */
	atomic_thread_fence(memory_order_release);
	copy_in(half_of(r, next, len), data, len);
	shm_publish(&r->current, next);
}

bool
record_read(const struct record *r, void *data, uint32_t len)
{
	uint32_t before, size = shm_get(&r->half_size);

	if (size == 0 && shm_get(&r->current) == 0) {
		memset(data, 0, len);	/* nobody has written it yet */
		return true;
	}
	if (size != half_size_of(len))
		return false;
	for (int i = 0; i < 2; i++) {
		before = atomic_load_explicit(&r->current,
		    memory_order_acquire);
		copy_out(data, half_of(r, before, len), len);
		atomic_thread_fence(memory_order_acquire);
		if (shm_get(&r->current) == before)
			return true;
	}
	return false;
}
