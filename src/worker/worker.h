/* src/worker/worker.h -- the roles: worker, monitor, both in one process */
#pragma once
#include "proc/child.h"

extern const struct role worker_role, monitor_role;

/* --mode single: worker and monitor duties on one loop. */
int single_main(struct child *self);
