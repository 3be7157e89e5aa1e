/* src/proc/internal.h -- the master's own record of everything it started */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/timer.h"
#include "event/loop.h"
#include "proc/backoff.h"
#include "proc/control.h"
#include "proc/master.h"
#include "proc/watch.h"
#include "shm/segment.h"

/* One child's place; it outlives the processes that fill it. */
struct process {
	const struct role *role;
	uint32_t slot;
	pid_t pid;		/* 0: nobody there */
	bool is_ready;
	bool is_dismissed;	/* told to go: its end is no surprise */
	uint32_t restarts;
	uint64_t started_ms;
	uint32_t delay_ms;	/* of its replacement */
	struct backoff backoff;
	struct watch watch;
	struct io control;
	struct timer respawn;
};

enum master_state {
	MASTER_STARTING,	/* until all have said ready once */
	MASTER_RUNNING,
	MASTER_DRAINING,	/* QUIT */
	MASTER_STOPPING,	/* TERM, INT, start-up failure */
};

struct master {
	const struct master_options *options;
	enum master_state state;
	int exit_status;
	uint32_t generation;
	struct listener_set *listeners;
	int admin_fd;		/* Unix socket; -1: off */
	struct listener_set *admin;	/* TCP, one socket; NULL: none */
	bool owns_run_dir;
	uint32_t status_sequence;
	size_t n_workers, n_processes;	/* the monitor comes last */
	struct process processes[SEGMENT_SLOTS + 1];
	struct timer watch;	/* heartbeats */
	struct timer patience;	/* draining, stopping: then harder */
};

extern struct master master;

/* run_dir.c: RUN_DIR, its admin socket and status file; the pid file. */
/* 0, or -1 after logging: what the file asks for cannot be had. */
int run_dir_open(struct master *m);
/* The admin interface's listening sockets, for the monitor. */
void run_dir_sockets(const struct master *m, int fds[2]);
void run_dir_tell(struct master *m, const char *verdict);
void run_dir_close(struct master *m);

/* spawn.c */
void process_init(struct process *p, const struct role *role, uint32_t slot);
/* Forks it now; in the child this does not return. If that fails it is tried
 * again by timer. */
void process_spawn(struct process *p);
/* It has ended: clears its gauges, logs and counts an unexpected death. */
void process_reaped(struct process *p, int status);
/* Fills the place again, at once or after the back-off. */
void process_replace(struct process *p);
/* Tells it to drain or to stop; a failure is logged, its signal comes later. */
void process_tell(struct process *p, enum control_type type);
/* SIGABRT to one that hangs, SIGKILL if that does not help. */
void process_watch(struct process *p);
/* "worker 3", "monitor"; static storage. */
const char *process_name(const struct process *p);
/* No process may be left in it. */
void process_fini(struct process *p);

/* master.c */
void master_child_ready(struct process *p);
/* Should this place be filled again? */
bool master_wants(const struct process *p);
