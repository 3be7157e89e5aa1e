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
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
