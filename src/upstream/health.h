/* src/upstream/health.h -- words about a backend in the shared segment */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * backend_slot.health: what active checks say. Written by the monitor alone;
 * it adds 1 to upstream_slot.eligibility behind each change of what a worker
 * goes by (`health` and `is_recovered`).
 */
enum health {
	HEALTH_UNKNOWN,		/* no check has ended yet: it serves; with a
				 * `since_ms` it is checked at all */
	HEALTH_UP,
	HEALTH_DOWN,
};

struct health_word {
	enum health health;
	bool is_recovered;	/* up again: its share grows (slow start) */
	uint8_t cause;		/* enum check_result (upstream/verdict.h) */
	uint64_t since_ms;	/* CLOCK_MONOTONIC */
};

static inline uint64_t
health_pack(struct health_word h)
{
	return h.since_ms << 8 | (uint64_t)(h.cause & 31) << 3 |
	    (uint64_t)h.is_recovered << 2 | h.health;
}

static inline struct health_word
health_unpack(uint64_t word)
{
	return (struct health_word){
		.health = (word & 3) > HEALTH_DOWN ? HEALTH_UNKNOWN :
		    (enum health)(word & 3),
		.is_recovered = (word >> 2 & 1) != 0,
		.cause = word >> 3 & 31,
		.since_ms = word >> 8,
	};
}

/*
 * backend_slot.admin: what an operator has asked for at run time. Written by
 * the monitor alone, with the same addition. 0: as the file says.
 */
enum admin_state {
	ADMIN_READY,
	ADMIN_DRAIN,		/* no new clients; sticky ones are served */
	ADMIN_MAINTENANCE,	/* nobody is */
};

struct admin_word {
	enum admin_state state;
	bool has_weight;
	uint16_t weight;	/* in place of the configured one */
	uint64_t since_ms;
};

static inline uint64_t
admin_pack(struct admin_word a)
{
	return a.since_ms << 24 | (uint64_t)a.weight << 8 |
	    (uint64_t)a.has_weight << 2 | a.state;
}

static inline struct admin_word
admin_unpack(uint64_t word)
{
	return (struct admin_word){
		.state = (word & 3) > ADMIN_MAINTENANCE ? ADMIN_READY :
		    (enum admin_state)(word & 3),
		.has_weight = (word >> 2 & 1) != 0,
		.weight = (uint16_t)(word >> 8),
		.since_ms = word >> 24,
	};
}
