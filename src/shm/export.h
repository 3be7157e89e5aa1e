/* src/shm/export.h -- what a segment hands on to one of another layout */
#pragma once
#include <stdint.h>

/*
 * A binary that is upgraded to another SEGMENT_LAYOUT cannot use the segment
 * that it finds. So the old master writes what must survive to a file (a memfd
 * that stays open over the exec), and the new one reads what it knows of it
 * into a fresh segment. Both are the same machine in the same boot: numbers
 * are as the machine has them, times are CLOCK_MONOTONIC.
 *
 * The file is EXPORT_MAGIC, then records {tag, len, len bytes}, the last
 * EXPORT_END. What belongs to a name follows the record with the name.
 * Records may grow at their end: who knows less takes the beginning, who
 * knows more finds zeroes. A record or a word that changes its meaning gets
 * another tag; unknown ones are skipped.
 *
 * Not handed on: gauges, for what old workers have under way counts in their
 * own segment, and which slots are in use, which is the configuration's to say.
 */
#define EXPORT_MAGIC		0x316f742d64616c66ull	/* "flad-to1" */
#define EXPORT_RECORD_MOST	8192	/* bytes behind tag and len */
#define EXPORT_FILE_MOST	(1l << 30)

struct export_frame {
	uint32_t tag;		/* enum export_tag */
	uint32_t len;
};

enum export_tag {
	EXPORT_END,		/* uint64_t: hash of all before this record */
	EXPORT_SEGMENT,		/* struct export_segment */
	EXPORT_PROCESS,		/* struct export_process */
	EXPORT_UPSTREAM,	/* uint64_t: hash of the name, then the name */
	EXPORT_UPSTREAM_WORDS,	/* struct export_upstream_words */
	EXPORT_UPSTREAM_COUNTS,	/* struct export_upstream_counts */
	EXPORT_BACKEND,		/* uint64_t: hash of the identity, then it */
	EXPORT_WORDS,		/* struct export_words */
	EXPORT_CHECK,		/* struct check_record */
	EXPORT_PLACE,		/* struct place_record */
	EXPORT_COUNTS,		/* struct export_counts */
	EXPORT_LATENCY,		/* struct export_latency: a class a record */
};

struct export_segment {
	uint64_t started_ms;
	uint64_t started_wall_ms;
};

/* Counters of a process slot. */
struct export_process {
	uint64_t process;
	uint64_t accepted, requests, log_dropped;
};

struct export_upstream_words {
	uint64_t cursor, budget;
};

struct export_upstream_counts {
	uint64_t process;
	uint64_t requests;
};

struct export_words {
	uint64_t breaker, window, health, admin;
};

struct export_counts {
	uint64_t process;
	uint64_t requests, failures, ewma;
};

struct export_latency {
	uint32_t process;
	uint32_t class;
	uint64_t count;
};

/*
 * Master: into `fd`, a file that can be read again, from its beginning; what
 * was in it is gone. 0, or -1 with errno. `fd` stays the caller's.
 */
int segment_export(int fd);
/*
 * Master, with a fresh segment before anything is registered or forked: -1
 * with errno (EPROTO) and nothing done if the file is not whole. Each name in
 * it then has a slot: when the configuration is registered too, segment_keep()
 * gives back what it does not have.
 */
int segment_import(int fd);
