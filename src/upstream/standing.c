/* src/upstream/standing.c -- what a backend may do now, from three layers */
#include "upstream/standing.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "shm/location.h"
#include "shm/segment.h"
#include "upstream/breaker.h"
#include "upstream/health.h"

const char *
backend_state_word(enum backend_state state)
{
	static const char *const words[] = {
#define X(id, word) [BACKEND_##id] = word,
		BACKEND_STATES(X)
#undef X
	};

	return words[state];
}

void
backend_print_name(const struct backend_conf *b, char name[IDENTITY_MAX])
{
	bool is_v6 = strchr(b->host, ':') != NULL;

	if (b->is_srv)
		(void)snprintf(name, IDENTITY_MAX, "%s", b->host);
	else
		(void)snprintf(name, IDENTITY_MAX, is_v6 ? "[%s]:%u" :
		    "%s:%u", b->host, b->port);
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void
set(struct standing *s, enum backend_state state, uint64_t since_ms)
{
	s->state = state;
	s->since_ms = since_ms;
}

/* The monitor checks it; nothing has come of that yet. */
static bool
is_unchecked(struct health_word h)
{
	return h.health == HEALTH_UNKNOWN && h.since_ms != 0;
}

/* What was seen of it, the worst first. */
static void
read_seen(struct standing *s, struct health_word h, const struct breaker *b)
{
	if (h.health == HEALTH_DOWN)
		set(s, BACKEND_DOWN, h.since_ms);
	else if (b->state == BREAKER_OPEN)
		set(s, BACKEND_EJECTED, 0);
	else if (b->state == BREAKER_HALF_OPEN)
		set(s, BACKEND_HALF_OPEN, b->at_ms);
	else
		set(s, is_unchecked(h) ? BACKEND_CHECKING : BACKEND_UP,
		    later(h.since_ms, b->at_ms));
	if (s->state == BACKEND_EJECTED)
		s->until_ms = b->at_ms;
	if (s->state == BACKEND_UP)
		s->ramp_ms = later(h.is_recovered ? h.since_ms : 0, b->at_ms);
}

/* A seat of a name; a weight of 0 in the file drains all of them. */
static void
read_location(struct standing *s, const struct backend_conf *b)
{
	struct location l;

	if (!location_read(b->slot, &l) || l.address.len == 0) {
		set(s, BACKEND_UNRESOLVED, 0);
		return;
	}
	if (l.weight > 0 && b->weight > 0)
		s->weight = l.weight;
	s->is_backup |= l.priority > 0;
}

void
standing_read(struct standing *s, const struct backend_conf *b)
{
	const struct backend_words *words = segment_backend_words(b->slot);
	struct admin_word admin = admin_unpack(shm_get(&words->admin));
	struct health_word health = health_unpack(shm_get(&words->health));
	struct breaker breaker = breaker_unpack(shm_get(&words->breaker));

	*s = (struct standing){
		.weight = b->weight, .is_backup = b->is_backup,
	};
	read_seen(s, health, &breaker);
	if (b->address.len == 0)
		read_location(s, b);
	if (s->state == BACKEND_UNRESOLVED)
		return;
	if (admin.has_weight)
		s->weight = admin.weight;
	if (admin.state == ADMIN_DRAIN || s->weight == 0)
		set(s, BACKEND_DRAIN, admin.since_ms);
	if (admin.state == ADMIN_MAINTENANCE)
		set(s, BACKEND_MAINTENANCE, admin.since_ms);
}

bool
standing_is_eligible(const struct standing *s)
{
	return s->state == BACKEND_UP || s->state == BACKEND_CHECKING;
}

#define RAMP_LEAST	100	/* thousandths */
#define RAMP_WHOLE	1000

uint32_t
standing_ramp(const struct standing *s, const struct upstream_conf *u,
    uint64_t now_ms)
{
	uint64_t age_ms = now_ms - s->ramp_ms, part;

	if (s->ramp_ms == 0 || age_ms >= u->slow_start_ms)
		return RAMP_WHOLE;
	part = age_ms * RAMP_WHOLE / u->slow_start_ms;
	return part < RAMP_LEAST ? RAMP_LEAST : (uint32_t)part;
}
