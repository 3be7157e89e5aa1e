/* t/unit/shm/table_test.c -- slots by identity */
#include "shm/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
}

START_TEST(an_identity_keeps_its_slot)
{
	ck_assert_int_eq(segment_backend("a|1"), 0);
	ck_assert_int_eq(segment_backend("a|2"), 1);
	ck_assert_int_eq(segment_backend(""), 2);
	ck_assert_int_eq(segment_backend("a|1"), 0);
	ck_assert_int_eq(segment_backend("a|2"), 1);
	ck_assert_int_eq(segment_backend(""), 2);
	ck_assert_uint_eq(segment_backend_slot(1)->in_use, 1);
	ck_assert_uint_eq(segment_backend_slot(1)->generation, 1);
	ck_assert_uint_eq(segment_backend_slot(3)->in_use, 0);
}
END_TEST

START_TEST(upstreams_and_backends_are_apart)
{
	ck_assert_int_eq(segment_backend("x"), 0);
	ck_assert_int_eq(segment_upstream("y"), 0);
	ck_assert_int_eq(segment_upstream("x"), 1);
	ck_assert_str_eq(segment_upstream_slot(1)->name, "x");
}
END_TEST

/* They differ only behind what a slot can show. */
START_TEST(long_identities_are_told_apart)
{
	char a[1001], b[1001];

	memset(a, 'n', sizeof(a));
	a[1000] = '\0';
	memcpy(b, a, sizeof(b));
	b[999] = 'm';
	ck_assert_int_eq(segment_backend(a), 0);
	ck_assert_int_eq(segment_backend(b), 1);
	ck_assert_int_eq(segment_backend(a), 0);
	ck_assert_int_eq(segment_upstream(a), 0);
	ck_assert_int_eq(segment_upstream(b), 1);
	ck_assert_uint_eq(strlen(segment_backend_slot(0)->identity),
	    IDENTITY_MAX - 1);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

/* After a respawn of the file's owner the whole text is gone: the hash is
 * not. */
START_TEST(long_identities_survive_an_attach)
{
	char a[1001];
	int fd;

	memset(a, 'n', sizeof(a));
	a[1000] = '\0';
	ck_assert_int_eq(segment_backend(a), 0);
	a[999] = 'm';
	ck_assert_int_eq(segment_backend(a), 1);
	fd = dup(segment.fd);
	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	ck_assert_int_eq(segment_backend(a), 1);
	a[999] = 'n';
	ck_assert_int_eq(segment_backend(a), 0);
	a[999] = 'o';
	ck_assert_int_eq(segment_backend(a), 2);
}
END_TEST

START_TEST(backends_are_bounded)
{
	char name[32];

	for (int i = 0; i < BACKENDS_MAX; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		ck_assert_int_eq(segment_backend(name), i);
	}
	errno = 0;
	ck_assert_int_eq(segment_backend("one more"), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(segment_backend("b16000"), 16000);
	ck_assert_uint_eq(segment.n_chunks, CHUNKS_MAX);
	ck_assert_uint_lt(segment.used, SEGMENT_SPACE);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

START_TEST(upstreams_are_bounded)
{
	char name[32];

	for (int i = 0; i < UPSTREAMS_MAX; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		ck_assert_int_eq(segment_upstream(name), i);
	}
	errno = 0;
	ck_assert_int_eq(segment_upstream("one more"), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(segment_upstream("u1000"), 1000);
}
END_TEST

/* ---- slots that are given back */

/* Keeps these backends, and the first upstreams. */
static uint32_t
keep(const int *slots, size_t n, uint32_t n_upstreams)
{
	struct segment_use use = { .backends = { 0 } };

	for (size_t i = 0; i < n; i++)
		slot_mark(use.backends, (uint32_t)slots[i]);
	for (uint32_t i = 0; i < n_upstreams; i++)
		slot_mark(use.upstreams, i);
	return segment_keep(&use);
}

static void
add_numbered(int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		ck_assert_int_ge(segment_backend(name), 0);
	}
}

START_TEST(a_name_that_returns_finds_its_state)
{
	segment_backend("a");
	segment_backend("b");
	segment_backend_words(1)->admin = 7;
	ck_assert_uint_eq(keep((int[]){ 0 }, 1, 0), 1);
	ck_assert_uint_eq(segment_backend_slot(1)->in_use, SLOT_RELEASED);
	ck_assert_uint_eq(keep((int[]){ 0 }, 1, 0), 0);
	ck_assert_int_eq(segment_backend("c"), 2);
	ck_assert_int_eq(segment_backend("b"), 1);
	ck_assert_uint_eq(segment_backend_words(1)->admin, 7);
	ck_assert_uint_eq(segment_backend_slot(1)->in_use, SLOT_USED);
	ck_assert_uint_eq(segment_backend_slot(1)->generation, 1);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

START_TEST(the_longest_released_goes_first)
{
	int all[BACKEND_CHUNK];

	for (int i = 0; i < BACKEND_CHUNK; i++)
		all[i] = i;
	add_numbered(0, BACKEND_CHUNK);
	segment_backend_words(200)->admin = 7;
	all[200] = 0;
	ck_assert_uint_eq(keep(all, BACKEND_CHUNK, 0), 1);
	all[100] = 0;
	ck_assert_uint_eq(keep(all, BACKEND_CHUNK, 0), 1);
	ck_assert_int_eq(segment_backend("new"), 200);
	ck_assert_uint_eq(segment_backend_words(200)->admin, 0);
	ck_assert_uint_eq(segment_backend_slot(200)->generation, 2);
	ck_assert_str_eq(segment_backend_slot(200)->identity, "new");
	ck_assert_int_eq(segment_backend("b200"), 100);
	ck_assert_int_eq(segment_backend("b100"), BACKEND_CHUNK);
	ck_assert_uint_eq(segment.n_chunks, 2);
}
END_TEST

/* In a file with as many upstreams as there may be. */
START_TEST(upstreams_are_given_back)
{
	char name[32];

	for (int i = 0; i < UPSTREAMS_MAX; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		segment_upstream(name);
	}
	segment_upstream_slot(UPSTREAMS_MAX - 1)->budget = 5;
	ck_assert_uint_eq(keep(NULL, 0, UPSTREAMS_MAX - 1), 1);
	ck_assert_int_eq(segment_upstream("new"), UPSTREAMS_MAX - 1);
	ck_assert_uint_eq(segment_upstream_slot(UPSTREAMS_MAX - 1)->budget, 0);
	ck_assert_int_eq(segment_upstream("newer"), -1);
}
END_TEST

START_TEST(released_slots_survive_an_attach)
{
	int fd;

	segment_backend("a");
	segment_backend("b");
	segment_backend_words(1)->admin = 7;
	keep((int[]){ 0 }, 1, 0);
	fd = dup(segment.fd);
	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	ck_assert_uint_eq(segment_check(), 0);
	ck_assert_uint_eq(segment_backend_slot(1)->in_use, SLOT_RELEASED);
	ck_assert_int_eq(segment_backend("b"), 1);
	ck_assert_uint_eq(segment_backend_words(1)->admin, 7);
}
END_TEST

START_TEST(a_check_puts_uses_right)
{
	segment_backend("a");
	segment_backend("b");
	keep((int[]){ 0 }, 1, 0);
	segment_backend_slot(0)->in_use = SLOT_RELEASED;
	segment_backend_slot(1)->generation = 9;
	ck_assert_uint_eq(segment_check(), 2);
	ck_assert_uint_eq(segment_backend_slot(0)->in_use, SLOT_USED);
	ck_assert_uint_eq(segment_backend_slot(1)->in_use, SLOT_RELEASED);
	ck_assert_uint_eq(segment_backend_slot(1)->generation, 1);
}
END_TEST

/* Each has 20 backends, 5 of which are new and live on for 3 more. */
START_TEST(ten_thousand_reloads_do_not_grow_it)
{
	uint64_t used = 0;

	for (int i = 0; i < 10000; i++) {
		int slots[20];
		char name[32];

		for (int k = 0; k < 20; k++) {
			snprintf(name, sizeof(name), "b%d", 5 * i + k);
			slots[k] = segment_backend(name);
			if (slots[k] < 0 || slots[k] >= BACKEND_CHUNK)
				ck_abort_msg("slot %d", slots[k]);
		}
		keep(slots, 20, 0);
		if (i == 0)
			used = segment.used;
	}
	ck_assert_uint_eq(segment.used, used);
	ck_assert_uint_eq(segment.n_chunks, 1);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/table");
	TCase *t = tcase_create("table");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_test(t, an_identity_keeps_its_slot);
	tcase_add_test(t, upstreams_and_backends_are_apart);
	tcase_add_test(t, long_identities_are_told_apart);
	tcase_add_test(t, long_identities_survive_an_attach);
	tcase_add_test(t, backends_are_bounded);
	tcase_add_test(t, upstreams_are_bounded);
	tcase_add_test(t, a_name_that_returns_finds_its_state);
	tcase_add_test(t, the_longest_released_goes_first);
	tcase_add_test(t, upstreams_are_given_back);
	tcase_add_test(t, released_slots_survive_an_attach);
	tcase_add_test(t, a_check_puts_uses_right);
	tcase_add_test(t, ten_thousand_reloads_do_not_grow_it);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
