/* src/proc/reload.c -- from one configuration to the next, or not at all */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/secret.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/daemon.h"
#include "proc/internal.h"
#include "proc/notify.h"
#include "proc/pid_file.h"
#include "proc/privileges.h"
#include "proc/watch_file.h"

#define LATE_MS		60000	/* until all workers have to be ready */
#define LINES_MOST	64	/* of what was wrong, for the status file */

/*
 * The configuration is read, sockets are opened, workers are forked and say
 * that they are ready; until then the generation that serves knows nothing of
 * it, and whatever fails leaves it as it is. Then, in one go, the new workers
 * are told to accept and the old ones to drain.
 */

/* ---- what was wrong, for whoever waits for the verdict */

static struct {
	const char *lines[LINES_MOST];
	size_t n;
} wrong;

static void
add_line(const char *line)
{
	if (wrong.n < LINES_MOST)
		wrong.lines[wrong.n++] = xstrdup(line);
}

static void
forget_lines(void)
{
	for (size_t i = 0; i < wrong.n; i++)
		free((void *)(uintptr_t)wrong.lines[i]);
	wrong.n = 0;
}

static void
tell_verdict(const char *verdict)
{
	run_dir_tell(verdict, wrong.lines, wrong.n);
	forget_lines();
}

/* ---- reading */

/* Line by line to the log and to the status. */
static void
take_diagnostics(char *text, bool is_error)
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		log_write(is_error ? LOG_ERROR : LOG_WARN, NULL, "%s", line);
		add_line(line);
	}
}

/* NULL: it has errors, which are told. */
static struct conf *
read_again(void)
{
	struct diagnostics *d = diagnostics_new();
	const struct options *o = master.options->options;
	struct conf *conf = conf_read(o, d);
	const struct conf_source *sources;
	size_t n;
	char *text = diagnostics_text(d);
	char no_workers[] = "workers: 0 is another mode: it takes a restart";

	sources = diagnostics_sources(d, &n);
	if (o->watch)
		watch_file_set(sources, n);
	if (text != NULL)
		take_diagnostics(text, conf == NULL);
	free(text);
	diagnostics_free(&d);
	if (conf != NULL && conf->workers == 0) {
		take_diagnostics(no_workers, true);
		conf_free(&conf);
	}
	return conf;
}

/* ---- beginning */

static void
on_late(struct timer *t UNUSED)
{
	reload_abort("not all workers are ready in time");
}

static int
open_coming(struct conf *conf)
{
	struct generation *g;

	if (privileges_find(conf->user) < 0) {
		conf_free(&conf);
		return -1;
	}
	g = generation_open(conf, master.serving);
	if (g == NULL)
		return -1;
	if (master.serving == NULL)
		run_dir_own();
	if (admin_open(&master.coming_admin, g->conf, &master.admin) < 0 ||
	    pid_file_take(conf->pid_file) < 0) {
		listener_set_undo(&g->listeners, master.serving == NULL ?
		    NULL : master.serving->listeners);
		admin_close(&master.coming_admin, &master.admin);
		generation_free(&g);
		return -1;
	}
	secret_keep(g->conf);
	master.coming = g;
	return 0;
}

void
reload_say(const char *line)
{
	log_error(NULL, "%s", line);
	add_line(line);
}

/* `what` is a word of the log and of the service manager's status. */
void
reload_reject(const char *what)
{
	uint32_t number = master.serving->number;

	log_set_tap(NULL);
	privileges_undo();
	log_error(NULL, "%s: generation %u goes on", what, number);
	tell_verdict("rejected");
	master_keep_slots();
	notify_ready("generation %u; %s", number, what);
	master_next_change();
}

static void
start_coming(void)
{
	clock_update();
	generation_spawn(master.coming);
	monitor_serve(master.coming);
	loop_timer_set(&master.coming_late, clock_now_ms + LATE_MS);
}

/* ---- room for more workers */

static size_t
count_slots(void)
{
	size_t n = master.serving->is_foreign ? 0 : master.serving->n_workers;
	struct list *it, *after;

	list_each(it, after, &master.draining) {
		const struct generation *g = container_of(it,
		    struct generation, link);

		n += g->is_foreign ? 0 : g->n_workers;
	}
	return n;
}

/*
 * Workers that drain may have so many process slots that the new ones find
 * none. Then the oldest have to go; whoever waits for that is called again. True:
 * there is nothing to wait for.
 */
static bool
make_room(const struct conf *conf)
{
	struct generation *oldest;

	if (count_slots() + (size_t)conf->workers <= SEGMENT_SLOTS ||
	    list_is_empty(&master.draining))
		return true;
	oldest = list_last(&master.draining, struct generation, link);
	if (!master.waits_for_room)
		log_warn(NULL, "no room for %d workers more: ending "
		    "generation %u before its time", conf->workers,
		    oldest->number);
	generation_tell(oldest, CONTROL_STOP);
	return false;
}

void
reload_begin(void)
{
	struct conf *conf;

	if (!master.waits_for_room) {
		run_dir_tell("reloading", NULL, 0);
		notify_reloading();
	}
	conf = read_again();
	if (conf != NULL && !make_room(conf)) {
		master.waits_for_room = true;
		conf_free(&conf);
		forget_lines();
		return;
	}
	master.waits_for_room = false;
	log_set_tap(add_line);
	if (conf == NULL || open_coming(conf) < 0) {
		reload_reject("the last reload was rejected");
		return;
	}
	log_set_tap(NULL);
	log_info(NULL, "generation %u is coming", master.coming->number);
	start_coming();
}

int
reload_first(struct conf *conf)
{
	timer_init(&master.coming_late, on_late);
	if (open_coming(conf) < 0)
		return -1;
	run_dir_tell("starting", NULL, 0);
	start_coming();
	return 0;
}

/* ---- the end of it, one way or the other */

static void
end_coming(void)
{
	master.coming = NULL;
	loop_timer_fini(&master.coming_late);
}

/* Behind an upgrade nobody has the configuration of those who serve: their
 * monitor gets the one that is here. */
static void
lend_conf(struct generation *from, struct generation *to)
{
	logs_close(&to->logs);
	to->conf = from->conf;
	to->logs = from->logs;
	from->conf = NULL;
	from->logs = (struct logs){ .error.fd = -1, .access.fd = -1 };
}

/* Its workers have not accepted anything. */
static void
stop_coming(void)
{
	struct generation *g = master.coming;

	privileges_undo();
	if (master.serving->conf == NULL)
		lend_conf(g, master.serving);
	listener_set_undo(&g->listeners, master.serving->listeners);
	admin_close(&master.coming_admin, &master.admin);
	generation_tell(g, CONTROL_STOP);
	(void)pid_file_take(master.serving->conf->pid_file);
	monitor_serve(master.serving);
	list_push(&master.draining, &g->link);
	if (!generation_is_alive(g))
		generation_free(&g);
}

void
reload_abort(const char *why)
{
	if (master.coming == NULL || master.serving == NULL)
		return;
	log_error(NULL, "generation %u: %s", master.coming->number, why);
	add_line(why);
	stop_coming();
	end_coming();
	reload_reject("the last reload was rejected");
}

/* Those that drain for longer get another heir, too. */
static void
drain_others(struct generation *old, struct generation *heir)
{
	struct list *it, *after;

	list_each(it, after, &master.draining) {
		struct generation *g = container_of(it, struct generation,
		    link);

		generation_drain(g, heir, g->drain_ms);
	}
	list_push(&master.draining, &old->link);
	generation_drain(old, heir, old->drain_ms);
	if (!generation_is_alive(old))
		generation_free(&old);
}

/* Of the file's hash what is enough to tell two files apart. */
#define HASH_SHOWN 6

static void
print_hash(const struct conf *conf, char out[2 * HASH_SHOWN + 1])
{
	for (size_t i = 0; i < HASH_SHOWN; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", conf->sha256[i]);
}

static void
log_serving(const struct generation *g)
{
	char names[512], hash[2 * HASH_SHOWN + 1];
	const char *file = g->conf->file;

	listener_set_print(g->listeners, names, sizeof(names));
	print_hash(g->conf, hash);
	log_notice(NULL, "%s: %zu workers, listening on %s; generation %u, %s"
	    "%s%s", g->number == 1 ? "ready" : "reload applied", g->n_workers,
	    names, g->number, file != NULL ? file : "without a file",
	    file != NULL ? " " : "", file != NULL ? hash : "");
}

static void
commit(void)
{
	struct generation *g = master.coming, *old = master.serving;

	if (listener_set_listen(g->listeners, g->conf->listeners) < 0) {
		reload_abort("cannot listen");
		return;
	}
	privileges_keep();
	master.serving = g;
	g->since_wall_ms = clock_wall_ms();
	master_serves();
	shm_set(&segment.header->generation, g->number);
	shm_publish(&segment.header->ready_generation, g->number);
	if (old != NULL) {
		generation_tell(g, CONTROL_GO);
		logs_use(&g->logs, g->conf);	/* the old one's may go */
		drain_others(old, g);
	}
	admin_close(&master.admin, &master.coming_admin);
	master.admin = master.coming_admin;
	master.coming_admin = (struct admin_sockets){ .fd = -1 };
	tell_verdict("applied");
	log_serving(g);
	logs_use(&g->logs, g->conf);
	notify_ready("%zu workers, generation %u", g->n_workers, g->number);
	daemon_ready();
	end_coming();
	master_next_change();
}

void
reload_step(void)
{
	struct generation *g = master.coming;

	if (g != NULL && generation_is_ready(g) && monitor_is_ready(g))
		commit();
}
