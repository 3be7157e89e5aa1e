/* src/dns/seats.c -- the slots of one name, and which address has which */
#include "dns/seats.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "shm/location.h"
#include "shm/segment.h"

static void
seat_init(struct seat *seat, uint32_t slot)
{
	struct location l;

	seat->slot = slot;
	if (!location_read(slot, &l) || l.address.len == 0)
		return;
	seat->is_taken = true;
	seat->last.address = l.address;
	seat->last.weight = l.weight;
	seat->last.priority = l.priority;
}

void
seats_init(struct seats *s, const struct upstream_conf *u,
    const struct backend_conf *first)
{
	*s = (struct seats){ .upstream = u, .n = backend_seats(first),
		.most = first->addresses };
	s->all = xcalloc(s->n, sizeof(*s->all));
	for (size_t i = 0; i < s->n; i++)
		seat_init(&s->all[i], first[i].slot);
}

void
seats_fini(struct seats *s)
{
	free(s->all);
	s->all = NULL;
}

bool
seats_are_empty(const struct seats *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].is_taken)
			return false;
	return true;
}

/* ---- one seat */

static bool
is_at(const struct seat *seat, const struct answer *a)
{
	return seat->last.address.len > 0 &&
	    address_equal(&seat->last.address, &a->address);
}

static void
publish(const struct seat *seat)
{
	struct location l = { .weight = 0 };

	if (seat->is_taken) {
		l.address = seat->last.address;
		l.weight = seat->last.weight;
		l.priority = seat->last.priority;
	}
	location_write(seat->slot, &l);
}

/* An order for all addresses of the name stands in all seats. */
static bool
has_own_order(const struct seats *s, const struct seat *seat)
{
	uint64_t order = shm_get(&segment_backend_words(seat->slot)->admin);

	for (size_t i = 0; i < s->n; i++)
		if (&s->all[i] != seat && shm_get(
		    &segment_backend_words(s->all[i].slot)->admin) == order)
			return false;
	return s->n > 1;
}

/* What a breaker and checks have learned, and what an operator has said of
 * this address alone, was about another server. */
static void
forget(const struct seats *s, const struct seat *seat)
{
	struct backend_words *b = segment_backend_words(seat->slot);
	static const struct check_record none;

	shm_set(&b->health, 0);
	segment_tell_check(seat->slot, &none);
	if (has_own_order(s, seat))
		shm_set(&b->admin, 0);
	atomic_store_explicit(&b->breaker, 0, memory_order_relaxed);
	atomic_store_explicit(&b->window, 0, memory_order_relaxed);
}

static bool
seat_leave(struct seat *seat)
{
	seat->is_taken = false;
	seat->left_ms = clock_now_ms;
	publish(seat);
	return true;
}

static bool
seat_take(struct seats *s, struct seat *seat, const struct answer *a)
{
	if (seat->is_taken && seat->last.weight == a->weight &&
	    seat->last.priority == a->priority)
		return false;
	if (!is_at(seat, a))
		forget(s, seat);
	seat->is_taken = true;
	seat->last = *a;
	publish(seat);
	return true;
}

static bool
has_rested(const struct seat *seat)
{
	return clock_now_ms >= seat->left_ms + SEAT_REST_MS &&
	    segment_in_flight(seat->slot) == 0;
}

/* ---- all of them */

static bool
is_among(const struct seat *seat, const struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (is_at(seat, &a->all[i]))
			return true;
	return false;
}

static bool
leave_old(struct seats *s, const struct answers *a)
{
	bool has_changed = false;

	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].is_taken && !is_among(&s->all[i], a))
			has_changed |= seat_leave(&s->all[i]);
	return has_changed;
}

/* Where it was before, if nobody else sits there. */
static struct seat *
find_own(struct seats *s, const struct answer *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_at(&s->all[i], a))
			return &s->all[i];
	return NULL;
}

/* The one that is free for longest: those never taken come first. */
static struct seat *
find_free(struct seats *s)
{
	struct seat *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct seat *seat = &s->all[i];

		if (!seat->is_taken && has_rested(seat) &&
		    (best == NULL || seat->left_ms < best->left_ms))
			best = seat;
	}
	return best;
}

static size_t
count_taken(const struct seats *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->all[i].is_taken;
	return n;
}

/* Whoever was here before goes first, lest another takes its seat. */
static bool
seat_known(struct seats *s, const struct answers *a)
{
	bool has_changed = false;
	struct seat *own;

	for (size_t i = 0; i < a->n; i++) {
		own = find_own(s, &a->all[i]);
		if (own != NULL && (own->is_taken ||
		    count_taken(s) < s->most))
			has_changed |= seat_take(s, own, &a->all[i]);
	}
	return has_changed;
}

static bool
seat_new(struct seats *s, const struct answers *a)
{
	bool has_changed = false;
	size_t n_without = 0, n_room;
	struct seat *seat;

	for (size_t i = 0; i < a->n; i++) {
		seat = find_own(s, &a->all[i]);
		if (seat != NULL && seat->is_taken)
			continue;
		seat = count_taken(s) < s->most ? find_free(s) : NULL;
		if (seat != NULL)
			has_changed |= seat_take(s, seat, &a->all[i]);
		else
			n_without++;
	}
	n_room = s->most - count_taken(s);
	s->n_waiting = n_without < n_room ? n_without : n_room;
	s->n_left_out = n_without - s->n_waiting;
	return has_changed;
}

bool
seats_give(struct seats *s, const struct answers *a, bool keeps_others)
{
	bool has_changed = false;

	if (!keeps_others)
		has_changed = leave_old(s, a);
	has_changed |= seat_known(s, a);
	has_changed |= seat_new(s, a);
	if (has_changed)
		atomic_fetch_add_explicit(
		    &segment_upstream_slot(s->upstream->slot)->eligibility, 1,
		    memory_order_release);
	return has_changed;
}
