/* src/proc/register.h -- a configuration's slots in the shared segment */
#pragma once

struct conf;

/*
 * Master, before it forks: finds or makes the slot of each upstream and each
 * backend and stores its number in the configuration. A backend is known by
 * "upstream|host|address:port", never by its position, so two equal ones
 * share a slot. 0, or -1 after logging (the tables are full).
 */
int segment_register_conf(const struct conf *conf);
