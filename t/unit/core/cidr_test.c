/* t/unit/core/cidr_test.c -- what is a network, and what is in it */
#include "core/base.h"
#include "core/cidr.h"

#include "support/unit.h"

static const struct {
	const char *text;
	bool is_good, has_host_bits;
	const char *in, *out;	/* addresses; NULL: none is asked */
} rows[] = {
	{ "10.0.0.0/8", true, false, "10.255.0.1", "11.0.0.0" },
	{ "10.0.0.0/8", true, false, "::ffff:10.1.2.3", "::10.1.2.3" },
	{ "192.0.2.7", true, false, "192.0.2.7", "192.0.2.6" },
	{ "192.0.2.128/25", true, false, "192.0.2.128", "192.0.2.127" },
	{ "0.0.0.0/0", true, false, "1.2.3.4", "2001:db8::1" },
	{ "::/0", true, false, "1.2.3.4", NULL },
	{ "2001:db8::/33", true, false, "2001:db8:7fff::", "2001:db8:8000::" },
	{ "2001:db8::1/128", true, false, "2001:db8::1", "2001:db8::2" },
	{ "[2001:db8::]/32", true, false, "2001:db8::2", NULL },
	{ "10.0.0.1/8", false, true, NULL, NULL },
	{ "2001:db8::1/64", false, true, NULL, NULL },
	{ "10.0.0.0/33", false, false, NULL, NULL },
	{ "10.0.0.0/", false, false, NULL, NULL },
	{ "10.0.0.0/08", false, false, NULL, NULL },
	{ "10.0.0.0/8/8", false, false, NULL, NULL },
	{ "10.0.0/8", false, false, NULL, NULL },
	{ "/8", false, false, NULL, NULL },
	{ "::/129", false, false, NULL, NULL },
	{ "all", false, false, NULL, NULL },
	{ "", false, false, NULL, NULL },
};

static bool
is_in(const struct cidr *c, const char *text)
{
	struct cidrs list = { c, 1 };
	struct address a;

	ck_assert(address_parse_host(&a, span_str(text), 80));
	return cidrs_hold(&list, &a);
}

START_TEST(networks)
{
	struct cidr c;
	bool has_host_bits;

	ck_assert_int_eq(cidr_parse(&c, span_str(rows[_i].text),
	    &has_host_bits), rows[_i].is_good);
	ck_assert_int_eq(has_host_bits, rows[_i].has_host_bits);
	if (rows[_i].in != NULL)
		ck_assert(is_in(&c, rows[_i].in));
	if (rows[_i].out != NULL)
		ck_assert(!is_in(&c, rows[_i].out));
}
END_TEST

static const struct {
	const char *a, *b;
	bool covers;
} covered[] = {
	{ "10.0.0.0/8", "10.1.0.0/16", true }, { "10.0.0.0/8", "10.0.0.0/8", true },
	{ "10.1.0.0/16", "10.0.0.0/8", false }, { "10.0.0.0/8", "11.0.0.1", false },
	{ "0.0.0.0/0", "10.0.0.1", true }, { "0.0.0.0/0", "::1", false },
	{ "::/0", "10.0.0.0/8", true },
};

START_TEST(networks_in_networks)
{
	struct cidr a, b;
	bool ignored;

	ck_assert(cidr_parse(&a, span_str(covered[_i].a), &ignored));
	ck_assert(cidr_parse(&b, span_str(covered[_i].b), &ignored));
	ck_assert_int_eq(cidr_covers(&a, &b), covered[_i].covers);
}
END_TEST

START_TEST(nobody_is_in_an_empty_list)
{
	struct cidrs none = { NULL, 0 };
	struct address a;

	ck_assert(address_parse(&a, SPAN("127.0.0.1:80")));
	ck_assert(!cidrs_hold(&none, &a));
	ck_assert(address_parse(&a, SPAN("unix:/run/x")));
	ck_assert(!cidrs_hold(&none, &a));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/cidr");
	TCase *t = tcase_create("cidr");

	tcase_add_loop_test(t, networks, 0, (int)COUNT_OF(rows));
	tcase_add_loop_test(t, networks_in_networks, 0,
	    (int)COUNT_OF(covered));
	tcase_add_test(t, nobody_is_in_an_empty_list);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
