/* src/upstream/internal.h -- what only this folder sees */
#pragma once
#include "upstream/upstream.h"

/* pool.c: what idle connections tell their backend. */
extern const struct h1_client_owner_ops pool_ops;
lease_function pool_lease;
void pool_clear(struct backend *b);

/* table.c: (re)builds the selection table from the eligible backends. */
void table_build(struct upstream *u, bool has_equal_weights);
