/* src/upstream/streak.c -- rise, fall, and the interval that follows */
#include "upstream/streak.h"

#include "conf/conf.h"
#include "core/base.h"

void
streak_init(struct streak *s, const struct check_conf *c, enum health health)
{
	*s = (struct streak){ .health = health, .down_ms = c->down_ms };
}

static void
count(uint16_t *n)
{
	if (*n < UINT16_MAX)
		(*n)++;
}

static bool
change(struct streak *s, enum health health)
{
	s->health = health;
	return true;
}

static bool
add_good(struct streak *s, const struct check_conf *c)
{
	s->n_bad = 0;
	s->down_ms = c->down_ms;
	count(&s->n_good);
	if (s->health == HEALTH_UP)
		return false;
	return s->health == HEALTH_UNKNOWN || s->n_good >= c->rise ?
	    change(s, HEALTH_UP) : false;
}

static void
wait_longer(struct streak *s)
{
	if (s->down_ms < CHECK_DOWN_MOST_MS)
		s->down_ms = s->down_ms * 2 < CHECK_DOWN_MOST_MS ?
		    s->down_ms * 2 : CHECK_DOWN_MOST_MS;
}

static bool
add_bad(struct streak *s, const struct check_conf *c)
{
	bool was_good = s->n_good > 0;

	s->n_good = 0;
	count(&s->n_bad);
	if (s->health == HEALTH_DOWN) {
		if (!was_good)
			wait_longer(s);
		return false;
	}
	return s->n_bad >= c->fall ? change(s, HEALTH_DOWN) : false;
}

bool
streak_add(struct streak *s, const struct check_conf *c, bool is_good)
{
	return is_good ? add_good(s, c) : add_bad(s, c);
}

/* Fast while it is open what comes of it. */
uint32_t
streak_interval(const struct streak *s, const struct check_conf *c)
{
	bool is_settled = s->health == HEALTH_UP ? s->n_bad == 0 :
	    s->health == HEALTH_DOWN && s->n_good == 0;

	if (!is_settled)
		return c->fast_ms < c->interval_ms ? c->fast_ms :
		    c->interval_ms;
	return s->health == HEALTH_UP ? c->interval_ms : s->down_ms;
}

uint32_t
spread_interval(uint32_t ms, uint32_t share, uint64_t random)
{
	uint64_t most = (uint64_t)ms * share / 10000;

	return (uint32_t)(ms - most + random % (2 * most + 1));
}
