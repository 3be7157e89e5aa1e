/* src/shm/table.c -- slots of upstreams and backends, by identity */
#include <errno.h>
#include <string.h>

#include "core/hash.h"
#include "core/random.h"
#include "shm/internal.h"

/* Room for 256 more backends, and for everybody's counters of them. */
static int
add_chunk(void)
{
	struct segment_header *h = segment.header;
	uint64_t backends, stripes;

	if (segment.n_chunks >= COUNT_OF(h->backend_chunks)) {
		errno = ENOSPC;
		return -1;
	}
	backends = segment_append(BACKEND_CHUNK_BYTES);
	if (backends == 0)
		return -1;
	stripes = segment_append(STRIPE_CHUNK_BYTES);
	if (stripes == 0)
		return -1;
	SEGMENT_HOOK();
	h->backend_chunks[segment.n_chunks] = backends;
	SEGMENT_HOOK();
	h->stripe_chunks[segment.n_chunks] = stripes;
	segment.n_chunks++;
	shm_publish(&h->n_backend_chunks, segment.n_chunks);
	return 0;
}

struct backend_slot *
segment_backend_slot(uint32_t slot)
{
	struct backend_slot *chunk;

	ASSERT(slot / BACKEND_CHUNK <
	    shm_get(&segment.header->n_backend_chunks));
	chunk = segment_at(segment.header->
	    backend_chunks[slot / BACKEND_CHUNK]);
	return &chunk[slot % BACKEND_CHUNK];
}

struct upstream_slot *
segment_upstream_slot(uint32_t slot)
{
	struct upstream_slot *all =
	    segment_at(segment.header->upstreams_offset);

	ASSERT(slot < UPSTREAMS_MAX);
	return &all[slot];
}

/* Text first, the word that publishes last: a death in between leaves the
 * slot free, to be written again. */
static void
copy_text(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		len = size - 1;
	SEGMENT_HOOK();
	memcpy(to, text, len);
	SEGMENT_HOOK();
	memset(to + len, 0, size - len);
}

static void
take_backend(struct backend_slot *b, const char *identity, uint64_t hash)
{
	copy_text(b->identity, sizeof(b->identity), identity);
	SEGMENT_HOOK();
	b->identity_hash = hash;
	shm_add(&b->generation, 1);
	shm_publish(&b->in_use, 1);
}

static uint64_t
hash_of(const char *text)
{
	return hash_bytes(text, strlen(text), 0);
}

int
segment_backend(const char *identity)
{
	uint64_t hash = hash_of(identity);
	uint32_t n = segment.n_chunks * BACKEND_CHUNK, slot;
	uint32_t first_free = UINT32_MAX;

	for (slot = 0; slot < n; slot++) {
		struct backend_slot *b = segment_backend_slot(slot);

		if (shm_get(&b->in_use) == 0) {
			if (first_free == UINT32_MAX)
				first_free = slot;
		} else if (b->identity_hash == hash &&
		    strncmp(b->identity, identity, IDENTITY_MAX - 1) == 0) {
			return (int)slot;
		}
	}
	if (first_free == UINT32_MAX) {
		first_free = n;
		if (add_chunk() < 0)
			return -1;
	}
	take_backend(segment_backend_slot(first_free), identity, hash);
	return (int)first_free;
}

int
segment_upstream(const char *name)
{
	uint64_t hash = hash_of(name);

	for (uint32_t slot = 0; slot < UPSTREAMS_MAX; slot++) {
		struct upstream_slot *u = segment_upstream_slot(slot);

		if (shm_get(&u->in_use) == 0) {
			copy_text(u->name, sizeof(u->name), name);
			SEGMENT_HOOK();
			u->identity_hash = hash;
			/* Two machines with one file do not start alike. */
			shm_set(&u->cursor, random_u64() >> 32);
			shm_publish(&u->in_use, 1);
			return (int)slot;
		}
		if (u->identity_hash == hash &&
		    strncmp(u->name, name, sizeof(u->name) - 1) == 0)
			return (int)slot;
	}
	errno = ENOSPC;
	return -1;
}
