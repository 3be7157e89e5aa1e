/* src/proc/watch_file.c -- noticing that the configuration's files change */
#include "proc/watch_file.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/memory.h"
#include "event/loop.h"

struct watched {
	char *name;
	bool is_pattern;
	uint64_t known;		/* what it was like when that was told */
	uint64_t seen;		/* and when we last looked */
};

static struct {
	struct watched *all;
	size_t n;
	uint32_t interval_ms;	/* 0: not started */
	void (*on_change)(void);
	struct timer timer;
} me;

/* ---- what a file is like, in one number */

static uint64_t
add_stat(uint64_t print, const struct stat *st)
{
	const uint64_t of[] = {
		st->st_dev, st->st_ino, st->st_mode, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec,
	};

	return hash_bytes(of, sizeof(of), print);
}

/* One that is not there is like nothing else. */
static uint64_t
print_file(const char *name, uint64_t print)
{
	struct stat st;

	print = hash_bytes(name, strlen(name), print);
	return stat(name, &st) < 0 ? print : add_stat(print, &st);
}

static uint64_t
print_pattern(const char *pattern)
{
	uint64_t print = 0;
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		print = print_file(found.gl_pathv[i], print);
	globfree(&found);
	return print;
}

static uint64_t
print(const struct watched *w)
{
	return w->is_pattern ? print_pattern(w->name) :
	    print_file(w->name, 0);
}

/* ---- which files */

static const struct watched *
find(const struct conf_source *s)
{
	for (size_t i = 0; i < me.n; i++)
		if (me.all[i].is_pattern == s->is_pattern &&
		    strcmp(me.all[i].name, s->name) == 0)
			return &me.all[i];
	return NULL;
}

static void
take(struct watched *w, const struct conf_source *s)
{
	const struct watched *before = find(s);

	w->name = xstrdup(s->name);
	w->is_pattern = s->is_pattern;
	w->known = before != NULL ? before->known : print(w);
	w->seen = before != NULL ? before->seen : w->known;
}

static void
forget(void)
{
	for (size_t i = 0; i < me.n; i++)
		free(me.all[i].name);
	free(me.all);
	me.all = NULL;
	me.n = 0;
}

void
watch_file_set(const struct conf_source *sources, size_t n)
{
	struct watched *all = xcalloc(n, sizeof(*all));

	for (size_t i = 0; i < n; i++)
		take(&all[i], &sources[i]);
	forget();
	me.all = all;
	me.n = n;
}

/* ---- looking */

/* Looks at all. True if there is news, and it is as it was the last time. */
static bool
is_changed(void)
{
	bool is_new = false, is_still = true;

	for (size_t i = 0; i < me.n; i++) {
		struct watched *w = &me.all[i];
		uint64_t now = print(w);

		is_new = is_new || now != w->known;
		is_still = is_still && now == w->seen;
		w->seen = now;
	}
	return is_new && is_still;
}

static void
on_look(struct timer *t)
{
	if (is_changed()) {
		for (size_t i = 0; i < me.n; i++)
			me.all[i].known = me.all[i].seen;
		me.on_change();
	}
	loop_timer_set(t, clock_now_ms + me.interval_ms);
}

void
watch_file_start(uint32_t interval_ms, void (*on_change)(void))
{
	me.interval_ms = interval_ms;
	me.on_change = on_change;
	timer_init(&me.timer, on_look);
	loop_timer_set(&me.timer, clock_now_ms + interval_ms);
}

void
watch_file_stop(void)
{
	if (me.interval_ms != 0)
		loop_timer_fini(&me.timer);
	me.interval_ms = 0;
	forget();
}
