/* src/shm/table.c -- slots of upstreams and backends, by identity */
#include <errno.h>
#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"
#include "shm/internal.h"

/*
 * The names that this process has given slots to (the master), or found in
 * them (attach). They decide; the slots only tell others. By slot.
 */
struct names {
	uint64_t hash[BACKENDS_MAX];	/* 0: free */
	char *text[BACKENDS_MAX];	/* from malloc; cut after an attach */
};
static struct names backends, upstreams;
_Static_assert(UPSTREAMS_MAX <= BACKENDS_MAX, "names has room for both");

#define UPSTREAM_TEXT sizeof(((struct upstream_slot *)0)->name)

static uint64_t
hash_of(const char *text)
{
	uint64_t hash = hash_bytes(text, strlen(text), 0);

	return hash != 0 ? hash : 1;
}

/* The slot of this name, else the first free one, else `n`. */
static uint32_t
names_seek(const struct names *k, uint32_t n, const char *text,
    size_t text_max)
{
	uint64_t hash = hash_of(text);
	uint32_t first_free = n;

	for (uint32_t i = 0; i < n; i++) {
		if (k->hash[i] == 0 && first_free == n)
			first_free = i;
		if (k->hash[i] == hash &&
		    strncmp(k->text[i], text, text_max - 1) == 0)
			return i;
	}
	return first_free;
}

static void
names_forget(struct names *k, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (k->hash[i] != 0) {
			free(k->text[i]);
			k->text[i] = NULL;
			k->hash[i] = 0;
		}
}

void
table_forget(void)
{
	names_forget(&backends, BACKENDS_MAX);
	names_forget(&upstreams, UPSTREAMS_MAX);
}

static char *
chunk_of(uint32_t slot)
{
	uint32_t chunk = slot / BACKEND_CHUNK;

	ASSERT(knows_chunk(chunk));
	return segment_at(segment.backend_chunks[chunk]);
}

struct backend_slot *
segment_backend_slot(uint32_t slot)
{
	struct backend_slot *slots = (void *)chunk_of(slot);

	return &slots[slot % BACKEND_CHUNK];
}

struct backend_words *
segment_backend_words(uint32_t slot)
{
	struct backend_words *words = (void *)(chunk_of(slot) + SLOTS_BYTES);

	return &words[slot % BACKEND_CHUNK];
}

static struct backend_records *
records_of(uint32_t slot)
{
	struct backend_records *records = (void *)(chunk_of(slot) +
	    SLOTS_BYTES + WORDS_BYTES);

	return &records[slot % BACKEND_CHUNK];
}

struct record *
segment_check_record(uint32_t slot)
{
	return (struct record *)(void *)records_of(slot)->check;
}

void
segment_tell_check(uint32_t slot, const struct check_record *r)
{
	record_init(segment_check_record(slot), sizeof(*r));
	record_write(segment_check_record(slot), r, sizeof(*r));
}

struct record *
segment_place_record(uint32_t slot)
{
	return (struct record *)(void *)records_of(slot)->place;
}

struct upstream_slot *
segment_upstream_slot(uint32_t slot)
{
	struct upstream_slot *slots = segment_at(segment.upstreams);

	ASSERT(slot < UPSTREAMS_MAX);
	return &slots[slot];
}

/* Room for 256 more backends, and for everybody's counters of them. */
static int
add_chunk(void)
{
	struct segment_header *h = segment.header;
	uint32_t n = segment.n_chunks;
	uint64_t slots, stripes;

	if (n >= CHUNKS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if ((slots = segment_append(BACKEND_CHUNK_BYTES)) == 0 ||
	    (stripes = segment_append(STRIPE_CHUNK_BYTES)) == 0)
		return -1;
	memory_populate(segment_at(slots), SLOTS_BYTES + WORDS_BYTES);
	segment.backend_chunks[n] = slots;
	segment.stripe_chunks[n] = stripes;
	segment.n_chunks = n + 1;
	SEGMENT_HOOK();
	h->backend_chunks[n] = slots;
	SEGMENT_HOOK();
	h->stripe_chunks[n] = stripes;
	shm_publish(&h->n_backend_chunks, n + 1);
	return 0;
}

/* Cut, and zero to the end: nothing of an unfinished try stays. */
static void
put_text(char *to, size_t size, const char *text)
{
	char all[IDENTITY_MAX] = "";

	memcpy(all, text, strnlen(text, size - 1));
	copy_in(to, all, size);
}

static void
put_backend(uint32_t slot)
{
	struct backend_slot *b = segment_backend_slot(slot);

	put_text(b->identity, sizeof(b->identity), backends.text[slot]);
	SEGMENT_HOOK();
	b->identity_hash = backends.hash[slot];
}

static void
put_upstream(uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);

	put_text(u->name, sizeof(u->name), upstreams.text[slot]);
	SEGMENT_HOOK();
	u->identity_hash = upstreams.hash[slot];
}

int
segment_backend(const char *identity)
{
	uint32_t n = segment.n_chunks * BACKEND_CHUNK;
	uint32_t slot = names_seek(&backends, n, identity, IDENTITY_MAX);
	struct backend_slot *b;

	if (slot == n && add_chunk() < 0)
		return -1;
	if (backends.hash[slot] != 0)
		return (int)slot;
	backends.hash[slot] = hash_of(identity);
	backends.text[slot] = xstrdup(identity);
	put_backend(slot);
	b = segment_backend_slot(slot);
	shm_add(&b->generation, 1);
	shm_publish(&b->in_use, 1);
	return (int)slot;
}

int
segment_upstream(const char *name)
{
	uint32_t slot = names_seek(&upstreams, UPSTREAMS_MAX, name,
	    UPSTREAM_TEXT);
	struct upstream_slot *u;

	if (slot == UPSTREAMS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if (upstreams.hash[slot] != 0)
		return (int)slot;
	upstreams.hash[slot] = hash_of(name);
	upstreams.text[slot] = xstrdup(name);
	put_upstream(slot);
	u = segment_upstream_slot(slot);
	/* Two machines with one file do not start alike. */
	shm_set(&u->cursor, random_u64() >> 32);
	shm_publish(&u->in_use, 1);
	return (int)slot;
}

/* One slot's name as we find it. A whole text must have the hash that it is
 * filed under; of a cut one that cannot be told. */
static int
names_adopt(struct names *k, uint32_t slot, const char *text, size_t max,
    uint64_t hash)
{
	char copy[IDENTITY_MAX];
	size_t len;

	copy_out(copy, text, max);
	len = strnlen(copy, max);
	if (hash == 0 || len == max ||
	    (len < max - 1 && hash_of(copy) != hash))
		return -1;
	k->hash[slot] = hash;
	k->text[slot] = xstrdup(copy);
	return 0;
}

#define is_published(s)							\
	(atomic_load_explicit(&(s)->in_use, memory_order_acquire) != 0)

int
table_adopt(void)
{
	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++) {
		struct backend_slot *b = segment_backend_slot(i);

		if (is_published(b) && names_adopt(&backends, i, b->identity,
		    sizeof(b->identity), b->identity_hash) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream_slot *u = segment_upstream_slot(i);

		if (is_published(u) && names_adopt(&upstreams, i, u->name,
		    sizeof(u->name), u->identity_hash) < 0)
			return -1;
	}
	return 0;
}

static bool
is_right(const struct names *k, uint32_t slot, const char *text, size_t max,
    uint64_t hash)
{
	return hash == k->hash[slot] && text[max - 1] == '\0' &&
	    strncmp(text, k->text[slot], max - 1) == 0;
}

static bool
check_backend(uint32_t slot)
{
	struct backend_slot *b = segment_backend_slot(slot);

	if (shm_get(&b->in_use) == 1 && is_right(&backends, slot,
	    b->identity, sizeof(b->identity), b->identity_hash))
		return true;
	put_backend(slot);
	shm_publish(&b->in_use, 1);
	return false;
}

static bool
check_upstream(uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);

	if (shm_get(&u->in_use) == 1 && is_right(&upstreams, slot, u->name,
	    sizeof(u->name), u->identity_hash))
		return true;
	put_upstream(slot);
	shm_publish(&u->in_use, 1);
	return false;
}

/* Slots without a name are left alone: looking would give them memory. */
uint32_t
table_check(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++)
		wrong += backends.hash[i] != 0 && !check_backend(i);
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++)
		wrong += upstreams.hash[i] != 0 && !check_upstream(i);
	return wrong;
}
