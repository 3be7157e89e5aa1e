/* t/unit/event/loop_test.c -- turns of the epoll loop */
#include "event/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "support/unit.h"

static char told[256];	/* what has run, a letter each */
static unsigned turns_left;

static void
tell(char letter)
{
	size_t len = strlen(told);

	ck_assert_uint_lt(len + 1, sizeof(told));
	told[len] = letter;
	told[len + 1] = '\0';
}

static void
end_turn(struct loop *l)
{
	ck_assert_ptr_eq(l, &loop);
	if (--turns_left == 0)
		loop_stop();
}

static void
run_turns(unsigned n)
{
	turns_left = n;
	loop_run();
}

static void
set_up(void)
{
	told[0] = '\0';
	ck_assert_int_eq(loop_init(), 0);
	loop.on_turn = end_turn;
}

static int
ready_fd(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static unsigned
count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Until the loop's next look at the clock shows more than a millisecond. */
static void
let_time_pass(void)
{
	uint64_t from = clock_read_ns();

	while (clock_read_ns() - from < 2000000)
		;
}

/* ---- the order of a turn */

static struct deferred first, second, third;

static void
on_first(struct deferred *d UNUSED)
{
	tell('1');
	loop_defer(&second);
}

static void
on_second(struct deferred *d UNUSED)
{
	tell('2');
}

static void
on_third(struct deferred *d UNUSED)
{
	tell('3');
}

static void
on_ready(struct io *io UNUSED, uint32_t events)
{
	ck_assert_uint_ne(events & (uint32_t)EPOLLIN, 0);
	tell('e');
	loop_defer(&first);
	loop_defer(&first);
}

static void
on_due(struct timer *t UNUSED)
{
	tell('t');
	loop_defer(&third);
}

static void
tell_turn(struct loop *l)
{
	tell('.');
	end_turn(l);
}

START_TEST(a_turn_has_its_order)
{
	struct timer timer;
	struct io io = { .tag = 0 };

	deferred_init(&first, on_first);
	deferred_init(&second, on_second);
	deferred_init(&third, on_third);
	timer_init(&timer, on_due);
	io_init(&io, ready_fd(), on_ready);
	ck_assert_int_eq(io_register(&io, LOOP_EDGE), 0);
	loop_timer_set(&timer, clock_now_ms);
	loop.on_turn = tell_turn;
	let_time_pass();
	run_turns(1);
	ck_assert_str_eq(told, "e12t3.");
	ck_assert_uint_eq(loop.turns, 1);
	io_close(&io);
	loop_timer_fini(&timer);
}
END_TEST

static void
on_again(struct deferred *d)
{
	tell('a');
	loop_defer(d);
}

/* What defers itself for ever lets events and timers through. */
START_TEST(deferred_calls_do_not_starve_a_turn)
{
	deferred_init(&first, on_again);
	loop_defer(&first);
	run_turns(2);
	ck_assert_uint_eq(strlen(told), 2 * 2 * 8);
	loop_undefer(&first);
}
END_TEST

static void
on_undefer(struct deferred *d UNUSED)
{
	tell('u');
	loop_undefer(&second);
}

START_TEST(what_is_undeferred_does_not_run)
{
	deferred_init(&first, on_undefer);
	deferred_init(&second, on_second);
	deferred_init(&third, on_third);
	loop_defer(&first);
	loop_defer(&second);
	loop_defer(&third);
	run_turns(1);
	ck_assert_str_eq(told, "u3");
	loop_undefer(&third);	/* it is not deferred: no harm */
	loop_defer(&third);
	loop_undefer(&third);
	loop_defer(&first);
	run_turns(1);
	ck_assert_str_eq(told, "u3u");
}
END_TEST

/* ---- events */

static struct io pair[2];

static struct io *
other_of(struct io *io)
{
	return io == &pair[0] ? &pair[1] : &pair[0];
}

static void
on_close_other(struct io *io, uint32_t events UNUSED)
{
	tell('e');
	io_close(other_of(io));
}

static void
on_remove_other(struct io *io, uint32_t events UNUSED)
{
	tell('e');
	io_remove(other_of(io));
}

static void
on_new(struct io *io UNUSED, uint32_t events UNUSED)
{
	tell('n');
}

/* The memory has a new owner at once, as a slab would give it. */
static void
on_reuse_other(struct io *io, uint32_t events UNUSED)
{
	struct io *other = other_of(io);

	tell('e');
	io_close(other);
	io_init(other, ready_fd(), on_new);
	ck_assert_int_eq(io_register(other, LOOP_EDGE), 0);
}

/* Registered anew with the same descriptor. */
static void
on_renew_other(struct io *io, uint32_t events UNUSED)
{
	struct io *other = other_of(io);

	tell('e');
	io_remove(other);
	io_init(other, other->fd, on_new);
	ck_assert_int_eq(io_register(other, LOOP_EDGE), 0);
}

static const struct {
	io_handler *handler;
	const char *one_turn, *two_turns;
} stale[] = {
	{ on_close_other, "e", "e" },
	{ on_remove_other, "e", "e" },
	{ on_reuse_other, "e", "en" },
	{ on_renew_other, "e", "en" },
};

static void
on_wake_up(struct timer *t UNUSED)
{
}

/* Both are ready: whichever comes first ends the other's registration. */
START_TEST(stale_events_are_dropped)
{
	struct timer timer;

	timer_init(&timer, on_wake_up);
	for (int i = 0; i < 2; i++) {
		pair[i].tag = (uint16_t)(UINT16_MAX - i);	/* it wraps */
		io_init(&pair[i], ready_fd(), stale[_i].handler);
		ck_assert_int_eq(io_register(&pair[i], LOOP_EDGE), 0);
	}
	run_turns(1);
	ck_assert_str_eq(told, stale[_i].one_turn);
	loop_timer_set(&timer, clock_now_ms + 1);
	run_turns(1);
	ck_assert_str_eq(told, stale[_i].two_turns);
	loop_timer_fini(&timer);
	io_close(&pair[0]);
	io_close(&pair[1]);
}
END_TEST

static struct slab slab;
struct owner {
	uint64_t first_word;	/* the slab's, once it is given back */
	struct io io;
	char poisoned[64];
};
static struct owner *owners[2];

static void
on_free_both(struct io *io UNUSED, uint32_t events UNUSED)
{
	tell('e');
	for (int i = 0; i < 2; i++) {
		io_close(&owners[i]->io);
		slab_give(&slab, owners[i]);
	}
}

/* Freed to its slab, an owner's io is still looked at and found stale. */
START_TEST(owners_may_be_freed_with_events_pending)
{
	slab_init(&slab, sizeof(struct owner),
	    offsetof(struct owner, poisoned));
	for (int i = 0; i < 2; i++) {
		owners[i] = slab_take(&slab);
		io_init(&owners[i]->io, ready_fd(), on_free_both);
		ck_assert_int_eq(io_register(&owners[i]->io, LOOP_EDGE), 0);
	}
	run_turns(1);
	ck_assert_str_eq(told, "e");
	slab_fini(&slab);
}
END_TEST

static void
on_bury_both(struct io *io UNUSED, uint32_t events UNUSED)
{
	tell('e');
	for (int i = 0; i < 2; i++) {
		io_close(&owners[i]->io);
		loop_free(owners[i]);
	}
}

/* The same on the heap; what no turn follows, loop_fini() frees. */
START_TEST(heap_memory_is_freed_behind_the_turn)
{
	for (int i = 0; i < 2; i++) {
		owners[i] = calloc(1, sizeof(struct owner));
		io_init(&owners[i]->io, ready_fd(), on_bury_both);
		ck_assert_int_eq(io_register(&owners[i]->io, LOOP_EDGE), 0);
	}
	run_turns(1);
	ck_assert_str_eq(told, "e");
	loop_free(malloc(1));
}
END_TEST

static const struct {
	uint32_t events;
	const char *three_turns;
} triggers[] = {
	{ LOOP_LISTEN, "nnn" }, { LOOP_EDGE, "n" },
};

START_TEST(edges_are_told_once_levels_again)
{
	struct io io = { .tag = 0 };

	deferred_init(&second, on_second);	/* so that no turn waits */
	io_init(&io, ready_fd(), on_new);
	ck_assert(!io.is_registered);
	ck_assert_int_eq(io_register(&io, triggers[_i].events), 0);
	ck_assert(io.is_registered);
	for (int i = 0; i < 3; i++) {
		loop_defer(&second);
		run_turns(1);
	}
	for (char *at; (at = strchr(told, '2')) != NULL;)
		memmove(at, at + 1, strlen(at));
	ck_assert_str_eq(told, triggers[_i].three_turns);
	io_close(&io);
	ck_assert_int_eq(io.fd, -1);
	io_close(&io);
	io_remove(&io);
}
END_TEST

START_TEST(what_epoll_refuses_is_told)
{
	struct io io = { .tag = 0 };

	io_init(&io, 1000, on_new);
	ck_assert_int_eq(io_register(&io, LOOP_EDGE), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert(!io.is_registered);
	io_init(&io, open("/proc/self/status", O_RDONLY | O_CLOEXEC), on_new);
	ck_assert_int_eq(io_register(&io, LOOP_EDGE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert(!io.is_registered);
	io_close(&io);
}
END_TEST

/* ---- waiting */

static void
stop_on_timer(struct timer *t UNUSED)
{
	tell('t');
	loop_stop();
}

/* It sleeps until the moment, not around it. */
START_TEST(a_timer_ends_the_wait)
{
	struct timer timer;
	uint64_t deadline = clock_now_ms + 20;

	loop.on_turn = NULL;
	timer_init(&timer, stop_on_timer);
	loop_timer_set(&timer, deadline);
	loop_run();
	ck_assert_str_eq(told, "t");
	ck_assert_uint_ge(clock_now_ms, deadline);
	ck_assert_uint_le(loop.turns, TIMER_LEVELS);
}
END_TEST

/* A child's loop is its own; the parent's goes on. */
START_TEST(a_child_makes_its_own_loop)
{
	struct io io = { .tag = 0 };
	pid_t pid;
	int status;

	deferred_init(&second, on_second);
	io_init(&io, ready_fd(), on_new);
	ck_assert_int_eq(io_register(&io, LOOP_EDGE), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (loop_init() < 0)
			_exit(1);
		loop.on_turn = end_turn;
		loop_defer(&second);
		run_turns(1);
		_exit(strcmp(told, "2") == 0 ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	run_turns(1);
	ck_assert_str_eq(told, "n");
	io_close(&io);
}
END_TEST

/* ---- signals */

static void
on_signal(int signo)
{
	tell(signo == SIGUSR1 ? '1' : signo == SIGUSR2 ? '2' : '?');
}

START_TEST(signals_come_from_the_loop)
{
	static const int list[] = { SIGUSR1, SIGUSR2, 0 };

	ck_assert_int_eq(loop_signals(list, on_signal), 0);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	ck_assert_str_eq(told, "");
	run_turns(1);
	ck_assert_str_eq(told, "12");
	kill(getpid(), SIGUSR2);
	run_turns(1);
	ck_assert_str_eq(told, "122");
}
END_TEST

/* A worker asks for other signals than the master that it was forked from. */
START_TEST(a_new_list_replaces_the_old_one)
{
	static const int old[] = { SIGUSR1, 0 }, new[] = { SIGUSR2, 0 };
	unsigned fds = count_fds();

	ck_assert_int_eq(loop_signals(old, on_signal), 0);
	ck_assert_int_eq(loop_signals(new, on_signal), 0);
	ck_assert_uint_eq(count_fds(), fds + 1);
	raise(SIGUSR1);		/* still blocked, of no interest to us */
	raise(SIGUSR2);
	run_turns(1);
	ck_assert_str_eq(told, "2");
	ck_assert_int_eq(loop_init(), 0);
	ck_assert_int_eq(loop_signals(new, on_signal), 0);
	ck_assert_uint_eq(count_fds(), fds + 1);
	loop_fini();
	ck_assert_uint_eq(count_fds(), fds - 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("event/loop");
	TCase *t = tcase_create("loop");

	tcase_add_checked_fixture(t, set_up, loop_fini);
	tcase_add_test(t, a_turn_has_its_order);
	tcase_add_test(t, deferred_calls_do_not_starve_a_turn);
	tcase_add_test(t, what_is_undeferred_does_not_run);
	tcase_add_loop_test(t, stale_events_are_dropped, 0,
	    (int)COUNT_OF(stale));
	tcase_add_test(t, owners_may_be_freed_with_events_pending);
	tcase_add_test(t, heap_memory_is_freed_behind_the_turn);
	tcase_add_loop_test(t, edges_are_told_once_levels_again, 0,
	    (int)COUNT_OF(triggers));
	tcase_add_test(t, what_epoll_refuses_is_told);
	tcase_add_test(t, a_timer_ends_the_wait);
	tcase_add_test(t, a_child_makes_its_own_loop);
	tcase_add_test(t, signals_come_from_the_loop);
	tcase_add_test(t, a_new_list_replaces_the_old_one);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
