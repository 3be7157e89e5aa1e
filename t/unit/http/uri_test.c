/* t/unit/http/uri_test.c -- paths as routes compare them, queries */
#include "http/uri.h"

#include <stdlib.h>

#include "core/base.h"
#include "support/unit.h"

static const struct {
	const char *target, *path;
} paths[] = {
	{ "/", "/" }, { "/a", "/a" }, { "/a/b?c=/../d", "/a/b" }, { "*", "*" },
	{ "/?", "/" }, { "?x", "" },
	{ "/%61%2d%7E", "/a-~" }, { "/%2f", "/%2F" }, { "/a%2Fb", "/a%2Fb" },
	{ "/%c3%a9", "/%C3%A9" }, { "/%", "/%" }, { "/%4", "/%4" },
	{ "/%zz", "/%zz" }, { "/%25%36%31", "/%2561" },
	{ "/.", "/" }, { "/..", "/" }, { "/./a", "/a" }, { "/a/.", "/a/" },
	{ "/a/..", "/" }, { "/a/b/..", "/a/" }, { "/a/b/../c", "/a/c" },
	{ "/a/../../b", "/b" }, { "/../../..", "/" }, { "/a//b", "/a//b" },
	{ "/a//../b", "/a/b" }, { "/...", "/..." }, { "/.a", "/.a" },
	{ "/a/%2e%2E/b", "/b" }, { "/a/%2e", "/a/" }, { "/a/..%2fb", "/a/..%2Fb" },
	{ "/a/b/./../c/", "/a/c/" },
};

START_TEST(paths_are_normalised)
{
	struct span target = span_str(paths[_i].target);
	char *room = malloc(target.len + 1);
	struct span path = uri_path(target, room);

	ck_assert_uint_eq(path.len, strlen(paths[_i].path));
	ck_assert_mem_eq(path.ptr, paths[_i].path, path.len);
	/* Once more changes nothing. */
	char again[64];
	struct span twice = uri_path(path, again);
	ck_assert(span_equal(path, twice));
	free(room);
}
END_TEST

static const struct {
	const char *target, *name, *plain;	/* NULL: not there */
} queries[] = {
	{ "/?a=1", "a", "1" }, { "/?a=1&b=2", "b", "2" }, { "/", "a", NULL },
	{ "/?", "a", NULL }, { "/?a", "a", "" }, { "/?a=", "a", "" },
	{ "/?a=1&a=2", "a", "1" }, { "/?%61=x%20y", "a", "x y" },
	{ "/?a=x+y", "a", "x y" }, { "/?ab=1", "a", NULL },
	{ "/?a=%41%", "a", "A%" }, { "/?A=1", "a", NULL },
	{ "/?a=b=c", "a", "b=c" }, { "/a=1", "a", NULL },
};

START_TEST(parameters_are_found)
{
	char room[100];
	struct span value = span_of(NULL, 0);
	bool found = uri_query_find(uri_query(span_str(queries[_i].target)),
	    span_str(queries[_i].name), &value);

	ck_assert_int_eq(found, queries[_i].plain != NULL);
	if (!found)
		return;
	ck_assert(uri_part_equal(value, span_str(queries[_i].plain)));
	ck_assert(!uri_part_equal(value, SPAN("other")));
	ck_assert(span_equal(uri_part_decode(value, room),
	    span_str(queries[_i].plain)));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http/uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, paths_are_normalised, 0, (int)COUNT_OF(paths));
	tcase_add_loop_test(t, parameters_are_found, 0,
	    (int)COUNT_OF(queries));
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
