/* src/shm/segment.h -- the memory that all processes share */
#pragma once
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One memfd, made by the master, inherited by every process (architecture.md,
 * Shared segment). SEGMENT_SPACE of address space is mapped at once, the file
 * behind it grows by chunks: only the master appends, nothing moves, and what
 * is appended appears in every process by itself. The file is sealed against
 * shrinking and against further seals, and left out of core dumps.
 *
 * Rules: no pointers, no locks, offsets and slot numbers only; every word has
 * one writer (plain relaxed stores) or is changed by one atomic operation; a
 * process may die between any two stores and the segment stays valid; the
 * master keeps its own copy of what it decides by and never trusts a number
 * read here (segment_check); all times are CLOCK_MONOTONIC milliseconds.
 */
#define SEGMENT_MAGIC	0x6461656c72696166ull	/* "fairlead" */
#define SEGMENT_LAYOUT	7u	/* changes with any layout change */
#define SEGMENT_SPACE	(2048ul << 20)
#define SEGMENT_SLOTS	256	/* worker slots; 4 times the most workers */
#define SLOTS_AT_FIRST	64	/* of them that are looked at */
#define SEGMENT_MONITOR	(SEGMENT_SLOTS)	/* the monitor's slot number */
#define BACKEND_CHUNK	256	/* backends in a chunk of stripes */
#define BACKENDS_MAX	16384
#define UPSTREAMS_MAX	1024
#define IDENTITY_MAX	256	/* bytes of text, with NUL */
#define CHUNKS_MAX	(BACKENDS_MAX / BACKEND_CHUNK)

/* What one process tells the others; one writer: the process itself, but pid
 * (which it says, too), generation, state STARTING/DEAD/GONE and restarts are the master's. */
enum slot_state {
	SLOT_FREE,
	SLOT_STARTING,
	SLOT_READY,		/* accepting */
	SLOT_DRAINING,
	SLOT_DEAD,		/* waits for its respawn */
	SLOT_GONE,		/* its counters stay, it waits for an owner */
};

struct process_slot {
	alignas(64) _Atomic uint32_t state;	/* enum slot_state */
	_Atomic int32_t pid;
	_Atomic uint32_t generation;
	_Atomic uint32_t restarts;
	alignas(64) _Atomic uint64_t beat_ms;	/* the process */
	_Atomic uint64_t connections;		/* open client connections */
	_Atomic uint64_t accepted;		/* counters: never fall */
	_Atomic uint64_t requests;
	_Atomic uint64_t log_dropped;
	_Atomic uint32_t accepting;	/* bit: covers its own sockets */
};
_Static_assert(sizeof(struct process_slot) == 128, "two lines a process");

/* Records larger than a word: written to the unpublished half by one writer,
 * published by one store of `current`; see record_write, record_read. */
struct record {
	alignas(64) _Atomic uint32_t current;	/* bit 0: half; +1 each time */
	_Atomic uint32_t half_size;
	/* two halves of half_size bytes follow */
};
#define RECORD_BYTES(len)						\
	(sizeof(struct record) + 2 * (((len) + 63) & ~(size_t)63))

/*
 * What became of a slot of an upstream or a backend. One that no live
 * configuration uses is released: it keeps its name and all that is known of
 * it until another name needs the room.
 */
enum slot_use {
	SLOT_UNUSED,		/* or in the middle of changing hands */
	SLOT_USED,
	SLOT_RELEASED,
};

/* One upstream: its cursor is added to by every worker. */
struct upstream_slot {
	alignas(64) _Atomic uint64_t cursor;
	/* Changes with what any of its backends may do: whoever has a table
	 * of them makes it anew. Added to by whoever changed it. */
	alignas(64) _Atomic uint32_t eligibility;
	_Atomic uint32_t in_use;	/* enum slot_use; published last */
	_Atomic uint32_t generation;	/* of its use, as a backend's */
	uint64_t identity_hash;
	char name[IDENTITY_MAX - 24];
	/* Of retries, by compare-and-swap (upstream/budget.h). */
	alignas(64) _Atomic uint64_t budget;
};

/* What the last active check of a backend found; written by the monitor. */
#define CHECK_TEXT_MAX	112
struct check_record {
	uint64_t at_wall_ms;	/* 0: there was none */
	uint32_t took_us;
	uint32_t result;
	char text[CHECK_TEXT_MAX];
};

/* Where a backend is that has a name; written by the monitor. */
struct place_record {
	uint8_t ip[16];		/* IPv4 in its first four bytes */
	uint16_t family;	/* 0: nowhere */
	uint16_t port;
	uint16_t weight;	/* of an SRV record; else 0 */
	uint16_t priority;
};

/*
 * One backend, keyed by identity, never by position. A chunk holds all slots,
 * then all words, then all records of its backends: who starts touches as few
 * pages as can be.
 */
struct backend_slot {
	alignas(64) _Atomic uint32_t in_use;	/* as an upstream's */
	_Atomic uint32_t generation;	/* of its use: changes with its owner */
	uint64_t identity_hash;
	char identity[IDENTITY_MAX];
};

/* What is known of it. The first line is any worker's, by compare-and-swap,
 * the second the monitor's. */
struct backend_words {
	alignas(64) _Atomic uint64_t breaker;	/* upstream/breaker.h */
	_Atomic uint64_t window;	/* of its ratio of failures */
	_Atomic uint32_t suspect;	/* + 1: check it now */
	alignas(64) _Atomic uint64_t health;	/* upstream/health.h */
	_Atomic uint64_t admin;			/* upstream/health.h */
};

/* The monitor's; it calls record_init() before it writes, so that nobody has
 * to at the start. */
struct backend_records {
	alignas(64) char check[RECORD_BYTES(sizeof(struct check_record))];
	alignas(64) char place[RECORD_BYTES(sizeof(struct place_record))];
};

/* Times in classes: 4 to a power of two from 64 us on (observe/latency.h). */
#define LATENCY_CLASSES	80

/*
 * Counters of one process over the backends of one chunk; one writer. A gauge
 * is cleared by the master when the process has died, counters go on.
 */
struct stripe {
	alignas(64) _Atomic uint32_t in_flight[BACKEND_CHUNK];	/* gauge */
	alignas(64) _Atomic uint32_t idle[BACKEND_CHUNK];	/* gauge */
	/* Gauge: connections, idle ones too; counted only under a limit. */
	alignas(64) _Atomic uint32_t open[BACKEND_CHUNK];
	/* Gauge: requests that try a backend whose breaker is half open. */
	alignas(64) _Atomic uint32_t trials[BACKEND_CHUNK];
	alignas(64) _Atomic uint64_t requests[BACKEND_CHUNK];
	alignas(64) _Atomic uint64_t failures[BACKEND_CHUNK];
	/* Microseconds to the response head as this process averages them,
	 * and when that was (upstream/ewma.h). */
	alignas(64) _Atomic uint64_t ewma[BACKEND_CHUNK];
	alignas(64) _Atomic uint32_t latency[BACKEND_CHUNK][LATENCY_CLASSES];
};

/* The same over upstreams. */
struct upstream_stripe {
	alignas(64) _Atomic uint64_t requests[UPSTREAMS_MAX];	/* no retries */
	alignas(64) _Atomic uint32_t waiting[UPSTREAMS_MAX];	/* gauge */
	/* Gauges, of all backends; counted only where connections are
	 * limited. */
	alignas(64) _Atomic uint32_t open[UPSTREAMS_MAX];
	alignas(64) _Atomic uint32_t idle[UPSTREAMS_MAX];
	/* Gauge, of all backends; counted only where picks ask for it. */
	alignas(64) _Atomic uint32_t in_flight[UPSTREAMS_MAX];
};

struct segment_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t header_size;
	uint32_t slots;
	uint32_t process_slot_size;
	uint32_t backend_slot_size;
	uint32_t stripe_size;
	_Atomic uint64_t size;		/* of the file: what may be touched */
	_Atomic uint64_t used;		/* offsets below are given out */
	_Atomic uint32_t generation;	/* newest configuration generation */
	_Atomic uint32_t ready_generation;
	_Atomic uint32_t is_stopping;
	_Atomic uint32_t n_backend_chunks;
	_Atomic uint32_t slots_seen;	/* no worker has one behind them */
	uint64_t started_ms;
	uint64_t started_wall_ms;
	uint64_t backend_chunks[CHUNKS_MAX];	/* offsets */
	uint64_t stripe_chunks[CHUNKS_MAX];
	uint64_t upstreams_offset;
	struct process_slot processes[SEGMENT_SLOTS + 1];
};

/* A process's view. */
struct segment {
	int fd;
	char *base;
	struct segment_header *header;
	/* Own copies of what must not be read back. The master's are the
	 * truth; others check an offset once, when they first need it. */
	uint64_t used, size;
	uint64_t upstreams;
	uint32_t n_chunks;
	uint64_t backend_chunks[CHUNKS_MAX];
	uint64_t stripe_chunks[CHUNKS_MAX];
};

extern struct segment segment;	/* one a process, inherited by fork */

/* Master: makes it, seeds the generator (cursors). 0, or -1 with errno. */
int segment_create(void);
/*
 * Maps an inherited descriptor (upgrade, tools) where none is mapped. Checks
 * seals, magic, layout, sizes, offsets and names, then what lies inside is
 * known as if made here; -1 with EPROTO if something differs. The descriptor
 * is the segment's from then on; after a failure it stays the caller's.
 */
int segment_attach(int fd);
/* Whether that would be of our layout; maps nothing. */
bool segment_has_our_layout(int fd);
void segment_close(void);
/*
 * Master: compares what it has told the others (sizes, offsets, names) with
 * its own copy and puts right what differs. How many words and texts it had
 * to: anything above 0 means that a process writes where it must not.
 */
uint32_t segment_check(void);
/* Master: `size` more bytes, aligned to 64; offset, or 0 with errno. They
 * are zeroes but for what a process scribbled beyond the end. */
uint64_t segment_append(size_t size);
/* `offset` is one that segment_append gave, told by the master: not checked
 * against the file. */
void *segment_at(uint64_t offset);

/*
 * Master: the slot of this identity, found or made; -1 when full (errno).
 * The text in the slot is cut for display (backends IDENTITY_MAX - 1 bytes,
 * upstreams 24 less); the hash is of all. A slot that was given back is found
 * as it was by its own name. For a new name it is taken only when no other
 * is free: its generation goes on, all else (words, records, every process's
 * counters) begins at zero again.
 */
int segment_backend(const char *identity);
int segment_upstream(const char *name);

/* Slots that live configurations use, a bit each. */
struct segment_use {
	uint64_t backends[BACKENDS_MAX / 64];
	uint64_t upstreams[UPSTREAMS_MAX / 64];
};
static inline void
slot_mark(uint64_t *set, uint32_t slot)
{
	set[slot / 64] |= 1ull << slot % 64;
}
/*
 * Master: gives back the slots that are not among these; how many. No process
 * may know them any more: at an upgrade there may be some whose configuration
 * we do not have, and until they have ended this is not called.
 */
uint32_t segment_keep(const struct segment_use *use);
/* Any process. A slot that the master has given out, however lately. */
struct backend_slot *segment_backend_slot(uint32_t slot);
struct backend_words *segment_backend_words(uint32_t slot);
struct record *segment_check_record(uint32_t slot);
struct record *segment_place_record(uint32_t slot);
/* The monitor: says what the last check found. */
void segment_tell_check(uint32_t slot, const struct check_record *r);
struct upstream_slot *segment_upstream_slot(uint32_t slot);

/* The stripe of process `process` that holds backend slot `backend`. */
struct stripe *segment_stripe(uint32_t process, uint32_t backend);
struct upstream_stripe *segment_upstream_stripe(uint32_t process);

/*
 * Master: a worker's slot, the lowest that nobody has; -1 (ENOSPC) if there is
 * none. Who has one is the master's private knowledge: after segment_attach
 * none is taken, and each worker's that lives on must be held. A slot is given
 * back when its process has ended and none will follow; its counters stay.
 */
int segment_take_process(void);
void segment_hold_process(uint32_t slot);
void segment_give_process(uint32_t slot);

/*
 * Sums over all processes, dead ones' counters included. A process counts
 * from its first SLOT_STARTING on; its slot must not go back to SLOT_FREE.
 */
uint64_t segment_in_flight(uint32_t backend);
uint64_t segment_idle(uint32_t backend);
uint64_t segment_requests(uint32_t backend);
uint64_t segment_failures(uint32_t backend);
void segment_latency(uint32_t backend, uint64_t out[LATENCY_CLASSES]);
/* Whether a process counts, or has. Pages of others do not exist yet. */
bool segment_has_counts(uint32_t process);
/*
 * What limits are kept by (rule 4): whoever has added to its own word and
 * then finds the sum too large takes its part back. Both are sequentially
 * consistent, so of two that race one at least sees the other.
 */
uint64_t segment_open(uint32_t backend);
uint64_t segment_trials(uint32_t backend);
uint64_t segment_waiting(uint32_t upstream);
uint64_t segment_upstream_open(uint32_t upstream);
uint64_t segment_first_requests(uint32_t upstream);	/* relaxed */
/* Adds to the own stripe's word, before a sum as above. */
#define shm_claim(word, n)						\
	do {								\
		SEGMENT_HOOK();						\
		atomic_store_explicit((word), shm_get(word) + (n),	\
		    memory_order_seq_cst);				\
	} while (0)
/* The same for `n` backends from `first` on, into out[n]. */
void segment_sum_in_flight(uint32_t first, uint32_t n, uint32_t *out);

/* Master, when a process has died: its gauges become 0, `connections` too. */
void segment_clear_gauges(uint32_t process);

struct process_slot *segment_process(uint32_t process);

/*
 * Two-copy records. One writer. `len` is always what record_make was given:
 * the place of the halves is computed from it, so a scribbled half_size only
 * makes both calls do nothing. A reader copies what is current and looks
 * again, twice at most; false: keep your last copy. Never blocks.
 */
uint64_t record_make(uint32_t len);	/* master; offset or 0 */
/* Of RECORD_BYTES(len) zeroes, or once more; until then it reads as zeroes. */
void record_init(struct record *r, uint32_t len);
void record_write(struct record *r, const void *data, uint32_t len);
bool record_read(const struct record *r, void *data, uint32_t len);

/*
 * Every plain store to the segment goes through these, so that the unit test
 * can end a writer at each of them (SEGMENT_STORE_HOOK).
 */
extern void (*segment_store_hook)(void);
#ifdef SEGMENT_STORE_HOOK
#define SEGMENT_HOOK()							\
	do {								\
		if (segment_store_hook != NULL)				\
			segment_store_hook();				\
	} while (0)
#else
#define SEGMENT_HOOK() ((void)0)
#endif
/* relaxed store by the word's one writer */
#define shm_set(word, value)						\
	do {								\
		SEGMENT_HOOK();						\
		atomic_store_explicit((word), (value),			\
		    memory_order_relaxed);				\
	} while (0)
/* Memory that is zero already, and perhaps not there yet, is left alone. */
#define shm_clear(word)							\
	do {								\
		if (shm_get(word) != 0)					\
			shm_set((word), 0);				\
	} while (0)
#define shm_get(word) atomic_load_explicit((word), memory_order_relaxed)
/* one writer adds: load and store, no locked instruction */
#define shm_add(word, n) shm_set((word), shm_get(word) + (n))
/* publishes: everything stored before is seen by who sees this */
#define shm_publish(word, value)					\
	do {								\
		SEGMENT_HOOK();						\
		atomic_store_explicit((word), (value),			\
		    memory_order_release);				\
	} while (0)

/* Slots below this may have workers, or have had. */
static inline uint32_t
segment_slots(void)
{
	uint32_t n = shm_get(&segment.header->slots_seen);

	return n < SEGMENT_SLOTS ? n : SEGMENT_SLOTS;
}
/* Of all processes the first, and the one behind `process`. */
static inline uint32_t
segment_next(uint32_t process)
{
	return process + 1 == segment_slots() ? SEGMENT_MONITOR : process + 1;
}
