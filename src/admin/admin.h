/* src/admin/admin.h -- the admin interface: JSON over HTTP, from the segment */
#pragma once

struct conf;

/*
 * Serves interfaces.md's admin requests on listening sockets (-1: none), a Unix
 * and a TCP one, from this process's loop; needs h1 and the segment.
 * admin_stop() takes them out of the loop; it accepts that nothing was started.
 */
#define ADMIN_SOCKETS 2
void admin_start(const int fds[ADMIN_SOCKETS], const struct conf *conf);
void admin_stop(void);
