/* t/unit/conf/hidden_test.c -- which routes no request reaches */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/clock.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define HEAD								\
	"listeners: [{address: '*:81'}, {address: '*:82'}]\n"		\
	"backends: [{host: 127.0.0.1, port: 9001}]\nroutes:\n"

/* Whether the first match hides the second. */
static const struct {
	const char *first, *second;
	bool hides;
} pairs[] = {
	{ "{}", "{}", true }, { "{}", "{path: /x}", true },
	{ "{path: /x}", "{}", false },
	/* hosts */
	{ "{host: a.b}", "{host: A.b}", true },
	{ "{host: a.b}", "{host: b.b}", false },
	{ "{host: a.b}", "{}", false },
	{ "{host: '*.b'}", "{host: a.b}", true },
	{ "{host: '*.b'}", "{host: c.a.b}", true },
	{ "{host: '*.b'}", "{host: b}", false },
	{ "{host: '*.b'}", "{host: ab}", false },
	{ "{host: '*.b'}", "{host: '*.a.b'}", true },
	{ "{host: '*.b'}", "{host: '*.b'}", true },
	{ "{host: '*.a.b'}", "{host: '*.b'}", false },
	{ "{host: a.b}", "{host: '*.b'}", false },
	{ "{host: [a.b, '*.c']}", "{host: [x.c, a.b]}", true },
	{ "{host: [a.b, '*.c']}", "{host: [x.c, c]}", false },
	/* paths */
	{ "{path: /x}", "{path: /x}", true },
	{ "{path: /x}", "{path: /X}", false },
	{ "{path: /x}", "{path_prefix: /x}", false },
	{ "{path_prefix: /x}", "{path: /x}", true },
	{ "{path_prefix: /x}", "{path: /x/y/z}", true },
	{ "{path_prefix: /x}", "{path: /xy}", false },
	{ "{path_prefix: /x}", "{path_prefix: /x}", true },
	{ "{path_prefix: /x}", "{path_prefix: /x/}", true },
	{ "{path_prefix: /x/}", "{path_prefix: /x}", false },
	{ "{path_prefix: /x/}", "{path_prefix: /x/y}", true },
	{ "{path_prefix: /}", "{path_prefix: /x}", true },
	{ "{path_prefix: /}", "{}", false },	/* OPTIONS * */
	{ "{path_prefix: [/x, /y], path: /z}", "{path: [/z, /y/1]}", true },
	{ "{path_prefix: [/x, /y], path: /z}", "{path: [/z, /z/]}", false },
	{ "{path_regex: a+}", "{path_regex: a+}", true },
	{ "{path_regex: a+}", "{path_regex: aa+}", false },
	{ "{path_regex: a+}", "{path_regex: [a+, b]}", false },
	{ "{path_regex: [b, a+], path: /x}", "{path_regex: [a+, b]}", true },
	{ "{path_prefix: /}", "{path_regex: a+}", false },
	{ "{path_regex: a+}", "{path_prefix: /a}", false },
	/* methods, listeners, clients */
	{ "{method: [GET, HEAD]}", "{method: GET}", true },
	{ "{method: [GET, HEAD]}", "{method: [HEAD, GET]}", true },
	{ "{method: GET}", "{method: [GET, HEAD]}", false },
	{ "{method: GET}", "{method: [GET, GET]}", true },
	{ "{method: GET}", "{}", false },
	{ "{listener: '*:81'}", "{listener: '*:81'}", true },
	{ "{listener: '*:81'}", "{listener: '*:82'}", false },
	{ "{listener: '*:81'}", "{}", false },
	{ "{client: 10.0.0.0/8}", "{client: [10.1.0.0/16, 10.2.0.1]}", true },
	{ "{client: 10.0.0.0/8}", "{client: [10.1.0.0/16, 11.0.0.0/8]}", false },
	{ "{client: 10.1.0.0/16}", "{client: 10.0.0.0/8}", false },
	{ "{client: [10.0.0.0/8, '::/0']}", "{client: '2001:db8::/32'}", true },
	{ "{client: 10.0.0.0/8}", "{}", false },
	/* fields, parameters, cookies */
	{ "{header: {a: x}}", "{header: {A: x}}", true },
	{ "{header: {a: x}}", "{header: {a: X}}", false },
	{ "{header: {a: x}}", "{header: {b: y, a: x}}", true },
	{ "{header: {b: y, a: x}}", "{header: {a: x}}", false },
	{ "{header: {a: x}}", "{query: {a: x}}", false },
	{ "{query: {a: x}}", "{query: {a: x}}", true },
	{ "{query: {a: x}}", "{query: {A: x}}", false },
	{ "{cookie: {a: x}}", "{cookie: {a: x}, path: /x}", true },
	{ "{header: {a: {present: true}}}", "{header: {a: x}}", true },
	{ "{header: {a: {present: true}}}", "{header: {a: {regex: x}}}", true },
	{ "{header: {a: {present: true}}}",
	  "{header: {a: {present: false}}}", false },
	{ "{header: {a: {present: false}}}",
	  "{header: {a: {present: false}}}", true },
	{ "{header: {a: {present: false}}}", "{}", false },
	{ "{header: {a: {regex: '^x'}}}", "{header: {a: xy}}", true },
	{ "{header: {a: {regex: '^x'}}}", "{header: {a: yx}}", false },
	{ "{header: {a: {regex: '^x'}}}", "{header: {a: {regex: '^x'}}}", true },
	{ "{header: {a: {regex: '^x'}}}", "{header: {a: {regex: x}}}", false },
	/* all together */
	{ "{host: '*.b', path_prefix: /x, method: [GET, PUT]}",
	  "{host: a.b, path: /x/y, method: PUT, header: {h: v}}", true },
	{ "{host: '*.b', path_prefix: /x, method: [GET, PUT]}",
	  "{host: a.b, path: /x/y, header: {h: v}}", false },
};

START_TEST(one_hides_another)
{
	char text[1000];
	struct reading r;

	snprintf(text, sizeof(text), HEAD
	    "  - {match: %s, upstream: default}\n"
	    "  - {name: second, match: %s, upstream: default}\n",
	    pairs[_i].first, pairs[_i].second);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_uint_eq(r.errors, 0);
	ck_assert_msg(r.warnings == pairs[_i].hides, "%s, then %s",
	    pairs[_i].first, pairs[_i].second);
	if (pairs[_i].hides)
		ck_assert_ptr_nonnull(strstr(r.said,
		    "t.yaml:5:5: warning: no request reaches route \"second\"\n"
		    "    5 |   - {name: second,"));
	if (pairs[_i].hides)
		ck_assert_ptr_nonnull(strstr(r.said,
		    "      = note: route \"route 1\" in line 4 takes them "
		    "first\n"));
	reading_free(&r);
}
END_TEST

/* Each hidden one gets its own warning, which names the first that hides. */
START_TEST(each_is_told)
{
	struct reading r = conf_file_read(SPAN(HEAD
	    "  - {match: {path: /a}, upstream: default}\n"
	    "  - {match: {path_prefix: /}, upstream: default}\n"
	    "  - {match: {path: /a, host: h}, upstream: default}\n"
	    "  - {match: {path: /b}, upstream: default}\n"
	    "  - {upstream: default}\n"
	    "  - {upstream: default}\n"), NULL);

	ck_assert_uint_eq(r.warnings, 3);
	ck_assert_ptr_nonnull(strstr(r.said, "6:5: warning: no request "
	    "reaches route \"route 3\""));
	ck_assert_ptr_nonnull(strstr(r.said, "\"route 1\" in line 4 takes"));
	ck_assert_ptr_nonnull(strstr(r.said, "7:5: warning: no request "
	    "reaches route \"route 4\""));
	ck_assert_ptr_nonnull(strstr(r.said, "\"route 2\" in line 5 takes"));
	ck_assert_ptr_nonnull(strstr(r.said, "9:5: warning: no request "
	    "reaches route \"route 6\""));
	ck_assert_ptr_nonnull(strstr(r.said, "\"route 5\" in line 8 takes"));
	reading_free(&r);
}
END_TEST

/* What is misspelt asks for nothing: that is no reason to warn. */
static const char *const misspelt[] = {
	"{hots: a}", "{header: {a: {}}}", "{header: {a: {regex: '('}}}",
	"{path_regex: '('}", "{path: x}", "{listener: '*:83'}", "{client: x}",
	"{header: {a: {regex: a, equal: b}}}", "[]",
};

START_TEST(errors_come_alone)
{
	char text[1000];
	struct reading r;

	snprintf(text, sizeof(text), HEAD
	    "  - {match: %s, upstream: default}\n"
	    "  - {match: {header: {a: b}, path: /x}, upstream: default}\n",
	    misspelt[_i]);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_uint_eq(r.errors, 1);
	ck_assert_uint_eq(r.warnings, 0);
	reading_free(&r);
}
END_TEST

/* ---- many */

#define MANY 3000

static const char *const shapes[] = {
	"{host: h%u.example.com, path_prefix: /api}",
	"{path: /p/%u}", "{header: {x-tenant: t%u}}",
	"{host: '*.z%u.test'}", "{path_regex: '^/%u/'}",
};

/* A file of so many routes of one shape; heap. */
static char *
make_file(const char *shape, unsigned n)
{
	char *text, match[200];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(HEAD, out);
	for (unsigned i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(match, sizeof(match), shape, i % (MANY - 1));
#pragma GCC diagnostic pop
		fprintf(out, "  - {match: %s, upstream: default}\n", match);
	}
	fclose(out);
	return text;
}

/* Only the last is hidden, by the first; and that takes no time that grows
 * with the square of their number. */
START_TEST(many_are_fast)
{
	char *text = make_file(shapes[_i], MANY);
	uint64_t begun = clock_read_ns();
	struct reading r = conf_file_read(span_str(text), NULL);

	ck_assert_uint_eq(r.errors, 0);
	ck_assert_uint_eq(r.warnings, 1);
	ck_assert_ptr_nonnull(strstr(r.said, "reaches route \"route 3000\""));
	ck_assert_ptr_nonnull(strstr(r.said, "\"route 1\" in line 4 takes"));
	ck_assert_uint_lt(clock_read_ns() - begun, 3000000000u);
	reading_free(&r);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: hidden routes");
	TCase *tc = tcase_create("hidden");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_loop_test(tc, one_hides_another, 0, COUNT_OF(pairs));
	tcase_add_test(tc, each_is_told);
	tcase_add_loop_test(tc, errors_come_alone, 0, COUNT_OF(misspelt));
	tcase_add_loop_test(tc, many_are_fast, 0, COUNT_OF(shapes));
	suite_add_tcase(suite, tc);
	return unit_main_rows(suite);
}
