/* src/upstream/internal.h -- what only this folder sees */
#pragma once
#include "upstream/queue.h"
#include "upstream/upstream.h"

/* pool.c: what idle connections tell their backend. */
extern const struct h1_client_owner_ops pool_ops;
lease_function pool_lease;
void pool_clear(struct backend *b);
void pool_drop_idle(struct backend *b);	/* one; there must be one */

/* charge.c */
void upstream_changed(struct upstream *u);
void upstream_try_again(struct upstream *u);
/* One more trial, if there is room for it over all workers. */
bool backend_claim_trial(struct backend *b);

/* sticky.c: the cookie values of all backends. */
void sticky_init(struct upstream *u);
void sticky_fini(struct upstream *u);
void sticky_rename(struct backend *b);	/* it is called something else */

/* upstream.c: one that has a name goes where the monitor says. True: its
 * address, weight or rank is another now. */
bool backend_locate(struct backend *b);

/*
 * table.c: makes the selection table of those that may serve now, and sees to
 * it that it is made again when that changes by itself.
 */
void table_init(struct upstream *u);
void table_fini(struct upstream *u);
void table_build(struct upstream *u);
/* As things stand now; the table may be of a moment ago. */
bool backend_can_take(const struct backend *b, struct pick *p,
    bool also_ill);
