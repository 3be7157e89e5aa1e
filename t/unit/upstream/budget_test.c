/* t/unit/upstream/budget_test.c -- the budget of further tries */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "proc/register.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/budget.h"
#include "upstream/upstream.h"

#define FIFTH	(SHARE_ONE / 5)
#define START	(UINT64_C(1) << 40)	/* ms: any time */

/* How many further tries `n` first ones with `wanted` each get. */
static unsigned
spent(uint64_t *word, uint64_t *firsts, uint32_t share, unsigned n,
    unsigned wanted, uint64_t now_ms)
{
	unsigned granted = 0;

	for (unsigned i = 0; i < n; i++) {
		(*firsts)++;
		for (unsigned k = 0; k < wanted; k++)
			granted += budget_spend(word, share, *firsts, now_ms);
	}
	return granted;
}

static const struct {
	uint32_t share;
	unsigned n, granted;
} shares[] = {
	{ FIFTH, 0, 0 },
	{ FIFTH, 1, 3 },
	{ FIFTH, 5, 3 + 1 },
	{ FIFTH, 9, 3 + 1 },
	{ FIFTH, 10, 3 + 2 },
	{ FIFTH, 10000, 3 + 2000 },
	{ 1250, 10000, 3 + 1250 },
	{ SHARE_ONE, 10000, 3 + 10000 },
	{ 100, 10000, 3 + 100 },
};

START_TEST(a_share_and_three)
{
	uint64_t firsts = 77, word = budget_first_word(firsts, START);

	ck_assert_uint_eq(spent(&word, &firsts, shares[_i].share, shares[_i].n,
	    7, START), shares[_i].granted);
}
END_TEST

/* Shares that are no whole thousandth are rounded down, never up. */
START_TEST(no_share_is_exceeded)
{
	for (uint32_t share = 1; share <= SHARE_ONE; share += 13) {
		uint64_t firsts = 0, word = budget_first_word(0, START);

		ck_assert_uint_le(spent(&word, &firsts, share, 3000, 2, START),
		    3 + 3000 * share / SHARE_ONE);
	}
}
END_TEST

/* Requests that go well save up, but not for longer than 10 seconds. */
static const struct {
	unsigned rate, seconds;		/* requests a second */
	unsigned least, most;		/* tokens */
} saved[] = {
	{ 0, 3600, 3, 3 },
	{ 1, 3600, 3, 3 },
	{ 100, 1, 20, 23 },
	{ 100, 5, 66, 103 },
	{ 100, 60, 165, 200 },
	{ 100, 3600, 195, 200 },
	{ 1000, 10000, 1990, 2000 },
};

START_TEST(what_is_saved_up)
{
	uint64_t word = budget_first_word(0, START);
	uint64_t firsts = (uint64_t)saved[_i].rate * saved[_i].seconds;
	uint64_t now = START + UINT64_C(1000) * saved[_i].seconds;
	unsigned n = 0;

	while (budget_spend(&word, FIFTH, firsts, now))
		n++;
	ck_assert_uint_ge(n, saved[_i].least);
	ck_assert_uint_le(n, saved[_i].most);
}
END_TEST

/* However often somebody looks. */
START_TEST(steps_make_no_difference)
{
	uint64_t firsts = 0, word = budget_first_word(0, START), now = START;

	for (unsigned i = 0; i < 600; i++) {
		now += 100;
		firsts += 10;
		ck_assert(budget_spend(&word, FIFTH, firsts, now));
	}
	/* 20 come a second, 10 go. */
	ck_assert_uint_ge(budget_tokens(word), 90 * 1000);
	ck_assert_uint_le(budget_tokens(word), 101 * 1000);
	ck_assert(budget_spend(&word, FIFTH, firsts, now + 3600 * 1000));
	ck_assert_uint_eq(budget_tokens(word), 2000);
}
END_TEST

START_TEST(none_is_none)
{
	uint64_t word = budget_first_word(0, START), before;

	for (unsigned i = 0; i < 3; i++)
		ck_assert(budget_spend(&word, FIFTH, 1, START));
	before = word;
	ck_assert(!budget_spend(&word, FIFTH, 1, START));
	ck_assert_uint_eq(word, before);
	/* Time alone brings nothing. */
	ck_assert(!budget_spend(&word, FIFTH, 1, START + 3600000));
}
END_TEST

START_TEST(a_word_of_zero_begins)
{
	uint64_t word = 0;

	ck_assert_uint_eq(budget_tokens(0), 0);
	ck_assert(budget_spend(&word, FIFTH, 12345, START));
	ck_assert_uint_eq(budget_tokens(word), 2000);
}
END_TEST

/* The counts in the word are cut. */
START_TEST(counts_go_round)
{
	uint64_t firsts = (UINT64_C(1) << 24) * 9 - 5;
	uint64_t now = UINT64_C(500) * 65536 * 7 - 1;
	uint64_t word = budget_first_word(firsts, now);

	ck_assert_uint_eq(spent(&word, &firsts, FIFTH, 10, 3, now), 3 + 2);
	ck_assert_uint_eq(spent(&word, &firsts, FIFTH, 100, 3, now + 1), 20);
	ck_assert(budget_spend(&word, FIFTH, firsts + 5, now + 1000));
}
END_TEST

/* Of another process: its loop has read it a little later. */
START_TEST(a_clock_may_be_behind)
{
	uint64_t firsts = 0, word = budget_first_word(0, START);

	firsts = 1000;
	ck_assert(budget_spend(&word, FIFTH, firsts, START + 2000));
	for (unsigned i = 0; i < 100; i++)
		ck_assert(budget_spend(&word, FIFTH, firsts, START + 1000));
}
END_TEST

/* ---- several processes */

#define PROCESSES	4
#define EACH		10000

static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf b;
} w;

static void
setup(void)
{
	memset(&w, 0, sizeof(w));
	clock_update();
	ck_assert_int_eq(segment_create(), 0);
	w.b = (struct backend_conf){ .host = "127.0.0.1", .port = 1,
		.weight = 1 };
	ck_assert(address_parse_host(&w.b.address, SPAN("127.0.0.1"), 1));
	w.u = (struct upstream_conf){ .name = "default", .backends = &w.b,
		.n_backends = 1, .budget = FIFTH };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	for (uint32_t i = 0; i < PROCESSES; i++)
		shm_set(&segment_process(i)->state, SLOT_READY);
}

static void
teardown(void)
{
	segment_close();
}

/* Fails all the time; what it was granted goes down the pipe. */
static void
run(uint32_t process, int to)
{
	struct upstream *u = upstreams_new(&w.conf, process, PROCESSES);
	unsigned granted = 0;

	for (unsigned i = 0; i < EACH; i++) {
		upstream_count(u);
		granted += budget_take(u);
		granted += budget_take(u);
	}
	if (write(to, &granted, sizeof(granted)) != sizeof(granted))
		_exit(1);
	_exit(0);
}

START_TEST(processes_share_it)
{
	unsigned sum = 0, granted;
	int ends[2], status;

	ck_assert_int_eq(pipe(ends), 0);
	for (uint32_t i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			run(i, ends[1]);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(read(ends[0], &granted, sizeof(granted)),
		    sizeof(granted));
		sum += granted;
	}
	while (wait(&status) > 0)
		ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(segment_first_requests(w.u.slot), PROCESSES * EACH);
	ck_assert_uint_le(sum, 3 + PROCESSES * EACH / 5);
	/* Little is lost, too: only what lay there while time went on. */
	ck_assert_uint_ge(sum, PROCESSES * EACH / 5 - 200);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(off_is_any_number)
{
	struct upstream *u;

	w.u.budget = BUDGET_OFF;
	u = upstreams_new(&w.conf, 0, 1);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(budget_take(u));
	upstreams_free(&u, 1);
}
END_TEST

/* A worker that comes later finds what is left. */
START_TEST(it_begins_once)
{
	struct upstream *u = upstreams_new(&w.conf, 0, 1), *v;

	for (unsigned i = 0; i < 3; i++)
		ck_assert(budget_take(u));
	v = upstreams_new(&w.conf, 1, 1);
	ck_assert(!budget_take(v));
	upstreams_free(&u, 1);
	upstreams_free(&v, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("budget");
	TCase *t = tcase_create("word");

	tcase_add_loop_test(t, a_share_and_three, 0, (int)COUNT_OF(shares));
	tcase_add_test(t, no_share_is_exceeded);
	tcase_add_loop_test(t, what_is_saved_up, 0, (int)COUNT_OF(saved));
	tcase_add_test(t, steps_make_no_difference);
	tcase_add_test(t, none_is_none);
	tcase_add_test(t, a_word_of_zero_begins);
	tcase_add_test(t, counts_go_round);
	tcase_add_test(t, a_clock_may_be_behind);
	suite_add_tcase(s, t);
	t = tcase_create("processes");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, processes_share_it);
	tcase_add_test(t, off_is_any_number);
	tcase_add_test(t, it_begins_once);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
