/* src/upstream/breaker.c -- when a backend is left out, and how it returns */
#include "upstream/breaker.h"

#include "core/random.h"
#include "shm/segment.h"

/* at_ms 40 bits, trips 8, state 2, then two counts of 7. */
#define RUN_BITS	7
#define RUN_MOST	((1u << RUN_BITS) - 1)
#define STATE_SHIFT	(2 * RUN_BITS)
#define TRIPS_SHIFT	(STATE_SHIFT + 2)
#define AT_SHIFT	(TRIPS_SHIFT + 8)
#define TRIPS_MOST	30u	/* doublings: more would not fit, nor matter */

struct breaker
breaker_unpack(uint64_t word)
{
	unsigned first = word & RUN_MOST;
	struct breaker b = {
		.state = (enum breaker_state)(word >> STATE_SHIFT & 3),
		.at_ms = word >> AT_SHIFT,
		.trips = word >> TRIPS_SHIFT & 255,
	};

	if (b.state == BREAKER_CLOSED) {
		b.local = first;
		b.gateway = word >> RUN_BITS & RUN_MOST;
	} else {
		b.passed = first;
	}
	return b;
}

uint64_t
breaker_pack(const struct breaker *b)
{
	uint64_t runs = b->state == BREAKER_CLOSED ?
	    (uint64_t)b->gateway << RUN_BITS | b->local : b->passed;

	return b->at_ms << AT_SHIFT | (uint64_t)b->trips << TRIPS_SHIFT |
	    (uint64_t)b->state << STATE_SHIFT | runs;
}

/* Doubled with each trip behind the first. */
static uint64_t
open_for(const struct breaker_conf *conf, unsigned trips)
{
	uint64_t ms = (uint64_t)conf->open_ms <<
	    (trips < 1 ? 0 : trips - 1 < TRIPS_MOST ? trips - 1 : TRIPS_MOST);

	return ms < conf->open_most_ms ? ms : conf->open_most_ms;
}

/* A tenth more or less, so that not all return at once. */
static uint64_t
jittered(uint64_t ms)
{
	return ms - ms / 10 + random_below(ms / 5 + 1);
}

/* What stayed closed as long as it had been open is forgiven one trip. */
static void
forgive(struct breaker *b, const struct breaker_conf *conf, uint64_t now_ms)
{
	uint64_t closed_ms = now_ms - b->at_ms;

	while (b->trips > 0 && closed_ms >= open_for(conf, b->trips)) {
		closed_ms -= open_for(conf, b->trips);
		b->trips--;
	}
}

static void
open_it(struct breaker *b, const struct breaker_conf *conf, uint64_t now_ms)
{
	if (b->trips < 255)
		b->trips++;
	b->state = BREAKER_OPEN;
	b->at_ms = now_ms + jittered(open_for(conf, b->trips));
	b->passed = 0;
}

bool
breaker_trip(struct breaker *b, const struct breaker_conf *conf,
    uint64_t now_ms)
{
	if (b->state != BREAKER_CLOSED)
		return false;
	forgive(b, conf, now_ms);
	open_it(b, conf, now_ms);
	return true;
}

bool
breaker_fail(struct breaker *b, const struct breaker_conf *conf,
    enum failure kind, bool is_trial, uint64_t now_ms)
{
	unsigned *run = kind == FAILURE_LOCAL ? &b->local : &b->gateway;

	if (b->state == BREAKER_HALF_OPEN && is_trial) {
		open_it(b, conf, now_ms);
		return true;
	}
	if (b->state != BREAKER_CLOSED)
		return false;	/* of before it opened */
	if (*run < RUN_MOST)
		(*run)++;
	if (kind == FAILURE_GATEWAY)
		b->local = 0;
	return conf->failures > 0 && *run >= conf->failures &&
	    breaker_trip(b, conf, now_ms);
}

bool
breaker_pass(struct breaker *b, const struct breaker_conf *conf,
    bool is_trial, uint64_t now_ms)
{
	if (b->state == BREAKER_CLOSED)
		b->local = b->gateway = 0;
	if (b->state != BREAKER_HALF_OPEN || !is_trial)
		return false;
	if (++b->passed < conf->successes)
		return false;
	b->state = BREAKER_CLOSED;
	b->at_ms = now_ms;
	b->local = b->gateway = 0;
	return true;
}

bool
breaker_try(struct breaker *b, uint64_t now_ms)
{
	if (b->state != BREAKER_OPEN || b->at_ms > now_ms)
		return false;
	b->state = BREAKER_HALF_OPEN;
	b->at_ms = now_ms;
	b->passed = 0;
	return true;
}

/* ---- the share of failures */

/* When it began in 10 ms, 24 bits; requests 22 bits; failures 18. */
#define TICK_MS		10
#define TICK_MASK	((1u << 24) - 1)
#define REQUESTS_MASK	((1u << 22) - 1)
#define FAILURES_MASK	((1u << 18) - 1)

static uint64_t
window_pack(struct counts c, uint64_t now_ms)
{
	return (now_ms / TICK_MS & TICK_MASK) << 40 |
	    (c.requests & REQUESTS_MASK) << 18 | (c.failures & FAILURES_MASK);
}

static bool
is_over(uint64_t word, const struct breaker_conf *conf, uint64_t now_ms)
{
	return word == 0 || ((now_ms / TICK_MS - (word >> 40)) & TICK_MASK) *
	    TICK_MS >= conf->window_ms;
}

bool
window_is_over_ratio(uint64_t *word, const struct breaker_conf *conf,
    struct counts *c, uint64_t now_ms)
{
	if (is_over(*word, conf, now_ms)) {
		/* The failure that is counted already belongs to it. */
		c->requests--;
		c->failures--;
		*word = window_pack(*c, now_ms);
		*c = (struct counts){ 1, 1 };
		return false;
	}
	c->requests = (c->requests - (*word >> 18)) & REQUESTS_MASK;
	c->failures = (c->failures - *word) & FAILURES_MASK;
	return conf->ratio > 0 && c->requests >= conf->requests &&
	    c->failures * 10000 >= c->requests * conf->ratio;
}

void
breaker_reset(uint32_t slot)
{
	atomic_store_explicit(&segment_backend_words(slot)->breaker, 0,
	    memory_order_relaxed);
}
