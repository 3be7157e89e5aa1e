/* t/unit/http1/pace_test.c -- who is slow, and who is only paused */
#include "http1/pace.h"

#include "core/base.h"
#include "support/unit.h"

/* A client that moves `bytes` each `every_ms`; 0 times: never. */
static const struct {
	struct pace_limits limits;
	uint32_t every_ms, bytes, stops_at_ms;
	uint32_t ended_ms;	/* 0: it may go on for ever */
} rows[] = {
	/* nothing comes: the idle time, exactly */
	{ { 30000, 30000, 100 }, 0, 0, 0, 30000 },
	{ { 60000, 30000, 100 }, 0, 0, 0, 60000 },
	{ { 1000, 30000, 100 }, 0, 0, 0, 1000 },
	{ { 1000, 30000, 0 }, 0, 0, 0, 1000 },
	/* at the rate, and just below it */
	{ { 30000, 30000, 100 }, 1000, 100, 100000000, 0 },
	{ { 30000, 30000, 100 }, 1000, 96, 100000000, 30000 },
	{ { 30000, 30000, 100 }, 10, 1, 100000000, 0 },
	/* a byte from time to time */
	{ { 30000, 30000, 100 }, 29000, 1, 100000000, 30000 },
	{ { 60000, 30000, 100 }, 29000, 1, 100000000, 30000 },
	{ { 60000, 30000, 100 }, 45000, 1, 100000000, 60000 },
	{ { 30000, 30000, 0 }, 29000, 1, 100000000, 0 },
	/* fast, then nothing: idle from the last bytes on */
	{ { 30000, 30000, 100 }, 10, 5000, 44000, 73990 },
	{ { 30000, 30000, 0 }, 10, 5000, 44000, 73990 },
	/* one large piece each round is a rate too */
	{ { 30000, 30000, 100 }, 29000, 90000, 100000000, 0 },
};

/* 32 bits of milliseconds and of bytes both wrap in the middle of it. */
#define BEGIN_MS ((1ull << 33) - 20000)

/* Asked when to look again only behind a look, or behind each read too. */
START_TEST(clients)
{
	const unsigned n = (unsigned)_i / 2;
	const bool asks_always = _i % 2;
	struct pace p = { .moved = UINT32_MAX - 300 };
	uint32_t due, ended = 0;

	pace_begin(&p, BEGIN_MS, 0);
	due = pace_next(&p, BEGIN_MS, &rows[n].limits);
	for (uint32_t ms = 1; ms < 400000 && ended == 0; ms++) {
		if (rows[n].every_ms > 0 && ms < rows[n].stops_at_ms &&
		    ms % rows[n].every_ms == 0) {
			pace_moved(&p, BEGIN_MS + ms, rows[n].bytes);
			if (asks_always)
				due = ms + pace_next(&p, BEGIN_MS + ms,
				    &rows[n].limits);
		}
		if (ms < due)
			continue;
		if (!pace_check(&p, BEGIN_MS + ms, 0, &rows[n].limits))
			ended = ms;
		due = ms + pace_next(&p, BEGIN_MS + ms, &rows[n].limits);
		ck_assert(ended > 0 || due > ms);
	}
	ck_assert_uint_eq(ended, rows[n].ended_ms);
}
END_TEST

/* What was handed out counts when the client has taken it. */
START_TEST(backlogs)
{
	const struct pace_limits limits = { 60000, 30000, 100 };
	struct pace p = { 0 };

	pace_moved(&p, 1000, 100000);
	pace_begin(&p, 1000, 90000);
	ck_assert_uint_eq(pace_next(&p, 1000, &limits), 30000);
	ck_assert(pace_check(&p, 31000, 86000, &limits));	/* 4000 */
	pace_moved(&p, 40000, 50000);
	ck_assert(!pace_check(&p, 61000, 134000, &limits));	/* 2000 */
	ck_assert(pace_check(&p, 61000, 133000, &limits));	/* 3000 */
	ck_assert(pace_check(&p, 91000, 133000, &limits));
	ck_assert(pace_check(&p, 120999, 133000, &limits));
	ck_assert(!pace_check(&p, 121000, 133000, &limits));	/* idle */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1/pace");
	TCase *t = tcase_create("pace");

	tcase_add_loop_test(t, clients, 0, 2 * (int)COUNT_OF(rows));
	tcase_add_test(t, backlogs);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
