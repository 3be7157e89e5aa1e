/* t/unit/admin/json_test.c -- strings in JSON */
#include "admin/json.h"

#include <string.h>

#include "core/base.h"
#include "support/unit.h"

static const struct {
	const char *text, *want;
} strings[] = {
	{ "", "\"\"" },
	{ "plain ~", "\"plain ~\"" },
	{ "\"a\\\n\x7f", "\"\\u0022a\\u005c\\u000a\\u007f\"" },
	{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
	{ "\xe2\x82\xac\xf0\x9f\x9a\xa2",
	    "\"\xe2\x82\xac\xf0\x9f\x9a\xa2\"" },
	/* alone, cut, too long, a surrogate, a control of the second kind */
	{ "\xff.", "\"\\u00ff.\"" },
	{ "\xc3", "\"\\u00c3\"" },
	{ "\xe2\x82", "\"\\u00e2\\u0082\"" },
	{ "\xc0\xaf", "\"\\u00c0\\u00af\"" },
	{ "\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"" },
	{ "\xc2\x85", "\"\\u00c2\\u0085\"" },
};

START_TEST(strings_are_json)
{
	struct json j;

	json_init(&j);
	json_put_string(&j, NULL, strings[_i].text);
	ck_assert_uint_eq(j.len, strlen(strings[_i].want));
	ck_assert_mem_eq(j.text, strings[_i].want, j.len);
	json_free(&j);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("admin/json");
	TCase *t = tcase_create("strings");

	tcase_add_loop_test(t, strings_are_json, 0, (int)COUNT_OF(strings));
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
