/* src/proc/child.h -- what a child process knows of itself and its master */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct listener_set;
struct logs;

/* Everything a child's main needs; inherited by fork, read-only but for the
 * descriptors. */
struct child {
	uint32_t slot;		/* 0.., SEGMENT_MONITOR for the monitor */
	uint32_t place;		/* among the workers of its generation */
	uint32_t n_places;
	const uint32_t *slots;	/* of all places */
	uint32_t generation;
	bool waits;		/* for ORDER_GO, before it accepts */
	int control_fd;		/* SOCK_SEQPACKET to the master; -1: single */
	const struct conf *conf;
	/* The monitor may read the addresses; its descriptors are closed. */
	const struct listener_set *listeners;
	int admin_fds[2];	/* listening: Unix socket, TCP; -1: none */
	int access_fd;		/* of the access log, or -1 */
	struct logs *logs;	/* of a single process, which has no master */
	bool is_released;	/* child_release() */
};

/* A role is a row: how the master starts it. `main` runs the child's loop and
 * returns its exit status. */
struct role {
	const char *name;		/* "worker", "monitor" */
	int (*main)(struct child *self);
};

/* Told to a child by its master, or by the loss of it. */
enum order_type {
	ORDER_STOP,		/* exit now */
	ORDER_GO,		/* accept */
	/* Finish what runs, then exit; once more: the channels are others. */
	ORDER_DRAIN,
	ORDER_HEIR,		/* take over what comes through the channel */
	ORDER_MASTER_GONE,	/* serve on for 10 s, then drain */
};

struct order {
	enum order_type type;
	/* HEIR: one, DRAIN: any number; the child's from now on. */
	const int *channels;
	size_t n_channels;
	uint32_t limit_ms;	/* DRAIN: for all of it; 0: none */
	/* DRAIN: a bit for each listening address, set: it is retired. */
	const uint8_t *retired;
	size_t n_retired;	/* bits; addresses behind them are */
};

/*
 * Called first in a child's main: loop_init, title, random seed, privileges
 * dropped (segment and sockets are inherited), signals blocked, control
 * socket registered; orders arrive at `on_order` from the loop. In single
 * mode it registers TERM, INT and QUIT instead. Starts the heartbeat: a timer
 * (50 ms, the monitor's 1 s), and loop.on_turn, which a child may take for itself if it calls
 * child_beat() there. 0, or -1 after logging.
 */
int child_start(struct child *self,
    void (*on_order)(const struct order *order));

/* Tells the master (and the segment's slot) that this child serves. */
void child_ready(struct child *self);

/* The monitor, told to drain: it writes to its place in the segment no more,
 * another one may have it. */
void child_release(struct child *self);

/* Tells the segment's slot that this child drains; done by itself before
 * ORDER_DRAIN arrives. */
void child_draining(struct child *self);

/* Stores the beat; called from the loop's on_turn and a 50 ms timer. */
void child_beat(struct child *self);
