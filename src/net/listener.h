/* src/net/listener.h -- listening sockets: one for each address and slot */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/*
 * Opened and kept by the master, inherited by every worker (architecture.md,
 * No black holes). Worker slot s accepts on fds[i * n_slots + s] of address i,
 * and also on those of slots whose process is dead or hung.
 */
struct listener_set {
	size_t n_addresses;
	size_t n_slots;
	struct address *addresses;	/* port 0 became the real one */
	int *fds;	/* a Unix socket is there once for all slots */
};

/*
 * Opens all: the first bind of an address is done without SO_REUSEPORT, so
 * that a second instance gets EADDRINUSE, which is reported with address (and
 * owner where /proc tells); then SO_REUSEPORT for all slots, TCP_DEFER_ACCEPT,
 * TCP_NODELAY (inherited by accepted sockets), listen. NULL after logging.
 */
struct listener_set *listener_set_open(const struct listener_conf *wanted,
    size_t n, size_t n_slots);
void listener_set_close(struct listener_set **set);

/* For the log: "127.0.0.1:9000, [::1]:9000", NUL-terminated, cut to `size`. */
void listener_set_print(const struct listener_set *set, char *out,
    size_t size);

/*
 * A listening Unix stream socket at `path`, mode 0660; a socket there that
 * nobody serves is replaced. -1 with errno (EADDRINUSE: somebody serves it,
 * or it is no socket).
 */
int listener_open_unix(const char *path);
