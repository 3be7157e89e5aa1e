/* t/unit/dns/lookup_test.c -- what a question brings, from a server of ours */
#include "dns/lookup.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "event/loop.h"
#include "support/name_server.h"
#include "support/unit.h"

static const struct zone_row zone[] = {
	{ "two.test", RECORD_A, 30, "127.0.0.2", 0 },
	{ "two.test", RECORD_A, 20, "127.0.0.1", 0 },
	{ "both.test", RECORD_AAAA, 9, "::1", 0 },
	{ "both.test", RECORD_A, 10, "127.0.0.1", 0 },
	{ "six.test", RECORD_AAAA, 9, "::1", 0 },
	{ "zero.test", RECORD_A, 0, "127.0.0.1", 0 },
	{ "huge.test", RECORD_A, 0x7fffffff, "127.0.0.1", 0 },
	{ "negative.test", RECORD_A, 0x80000000, "127.0.0.1", 0 },
	{ "twice.test", RECORD_A, 5, "127.0.0.1", 0 },
	{ "twice.test", RECORD_A, 5, "127.0.0.1", 0 },
	{ "alias.test", RECORD_CNAME, 7, "two.test", 0 },
	{ "cut.test", RECORD_A, 11, "127.0.0.3", 0 },
	{ "cut.test", RECORD_A, 11, "127.0.0.4", 0 },
	{ "lone.test", RECORD_A, 11, "127.0.0.4", 0 },
	{ "garbage.test", RECORD_A, 11, "127.0.0.4", 0 },
	{ "_web._tcp.test", RECORD_SRV, 50, "10 3 8080 two.test", 0 },
	{ "_web._tcp.test", RECORD_SRV, 60, "5 0 8081 one.test", 0 },
	{ "one.test", RECORD_A, 40, "127.0.0.9", 0 },
	{ "_same._tcp.test", RECORD_SRV, 50, "7 1 8080 one.test", 0 },
	{ "_same._tcp.test", RECORD_SRV, 50, "3 2 8080 one.test", 0 },
	{ "_same._tcp.test", RECORD_SRV, 50, "3 4 8081 one.test", 0 },
	{ "_dot._tcp.test", RECORD_SRV, 50, "0 0 0 .", 0 },
	{ "_none._tcp.test", RECORD_SRV, 50, "0 0 80 none.test", 0 },
	{ "_part._tcp.test", RECORD_SRV, 50, "0 9 80 silent.test", 0 },
	{ "_part._tcp.test", RECORD_SRV, 50, "0 9 80 one.test", 0 },
	{ "_gone._tcp.test", RECORD_SRV, 50, "0 9 80 gone.test", 0 },
	{ "_gone._tcp.test", RECORD_SRV, 50, "0 9 80 one.test", 0 },
	{ "cut._tcp.test", RECORD_SRV, 50, "0 9 80 one.test", 0 },
	{ NULL, RECORD_A, 0, NULL, 0 },
};

static struct address servers[2];
static struct resolver_conf resolver = {
	.servers = servers, .n_servers = 1, .timeout_ms = 5000,
};
static struct lookup_owner owner;
static struct answers got;
static unsigned n_got;

static void
on_answers(struct lookup_owner *o, const struct answers *a)
{
	ck_assert_ptr_eq(o, &owner);
	got = *a;
	n_got++;
	loop_stop();
}

static void
serve_at(struct address *a, uint16_t port)
{
	ck_assert(address_parse_host(a, SPAN("127.0.0.1"), port));
}

static void
start(const struct zone_row *rows)
{
	serve_at(&servers[0], name_server_start(rows));
	resolver.n_servers = 1;
	resolver.timeout_ms = 5000;
	n_got = 0;
	owner.on_answers = on_answers;
	log_open(-1, false);
	ck_assert_int_eq(loop_init(), 0);
}

static void
setup(void)
{
	start(zone);
}

static void
teardown(void)
{
	loop_fini();
	name_server_stop();
}

static struct lookup *
ask(const char *host)
{
	struct question q = { .host = host, .port = 80,
		.is_srv = strstr(host, "._tcp.") != NULL };

	return lookup_start(&resolver, &q, &owner);
}

/* "127.0.0.1:80 [::1]:80", of SRV "5/1=127.0.0.1:80". */
static const char *
print_answers(void)
{
	static char all[ANSWERS_MOST * 64];
	char one[ADDRESS_TEXT_MAX];
	size_t len = 0;

	*all = '\0';
	for (size_t i = 0; i < got.n; i++) {
		const struct answer *a = &got.all[i];

		address_print(&a->address, one);
		if (i > 0)
			all[len++] = ' ';
		if (a->weight > 0)
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    "%u/%u=", a->priority, a->weight);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s",
		    one);
	}
	return all;
}

static const struct row {
	const char *host, *want;
	uint32_t ttl_s;
	bool is_partial;
	const char *why;	/* a part of it */
} rows[] = {
	{ "two.test", "127.0.0.1:80 127.0.0.2:80", 20, false, NULL },
	{ "TWO.Test", "127.0.0.1:80 127.0.0.2:80", 20, false, NULL },
	{ "both.test", "127.0.0.1:80 [::1]:80", 9, false, NULL },
	{ "six.test", "[::1]:80", 9, false, NULL },
	{ "zero.test", "127.0.0.1:80", 0, false, NULL },
	{ "huge.test", "127.0.0.1:80", 0x7fffffff, false, NULL },
	{ "negative.test", "127.0.0.1:80", 0, false, NULL },
	{ "twice.test", "127.0.0.1:80", 5, false, NULL },
	{ "alias.test", "127.0.0.1:80 127.0.0.2:80", 7, false, NULL },
	{ "cut.test", "127.0.0.3:80 127.0.0.4:80", 11, false, NULL },
	{ "none.test", "", UINT32_MAX, false, "not found" },
	{ "empty.test", "", UINT32_MAX, false, "no data" },
	{ "servfail.test", "", UINT32_MAX, true, "Could not contact" },
	{ "refused.test", "", UINT32_MAX, true, "Could not contact" },
	{ "_web._tcp.test", "5/1=127.0.0.9:8081 10/3=127.0.0.1:8080 "
	  "10/3=127.0.0.2:8080", 20, false, NULL },
	{ "_same._tcp.test", "3/2=127.0.0.9:8080 3/4=127.0.0.9:8081", 40,
	  false, NULL },
	{ "_dot._tcp.test", "", 50, false, "no address" },
	{ "_none._tcp.test", "", 50, false, "not found" },
	{ "_gone._tcp.test", "0/9=127.0.0.9:80", 40, false, NULL },
	{ "_missing._tcp.test", "", UINT32_MAX, false, "not found" },
	{ "cut._tcp.test", "0/9=127.0.0.9:80", 40, false, NULL },
};

static void
check_row(const struct row *row)
{
	ck_assert_uint_eq(n_got, 1);
	ck_assert_str_eq(print_answers(), row->want);
	ck_assert_uint_eq(got.ttl_s, row->ttl_s);
	ck_assert_int_eq(got.is_whole, !row->is_partial);
	if (row->why == NULL)
		ck_assert_ptr_null(got.why);
	else
		ck_assert_ptr_nonnull(strstr(got.why, row->why));
}

START_TEST(answers)
{
	(void)ask(rows[_i].host);
	ck_assert_uint_eq(n_got, 0);	/* never from within */
	loop_run();
	check_row(&rows[_i]);
}
END_TEST

/* Nothing that can be understood, until the time is over. */
static const char *const silent[] = { "silent.test", "short.test",
	"foreign.test", "silent._tcp.test" };

START_TEST(silence)
{
	uint64_t before = clock_read_ns();

	resolver.timeout_ms = 200;
	(void)ask(silent[_i]);
	loop_run();
	ck_assert_uint_ge(clock_read_ns() - before, 199000000);
	ck_assert_uint_lt(clock_read_ns() - before, 2000000000);
	check_row(&(struct row){ silent[_i], "", UINT32_MAX, true,
	    "Timeout" });
	ck_assert_uint_gt(name_server_count(), 1);	/* it tried again */
}
END_TEST

/* Neither brings anything, and both end at the latest with the time. */
static const char *const damaged[] = { "garbage.test", "lone.test",
	"garbage._tcp.test", "lone._tcp.test" };

START_TEST(damage)
{
	resolver.timeout_ms = 300;
	(void)ask(damaged[_i]);
	loop_run();
	ck_assert_uint_eq(n_got, 1);
	ck_assert_uint_eq(got.n, 0);
	ck_assert(!got.is_whole);
	ck_assert_ptr_nonnull(got.why);
}
END_TEST

START_TEST(part_of_a_set)
{
	resolver.timeout_ms = 300;
	(void)ask("_part._tcp.test");
	loop_run();
	check_row(&(struct row){ "", "0/9=127.0.0.9:80", 40, true,
	    "Timeout" });
}
END_TEST

/* The first is dead. */
START_TEST(second_server)
{
	servers[1] = servers[0];
	serve_at(&servers[0], 9);
	resolver.n_servers = 2;
	(void)ask("two.test");
	loop_run();
	check_row(&rows[0]);
}
END_TEST

START_TEST(no_server)
{
	serve_at(&servers[0], 9);
	resolver.timeout_ms = 500;
	(void)ask("two.test");
	loop_run();
	ck_assert_uint_eq(got.n, 0);
	ck_assert(!got.is_whole);
	ck_assert_ptr_nonnull(got.why);
}
END_TEST

static void
on_time(struct timer *t UNUSED)
{
	loop_stop();
}

START_TEST(cancelled)
{
	struct timer end;
	struct lookup *l = ask("silent.test"), *none = NULL;

	lookup_cancel(&l);
	ck_assert_ptr_null(l);
	lookup_cancel(&none);
	l = ask("two.test");
	timer_init(&end, on_time);
	loop_timer_set(&end, clock_now_ms + 1);
	loop_run();
	if (n_got == 0)
		lookup_cancel(&l);
	loop_timer_set(&end, clock_now_ms + 100);
	loop_run();
	ck_assert_uint_le(n_got, 1);
	loop_timer_fini(&end);
}
END_TEST

START_TEST(many_at_once)
{
	for (unsigned n = 0; n < 100; n++)
		(void)ask(n % 2 == 0 ? "two.test" : "_web._tcp.test");
	while (n_got < 100)
		loop_run();
}
END_TEST

/* ---- more than there is room for */

#define MANY 100
static struct zone_row many[2 * MANY + 2];
static char texts[2 * MANY][64];

static void
setup_many(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "127.1.0.%u", MANY - i);
		many[i] = (struct zone_row){ "many.test", RECORD_A, 5,
			texts[i], 0 };
		snprintf(texts[MANY + i], sizeof(*texts), "0 5 %u one.test",
		    1 + i);
		many[MANY + i] = (struct zone_row){ "_many._tcp.test",
			RECORD_SRV, 5, texts[MANY + i], 0 };
	}
	many[2 * MANY] = (struct zone_row){ "one.test", RECORD_A, 5,
		"127.0.0.1", 0 };
	start(many);
}

START_TEST(the_first_are_kept)
{
	char want[32];

	(void)ask("many.test");
	loop_run();
	ck_assert_uint_eq(got.n, ANSWERS_MOST);
	for (unsigned i = 0; i < ANSWERS_MOST; i++) {
		char one[ADDRESS_TEXT_MAX];

		snprintf(want, sizeof(want), "127.1.0.%u:80", i + 1);
		address_print(&got.all[i].address, one);
		ck_assert_str_eq(one, want);
	}
}
END_TEST

START_TEST(many_records)
{
	(void)ask("_many._tcp.test");
	loop_run();
	ck_assert_uint_eq(got.n, ANSWERS_MOST);
	ck_assert(got.is_whole);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns: lookup");
	TCase *tc = tcase_create("answers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, answers, 0, COUNT_OF(rows));
	tcase_add_loop_test(tc, silence, 0, COUNT_OF(silent));
	tcase_add_loop_test(tc, damage, 0, COUNT_OF(damaged));
	tcase_add_test(tc, part_of_a_set);
	tcase_add_test(tc, second_server);
	tcase_add_test(tc, no_server);
	tcase_add_test(tc, cancelled);
	tcase_add_test(tc, many_at_once);
	suite_add_tcase(suite, tc);
	tc = tcase_create("many");
	tcase_add_checked_fixture(tc, setup_many, teardown);
	tcase_add_test(tc, the_first_are_kept);
	tcase_add_test(tc, many_records);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
