/* t/unit/conf/value_test.c -- numbers with units */
#include "conf/value.h"

#include "core/base.h"
#include "support/unit.h"

#define BAD	UINT64_C(0x8badf00d8badf00d)

static const struct row {
	const struct value_form *form;
	const char *text;
	uint64_t value;
} rows[] = {
	{ &value_integer, "0", 0 },
	{ &value_integer, "18446744073709551615", UINT64_MAX },
	{ &value_integer, "18446744073709551616", UINT64_MAX },
	{ &value_integer, "", BAD }, { &value_integer, "00", BAD },
	{ &value_integer, "01", BAD }, { &value_integer, "+1", BAD },
	{ &value_integer, "-1", BAD }, { &value_integer, "1 ", BAD },
	{ &value_integer, " 1", BAD }, { &value_integer, "1k", BAD },
	{ &value_size, "0", 0 }, { &value_size, "0B", 0 },
	{ &value_size, "1B", 1 }, { &value_size, "3k", 3072 },
	{ &value_size, "3KiB", 3072 }, { &value_size, "2m", 2097152 },
	{ &value_size, "2MiB", 2097152 },
	{ &value_size, "5g", UINT64_C(5) << 30 },
	{ &value_size, "5GiB", UINT64_C(5) << 30 },
	{ &value_size, "99999999999g", UINT64_MAX },
	{ &value_size, "7", BAD }, { &value_size, "k", BAD },
	{ &value_size, "3K", BAD }, { &value_size, "3kB", BAD },
	{ &value_size, "3b", BAD }, { &value_size, "1m5k", BAD },
	{ &value_size, "1.5m", BAD }, { &value_size, "3 k", BAD },
	{ &value_size, "010k", BAD }, { &value_size, "", BAD },
	{ &value_duration, "0", 0 }, { &value_duration, "0ms", 0 },
	{ &value_duration, "5s", 5000 }, { &value_duration, "500ms", 500 },
	{ &value_duration, "1m", 60000 }, { &value_duration, "1h", 3600000 },
	{ &value_duration, "1d", 86400000 },
	{ &value_duration, "1m30s", 90000 },
	{ &value_duration, "1d2h3m4s5ms", 93784005 },
	{ &value_duration, "9999999999999999d", UINT64_MAX },
	{ &value_duration, "30", BAD }, { &value_duration, "1m30", BAD },
	{ &value_duration, "30s1m", BAD }, { &value_duration, "1s1s", BAD },
	{ &value_duration, "1.5s", BAD }, { &value_duration, "5 s", BAD },
	{ &value_duration, "5sec", BAD }, { &value_duration, "s", BAD },
	{ &value_duration, "05s", BAD }, { &value_duration, "", BAD },
	{ &value_duration, "1H", BAD }, { &value_duration, "-1s", BAD },
	{ &value_percentage, "0", 0 }, { &value_percentage, "0%", 0 },
	{ &value_percentage, "20%", 2000 },
	{ &value_percentage, "0.5%", 50 }, { &value_percentage, "0.05%", 5 },
	{ &value_percentage, "12.34%", 1234 },
	{ &value_percentage, "100%", 10000 },
	{ &value_percentage, "99999999999999999999%", UINT64_MAX },
	{ &value_percentage, "20", BAD }, { &value_percentage, "%", BAD },
	{ &value_percentage, "", BAD }, { &value_percentage, ".5%", BAD },
	{ &value_percentage, "5.%", BAD }, { &value_percentage, "5.123%", BAD },
	{ &value_percentage, "5,5%", BAD }, { &value_percentage, "5 %", BAD },
	{ &value_percentage, "05%", BAD }, { &value_percentage, "-5%", BAD },
	{ &value_percentage, "5%%", BAD }, { &value_percentage, "1.5", BAD },
};

START_TEST(parse)
{
	const struct row *row = &rows[_i];
	uint64_t value = BAD;
	char why[256] = "";

	ck_assert_msg(value_parse(row->form, span_str(row->text), NULL,
	    &value, why, sizeof(why)) == (row->value != BAD), "%s: %s",
	    row->text, why);
	ck_assert((*why == '\0') == (row->value != BAD));
	if (row->value != BAD)
		ck_assert_uint_eq(value, row->value);
}
END_TEST

static const struct {
	const struct value_form *form;
	uint64_t value;
	const char *text;
} printed[] = {
	{ &value_integer, 65536, "65536" }, { &value_size, 0, "0" },
	{ &value_size, 65536, "64KiB" }, { &value_size, 65537, "65537B" },
	{ &value_size, UINT64_C(1) << 40, "1024GiB" },
	{ &value_duration, 0, "0" }, { &value_duration, 1, "1ms" },
	{ &value_duration, 90000, "90s" }, { &value_duration, 86400000, "1d" },
	{ &value_percentage, 0, "0%" }, { &value_percentage, 1, "0.01%" },
	{ &value_percentage, 50, "0.5%" }, { &value_percentage, 1234, "12.34%" },
	{ &value_percentage, 2000, "20%" },
	{ &value_percentage, 10000, "100%" },
};

/* What is printed reads back as the same number. */
START_TEST(print)
{
	char out[VALUE_MAX], why[256];
	uint64_t value;

	value_print(printed[_i].form, printed[_i].value, out);
	ck_assert_str_eq(out, printed[_i].text);
	ck_assert(value_parse(printed[_i].form, span_str(out), NULL, &value,
	    why, sizeof(why)));
	ck_assert_uint_eq(value, printed[_i].value);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: value");
	TCase *tc = tcase_create("value");

	tcase_add_loop_test(tc, parse, 0, COUNT_OF(rows));
	tcase_add_loop_test(tc, print, 0, COUNT_OF(printed));
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
