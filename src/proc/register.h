/* src/proc/register.h -- a configuration's slots in the shared segment */
#pragma once

struct conf;

/*
 * Master, before it forks: finds or makes the slot of each upstream and each
 * backend and stores its number in the configuration. A backend is known by
 * "upstream|host|address:port", or "upstream|host|port|#seat" if it has a
 * name, never by its position, so two equal ones share a slot. 0, or -1 after
 * logging (the tables are full).
 */
int segment_register_conf(const struct conf *conf);

/*
 * Before that: makes of each backend that has a name backend_seats() of them,
 * side by side, numbered by `seat`. Only the master gives out
 * slots, and nothing that comes from a name server reaches the master: so all
 * that a name may ever need is there from the start.
 */
void conf_multiply_names(const struct conf *conf);
