/* t/unit/proc/pid_file_test.c -- the pid file: lock, replacement, removal */
#include "proc/pid_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "support/unit.h"

#define STARTS 24

static char dir[] = "/tmp/fairlead-pid-XXXXXX";
static char path[64];
static int log_end[2];

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.pid", dir);
	ck_assert_int_eq(pipe2(log_end, O_NONBLOCK | O_CLOEXEC), 0);
	log_open(log_end[1], false);
}

static void
teardown(void)
{
	pid_file_give();
	log_open(-1, false);
	close(log_end[0]);
	close(log_end[1]);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);	/* nothing else was left */
}

static void
check_logged(const char *text)
{
	char lines[4096];
	ssize_t n = read(log_end[0], lines, sizeof(lines) - 1);

	ck_assert_int_gt(n, 0);
	lines[n] = '\0';
	ck_assert_msg(strstr(lines, text) != NULL, "%s", lines);
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* What another process gets that tries to take it: its exit status. */
static int
try_elsewhere(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pid_file_adopt("/nowhere", -1);	/* what we hold is not its */
		_exit(pid_file_take(path) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(names_us_and_goes)
{
	struct stat st;

	ck_assert_int_eq(pid_file_take(path), 0);
	ck_assert_int_eq(pid_file_read(path), getpid());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_uint_eq(st.st_nlink, 1);
	pid_file_give();
	ck_assert_int_lt(access(path, F_OK), 0);
	pid_file_give();	/* nothing to give: nothing happens */
}
END_TEST

START_TEST(keeps_a_second_out)
{
	char text[64];

	ck_assert_int_eq(pid_file_take(path), 0);
	ck_assert_int_eq(try_elsewhere(), 1);
	snprintf(text, sizeof(text), "x.pid is held by process %d, which runs",
	    (int)getpid());
	check_logged(text);
	ck_assert_int_eq(pid_file_read(path), getpid());
}
END_TEST

START_TEST(takes_what_was_left)
{
	put("1\n");	/* runs, but does not hold it */
	ck_assert_int_eq(pid_file_take(path), 0);
	ck_assert_int_eq(pid_file_read(path), getpid());
	ck_assert_int_eq(try_elsewhere(), 1);
}
END_TEST

START_TEST(leaves_what_is_anothers)
{
	ck_assert_int_eq(pid_file_take(path), 0);
	ck_assert_int_eq(unlink(path), 0);
	put("1\n");
	pid_file_give();
	ck_assert_int_eq(pid_file_read(path), 1);
}
END_TEST

START_TEST(moves)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.other", path);
	ck_assert_int_eq(pid_file_take(path), 0);
	ck_assert_int_eq(pid_file_take(path), 0);	/* ours already */
	ck_assert_int_eq(pid_file_take(other), 0);
	ck_assert_int_eq(pid_file_read(path), 0);
	ck_assert_int_eq(pid_file_read(other), getpid());
	ck_assert_int_eq(pid_file_take("/no/such/directory/x.pid"), -1);
	ck_assert_int_eq(pid_file_read(other), getpid());
	ck_assert_int_eq(pid_file_take(NULL), 0);
	ck_assert_int_lt(access(other, F_OK), 0);
}
END_TEST

START_TEST(refuses_what_others_can_write)
{
	ck_assert_int_eq(chmod(dir, 0775), 0);
	ck_assert_int_eq(pid_file_take(path), -1);
	check_logged("others can write to");
	ck_assert_int_eq(chmod(dir, 01777), 0);	/* not what is ours */
	ck_assert_int_eq(pid_file_take(path), 0);
	pid_file_give();
	ck_assert_int_eq(chmod(dir, 0700), 0);
}
END_TEST

START_TEST(does_not_follow_a_link)
{
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(pid_file_take(path), -1);
	check_logged("x.pid: Too many levels");
}
END_TEST

START_TEST(reads_only_pids)
{
	static const struct { const char *text; int pid; } rows[] = {
		{ "4711\n", 4711 }, { "4711", 0 }, { "", 0 }, { "\n", 0 },
		{ "0\n", 0 }, { "-1\n", 0 }, { "12 13\n", 0 }, { "x\n", 0 },
		{ "99999999999\n", 0 }, { "1234567890123456789\n", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(rows[i].text);
		ck_assert_int_eq(pid_file_read(path), rows[i].pid);
	}
}
END_TEST

/* Many start at once: one of them has it. */
START_TEST(has_one_owner)
{
	int go[2], won[2], status;
	char ready = 0;
	pid_t pid = 0;

	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pipe(won), 0);
	put("1\n");
	for (int i = 0; i < STARTS; i++)
		if ((pid = fork()) == 0) {
			close(go[1]);
			close(won[0]);
			ck_assert_int_eq(read(go[0], &ready, 1), 0);
			if (pid_file_take(path) < 0)
				_exit(1);
			ck_assert_int_eq(write(won[1], "x", 1), 1);
			pause();
		}
	close(go[1]);
	close(won[1]);
	for (int i = 1; i < STARTS; i++)
		ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(read(won[0], &ready, 1), 1);
	ck_assert_int_eq(kill(pid_file_read(path), SIGKILL), 0);
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(read(won[0], &ready, 1), 0);
	close(go[0]);
	close(won[0]);
}
END_TEST

START_TEST(outlives_an_exec)
{
	int fd;

	ck_assert_int_eq(pid_file_descriptor(), -1);
	ck_assert_int_eq(pid_file_take(path), 0);
	fd = dup(pid_file_descriptor());
	close(pid_file_descriptor());
	pid_file_adopt(path, fd);
	ck_assert_int_eq(try_elsewhere(), 1);
	pid_file_give();
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc: pid_file");
	TCase *t = tcase_create("pid file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, names_us_and_goes);
	tcase_add_test(t, keeps_a_second_out);
	tcase_add_test(t, takes_what_was_left);
	tcase_add_test(t, leaves_what_is_anothers);
	tcase_add_test(t, moves);
	tcase_add_test(t, refuses_what_others_can_write);
	tcase_add_test(t, does_not_follow_a_link);
	tcase_add_test(t, reads_only_pids);
	tcase_add_test(t, has_one_owner);
	tcase_add_test(t, outlives_an_exec);
	suite_add_tcase(s, t);
	return unit_main(s);
}
