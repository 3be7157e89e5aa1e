/* t/unit/dns/refresh_test.c -- names in step with a name server of ours */
#include "dns/refresh.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "event/loop.h"
#include "proc/register.h"
#include "shm/location.h"
#include "shm/segment.h"
#include "support/name_server.h"
#include "support/unit.h"

#define A(host, address, phase)						\
	{ host, RECORD_A, 1, "127.0.0." address, phase }

static const struct zone_row zone[] = {
	A("app.test", "1", 0), A("app.test", "2", 1), A("app.test", "3", 2),
	A("late.test", "1", 2),
	A("leaves.test", "1", 1), A("leaves.test", "2", 1),
	A("leaves.test", "3", 3),
	{ "_web._tcp.test", RECORD_SRV, 300, "20 65535 80 a.test", 0 },
	{ "_web._tcp.test", RECORD_SRV, 300, "10 6554 81 b.test", 0 },
	{ "_web._tcp.test", RECORD_SRV, 300, "20 0 82 b.test", 0 },
	{ "_web._tcp.test", RECORD_SRV, 300, "30 1 83 b.test", 0 },
	{ "_part._tcp.test", RECORD_SRV, 1, "1 1 80 a.test", 0 },
	{ "_part._tcp.test", RECORD_SRV, 1, "1 1 80 b.test", 1 },
	{ "_part._tcp.test", RECORD_SRV, 1, "1 1 80 servfail.test", 2 },
	A("a.test", "1", 0), A("b.test", "2", 0),
	{ NULL, RECORD_A, 0, NULL, 0 },
};

static struct conf conf;
static struct upstream_conf upstreams[2];
static struct backend_conf named[2][2];
static struct address server;
static unsigned n_first;

static void
setup(void)
{
	ck_assert_int_eq(segment_create(), 0);
	random_seed();
	log_open(-1, false);
	ck_assert(address_parse_host(&server, SPAN("127.0.0.1"),
	    name_server_start(zone)));
	ck_assert_int_eq(loop_init(), 0);
	conf = (struct conf){ .arena = arena_new(4096),
		.upstreams = upstreams,
		.resolver = { .servers = &server, .n_servers = 1,
		.timeout_ms = 1000, .stale_ms = 60000 } };
	upstreams[0] = (struct upstream_conf){ .name = "web",
		.backends = named[0] };
	upstreams[1] = (struct upstream_conf){ .name = "api",
		.backends = named[1] };
	n_first = 0;
}

static void
teardown(void)
{
	refresh_stop();
	loop_fini();
	name_server_stop();
	arena_free(&conf.arena);
	segment_close();
}

static void
add(size_t u, const char *host)
{
	bool is_srv = *host == '_';

	named[u][upstreams[u].n_backends++] = (struct backend_conf){
		.host = host, .port = is_srv ? 0 : 80, .is_srv = is_srv,
		.weight = 1, .addresses = 8 };
	conf.n_upstreams = u + 1;
}

static void
on_first(void)
{
	n_first++;
}

static void
begin(void)
{
	conf_multiply_names(&conf);
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	refresh_start(&conf, on_first);
}

/* "web: 1 2; api: -": the last bytes of the addresses, of SRV
 * "1:80 weight/priority". */
static const char *
seated(void)
{
	static char all[512];
	struct location l;
	size_t len = 0, n;

	*all = '\0';
	for (size_t u = 0; u < conf.n_upstreams; u++) {
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s:",
		    u > 0 ? "; " : "", upstreams[u].name);
		n = 0;
		for (size_t i = 0; i < upstreams[u].n_backends; i++) {
			ck_assert(location_read(
			    upstreams[u].backends[i].slot, &l));
			if (l.address.len == 0)
				continue;
			n++;
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    l.weight == 0 ? " %u" : " %u:%u=%u/%u",
			    ntohl(l.address.in.sin_addr.s_addr) & 0xff,
			    address_port(&l.address), l.weight, l.priority);
		}
		if (n == 0)
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    " -");
	}
	return all;
}

/* ---- running until something is so */

static struct timer look;
static uint64_t end_ms;
static const char *wanted;	/* NULL: the first answers */

static void
on_look(struct timer *t)
{
	bool is_so = wanted == NULL ? n_first > 0 :
	    strcmp(seated(), wanted) == 0;

	if (is_so || clock_now_ms > end_ms)
		loop_stop();
	else
		loop_timer_set(t, clock_now_ms + 5);
}

/* Milliseconds until then. */
static uint64_t
run_until(const char *text, uint64_t most_ms)
{
	uint64_t from;

	clock_update();
	from = clock_now_ms;
	wanted = text;
	end_ms = from + most_ms;
	timer_init(&look, on_look);
	loop_timer_set(&look, from);
	loop_run();
	loop_timer_fini(&look);
	if (text == NULL)
		ck_assert_uint_gt(n_first, 0);
	else
		ck_assert_str_eq(seated(), text);
	return clock_now_ms - from;
}

/* It stays so. */
static void
run_for(const char *text, uint64_t ms)
{
	wanted = "never";
	clock_update();
	end_ms = clock_now_ms + ms;
	timer_init(&look, on_look);
	loop_timer_set(&look, clock_now_ms);
	loop_run();
	loop_timer_fini(&look);
	ck_assert_str_eq(seated(), text);
}

#define SOON 5000	/* where a test does not look at the time */
#define TTL_AND_1S 2000

START_TEST(no_names)
{
	begin();
	ck_assert_uint_eq(n_first, 1);
}
END_TEST

START_TEST(first_answers)
{
	add(0, "app.test");
	add(0, "missing.test");
	add(1, "app.test");
	begin();
	ck_assert_uint_eq(n_first, 0);
	run_until(NULL, 1000);
	ck_assert_str_eq(seated(), "web: 1 2; api: 1 2");
	/* A and AAAA, of the one that is shared, too. */
	ck_assert_uint_eq(name_server_count(), 4);
	ck_assert_uint_eq(n_first, 1);
}
END_TEST

START_TEST(follows)
{
	add(0, "app.test");
	begin();
	run_until("web: 1 2", SOON);
	name_server_set_phase(2);
	ck_assert_uint_le(run_until("web: 1 3", SOON), TTL_AND_1S);
}
END_TEST

START_TEST(joins_late)
{
	add(0, "app.test");
	add(1, "late.test");
	begin();
	run_until(NULL, 1000);
	ck_assert_str_eq(seated(), "web: 1 2; api: -");
	name_server_set_phase(2);
	run_until("web: 1 3; api: 1", SOON);
}
END_TEST

/* A name that vanishes is kept for `stale` beyond its TTL, and may return. */
START_TEST(vanishes)
{
	add(0, "leaves.test");
	conf.resolver.stale_ms = 1000;
	begin();
	run_until("web: 1 2", SOON);
	name_server_set_phase(2);
	run_for("web: 1 2", 1900);
	run_until("web: -", SOON);
	name_server_set_phase(3);
	run_until("web: 3", 6500);
}
END_TEST

START_TEST(outlives_the_server)
{
	add(0, "app.test");
	begin();
	run_until("web: 1 2", SOON);
	name_server_stop();
	run_for("web: 1 2", 2500);
	refresh_stop();		/* as if the monitor had died */
	refresh_start(&conf, on_first);
	run_for("web: 1 2", 1500);
	ck_assert_uint_eq(n_first, 2);
}
END_TEST

/* Ranks in place of priorities, weights in the scale of ours. */
START_TEST(srv_records)
{
	add(0, "_web._tcp.test");
	begin();
	run_until("web: 2:81=100/0 1:80=1000/1 2:82=1/1 2:83=1/2", SOON);
}
END_TEST

START_TEST(a_part_that_fails_is_kept)
{
	add(0, "_part._tcp.test");
	begin();
	run_until("web: 1:80=1/0 2:80=1/0", SOON);
	name_server_set_phase(2);
	run_for("web: 1:80=1/0 2:80=1/0", 2500);
	name_server_set_phase(3);
	run_until("web: 1:80=1/0", SOON);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns: refresh");
	TCase *tc = tcase_create("names");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_names);
	tcase_add_test(tc, first_answers);
	tcase_add_test(tc, follows);
	tcase_add_test(tc, joins_late);
	tcase_add_test(tc, vanishes);
	tcase_add_test(tc, outlives_the_server);
	tcase_add_test(tc, srv_records);
	tcase_add_test(tc, a_part_that_fails_is_kept);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
