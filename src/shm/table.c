/* src/shm/table.c -- slots of upstreams and backends, by identity */
#include <errno.h>

#include "core/memory.h"
#include "core/random.h"
#include "shm/internal.h"
#include "shm/names.h"

struct names backend_names, upstream_names;

#define UPSTREAM_TEXT sizeof(((struct upstream_slot *)0)->name)

void
table_forget(void)
{
	names_forget(&backend_names, BACKENDS_MAX);
	names_forget(&upstream_names, UPSTREAMS_MAX);
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

	put_text(b->identity, sizeof(b->identity), backend_names.text[slot]);
	SEGMENT_HOOK();
	b->identity_hash = backend_names.hash[slot];
}

static void
put_upstream(uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);

	put_text(u->name, sizeof(u->name), upstream_names.text[slot]);
	SEGMENT_HOOK();
	u->identity_hash = upstream_names.hash[slot];
}

/* One that is known is used, from now on if it was given back. */
static void
use_again(struct names *k, uint32_t slot, _Atomic uint32_t *in_use)
{
	if (k->released[slot] == 0)
		return;
	k->released[slot] = 0;
	shm_publish(in_use, SLOT_USED);
}

/*
 * Its owner changes: while that lasts nobody's. Whoever dies in here leaves
 * a slot with a generation and no name, which the next one wipes again.
 */
static void
make_backend(uint32_t slot, const char *identity, uint64_t hash)
{
	struct backend_slot *b = segment_backend_slot(slot);

	if (backend_names.hash[slot] != 0)
		shm_publish(&b->in_use, SLOT_UNUSED);
	if (backend_names.generation[slot] != 0)
		backend_wipe(slot);
	names_take(&backend_names, slot, identity, hash);
	shm_set(&b->generation, ++backend_names.generation[slot]);
	put_backend(slot);
	shm_publish(&b->in_use, SLOT_USED);
}

static void
make_upstream(uint32_t slot, const char *name, uint64_t hash)
{
	struct upstream_slot *u = segment_upstream_slot(slot);

	if (upstream_names.hash[slot] != 0)
		shm_publish(&u->in_use, SLOT_UNUSED);
	if (upstream_names.generation[slot] != 0)
		upstream_wipe(slot);
	names_take(&upstream_names, slot, name, hash);
	shm_set(&u->generation, ++upstream_names.generation[slot]);
	put_upstream(slot);
	/* Two machines with one file do not start alike. */
	shm_set(&u->cursor, random_u64() >> 32);
	shm_publish(&u->in_use, SLOT_USED);
}

int
table_backend(const char *identity, uint64_t hash)
{
	uint32_t n = segment.n_chunks * BACKEND_CHUNK;
	uint32_t slot = names_find(&backend_names, n, identity,
	    IDENTITY_MAX, hash);

	if (slot < n) {
		use_again(&backend_names, slot,
		    &segment_backend_slot(slot)->in_use);
		return (int)slot;
	}
	slot = names_spare(&backend_names, n);
	if (slot == n && add_chunk() < 0)
		return -1;
	make_backend(slot, identity, hash);
	return (int)slot;
}

int
table_upstream(const char *name, uint64_t hash)
{
	uint32_t slot = names_find(&upstream_names, UPSTREAMS_MAX, name,
	    UPSTREAM_TEXT, hash);

	if (slot < UPSTREAMS_MAX) {
		use_again(&upstream_names, slot,
		    &segment_upstream_slot(slot)->in_use);
		return (int)slot;
	}
	slot = names_spare(&upstream_names, UPSTREAMS_MAX);
	if (slot == UPSTREAMS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	make_upstream(slot, name, hash);
	return (int)slot;
}

int
segment_backend(const char *identity)
{
	return table_backend(identity, name_hash(identity));
}

int
segment_upstream(const char *name)
{
	return table_upstream(name, name_hash(name));
}

static bool
is_marked(const uint64_t *set, uint32_t slot)
{
	return (set[slot / 64] >> slot % 64 & 1) != 0;
}

/* Is given back, unless it is marked. */
static bool
release(struct names *k, uint32_t slot, const uint64_t *marks,
    _Atomic uint32_t *in_use)
{
	if (is_marked(marks, slot))
		return false;
	names_release(k, slot);
	shm_publish(in_use, SLOT_RELEASED);
	return true;
}

uint32_t
segment_keep(const struct segment_use *use)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++)
		if (names_use(&backend_names, i) == SLOT_USED)
			n += release(&backend_names, i, use->backends,
			    &segment_backend_slot(i)->in_use);
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++)
		if (names_use(&upstream_names, i) == SLOT_USED)
			n += release(&upstream_names, i, use->upstreams,
			    &segment_upstream_slot(i)->in_use);
	return n;
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
	    (len < max - 1 && name_hash(copy) != hash))
		return -1;
	names_take(k, slot, copy, hash);
	return 0;
}

/* Of one slot all: `use` is read first, then what was published by it. */
static int
adopt(struct names *k, uint32_t slot, uint32_t use, const char *text,
    size_t max, uint64_t hash)
{
	if (use == SLOT_UNUSED)
		return 0;
	if (use > SLOT_RELEASED || names_adopt(k, slot, text, max, hash) < 0)
		return -1;
	if (use == SLOT_RELEASED)
		names_release(k, slot);
	return 0;
}

#define use_of(s) atomic_load_explicit(&(s)->in_use, memory_order_acquire)

static int
adopt_backend(uint32_t slot)
{
	struct backend_slot *b = segment_backend_slot(slot);
	uint32_t use = use_of(b);

	backend_names.generation[slot] = shm_get(&b->generation);
	return adopt(&backend_names, slot, use, b->identity,
	    sizeof(b->identity), b->identity_hash);
}

static int
adopt_upstream(uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);
	uint32_t use = use_of(u);

	upstream_names.generation[slot] = shm_get(&u->generation);
	return adopt(&upstream_names, slot, use, u->name, sizeof(u->name),
	    u->identity_hash);
}

int
table_adopt(void)
{
	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++)
		if (adopt_backend(i) < 0)
			return -1;
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++)
		if (adopt_upstream(i) < 0)
			return -1;
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
	uint32_t use = names_use(&backend_names, slot);
	uint32_t generation = backend_names.generation[slot];

	if (shm_get(&b->in_use) == use &&
	    shm_get(&b->generation) == generation &&
	    is_right(&backend_names, slot, b->identity, sizeof(b->identity),
	    b->identity_hash))
		return true;
	put_backend(slot);
	shm_set(&b->generation, generation);
	shm_publish(&b->in_use, use);
	return false;
}

static bool
check_upstream(uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);
	uint32_t use = names_use(&upstream_names, slot);
	uint32_t generation = upstream_names.generation[slot];

	if (shm_get(&u->in_use) == use &&
	    shm_get(&u->generation) == generation &&
	    is_right(&upstream_names, slot, u->name, sizeof(u->name),
	    u->identity_hash))
		return true;
	put_upstream(slot);
	shm_set(&u->generation, generation);
	shm_publish(&u->in_use, use);
	return false;
}

/* Slots without a name are left alone: looking would give them memory. */
uint32_t
table_check(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++)
		wrong += backend_names.hash[i] != 0 && !check_backend(i);
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++)
		wrong += upstream_names.hash[i] != 0 && !check_upstream(i);
	return wrong;
}
