/* src/upstream/strategy.h -- choosing a backend from an upstream's table */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

struct backend;
struct upstream;
struct pick;

/*
 * One way to choose among the rows of the table (table.c), of which there is
 * one at least. It only reads and takes turns; the caller counts what it
 * leases. With p->is_careful the table may be of a moment ago, or some were
 * tried: then the caller looks again at what it gets, but for `hash`, which
 * walks on by itself and returns NULL when it finds nobody.
 */
struct strategy {
	const char *name;	/* as the configuration writes it */
	struct backend *(*pick)(struct upstream *u, struct pick *p);
};

extern const struct strategy strategies[STRATEGY_COUNT];

/* What `hash` needs beside the table; a start is longer by it. */
void strategy_init(struct upstream *u);
void strategy_fini(struct upstream *u);
/* Names lead elsewhere: `hash` has other members. */
void strategy_moved(struct upstream *u);
/* Behind each making of the table: what draws by weight need. */
void strategy_prepare(struct upstream *u);

/* A row drawn by weight. */
struct backend *strategy_draw(const struct upstream *u);
