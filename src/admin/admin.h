/* src/admin/admin.h -- the admin interface: JSON over HTTP, from the segment */
#pragma once

struct conf;

/*
 * Serves interfaces.md's admin requests on the listening socket `fd` (-1: off)
 * from this process's loop; needs h1 and the segment. admin_stop() takes the
 * socket out of the loop and frees; it accepts that nothing was started.
 */
void admin_start(int fd, const struct conf *conf);
void admin_stop(void);
