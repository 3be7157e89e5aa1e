/* src/shm/attach.c -- believing a segment that others have written to */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory.h"
#include "shm/internal.h"

/*
 * What is appended lies behind what was: so a place is believed only behind
 * `*end`, the end of the one before it, and before the end of the file.
 */
static bool
is_next(uint64_t *end, uint64_t offset, uint64_t bytes, uint64_t file_size)
{
	if (offset < *end || offset % CACHE_LINE != 0 ||
	    offset > file_size || bytes > file_size - offset)
		return false;
	*end = offset + bytes;
	return true;
}

static uint64_t
known_end(void)
{
	if (segment.n_chunks == 0)
		return segment.upstreams + FIXED_BYTES;
	return segment.stripe_chunks[segment.n_chunks - 1] +
	    STRIPE_CHUNK_BYTES;
}

/* The number is read once: its owner may write while we look. */
#define READ_ONCE(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)

static bool
learn_next(uint64_t file_size)
{
	const struct segment_header *h = segment.header;
	uint64_t backends = READ_ONCE(h->backend_chunks[segment.n_chunks]);
	uint64_t stripes = READ_ONCE(h->stripe_chunks[segment.n_chunks]);
	uint64_t end = known_end();

	if (!is_next(&end, backends, BACKEND_CHUNK_BYTES, file_size) ||
	    !is_next(&end, stripes, STRIPE_CHUNK_BYTES, file_size))
		return false;
	segment.backend_chunks[segment.n_chunks] = backends;
	segment.stripe_chunks[segment.n_chunks] = stripes;
	segment.n_chunks++;
	return true;
}

/* Acquires the count, so that the offsets stored before it are seen. */
static uint32_t
told_chunks(void)
{
	return atomic_load_explicit(&segment.header->n_backend_chunks,
	    memory_order_acquire);
}

bool
segment_learn(uint32_t chunk)
{
	uint64_t file_size;

	if (chunk >= CHUNKS_MAX || chunk >= told_chunks())
		return false;
	file_size = segment_file_size(segment.fd);
	while (segment.n_chunks <= chunk)
		if (!learn_next(file_size))
			return false;
	return true;
}

static bool
has_our_layout(const struct segment_header *h)
{
	return h->magic == SEGMENT_MAGIC && h->layout == SEGMENT_LAYOUT &&
	    h->header_size == sizeof(*h) && h->slots == SEGMENT_SLOTS &&
	    h->process_slot_size == sizeof(struct process_slot) &&
	    h->backend_slot_size == sizeof(struct backend_slot) &&
	    h->stripe_size == sizeof(struct stripe);
}

/* Takes over the master's part of the header, all or nothing. */
static bool
adopt_header(uint64_t file_size)
{
	const struct segment_header *h = segment.header;
	uint32_t n = told_chunks();
	uint64_t end = sizeof(*h);

	segment.used = shm_get(&h->used);
	segment.size = shm_get(&h->size);
	segment.upstreams = READ_ONCE(h->upstreams_offset);
	processes_adopt(segment_slots());
	return segment.size <= file_size && segment.used <= segment.size &&
	    segment.used % CACHE_LINE == 0 &&
	    is_next(&end, segment.upstreams, FIXED_BYTES, file_size) &&
	    (n == 0 || segment_learn(n - 1)) && known_end() <= segment.used;
}

bool
segment_has_our_layout(int fd)
{
	struct segment_header *h = xnew(struct segment_header);
	bool has = pread(fd, h, sizeof(*h), 0) == sizeof(*h) &&
	    has_our_layout(h);

	free(h);
	return has;
}

int
segment_attach(int fd)
{
	uint64_t file_size = segment_file_size(fd);
	int seals = fcntl(fd, F_GET_SEALS);

	ASSERT(segment.base == NULL);
	errno = EPROTO;
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 ||
	    file_size < sizeof(struct segment_header))
		return -1;
	if (segment_map(fd) < 0)
		return -1;
	if (has_our_layout(segment.header) && adopt_header(file_size) &&
	    table_adopt() == 0)
		return 0;
	segment_unmap();
	errno = EPROTO;
	return -1;
}

#define PUT_RIGHT(word, want)						\
	do {								\
		if ((word) != (want)) {					\
			SEGMENT_HOOK();					\
			(word) = (want);				\
			wrong++;					\
		}							\
	} while (0)

uint32_t
segment_check(void)
{
	struct segment_header *h = segment.header;
	uint32_t wrong = 0;

	PUT_RIGHT(h->magic, SEGMENT_MAGIC);
	PUT_RIGHT(h->layout, SEGMENT_LAYOUT);
	PUT_RIGHT(h->header_size, sizeof(*h));
	PUT_RIGHT(h->slots, SEGMENT_SLOTS);
	PUT_RIGHT(h->process_slot_size, sizeof(struct process_slot));
	PUT_RIGHT(h->backend_slot_size, sizeof(struct backend_slot));
	PUT_RIGHT(h->stripe_size, sizeof(struct stripe));
	PUT_RIGHT(h->size, segment.size);
	PUT_RIGHT(h->used, segment.used);
	PUT_RIGHT(h->slots_seen, processes_seen());
	PUT_RIGHT(h->upstreams_offset, segment.upstreams);
	for (uint32_t i = 0; i < segment.n_chunks; i++) {
		PUT_RIGHT(h->backend_chunks[i], segment.backend_chunks[i]);
		PUT_RIGHT(h->stripe_chunks[i], segment.stripe_chunks[i]);
	}
	PUT_RIGHT(h->n_backend_chunks, segment.n_chunks);
	return wrong + table_check();
}
