/* src/proc/master.c -- start, signals, reaping and the way to the end */
#include "proc/master.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/secret.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/activation.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/notify.h"
#include "proc/pid_file.h"
#include "proc/privileges.h"
#include "proc/register.h"
#include "proc/title.h"
#include "proc/upgrade.h"
#include "proc/wake.h"
#include "proc/watch_file.h"

#define KILL_AFTER_MS 1000	/* a fast stop; then SIGKILL */
#define UNWELL_MS 5000	/* without a beat; the watchdog hears nothing */

struct master master;

static struct process *
find_worker(struct generation *g, pid_t pid)
{
	for (size_t i = 0; g != NULL && i < g->n_workers; i++)
		if (g->workers[i].pid == pid)
			return &g->workers[i];
	return NULL;
}

static struct process *
find_process(pid_t pid)
{
	struct process *p = find_worker(master.serving, pid);
	struct list *it, *after;

	if (p == NULL)
		p = find_worker(master.coming, pid);
	list_each(it, after, &master.draining)
		if (p == NULL)
			p = find_worker(container_of(it, struct generation,
			    link), pid);
	return p != NULL ? p : monitor_find(pid);
}

/* Those that serve, that come, and that drain. */
static void
each_generation(void (*what)(struct generation *g, int with), int with)
{
	struct list *it, *after;

	if (master.serving != NULL)
		what(master.serving, with);
	if (master.coming != NULL)
		what(master.coming, with);
	list_each(it, after, &master.draining)
		what(container_of(it, struct generation, link), with);
}

static bool
is_any_worker_alive(void)
{
	struct list *it, *after;

	list_each(it, after, &master.draining)
		if (generation_is_alive(container_of(it, struct generation,
		    link)))
			return true;
	return generation_is_alive(master.serving) ||
	    generation_is_alive(master.coming);
}

static bool
is_any_alive(void)
{
	return is_any_worker_alive() || monitor_is_alive();
}

/* Of those that we have the configuration of. */
static bool
is_ours(const struct generation *g)
{
	return !g->is_adopted && (g == master.serving || g == master.coming);
}

bool
master_wants(const struct process *p)
{
	switch (master.state) {
	case MASTER_STARTING:
	case MASTER_RUNNING:
	case MASTER_LAME:
		return p->generation->conf != NULL &&
		    (p->slot == SEGMENT_MONITOR || is_ours(p->generation));
	case MASTER_DRAINING:
		return p->slot == SEGMENT_MONITOR &&	/* for /readyz */
		    p->generation->conf != NULL;
	case MASTER_STOPPING:
		break;
	}
	return false;
}

/* It takes over from those that lost whoever was there before it. */
static void
link_again(struct process *heir)
{
	struct list *it, *after;

	list_each(it, after, &master.draining)
		generation_link(container_of(it, struct generation, link),
		    heir);
}

void
master_child_ready(struct process *p)
{
	log_debug(NULL, "%s is ready", process_name(p));
	if (master.state == MASTER_RUNNING &&
	    p->generation == master.serving && p->slot != SEGMENT_MONITOR)
		link_again(p);
	if (master.coming != NULL && master.state <= MASTER_RUNNING)
		reload_step();
}

void
master_serves(void)
{
	if (master.state == MASTER_STARTING)
		master.state = MASTER_RUNNING;
}

/* ---- the way to the end */

static void
tell(struct generation *g, int type)
{
	generation_tell(g, (enum control_type)type);
}

static void
kill_all(struct generation *g, int signo)
{
	generation_kill(g, signo);
}

/* Ends at once what is left; its reaping ends the loop. */
static void
stop_fast(int exit_status)
{
	if (master.state == MASTER_STOPPING)
		return;
	master.state = MASTER_STOPPING;
	master.exit_status = exit_status;
	upgrade_cancel();
	shm_set(&segment.header->is_stopping, 1);
	notify_stopping(NULL);
	each_generation(tell, CONTROL_STOP);
	monitor_tell(CONTROL_STOP);
	loop_timer_set(&master.patience, clock_now_ms + KILL_AFTER_MS);
	if (!is_any_alive())
		loop_stop();
}

/* The monitor stays to the last: it answers /readyz. */
static void
drain_all(void)
{
	struct generation *g = master.serving;

	master.state = MASTER_DRAINING;
	generation_drain(g, NULL, g->shutdown_ms);
	loop_timer_set(&master.patience, clock_now_ms + g->shutdown_ms);
	if (!is_any_worker_alive())
		stop_fast(EXIT_SUCCESS);
}

static void
tell_draining(const struct generation *g)
{
	run_dir_tell("stopping", NULL, 0);
	notify_stopping("finishing what is under way");
	notify_extend(g->delay_ms + g->shutdown_ms +
	    10 * KILL_AFTER_MS);
}

/* Whoever looks at /readyz gets time to see it. */
static void
stop_gracefully(void)
{
	if (master.state == MASTER_STARTING) {
		stop_fast(EXIT_SUCCESS);
		return;
	}
	if (master.state != MASTER_RUNNING)
		return;
	master.wants_reload = master.wants_upgrade = false;
	master.waits_for_room = false;
	upgrade_cancel();
	reload_abort("we are to stop");
	shm_set(&segment.header->is_stopping, 1);
	tell_draining(master.serving);
	if (master.serving->delay_ms == 0) {
		drain_all();
		return;
	}
	master.state = MASTER_LAME;
	loop_timer_set(&master.patience, clock_now_ms +
	    master.serving->delay_ms);
}

static void
on_patience(struct timer *t)
{
	switch (master.state) {
	case MASTER_LAME:
		drain_all();
		return;
	case MASTER_DRAINING:
		log_warn(NULL, "shutdown_timeout is over: cutting what still "
		    "runs");
		stop_fast(EXIT_SUCCESS);
		return;
	default:
		break;
	}
	each_generation(kill_all, SIGKILL);
	monitor_kill(SIGKILL);
	loop_timer_set(t, clock_now_ms + KILL_AFTER_MS);
}

static void
watch_workers(struct generation *g, int with UNUSED)
{
	for (size_t i = 0; i < g->n_workers; i++)
		process_watch(&g->workers[i]);
}

static void
on_watch(struct timer *t)
{
	each_generation(watch_workers, 0);
	if (master.monitor != NULL)
		process_watch(master.monitor);
	loop_timer_set(t, clock_now_ms + WATCH_EVERY_MS);
}

/* One that is dead is replaced: that is no reason to end us all. */
static bool
is_beating(const struct process *p)
{
	return p->pid == 0 || !p->is_ready ||
	    clock_now_ms - p->watch.changed_ms <= UNWELL_MS;
}

/* For the watchdog; those that drain may be as they like. */
static bool
is_well(void)
{
	const struct generation *g = master.serving;

	for (size_t i = 0; g != NULL && i < g->n_workers; i++)
		if (!is_beating(&g->workers[i]))
			return false;
	return master.monitor == NULL || is_beating(master.monitor);
}

/* ---- deaths */

/* A child that gives up by itself before all were ready would do so again. */
static bool
is_failed_start(int status)
{
	return master.state == MASTER_STARTING && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0;
}

/* Is there a generation that may use any slot, for all that we know? */
static bool
has_unknown(void)
{
	struct list *it, *after;

	list_each(it, after, &master.draining) {
		const struct generation *g = container_of(it,
		    struct generation, link);

		if (g->is_adopted && !g->is_foreign)
			return true;
	}
	return master.serving != NULL && master.serving->is_adopted;
}

/* What only a generation knew that has ended is for others. */
void
master_keep_slots(void)
{
	static struct segment_use use;
	struct list *it, *after;

	if (has_unknown())
		return;
	memset(&use, 0, sizeof(use));
	if (master.serving != NULL)
		conf_mark_slots(master.serving->conf, &use);
	if (master.coming != NULL)
		conf_mark_slots(master.coming->conf, &use);
	list_each(it, after, &master.draining) {
		const struct generation *g = container_of(it,
		    struct generation, link);

		if (g->conf != NULL)
			conf_mark_slots(g->conf, &use);
	}
	(void)segment_keep(&use);
}

static void
end_if_drained(struct generation *g)
{
	if (g == master.serving || g == master.coming ||
	    generation_is_alive(g))
		return;
	log_info(NULL, "generation %u has ended", g->number);
	generation_free(&g);
	master_keep_slots();
	if (master.waits_for_room)
		reload_begin();
}

static void
bury_worker(struct process *p, int status)
{
	struct generation *g = p->generation;

	process_reaped(p, status);
	if (g == master.coming && master.state == MASTER_RUNNING)
		reload_abort("a worker failed to start");
	else if (master_wants(p))
		process_replace(p);
	else if (g == master.serving && master.coming == NULL)
		master.wants_reload = true;	/* an upgrade has failed */
	else
		end_if_drained(g);
}

static void
bury(struct process *p, int status)
{
	bool is_failed = is_failed_start(status);

	if (p->slot == SEGMENT_MONITOR)
		monitor_reaped(p, status);
	else
		bury_worker(p, status);
	if (is_failed) {
		log_error(NULL, "start-up failed");
		stop_fast(EXIT_FAILURE);
	}
	if (!is_any_alive() && master.state == MASTER_STOPPING)
		loop_stop();
	else if (master.state == MASTER_DRAINING && !is_any_worker_alive())
		stop_fast(EXIT_SUCCESS);
}

/* As PID 1 of a container we also get what others left behind. */
static void
reap(void)
{
	struct process *p;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		p = upgrade_reaped(pid, status) ? NULL : find_process(pid);
		if (p != NULL)
			bury(p, status);
	}
}

/* ---- signals */

/* One change at a time; asked for twice while another is under way, it comes
 * once. An address that was just given up may be in the file again. */
static bool
can_change(void)
{
	return master.state == MASTER_RUNNING && master.coming == NULL &&
	    !master.waits_for_room && !upgrade_is_under_way() &&
	    !timer_is_set(&master.retiring);
}

void
master_next_change(void)
{
	if (!can_change())
		return;
	if (master.wants_upgrade) {
		master.wants_upgrade = false;
		upgrade_begin();
	} else if (master.wants_reload) {
		master.wants_reload = false;
		reload_begin();
	}
}

static void
on_retired(struct timer *t UNUSED)
{
	master_next_change();
}

static void
want(bool *what)
{
	if (master.state > MASTER_RUNNING) {
		log_notice(NULL, "not now: we are to stop");
		return;
	}
	*what = true;
	master_next_change();
}

static void
on_file_change(void)
{
	log_notice(NULL, "the configuration has changed: reading it");
	want(&master.wants_reload);
}

static void
send_logs(struct process *p, const struct logs *l, unsigned which)
{
	struct control_message m = { .type = CONTROL_LOGS, .data_len = 1 };

	if (p->slot == SEGMENT_MONITOR)
		which &= CONTROL_ERROR_LOG;
	if (which & CONTROL_ERROR_LOG)
		m.fds[m.n_fds++] = l->error.fd;
	if (which & CONTROL_ACCESS_LOG)
		m.fds[m.n_fds++] = l->access.fd;
	m.data[0] = (char)which;
	if (m.n_fds > 0)
		process_send(p, &m);
}

static void
reopen_logs(struct generation *g, int with UNUSED)
{
	unsigned which = logs_reopen(&g->logs);

	for (size_t i = 0; i < g->n_workers; i++)
		send_logs(&g->workers[i], &g->logs, which);
	if (master.monitor != NULL && master.monitor->generation == g)
		send_logs(master.monitor, &g->logs, which);
}

static void
reopen(void)
{
	each_generation(reopen_logs, 0);
	log_notice(NULL, "logs reopened");
	run_dir_tell_again();
}

static void
terminate(void)
{
	if (master.serving != NULL && master.serving->is_term_graceful)
		stop_gracefully();
	else
		stop_fast(EXIT_SUCCESS);
}

static void
on_signal(int signo)
{
	if (signo == SIGCHLD) {
		reap();
		master_next_change();
		return;
	}
	if (signo == SIGWINCH)
		return;
	log_notice(NULL, "signal %d (%s)", signo, strsignal(signo));
	switch (signo) {
	case SIGTERM:
		terminate();
		break;
	case SIGINT:
		stop_fast(EXIT_SUCCESS);
		break;
	case SIGQUIT:
		stop_gracefully();
		break;
	case SIGHUP:
		want(&master.wants_reload);
		break;
	case SIGUSR1:
		reopen();
		break;
	case SIGUSR2:
		want(&master.wants_upgrade);
		break;
	default:
		break;
	}
}

static int
start_loop(void)
{
	static const int signals[] = {
		SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH,
		SIGCHLD, 0
	};

	if (loop_init() < 0 || loop_signals(signals, on_signal) < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot start the event loop");
		return -1;
	}
	timer_init(&master.watch, on_watch);
	timer_init(&master.patience, on_patience);
	timer_init(&master.retiring, on_retired);
	return 0;
}

/* All the descriptors that we may have: two a proxied connection. */
static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		log_write_errno(LOG_WARN, NULL, "setrlimit RLIMIT_NOFILE");
}

static int
open_segment(void)
{
	if (segment_create() == 0)
		return 0;
	log_write_errno(LOG_ERROR, NULL, "cannot make the shared segment");
	return -1;
}

/* What both modes open before anything runs. 0, or -1 after logging. */
static void
open_all(const struct master_options *o)
{
	master = (struct master){
		.options = o, .admin.fd = -1, .coming_admin.fd = -1,
	};
	list_init(&master.draining);
	list_init(&master.old_monitors);
	signal(SIGPIPE, SIG_IGN);
	notify_open();
	raise_descriptor_limit();
}

/* For workers of this generation, and of reloads that follow each other. */
static uint32_t
count_wakes(const struct conf *conf)
{
	uint32_t n = conf == NULL ? 0 : 4 * (uint32_t)conf->workers;

	return n > WAKES_USUAL ? n : WAKES_USUAL;
}

/* Or what the binary before us had of it. */
static int
open_shared(const struct master_options *o)
{
	if (o->passport >= 0 ? upgrade_adopt(o->passport) < 0 :
	    open_segment() < 0)
		return -1;
	if (wake_open(count_wakes(o->conf)) < 0) {
		log_write_errno(LOG_ERROR, NULL, "eventfd");
		return -1;
	}
	run_dir_make(o->conf);
	return 0;
}

static void
close_all(void)
{
	run_dir_close();
	activation_close();
	wake_close();
	segment_close();
}

static void
free_generations(void)
{
	monitor_fini();
	generation_free(&master.coming);
	generation_free(&master.serving);
	while (!list_is_empty(&master.draining)) {
		struct generation *g = list_first(&master.draining,
		    struct generation, link);

		generation_free(&g);
	}
}

/* 0, or -1: there is nothing to serve with. */
static int
start(struct conf *conf)
{
	bool is_upgrade = master.serving != NULL;

	if (!is_upgrade)
		shm_set(&segment.header->generation, 1);
	else {
		master.state = MASTER_RUNNING;
		run_dir_own();
		reap();
	}
	if (conf != NULL && reload_first(conf) == 0) {
		if (is_upgrade)
			upgrade_tell();
		return 0;
	}
	if (!is_upgrade)
		return -1;
	reload_reject("the upgrade brought no workers");
	return 0;
}

static int
run_children(struct conf *conf)
{
	if (start(conf) < 0)
		return EXIT_FAILURE;
	loop_timer_set(&master.watch, clock_now_ms + WATCH_EVERY_MS);
	notify_watch(is_well);
	activation_log_rest();
	if (master.options->options->watch)
		watch_file_start(master.options->options->interval_ms,
		    on_file_change);
	loop_run();
	watch_file_stop();
	notify_close();
	log_notice(NULL, "stopped");
	return master.exit_status;
}

static bool
has_too_many_workers(const struct conf *conf)
{
	if (conf == NULL || conf->workers <= SEGMENT_SLOTS)
		return false;
	log_error(NULL, "%d workers are more than %d", conf->workers,
	    SEGMENT_SLOTS);
	return true;
}

int
master_run(const struct master_options *o)
{
	int status = EXIT_FAILURE;

	if (has_too_many_workers(o->conf))
		return EXIT_FAILURE;
	title_set("fairlead: master process %s", o->config_name);
	open_all(o);
	if (start_loop() == 0 && open_shared(o) == 0) {
		status = run_children(o->conf);
		free_generations();
		loop_fini();
	}
	close_all();
	return status;
}

/* ---- one process for all */

/* The one process is worker 0 and monitor at once. */
static void
register_self(uint32_t slot)
{
	struct process_slot *p = segment_process(slot);

	shm_set(&p->pid, getpid());
	shm_set(&p->generation, 1);
	shm_publish(&p->state, SLOT_STARTING);
}

static int
open_single(struct child *self, struct logs *logs, const struct conf *conf)
{
	char why[LOGS_WHY_MAX];

	if (logs_open(logs, conf, NULL, master.options->options->directory,
	    why) < 0) {
		log_error(NULL, "%s", why);
		return -1;
	}
	log_open(logs->error.fd, true);
	if (privileges_find(conf->user) < 0)
		return -1;
	shm_set(&segment.header->generation, 1);
	conf_multiply_names(conf);
	if (segment_register_conf(conf) < 0)
		return -1;
	self->listeners = listener_set_open(conf->listeners,
	    conf->n_listeners, 1);
	if (self->listeners == NULL)
		return -1;
	activation_log_rest();
	run_dir_own();
	if (pid_file_take(conf->pid_file) < 0 ||
	    admin_open(&master.admin, conf, &master.coming_admin) < 0)
		return -1;
	secret_keep(conf);
	admin_descriptors(&master.admin, self->admin_fds);
	self->access_fd = logs->access.fd;
	self->logs = logs;
	return 0;
}

int
master_run_single(const struct master_options *o,
    int (*single_main)(struct child *self))
{
	static const uint32_t slots[1];
	struct child self = {
		.n_places = 1, .slots = slots, .generation = 1,
		.control_fd = -1, .conf = o->conf,
	};
	struct logs logs = { .error.fd = -1, .access.fd = -1 };
	struct listener_set *listeners;
	int status = EXIT_FAILURE;

	title_set("fairlead: single process %s", o->config_name);
	open_all(o);
	if (open_shared(o) == 0 && open_single(&self, &logs, o->conf) == 0) {
		register_self(0);
		register_self(SEGMENT_MONITOR);
		run_dir_tell("applied", NULL, 0);
		logs_use(&logs, o->conf);
		status = single_main(&self);
	}
	listeners = (struct listener_set *)(uintptr_t)self.listeners;
	listener_set_close(&listeners);
	close_all();
	log_open(-1, false);
	logs_close(&logs);
	return status;
}
