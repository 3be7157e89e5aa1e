/* src/upstream/table.c -- weighted round robin over a shared cursor */
#include <stdlib.h>

#include "core/memory.h"
#include "core/random.h"
#include "upstream/internal.h"

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

static bool
can_serve(const struct backend *b)
{
	return b->weight > 0 && b->address.len > 0;
}

void
table_build(struct upstream *u, bool has_equal_weights)
{
	free(u->prefix);
	free(u->members);
	u->prefix = xcalloc(u->n_backends + 1, sizeof(*u->prefix));
	u->members = xcalloc(u->n_backends + 1, sizeof(*u->members));
	u->n_rows = 0;
	u->sum = 0;
	for (uint32_t i = 0; i < u->n_backends; i++) {
		const struct backend *b = &u->backends[i];

		if (!can_serve(b))
			continue;
		u->sum += has_equal_weights ? 1 : b->weight;
		u->members[u->n_rows] = i;
		u->prefix[u->n_rows++] = (uint32_t)u->sum;
	}
	u->step = step_for(u->sum);
}

/* The first row whose prefix sum is above `position`. */
static uint32_t
row_at(const struct upstream *u, uint32_t position)
{
	const uint32_t *base = u->prefix;
	uint32_t n = u->n_rows, half;

	while (n > 1) {
		half = n / 2;
		base += base[half - 1] <= position ? half : 0;
		n -= half;
	}
	return (uint32_t)(base - u->prefix);
}

static bool
was_tried(const struct backend *b, struct backend *const *tried, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (tried[i] == b)
			return true;
	return false;
}

static uint32_t
next_turn(struct upstream *u)
{
	uint64_t turn = atomic_fetch_add_explicit(u->cursor, 1,
	    memory_order_relaxed);

	return (uint32_t)((turn % u->sum) * u->step % u->sum);
}

static uint32_t
any_row(const struct upstream *u)
{
	return row_at(u, (uint32_t)random_below(u->sum));
}

static struct backend *
backend_at(const struct upstream *u, uint32_t row)
{
	return &u->backends[u->members[row]];
}

static bool
can_take(const struct backend *b, struct backend *const *tried, unsigned n,
    bool also_out)
{
	return !was_tried(b, tried, n) && (also_out || !backend_is_out(b));
}

#define DRAWS 8

/*
 * Instead of one that cannot take it: drawn by weight, so that not its
 * neighbour gets its whole share; if luck fails the first from there on.
 */
static struct backend *
pick_other(const struct upstream *u, struct backend *const *tried,
    unsigned n_tried, bool also_out)
{
	uint32_t row = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		row = any_row(u);
		if (can_take(backend_at(u, row), tried, n_tried, also_out))
			return backend_at(u, row);
	}
	for (uint32_t i = 0; i < u->n_rows; i++) {
		struct backend *b = backend_at(u, (row + i) % u->n_rows);

		if (can_take(b, tried, n_tried, also_out))
			return b;
	}
	return NULL;
}

/*
 * Another try takes no turn: with one of two backends dead, tries that did
 * would send every first attempt to the dead one.
 */
struct backend *
upstream_pick(struct upstream *u, struct backend *const *tried,
    unsigned n_tried)
{
	bool knows_failures = shm_get(u->has_failures) != 0;
	struct backend *b;

	if (u->n_rows == 0)
		return NULL;
	b = backend_at(u, n_tried > 0 || u->strategy_id == STRATEGY_RANDOM ?
	    any_row(u) : row_at(u, next_turn(u)));
	if (likely(can_take(b, tried, n_tried, !knows_failures)))
		return b;
	b = knows_failures ? pick_other(u, tried, n_tried, false) : NULL;
	/* All are left out: then none is. */
	return b != NULL ? b : pick_other(u, tried, n_tried, true);
}
