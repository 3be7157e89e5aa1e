/* src/proc/child.h -- what a child process knows of itself and its master */
#pragma once
#include <stdint.h>

struct conf;
struct listener_set;

/* Everything a child's main needs; inherited by fork, read-only but for the
 * control descriptor. */
struct child {
	uint32_t slot;		/* 0.., SEGMENT_MONITOR for the monitor */
	uint32_t generation;
	int control_fd;		/* SOCK_SEQPACKET to the master; -1: single */
	const struct conf *conf;
	/* The monitor may read the addresses; its descriptors are closed. */
	const struct listener_set *listeners;
	int admin_fds[2];	/* listening: Unix socket, TCP; -1: none */
	int access_fd;		/* of the access log, or -1 */
};

/* A role is a row: how the master starts it. `main` runs the child's loop and
 * returns its exit status. */
struct role {
	const char *name;		/* "worker", "monitor" */
	int (*main)(struct child *self);
};

/* Told to a child by its master, or by the loss of it. */
enum order {
	ORDER_STOP,		/* exit now */
	ORDER_DRAIN,		/* finish what runs, then exit */
	ORDER_MASTER_GONE,	/* serve on for 10 s, then drain */
};

/*
 * Called first in a child's main: loop_init, title, random seed, privileges
 * dropped (segment and sockets are inherited), signals blocked, control
 * socket registered; orders arrive at `on_order` from the loop. In single
 * mode it registers TERM, INT and QUIT instead. Starts the heartbeat: a timer
 * (50 ms, the monitor's 1 s), and loop.on_turn, which a child may take for itself if it calls
 * child_beat() there. 0, or -1 after logging.
 */
int child_start(struct child *self, void (*on_order)(enum order order));

/* Tells the master (and the segment's slot) that this child serves. */
void child_ready(struct child *self);

/* Tells the segment's slot that this child drains; done by itself before
 * ORDER_DRAIN arrives. */
void child_draining(struct child *self);

/* Stores the beat; called from the loop's on_turn and a 50 ms timer. */
void child_beat(struct child *self);
