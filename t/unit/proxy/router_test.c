/* t/unit/proxy/router_test.c -- the first route that matches decides */
#include "proxy/router.h"

#include "core/base.h"
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

static Suite *
suite(void)
{
	Suite *s = suite_create("proxy/router");
	TCase *t = tcase_create("router");

	tcase_add_loop_test(t, hosts_lose_their_port, 0,
	    (int)COUNT_OF(hosts));
	tcase_add_loop_test(t, the_first_decides, 0,
	    (int)COUNT_OF(requests));
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
