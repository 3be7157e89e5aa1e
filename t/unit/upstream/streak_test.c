/* t/unit/upstream/streak_test.c -- rise, fall and intervals, without a clock */
#include "upstream/streak.h"

#include <string.h>

#include "conf/conf.h"
#include "support/unit.h"

static const struct check_conf usual = {
	.rise = 2, .fall = 3, .interval_ms = 5000, .fast_ms = 1000,
	.down_ms = 5000,
};

static struct check_conf
conf_of(uint16_t rise, uint16_t fall)
{
	struct check_conf c = usual;

	c.rise = rise;
	c.fall = fall;
	return c;
}

/* Results (g: good, b: bad) and the state after each. */
static const struct {
	enum health from;
	uint16_t rise, fall;
	const char *results, *states;
} rows[] = {
	{ HEALTH_UNKNOWN, 2, 3, "g", "U" },		/* one is enough */
	{ HEALTH_UNKNOWN, 5, 3, "g", "U" },
	{ HEALTH_UNKNOWN, 2, 3, "bbg", "??U" },
	{ HEALTH_UNKNOWN, 2, 3, "bbb", "??D" },
	{ HEALTH_UNKNOWN, 2, 1, "b", "D" },
	{ HEALTH_UP, 2, 3, "bbgbbgbbb", "UUUUUUUUD" },	/* in a row */
	{ HEALTH_UP, 2, 1, "gbgg", "UDDU" },
	{ HEALTH_DOWN, 2, 3, "gbgbgg", "DDDDDU" },
	{ HEALTH_DOWN, 1, 3, "bg", "DU" },
	{ HEALTH_DOWN, 3, 1, "gggb", "DDUD" },
	{ HEALTH_DOWN, 2, 3, "bbbbgg", "DDDDDU" },
};

static char
letter(enum health h)
{
	return h == HEALTH_UP ? 'U' : h == HEALTH_DOWN ? 'D' : '?';
}

START_TEST(states_follow_from_results)
{
	struct check_conf c = conf_of(rows[_i].rise, rows[_i].fall);
	char before = letter(rows[_i].from);
	struct streak s;

	streak_init(&s, &c, rows[_i].from);
	for (size_t i = 0; rows[_i].results[i] != '\0'; i++) {
		bool has_changed = streak_add(&s, &c,
		    rows[_i].results[i] == 'g');

		ck_assert_int_eq(letter(s.health), rows[_i].states[i]);
		ck_assert_int_eq(has_changed, before != letter(s.health));
		before = letter(s.health);
	}
}
END_TEST

/* The interval after each result. */
static const struct {
	enum health from;
	const char *results;
	uint32_t ms[10];
} waits[] = {
	{ HEALTH_UNKNOWN, "bg", { 1000, 5000 } },
	{ HEALTH_UP, "gbbgg", { 5000, 1000, 1000, 5000, 5000 } },
	/* Down: longer and longer, and a good one starts that anew. */
	{ HEALTH_UP, "bbbbbbbbg", { 1000, 1000, 5000, 10000, 20000, 30000,
	    30000, 30000, 1000 } },
	{ HEALTH_DOWN, "bbgbb", { 10000, 20000, 1000, 5000, 10000 } },
	{ HEALTH_DOWN, "gg", { 1000, 5000 } },
};

START_TEST(intervals_follow_from_results)
{
	struct streak s;

	streak_init(&s, &usual, waits[_i].from);
	for (size_t i = 0; waits[_i].results[i] != '\0'; i++) {
		streak_add(&s, &usual, waits[_i].results[i] == 'g');
		ck_assert_uint_eq(streak_interval(&s, &usual),
		    waits[_i].ms[i]);
	}
}
END_TEST

START_TEST(fast_is_never_slower)
{
	struct check_conf c = usual;
	struct streak s;

	c.interval_ms = 500;
	streak_init(&s, &c, HEALTH_UNKNOWN);
	ck_assert_uint_eq(streak_interval(&s, &c), 500);
	c.interval_ms = 1001;
	ck_assert_uint_eq(streak_interval(&s, &c), 1000);
}
END_TEST

/* Who configures more than the most gets that. */
START_TEST(a_long_wait_stays)
{
	struct check_conf c = usual;
	struct streak s;

	c.down_ms = 60000;
	streak_init(&s, &c, HEALTH_DOWN);
	for (int i = 0; i < 100000; i++)	/* counters end, too */
		streak_add(&s, &c, false);
	ck_assert_uint_eq(streak_interval(&s, &c), 60000);
	ck_assert_int_eq(s.health, HEALTH_DOWN);
}
END_TEST

static const struct {
	uint32_t ms, share;
	uint64_t random;
	uint32_t want;
} spreads[] = {
	{ 5000, 1000, 0, 4500 },
	{ 5000, 1000, 500, 5000 },
	{ 5000, 1000, 1000, 5500 },
	{ 5000, 1000, 1001, 4500 },
	{ 5000, 0, 12345, 5000 },
	{ 10, 5000, 10, 15 },
	{ 3600000, 5000, 3600000, 5400000 },
	{ 0, 1000, 7, 0 },
};

START_TEST(intervals_are_spread)
{
	ck_assert_uint_eq(spread_interval(spreads[_i].ms, spreads[_i].share,
	    spreads[_i].random), spreads[_i].want);
}
END_TEST

/* What a monitor leaves to the next one. */
START_TEST(a_word_has_all_of_it)
{
	struct health_word h = { .health = HEALTH_DOWN, .is_recovered = true,
		.cause = 31, .since_ms = (1ull << 55) + 1 };
	struct health_word got = health_unpack(health_pack(h));

	ck_assert_int_eq(got.health, HEALTH_DOWN);
	ck_assert(got.is_recovered);
	ck_assert_uint_eq(got.cause, 31);
	ck_assert_uint_eq(got.since_ms, (1ull << 55) + 1);
	ck_assert_int_eq(health_unpack(3).health, HEALTH_UNKNOWN);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("upstream/streak");
	TCase *t = tcase_create("streak");

	tcase_add_loop_test(t, states_follow_from_results, 0,
	    (int)COUNT_OF(rows));
	tcase_add_loop_test(t, intervals_follow_from_results, 0,
	    (int)COUNT_OF(waits));
	tcase_add_test(t, fast_is_never_slower);
	tcase_add_test(t, a_long_wait_stays);
	tcase_add_loop_test(t, intervals_are_spread, 0,
	    (int)COUNT_OF(spreads));
	tcase_add_test(t, a_word_has_all_of_it);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main_rows(suite());
}
