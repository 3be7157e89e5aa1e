/* t/unit/proc/daemon_test.c -- going to the background */
#include "proc/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

static int report[2];	/* from the daemon to the test */

/* What a daemon is like, in one byte of flags. */
static void
tell(void)
{
	struct stat null, st;
	char flags = 0, where[64];

	if (getsid(0) != getpid())
		flags |= 1;	/* no leader of its session: no terminal */
	if (getcwd(where, sizeof(where)) != NULL && strcmp(where, "/") == 0)
		flags |= 2;
	if (stat("/dev/null", &null) == 0 && fstat(STDERR_FILENO, &st) == 0 &&
	    st.st_rdev == null.st_rdev)
		flags |= 4;
	if (fstat(STDOUT_FILENO, &st) == 0 && st.st_rdev == null.st_rdev)
		flags |= 8;
	(void)!write(report[1], &flags, 1);
}

/* The exit status of the one that was started. */
static int
run(bool becomes_ready)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)!freopen("/dev/zero", "w", stdout);
		(void)!freopen("/dev/zero", "w", stderr);
		ck_assert_ptr_nonnull(daemon_directory(true));
		if (daemon_start(STDOUT_FILENO, -1) < 0)
			_exit(99);
		if (becomes_ready)
			daemon_ready();
		tell();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char
told(void)
{
	char flags;

	ck_assert_int_eq(read(report[0], &flags, 1), 1);
	return flags;
}

static void
setup(void)
{
	ck_assert_int_eq(pipe(report), 0);
	/* What is left without a parent is ours to bury. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

static void
teardown(void)
{
	while (wait(NULL) > 0)
		continue;
}

START_TEST(exits_when_it_is_ready)
{
	ck_assert_int_eq(run(true), 0);
	ck_assert_int_eq(told(), 1 | 2 | 4);	/* stdout is a log */
}
END_TEST

START_TEST(fails_when_it_ends_before)
{
	ck_assert_int_eq(run(false), 1);
	ck_assert_int_eq(told(), 1 | 2);	/* its errors are still heard */
}
END_TEST

/* As behind an exec: the same pid, the environment of before. */
START_TEST(stays_one)
{
	char value[64];

	snprintf(value, sizeof(value), "%d /some where", (int)getpid());
	ck_assert_int_eq(setenv("FAIRLEAD_DAEMON", value, 1), 0);
	ck_assert_str_eq(daemon_directory(true), "/some where");
	ck_assert_int_eq(daemon_start(-1, -1), 0);
	daemon_ready();
}
END_TEST

/* The variable of a daemon that has started us is not about us. */
START_TEST(is_not_another)
{
	char here[4096];

	ck_assert_int_eq(setenv("FAIRLEAD_DAEMON", "1 /elsewhere", 1), 0);
	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	ck_assert_str_eq(daemon_directory(true), here);
	ck_assert_ptr_null(daemon_directory(false));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc: daemon");
	TCase *t = tcase_create("daemon");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, exits_when_it_is_ready);
	tcase_add_test(t, fails_when_it_ends_before);
	tcase_add_test(t, stays_one);
	tcase_add_test(t, is_not_another);
	suite_add_tcase(s, t);
	return unit_main(s);
}
