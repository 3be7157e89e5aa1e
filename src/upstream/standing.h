/* src/upstream/standing.h -- what a backend may do now, from three layers */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

struct backend_conf;
struct upstream_conf;

/* The words of the admin interface (interfaces.md, Admin). */
#define BACKEND_STATES(X)						\
	X(UP,		"up")						\
	X(CHECKING,	"checking")	/* serves; no check has ended */	\
	X(HALF_OPEN,	"half_open")	/* serves trials */		\
	X(DRAIN,	"drain")	/* serves sticky clients */	\
	X(EJECTED,	"ejected")					\
	X(DOWN,		"down")						\
	X(MAINTENANCE,	"maintenance")					\
	X(UNRESOLVED,	"unresolved")

enum backend_state {
#define X(id, word) BACKEND_##id,
	BACKEND_STATES(X)
#undef X
	BACKEND_STATES_COUNT
};
const char *backend_state_word(enum backend_state state);

/*
 * A backend as it stands: the configuration, what an operator has asked for
 * at run time (backend_slot.admin), what was seen of it (.health, .breaker).
 */
struct standing {
	enum backend_state state;
	uint32_t weight;	/* configured, of DNS, or the operator's */
	bool is_backup;		/* configured, or by its priority in DNS */
	uint64_t since_ms;	/* of the state; 0: from the start */
	/* Since when its share grows (slow start); 0: it has all of it. */
	uint64_t ramp_ms;
	uint64_t until_ms;	/* ejected: when it is tried again */
};

/* "host:port", or the name that it is given: what the operator calls it. Of
 * a name that has several addresses it is all of them (upstream/address.h). */
void backend_print_name(const struct backend_conf *b, char name[IDENTITY_MAX]);

/* Of the slot that `b` has been given; any process. */
void standing_read(struct standing *s, const struct backend_conf *b);
/* New clients may come. */
bool standing_is_eligible(const struct standing *s);

/*
 * The share that it has of `weight` in thousandths: those that return begin
 * with a tenth and have all behind u->slow_start_ms (semantics.md (g)).
 */
uint32_t standing_ramp(const struct standing *s,
    const struct upstream_conf *u, uint64_t now_ms);
