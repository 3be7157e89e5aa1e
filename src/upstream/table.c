/* src/upstream/table.c -- who may serve, and by what weight */
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "upstream/internal.h"
#include "upstream/standing.h"
#include "upstream/strategy.h"

/*
 * Position = cursor * step mod sum, looked up in the prefix sums.
 * With step coprime to sum, any `sum` consecutive cursors meet every position
 * once: the shares are exact whoever advances the cursor (semantics.md (a)).
 */

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	uint64_t rest;

	while (b != 0) {
		rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* The coprime nearest to sum / phi, so that turns are evenly spread. */
static uint64_t
step_for(uint64_t sum)
{
	uint64_t near = (uint64_t)((double)sum * 0.6180339887498949);

	for (uint64_t d = 0; d <= sum; d++) {
		if (near + d > 0 && gcd(near + d, sum) == 1)
			return near + d;
		if (near > d && gcd(near - d, sum) == 1)
			return near - d;
	}
	return 1;
}

/* ---- who is in it */

/* What a table is made from; index by backend. */
struct picture {
	struct standing *standings;
	uint64_t next_ms;	/* when it changes by itself; 0: it does not */
	uint32_t n_ready;	/* primaries that an operator lets serve */
	uint32_t n_well[2];	/* of them, and of the backups */
};

/* May it serve when what was seen of it does not count? */
static bool
is_let_serve(const struct standing *s)
{
	return s->state != BACKEND_UNRESOLVED && s->weight > 0 &&
	    s->state != BACKEND_MAINTENANCE && s->state != BACKEND_DRAIN;
}

static void
note_time(struct picture *p, uint64_t at_ms)
{
	if (at_ms != 0 && (p->next_ms == 0 || at_ms < p->next_ms))
		p->next_ms = at_ms;
}

static void
take_picture(struct picture *p, struct upstream *u)
{
	bool has_moved = false;

	*p = (struct picture){ .standings = u->standings };
	for (uint32_t i = 0; i < u->n_backends; i++) {
		struct standing *s = &p->standings[i];

		has_moved |= backend_locate(&u->backends[i]);
		standing_read(s, u->backends[i].conf);
		note_time(p, s->until_ms);
		p->n_ready += !s->is_backup && is_let_serve(s);
		p->n_well[s->is_backup] += standing_is_eligible(s);
	}
	if (has_moved)
		strategy_moved(u);
}

/*
 * Which of them: primaries that are well; if none is, backups that are; if
 * too few of all are well, what was seen may be our own trouble, and all
 * primaries serve (semantics.md (f) and (h)).
 */
enum tier {
	TIER_PRIMARIES,
	TIER_BACKUPS,
	TIER_ALL,
};

static enum tier
choose_tier(const struct picture *p, const struct upstream *u)
{
	uint64_t share = p->n_ready == 0 ? 10000 :
	    p->n_well[0] * 10000ull / p->n_ready;

	if (p->n_well[0] > 0 && share >= u->conf->fail_open)
		return TIER_PRIMARIES;
	if (p->n_well[0] == 0 && p->n_well[1] > 0)
		return TIER_BACKUPS;
	return u->conf->fail_open > 0 && p->n_ready > 0 ? TIER_ALL :
	    TIER_PRIMARIES;
}

static bool
is_in_tier(const struct standing *s, enum tier tier)
{
	if (s->is_backup != (tier == TIER_BACKUPS))
		return false;
	return tier == TIER_ALL ? is_let_serve(s) : standing_is_eligible(s);
}

/* ---- making it */

#define RAMP_STEPS	50	/* tables over the time of slow_start */

static uint32_t
weight_of(const struct upstream *u, const struct standing *s)
{
	return u->strategy_id == STRATEGY_ROUND_ROBIN ? 1 : s->weight;
}

/* Thousandths of a weight while one of them grows, but not if all do. */
static bool
has_ramps(const struct picture *p, const struct upstream *u, enum tier tier)
{
	uint32_t n = 0, n_ramps = 0;

	if (u->conf->slow_start_ms == 0 || tier == TIER_ALL)
		return false;
	for (uint32_t i = 0; i < u->n_backends; i++) {
		if (!is_in_tier(&p->standings[i], tier))
			continue;
		n++;
		n_ramps += standing_ramp(&p->standings[i], u->conf,
		    clock_now_ms) < 1000;
	}
	return n_ramps > 0 && n_ramps < n;
}

static void
add_row(struct upstream *u, uint32_t i, uint64_t weight)
{
	u->sum += weight;
	u->backends[i].row = u->n_rows;
	u->rows[u->n_rows] = (struct row){
		.gauge = u->backends[i].gauge, .ewma = u->backends[i].ewma,
		.member = i, .weight = (uint32_t)weight,
	};
	u->prefix[u->n_rows++] = (uint32_t)u->sum;
}

static void
fill(struct upstream *u, struct picture *p, enum tier tier)
{
	bool ramps = has_ramps(p, u, tier);

	u->n_rows = u->n_half_open = 0;
	u->sum = 0;
	for (uint32_t i = 0; i < u->n_backends; i++) {
		const struct standing *s = &p->standings[i];

		u->backends[i].row = NO_ROW;
		if (s->state == BACKEND_HALF_OPEN && (tier != TIER_PRIMARIES ||
		    !u->backends[i].conf->is_backup))
			u->half_open[u->n_half_open++] = i;
		if (is_in_tier(s, tier))
			add_row(u, i, (uint64_t)weight_of(u, s) * (ramps ?
			    standing_ramp(s, u->conf, clock_now_ms) : 1));
	}
	u->step = step_for(u->sum);
	u->needs_care = u->n_half_open > 0 || u->n_rows == 0 ||
	    u->has_limits;
	strategy_prepare(u);
	limit_prepare(u);
	if (ramps)
		note_time(p, clock_now_ms + 1 +
		    u->conf->slow_start_ms / RAMP_STEPS);
}

void
table_build(struct upstream *u)
{
	struct picture p;
	enum tier tier;

	/* What changes behind this line makes another table. */
	u->seen = atomic_load_explicit(u->eligibility, memory_order_acquire);
	take_picture(&p, u);
	tier = choose_tier(&p, u);
	u->fails_open = tier == TIER_ALL;
	fill(u, &p, tier);
	u->built_ms = clock_now_ms;
	if (p.next_ms != 0)
		loop_timer_set(&u->rebuild, p.next_ms);
}

static void
on_rebuild(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, rebuild);

	upstream_try_again(u);
	table_build(u);
}

/* Not inside a request, and not at every change of many. */
#define REBUILD_EVERY_MS	50

static COLD void
rebuild_soon(struct upstream *u)
{
	/* Nobody serves yet, as before the first answers of DNS: then the
	 * request that asks would be lost. */
	if (u->n_rows == 0) {
		table_build(u);
		return;
	}
	loop_timer_set(&u->rebuild, u->built_ms + REBUILD_EVERY_MS >
	    clock_now_ms ? u->built_ms + REBUILD_EVERY_MS : clock_now_ms);
}

void
table_init(struct upstream *u)
{
	u->prefix = xcalloc(u->n_backends + 1, sizeof(*u->prefix));
	u->rows = xcalloc(u->n_backends + 1, sizeof(*u->rows));
	u->half_open = xcalloc(u->n_backends + 1, sizeof(*u->half_open));
	u->standings = xcalloc(u->n_backends + 1, sizeof(*u->standings));
	timer_init(&u->rebuild, on_rebuild);
	table_build(u);
}

void
table_fini(struct upstream *u)
{
	loop_timer_fini(&u->rebuild);
	free(u->prefix);
	free(u->rows);
	free(u->half_open);
	free(u->standings);
}

/* ---- choosing from it */

static bool
was_tried(const struct backend *b, struct backend *const *tried, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (tried[i] == b)
			return true;
	return false;
}

bool
backend_can_take(const struct backend *b, struct pick *p, bool also_ill)
{
	struct standing s;

	if (was_tried(b, p->tried, p->n_tried))
		return false;
	standing_read(&s, b->conf);
	if (!(also_ill ? is_let_serve(&s) : standing_is_eligible(&s)))
		return false;
	if (likely(!b->upstream->has_limits) || limit_has_room(b))
		return true;
	p->is_full = true;
	return false;
}

#define DRAWS 8

/*
 * Instead of one that cannot take it: drawn by weight, so that not its
 * neighbour gets its whole share; if luck fails the first from there on.
 */
static COLD struct backend *
pick_other(const struct upstream *u, struct pick *p, bool also_ill)
{
	struct backend *b = NULL;
	uint32_t row;

	for (unsigned i = 0; i < DRAWS; i++) {
		b = strategy_draw(u);
		if (backend_can_take(b, p, also_ill))
			return b;
	}
	row = b->row;
	for (uint32_t i = 0; i < u->n_rows; i++) {
		b = &u->backends[u->rows[(row + i) % u->n_rows].member];
		if (backend_can_take(b, p, also_ill))
			return b;
	}
	return NULL;
}

/* First attempts only: another try shall not be a trial, too. */
static COLD struct backend *
pick_half_open(struct upstream *u, struct pick *p)
{
	for (uint32_t i = 0; p->n_tried == 0 && i < u->n_half_open; i++) {
		struct backend *b = &u->backends[u->half_open[i]];

		if (u->has_limits && !limit_has_room(b))
			continue;
		if (backend_claim_trial(b)) {
			p->is_trial = true;
			return b;
		}
	}
	return NULL;
}

/* One that may serve since the table was made. */
static COLD struct backend *
pick_outside(const struct upstream *u, struct pick *p)
{
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (backend_can_take(&u->backends[i], p, false))
			return &u->backends[i];
	return NULL;
}

static COLD struct backend *
pick_from_table(struct upstream *u, struct pick *p)
{
	struct backend *b = u->strategy->pick(u, p);

	return backend_can_take(b, p, u->fails_open) ? b :
	    pick_other(u, p, u->fails_open);
}

/*
 * Another try, or half-open backends, or limits, or the table is of a moment
 * ago: who is in it may have been left out since then.
 */
static COLD struct backend *
pick_with_care(struct upstream *u, struct pick *p)
{
	struct backend *b = NULL;

	if (shm_get(u->eligibility) != u->seen)
		rebuild_soon(u);
	if (u->n_rows > 0 && u->has_limits && limit_is_reached(u)) {
		p->is_full = true;
		return NULL;
	}
	if (u->n_half_open > 0 && (b = pick_half_open(u, p)) != NULL)
		return b;
	if (u->n_rows > 0)
		b = pick_from_table(u, p);
	/* Who is full is waited for, not passed by to a backup. */
	if (b == NULL && !p->is_full)
		b = pick_outside(u, p);
	/* All were left out since then: then none is. */
	if (b != NULL || u->conf->fail_open == 0 || u->n_rows == 0 ||
	    p->is_full)
		return b;
	return pick_other(u, p, true);
}

struct backend *
upstream_pick(struct upstream *u, struct pick *p)
{
	p->is_trial = p->is_full = false;
	p->is_careful = p->n_tried > 0 || u->needs_care ||
	    shm_get(u->eligibility) != u->seen;
	return likely(!p->is_careful) ? u->strategy->pick(u, p) :
	    pick_with_care(u, p);
}

bool
backend_has_place(const struct backend *b)
{
	const struct upstream *u = b->upstream;

	return likely(!u->has_limits) || u->conf->queue_size > 0 ||
	    limit_has_room(b);
}

bool
backend_can_serve(const struct backend *b)
{
	struct standing s;

	standing_read(&s, b->conf);
	return standing_is_eligible(&s) || s.state == BACKEND_DRAIN ||
	    (b->upstream->fails_open && is_let_serve(&s));
}
