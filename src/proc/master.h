/* src/proc/master.h -- the master process */
#pragma once
#include <stdbool.h>

#include "proc/child.h"

struct conf;

struct options;

struct master_options {
	struct conf *conf;		/* the master's from now on */
	const char *config_name;	/* for the title */
	const struct role *worker, *monitor;
	const struct options *options;	/* to read the configuration again */
	int passport;			/* of the binary before us; -1 */
	int argc;
	char **argv;			/* as started (for an upgrade) */
};

/*
 * Creates the segment's slots for all upstreams and backends, opens listeners
 * and the admin socket, forks everything, then runs until a signal ends it.
 * Returns the exit status (0 after TERM, INT, QUIT; 1 start-up failure).
 */
int master_run(const struct master_options *o);

/*
 * The same in one process (--mode single, workers: 0): worker and monitor
 * duties on one loop by `single_main`, whose status is returned. TERM, INT
 * and QUIT reach it as orders.
 */
int master_run_single(const struct master_options *o,
    int (*single_main)(struct child *self));
