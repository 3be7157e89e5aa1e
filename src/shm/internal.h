/* src/shm/internal.h -- what only this folder sees */
#pragma once
#include <string.h>

#include "core/assert.h"
#include "shm/segment.h"
#include "shm/verdict.h"

#define SLOTS_BYTES (BACKEND_CHUNK * sizeof(struct backend_slot))
#define WORDS_BYTES (BACKEND_CHUNK * sizeof(struct backend_words))
#define BACKEND_CHUNK_BYTES (SLOTS_BYTES + WORDS_BYTES +		\
	BACKEND_CHUNK * sizeof(struct backend_records))
#define STRIPE_CHUNK_BYTES						\
	((SEGMENT_SLOTS + 1) * sizeof(struct stripe))
#define UPSTREAM_SLOTS_BYTES						\
	(UPSTREAMS_MAX * sizeof(struct upstream_slot))
/* Slots, then everybody's stripes. */
#define UPSTREAMS_BYTES (UPSTREAM_SLOTS_BYTES +				\
	(SEGMENT_SLOTS + 1) * sizeof(struct upstream_stripe))
/* All that there is once: upstreams, then the verdict. */
#define FIXED_BYTES (UPSTREAMS_BYTES +					\
	RECORD_BYTES(sizeof(struct verdict_record)))
#define ALIGN_UP(n, a) (((n) + (a) - 1) & ~(uint64_t)((a) - 1))

/* Of the file behind the segment, at most SEGMENT_SPACE; 0 if it has none. */
uint64_t segment_file_size(int fd);
int segment_map(int fd);	/* all of SEGMENT_SPACE; 0 or -1 with errno */
void segment_unmap(void);	/* and forgets; the descriptor stays open */

/*
 * attach.c: makes chunk `chunk` known to this process if the header names it
 * and it lies inside the file behind those already known.
 */
bool segment_learn(uint32_t chunk);
static inline bool
knows_chunk(uint32_t chunk)
{
	return likely(chunk < segment.n_chunks) || segment_learn(chunk);
}

/* table.c: the master's names, apart from what others can write to. */
int table_adopt(void);		/* from the slots; -1 if they are damaged */
void table_forget(void);
uint32_t table_check(void);	/* puts slots right, returns how many */
/* As segment_backend(), segment_upstream(), but of a text that may be cut. */
int table_backend(const char *identity, uint64_t hash);
int table_upstream(const char *name, uint64_t hash);

/* process.c: as if no slot were taken. */
void processes_forget(void);
void processes_adopt(uint32_t slots_seen);
uint32_t processes_seen(void);	/* slots_seen, as the master knows it */

/* wipe.c: the slot has no name and no live process knows it. */
void backend_wipe(uint32_t slot);
void upstream_wipe(uint32_t slot);

/*
 * Copies into the segment word by word, so that a writer may end and a
 * reader look between any two. `to` is aligned to 8; the last word is filled
 * up with zeroes.
 */
static inline void
copy_in(void *to, const void *from, size_t len)
{
	_Atomic uint64_t *word = to;
	const char *bytes = from;

	for (size_t at = 0; at < len; at += sizeof(*word)) {
		uint64_t value = 0;
		size_t left = len - at;

		memcpy(&value, bytes + at, left < 8 ? left : 8);
		shm_set(word++, value);
	}
}

static inline void
copy_out(void *to, const void *from, size_t len)
{
	const _Atomic uint64_t *word = from;
	char *bytes = to;

	for (size_t at = 0; at < len; at += sizeof(*word)) {
		uint64_t value = shm_get(word++);
		size_t left = len - at;

		memcpy(bytes + at, &value, left < 8 ? left : 8);
	}
}
