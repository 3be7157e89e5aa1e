/* src/upstream/strategy.c -- choosing a backend from an upstream's table */
#include "upstream/strategy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"
#include "upstream/ewma.h"
#include "upstream/internal.h"
#include "upstream/load.h"
#include "upstream/maglev.h"

/* ---- rows */

/* The first row whose prefix sum is above `position`. */
static inline uint32_t
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

static inline struct backend *
backend_at(const struct upstream *u, uint32_t row)
{
	return &u->backends[u->rows[row].member];
}

/* Over a cycle of `sum` turns each position comes once, whoever takes them. */
static inline uint32_t
next_turn(struct upstream *u)
{
	uint64_t turn = atomic_fetch_add_explicit(u->cursor, 1,
	    memory_order_relaxed);

	return (uint32_t)((turn % u->sum) * u->step % u->sum);
}

struct backend *
strategy_draw(const struct upstream *u)
{
	return backend_at(u, row_at(u, (uint32_t)random_below(u->sum)));
}

/*
 * Draws in constant time and without a branch (Walker, Vose): a row is drawn
 * evenly, then kept with its own chance, or left for the one row that has too
 * much for its place. `bits` choose the row, what is left of them the chance.
 */
static inline uint32_t
draw_by_bits(const struct upstream *u, uint32_t bits)
{
	uint64_t at = (uint64_t)bits * u->n_rows;
	const struct row *r = &u->rows[at >> 32];
	uint32_t is_left = (uint32_t)at > r->threshold;

	return (uint32_t)(at >> 32) * (1 - is_left) + r->alias * is_left;
}

/* With more bits, for whom only shares count. */
static inline uint32_t
draw_exactly(const struct upstream *u)
{
	unsigned __int128 at = (unsigned __int128)random_u64() * u->n_rows;
	const struct row *r = &u->rows[(uint64_t)(at >> 64)];

	return (uint32_t)((uint64_t)at >> 32) > r->threshold ? r->alias :
	    (uint32_t)(r - u->rows);
}

/* Parts of a row's place that are its own: 2^32 of `sum`. */
static uint32_t
threshold_of(uint64_t parts, uint64_t sum)
{
	return parts >= sum ? UINT32_MAX :
	    (uint32_t)(((unsigned __int128)parts << 32) / sum);
}

/* `poor` have less than a place is worth, `rich` more: each of the first is
 * filled up by one of the second. */
static void
share_places(struct upstream *u, uint64_t *parts, uint32_t *poor,
    uint32_t n_poor, uint32_t *rich, uint32_t n_rich)
{
	while (n_poor > 0 && n_rich > 0) {
		uint32_t a = poor[--n_poor], b = rich[n_rich - 1];

		u->rows[a].threshold = threshold_of(parts[a], u->sum);
		u->rows[a].alias = b;
		parts[b] -= u->sum - parts[a];
		if (parts[b] < u->sum) {
			n_rich--;
			poor[n_poor++] = b;
		}
	}
}

static void
prepare_draws(struct upstream *u)
{
	uint32_t *poor, *rich, n_poor = 0, n_rich = 0;
	uint64_t *parts;

	parts = xcalloc(u->n_rows, sizeof(*parts));
	poor = xcalloc(u->n_rows, sizeof(*poor));
	rich = xcalloc(u->n_rows, sizeof(*rich));
	for (uint32_t i = 0; i < u->n_rows; i++) {
		u->rows[i].threshold = UINT32_MAX;
		u->rows[i].alias = i;
		parts[i] = (uint64_t)u->rows[i].weight * u->n_rows;
		if (parts[i] < u->sum)
			poor[n_poor++] = i;
		else
			rich[n_rich++] = i;
	}
	share_places(u, parts, poor, n_poor, rich, n_rich);
	free(parts);
	free(poor);
	free(rich);
}

/* ---- by weight alone */

static struct backend *
pick_turn(struct upstream *u, struct pick *p)
{
	/* Another try takes no turn: with one of two backends dead, tries that
	 * did would send every first attempt to the dead one. */
	if (unlikely(p->n_tried > 0))
		return strategy_draw(u);
	return backend_at(u, row_at(u, next_turn(u)));
}

static struct backend *
pick_random(struct upstream *u, struct pick *p UNUSED)
{
	return backend_at(u, draw_exactly(u));
}

/* Rows are in the order of the file. */
static struct backend *
pick_first(struct upstream *u, struct pick *p)
{
	uint32_t row = 0;

	while (unlikely(p->is_careful) && row < u->n_rows - 1 &&
	    !backend_can_take(backend_at(u, row), p, u->fails_open))
		row++;
	return backend_at(u, row);
}

/* ---- by what is in flight, for its weight */

struct choice {
	uint32_t row;
	uint32_t weight;
	uint64_t load;		/* with the one to come: a heavier idle wins */
};

static inline struct choice
choice_of(const struct upstream *u, uint32_t row)
{
	return (struct choice){
		.row = row,
		.weight = u->rows[row].weight,
		.load = (uint64_t)load_of(u->rows[row].gauge) + 1,
	};
}

/* < 0: `a` has less to do; by products, to be exact. */
static inline int
compare_loads(const struct choice *a, const struct choice *b)
{
	uint64_t x = a->load * b->weight, y = b->load * a->weight;

	return x < y ? -1 : x > y;
}

#define SCAN_MOST	32	/* above that a sample is looked at */
#define SAMPLE		8

/*
 * What a scan of all rows needs, made with the table. Loads for weights are
 * compared as floats, four at once: what differs by less than they can tell
 * is a tie.
 */
struct scan {
	struct run runs[SCAN_MOST];
	uint32_t n_runs;
	float inverse[SCAN_MOST];	/* of the weight; beyond the rows none */
};

#define NEARLY	(1 + 5e-7f)

typedef float fours __attribute__((vector_size(16), aligned(4), may_alias));

static void
prepare_scan(struct upstream *u)
{
	struct run *r = NULL;

	if (u->scan == NULL)
		u->scan = xnew(struct scan);
	u->scan->n_runs = 0;
	for (uint32_t i = 0; i < SCAN_MOST; i++)
		u->scan->inverse[i] = INFINITY;
	for (uint32_t i = 0; i < u->n_rows; i++) {
		const char *gauge = u->rows[i].gauge;

		if (r == NULL || gauge != r->gauge + r->n * sizeof(uint32_t)) {
			r = &u->scan->runs[u->scan->n_runs++];
			*r = (struct run){ .gauge = gauge };
		}
		r->n++;
		u->scan->inverse[i] = 1 / (float)u->rows[i].weight;
	}
}

/* Loads for weights, and the least of them. */
static inline float
compare_all(const struct scan *s, const uint32_t *loads, uint32_t n,
    float *scores)
{
	fours least = { INFINITY, INFINITY, INFINITY, INFINITY };

	for (uint32_t i = 0; i < n; i += 4) {
		fours score = { (float)loads[i], (float)loads[i + 1],
		    (float)loads[i + 2], (float)loads[i + 3] };

		score = (score + 1) * *(const fours *)&s->inverse[i];
		*(fours *)&scores[i] = score;
		for (int k = 0; k < 4; k++)
			least[k] = score[k] < least[k] ? score[k] : least[k];
	}
	for (int k = 1; k < 4; k++)
		least[0] = least[k] < least[0] ? least[k] : least[0];
	return least[0];
}

/*
 * Equals take turns by weight. They change from pick to pick, so there is no
 * cycle: multiples of the golden ratio spread evenly over any sum.
 */
static struct backend *
take_turns(struct upstream *u, const uint32_t *ties, uint32_t n)
{
	uint64_t weight = 0, at;
	uint32_t i = 0;

	if (n == 1)
		return backend_at(u, ties[0]);
	for (uint32_t k = 0; k < n; k++)
		weight += u->rows[ties[k]].weight;
	at = atomic_fetch_add_explicit(u->cursor, 1, memory_order_relaxed) *
	    0x9e3779b97f4a7c15u >> 32;
	at = at * weight >> 32;
	while (i < n - 1 && at >= u->rows[ties[i]].weight)
		at -= u->rows[ties[i++]].weight;
	return backend_at(u, ties[i]);
}

static struct backend *
pick_of_all(struct upstream *u)
{
	uint32_t loads[SCAN_MOST], ties[SCAN_MOST], n = 0;
	float scores[SCAN_MOST], most;

	for (uint32_t i = u->n_rows; i % 4 != 0; i++)
		loads[i] = 0;
	load_of_runs(u->scan->runs, u->scan->n_runs, loads);
	most = compare_all(u->scan, loads, u->n_rows, scores) * NEARLY;
	for (uint32_t i = 0; i < u->n_rows; i++) {
		ties[n] = i;
		n += scores[i] <= most;
	}
	return take_turns(u, ties, n);
}

static struct backend *
pick_of_sample(struct upstream *u)
{
	struct choice best, c;
	uint64_t bits = 0;

	best = choice_of(u, draw_by_bits(u, (uint32_t)random_u64()));
	for (unsigned i = 1; i < SAMPLE; i++) {
		bits = i % 2 == 1 ? random_u64() : bits >> 32;
		c = choice_of(u, draw_by_bits(u, (uint32_t)bits));
		if (compare_loads(&c, &best) < 0)
			best = c;
	}
	return backend_at(u, best.row);
}

static struct backend *
pick_least_conn(struct upstream *u, struct pick *p UNUSED)
{
	load_view_update();
	return u->n_rows > SCAN_MOST ? pick_of_sample(u) : pick_of_all(u);
}

/* ---- the better one of two that are drawn by weight */

#define DRAWS	8

/* Two rows, distinct if there are two. */
static inline void
draw_pair(const struct upstream *u, uint32_t *a, uint32_t *b)
{
	uint64_t bits = random_u64();

	*a = draw_by_bits(u, (uint32_t)bits);
	*b = draw_by_bits(u, (uint32_t)(bits >> 32));
	for (unsigned i = 0; unlikely(*a == *b); i++) {
		if (i == DRAWS) {	/* one has nearly all weight */
			*b = (*a + 1) % u->n_rows;
			return;
		}
		*b = draw_by_bits(u, (uint32_t)random_u64());
	}
}

/* What it was chosen for here, this second: loads of short requests are
 * mostly equal. */
static inline uint32_t
recent_of(const struct backend *b)
{
	return b->recent_s == (uint32_t)(clock_now_ms >> 10) ? b->recent : 0;
}

static inline struct backend *
note_recent(struct backend *b)
{
	b->recent = recent_of(b) + 1;
	b->recent_s = (uint32_t)(clock_now_ms >> 10);
	return b;
}

static inline bool
is_used_less(const struct choice *a, const struct backend *ba,
    const struct choice *b, const struct backend *bb)
{
	uint64_t x = (uint64_t)recent_of(ba) * b->weight;
	uint64_t y = (uint64_t)recent_of(bb) * a->weight;

	return x != y ? x < y : (random_u64() & 1) != 0;
}

static struct backend *
pick_p2c(struct upstream *u, struct pick *p UNUSED)
{
	struct backend *ba, *bb;
	struct choice a, b;
	uint32_t row_a, row_b;
	int order;

	if (u->n_rows == 1)
		return backend_at(u, 0);
	load_view_update();
	draw_pair(u, &row_a, &row_b);
	a = choice_of(u, row_a);
	b = choice_of(u, row_b);
	ba = backend_at(u, row_a);
	bb = backend_at(u, row_b);
	order = compare_loads(&a, &b);
	if (order == 0)
		order = is_used_less(&a, ba, &b, bb) ? -1 : 1;
	return note_recent(order < 0 ? ba : bb);
}

/* ---- the same by the time that they take */

#define MEDIAN_OF	31	/* of more a sample, evenly taken */
#define MEDIAN_EVERY_MS	64

static int
compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What a newcomer is taken to need: as most others do. */
static COLD uint64_t
median_value(struct upstream *u)
{
	uint64_t values[MEDIAN_OF], value;
	uint32_t n = 0, step = (u->n_rows + MEDIAN_OF - 1) / MEDIAN_OF;

	if (clock_now_ms < u->median_until_ms)
		return u->median;
	for (uint32_t i = 0; i < u->n_rows; i += step) {
		value = ewma_value(shm_get(u->rows[i].ewma),
		    clock_now_ms);
		if (value > 0)
			values[n++] = value;
	}
	qsort(values, n, sizeof(*values), compare_values);
	u->median = n == 0 ? 1 : values[n / 2];
	u->median_until_ms = clock_now_ms + MEDIAN_EVERY_MS;
	return u->median;
}

static inline double
score_of(struct upstream *u, uint32_t row)
{
	const struct row *r = &u->rows[row];
	uint64_t value = ewma_value(shm_get(r->ewma), clock_now_ms);

	if (unlikely(value == 0))
		value = median_value(u);
	return (double)value * ((double)load_of(r->gauge) + 1) / r->weight;
}

static struct backend *
pick_peak_ewma(struct upstream *u, struct pick *p UNUSED)
{
	uint32_t a, b;

	if (u->n_rows == 1)
		return backend_at(u, 0);
	load_view_update();
	draw_pair(u, &a, &b);
	return backend_at(u, score_of(u, a) <= score_of(u, b) ? a : b);
}

/* ---- by a key */

/*
 * Primaries and backups have tables of their own, of all that are configured:
 * who is down keeps its entries, so only its keys go to others meanwhile.
 */
struct hashing {
	struct maglev of[2];	/* by is_backup; the second may not exist */
};

#define IDENTITY_SEED	0x666c6d61676c6576u
#define IDENTITY_ROOM	2048

/* What the file says of it, never where it stands there. */
static uint64_t
identity_of(const struct backend *b, const char *address)
{
	char text[IDENTITY_ROOM];
	int len = snprintf(text, sizeof(text), "%s|%s%s", b->upstream->name,
	    b->name, address);

	return hash_bytes(text, len < IDENTITY_ROOM ? (size_t)len :
	    IDENTITY_ROOM - 1, IDENTITY_SEED);
}

static int
compare_members(const void *a, const void *b)
{
	const struct maglev_member *x = *(struct maglev_member *const *)a;
	const struct maglev_member *y = *(struct maglev_member *const *)b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

/* A name that has several addresses: these tell them apart. */
static void
tell_apart(struct maglev_member *members, const struct upstream *u)
{
	struct maglev_member **sorted = xcalloc(u->n_backends + 1,
	    sizeof(struct maglev_member *));
	char address[ADDRESS_TEXT_MAX + 1] = "|";
	uint64_t last = 0;

	for (uint32_t i = 0; i < u->n_backends; i++)
		sorted[i] = &members[i];
	qsort(sorted, u->n_backends, sizeof(*sorted), compare_members);
	for (uint32_t i = 0; i < u->n_backends; i++) {
		const struct backend *b =
		    &u->backends[sorted[i] - members];
		bool is_same = i > 0 && sorted[i]->identity == last;

		last = sorted[i]->identity;
		if (!is_same && (i + 1 == u->n_backends ||
		    sorted[i + 1]->identity != last))
			continue;
		if (b->address.len > 0)
			address_print(&b->address, address + 1);
		sorted[i]->identity = identity_of(b, address);
	}
	free(sorted);
}

static bool
has_backups(const struct upstream *u)
{
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (u->backends[i].is_backup)
			return true;
	return false;
}

static void
build_table(struct maglev *m, const struct upstream *u, bool of_backups)
{
	struct maglev_member *members = xcalloc(u->n_backends + 1,
	    sizeof(*members));

	for (uint32_t i = 0; i < u->n_backends; i++) {
		const struct backend *b = &u->backends[i];

		/* A seat without an address may still be called after the
		 * one that it had, which another seat has now. */
		members[i].identity = b->address.len > 0 ?
		    identity_of(b, "") : i;
		members[i].weight = b->is_backup == of_backups &&
		    b->address.len > 0 ? b->weight : 0;
	}
	tell_apart(members, u);
	maglev_build(m, members, u->n_backends);
	free(members);
}

/* One more is not beyond `bound` (hundredths of one percent) of its share,
 * rounded up; somebody always has room. */
static bool
has_room(const struct upstream *u, const struct backend *b, uint64_t total)
{
	uint64_t part = (uint64_t)u->conf->hash.bounded_load * (total + 1) *
	    u->rows[b->row].weight;

	return load_of(b->gauge) < (part + u->sum * 10000 - 1) /
	    (u->sum * 10000);
}

static bool
may_serve(const struct upstream *u, const struct backend *b,
    struct pick *p)
{
	if (p->is_careful)
		return backend_can_take(b, p, u->fails_open);
	return b->row != NO_ROW;
}

static struct backend *
walk(const struct upstream *u, struct pick *p)
{
	const struct maglev *m =
	    &u->hashing->of[backend_at(u, 0)->is_backup];
	bool is_bounded = u->conf->hash.bounded_load > 0;
	uint64_t total = is_bounded ? load_of_upstream(u->conf->slot) : 0;

	for (uint32_t step = 0; step < MAGLEV_STEPS; step++) {
		uint32_t i = maglev_walk(m, p->key, step);
		struct backend *b = &u->backends[i];

		if (unlikely(i == MAGLEV_NONE))
			return NULL;
		if (may_serve(u, b, p) && (!is_bounded || b->row == NO_ROW ||
		    has_room(u, b, total)))
			return b;
	}
	return NULL;
}

/* Without a key, and for those who have no entry, it is by weight. */
static struct backend *
pick_hash(struct upstream *u, struct pick *p)
{
	struct backend *b = NULL;

	if (u->conf->hash.bounded_load > 0)
		load_view_update();
	if (likely(p->has_key))
		b = walk(u, p);
	return likely(b != NULL) ? b : pick_turn(u, p);
}

static bool
draws(const struct upstream *u)
{
	return u->strategy_id == STRATEGY_RANDOM ||
	    u->strategy_id == STRATEGY_LEAST_CONN ||
	    u->strategy_id == STRATEGY_P2C ||
	    u->strategy_id == STRATEGY_PEAK_EWMA;
}

void
strategy_prepare(struct upstream *u)
{
	if (u->n_rows == 0)
		return;
	if (u->strategy_id == STRATEGY_LEAST_CONN && u->n_rows <= SCAN_MOST)
		prepare_scan(u);
	else if (draws(u))
		prepare_draws(u);
}

void
strategy_init(struct upstream *u)
{
	size_t size = sizeof(struct hashing);

	if (u->strategy_id != STRATEGY_HASH)
		return;
	u->hashing = xmalloc(has_backups(u) ? size :
	    size - sizeof(struct maglev));
	build_table(&u->hashing->of[0], u, false);
	if (has_backups(u))
		build_table(&u->hashing->of[1], u, true);
}

void
strategy_fini(struct upstream *u)
{
	free(u->hashing);
	free(u->scan);
}

void
strategy_moved(struct upstream *u)
{
	if (u->hashing == NULL)
		return;
	free(u->hashing);
	strategy_init(u);
}

const struct strategy strategies[STRATEGY_COUNT] = {
	[STRATEGY_WEIGHTED] = { "weighted", pick_turn },
	[STRATEGY_ROUND_ROBIN] = { "round-robin", pick_turn },
	[STRATEGY_RANDOM] = { "random", pick_random },
	[STRATEGY_STICKY] = { "sticky", pick_turn },
	[STRATEGY_LEAST_CONN] = { "least-conn", pick_least_conn },
	[STRATEGY_P2C] = { "p2c", pick_p2c },
	[STRATEGY_PEAK_EWMA] = { "peak-ewma", pick_peak_ewma },
	[STRATEGY_HASH] = { "hash", pick_hash },
	[STRATEGY_FIRST] = { "first", pick_first },
};
