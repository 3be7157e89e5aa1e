/* t/unit/admin/report_test.c -- what /v1/status says of the configuration */
#include "admin/report.h"

#include <string.h>

#include "admin/json.h"
#include "conf/conf.h"
#include "shm/segment.h"
#include "shm/verdict.h"
#include "support/unit.h"

static struct conf conf = { .file = "/etc/f.yaml", .sha256 = { 0xab } };
static const uint8_t other[32] = { 0xcd };
static struct json j;

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
	json_init(&j);
}

static void
tear_down(void)
{
	json_free(&j);
	segment_close();
}

static bool
says(const char *text)
{
	json_free(&j);
	report_status(&j, &conf);
	return memmem(j.text, j.len, text, strlen(text)) != NULL;
}

START_TEST(at_the_start_it_is_what_we_have_read)
{
	ck_assert(says("\"sha256\":\"ab00"));
	ck_assert(says("\"verdict\":\"applied\",\"errors\":[]}"));
}
END_TEST

START_TEST(errors_of_a_rejected_one_are_shown)
{
	const char *const lines[] = { "f.yaml:3:1: error: x", "  y" };

	verdict_tell(&(struct conf_verdict){ .generation = 1, .sequence = 4,
	    .loaded_wall_ms = 1700000000123, .sha256 = other,
	    .word = "rejected", .lines = lines, .n_lines = 2 });
	ck_assert(says("\"config\":{\"file\":\"/etc/f.yaml\","
	    "\"sha256\":\"cd00"));
	ck_assert(says("\"loaded\":\"2023-11-14T22:13:20.123Z\","
	    "\"verdict\":\"rejected\","
	    "\"errors\":[\"f.yaml:3:1: error: x\",\"  y\"]}"));
}
END_TEST

START_TEST(too_many_errors_are_counted)
{
	static char big[VERDICT_TEXT_MAX];
	const char *const lines[] = { "x", big, "z" };

	memset(big, 'b', sizeof(big) - 1);
	verdict_tell(&(struct conf_verdict){ .sequence = 1, .sha256 = other,
	    .word = "rejected", .lines = lines, .n_lines = 3 });
	ck_assert(says("\"errors\":[\"x\",\"and 2 more\"]}"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("admin/report");
	TCase *t = tcase_create("status");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, at_the_start_it_is_what_we_have_read);
	tcase_add_test(t, errors_of_a_rejected_one_are_shown);
	tcase_add_test(t, too_many_errors_are_counted);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
