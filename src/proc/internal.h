/* src/proc/internal.h -- the master's own record of everything it started */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/list.h"
#include "core/timer.h"
#include "event/loop.h"
#include "proc/backoff.h"
#include "proc/control.h"
#include "proc/logs.h"
#include "proc/master.h"
#include "proc/watch.h"
#include "shm/segment.h"

struct conf;
struct generation;

/* One child's place; it outlives the processes that fill it. */
struct process {
	const struct role *role;
	struct generation *generation;
	uint32_t slot;		/* in the segment */
	uint32_t place;		/* of a worker: among its generation's */
	pid_t pid;		/* 0: nobody there */
	bool is_ready;
	bool is_dismissed;	/* told to go: its end is no surprise */
	bool is_released;	/* a monitor: another one has its slot */
	bool is_foreign;	/* it has another segment than we */
	uint32_t restarts;
	uint64_t started_ms;
	uint32_t delay_ms;	/* of its replacement */
	struct backoff backoff;
	struct watch watch;
	struct io control;
	struct timer respawn;
	struct list link;	/* of monitors that are not the one */
};

/*
 * A configuration and its workers. The newest serves; older ones drain until
 * their last process has ended; at most one is coming: its workers start, and
 * wait for the word to accept. It owns all that is in it.
 */
struct generation {
	struct list link;		/* of those that drain, newest first */
	uint32_t number;
	uint64_t since_wall_ms;		/* it serves; 0: not yet */
	struct conf *conf;		/* NULL: of the binary before us */
	struct listener_set *listeners;	/* NULL: it has handed them on */
	struct logs logs;
	struct process *workers;
	uint32_t *slots;		/* by place */
	size_t n_workers;
	uint32_t drain_ms;		/* drain_timeout; 0: none */
	uint32_t shutdown_ms, delay_ms;	/* shutdown_timeout, drain_delay */
	bool is_term_graceful;
	bool is_adopted;		/* its workers are of the binary before
					 * us: what they have we cannot know */
	bool is_foreign;		/* of another segment than ours */
	struct timer patience;		/* drain_timeout, then harder */
};

enum master_state {
	MASTER_STARTING,	/* until all have said ready once */
	MASTER_RUNNING,
	MASTER_LAME,		/* QUIT: not ready any more, but serving */
	MASTER_DRAINING,	/* QUIT */
	MASTER_STOPPING,	/* TERM, INT, start-up failure */
};

/* What the monitor listens on. */
struct admin_sockets {
	char *path;			/* of the Unix socket; NULL: off */
	int fd;				/* -1: off */
	struct listener_set *tcp;	/* one socket; NULL: none */
};

struct master {
	const struct master_options *options;
	enum master_state state;
	int exit_status;
	uint32_t last_number;		/* of generations */
	struct generation *serving;	/* NULL: none yet */
	struct generation *coming;	/* NULL: none */
	struct list draining;
	struct process *monitor;
	struct generation *monitor_for;	/* whose configuration it has, or the
					 * next one gets */
	struct list old_monitors;	/* finishing what they were asked */
	struct admin_sockets admin, coming_admin;
	char *run_dir;			/* of the start; NULL: none */
	bool owns_run_dir;
	uint32_t status_sequence;
	bool wants_reload;		/* when what is under way is over */
	bool wants_upgrade;
	bool waits_for_room;		/* a reload, until old workers end */
	struct timer watch;	/* heartbeats */
	struct timer patience;	/* draining, stopping: then harder */
	struct timer coming_late;	/* the coming one takes too long */
	struct timer retiring;	/* old workers still accept somewhere */
};

extern struct master master;

/* run_dir.c: RUN_DIR, its admin socket and status file. */
/* 0, or -1 after logging: what the file asks for cannot be had. What `old` has,
 * too, is taken from there. */
int admin_open(struct admin_sockets *a, const struct conf *conf,
    const struct admin_sockets *old);
/* Closes what `other` (NULL: none) has not. */
void admin_close(struct admin_sockets *a, const struct admin_sockets *other);
/* Those that belong to this generation, coming or serving. */
const struct admin_sockets *admin_of(const struct generation *g);
/* Its listening sockets, for the monitor. */
void admin_descriptors(const struct admin_sockets *a, int fds[2]);
void run_dir_make(const struct conf *conf);
void run_dir_own(void);		/* we have what we listen on */
void run_dir_tell(const char *verdict, const char *const *diagnostics,
    size_t n);
/* The same once more, with the next number: something else was done. */
void run_dir_tell_again(void);
void run_dir_close(void);

/* generation.c */
/*
 * Takes over the conf, also if it fails: registers it in the segment, opens
 * what it listens on and logs to, and finds slots for its workers. NULL after
 * logging.
 */
struct generation *generation_open(struct conf *conf,
    const struct generation *before);
/* With nothing but room for its workers. */
struct generation *generation_new(uint32_t number, size_t n_workers);
void generation_free(struct generation **g);	/* without processes */
void generation_spawn(struct generation *g);
bool generation_is_alive(const struct generation *g);
bool generation_is_ready(const struct generation *g);
void generation_tell(struct generation *g, enum control_type type);
void generation_kill(const struct generation *g, int signo);
/* Its workers finish what they do; connections go to `heir` (NULL: nobody),
 * addresses that are not there are given up. Can be told again. */
void generation_drain(struct generation *g, struct generation *heir,
    uint32_t limit_ms);
/* A worker of `heir` is there (again): who drains may hand over to it. */
void generation_link(struct generation *g, struct process *heir);

/* reload.c */
int reload_first(struct conf *conf);	/* 0, or -1 after logging */
void reload_begin(void);	/* HUP; during a reload it comes after it */
void reload_step(void);		/* a child is ready */
void reload_abort(const char *why);
/* A line for whoever waits for the verdict, and for the log; the verdict. */
void reload_say(const char *line);
void reload_reject(const char *what);

/* monitor.c: one at a time checks, asks DNS and takes admin requests. */
/* From now on for this configuration: the one that runs is asked to leave. */
void monitor_serve(struct generation *g);
bool monitor_is_ready(const struct generation *g);
void monitor_released(struct process *p);	/* it has left */
void monitor_reaped(struct process *p, int status);
struct process *monitor_find(pid_t pid);
bool monitor_is_alive(void);
void monitor_tell(enum control_type type);	/* all of them */
void monitor_kill(int signo);
void monitor_fini(void);

/* spawn.c */
void process_init(struct process *p, const struct role *role,
    struct generation *g, uint32_t slot);
/* Forks it now; in the child this does not return. If that fails it is tried
 * again by timer. */
void process_spawn(struct process *p);
/* It has ended: clears its gauges, logs and counts an unexpected death. */
void process_reaped(struct process *p, int status);
/* The process of that pid runs since before an exec. */
void process_adopt(struct process *p, int control_fd);
/* Fills the place again, at once or after the back-off. */
void process_replace(struct process *p);
/* Tells it to drain or to stop; a failure is logged, its signal comes later. */
void process_tell(struct process *p, enum control_type type);
/* The same for any message. */
void process_send(struct process *p, const struct control_message *m);
/* SIGABRT to one that hangs, SIGKILL if that does not help. */
void process_watch(struct process *p);
/* "worker 3", "monitor"; static storage. */
const char *process_name(const struct process *p);
/* No process may be left in it. */
void process_fini(struct process *p);

/* master.c */
void master_child_ready(struct process *p);
void master_serves(void);	/* a generation does, from now on */
void master_keep_slots(void);	/* those that some generation has */
void master_next_change(void);	/* the one that was under way is over */
/* Should this place be filled again? */
bool master_wants(const struct process *p);
