/* t/unit/proxy/router_test.c -- the first route that matches decides */
#include "proxy/router.h"

#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "core/memory.h"
#include "core/regex.h"
#include "support/unit.h"

static const struct {
	const char *host, *want;
} hosts[] = {
	{ "a.b", "a.b" }, { "a.b:80", "a.b" }, { "a.b.", "a.b" },
	{ "a.b.:80", "a.b" }, { "[::1]", "[::1]" }, { "[::1]:80", "[::1]" },
	{ "", "" }, { ".", "." }, { ":80", "" },
};

START_TEST(hosts_lose_their_port)
{
	struct span host = host_without_port(span_str(hosts[_i].host));

	ck_assert(span_equal(host, span_str(hosts[_i].want)));
}
END_TEST

static const char *one[] = { "/one" }, *all[] = { "/" }, *get[] = { "GET" };

static const struct route_conf routes[] = {
	{ .name = "whole", .match = { .paths = { one, 1 } } },
	{ .name = "below", .match = { .prefixes = { one, 1 },
	    .methods = { get, 1 } } },
	{ .name = "second listener", .match = { .has_listener = true,
	    .listener = 1 } },
	{ .name = "all", .match = { .prefixes = { all, 1 } } },
};

static const struct {
	const char *path, *method;
	size_t listener;
	const char *want;	/* NULL: none */
} requests[] = {
	{ "/one", "POST", 0, "whole" }, { "/one/", "GET", 0, "below" },
	{ "/one/", "POST", 0, "all" }, { "/one/", "POST", 1, "second listener" },
	{ "/ones", "GET", 0, "all" }, { "/", "GET", 0, "all" },
	{ "*", "OPTIONS", 0, NULL },
};

START_TEST(the_first_decides)
{
	struct http_head h = { .n_fields = 0 };
	struct address client = { .len = 0 };
	struct router *r = router_new(routes, COUNT_OF(routes));
	struct route_request q = {
		.path = span_str(requests[_i].path),
		.method = span_str(requests[_i].method),
		.head = &h, .client = &client,
		.listener = requests[_i].listener,
	};
	const struct route_conf *found = router_find(r, &q);

	if (requests[_i].want == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found->name, requests[_i].want);
	router_free(&r);
	ck_assert_ptr_null(r);
}
END_TEST

/* ---- many routes, which are compiled */

static const char *h_exact[] = { "a.test" }, *h_below[] = { "*.a.test" },
    *h_deep[] = { "*.b.a.test", "::1" }, *p_x[] = { "/x" },
    *p_slash[] = { "/x/" }, *p_both[] = { "/p", "/q" }, *patch[] = { "PURGE" };
static struct test_conf kind[] = { { .name = "k", .kind = TEST_EQUAL,
    .value = "a b" } };
static struct regex *patterns[1];
static struct test_conf pattern_test[] = { { .name = "k",
    .kind = TEST_REGEX } };

static struct route_conf many[] = {
	{ .name = "below x/", .match = { .hosts = { h_below, 1 },
	    .prefixes = { p_slash, 1 } } },
	{ .name = "purge", .match = { .methods = { patch, 1 } } },
	{ .name = "deep", .match = { .hosts = { h_deep, 2 } } },
	{ .name = "below x", .match = { .hosts = { h_below, 1 },
	    .prefixes = { p_x, 1 } } },
	{ .name = "whole x", .match = { .hosts = { h_exact, 1 },
	    .paths = { p_x, 1 } } },
	{ .name = "pattern or p", .match = { .regexes = { patterns, 1 },
	    .paths = { p_both, 2 } } },
	{ .name = "third listener", .match = { .has_listener = true,
	    .listener = 2 } },
	{ .name = "a b", .match = { .hosts = { h_exact, 1 },
	    .queries = { kind, 1 } } },
	{ .name = "digit", .match = { .queries = { pattern_test, 1 } } },
	{ .name = "host", .match = { .hosts = { h_exact, 1 } } },
};

static const struct {
	const char *host, *path, *query, *method;
	size_t listener;
	const char *want;
} of_many[] = {
	{ "w.a.test", "/x/", "", "GET", 0, "below x/" },
	{ "W.A.Test:80", "/x/y", "", "GET", 0, "below x/" },
	{ "w.a.test.", "/x", "", "GET", 0, "below x" },
	{ "w.a.test", "/xy", "", "GET", 0, NULL },
	{ "w.a.test", "/xy", "", "PURGE", 0, "purge" },
	{ "w.a.test", "/xy", "", "purge", 0, NULL },
	{ "w.b.a.test", "/x", "", "GET", 0, "deep" },
	{ "w.b.a.test", "/x/", "", "GET", 0, "below x/" },
	{ "b.a.test", "/x", "", "GET", 0, "below x" },
	{ "b.a.test", "/", "", "GET", 0, NULL },
	{ ".a.test", "/x", "", "GET", 0, NULL },
	{ "a.test", "/x", "", "GET", 0, "whole x" },
	{ "a.test", "/x/", "", "GET", 0, "host" },
	{ "a.test", "/q", "", "GET", 0, "pattern or p" },
	{ "", "/p", "", "GET", 0, "pattern or p" },
	{ "", "/p/", "", "GET", 0, NULL },
	{ "", "/a/77/x", "", "GET", 0, "pattern or p" },
	{ "a.test", "/", "", "GET", 2, "third listener" },
	{ "a.test", "/", "k=a+b", "GET", 0, "a b" },
	{ "other", "/", "k=a+b", "GET", 0, NULL },
	{ "other", "/", "k=%37+%37", "GET", 0, "digit" },
	{ "other", "/", "k=77", "GET", 0, NULL },
	{ "other", "*", "", "OPTIONS", 0, NULL },
	{ "", "", "", "GET", 0, NULL },
};

START_TEST(the_first_of_many_decides)
{
	struct http_head h = { .n_fields = 0 };
	struct address client = { .len = 0 };
	struct arena *arena = arena_new(0);
	struct regex_fault fault;
	struct router *r;
	const struct route_conf *found;
	struct route_request q = {
		.host = span_str(of_many[_i].host),
		.path = span_str(of_many[_i].path),
		.query = span_str(of_many[_i].query),
		.method = span_str(of_many[_i].method),
		.head = &h, .client = &client,
		.listener = of_many[_i].listener,
	};

	patterns[0] = regex_new(arena, SPAN("/[0-9]+/"), &fault);
	pattern_test[0].regex = regex_new(arena, SPAN("^[0-9] [0-9]$"),
	    &fault);
	r = router_new(many, COUNT_OF(many));
	found = router_find(r, &q);
	ck_assert_msg(of_many[_i].want == NULL ? found == NULL :
	    found != NULL && strcmp(found->name, of_many[_i].want) == 0,
	    "row %d: %s", _i, found == NULL ? "none" : found->name);
	router_free(&r);
	arena_free(&arena);
}
END_TEST

/* Hosts whose nodes are more than are looked at together: each counts. */
START_TEST(a_host_below_many)
{
	static char names[20][64];
	static const char *lists[20];
	static struct route_conf below[20];
	struct http_head h = { .n_fields = 0 };
	struct address client = { .len = 0 };
	struct route_request q = { .host = SPAN("x.a.a.a.a.a.a.a.a.a.a.a.a"),
		.path = SPAN("/"), .method = SPAN("GET"), .head = &h,
		.client = &client };

	for (size_t i = 0; i < COUNT_OF(below); i++) {
		strcpy(names[i], "*");
		for (size_t k = 0; k <= (i + 7) % COUNT_OF(below); k++)
			strcat(names[i], ".a");
		lists[i] = names[i];
		below[i] = (struct route_conf){ .name = names[i],
			.match = { .hosts = { &lists[i], 1 } } };
	}
	for (size_t i = 0; i < COUNT_OF(below); i++) {
		struct router *r = router_new(below + i, COUNT_OF(below) - i);
		size_t want = i;

		while (want < COUNT_OF(below) && strlen(names[want]) > 25)
			want++;
		ck_assert_ptr_eq(router_find(r, &q),
		    want < COUNT_OF(below) ? &below[want] : NULL);
		router_free(&r);
	}
}
END_TEST

/* Many hosts with many paths do not stand in the table one by one. */
START_TEST(many_hosts_with_many_paths)
{
	static char names[40][8], texts[40][8];
	static const char *hosts_of[40], *paths_of[40];
	static struct route_conf big[8];
	struct http_head h = { .n_fields = 0 };
	struct address client = { .len = 0 };
	struct route_request q = { .method = SPAN("GET"), .head = &h,
		.client = &client };
	struct router *r;

	for (size_t i = 0; i < 40; i++) {
		sprintf(names[i], "h%zu", i);
		sprintf(texts[i], "/%zu", i);
		hosts_of[i] = names[i];
		paths_of[i] = texts[i];
	}
	for (size_t i = 0; i < COUNT_OF(big); i++)
		big[i].match = (struct match_conf){ .hosts = { hosts_of, 40 },
			.prefixes = { paths_of + i, 40 - i } };
	big[3].match.hosts.n = 0;
	r = router_new(big, COUNT_OF(big));
	q.host = span_str("H39:1");
	q.path = span_str("/0/x");
	ck_assert_ptr_eq(router_find(r, &q), &big[0]);
	q.path = span_str("/40");
	ck_assert_ptr_null(router_find(r, &q));
	q.host = span_str("h40");
	q.path = span_str("/39");
	ck_assert_ptr_eq(router_find(r, &q), &big[3]);
	router_free(&r);
}
END_TEST

/* ---- why not */

static const char *m_put[] = { "PUT" };
static struct test_conf two_tests[] = {
	{ .name = "a", .kind = TEST_PRESENT },
	{ .name = "b", .kind = TEST_ABSENT },
};
static struct cidr nobody = { .bits = 128 };

static const struct {
	struct match_conf match;
	enum route_miss want;
	size_t which;
} misses[] = {
	{ { .has_listener = false }, MISS_NONE, 0 },
	{ { .hosts = { h_exact, 1 }, .paths = { p_x, 1 } }, MISS_HOST, 0 },
	{ { .paths = { p_x, 1 }, .methods = { m_put, 1 } }, MISS_PATH, 0 },
	{ { .methods = { m_put, 1 }, .has_listener = true, .listener = 9 },
	    MISS_METHOD, 0 },
	{ { .has_listener = true, .listener = 9, .clients = { &nobody, 1 } },
	    MISS_LISTENER, 0 },
	{ { .clients = { &nobody, 1 }, .headers = { two_tests, 2 } },
	    MISS_CLIENT, 0 },
	{ { .headers = { two_tests, 2 }, .queries = { two_tests, 2 } },
	    MISS_HEADER, 0 },
	{ { .queries = { two_tests, 2 }, .cookies = { two_tests, 2 } },
	    MISS_QUERY, 1 },
	{ { .cookies = { two_tests + 1, 1 } }, MISS_NONE, 0 },
	{ { .cookies = { two_tests, 2 } }, MISS_COOKIE, 0 },
};

START_TEST(the_first_miss_is_told)
{
	struct http_head h = { .n_fields = 0 };
	struct address client = { .len = 0 };
	struct route_request q = { .host = SPAN("h"), .path = SPAN("/"),
		.query = SPAN("a=1&b=2"), .method = SPAN("GET"), .head = &h,
		.client = &client };
	struct route_conf r = { .match = misses[_i].match };
	size_t which = 0;

	ck_assert_int_eq(router_check(&r, &q, &which), misses[_i].want);
	if (misses[_i].want >= MISS_HEADER)
		ck_assert_uint_eq(which, misses[_i].which);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("proxy/router");
	TCase *t = tcase_create("router");

	tcase_add_loop_test(t, hosts_lose_their_port, 0,
	    (int)COUNT_OF(hosts));
	tcase_add_loop_test(t, the_first_decides, 0,
	    (int)COUNT_OF(requests));
	tcase_add_loop_test(t, the_first_of_many_decides, 0,
	    (int)COUNT_OF(of_many));
	tcase_add_test(t, a_host_below_many);
	tcase_add_test(t, many_hosts_with_many_paths);
	tcase_add_loop_test(t, the_first_miss_is_told, 0,
	    (int)COUNT_OF(misses));
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
