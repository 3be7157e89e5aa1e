/* src/core/timer.c -- timer wheel with lazy re-arming */
#include "core/timer.h"

#include "core/assert.h"

#define SLOT_BITS 6

void
wheel_init(struct wheel *w, uint64_t now_ms)
{
	w->now_ms = now_ms;
	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		w->used[level] = 0;
		for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
	}
}

void
timer_init(struct timer *t, timer_handler *on_timer)
{
	list_init(&t->link);
	t->deadline_ms = TIMER_OFF;
	t->linked_ms = 0;
	t->on_timer = on_timer;
}

static uint64_t
shift_of(unsigned level)
{
	return level * SLOT_BITS;
}

/* The lowest level whose turn still holds the deadline. */
static unsigned
level_of(const struct wheel *w, uint64_t at_ms)
{
	uint64_t differs = at_ms ^ w->now_ms;
	unsigned level = 0;

	while (level < TIMER_LEVELS - 1 &&
	    differs >> (shift_of(level) + SLOT_BITS) != 0)
		level++;
	return level;
}

static void
clear_used(struct wheel *w, const struct list *slot)
{
	size_t i = (size_t)(slot - &w->slots[0][0]);

	w->used[i / TIMER_SLOTS] &= ~(1ull << (i % TIMER_SLOTS));
}

/* Out of its slot; the slot's bit goes with the last member. */
static void
unlink_timer(struct wheel *w, struct timer *t)
{
	struct list *next = t->link.next;

	if (t->linked_ms == 0)
		return;
	t->linked_ms = 0;
	if (next == t->link.prev && next >= &w->slots[0][0] &&
	    next < &w->slots[TIMER_LEVELS - 1][TIMER_SLOTS])
		clear_used(w, next);
	list_remove(&t->link);
}

void
timer_link(struct wheel *w, struct timer *t)
{
	uint64_t at = t->deadline_ms;
	unsigned level, slot;

	unlink_timer(w, t);
	if (at <= w->now_ms)
		at = w->now_ms + 1;
	level = level_of(w, at);
	slot = (unsigned)(at >> shift_of(level)) % TIMER_SLOTS;
	list_append(&w->slots[level][slot], &t->link);
	w->used[level] |= 1ull << slot;
	t->linked_ms = at;
}

void
timer_fini(struct wheel *w, struct timer *t)
{
	unlink_timer(w, t);
	t->deadline_ms = TIMER_OFF;
}

/* One timer whose slot has come up. */
static void
run_one(struct wheel *w, struct timer *t)
{
	t->linked_ms = 0;
	if (t->deadline_ms == TIMER_OFF)
		return;
	if (t->deadline_ms > w->now_ms) {
		timer_link(w, t);
		return;
	}
	t->deadline_ms = TIMER_OFF;
	t->on_timer(t);
}

static void
run_slot(struct wheel *w, unsigned level, unsigned slot)
{
	struct list due;

	w->used[level] &= ~(1ull << slot);
	list_move_all(&w->slots[level][slot], &due);
	while (!list_is_empty(&due)) {
		struct timer *t = list_first(&due, struct timer, link);

		list_remove(&t->link);
		run_one(w, t);
	}
}

/* When the next used slot of `level` begins; UINT64_MAX: none is. */
static uint64_t
next_at(const struct wheel *w, unsigned level)
{
	uint64_t shift = shift_of(level);
	unsigned here = (unsigned)(w->now_ms >> shift) % TIMER_SLOTS;
	uint64_t ahead = here == TIMER_SLOTS - 1 ? 0 :
	    w->used[level] & ~((2ull << here) - 1);
	uint64_t turn = (w->now_ms >> shift) & ~(uint64_t)(TIMER_SLOTS - 1);

	if (ahead == 0)
		return UINT64_MAX;
	return (turn + (uint64_t)__builtin_ctzll(ahead)) << shift;
}

/* The next moment at which anything is to be looked at. */
static uint64_t
next_moment(const struct wheel *w, unsigned *level)
{
	uint64_t at, first = UINT64_MAX;

	for (unsigned i = 0; i < TIMER_LEVELS; i++) {
		at = next_at(w, i);
		if (at < first) {
			first = at;
			*level = i;
		}
	}
	return first;
}

/*
 * Every timer ahead of now_ms differs from it first in the digit of its level,
 * so its slot lies ahead of ours in that level's turn: none is missed by only
 * looking ahead.
 */
void
wheel_run(struct wheel *w, uint64_t now_ms)
{
	unsigned level = 0;
	uint64_t at;

	while ((at = next_moment(w, &level)) <= now_ms) {
		w->now_ms = at;
		run_slot(w, level, (unsigned)(at >> shift_of(level)) %
		    TIMER_SLOTS);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

int
wheel_wait_ms(const struct wheel *w, uint64_t now_ms)
{
	unsigned level;
	uint64_t at = next_moment(w, &level);

	if (at == UINT64_MAX)
		return -1;
	if (at <= now_ms)
		return 0;
	return at - now_ms > 3600000 ? 3600000 : (int)(at - now_ms);
}
