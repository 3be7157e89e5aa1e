/* src/net/activation.h -- listening sockets that whoever started us has opened */
#pragma once
#include <stddef.h>

struct address;

/*
 * systemd's socket activation: LISTEN_FDS sockets from descriptor 3 on, for
 * the process LISTEN_PID, with names in LISTEN_FDNAMES. A listener of the same
 * address takes them instead of opening its own (listener_set_renew()).
 */

/* First, before anything is opened or forked: takes them, and the variables
 * out of the environment. What is no listening stream socket is closed, after
 * a warning. */
void activation_open(void);

/* One more that is inherited; ours from now on. */
void activation_add(int fd, const char *name);

/* How many there are of this address. */
size_t activation_count(const struct address *a);

/* One of them, non-blocking and close-on-exec, the caller's; -1: none. */
int activation_take(const struct address *a);

/* A warning for each that nobody has taken: it stays open, for a reload may
 * want it. */
void activation_log_rest(void);
void activation_close(void);	/* the rest */
