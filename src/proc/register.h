/* src/proc/register.h -- a configuration's slots in the shared segment */
#pragma once

struct backend_conf;
struct conf;
struct segment_use;
struct upstream_conf;

/*
 * Master, before it forks: finds or makes the slot of each upstream and each
 * backend and stores its number in the configuration. 0, or -1 after logging
 * (the tables are full).
 *
 * A configuration may be registered while others live: what it has in common
 * with them keeps its slot, and with it health, breaker, operator's orders,
 * counters, latency and where a name was found. If -1, or if it is not used
 * after all, segment_keep() takes back what was new.
 */
int segment_register_conf(const struct conf *conf);

/*
 * A backend is known by "upstream|host|address:port", or
 * "upstream|host|port|#seat" if it has a name, never by its position, so two
 * equal ones share a slot.
 */
#define BACKEND_IDENTITY_MAX 2048
void backend_identity(const struct upstream_conf *u,
    const struct backend_conf *b, char out[BACKEND_IDENTITY_MAX]);

/* For segment_keep(): this configuration's slots are used. */
void conf_mark_slots(const struct conf *conf, struct segment_use *use);

/*
 * Before it is registered: makes of each backend that has a name backend_seats() of them,
 * side by side, numbered by `seat`. Only the master gives out
 * slots, and nothing that comes from a name server reaches the master: so all
 * that a name may ever need is there from the start.
 */
void conf_multiply_names(const struct conf *conf);
