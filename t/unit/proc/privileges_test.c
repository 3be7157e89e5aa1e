/* t/unit/proc/privileges_test.c -- root is given up for good */
#include "proc/privileges.h"

#include <check.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"

/* In a child, since there is no way back. 0: all holds, else which not. */
static int
drop_and_look(const char *user)
{
	const struct passwd *pw;

	if (privileges_find(user) < 0 || privileges_drop() < 0)
		return 1;
	pw = getpwnam(user);
	if (pw == NULL || getuid() != pw->pw_uid || geteuid() != pw->pw_uid ||
	    getgid() != pw->pw_gid || getegid() != pw->pw_gid)
		return 2;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

START_TEST(root_becomes_the_user)
{
	int status;
	pid_t pid;

	if (geteuid() != 0 || getpwnam("nobody") == NULL)
		return;
	pid = fork();
	if (pid == 0)
		_exit(drop_and_look("nobody"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(an_unknown_user_is_an_error)
{
	int want = geteuid() == 0 ? -1 : 0;	/* else only ignored */

	ck_assert_int_eq(privileges_find("no-such-user-here"), want);
}
END_TEST

START_TEST(there_is_always_a_default)
{
	ck_assert_int_eq(privileges_find(NULL), 0);
}
END_TEST

START_TEST(without_a_user_nothing_changes)
{
	uid_t before = geteuid();

	ck_assert_int_eq(privileges_drop(), 0);
	ck_assert_uint_eq(geteuid(), before);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/privileges");
	TCase *t = tcase_create("drop");
	SRunner *r = srunner_create(s);
	int failed;

	log_open(-1, false);
	tcase_add_test(t, without_a_user_nothing_changes);
	tcase_add_test(t, root_becomes_the_user);
	tcase_add_test(t, an_unknown_user_is_an_error);
	tcase_add_test(t, there_is_always_a_default);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
