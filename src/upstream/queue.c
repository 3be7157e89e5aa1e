/* src/upstream/queue.c -- connections that are limited, and who waits for them */
#include "upstream/queue.h"

#include "core/assert.h"
#include "core/clock.h"
#include "event/loop.h"
#include "proc/wake.h"
#include "upstream/internal.h"

#define LOOK_AGAIN_MS	50	/* whatever anybody told us, or did not */
#define ROTATE_MS	100	/* with more workers than connections */

/* ---- connections */

/* With `more` of them. */
static bool
is_over(const struct backend *b, uint64_t more)
{
	const struct upstream *u = b->upstream;
	uint32_t most = b->conf->max_connections;

	if (most > 0 && segment_open(b->slot) + more > most)
		return true;
	most = u->conf->max_connections;
	return most > 0 && segment_upstream_open(u->conf->slot) + more > most;
}

void
limit_adopt(struct backend *b)
{
	shm_claim(b->upstream->open, 1);
	shm_claim(b->open, 1);
}

bool
limit_claim(struct backend *b)
{
	limit_adopt(b);
	if (!is_over(b, 0))
		return true;
	limit_release(b);
	return false;
}

void
limit_release(struct backend *b)
{
	ASSERT(shm_get(b->open) > 0);
	shm_claim(b->open, (uint32_t)-1);
	shm_claim(b->upstream->open, (uint32_t)-1);
}

bool
limit_has_room(const struct backend *b)
{
	return b->n_idle > 0 || !is_over(b, 1);
}

bool
limit_is_reached(const struct upstream *u)
{
	uint32_t most = u->conf->max_connections;

	return most > 0 && shm_get(u->idle) == 0 &&
	    segment_upstream_open(u->conf->slot) >= most;
}

/* ---- sharing them with other workers */

static uint32_t
waiting_of(const struct upstream *u, uint32_t process)
{
	return atomic_load_explicit(&segment_upstream_stripe(process)->
	    waiting[u->conf->slot], memory_order_seq_cst);
}

static uint64_t
open_in(const struct upstream *u, uint32_t process)
{
	return shm_get(&segment_upstream_stripe(process)->
	    open[u->conf->slot]);
}

/* Of the backends in the table. */
static uint64_t
sum_of_limits(const struct upstream *u)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < u->n_rows; i++) {
		uint32_t most = u->backends[u->rows[i].member].conf->
		    max_connections;

		if (most == 0)
			return UINT64_MAX;
		sum += most;
	}
	return sum;
}

void
limit_prepare(struct upstream *u)
{
	uint64_t sum = sum_of_limits(u), most = u->conf->max_connections;

	if (most == 0 || sum < most)
		most = sum == UINT64_MAX ? 0 : sum;
	u->most_open = most;
}

/* Those who have requests waiting, and we if we have anything open. */
struct claims {
	uint32_t n, rank;	/* ours among them, by slot */
	bool others_wait;
};

static struct claims
look_at_claims(const struct upstream *u)
{
	struct claims c = { .n = 0 };

	for (uint32_t i = 0; i < segment_slots(); i++) {
		if (i == u->process) {
			c.rank = c.n++;
		} else if (shm_get(&segment_process(i)->state) ==
		    SLOT_READY && waiting_of(u, i) > 0) {
			c.n++;
			c.others_wait = true;
		}
	}
	return c;
}

/*
 * The connections in equal parts, the rest to the first; with fewer of them
 * than workers that want one it is others' turn after a while.
 */
static uint64_t
part_of(const struct upstream *u, const struct claims *c)
{
	uint64_t most = u->most_open, turn = 0;

	if (most < c->n)
		turn = clock_now_ms / ROTATE_MS;
	return most / c->n + ((c->rank + turn) % c->n < most % c->n);
}

bool
limit_must_give(const struct upstream *u)
{
	struct claims c = look_at_claims(u);

	/* Who has nobody waiting has no part of what others wait for. */
	return c.others_wait && (u->n_waiting == 0 || (u->most_open > 0 &&
	    open_in(u, u->process) > part_of(u, &c)));
}

/* Of the others who wait, the one with the fewest; they take turns. */
static void
wake_other(struct upstream *u)
{
	uint64_t least = UINT64_MAX, n;
	uint32_t who = SEGMENT_SLOTS, n_slots = segment_slots();

	u->next_woken++;
	for (uint32_t k = 0; k < n_slots; k++) {
		uint32_t i = (u->next_woken + k) % n_slots;

		if (i == u->process || waiting_of(u, i) == 0)
			continue;
		n = open_in(u, i);
		if (n < least) {
			least = n;
			who = i;
		}
	}
	if (who < SEGMENT_SLOTS)
		wake_process(who);
}

/* Those who keep idle connections while we have none. */
static void
wake_holders(const struct upstream *u)
{
	for (uint32_t i = 0; i < segment_slots(); i++)
		if (i != u->process && shm_get(&segment_upstream_stripe(i)->
		    idle[u->conf->slot]) > 0)
			wake_process(i);
}

/* What none of ours has taken may be what others wait for. */
static bool
give_idle(struct upstream *u)
{
	uint64_t wanted = segment_waiting(u->conf->slot) - u->n_waiting;
	bool has_given = false;

	for (uint32_t i = 0; i < u->n_backends; i++)
		for (; u->backends[i].n_idle > 0 && wanted > 0; wanted--) {
			pool_drop_idle(&u->backends[i]);
			has_given = true;
		}
	return has_given;
}

/* ---- the queue */

static struct waiter *
waiter_of(struct list *link)
{
	return container_of(link, struct waiter, link);
}

static void
take_out(struct waiter *w)
{
	struct upstream *u = w->upstream;

	list_remove(&w->link);
	w->upstream = NULL;
	u->n_waiting--;
	shm_claim(u->waiting, (uint32_t)-1);
}

static void
look_again(struct upstream *u)
{
	if (u->n_waiting > 0)
		loop_timer_set(&u->look, clock_now_ms + LOOK_AGAIN_MS);
}

bool
queue_join(struct upstream *u, struct waiter *w)
{
	uint32_t most = u->conf->queue_size;

	if (most == 0)
		return false;
	shm_claim(u->waiting, 1);
	if (segment_waiting(u->conf->slot) > most) {
		shm_claim(u->waiting, (uint32_t)-1);
		return false;
	}
	w->upstream = u;
	w->since_ms = clock_now_ms;
	u->all_are_choosy = false;
	list_append(&u->queue, &w->link);
	u->n_waiting++;
	/* What became free while we did not say that we wait. */
	loop_defer(&u->serve);
	wake_holders(u);
	look_again(u);
	return true;
}

void
queue_leave(struct waiter *w)
{
	if (w->upstream != NULL)
		take_out(w);
}

static void
end_those_over(struct upstream *u)
{
	while (!list_is_empty(&u->queue)) {
		struct waiter *w = waiter_of(u->queue.next);

		if (w->since_ms + u->conf->queue_ms > clock_now_ms)
			return;
		take_out(w);
		(void)w->on_turn(w, true);
	}
}

/* The one whose turn it is behind `n` others; there are more than `n`. */
static struct waiter *
next_waiter(const struct upstream *u, unsigned n)
{
	struct waiter *oldest = waiter_of(u->queue.next);
	bool newest_first = clock_now_ms - oldest->since_ms >
	    u->conf->queue_ms / 2;
	struct list *link = newest_first ? u->queue.prev : u->queue.next;

	while (n-- > 0)
		link = newest_first ? link->prev : link->next;
	return waiter_of(link);
}

/* It found no room: back to where it was. */
static void
put_back(struct upstream *u, struct waiter *w, struct list *before)
{
	shm_claim(u->waiting, 1);
	w->upstream = u;
	list_push(before, &w->link);
	u->n_waiting++;
}

static bool
has_room(const struct upstream *u)
{
	if (limit_is_reached(u))
		return false;
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (limit_has_room(&u->backends[i]))
			return true;
	return false;
}

#define MISSES_MOST	16

/* Some want a backend that has no room while others have: they are passed
 * over. */
static void
serve(struct upstream *u)
{
	unsigned misses = 0;

	while (u->n_waiting > misses && misses < MISSES_MOST && has_room(u)) {
		struct waiter *w = next_waiter(u, misses);
		struct list *before = w->link.prev;

		take_out(w);
		if (w->on_turn(w, false))
			continue;
		put_back(u, w, before);
		misses++;
	}
	u->all_are_choosy = misses > 0 && misses == u->n_waiting;
}

static void
on_serve(struct deferred *d)
{
	struct upstream *u = container_of(d, struct upstream, serve);

	end_those_over(u);
	serve(u);
	if (give_idle(u) || u->n_waiting == 0 || limit_must_give(u))
		wake_other(u);
	look_again(u);
}

static void
on_look(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, look);

	if (u->n_waiting > 0)
		wake_holders(u);
	loop_defer(&u->serve);
}

void
queue_wake(struct upstream *u)
{
	if (u->has_limits)
		loop_defer(&u->serve);
}

/* By the rate at which requests were served since the last one was told. */
uint32_t
queue_retry_after(struct upstream *u)
{
	uint64_t waiting = segment_waiting(u->conf->slot);
	uint64_t now = segment_first_requests(u->conf->slot);
	uint64_t ms = clock_now_ms - u->told_ms, n = now - u->told_requests;

	if (ms >= 1000 || u->told_ms == 0) {
		u->told_ms = clock_now_ms;
		u->told_requests = now;
		u->rate = ms < 100000 ? (uint32_t)(n * 1000 / ms) : 0;
	}
	if (u->rate == 0 || waiting / u->rate < 1)
		return 1;
	return waiting / u->rate < 60 ? (uint32_t)(waiting / u->rate) : 60;
}

void
queue_init(struct upstream *u)
{
	u->has_limits = u->conf->max_connections > 0;
	for (uint32_t i = 0; i < u->n_backends; i++)
		u->has_limits |= u->backends[i].conf->max_connections > 0;
	list_init(&u->queue);
	timer_init(&u->look, on_look);
	deferred_init(&u->serve, on_serve);
}

void
queue_fini(struct upstream *u)
{
	ASSERT(list_is_empty(&u->queue));
	loop_timer_fini(&u->look);
	loop_undefer(&u->serve);
}
