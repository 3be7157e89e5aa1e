/* src/upstream/internal.h -- what only this folder sees */
#pragma once
#include "upstream/upstream.h"

/* pool.c: what idle connections tell their backend. */
extern const struct h1_client_owner_ops pool_ops;
lease_function pool_lease;
void pool_clear(struct backend *b);

/* eject.c: left out now, and not all of them are. */
bool backend_is_out(const struct backend *b);

/* sticky.c: the cookie values of all backends. */
void sticky_init(struct upstream *u);
void sticky_fini(struct upstream *u);

/* table.c: (re)builds the selection table from the eligible backends. */
void table_build(struct upstream *u, bool has_equal_weights);
