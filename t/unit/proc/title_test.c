/* t/unit/proc/title_test.c -- what ps shows, without losing the environment */
#include "proc/title.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **my_argv, **old_environ;
static char *first;	/* argv[0] as it was, copied */

static size_t
read_title(char *out, size_t size)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, out, size - 1);

	ck_assert_int_ge(n, 0);
	close(fd);
	out[n] = '\0';
	return strlen(out);
}

START_TEST(the_title_is_what_ps_reads)
{
	char title[4096];

	title_set("fairlead: worker process %d", 63);
	(void)read_title(title, sizeof(title));
	ck_assert_str_eq(title, "fairlead: worker process 63");
	title_set("short");
	(void)read_title(title, sizeof(title));
	ck_assert_str_eq(title, "short");
}
END_TEST

START_TEST(argv_and_environment_survive)
{
	char want[64];

	title_set("%0500d", 0);
	ck_assert_str_eq(my_argv[0], first);
	ck_assert_ptr_ne(environ, old_environ);
	ck_assert_ptr_nonnull(getenv("PATH"));
	snprintf(want, sizeof(want), "%d", (int)getpid());
	ck_assert_int_eq(setenv("TITLE_TEST", want, 1), 0);
	ck_assert_str_eq(getenv("TITLE_TEST"), want);
}
END_TEST

START_TEST(a_long_title_is_cut)
{
	static char title[1 << 20];
	char *big = malloc(300001);

	memset(big, 'x', 300000);
	big[300000] = '\0';
	title_set("%s", big);
	ck_assert_uint_le(read_title(title, sizeof(title)), 300000);
	ck_assert_int_eq(title[0], 'x');
	free(big);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("proc/title");
	TCase *t = tcase_create("title");
	SRunner *r;
	int failed;

	first = strdup(argv[0]);
	old_environ = environ;
	title_set("nothing to write to yet");
	my_argv = title_init(argc, argv);
	r = srunner_create(s);
	tcase_add_test(t, the_title_is_what_ps_reads);
	tcase_add_test(t, argv_and_environment_survive);
	tcase_add_test(t, a_long_title_is_cut);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	free(first);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
