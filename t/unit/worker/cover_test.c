/* t/unit/worker/cover_test.c -- who accepts for whom */
#include "worker/cover.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "event/loop.h"
#include "net/listener.h"
#include "proc/child.h"
#include "shm/segment.h"

#define SLOTS	4
#define NOW	100000u

/* R ready and beating, h hung, s starting, d dead, n not accepting, f a beat
 * newer than our clock. */
static const struct {
	const char *slots;
	size_t self, want;
} covers[] = {
	{ "RRRR", 0, 0 }, { "RRRR", 3, 0 },
	{ "RdRR", 2, 1 }, { "RdRR", 3, 0 }, { "RdRR", 0, 0 },
	{ "RhRR", 2, 1 }, { "RsRR", 2, 1 }, { "RnRR", 2, 1 },
	{ "RfRR", 2, 0 },
	{ "RRRd", 0, 1 },			/* cyclic */
	{ "RddR", 3, 2 }, { "RddR", 0, 0 },
	{ "dRRd", 1, 2 },
	{ "dddR", 3, 3 }, { "Rddd", 0, 3 },
	{ "dddd", 1, 3 },	/* we run, whatever our slot says */
	{ "R", 0, 0 }, { "d", 0, 0 },
	{ "dR", 1, 1 }, { "Rd", 0, 1 },
};

static const uint32_t in_order[SLOTS] = { 0, 1, 2, 3 };

static void
set_slot(uint32_t slot, char kind)
{
	struct process_slot *p = segment_process(slot);
	uint64_t beat = NOW - (kind == 'h' ? COVER_STALE_MS + 1 :
	    COVER_STALE_MS);

	shm_set(&p->state, kind == 'd' ? SLOT_DEAD :
	    kind == 's' ? SLOT_STARTING : SLOT_READY);
	shm_set(&p->accepting, kind != 'n');
	shm_set(&p->beat_ms, kind == 'f' ? NOW + 1000 : beat);
}

START_TEST(the_next_live_slot_covers_the_dead)
{
	const char *slots = covers[_i].slots;

	ck_assert_int_eq(segment_create(), 0);
	for (uint32_t s = 0; slots[s] != '\0'; s++)
		set_slot(s, slots[s]);
	ck_assert_uint_eq(cover_count(in_order, covers[_i].self,
	    strlen(slots), NOW), covers[_i].want);
	segment_close();
}
END_TEST

/* ---- with sockets: slot 1 of 4 is ours, all others never started */

static struct listener_set *set;
static struct child self = {
	.slot = 1, .place = 1, .n_places = SLOTS, .slots = in_order,
	.control_fd = -1,
};
static struct timer again;	/* ends a run, or a shortage */
static size_t accepted, wanted;
static struct rlimit old_limit;

static void
on_accept(int fd, const struct address *peer, size_t listener)
{
	ck_assert_int_eq(peer->sa.sa_family, AF_INET);
	ck_assert_uint_eq(listener, 0);
	close(fd);
	if (++accepted == wanted)
		loop_stop();
}

static void
setup(void)
{
	struct listener_conf l = { .backlog = 0 };

	ck_assert(address_parse_host(&l.address, SPAN("127.0.0.1"), 0));
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	set = listener_set_open(&l, 1, SLOTS);
	ck_assert_ptr_nonnull(set);
	self.listeners = set;
	accepted = 0;
}

static void
teardown(void)
{
	cover_stop();
	loop_fini();
	listener_set_close(&set);
	segment_close();
}

static void
connect_many(size_t n, int *fds)
{
	const struct address *a = &set->addresses[0];

	for (size_t i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_ge(fds[i], 0);
		ck_assert_int_eq(connect(fds[i], &a->sa, a->len), 0);
		ck_assert_int_eq(write(fds[i], "x", 1), 1);
	}
}

static void
close_many(size_t n, int *fds)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

START_TEST(nobody_waits_in_a_dead_slots_queue)
{
	int fds[300];

	wanted = COUNT_OF(fds);
	cover_start(&self, on_accept);
	ck_assert_uint_eq(shm_get(&segment_process(1)->accepting), 1);
	connect_many(COUNT_OF(fds), fds);
	loop_run();
	ck_assert_uint_eq(accepted, wanted);
	close_many(COUNT_OF(fds), fds);
	cover_stop();
	cover_stop();
	ck_assert_uint_eq(shm_get(&segment_process(1)->accepting), 0);
}
END_TEST

/* The wheel says when the next looks at the neighbours have been. */
static void
on_again(struct timer *t UNUSED)
{
	loop_stop();
}

static void
run_for(uint64_t ms)
{
	timer_init(&again, on_again);
	loop_timer_set(&again, clock_now_ms + ms);
	loop_run();
}

START_TEST(a_live_slots_queue_is_left_to_it)
{
	int fds[64], got;
	size_t left = 0;

	wanted = 0;
	for (uint32_t s = 0; s < SLOTS; s++) {
		set_slot(s, 'R');	/* beats far in the future */
		shm_set(&segment_process(s)->beat_ms, UINT64_MAX);
	}
	cover_start(&self, on_accept);
	connect_many(COUNT_OF(fds), fds);
	run_for(2 * COVER_EVERY_MS);
	for (int s = 0; s < SLOTS; s++)
		while ((got = accept(set->fds[s], NULL, NULL)) >= 0) {
			ck_assert_int_ne(s, 1);
			left++;
			close(got);
		}
	ck_assert_uint_eq(accepted + left, COUNT_OF(fds));
	close_many(COUNT_OF(fds), fds);
}
END_TEST

START_TEST(a_slot_that_dies_is_taken_over)
{
	int fds[64];

	for (uint32_t s = 0; s < SLOTS; s++) {
		set_slot(s, 'R');
		shm_set(&segment_process(s)->beat_ms, UINT64_MAX);
	}
	wanted = COUNT_OF(fds);
	cover_start(&self, on_accept);
	connect_many(COUNT_OF(fds), fds);
	for (uint32_t s = 0; s < SLOTS; s++)
		shm_set(&segment_process(s)->beat_ms, 0);
	loop_run();		/* until all have come */
	ck_assert_uint_eq(accepted, wanted);
	close_many(COUNT_OF(fds), fds);
}
END_TEST

START_TEST(a_stopped_cover_accepts_nothing)
{
	int fds[8];

	wanted = 0;
	cover_start(&self, on_accept);
	cover_stop();
	connect_many(COUNT_OF(fds), fds);
	run_for(2 * COVER_EVERY_MS);
	ck_assert_uint_eq(accepted, 0);
	close_many(COUNT_OF(fds), fds);
}
END_TEST

/* Gives the descriptors back once the pause was seen. */
static void
on_limit(struct timer *t UNUSED)
{
	ck_assert_uint_eq(accepted, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old_limit), 0);
}

START_TEST(without_descriptors_it_pauses_and_goes_on)
{
	struct rlimit none;
	int fds[8];
	uint64_t turns;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old_limit), 0);
	none = (struct rlimit){ 0, old_limit.rlim_max };
	wanted = COUNT_OF(fds);
	cover_start(&self, on_accept);
	connect_many(COUNT_OF(fds), fds);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	timer_init(&again, on_limit);
	loop_timer_set(&again, clock_now_ms + COVER_PAUSE_MS / 2);
	turns = loop.turns;
	loop_run();
	ck_assert_uint_eq(accepted, wanted);
	ck_assert_uint_lt(loop.turns - turns, 1000);	/* no spinning */
	close_many(COUNT_OF(fds), fds);
}
END_TEST

/* Two workers behind a generation of four: each has two sockets. */
START_TEST(fewer_workers_accept_on_all_sockets)
{
	struct child one = self;
	int fds[64];

	one.place = one.slot = 0;
	one.n_places = 2;
	set_slot(0, 'R');
	set_slot(1, 'd');
	wanted = COUNT_OF(fds);
	cover_start(&one, on_accept);
	connect_many(COUNT_OF(fds), fds);
	loop_run();
	ck_assert_uint_eq(accepted, wanted);
	close_many(COUNT_OF(fds), fds);
}
END_TEST

static bool
all_are(size_t address UNUSED)
{
	return true;
}

static bool
none_is(size_t address UNUSED)
{
	return false;
}

static void
check_closed(void)
{
	for (int s = 0; s < SLOTS; s++) {
		ck_assert_int_lt(fcntl(set->fds[s], F_GETFD), 0);
		set->fds[s] = -1;	/* not ours to close again */
	}
}

START_TEST(who_leaves_closes_what_others_have)
{
	cover_start(&self, on_accept);
	cover_leave(none_is);
	ck_assert(!cover_is_leaving());
	ck_assert_uint_eq(shm_get(&segment_process(1)->accepting), 0);
	check_closed();
	cover_leave(all_are);	/* once is enough */
	ck_assert(!cover_is_leaving());
}
END_TEST

START_TEST(a_retired_address_is_emptied_first)
{
	int fds[64];

	for (uint32_t s = 0; s < SLOTS; s++) {
		set_slot(s, 'R');	/* they all leave: nobody else does */
		shm_set(&segment_process(s)->beat_ms, UINT64_MAX);
	}
	wanted = COUNT_OF(fds);
	cover_start(&self, on_accept);
	connect_many(COUNT_OF(fds), fds);
	cover_leave(all_are);
	ck_assert(cover_is_leaving());
	loop_run();
	ck_assert_uint_eq(accepted, wanted);
	while (cover_is_leaving())
		run_for(LISTENER_RETIRE_MS / 10);
	check_closed();
	close_many(COUNT_OF(fds), fds);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("worker/cover");
	TCase *t = tcase_create("choice"), *l = tcase_create("sockets");
	SRunner *r = srunner_create(s);
	int failed;

	log_open(-1, false);
	tcase_add_loop_test(t, the_next_live_slot_covers_the_dead, 0,
	    COUNT_OF(covers));
	suite_add_tcase(s, t);
	tcase_set_timeout(l, 60);
	tcase_add_checked_fixture(l, setup, teardown);
	tcase_add_test(l, nobody_waits_in_a_dead_slots_queue);
	tcase_add_test(l, a_live_slots_queue_is_left_to_it);
	tcase_add_test(l, a_slot_that_dies_is_taken_over);
	tcase_add_test(l, a_stopped_cover_accepts_nothing);
	tcase_add_test(l, without_descriptors_it_pauses_and_goes_on);
	tcase_add_test(l, fewer_workers_accept_on_all_sockets);
	tcase_add_test(l, who_leaves_closes_what_others_have);
	tcase_add_test(l, a_retired_address_is_emptied_first);
	suite_add_tcase(s, l);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
