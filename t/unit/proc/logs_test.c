/* t/unit/proc/logs_test.c -- log files, opened again and again */
#include "proc/logs.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/log.h"
#include "proc/control.h"

static char dir[] = "/tmp/fairlead-logs-XXXXXX";
static char error_path[64], access_path[64], moved[64];
static char why[LOGS_WHY_MAX];
static struct conf conf;
static struct logs logs;

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(error_path, sizeof(error_path), "%s/error.log", dir);
	snprintf(access_path, sizeof(access_path), "%s/access.log", dir);
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	conf = (struct conf){
		.log = { .file = error_path, .level = LOG_INFO },
		.access.file = access_path,
	};
}

static void
teardown(void)
{
	logs_close(&logs);
	(void)unlink(error_path);
	(void)unlink(access_path);
	(void)unlink(moved);
	ck_assert_int_eq(rmdir(dir), 0);
}

static long
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (long)st.st_size;
}

START_TEST(files_are_opened_to_append)
{
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	ck_assert_int_eq(write(logs.error.fd, "one\n", 4), 4);
	ck_assert_int_eq(write(logs.access.fd, "two\n", 4), 4);
	logs_close(&logs);
	ck_assert_int_eq(logs.error.fd, -1);
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	ck_assert_int_eq(write(logs.error.fd, "one\n", 4), 4);
	ck_assert_int_eq(size_of(error_path), 8);
	ck_assert_int_eq(size_of(access_path), 4);
	ck_assert(!logs.is_mirrored);
}
END_TEST

START_TEST(what_cannot_be_opened_is_named_and_nothing_is_open)
{
	int before = dup(0), after;

	close(before);
	conf.access.file = "/no/such/place/access.log";
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), -1);
	ck_assert_str_eq(why, "access_log: /no/such/place/access.log: "
	    "No such file or directory");
	after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
	conf.log.file = "/no/such/place/error.log";
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), -1);
	ck_assert(strncmp(why, "log: /no/such/place/error.log: ", 31) == 0);
}
END_TEST

static const struct {
	const char *file;
	int error, access;
} words[] = {
	{ "-", STDERR_FILENO, STDOUT_FILENO },
	{ "stderr", STDERR_FILENO, STDERR_FILENO },
	{ "stdout", STDOUT_FILENO, STDOUT_FILENO },
};

START_TEST(words_are_descriptors_that_we_have)
{
	int given[2];

	conf.log.file = conf.access.file = words[_i].file;
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	ck_assert_int_eq(logs.error.fd, words[_i].error);
	ck_assert_int_eq(logs.access.fd, words[_i].access);
	logs_given(&conf, given);
	ck_assert_int_eq(given[0], words[_i].error);
	ck_assert_int_eq(given[1], words[_i].access);
	ck_assert_uint_eq(logs_reopen(&logs), 0);
	logs_close(&logs);
	ck_assert_int_ge(fcntl(words[_i].error, F_GETFD), 0);
}
END_TEST

START_TEST(names_are_of_a_directory_if_there_is_one)
{
	conf.log.file = "error.log";
	conf.access.file = NULL;
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, dir, why), 0);
	ck_assert_str_eq(logs.error.path, error_path);
	ck_assert_int_eq(size_of(error_path), 0);
	ck_assert_int_eq(logs.access.fd, -1);
}
END_TEST

START_TEST(without_a_name_it_is_the_one_before)
{
	struct conf nameless = { .log.level = LOG_INFO };
	struct logs next;

	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	ck_assert_int_eq(logs_open(&next, &nameless, &logs, NULL, why), 0);
	ck_assert_str_eq(next.error.path, error_path);
	ck_assert_int_ne(next.error.fd, logs.error.fd);
	ck_assert_int_eq(next.access.fd, -1);
	logs_close(&next);
}
END_TEST

START_TEST(a_moved_file_is_opened_anew_behind_the_same_descriptor)
{
	int fd;

	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	fd = logs.error.fd;
	ck_assert_int_eq(write(fd, "old\n", 4), 4);
	ck_assert_int_eq(rename(error_path, moved), 0);
	ck_assert_uint_eq(logs_reopen(&logs),
	    CONTROL_ERROR_LOG | CONTROL_ACCESS_LOG);
	ck_assert_int_eq(logs.error.fd, fd);
	ck_assert_int_eq(write(fd, "newer\n", 6), 6);
	ck_assert_int_eq(size_of(moved), 4);
	ck_assert_int_eq(size_of(error_path), 6);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(what_cannot_be_opened_anew_stays)
{
	ck_assert_int_eq(logs_open(&logs, &conf, NULL, NULL, why), 0);
	ck_assert_int_eq(rename(error_path, moved), 0);
	ck_assert_int_eq(mkdir(error_path, 0755), 0);
	ck_assert_uint_eq(logs_reopen(&logs), CONTROL_ACCESS_LOG);
	ck_assert_int_eq(write(logs.error.fd, "old\n", 4), 4);
	ck_assert_int_eq(size_of(moved), 4);
	ck_assert_int_eq(rmdir(error_path), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/logs");
	TCase *t = tcase_create("files");
	SRunner *r = srunner_create(s);
	int failed;

	log_open(-1, false);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, files_are_opened_to_append);
	tcase_add_test(t, what_cannot_be_opened_is_named_and_nothing_is_open);
	tcase_add_loop_test(t, words_are_descriptors_that_we_have, 0,
	    sizeof(words) / sizeof(*words));
	tcase_add_test(t, names_are_of_a_directory_if_there_is_one);
	tcase_add_test(t, without_a_name_it_is_the_one_before);
	tcase_add_test(t,
	    a_moved_file_is_opened_anew_behind_the_same_descriptor);
	tcase_add_test(t, what_cannot_be_opened_anew_stays);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
