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
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/daemon.h"
#include "proc/internal.h"
#include "proc/privileges.h"
#include "proc/register.h"
#include "proc/title.h"
#include "proc/wake.h"

#define KILL_AFTER_MS 1000	/* a fast stop; then SIGKILL */

struct master master;

static struct process *
find_process(pid_t pid)
{
	for (size_t i = 0; i < master.n_processes; i++)
		if (master.processes[i].pid == pid)
			return &master.processes[i];
	return NULL;
}

static bool
are_all_ready(void)
{
	for (size_t i = 0; i < master.n_processes; i++)
		if (!master.processes[i].is_ready)
			return false;
	return true;
}

/* Is any of the first `n` processes there? */
static bool
is_any_alive(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (master.processes[i].pid != 0)
			return true;
	return false;
}

static void
tell_all(size_t from, size_t to, enum control_type type)
{
	for (size_t i = from; i < to; i++)
		process_tell(&master.processes[i], type);
}

bool
master_wants(const struct process *p)
{
	if (master.state == MASTER_DRAINING)
		return p->slot == SEGMENT_MONITOR;	/* for /readyz */
	return master.state != MASTER_STOPPING;
}

void
master_child_ready(struct process *p)
{
	char names[512];

	log_debug(NULL, "%s is ready", process_name(p));
	if (master.state != MASTER_STARTING || !are_all_ready())
		return;
	master.state = MASTER_RUNNING;
	shm_publish(&segment.header->ready_generation, master.generation);
	run_dir_tell(&master, "applied");
	listener_set_print(master.listeners, names, sizeof(names));
	log_notice(NULL, "ready: %zu workers, listening on %s",
	    master.n_workers, names);
	log_open(master.options->log_fd, master.options->log_mirror);
	daemon_ready();
}

/* Ends at once what is left; its reaping ends the loop. */
static void
stop_fast(int exit_status)
{
	if (master.state == MASTER_STOPPING)
		return;
	master.state = MASTER_STOPPING;
	master.exit_status = exit_status;
	shm_set(&segment.header->is_stopping, 1);
	tell_all(0, master.n_processes, CONTROL_STOP);
	loop_timer_set(&master.patience, clock_now_ms + KILL_AFTER_MS);
	if (!is_any_alive(master.n_processes))
		loop_stop();
}

/* The monitor stays to the last: it answers /readyz. */
static void
stop_gracefully(void)
{
	if (master.state >= MASTER_DRAINING)
		return;
	master.state = MASTER_DRAINING;
	shm_set(&segment.header->is_stopping, 1);
	tell_all(0, master.n_workers, CONTROL_DRAIN);
	loop_timer_set(&master.patience, clock_now_ms +
	    master.options->conf->shutdown_timeout_ms);
	if (!is_any_alive(master.n_workers))
		stop_fast(EXIT_SUCCESS);
}

static void
on_patience(struct timer *t)
{
	if (master.state == MASTER_DRAINING) {
		log_warn(NULL, "shutdown_timeout is over: cutting what still "
		    "runs");
		stop_fast(EXIT_SUCCESS);
		return;
	}
	for (size_t i = 0; i < master.n_processes; i++)
		if (master.processes[i].pid != 0)
			kill(master.processes[i].pid, SIGKILL);
	loop_timer_set(t, clock_now_ms + KILL_AFTER_MS);
}

static void
on_watch(struct timer *t)
{
	for (size_t i = 0; i < master.n_processes; i++)
		process_watch(&master.processes[i]);
	loop_timer_set(t, clock_now_ms + WATCH_EVERY_MS);
}

/* A child that gives up by itself before all were ready would do so again. */
static bool
is_failed_start(int status)
{
	return master.state == MASTER_STARTING && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0;
}

static void
bury(struct process *p, int status)
{
	process_reaped(p, status);
	if (is_failed_start(status)) {
		log_error(NULL, "start-up failed");
		stop_fast(EXIT_FAILURE);
	} else if (master_wants(p))
		process_replace(p);
	else if (!is_any_alive(master.n_processes))
		loop_stop();
	else if (master.state == MASTER_DRAINING &&
	    !is_any_alive(master.n_workers))
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
		p = find_process(pid);
		if (p != NULL)
			bury(p, status);
	}
}

static void
on_signal(int signo)
{
	if (signo == SIGCHLD) {
		reap();
		return;
	}
	if (signo == SIGWINCH)
		return;
	log_notice(NULL, "signal %d (%s)", signo, strsignal(signo));
	switch (signo) {
	case SIGTERM:
	case SIGINT:
		stop_fast(EXIT_SUCCESS);
		break;
	case SIGQUIT:
		stop_gracefully();
		break;
	default:
		log_notice(NULL, "signal %d: not built yet, going on", signo);
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
	return 0;
}

static void
start_processes(void)
{
	const struct master_options *o = master.options;

	for (size_t i = 0; i < master.n_workers; i++)
		process_init(&master.processes[i], o->worker, (uint32_t)i);
	process_init(&master.processes[master.n_workers], o->monitor,
	    SEGMENT_MONITOR);
	master.n_processes = master.n_workers + 1;
	clock_update();
	for (size_t i = 0; i < master.n_processes; i++)
		process_spawn(&master.processes[i]);
	loop_timer_set(&master.watch, clock_now_ms + WATCH_EVERY_MS);
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
open_segment(const struct conf *conf)
{
	if (segment_create() < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot make the shared "
		    "segment");
		return -1;
	}
	shm_set(&segment.header->generation, master.generation);
	conf_multiply_names(conf);
	return segment_register_conf(conf);
}

/* What both modes open before anything runs. 0, or -1 after logging. */
static int
open_all(const struct master_options *o, size_t n_slots)
{
	master = (struct master){
		.options = o, .generation = 1, .admin_fd = -1,
	};
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	if (privileges_find(o->conf->user) < 0 || open_segment(o->conf) < 0)
		return -1;
	if (wake_open() < 0) {
		log_write_errno(LOG_ERROR, NULL, "eventfd");
		return -1;
	}
	master.listeners = listener_set_open(o->conf->listeners,
	    o->conf->n_listeners, n_slots);
	if (master.listeners == NULL)
		return -1;
	if (run_dir_open(&master) < 0)
		return -1;
	run_dir_tell(&master, "starting");
	return 0;
}

static void
close_all(void)
{
	run_dir_close(&master);
	listener_set_close(&master.listeners);
	wake_close();
	segment_close();
}

static void
run_children(void)
{
	start_processes();
	loop_run();
	for (size_t i = 0; i < master.n_processes; i++)
		process_fini(&master.processes[i]);
	loop_fini();
	log_notice(NULL, "stopped");
}

int
master_run(const struct master_options *o)
{
	size_t n = (size_t)o->conf->workers;

	if (n > SEGMENT_SLOTS) {
		log_error(NULL, "%zu workers are more than %d", n,
		    SEGMENT_SLOTS);
		return EXIT_FAILURE;
	}
	title_set("fairlead: master process %s", o->config_name);
	if (open_all(o, n) < 0 || start_loop() < 0) {
		close_all();
		return EXIT_FAILURE;
	}
	master.n_workers = n;
	run_children();
	close_all();
	return master.exit_status;
}

/* The one process is worker 0 and monitor at once. */
static void
register_self(uint32_t slot)
{
	struct process_slot *p = segment_process(slot);

	shm_set(&p->pid, getpid());
	shm_set(&p->generation, master.generation);
	shm_publish(&p->state, SLOT_STARTING);
}

int
master_run_single(const struct master_options *o,
    int (*single_main)(struct child *self))
{
	struct child self = {
		.slot = 0, .generation = 1, .control_fd = -1, .conf = o->conf,
	};
	int status;

	title_set("fairlead: single process %s", o->config_name);
	if (open_all(o, 1) < 0) {
		close_all();
		return EXIT_FAILURE;
	}
	register_self(0);
	register_self(SEGMENT_MONITOR);
	run_dir_tell(&master, "applied");
	log_open(o->log_fd, o->log_mirror);
	self.listeners = master.listeners;
	run_dir_sockets(&master, self.admin_fds);
	self.access_fd = o->access_fd;
	status = single_main(&self);
	close_all();
	return status;
}
