/* t/unit/proc/register_test.c -- slots belong to identities, not positions */
#include "proc/register.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "shm/segment.h"

static struct backend_conf backends[4];
static struct upstream_conf upstreams[2];
static struct conf conf;

static void
backend(struct backend_conf *b, const char *host, uint16_t port)
{
	*b = (struct backend_conf){ .host = host, .port = port };
	(void)address_parse_host(&b->address, span_str(host), port);
}

static void
setup(void)
{
	ck_assert_int_eq(segment_create(), 0);
	backend(&backends[0], "127.0.0.1", 1);
	backend(&backends[1], "127.0.0.1", 2);
	backend(&backends[2], "unresolved.invalid", 2);
	backend(&backends[3], "127.0.0.1", 1);
	upstreams[0] = (struct upstream_conf){
		.name = "web", .backends = backends, .n_backends = 3,
	};
	upstreams[1] = (struct upstream_conf){
		.name = "api", .backends = backends + 3, .n_backends = 1,
	};
	conf.upstreams = upstreams;
	conf.n_upstreams = 2;
}

static void
teardown(void)
{
	segment_close();
}

START_TEST(each_has_its_own_slot)
{
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	ck_assert_uint_ne(upstreams[0].slot, upstreams[1].slot);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			ck_assert_uint_ne(backends[i].slot, backends[j].slot);
	ck_assert_str_eq(segment_backend_slot(backends[1].slot)->identity,
	    "web|127.0.0.1|127.0.0.1:2");
	ck_assert_str_eq(segment_backend_slot(backends[2].slot)->identity,
	    "web|unresolved.invalid|2|#0");
	ck_assert_str_eq(segment_upstream_slot(upstreams[1].slot)->name,
	    "api");
}
END_TEST

START_TEST(another_order_keeps_the_slots)
{
	uint32_t first, second;

	ck_assert_int_eq(segment_register_conf(&conf), 0);
	first = backends[0].slot;
	second = backends[1].slot;
	backend(&backends[0], "127.0.0.1", 2);
	backend(&backends[1], "127.0.0.1", 1);
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	ck_assert_uint_eq(backends[0].slot, second);
	ck_assert_uint_eq(backends[1].slot, first);
}
END_TEST

/* As many side by side as a name may have addresses. */
START_TEST(names_are_multiplied)
{
	struct backend_conf *b;

	conf.arena = arena_new(4096);
	backends[2].addresses = 2;
	backend(&backends[3], "_http._tcp.test", 0);
	backends[3].is_srv = true;
	backends[3].addresses = 1;
	conf_multiply_names(&conf);
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	ck_assert_uint_eq(upstreams[0].n_backends, 6);
	b = upstreams[0].backends;
	ck_assert_str_eq(segment_backend_slot(b[1].slot)->identity,
	    "web|127.0.0.1|127.0.0.1:2");
	ck_assert_str_eq(segment_backend_slot(b[2].slot)->identity,
	    "web|unresolved.invalid|2|#0");
	ck_assert_str_eq(segment_backend_slot(b[5].slot)->identity,
	    "web|unresolved.invalid|2|#3");
	ck_assert_uint_eq(b[5].port, 2);
	ck_assert_uint_eq(upstreams[1].n_backends, 2);
	ck_assert_str_eq(segment_backend_slot(upstreams[1].backends->slot)
	    ->identity, "api|_http._tcp.test|srv|#0");
	arena_free(&conf.arena);
}
END_TEST

static bool
is_used(uint32_t slot)
{
	return segment_backend_slot(slot)->in_use == SLOT_USED;
}

static uint32_t
keep(const struct conf *a, const struct conf *b)
{
	struct segment_use use = { .backends = { 0 } };

	conf_mark_slots(a, &use);
	conf_mark_slots(b, &use);
	return segment_keep(&use);
}

/* Another configuration while the first lives: web has one backend less and
 * one more, api is gone, new has come. */
START_TEST(a_second_configuration_shares_what_it_has_in_common)
{
	struct backend_conf second[3];
	struct upstream_conf ups[2] = {
		{ .name = "web", .backends = second, .n_backends = 2 },
		{ .name = "new", .backends = second + 2, .n_backends = 1 },
	};
	struct conf next = { .upstreams = ups, .n_upstreams = 2 };

	ck_assert_int_eq(segment_register_conf(&conf), 0);
	segment_backend_words(backends[1].slot)->admin = 5;
	shm_set(&segment_backend_words(backends[1].slot)->health, 6);
	backend(&second[0], "127.0.0.1", 9);
	backend(&second[1], "127.0.0.1", 2);
	backend(&second[2], "127.0.0.1", 1);
	ck_assert_int_eq(segment_register_conf(&next), 0);
	ck_assert_uint_eq(second[1].slot, backends[1].slot);
	ck_assert_uint_eq(ups[0].slot, upstreams[0].slot);
	ck_assert_uint_eq(keep(&conf, &next), 0);
	ck_assert_uint_eq(keep(&next, &next), 4);
	ck_assert(!is_used(backends[0].slot) && is_used(second[0].slot) &&
	    is_used(second[1].slot) && is_used(second[2].slot));
	ck_assert_uint_eq(segment_upstream_slot(upstreams[1].slot)->in_use,
	    SLOT_RELEASED);
	ck_assert_int_eq(segment_register_conf(&conf), 0);
	ck_assert(is_used(backends[0].slot));
	ck_assert_uint_eq(segment_backend_words(backends[1].slot)->admin, 5);
	ck_assert_uint_eq(segment_backend_words(backends[1].slot)->health, 6);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/register");
	TCase *t = tcase_create("slots");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_has_its_own_slot);
	tcase_add_test(t, another_order_keeps_the_slots);
	tcase_add_test(t, names_are_multiplied);
	tcase_add_test(t, a_second_configuration_shares_what_it_has_in_common);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
