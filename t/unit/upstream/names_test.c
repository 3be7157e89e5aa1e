/* t/unit/upstream/names_test.c -- backends whose addresses come and go */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"
#include "proc/register.h"
#include "shm/location.h"
#include "shm/segment.h"
#include "support/unit.h"
#include "upstream/address.h"
#include "upstream/internal.h"
#include "upstream/standing.h"

#define ADDRESSES 2
#define SEATS (2 * ADDRESSES)

static struct {
	struct conf conf;
	struct upstream_conf u;
	struct backend_conf named;
	struct upstream *all;
} w;

static void
setup(void)
{
	memset(&w, 0, sizeof(w));
	clock_update();
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(loop_init(), 0);
	shm_set(&segment_process(0)->state, SLOT_READY);
	w.conf.arena = arena_new(4096);
}

static void
teardown(void)
{
	upstreams_free(&w.all, 1);
	loop_fini();
	segment_close();
	arena_free(&w.conf.arena);
}

static struct upstream *
begin(enum strategy_id strategy)
{
	w.named = (struct backend_conf){ .host = "app.test", .port = 80,
		.weight = 1, .addresses = ADDRESSES };
	w.u = (struct upstream_conf){ .name = "default",
		.strategy = strategy, .backends = &w.named, .n_backends = 1,
		.is_sticky = strategy == STRATEGY_STICKY,
		.sticky = { .cookie = "C", .path = "/",
		.secret = "0123456789abcdef", .secret_len = 16 },
		.breaker = { .is_off = 1, .max_ejected = 10000 } };
	w.conf.upstreams = &w.u;
	w.conf.n_upstreams = 1;
	conf_multiply_names(&w.conf);
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	w.all = upstreams_new(&w.conf, 0, 1);
	ck_assert_uint_eq(w.all->n_backends, SEATS);
	return w.all;
}

/* What the monitor does; `text` NULL: nowhere. */
static void
locate(size_t seat, const char *text, uint16_t weight, uint16_t priority)
{
	struct location l = { .weight = weight, .priority = priority };

	if (text != NULL)
		ck_assert(address_parse_host(&l.address, span_str(text), 80));
	location_write(w.u.backends[seat].slot, &l);
	atomic_fetch_add_explicit(&segment_upstream_slot(w.u.slot)->
	    eligibility, 1, memory_order_release);
}

static struct backend *
pick(struct upstream *u, uint64_t key)
{
	struct pick p = { .key = key, .has_key = true };

	return upstream_pick(u, &p);
}

/* How many of `n` go to each. */
static void
count(struct upstream *u, unsigned n, unsigned hits[SEATS])
{
	memset(hits, 0, SEATS * sizeof(*hits));
	for (unsigned i = 0; i < n; i++)
		hits[pick(u, i * 0x9e3779b97f4a7c15u) - u->backends]++;
}

/* No request is lost that comes behind the first answer. */
START_TEST(the_first_address_serves_at_once)
{
	struct upstream *u = begin(STRATEGY_WEIGHTED);

	ck_assert_ptr_null(pick(u, 0));
	locate(1, "127.0.0.1", 0, 0);
	ck_assert_ptr_eq(pick(u, 0), &u->backends[1]);
	ck_assert_str_eq(u->backends[1].name, "app.test@127.0.0.1:80");
	ck_assert_str_eq(u->backends[0].name, "app.test:80");
}
END_TEST

START_TEST(an_address_moves)
{
	struct upstream *u = begin(STRATEGY_WEIGHTED);
	struct backend *b = &u->backends[0];
	char *name = b->name;
	uint32_t epoch;

	locate(0, "127.0.0.1", 0, 0);
	table_build(u);
	epoch = b->owner.epoch;
	table_build(u);
	ck_assert_uint_eq(b->owner.epoch, epoch);
	locate(0, "2001:db8::1", 0, 0);
	table_build(u);
	ck_assert_uint_eq(b->owner.epoch, epoch + 1);
	ck_assert_ptr_eq(b->name, name);	/* whoever logs holds it */
	ck_assert_str_eq(b->name, "app.test@[2001:db8::1]:80");
	locate(0, NULL, 0, 0);
	table_build(u);
	ck_assert_uint_eq(b->owner.epoch, epoch + 2);
	ck_assert_uint_eq(b->address.len, 0);
	ck_assert_str_eq(b->name, "app.test@[2001:db8::1]:80");
	ck_assert_ptr_null(pick(u, 0));
	ck_assert(!backend_can_serve(b));
}
END_TEST

START_TEST(weights_and_ranks_of_dns)
{
	struct upstream *u = begin(STRATEGY_WEIGHTED);
	unsigned hits[SEATS];

	locate(0, "127.0.0.1", 3, 0);
	locate(1, "127.0.0.2", 1, 0);
	locate(2, "127.0.0.3", 9, 1);
	table_build(u);
	count(u, 400, hits);
	ck_assert_uint_eq(hits[0], 300);
	ck_assert_uint_eq(hits[1], 100);
	locate(0, NULL, 0, 0);
	locate(1, NULL, 0, 0);
	table_build(u);
	count(u, 10, hits);	/* the backup */
	ck_assert_uint_eq(hits[2], 10);
}
END_TEST

START_TEST(a_weight_of_0_drains_all)
{
	struct standing s;

	(void)begin(STRATEGY_WEIGHTED);
	w.u.backends[0].weight = 0;
	locate(0, "127.0.0.1", 3, 0);
	standing_read(&s, &w.u.backends[0]);
	ck_assert_int_eq(s.state, BACKEND_DRAIN);
	locate(0, NULL, 0, 0);
	standing_read(&s, &w.u.backends[0]);
	ck_assert_int_eq(s.state, BACKEND_UNRESOLVED);
}
END_TEST

/* It names an address, not a seat. */
START_TEST(cookies_name_addresses)
{
	struct upstream *u = begin(STRATEGY_STICKY);
	char first[STICKY_LEN + 1];

	locate(0, "127.0.0.1", 0, 0);
	locate(1, "127.0.0.2", 0, 0);
	table_build(u);
	memcpy(first, u->backends[0].cookie, sizeof(first));
	ck_assert_str_ne(first, u->backends[1].cookie);
	ck_assert_int_eq(strncmp(u->backends[0].set_cookie + 2, first,
	    STICKY_LEN), 0);
	locate(0, "127.0.0.3", 0, 0);
	locate(3, "127.0.0.1", 0, 0);
	table_build(u);
	ck_assert_ptr_eq(upstream_named(u, span_str(first)),
	    &u->backends[3]);
	ck_assert_int_eq(strncmp(u->backends[3].set_cookie + 2, first,
	    STICKY_LEN), 0);
}
END_TEST

/* Keys belong to addresses, wherever these sit. */
START_TEST(keys_follow_addresses)
{
	struct upstream *u = begin(STRATEGY_HASH);
	unsigned hits[SEATS], again[SEATS];

	locate(0, "127.0.0.1", 0, 0);
	locate(1, "127.0.0.2", 0, 0);
	table_build(u);
	count(u, 1000, hits);
	ck_assert_uint_gt(hits[0], 400);
	ck_assert_uint_gt(hits[1], 400);
	locate(0, NULL, 0, 0);
	table_build(u);
	count(u, 1000, again);
	ck_assert_uint_eq(again[1], 1000);
	locate(2, "127.0.0.1", 0, 0);
	table_build(u);
	count(u, 1000, again);
	ck_assert_uint_eq(again[2], hits[0]);
	ck_assert_uint_eq(again[1], hits[1]);
}
END_TEST

START_TEST(spare_seats_are_not_spoken_of)
{
	(void)begin(STRATEGY_WEIGHTED);
	ck_assert(!backend_is_spare(&w.u.backends[0]));
	ck_assert(backend_is_spare(&w.u.backends[1]));
	locate(1, "127.0.0.1", 0, 0);
	ck_assert(backend_is_spare(&w.u.backends[0]));
	ck_assert(!backend_is_spare(&w.u.backends[1]));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("upstream: names");
	TCase *tc = tcase_create("addresses");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_address_serves_at_once);
	tcase_add_test(tc, an_address_moves);
	tcase_add_test(tc, weights_and_ranks_of_dns);
	tcase_add_test(tc, a_weight_of_0_drains_all);
	tcase_add_test(tc, cookies_name_addresses);
	tcase_add_test(tc, keys_follow_addresses);
	tcase_add_test(tc, spare_seats_are_not_spoken_of);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
