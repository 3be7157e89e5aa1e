/* t/unit/conf/secret_test.c -- one key for all configurations of a process */
#include "conf/secret.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

static void
copy_own(uint8_t to[SECRET_OWN])
{
	memcpy(to, secret_own(), SECRET_OWN);
}

START_TEST(is_made_once)
{
	static const uint8_t zero[SECRET_OWN];
	uint8_t first[SECRET_OWN];

	copy_own(first);
	ck_assert_mem_ne(first, zero, SECRET_OWN);
	ck_assert_mem_eq(secret_own(), first, SECRET_OWN);
}
END_TEST

static void
write_own(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		ssize_t n = write(fd, secret_own(), SECRET_OWN);

		_exit(n == SECRET_OWN ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Each test is a process of its own, in which none was made yet. */
START_TEST(differs_between_processes)
{
	uint8_t a[SECRET_OWN], b[SECRET_OWN];
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	write_own(fds[1]);
	write_own(fds[1]);
	ck_assert_int_eq(read(fds[0], a, sizeof(a)), SECRET_OWN);
	ck_assert_int_eq(read(fds[0], b, sizeof(b)), SECRET_OWN);
	ck_assert_mem_ne(a, b, SECRET_OWN);
}
END_TEST

START_TEST(is_taken_over)
{
	uint8_t theirs[SECRET_OWN];

	memset(theirs, 7, sizeof(theirs));
	secret_take_over(theirs);
	ck_assert_mem_eq(secret_own(), theirs, SECRET_OWN);
	memset(theirs, 8, sizeof(theirs));
	secret_take_over(theirs);
	ck_assert_mem_eq(secret_own(), theirs, SECRET_OWN);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: secret");
	TCase *tc = tcase_create("secret");

	tcase_add_test(tc, is_made_once);
	tcase_add_test(tc, differs_between_processes);
	tcase_add_test(tc, is_taken_over);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
