/* t/unit/cli/options_test.c -- fairlead's command line */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/base.h"
#include "support/unit.h"

#define ARGS_MOST 24

/* Cuts `line` at blanks; what was parsed refers to `room`. */
static int
parse(struct options *o, const char *line)
{
	static char room[1024];
	char *argv[ARGS_MOST] = { NULL }, *save = NULL, *word;
	int argc = 0;

	memset(o, 0, sizeof(*o));
	snprintf(room, sizeof(room), "%s", line);
	word = strtok_r(room, " ", &save);
	for (; word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	ck_assert_int_lt(argc, ARGS_MOST);
	return options_parse(o, argc, argv);
}

/* Everything behind it on `fd` goes to a file; its descriptor. */
static int
capture(int fd)
{
	int to = memfd_create("captured", MFD_CLOEXEC);

	ck_assert_int_ge(to, 0);
	ck_assert_int_eq(dup2(to, fd), fd);
	return to;
}

static char *
captured(int from)
{
	static char text[16384];
	ssize_t n;

	fflush(NULL);
	n = pread(from, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

START_TEST(short_ones)
{
	struct options o;

	ck_assert_int_eq(parse(&o, "fairlead -hVt -H ::1 -p 8080 -c f.yaml "
	    "-b a:1 -bb:2*3 -s weighted"), 0);
	ck_assert(o.help && o.test);
	ck_assert_int_eq(o.version, 1);
	ck_assert_str_eq(o.host, "::1");
	ck_assert_uint_eq(o.port, 8080);
	ck_assert_str_eq(o.file, "f.yaml");
	ck_assert_uint_eq(o.n_backends, 2);
	ck_assert_str_eq(o.backends[0], "a:1");
	ck_assert_str_eq(o.backends[1], "b:2*3");
	ck_assert_str_eq(o.strategy, "weighted");
	free(o.backends);
	free(o.headers);
}
END_TEST

START_TEST(long_ones)
{
	struct options o;

	ck_assert_int_eq(parse(&o, "fairlead --help --version --version --test "
	    "--host=h --port=65535 --config=c --backend=b --strategy=s"), 0);
	ck_assert(o.help && o.test);
	ck_assert_int_eq(o.version, 2);
	ck_assert_str_eq(o.host, "h");
	ck_assert_uint_eq(o.port, 65535);
	ck_assert_str_eq(o.file, "c");
	ck_assert_str_eq(o.backends[0], "b");
	ck_assert_str_eq(o.strategy, "s");
	free(o.backends);
	free(o.headers);
	ck_assert_int_eq(parse(&o, "fairlead --workers 3 --mode single -b b "
	    "--log-file - --log-level debug --run-dir /d --daemon "
	    "--signal reload"), 0);
	ck_assert(o.daemon);
	ck_assert_str_eq(o.signal, "reload");
	ck_assert_str_eq(o.workers, "3");
	ck_assert(o.is_single);
	ck_assert_str_eq(o.log_file, "-");
	ck_assert_str_eq(o.log_level, "debug");
	ck_assert_str_eq(o.run_dir, "/d");
	free(o.backends);
	free(o.headers);
}
END_TEST

START_TEST(watch)
{
	struct options o;

	ck_assert_int_eq(parse(&o, "fairlead -c f -w"), 0);
	ck_assert(o.watch);
	ck_assert_uint_eq(o.interval_ms, 2000);
	free(o.backends);
	free(o.headers);
	ck_assert_int_eq(parse(&o, "fairlead -c f --watch --interval 10"), 0);
	ck_assert_uint_eq(o.interval_ms, 10);
	free(o.backends);
	free(o.headers);
}
END_TEST

START_TEST(default_file)
{
	static const char path[] = SYSCONFDIR "/fairlead/fairlead.yaml";
	struct options o;

	ck_assert_int_eq(parse(&o, "fairlead"), 0);
	ck_assert_pstr_eq(o.file, access(path, F_OK) == 0 ? path : NULL);
	free(o.backends);
	free(o.headers);
	ck_assert_int_eq(parse(&o, "fairlead -b a:1"), 0);
	ck_assert_ptr_null(o.file);
	free(o.backends);
	free(o.headers);
}
END_TEST

static const struct {
	const char *line, *said;
} wrong[] = {
	{ "fairlead -x", "no such option: -x" },
	{ "fairlead -tx", "no such option: -x" },
	{ "fairlead --xyz", "no such option: --xyz" },
	{ "fairlead --backends=a", "no such option: --backends=a" },
	{ "fairlead --help=me", "no such option: --help=me" },
	{ "fairlead -b", "a value is missing behind -b" },
	{ "fairlead --config", "a value is missing behind --config" },
	{ "fairlead --mode", "a value is missing behind --mode" },
	{ "fairlead file.yaml", "not an option: file.yaml" },
	{ "fairlead -t -- x", "not an option: x" },
	{ "fairlead -c ''", "an option's value is empty" },
	{ "fairlead -p 0", "--port takes a number from 1 to 65535, not 0" },
	{ "fairlead -p 65536",
	  "--port takes a number from 1 to 65535, not 65536" },
	{ "fairlead -p 99999999999999999999",
	  "--port takes a number from 1 to 65535, not 99999999999999999999" },
	{ "fairlead -p http",
	  "--port takes a number from 1 to 65535, not http" },
	{ "fairlead -p +80", "--port takes a number from 1 to 65535, not +80" },
	{ "fairlead -p 80x", "--port takes a number from 1 to 65535, not 80x" },
	{ "fairlead --mode multi", "the only --mode is single, not multi" },
	{ "fairlead -c f -w -i 9",
	  "--interval takes 10 to 3600000 milliseconds, not 9" },
	{ "fairlead -c f -w -i 1s",
	  "--interval takes 10 to 3600000 milliseconds, not 1s" },
	{ "fairlead -c f -i 100", "--interval belongs to --watch" },
	{ "fairlead -b a:1 -w", "--watch needs a file, by -c FILE" },
	{ "fairlead -c f -w --mode single", "--mode single cannot reload, so "
	  "there is nothing to --watch for" },
	{ "fairlead --signal HUP", "--signal takes reload, reopen, upgrade, "
	  "quit or stop, not HUP" },
	{ "fairlead --signal", "a value is missing behind --signal" },
};

START_TEST(wrong_usage)
{
	struct options o;
	int fd = capture(STDERR_FILENO);
	char want[200];

	ck_assert_int_eq(parse(&o, wrong[_i].line), -1);
	snprintf(want, sizeof(want), "fairlead: %s\nTry 'fairlead --help'.\n",
	    wrong[_i].said);
	ck_assert_str_eq(captured(fd), want);
	free(o.backends);
	free(o.headers);
}
END_TEST

START_TEST(help)
{
	static const char *const all[] = { "-h, --help", "-V, --version",
	    "-H, --host", "-p, --port", "-c, --config", "-b, --backend",
	    "-s, --strategy", "-t, --test", "--workers", "--mode",
	    "--log-file", "--log-level", "--run-dir", "-d, --daemon",
	    "--signal", "-w, --watch", "-i, --interval" };
	int fd = capture(STDOUT_FILENO);
	char *text, *line, *save = NULL;

	options_print_help();
	text = captured(fd);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		ck_assert_msg(strstr(text, all[i]) != NULL, "%s", all[i]);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		ck_assert_msg(strlen(line) <= 80 ||
		    strstr(line, SYSCONFDIR) != NULL, "wide: %s", line);
}
END_TEST

START_TEST(version)
{
	int fd = capture(STDOUT_FILENO);
	char *text;

	options_print_version(false);
	ck_assert_str_eq(captured(fd), "fairlead " FAIRLEAD_VERSION "\n");
	options_print_version(true);
	text = captured(fd);
	ck_assert_ptr_nonnull(strstr(text, "built with: "));
	ck_assert_ptr_nonnull(strstr(text, "\nlibyaml "));
	ck_assert_ptr_nonnull(strstr(text, "\nOpenSSL "));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cli: options");
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, short_ones);
	tcase_add_test(tc, long_ones);
	tcase_add_test(tc, watch);
	tcase_add_test(tc, default_file);
	tcase_add_loop_test(tc, wrong_usage, 0, COUNT_OF(wrong));
	tcase_add_test(tc, help);
	tcase_add_test(tc, version);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
