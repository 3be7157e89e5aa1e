/* t/unit/upstream/maglev_test.c -- the table of hashes */
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "support/unit.h"
#include "upstream/maglev.h"

#define MOST	1000

static struct maglev before, after;
static struct maglev_member members[MOST];

enum weights { EQUAL, MIXED, ONE_HEAVY };

static uint32_t
weight_of(uint32_t i, enum weights weights)
{
	return weights == EQUAL ? 3 : weights == MIXED ? i % 7 + 1 :
	    i == 0 ? 1000 : 1;
}

static uint64_t
identity_of(uint32_t i)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "web|10.0.%u.%u:8080", i / 250,
	    i % 250);

	return hash_bytes(text, (size_t)len, 1);
}

/* The sum of the weights. */
static uint64_t
set_members(uint32_t n, enum weights weights)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		members[i].identity = identity_of(i);
		members[i].weight = weight_of(i, weights);
		sum += members[i].weight;
	}
	return sum;
}

static const struct {
	uint32_t n;
	enum weights weights;
} rows[] = {
	{ 1, EQUAL }, { 2, EQUAL }, { 2, ONE_HEAVY }, { 3, MIXED },
	{ 10, EQUAL }, { 100, EQUAL }, { 100, MIXED }, { 100, ONE_HEAVY },
	{ 101, EQUAL }, { 1000, EQUAL }, { 1000, MIXED }, { 1000, ONE_HEAVY },
};

/* Of its entries nobody has more than one in a hundred too many or too few,
 * or eight. */
START_TEST(entries_go_by_weight)
{
	uint32_t n = rows[_i].n;
	uint64_t sum = set_members(n, rows[_i].weights);
	uint32_t counts[MOST] = { 0 };

	maglev_build(&before, members, n);
	for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++) {
		ck_assert_uint_lt(before.entries[i], n);
		counts[before.entries[i]]++;
	}
	for (uint32_t i = 0; i < n; i++) {
		double want = (double)MAGLEV_ENTRIES * members[i].weight /
		    (double)sum;
		double off = counts[i] > want ? counts[i] - want :
		    want - counts[i];

		ck_assert_double_le(off, want / 100 > 8 ? want / 100 : 8);
	}
}
END_TEST

static const uint32_t sizes[] = { 2, 3, 10, 99, 100, 101, 300, 1000 };

/* 2/n of all keys move up to 100 members, above 1/n + 1.5 %. */
START_TEST(few_keys_move_when_one_is_taken_out)
{
	uint32_t n = sizes[_i], moved;
	double most = n <= 100 ? 2.0 / n : 1.0 / n + 0.015;

	set_members(n, EQUAL);
	maglev_build(&before, members, n);
	for (uint32_t out = 0; out < n; out += n / 2 + (n < 4)) {
		struct maglev_member last = members[n - 1];

		/* The last comes into its place: positions are nothing. */
		members[out] = last;
		maglev_build(&after, members, n - 1);
		moved = 0;
		for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++) {
			uint32_t was = before.entries[i];
			uint32_t is = after.entries[i];

			moved += (is == out ? n - 1 : is) != was;
		}
		ck_assert_double_le(moved, most * MAGLEV_ENTRIES);
		set_members(n, EQUAL);
	}
}
END_TEST

static uint32_t
find(const struct maglev *m, uint64_t key, const bool *is_out)
{
	for (uint32_t step = 0; step < MAGLEV_STEPS; step++) {
		uint32_t i = maglev_walk(m, key, step);

		if (!is_out[i])
			return i;
	}
	return MAGLEV_NONE;
}

#define KEYS	20000

/* One is not eligible: its keys alone are served by others, by weight. */
START_TEST(only_its_own_keys_move_while_one_is_out)
{
	uint32_t n = sizes[_i], others[MOST] = { 0 }, moved = 0;
	static const bool all_in[MOST];
	bool is_out[MOST] = { false };

	set_members(n, EQUAL);
	maglev_build(&before, members, n);
	is_out[n / 2] = true;
	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t key = hash_bytes(&i, sizeof(i), 0);
		uint32_t was = find(&before, key, all_in);
		uint32_t is = find(&before, key, is_out);

		ck_assert_uint_ne(is, n / 2);
		if (was != n / 2) {
			ck_assert_uint_eq(is, was);
			continue;
		}
		others[is]++;
		moved++;
	}
	ck_assert_double_le(moved, 2.0 * KEYS / n);
	for (uint32_t i = 0; i < n && n <= 10; i++)
		if (i != n / 2)
			ck_assert_double_ge(others[i],
			    0.8 * moved / (n - 1));
}
END_TEST

/* All but one are out, and this has few entries: it is found. */
START_TEST(the_last_one_is_found)
{
	bool is_out[MOST];

	for (uint32_t i = 0; i < MOST; i++)
		is_out[i] = i != 500;
	set_members(MOST, MIXED);
	maglev_build(&before, members, MOST);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(find(&before, hash_bytes(&i, sizeof(i), 0),
		    is_out), 500);
	is_out[500] = true;
	ck_assert_uint_eq(find(&before, 1, is_out), MAGLEV_NONE);
}
END_TEST

START_TEST(no_weight_no_entry)
{
	set_members(3, EQUAL);
	members[1].weight = 0;
	maglev_build(&before, members, 3);
	for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++)
		ck_assert_uint_ne(before.entries[i], 1);
	members[0].weight = members[2].weight = 0;
	maglev_build(&before, members, 3);
	for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++)
		ck_assert_uint_eq(before.entries[i], MAGLEV_NONE);
	maglev_build(&before, members, 0);
	ck_assert_uint_eq(before.entries[0], MAGLEV_NONE);
}
END_TEST

/* What this very table is, on every machine and in every version: a change
 * of it moves keys all over in the middle of an upgrade. */
START_TEST(it_is_the_same_for_ever)
{
	set_members(100, MIXED);
	maglev_build(&before, members, 100);
	ck_assert_uint_eq(hash_bytes(before.entries, sizeof(before.entries),
	    0), 9683628449247264297u);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("maglev");
	TCase *t = tcase_create("maglev");

	tcase_add_loop_test(t, entries_go_by_weight, 0, (int)COUNT_OF(rows));
	tcase_add_loop_test(t, few_keys_move_when_one_is_taken_out, 0,
	    (int)COUNT_OF(sizes));
	tcase_add_loop_test(t, only_its_own_keys_move_while_one_is_out, 0,
	    (int)COUNT_OF(sizes));
	tcase_add_test(t, the_last_one_is_found);
	tcase_add_test(t, no_weight_no_entry);
	tcase_add_test(t, it_is_the_same_for_ever);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
