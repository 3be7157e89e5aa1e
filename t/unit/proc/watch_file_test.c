/* t/unit/proc/watch_file_test.c -- files that change in all the usual ways */
#include "proc/watch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "event/loop.h"
#include "support/unit.h"

#define EVERY_MS	20

static char dir[] = "/tmp/fairlead-watch-XXXXXX";
static int changes;
static struct timer step;
static void (*at_step)(void);

/* ---- small things */

static const char *
in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(*paths), "%s/%s", dir, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
rename_over(const char *name, const char *text)
{
	put("new", text);
	ck_assert_int_eq(rename(in_dir("new"), in_dir(name)), 0);
}

/* As a ConfigMap is changed: the link of a folder is swapped. */
static void
swap_link(const char *name, const char *target)
{
	(void)unlink(in_dir("new"));
	ck_assert_int_eq(symlink(target, in_dir("new")), 0);
	ck_assert_int_eq(rename(in_dir("new"), in_dir(name)), 0);
}

static void
on_step(struct timer *t UNUSED)
{
	if (at_step == NULL)
		loop_stop();
	else
		at_step();
}

static void
next_step(unsigned in_ms)
{
	loop_timer_set(&step, clock_now_ms + in_ms);
}

static void
on_change(void)
{
	changes++;
}

static unsigned left;

/* One by one, so that a slow machine looks as often. */
static void
count_down(void)
{
	if (--left == 0)
		at_step = NULL;
	next_step(EVERY_MS);
}

/* Runs the loop for so many intervals; the changes that were told. */
static int
look(unsigned intervals)
{
	changes = 0;
	left = intervals;
	at_step = count_down;
	next_step(EVERY_MS / 2);
	loop_run();
	return changes;
}

static void
watch(const char *name, bool is_pattern)
{
	const struct conf_source s = { in_dir(name), is_pattern };

	watch_file_set(&s, 1);
	watch_file_start(EVERY_MS, on_change);
}

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(loop_init(), 0);
	clock_update();
	timer_init(&step, on_step);
}

static void
teardown(void)
{
	char command[64];

	watch_file_stop();
	loop_timer_fini(&step);
	loop_fini();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- one file */

START_TEST(is_told_once)
{
	put("f", "one");
	watch("f", false);
	ck_assert_int_eq(look(4), 0);
	put("f", "two");
	ck_assert_int_eq(look(6), 1);
	ck_assert_int_eq(look(4), 0);
	rename_over("f", "two");
	ck_assert_int_eq(look(6), 1);
	ck_assert_int_eq(unlink(in_dir("f")), 0);
	ck_assert_int_eq(look(6), 1);
	put("f", "two");
	ck_assert_int_eq(look(6), 1);
	ck_assert_int_eq(look(4), 0);
}
END_TEST

static int writes;

static void
write_on(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%*d", writes % 8 + 2, writes);
	put("f", text);
	ck_assert_int_eq(changes, 0);
	if (++writes == 40)
		at_step = NULL;
	next_step(EVERY_MS / 2);
}

/* Whoever writes for long is not interrupted. */
START_TEST(has_to_be_still)
{
	put("f", "one");
	watch("f", false);
	changes = writes = 0;
	at_step = write_on;
	next_step(EVERY_MS / 2);
	loop_run();
	ck_assert_int_eq(writes, 40);
	ck_assert_int_eq(changes, 0);
	ck_assert_int_eq(look(6), 1);
}
END_TEST

START_TEST(links_are_followed)
{
	ck_assert_int_eq(mkdir(in_dir("1"), 0700), 0);
	ck_assert_int_eq(mkdir(in_dir("2"), 0700), 0);
	put("1/f", "one");
	put("2/f", "one");
	swap_link("data", "1");
	swap_link("f", "data/f");
	watch("f", false);
	ck_assert_int_eq(look(4), 0);
	swap_link("data", "2");		/* on the way */
	ck_assert_int_eq(look(6), 1);
	swap_link("f", "1/f");		/* itself */
	ck_assert_int_eq(look(6), 1);
	put("1/f", "two");		/* where it leads */
	ck_assert_int_eq(look(6), 1);
	put("2/f", "two");		/* no more */
	ck_assert_int_eq(look(6), 0);
}
END_TEST

START_TEST(patterns_match_anew)
{
	put("a.yaml", "1");
	put("b.txt", "1");
	watch("*.yaml", true);
	ck_assert_int_eq(look(4), 0);
	put("c.yaml", "1");
	ck_assert_int_eq(look(6), 1);
	put("a.yaml", "22");
	ck_assert_int_eq(look(6), 1);
	ck_assert_int_eq(rename(in_dir("a.yaml"), in_dir("d.yaml")), 0);
	ck_assert_int_eq(look(6), 1);
	ck_assert_int_eq(unlink(in_dir("c.yaml")), 0);
	ck_assert_int_eq(look(6), 1);
	put("b.txt", "22");
	ck_assert_int_eq(look(4), 0);
}
END_TEST

/* ---- what is set anew */

/* Reads again, as a reload does; meanwhile the file changes. */
static void
on_change_set(void)
{
	const struct conf_source s = { in_dir("f"), false };

	if (++changes == 1)
		put("f", "three");
	watch_file_set(&s, 1);
}

START_TEST(no_change_is_missed)
{
	const struct conf_source s = { in_dir("f"), false };

	put("f", "one");
	watch_file_set(&s, 1);
	put("f", "two!");		/* before it starts */
	watch_file_start(EVERY_MS, on_change_set);
	ck_assert_int_eq(look(10), 2);
	ck_assert_int_eq(look(4), 0);
}
END_TEST

START_TEST(others_are_watched)
{
	struct conf_source s[] = { { in_dir("f"), false },
		{ in_dir("g"), false } };

	put("f", "one");
	put("g", "one");
	watch("f", false);
	put("g", "two");
	ck_assert_int_eq(look(4), 0);
	watch_file_set(s, 2);
	ck_assert_int_eq(look(4), 0);	/* as it is now */
	put("g", "three");
	put("f", "three");
	ck_assert_int_eq(look(6), 1);	/* both at once */
	watch_file_set(&s[1], 1);
	put("f", "four");
	ck_assert_int_eq(look(4), 0);
}
END_TEST

/* ---- what a configuration is read from */

static void
check_source(const struct conf_source *s, const char *name, bool is_pattern)
{
	ck_assert_str_eq(s->name, in_dir(name));
	ck_assert(s->is_pattern == is_pattern);
}

START_TEST(a_configuration_has_sources)
{
	struct options o = { .file = in_dir("main.yaml") };
	struct diagnostics *d = diagnostics_new();
	const struct conf_source *s;
	struct conf *conf;
	size_t n;

	put("main.yaml", "include: [part.yaml, 'conf.d/*.yaml', none.yaml]\n");
	put("part.yaml", "include: more.yaml\nworkers: many\n");
	put("more.yaml", "");
	conf = conf_read(&o, d);
	ck_assert_ptr_null(conf);	/* that does not matter */
	s = diagnostics_sources(d, &n);
	ck_assert_uint_eq(n, 5);
	check_source(&s[0], "main.yaml", false);
	check_source(&s[1], "part.yaml", false);
	check_source(&s[2], "more.yaml", false);
	check_source(&s[3], "conf.d/*.yaml", true);
	check_source(&s[4], "none.yaml", false);
	diagnostics_free(&d);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc: watch_file");
	TCase *t = tcase_create("watch_file");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, is_told_once);
	tcase_add_test(t, has_to_be_still);
	tcase_add_test(t, links_are_followed);
	tcase_add_test(t, patterns_match_anew);
	tcase_add_test(t, no_change_is_missed);
	tcase_add_test(t, others_are_watched);
	tcase_add_test(t, a_configuration_has_sources);
	suite_add_tcase(s, t);
	return unit_main(s);
}
