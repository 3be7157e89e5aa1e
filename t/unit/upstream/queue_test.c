/* t/unit/upstream/queue_test.c -- limits of connections, and who waits */
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/internal.h"

#define BACKENDS	2
#define WORKERS		4
#define WAITERS		8

static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf backends[BACKENDS];
	struct upstream *all;
	struct waiter waiters[WAITERS];
	char refuses;	/* who finds no room while others do */
	char said[64];	/* who had a turn: a, b, ...; in capitals: too late */
	unsigned room;	/* turns that find a connection */
} w;

static bool
on_turn(struct waiter *waiter, bool is_over)
{
	char name = (char)((is_over ? 'A' : 'a') + (waiter - w.waiters));

	if (!is_over && (w.room == 0 || name == w.refuses))
		return false;
	w.room -= !is_over;
	strncat(w.said, &name, 1);
	return true;
}

static void
setup(void)
{
	memset(&w, 0, sizeof(w));
	clock_update();
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	for (unsigned i = 0; i < BACKENDS; i++) {
		w.backends[i].host = "127.0.0.1";
		w.backends[i].port = (uint16_t)(1001 + i);
		w.backends[i].weight = 1;
		ck_assert(address_parse_host(&w.backends[i].address,
		    SPAN("127.0.0.1"), w.backends[i].port));
	}
	w.u = (struct upstream_conf){ .name = "default", .queue_size = 4,
		.queue_ms = 1000, .fail_open = 100, .backends = w.backends,
		.n_backends = BACKENDS };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	for (unsigned i = 0; i < WAITERS; i++)
		w.waiters[i].on_turn = on_turn;
}

static struct upstream *
start(void)
{
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		shm_set(&segment_process(i)->state, SLOT_READY);
	w.all = upstreams_new(&w.conf, 0, WORKERS);
	return w.all;
}

static void
teardown(void)
{
	upstreams_free(&w.all, 1);
	loop_fini();
	segment_close();
}

/* What another worker has open, or has waiting. */
static _Atomic uint32_t *
open_of(unsigned process, unsigned backend)
{
	uint32_t slot = w.backends[backend].slot;

	return &segment_stripe(process, slot)->open[slot % BACKEND_CHUNK];
}

/* The same, with what counts for all backends. */
static void
set_open(unsigned process, unsigned backend, uint32_t n)
{
	_Atomic uint32_t *all = &segment_upstream_stripe(process)->
	    open[w.u.slot];

	shm_set(all, shm_get(all) + n - shm_get(open_of(process, backend)));
	shm_set(open_of(process, backend), n);
}

static _Atomic uint32_t *
waiting_of(unsigned process)
{
	return &segment_upstream_stripe(process)->waiting[w.u.slot];
}

/* A turn of the loop that takes so long. */
static void
turn(uint64_t ms)
{
	clock_now_ms += ms;
	wheel_run(&loop.wheel, clock_now_ms);
	while (!list_is_empty(&loop.deferred)) {
		struct deferred *d = container_of(loop.deferred.next,
		    struct deferred, link);

		list_remove(&d->link);
		d->on_deferred(d);
	}
}

START_TEST(a_limit_is_of_all_workers)
{
	struct upstream *u;

	w.backends[0].max_connections = 3;
	u = start();
	ck_assert(u->has_limits);
	set_open(1, 0, 1);
	ck_assert(limit_claim(&u->backends[0]));
	ck_assert(limit_has_room(&u->backends[0]));
	ck_assert(limit_claim(&u->backends[0]));
	ck_assert(!limit_has_room(&u->backends[0]));
	ck_assert(!limit_claim(&u->backends[0]));
	ck_assert_uint_eq(segment_open(w.backends[0].slot), 3);
	ck_assert(limit_claim(&u->backends[1]));	/* has none */
	/* The other worker dies. */
	shm_set(&segment_process(1)->state, SLOT_DEAD);
	segment_clear_gauges(1);
	ck_assert(limit_claim(&u->backends[0]));
	limit_release(&u->backends[0]);
	ck_assert(limit_has_room(&u->backends[0]));
}
END_TEST

START_TEST(a_limit_of_all_backends)
{
	struct upstream *u;

	w.u.max_connections = 3;
	u = start();
	set_open(2, 1, 2);
	ck_assert(limit_claim(&u->backends[0]));
	ck_assert(!limit_claim(&u->backends[0]));
	ck_assert(!limit_claim(&u->backends[1]));
	set_open(2, 1, 1);
	ck_assert(limit_claim(&u->backends[1]));
}
END_TEST

START_TEST(who_is_full_is_not_picked)
{
	struct pick p = { .n_tried = 0 };
	struct upstream *u;

	w.backends[0].max_connections = 1;
	u = start();
	ck_assert(limit_claim(&u->backends[0]));
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_eq(upstream_pick(u, &p), &u->backends[1]);
	w.backends[1].max_connections = 1;
	ck_assert(limit_claim(&u->backends[1]));
	ck_assert_ptr_null(upstream_pick(u, &p));
	ck_assert(p.is_full);
}
END_TEST

START_TEST(the_oldest_comes_first_but_not_for_long)
{
	struct upstream *u;

	w.u.max_connections = 1;
	u = start();
	ck_assert(limit_claim(&u->backends[0]));
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(queue_join(u, &w.waiters[i]));
		turn(10);
	}
	ck_assert(!queue_join(u, &w.waiters[4]));	/* size: 4 */
	ck_assert_str_eq(w.said, "");
	limit_release(&u->backends[0]);
	w.room = 1;
	queue_wake(u);
	turn(0);
	ck_assert_str_eq(w.said, "a");
	ck_assert_uint_eq(segment_waiting(w.u.slot), 3);
	queue_leave(&w.waiters[2]);
	queue_leave(&w.waiters[2]);
	/* Behind half of its time the newest has more of a chance. */
	clock_now_ms += 501;
	w.room = 1;
	queue_wake(u);
	turn(0);
	ck_assert_str_eq(w.said, "ad");
	turn(600);
	ck_assert_str_eq(w.said, "adB");
	ck_assert_uint_eq(segment_waiting(w.u.slot), 0);
}
END_TEST

START_TEST(room_of_the_queue_is_of_all_workers)
{
	struct upstream *u;

	w.u.max_connections = 1;
	u = start();
	ck_assert(limit_claim(&u->backends[0]));
	shm_set(waiting_of(3), 3);
	ck_assert(queue_join(u, &w.waiters[0]));
	ck_assert(!queue_join(u, &w.waiters[1]));
	segment_clear_gauges(3);
	ck_assert(queue_join(u, &w.waiters[1]));
	queue_leave(&w.waiters[0]);
	queue_leave(&w.waiters[1]);
	w.u.queue_size = 0;
	ck_assert(!queue_join(u, &w.waiters[0]));
}
END_TEST

/* What was freed while it did not say that it waits is not lost. */
START_TEST(who_joins_looks_once_more)
{
	struct upstream *u;

	w.u.max_connections = 1;
	u = start();
	w.room = 1;
	ck_assert(queue_join(u, &w.waiters[0]));
	turn(0);
	ck_assert_str_eq(w.said, "a");
	/* Nor what nobody told us of. */
	ck_assert(queue_join(u, &w.waiters[1]));
	turn(0);
	w.room = 1;
	turn(60);
	ck_assert_str_eq(w.said, "ab");
}
END_TEST

/* One that finds no room keeps its place. */
START_TEST(who_finds_no_room_keeps_its_place)
{
	struct upstream *u;

	w.u.max_connections = 4;
	u = start();
	ck_assert(queue_join(u, &w.waiters[0]));
	ck_assert(queue_join(u, &w.waiters[1]));
	turn(0);
	ck_assert_str_eq(w.said, "");
	w.room = 2;
	queue_wake(u);
	turn(0);
	ck_assert_str_eq(w.said, "ab");
}
END_TEST

/* Nor does it keep others from theirs. */
START_TEST(who_finds_no_room_is_passed_over)
{
	struct upstream *u;

	w.u.max_connections = 4;
	u = start();
	w.refuses = 'a';
	for (unsigned i = 0; i < 3; i++)
		ck_assert(queue_join(u, &w.waiters[i]));
	w.room = 8;
	turn(0);
	ck_assert_str_eq(w.said, "bc");
	ck_assert(u->all_are_choosy);	/* who comes now need not wait */
	ck_assert(queue_join(u, &w.waiters[3]));
	ck_assert(!u->all_are_choosy);
	queue_leave(&w.waiters[3]);
	w.refuses = 0;
	turn(60);
	ck_assert_str_eq(w.said, "bca");
}
END_TEST

/* limit, open by us, whether the workers 1 to 3 wait: must we give? */
static const struct {
	uint32_t limit, open;
	bool waits[WORKERS];
	bool must;
} parts[] = {
	{ 10, 10, { false }, false },
	{ 10, 5, { false, true }, false },
	{ 10, 6, { false, true }, true },
	{ 10, 3, { false, true, true, true }, false },	/* 3, 3, 2, 2 */
	{ 10, 4, { false, true, true, true }, true },
	{ 4, 1, { false, true, true, true }, false },
	{ 4, 2, { false, true, true, true }, true },
};

START_TEST(each_keeps_its_part)
{
	struct upstream *u;

	w.u.max_connections = parts[_i].limit;
	u = start();
	set_open(0, 0, parts[_i].open);
	u->n_waiting = 1;
	for (unsigned i = 1; i < WORKERS; i++)
		shm_set(waiting_of(i), parts[_i].waits[i] ? 7 : 0);
	ck_assert(limit_must_give(u) == parts[_i].must);
	/* Without requests that wait none is ours. */
	u->n_waiting = 0;
	ck_assert(limit_must_give(u) == parts[_i].waits[1]);
}
END_TEST

/* The parts of all are the limit, whoever waits. */
START_TEST(parts_are_the_whole)
{
	for (uint32_t limit = 1; limit <= 9; limit++) {
		uint32_t sum = 0;

		setup();
		w.u.max_connections = limit;
		start();
		for (unsigned i = 0; i < WORKERS; i++) {
			struct upstream *u = upstreams_new(&w.conf, i, WORKERS);
			uint32_t open = 0;

			u->n_waiting = 1;
			for (unsigned k = 0; k < WORKERS; k++)
				shm_set(waiting_of(k), 1);
			do
				set_open(i, 0, ++open);
			while (!limit_must_give(u));
			sum += open - 1;
			set_open(i, 0, 0);
			upstreams_free(&u, 1);
		}
		ck_assert_uint_eq(sum, limit);
		teardown();
	}
}
END_TEST

START_TEST(retry_after_is_about_right)
{
	_Atomic uint64_t *served;
	struct upstream *u;

	w.u.max_connections = 1;
	u = start();
	served = &segment_upstream_stripe(1)->requests[w.u.slot];
	ck_assert_uint_eq(queue_retry_after(u), 1);
	shm_set(waiting_of(1), 1000);
	ck_assert_uint_eq(queue_retry_after(u), 1);	/* nobody knows */
	clock_now_ms += 2000;
	shm_set(served, 200);
	ck_assert_uint_eq(queue_retry_after(u), 10);
	clock_now_ms += 2000;
	shm_set(served, 202);
	ck_assert_uint_eq(queue_retry_after(u), 60);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("upstream/queue");
	TCase *t = tcase_create("queue");
	TCase *alone = tcase_create("alone");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_limit_is_of_all_workers);
	tcase_add_test(t, a_limit_of_all_backends);
	tcase_add_test(t, who_is_full_is_not_picked);
	tcase_add_test(t, the_oldest_comes_first_but_not_for_long);
	tcase_add_test(t, room_of_the_queue_is_of_all_workers);
	tcase_add_test(t, who_joins_looks_once_more);
	tcase_add_test(t, who_finds_no_room_keeps_its_place);
	tcase_add_test(t, who_finds_no_room_is_passed_over);
	tcase_add_loop_test(t, each_keeps_its_part, 0, (int)COUNT_OF(parts));
	tcase_add_test(t, retry_after_is_about_right);
	suite_add_tcase(s, t);
	tcase_add_test(alone, parts_are_the_whole);
	suite_add_tcase(s, alone);
	return unit_main(s);
}
