/* src/upstream/maglev.c -- a table of hashes (Maglev, Google 2016) */
#include "upstream/maglev.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/*
 * Turns. Member i has its turn k at the time (k + phase) * sum / weight, of
 * which about MAGLEV_ENTRIES fall into [0, MAGLEV_ENTRIES). The phase, from
 * its identity, keeps members of one weight from always going in the order in
 * which they stand. Without one of them the times of all others shrink by the
 * same factor: their turns stay in the same order, and nearly all of the
 * table what it was.
 */
struct turns {
	const struct maglev_member *members;	/* sorted, without weight 0 */
	uint32_t n;
	double unit;		/* entries to a part of weight */
	uint32_t *begins;	/* by unit of time, MAGLEV_ENTRIES + 1 */
	uint16_t *order;
};

struct taker {
	uint32_t place, skip;	/* its own order of entries */
};

static double
first_turn(const struct turns *t, uint32_t i)
{
	double phase = (double)(t->members[i].identity >> 11) * 0x1p-53;

	return phase * t->unit / t->members[i].weight;
}

/*
 * Sorts the turns of one cycle by time: counts them, then places them. Those
 * within one unit of time go by identity, since the members do.
 */
static uint32_t
sort_turns(struct turns *t)
{
	uint32_t *begins = t->begins, sum = 0, n;

	memset(begins, 0, (MAGLEV_ENTRIES + 1) * sizeof(*begins));
	for (uint32_t i = 0; i < t->n; i++) {
		double every = t->unit / t->members[i].weight;

		for (double at = first_turn(t, i); at < MAGLEV_ENTRIES;
		    at += every)
			begins[(uint32_t)at]++;
	}
	for (uint32_t i = 0; i <= MAGLEV_ENTRIES; i++) {
		n = begins[i];
		begins[i] = sum;
		sum += n;
	}
	t->order = xcalloc(sum + 1, sizeof(*t->order));
	for (uint32_t i = 0; i < t->n; i++) {
		double every = t->unit / t->members[i].weight;

		for (double at = first_turn(t, i); at < MAGLEV_ENTRIES;
		    at += every)
			t->order[begins[(uint32_t)at]++] = (uint16_t)i;
	}
	return sum;
}

static void
take_next(struct maglev *m, struct taker *t, uint16_t who)
{
	while (m->entries[t->place] != MAGLEV_NONE) {
		t->place += t->skip;
		if (t->place >= MAGLEV_ENTRIES)
			t->place -= MAGLEV_ENTRIES;
	}
	m->entries[t->place] = who;
}

/* Over and over: one cycle may have a few turns less than entries. */
static void
take_turns(struct maglev *m, const struct turns *t, uint32_t n_turns,
    const uint16_t *positions)
{
	struct taker *takers = xcalloc(t->n, sizeof(*takers));

	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t hash = maglev_mix(t->members[i].identity);

		takers[i].place = maglev_place(hash);
		takers[i].skip = 1 + (uint32_t)hash % (MAGLEV_ENTRIES - 1);
	}
	for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++) {
		uint16_t who = t->order[i % n_turns];

		take_next(m, &takers[who], positions[who]);
	}
	free(takers);
}

/* ---- in the order of identities */

struct row {
	struct maglev_member member;
	uint16_t position;
};

static int
compare_rows(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->member.identity;
	uint64_t y = ((const struct row *)b)->member.identity;

	return x < y ? -1 : x > y;
}

static uint32_t
sort_members(struct row *rows, const struct maglev_member *members,
    uint32_t n)
{
	uint32_t n_rows = 0;

	for (uint32_t i = 0; i < n; i++)
		if (members[i].weight > 0)
			rows[n_rows++] = (struct row){ members[i],
			    (uint16_t)i };
	qsort(rows, n_rows, sizeof(*rows), compare_rows);
	return n_rows;
}

static void
build(struct maglev *m, const struct row *rows, uint32_t n)
{
	struct maglev_member *members = xcalloc(n, sizeof(*members));
	uint16_t *positions = xcalloc(n, sizeof(*positions));
	struct turns t = { .members = members, .n = n,
		.begins = xcalloc(MAGLEV_ENTRIES + 1, sizeof(*t.begins)) };
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		members[i] = rows[i].member;
		positions[i] = rows[i].position;
		sum += members[i].weight;
	}
	t.unit = (double)sum;
	take_turns(m, &t, sort_turns(&t), positions);
	free(t.order);
	free(t.begins);
	free(positions);
	free(members);
}

void
maglev_build(struct maglev *m, const struct maglev_member *members,
    uint32_t n)
{
	struct row *rows = xcalloc(n + 1, sizeof(*rows));
	uint32_t n_rows = sort_members(rows, members, n);

	memset(m, 0xff, sizeof(*m));
	if (n_rows > 0)
		build(m, rows, n_rows);
	free(rows);
}
