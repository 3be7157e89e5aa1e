/* src/admin/operate.h -- what an operator changes at run time */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"

struct conf;
struct backend_conf;
struct json;
struct upstream_conf;

#define OPERATE_BODY_MAX	4096	/* bytes of a request's content */
#define OPERATE_WHY_MAX		200

/* The backends that a path names: one address of a name, or all of them. */
struct operand {
	const struct upstream_conf *upstream;
	const char *name;	/* of the backend, as reports have it */
	char room[512];
};

/*
 * Of "/v1/upstreams/NAME/backends/NAME"; escapes are decoded. False: it is
 * no such path, or `why` says what there is not.
 */
bool operand_find(struct operand *o, const struct conf *conf,
    struct span path, const char **why);

/*
 * Does what the content of a POST says, for all workers:
 * {"admin": "drain" | "maintenance" | "ready", "weight": 0 to 1000 | null}.
 * False: nothing is changed, `why` says what is wrong. Logs what it does.
 * Called in the monitor alone, which is the words' one writer.
 */
bool operate(const struct operand *o, struct span content,
    char why[OPERATE_WHY_MAX]);

/* Requests that the backends have in progress, over all workers. */
uint64_t operand_in_flight(const struct operand *o);

/* One object for each of its backends, as in /v1/upstreams. */
void operand_report(const struct operand *o, struct json *j);
