/* t/unit/proc/status_test.c -- the status file */
#include "proc/status.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/fairlead-status-XXXXXX";

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
	status_remove(dir);
	ck_assert_int_eq(rmdir(dir), 0);	/* nothing else was left */
}

static void
read_status(char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/status", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	n = read(fd, out, size - 1);
	ck_assert_int_ge(n, 0);
	out[n] = '\0';
	close(fd);
}

START_TEST(it_holds_what_it_should)
{
	static const char *const lines[] = { "a \"b\" \\", "tab\there" };
	struct status s = {
		.sequence = 3, .generation = 2, .verdict = "rejected",
		.diagnostics = lines, .n_diagnostics = 2,
	};
	char text[512], want[512];

	ck_assert_int_eq(status_write(dir, &s), 0);
	read_status(text, sizeof(text));
	snprintf(want, sizeof(want), "{\"pid\":%d,\"sequence\":3,"
	    "\"generation\":2,\"verdict\":\"rejected\",\"diagnostics\":"
	    "[\"a \\\"b\\\" \\\\\",\"tab\\u0009here\"]}\n", (int)getpid());
	ck_assert_str_eq(text, want);
}
END_TEST

START_TEST(it_is_read_back)
{
	static const char *const lines[] = { "a \"b\" \\", "tab\there", "" };
	struct status s = {
		.sequence = 4000000000u, .generation = 2, .verdict = "rejected",
		.diagnostics = lines, .n_diagnostics = 3,
	}, r;

	ck_assert_int_eq(status_read(dir, &r), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(status_write(dir, &s), 0);
	ck_assert_int_eq(status_read(dir, &r), 0);
	ck_assert_int_eq(r.pid, getpid());
	ck_assert_int_eq(r.owner, geteuid());
	ck_assert_uint_eq(r.sequence, s.sequence);
	ck_assert_uint_eq(r.generation, 2);
	ck_assert_str_eq(r.verdict, "rejected");
	ck_assert_uint_eq(r.n_diagnostics, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(r.diagnostics[i], lines[i]);
	status_free(&r);
	status_free(&r);	/* nothing is left to free */
}
END_TEST

/* As the name of a file may be; JSON is UTF-8. */
START_TEST(stray_bytes_are_replaced)
{
	static const char *const lines[] = { "caf\xc3\xa9 \xe9 \xf0\x9f", "\xff" };
	struct status s = {
		.verdict = "rejected", .diagnostics = lines, .n_diagnostics = 2,
	}, r;

	ck_assert_int_eq(status_write(dir, &s), 0);
	ck_assert_int_eq(status_read(dir, &r), 0);
	ck_assert_str_eq(r.diagnostics[0], "caf\xc3\xa9 \xef\xbf\xbd "
	    "\xef\xbf\xbd\xef\xbf\xbd");
	ck_assert_str_eq(r.diagnostics[1], "\xef\xbf\xbd");
	status_free(&r);
}
END_TEST

static const char *const junk[] = {
	"", "{}", "[]", "{\"pid\":1",
	"{\"pid\":0,\"sequence\":1,\"generation\":1,\"verdict\":\"x\","
	"\"diagnostics\":[]}",
	"{\"pid\":-1,\"sequence\":1,\"generation\":1,\"verdict\":\"x\","
	"\"diagnostics\":[]}",
	"{\"pid\":\"1\",\"sequence\":1,\"generation\":1,\"verdict\":\"x\","
	"\"diagnostics\":[]}",
	"{\"pid\":1,\"sequence\":1,\"generation\":1,\"verdict\":\"x\","
	"\"diagnostics\":[1]}",
	"{\"pid\":1,\"sequence\":1,\"generation\":1,\"verdict\":7,"
	"\"diagnostics\":[]}",
};

START_TEST(junk_is_refused)
{
	char path[64];
	struct status r;
	FILE *f;

	snprintf(path, sizeof(path), "%s/status", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(junk[_i], f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(status_read(dir, &r), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(a_new_one_takes_the_old_ones_place)
{
	struct status s = { .sequence = 1, .verdict = "starting" };
	char text[512];

	ck_assert_int_eq(status_write(dir, &s), 0);
	s.verdict = "applied";
	ck_assert_int_eq(status_write(dir, &s), 0);
	read_status(text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "\"verdict\":\"applied\""));
}
END_TEST

/* A planted link must not make root write elsewhere. */
START_TEST(a_link_in_the_way_is_not_followed)
{
	struct status s = { .verdict = "applied" };
	char link[64], target[64];

	snprintf(link, sizeof(link), "%s/status.new", dir);
	snprintf(target, sizeof(target), "%s/victim", dir);
	ck_assert_int_eq(symlink(target, link), 0);
	ck_assert_int_eq(status_write(dir, &s), 0);
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(a_missing_directory_is_only_reported)
{
	struct status s = { .verdict = "applied" };
	char missing[64];

	snprintf(missing, sizeof(missing), "%s/missing", dir);
	ck_assert_int_eq(status_write(missing, &s), -1);
	status_remove(missing);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/status");
	TCase *t = tcase_create("file");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_holds_what_it_should);
	tcase_add_test(t, it_is_read_back);
	tcase_add_test(t, stray_bytes_are_replaced);
	tcase_add_loop_test(t, junk_is_refused, 0,
	    sizeof(junk) / sizeof(*junk));
	tcase_add_test(t, a_new_one_takes_the_old_ones_place);
	tcase_add_test(t, a_link_in_the_way_is_not_followed);
	tcase_add_test(t, a_missing_directory_is_only_reported);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
