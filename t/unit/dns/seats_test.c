/* t/unit/dns/seats_test.c -- which address has which slot */
#include "dns/seats.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "proc/register.h"
#include "shm/location.h"
#include "shm/segment.h"
#include "support/unit.h"

#define MOST 3
#define SEATS (2 * MOST)

static struct conf conf;
static struct upstream_conf upstream;
static struct backend_conf named;
static struct seats seats;

static void
setup(void)
{
	ck_assert_int_eq(segment_create(), 0);
	clock_now_ms = 1000000;
	named = (struct backend_conf){ .host = "app.test", .port = 80,
		.weight = 1, .addresses = MOST };
	upstream = (struct upstream_conf){ .name = "web",
		.backends = &named, .n_backends = 1 };
	conf = (struct conf){ .arena = arena_new(4096),
		.upstreams = &upstream, .n_upstreams = 1 };
	conf_multiply_names(&conf);
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	ck_assert_uint_eq(upstream.n_backends, SEATS);
	seats_init(&seats, &upstream, upstream.backends);
}

static void
teardown(void)
{
	seats_fini(&seats);
	arena_free(&conf.arena);
	segment_close();
}

/* "1 2:5" is 127.0.0.1 and 127.0.0.2 with the weight 5, all at port 80. */
static void
parse(struct answers *a, const char *text)
{
	unsigned host, weight;
	int n;

	memset(a, 0, sizeof(*a));
	while (sscanf(text, "%u%n", &host, &n) == 1) {
		struct answer *one = &a->all[a->n++];

		text += n;
		weight = 0;
		if (*text == ':' && sscanf(text, ":%u%n", &weight, &n) == 1)
			text += n;
		one->weight = (uint16_t)weight;
		one->address.len = sizeof(one->address.in);
		one->address.in.sin_family = AF_INET;
		one->address.in.sin_port = htons(80);
		one->address.in.sin_addr.s_addr = htonl(0x7f000000 + host);
	}
}

static bool
give(const char *text)
{
	struct answers a;

	parse(&a, text);
	return seats_give(&seats, &a, false);
}

/* What the segment says, in the same form, "-" for no address. */
static void
check(const char *want)
{
	char all[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < SEATS; i++) {
		struct location l;

		ck_assert(location_read(upstream.backends[i].slot, &l));
		if (i > 0)
			all[len++] = ' ';
		if (l.address.len == 0)
			all[len++] = '-';
		else
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    "%u", ntohl(l.address.in.sin_addr.s_addr) & 0xff);
		if (l.weight > 0)
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    ":%u", l.weight);
		all[len] = '\0';
	}
	ck_assert_str_eq(all, want);
}

static struct backend_words *
slot(size_t seat)
{
	return segment_backend_words(upstream.backends[seat].slot);
}

static void
set_in_flight(size_t seat, uint32_t n)
{
	uint32_t at = upstream.backends[seat].slot;

	shm_publish(&segment_process(0)->state, SLOT_READY);
	shm_set(&segment_stripe(0, at)->in_flight[at % BACKEND_CHUNK], n);
}

static uint32_t
eligibility(void)
{
	return shm_get(&segment_upstream_slot(upstream.slot)->eligibility);
}

START_TEST(an_address_keeps_its_seat)
{
	ck_assert(seats_are_empty(&seats));
	ck_assert(give("1 2"));
	check("1 2 - - - -");
	ck_assert(!seats_are_empty(&seats));
	ck_assert(!give("1 2"));
	ck_assert(!give("2 1"));
	ck_assert(give("2 3"));
	check("- 2 3 - - -");
	ck_assert(give(""));
	check("- - - - - -");
	ck_assert(seats_are_empty(&seats));
	ck_assert(give("3 2 1"));
	check("1 2 3 - - -");
	ck_assert(give("4 5 6"));	/* all at once */
	check("- - - 4 5 6");
}
END_TEST

START_TEST(changes_are_told_once)
{
	uint32_t before = eligibility();

	give("1 2");
	ck_assert_uint_eq(eligibility(), before + 1);
	give("1 2");
	ck_assert_uint_eq(eligibility(), before + 1);
	give("1 2:7");
	ck_assert_uint_eq(eligibility(), before + 2);
	check("1 2:7 - - - -");
}
END_TEST

/* Not before all workers may know, nor while anything is in flight. */
START_TEST(a_seat_rests)
{
	give("1 2 3");
	set_in_flight(1, 1);
	give("4 5 6");
	ck_assert_uint_eq(seats.n_waiting, 0);
	ck_assert(give("7 8 9"));
	check("- - - - - -");
	ck_assert_uint_eq(seats.n_waiting, 3);
	clock_now_ms += SEAT_REST_MS - 1;
	ck_assert(!give("7 8 9"));
	set_in_flight(4, 1);
	set_in_flight(5, 1);
	set_in_flight(3, 1);
	clock_now_ms++;
	ck_assert(give("7 8 9"));
	check("7 - 8 - - -");
	ck_assert_uint_eq(seats.n_waiting, 1);
	ck_assert_uint_eq(seats.n_left_out, 0);
	set_in_flight(1, 0);
	ck_assert(give("7 8 9"));
	check("7 9 8 - - -");
	ck_assert_uint_eq(seats.n_waiting, 0);
}
END_TEST

/* At once, and with whatever is in flight: it is the same server. */
START_TEST(who_returns_has_its_own_seat)
{
	give("1 2 3");
	set_in_flight(0, 1);
	give("2 3");
	clock_now_ms += 10 * SEAT_REST_MS;
	shm_set(&slot(0)->breaker, 77);
	give("9 1 2 3");
	check("1 2 3 - - -");
	ck_assert_uint_eq(shm_get(&slot(0)->breaker), 77);
	ck_assert_uint_eq(seats.n_left_out, 1);
}
END_TEST

/* Those never taken, then the one that is free for longest. */
START_TEST(free_seats_are_taken_by_age)
{
	give("1 2 3");
	give("4 5 6");
	clock_now_ms += 2 * SEAT_REST_MS;
	give("4 5");
	clock_now_ms += SEAT_REST_MS;
	give("4 5 7");
	check("7 - - 4 5 -");
	give("5 7 8");
	check("7 8 - - 5 -");
}
END_TEST

START_TEST(too_many)
{
	give("1 2 3 4 5");
	check("1 2 3 - - -");
	ck_assert_uint_eq(seats.n_left_out, 2);
	ck_assert_uint_eq(seats.n_waiting, 0);
	give("2 3 4 5");
	check("- 2 3 4 - -");
	ck_assert_uint_eq(seats.n_left_out, 1);
	give("1 2 3 4 5");	/* it has a seat, but is one too many */
	check("- 2 3 4 - -");
	ck_assert_uint_eq(seats.n_left_out, 2);
	ck_assert_uint_eq(seats.n_waiting, 0);
}
END_TEST

START_TEST(others_are_kept)
{
	struct answers a;

	give("1 2");
	parse(&a, "2 3");
	ck_assert(seats_give(&seats, &a, true));
	check("1 2 3 - - -");
	parse(&a, "4");
	ck_assert(!seats_give(&seats, &a, true));
	ck_assert_uint_eq(seats.n_left_out, 1);
}
END_TEST

START_TEST(the_next_monitor_goes_on)
{
	struct answers a;

	give("1:3 2");
	seats_fini(&seats);
	seats_init(&seats, &upstream, upstream.backends);
	ck_assert(!seats_are_empty(&seats));
	ck_assert(!give("1:3 2"));
	parse(&a, "2 3");
	ck_assert(seats_give(&seats, &a, false));
	check("- 2 3 - - -");
}
END_TEST

START_TEST(another_address_begins_anew)
{
	give("1 2 3");
	give("4 5 6");
	for (size_t i = 0; i < SEATS; i++)
		shm_set(&slot(i)->admin, 1);	/* for all of the name */
	shm_set(&slot(0)->breaker, 77);
	shm_set(&slot(0)->window, 78);
	clock_now_ms += SEAT_REST_MS;
	give("5 6 7");
	check("7 - - - 5 6");
	ck_assert_uint_eq(shm_get(&slot(0)->breaker), 0);
	ck_assert_uint_eq(shm_get(&slot(0)->window), 0);
	ck_assert_uint_eq(shm_get(&slot(0)->admin), 1);
	shm_set(&slot(1)->admin, 2);		/* for 127.0.0.2 */
	give("5 6 8");
	check("- 8 - - 5 6");
	ck_assert_uint_eq(shm_get(&slot(1)->admin), 0);
	ck_assert_uint_eq(shm_get(&slot(4)->admin), 1);
}
END_TEST

/* ---- what the segment holds */

START_TEST(locations)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	struct location in = { .weight = 65535, .priority = 3 }, out;

	ck_assert(address_parse_host(&in.address, span_str(texts[_i]),
	    65535));
	location_write(upstream.backends[0].slot, &in);
	ck_assert(location_read(upstream.backends[0].slot, &out));
	ck_assert_uint_eq(out.address.len, in.address.len);
	ck_assert(address_equal(&in.address, &out.address));
	ck_assert_uint_eq(out.weight, 65535);
	ck_assert_uint_eq(out.priority, 3);
}
END_TEST

START_TEST(a_scribbled_family_is_nowhere)
{
	struct place_record r = { .family = 77, .port = 80 };
	struct location l;

	record_init(segment_place_record(upstream.backends[0].slot), sizeof(r));
	record_write(segment_place_record(upstream.backends[0].slot), &r,
	    sizeof(r));
	ck_assert(location_read(upstream.backends[0].slot, &l));
	ck_assert_uint_eq(l.address.len, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns: seats");
	TCase *tc = tcase_create("seats");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_address_keeps_its_seat);
	tcase_add_test(tc, changes_are_told_once);
	tcase_add_test(tc, a_seat_rests);
	tcase_add_test(tc, who_returns_has_its_own_seat);
	tcase_add_test(tc, free_seats_are_taken_by_age);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, others_are_kept);
	tcase_add_test(tc, the_next_monitor_goes_on);
	tcase_add_test(tc, another_address_begins_anew);
	tcase_add_loop_test(tc, locations, 0, 2);
	tcase_add_test(tc, a_scribbled_family_is_nowhere);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
