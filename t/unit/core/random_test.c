/* t/unit/core/random_test.c -- fast random numbers */
#include "core/random.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base.h"
#include "support/unit.h"

/* Unseeded the numbers are the same in each run: so no test fails by luck. */
#define DRAWS 60000
#define SHARES 6u

static const uint64_t bounds[] = {
	1, 2, 3, 7, 10, 64, 1000, 1u << 31, 1ull << 32, 1ull << 63,
	3ull << 62, UINT64_MAX,
};

START_TEST(stays_below)
{
	uint64_t below = bounds[_i], most = 0;

	for (int i = 0; i < DRAWS; i++) {
		uint64_t drawn = random_below(below);

		if (drawn >= below)
			ck_abort_msg("%ju", (uintmax_t)drawn);
		if (drawn > most)
			most = drawn;
	}
	/* It comes near to its bound, too. */
	ck_assert_uint_ge(most, (below - 1) / 100 * 99);
}
END_TEST

/* 3 << 62 is where a remainder would prefer its lowest third, and a product
 * that takes all draws one number of each three. */
static const uint64_t shared[] = { SHARES, 600, 6000000007, 3ull << 62 };

START_TEST(shares_are_alike)
{
	uint64_t share = (shared[_i] + SHARES - 1) / SHARES;
	unsigned hits[2 * SHARES] = { 0 };

	for (int i = 0; i < DRAWS; i++) {
		uint64_t drawn = random_below(shared[_i]);

		hits[drawn / share]++;
		hits[SHARES + drawn % SHARES]++;
	}
	for (unsigned i = 0; i < 2 * SHARES; i++) {
		ck_assert_uint_gt(hits[i], DRAWS / SHARES * 95 / 100);
		ck_assert_uint_lt(hits[i], DRAWS / SHARES * 105 / 100);
	}
}
END_TEST

START_TEST(every_bit_is_set_half_the_time)
{
	unsigned set[64] = { 0 };

	for (int i = 0; i < DRAWS; i++) {
		uint64_t drawn = random_u64();

		for (int bit = 0; bit < 64; bit++)
			set[bit] += (unsigned)(drawn >> bit) & 1;
	}
	for (int bit = 0; bit < 64; bit++) {
		ck_assert_uint_gt(set[bit], DRAWS / 2 * 97 / 100);
		ck_assert_uint_lt(set[bit], DRAWS / 2 * 103 / 100);
	}
}
END_TEST

static uint64_t
first_of_child(uint64_t *first)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		random_seed();
		*first = random_u64();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	return *first;
}

START_TEST(children_that_seed_draw_different_numbers)
{
	uint64_t *first = mmap(NULL, sizeof(*first), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t a, b;

	ck_assert_ptr_ne(first, MAP_FAILED);
	a = first_of_child(first);
	b = first_of_child(first);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(a, random_u64());
	munmap(first, sizeof(*first));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/random");
	TCase *t = tcase_create("random");

	tcase_add_loop_test(t, stays_below, 0, (int)COUNT_OF(bounds));
	tcase_add_loop_test(t, shares_are_alike, 0, (int)COUNT_OF(shared));
	tcase_add_test(t, every_bit_is_set_half_the_time);
	tcase_add_test(t, children_that_seed_draw_different_numbers);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
