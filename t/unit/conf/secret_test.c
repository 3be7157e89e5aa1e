/* t/unit/conf/secret_test.c -- the shared secret, where it is kept; files */
#include "conf/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/base.h"
#include "core/log.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define ONE	"backends: [{host: 127.0.0.1, port: 1}]\n"
#define KEPT	"state/sticky.secret"

static int log_end[2];

/* Each test is a process of its own, in which none was made yet; the current
 * directory is one of the test's. */
static void
setup(void)
{
	char here[256], state[300];

	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	snprintf(state, sizeof(state), "%s/state", here);
	ck_assert_int_eq(setenv("FAIRLEAD_STATE_DIR", state, 1), 0);
	ck_assert_int_eq(pipe2(log_end, O_NONBLOCK | O_CLOEXEC), 0);
	log_open(log_end[1], false);
}

static void
teardown(void)
{
	ck_assert_int_eq(system("rm -rf state s"), 0);
}

/* What was logged since the last time; static storage. */
static const char *
logged(void)
{
	static char lines[4096];
	ssize_t n = read(log_end[0], lines, sizeof(lines) - 1);

	lines[n > 0 ? n : 0] = '\0';
	return lines;
}

static void
check_logged(const char *text)
{
	const char *lines = logged();

	ck_assert_msg(strstr(lines, text) != NULL, "%s", lines);
}

static struct reading
read_text(const char *text)
{
	struct reading r = conf_file_read(span_str(text), NULL);

	ck_assert_str_eq(r.said, "");
	return r;
}

static void
keep(const char *text)
{
	struct reading r = read_text(text);

	secret_keep(r.conf);
	reading_free(&r);
}

static void
put(const char *path, const void *bytes, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* What another master comes to use. */
static void
keep_elsewhere(char got[SECRET_MADE])
{
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		keep(ONE "strategy: sticky\n");
		_exit(write(fds[1], secret_shared(), SECRET_MADE) !=
		    SECRET_MADE);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(fds[0], got, SECRET_MADE), SECRET_MADE);
	close(fds[0]);
	close(fds[1]);
}

/* ---- the shared one */

START_TEST(is_made_once)
{
	static const char zero[SECRET_MADE];
	char first[SECRET_MADE];

	memcpy(first, secret_shared(), SECRET_MADE);
	ck_assert_mem_ne(first, zero, SECRET_MADE);
	ck_assert_mem_eq(secret_shared(), first, SECRET_MADE);
}
END_TEST

START_TEST(reading_leaves_no_trace)
{
	struct reading a = read_text(ONE "strategy: sticky\n");
	struct reading b = read_text(ONE "sticky: {cookie: x}\n");
	const struct sticky_conf *s = &a.conf->upstreams[0].sticky;

	ck_assert_ptr_eq(s->secret, secret_shared());
	ck_assert_uint_eq(s->secret_len, SECRET_MADE);
	ck_assert_ptr_eq(b.conf->upstreams[0].sticky.secret, s->secret);
	ck_assert_ptr_null(secret_made());
	ck_assert_int_ne(access("state", F_OK), 0);
	reading_free(&a);
	reading_free(&b);
}
END_TEST

static const char *const without[] = {
	ONE, ONE "strategy: sticky\nsticky: {secret: 0123456789abcdef}\n",
	ONE "sticky: off\n", "routes: [{respond: {status: 200}}]\n",
};

START_TEST(is_kept_if_needed)
{
	(void)secret_shared();
	keep(without[_i]);
	ck_assert_ptr_null(secret_made());
	ck_assert_int_ne(access("state", F_OK), 0);
	ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(is_kept)
{
	char got[SECRET_MADE];
	struct stat st;

	keep_elsewhere(got);
	check_logged(KEPT " is used; several machines");
	ck_assert_int_eq(stat("state", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(KEPT, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(st.st_size, SECRET_MADE);
	ck_assert_uint_eq(st.st_nlink, 1);
	(void)secret_shared();		/* before and after it is known */
	keep(ONE "strategy: sticky\n");
	check_logged(KEPT " is used; several machines");
	ck_assert_mem_eq(secret_shared(), got, SECRET_MADE);
	ck_assert_ptr_eq(secret_made(), (const uint8_t *)secret_shared());
	keep(ONE "strategy: sticky\n");
	ck_assert_str_eq(logged(), "");
	ck_assert_int_eq(system("test \"$(ls state)\" = sticky.secret"), 0);
}
END_TEST

START_TEST(is_adopted)
{
	uint8_t theirs[SECRET_MADE];

	memset(theirs, 7, sizeof(theirs));
	secret_adopt(theirs);
	ck_assert_mem_eq(secret_made(), theirs, SECRET_MADE);
	keep(ONE "strategy: sticky\n");
	ck_assert_mem_eq(secret_shared(), theirs, SECRET_MADE);
	ck_assert_str_eq(logged(), "");
	ck_assert_int_ne(access("state", F_OK), 0);
}
END_TEST

/* "dd" is among the VmFlags of its page. */
static bool
is_left_out_of_dumps(const void *p)
{
	unsigned long from, to, at = (unsigned long)p;
	bool is_here = false;
	char line[512] = "";
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_here = from <= at && at < to;
		if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			break;
	}
	if (f != NULL)
		fclose(f);
	return is_here && strstr(line, " dd") != NULL;
}

START_TEST(is_not_dumped)
{
	void *p = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	(void)madvise(p, 1, MADV_DONTDUMP);
	if (is_left_out_of_dumps(p))	/* else an emulator cannot tell */
		ck_assert(is_left_out_of_dumps(secret_shared()));
	munmap(p, 1);
}
END_TEST

/* ---- what is there but will not do */

static const struct {
	const char *prepare, *why;
} bad[] = {
	{ "mkdir -m 700 state; umask 077; echo short >" KEPT,
	  "not of the size that it was written with; remove it" },
	{ "mkdir -m 700 state; umask 077; printf %033d 0 >" KEPT,
	  "not of the size that it was written with; remove it" },
	{ "mkdir -m 700 state; printf %032d 0 >" KEPT "; chmod 604 " KEPT,
	  "others can read or change it; chmod 600 it" },
	{ "mkdir -m 700 state; printf %032d 0 >" KEPT "; chmod 620 " KEPT,
	  "others can read or change it; chmod 600 it" },
	{ "mkdir -m 700 state; mkdir " KEPT, "it is no regular file" },
	{ "mkdir -m 700 state; mkfifo -m 600 " KEPT, "it is no regular file" },
	{ "mkdir -m 700 state; ln -s /nowhere " KEPT, "symbolic links" },
	{ "mkdir state; chmod 777 state",
	  "others can write to its directory; chmod 700 it" },
	{ "touch state", "Not a directory" },
	{ "ln -s /nowhere/at/all state", "No such file or directory" },
};

START_TEST(lives_without_file)
{
	char before[SECRET_MADE];

	ck_assert_int_eq(system(bad[_i].prepare), 0);
	memcpy(before, secret_shared(), SECRET_MADE);
	keep(ONE "strategy: sticky\n");
	check_logged(bad[_i].why);
	ck_assert_mem_eq(secret_shared(), before, SECRET_MADE);
	ck_assert_mem_eq(secret_made(), before, SECRET_MADE);
	keep(ONE "strategy: sticky\n");
	ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(owner_is_us)
{
	struct reading r;

	if (geteuid() != 0)
		return;		/* only root can give files away */
	ck_assert_int_eq(mkdir("state", 0700), 0);
	put(KEPT, "0123456789abcdef0123456789abcdef", SECRET_MADE, 0600);
	ck_assert_int_eq(chown(KEPT, 1, 0), 0);
	keep(ONE "strategy: sticky\n");
	check_logged("another user owns it; chown it");
	r = conf_file_read(SPAN(ONE "sticky: {secret_file: " KEPT "}\n"),
	    NULL);
	ck_assert_msg(strstr(r.said, "another user owns it") != NULL, "%s",
	    r.said);
	reading_free(&r);
}
END_TEST

START_TEST(directory_is_absolute)
{
	setenv("FAIRLEAD_STATE_DIR", "state", 1);
	keep(ONE "strategy: sticky\n");
	check_logged("FAIRLEAD_STATE_DIR needs an absolute name");
	ck_assert_int_ne(access("state", F_OK), 0);
}
END_TEST

/* ---- secret_file */

#define SIXTEEN "0123456789abcdef"

static const struct {
	const char *bytes;
	size_t len, want;
} files[] = {
	{ SIXTEEN, 16, 16 },
	{ SIXTEEN "\n", 17, 16 },
	{ SIXTEEN "\n\n", 18, 17 },
	{ SIXTEEN "\0\xff", 18, 18 },
};

START_TEST(file_is_read)
{
	struct reading r;

	put("s", files[_i].bytes, files[_i].len, 0640);
	r = read_text(ONE "sticky: {secret_file: s}\n");
	ck_assert_uint_eq(r.conf->upstreams[0].sticky.secret_len,
	    files[_i].want);
	ck_assert_mem_eq(r.conf->upstreams[0].sticky.secret, files[_i].bytes,
	    files[_i].want);
	secret_keep(r.conf);
	ck_assert_ptr_null(secret_made());
	reading_free(&r);
}
END_TEST

/* A daemon leaves its directory, and a link is followed. */
START_TEST(file_has_a_place)
{
	struct options o = { .directory = "/" };
	char text[512], here[256];
	struct reading r;

	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	ck_assert_int_eq(mkdir("state", 0700), 0);
	put(KEPT, SIXTEEN, 16, 0600);
	ck_assert_int_eq(symlink(KEPT, "s"), 0);
	snprintf(text, sizeof(text), ONE "sticky: {secret_file: %s/s}\n",
	    here + 1);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_ptr_null(r.conf);
	reading_free(&r);
	o.directory = here;
	r = conf_file_read(SPAN(ONE "sticky: {secret_file: s}\n"), &o);
	ck_assert_str_eq(r.said, "");
	reading_free(&r);
}
END_TEST

static const struct {
	const char *prepare, *why;
} bad_files[] = {
	{ "true", "No such file or directory" },
	{ "mkdir s", "it is no regular file" },
	{ "mkfifo -m 600 s", "it is no regular file" },
	{ "umask 077; >s", "it has 0 bytes; write 16 or more" },
	{ "umask 077; echo 0123456789abcde >s",
	  "it has 15 bytes; write 16 or more" },
	{ "umask 077; printf %04097d 0 >s", "it is larger than 4096 bytes" },
	{ "echo " SIXTEEN " >s; chmod 644 s",
	  "others can read or change it; chmod 600 it" },
	{ "echo " SIXTEEN " >s; chmod 660 s",
	  "others can read or change it; chmod 600 it" },
};

START_TEST(bad_file)
{
	struct reading r;

	ck_assert_int_eq(system(bad_files[_i].prepare), 0);
	r = conf_file_read(SPAN(ONE "sticky: {secret_file: s}\n"), NULL);
	ck_assert_ptr_null(r.conf);
	ck_assert_msg(strstr(r.said, "t.yaml:2:23: error: \"s\" gives no "
	    "secret: ") != NULL && strstr(r.said, bad_files[_i].why) != NULL,
	    "%s", r.said);
	ck_assert_ptr_null(strstr(r.said, "0123456789"));
	reading_free(&r);
}
END_TEST

START_TEST(one_or_the_other)
{
	struct reading r;

	put("s", SIXTEEN, 16, 0600);
	r = conf_file_read(SPAN(ONE "sticky: {secret: " SIXTEEN
	    ", secret_file: s}\n"), NULL);
	ck_assert_ptr_null(r.conf);
	ck_assert_msg(strstr(r.said, "\"secret_file\" cannot be beside "
	    "\"secret\"; leave out one of them") != NULL, "%s", r.said);
	ck_assert_ptr_null(strstr(r.said, SIXTEEN));
	reading_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: secret");
	TCase *tc = tcase_create("secret");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, is_made_once);
	tcase_add_test(tc, reading_leaves_no_trace);
	tcase_add_loop_test(tc, is_kept_if_needed, 0, COUNT_OF(without));
	tcase_add_test(tc, is_kept);
	tcase_add_test(tc, is_adopted);
	tcase_add_test(tc, is_not_dumped);
	tcase_add_loop_test(tc, lives_without_file, 0, COUNT_OF(bad));
	tcase_add_test(tc, owner_is_us);
	tcase_add_test(tc, directory_is_absolute);
	tcase_add_loop_test(tc, file_is_read, 0, COUNT_OF(files));
	tcase_add_test(tc, file_has_a_place);
	tcase_add_loop_test(tc, bad_file, 0, COUNT_OF(bad_files));
	tcase_add_test(tc, one_or_the_other);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
