/* t/unit/upstream/check_test.c -- what checks write into the segment */
#include "upstream/check.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "proc/register.h"
#include "proc/wake.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/health.h"
#include "upstream/verdict.h"

#define PATIENCE_MS 5000

/* One upstream with two backends on one port, where a socket listens or, if
 * it is not, refuses. */
static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf backends[2];
	int listener;
	struct timer patience, look;
	bool (*is_done)(void);
	bool has_timed_out;
} w;

static struct backend_words *
slot(void)
{
	return segment_backend_words(w.backends[0].slot);
}

static struct health_word
health(void)
{
	return health_unpack(shm_get(&slot()->health));
}

static struct check_record
record(void)
{
	struct check_record r;

	ck_assert(record_read(segment_check_record(w.backends[0].slot), &r,
	    sizeof(r)));
	return r;
}

static uint32_t
eligibility(void)
{
	return shm_get(&segment_upstream_slot(w.u.slot)->eligibility);
}

static void
open_port(struct address *a)
{
	ck_assert(address_parse_host(a, SPAN("127.0.0.1"), 0));
	w.listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(w.listener, &a->sa, a->len), 0);
	ck_assert_int_eq(getsockname(w.listener, &a->sa, &a->len), 0);
}

static void
setup(void)
{
	struct address a;

	memset(&w, 0, sizeof(w));
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	open_port(&a);
	for (int i = 0; i < 2; i++)
		w.backends[i] = (struct backend_conf){ .host = "127.0.0.1",
			.port = address_port(&a), .weight = 1, .address = a };
	w.u = (struct upstream_conf){ .name = "web",
		.backends = w.backends, .n_backends = 1,
		.check = { .type = CHECK_TCP, .rise = 2, .fall = 2,
		    .interval_ms = 3600000, .timeout_ms = 1000,
		    .fast_ms = 10, .down_ms = 10 } };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	ck_assert_int_eq(wake_open(SEGMENT_SLOTS), 0);
	ck_assert_int_eq(wake_listen(SEGMENT_MONITOR, check_suspects), 0);
}

static void
teardown(void)
{
	check_stop();
	wake_ignore();
	wake_close();
	close(w.listener);
	loop_fini();
	segment_close();
}

/* ---- the loop, until something is so */

static void
on_patience(struct timer *t UNUSED)
{
	w.has_timed_out = true;
	loop_stop();
}

static void
on_look(struct timer *t)
{
	if (w.is_done())
		loop_stop();
	else
		loop_timer_set(t, clock_now_ms + 1);
}

static bool
wait_for(bool (*is_done)(void), uint32_t patience_ms)
{
	w.is_done = is_done;
	w.has_timed_out = false;
	loop.is_stopping = false;
	timer_init(&w.patience, on_patience);
	timer_init(&w.look, on_look);
	loop_timer_set(&w.patience, clock_now_ms + patience_ms);
	loop_timer_set(&w.look, clock_now_ms + 1);
	loop_run();
	loop_timer_fini(&w.patience);
	loop_timer_fini(&w.look);
	return !w.has_timed_out;
}

static bool
is_up(void)
{
	return health().health == HEALTH_UP;
}

static bool
is_down(void)
{
	return health().health == HEALTH_DOWN;
}

static bool
is_checked(void)
{
	return record().at_wall_ms != 0;
}

static uint32_t last;		/* of slot()->check.current */

static bool
is_checked_again(void)
{
	struct record *r = segment_check_record(w.backends[0].slot);

	return shm_get(&r->current) != last;
}

static bool
is_checked_within(uint32_t ms)
{
	last = shm_get(&(segment_check_record(w.backends[0].slot))->current);
	return wait_for(is_checked_again, ms);
}

/* ---- tests */

START_TEST(what_is_found_is_written)
{
	uint32_t before = eligibility();

	check_start(&w.conf);
	ck_assert_uint_ne(eligibility(), before);	/* tables anew */
	before = eligibility();
	ck_assert(wait_for(is_down, PATIENCE_MS));
	ck_assert_uint_eq(eligibility(), before + 1);
	ck_assert_uint_eq(health().cause, CHECK_CONNECT);
	ck_assert_uint_eq(record().result, CHECK_CONNECT);
	ck_assert_str_eq(record().text, "connect: Connection refused");
	ck_assert(!health().is_recovered);
	ck_assert_int_eq(listen(w.listener, 100), 0);
	ck_assert(wait_for(is_up, PATIENCE_MS));
	ck_assert_uint_eq(eligibility(), before + 2);
	ck_assert(health().is_recovered);
	ck_assert_uint_ge(health().since_ms + PATIENCE_MS, clock_now_ms);
	ck_assert_str_eq(record().text, "connected");
}
END_TEST

START_TEST(a_first_up_is_no_recovery)
{
	ck_assert_int_eq(listen(w.listener, 100), 0);
	check_start(&w.conf);
	ck_assert(wait_for(is_up, PATIENCE_MS));
	ck_assert(!health().is_recovered);
}
END_TEST

START_TEST(the_first_comes_within_a_second)
{
	check_start(&w.conf);
	ck_assert(is_checked_within(CHECK_FIRST_MS + 50));
}
END_TEST

static void
find_down(void)
{
	const struct health_word h = { .health = HEALTH_DOWN, .since_ms = 1,
		.cause = CHECK_STATUS };

	shm_set(&slot()->health, health_pack(h));
}

/* Of the former monitor: `rise` good ones are needed, and its time stays. */
START_TEST(another_monitor_takes_over)
{
	find_down();
	ck_assert_int_eq(listen(w.listener, 100), 0);
	check_start(&w.conf);
	ck_assert(wait_for(is_checked, PATIENCE_MS));
	ck_assert(is_down());
	ck_assert_uint_eq(health().since_ms, 1);
	ck_assert_uint_eq(health().cause, CHECK_STATUS);
	ck_assert(wait_for(is_up, PATIENCE_MS));
	ck_assert(health().is_recovered);
}
END_TEST

START_TEST(without_checks_nothing_is_known)
{
	const struct check_record r = { .at_wall_ms = 1, .text = "200" };
	uint32_t before = eligibility();

	find_down();
	record_write(segment_check_record(w.backends[0].slot), &r, sizeof(r));
	w.u.check.is_off = 1;
	check_start(&w.conf);
	ck_assert_uint_eq(shm_get(&slot()->health), 0);
	ck_assert_uint_eq(record().at_wall_ms, 0);
	ck_assert_uint_ne(eligibility(), before);
	ck_assert(!is_checked_within(CHECK_FIRST_MS + 100));
}
END_TEST

START_TEST(without_an_address_nothing_is_checked)
{
	w.backends[0].address.len = 0;
	w.u.check.interval_ms = 10;
	check_start(&w.conf);
	ck_assert(!is_checked_within(CHECK_FIRST_MS + 100));
	ck_assert_int_eq(health().health, HEALTH_UNKNOWN);
}
END_TEST

START_TEST(a_backend_that_is_listed_twice_is_checked_once)
{
	uint32_t from;

	w.u.n_backends = 2;
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	ck_assert_uint_eq(w.backends[0].slot, w.backends[1].slot);
	ck_assert_int_eq(listen(w.listener, 100), 0);
	check_start(&w.conf);
	ck_assert(wait_for(is_up, PATIENCE_MS));
	from = shm_get(&(segment_check_record(w.backends[0].slot))->current);
	ck_assert_uint_eq(from, 1);
	ck_assert(!is_checked_within(CHECK_FIRST_MS + 100));
}
END_TEST

START_TEST(a_suspect_is_checked_at_once)
{
	ck_assert_int_eq(listen(w.listener, 100), 0);
	check_start(&w.conf);
	ck_assert(wait_for(is_up, PATIENCE_MS));
	ck_assert(!is_checked_within(CHECK_SUSPECT_MS + 50));
	backend_suspect(w.backends[0].slot);
	ck_assert(is_checked_within(100));
	/* Not a second time as soon: requests fail by the thousand. */
	backend_suspect(w.backends[0].slot);
	ck_assert(!is_checked_within(CHECK_SUSPECT_MS - 100));
	ck_assert(is_checked_within(200));
	ck_assert(!is_checked_within(CHECK_SUSPECT_MS + 50));
}
END_TEST

START_TEST(a_suspect_that_is_down_waits)
{
	w.u.check.down_ms = 3600000;
	check_start(&w.conf);
	ck_assert(wait_for(is_down, PATIENCE_MS));
	backend_suspect(w.backends[0].slot);
	ck_assert(!is_checked_within(CHECK_SUSPECT_MS + 50));
}
END_TEST

/* No descriptor left: the backend is not charged. */
START_TEST(our_own_troubles_are_not_charged)
{
	struct rlimit usual, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ .rlim_max = usual.rlim_max };
	w.u.check.fall = 1;
	check_start(&w.conf);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert(wait_for(is_checked, PATIENCE_MS));
	ck_assert_uint_eq(record().result, CHECK_LOCAL);
	ck_assert_str_eq(record().text, "local: Too many open files");
	ck_assert_int_eq(health().health, HEALTH_UNKNOWN);
	ck_assert(is_checked_within(PATIENCE_MS));	/* tried again */
	ck_assert_int_eq(health().health, HEALTH_UNKNOWN);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("upstream/check");
	TCase *t = tcase_create("check");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, what_is_found_is_written);
	tcase_add_test(t, a_first_up_is_no_recovery);
	tcase_add_test(t, the_first_comes_within_a_second);
	tcase_add_test(t, another_monitor_takes_over);
	tcase_add_test(t, without_checks_nothing_is_known);
	tcase_add_test(t, without_an_address_nothing_is_checked);
	tcase_add_test(t, a_backend_that_is_listed_twice_is_checked_once);
	tcase_add_test(t, a_suspect_is_checked_at_once);
	tcase_add_test(t, a_suspect_that_is_down_waits);
	tcase_add_test(t, our_own_troubles_are_not_charged);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
