/* src/net/listener.h -- listening sockets: one for each address and slot */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/*
 * Opened and kept by the master, inherited by every worker (architecture.md,
 * No black holes). Socket s of address i is fds[i * n_slots + s]. There may be
 * more of them than workers, since one that has been opened is never closed
 * while its address is in the file: of W workers the one at place p accepts on
 * those with s % W == p, and on those of places whose process is dead or hung.
 */
struct listener_set {
	size_t n_addresses;
	size_t n_slots;			/* the most sockets of an address */
	struct address *addresses;	/* port 0 became the real one */
	struct address *wanted;		/* as the configuration has them */
	size_t *n_given;	/* so many, the first of an address, we were
				 * started with */
	int *fds;	/* -1: there are fewer; a Unix socket is there once
			 * for all slots */
};

/*
 * Opens all: the first bind of an address is done without SO_REUSEPORT, so
 * that a second instance gets EADDRINUSE, which is reported with address (and
 * owner where /proc tells); then SO_REUSEPORT for all slots, TCP_DEFER_ACCEPT,
 * TCP_NODELAY (inherited by accepted sockets), listen. Sockets of the address
 * that we were started with (net/activation.h) come first. NULL after logging.
 */
struct listener_set *listener_set_open(const struct listener_conf *wanted,
    size_t n, size_t n_workers);
void listener_set_close(struct listener_set **set);

/*
 * A reload: the set of another configuration, in which every socket of an
 * address that `old` has, too, is that of `old`; others are opened, also for
 * workers that are new. NULL after logging, and then nothing has changed.
 * `old` may be NULL. The kernel gives connections to what was opened only
 * from listener_set_listen() on, which also sets backlogs anew: it is called
 * when somebody is there to accept. 0, or -1 after logging.
 */
struct listener_set *listener_set_renew(const struct listener_set *old,
    const struct listener_conf *wanted, size_t n, size_t n_workers);
int listener_set_listen(const struct listener_set *set,
    const struct listener_conf *wanted);

/*
 * An upgrade: the set with a socket more that the binary before had. `set`
 * is NULL at first; the result replaces it.
 */
struct listener_set *listener_set_adopt(struct listener_set *set, int fd,
    const struct address *wanted, const struct address *actual,
    bool is_given);

/* Closes what only *set has and `other` has not; frees it. */
void listener_set_leave(struct listener_set **set,
    const struct listener_set *other);
/* The same where nobody has served: paths that it made are removed, too. */
void listener_set_undo(struct listener_set **set,
    const struct listener_set *other);

/*
 * Before its sockets are closed an address is retired: no connection begins
 * any more (the kernel drops SYNs, so clients try again and then are refused;
 * a path is removed), and those that only wait for their first byte come into
 * the queue. Whoever accepts should go on for LISTENER_RETIRE_MS. A socket
 * that we were started with stays as it is: another has it, too, for whoever
 * is started with it next.
 */
#define LISTENER_RETIRE_MS 500
void listener_retire(const struct listener_set *set, size_t address);

/* Is the socket of `address` in `other`, too? */
bool listener_is_kept(const struct listener_set *set, size_t address,
    const struct listener_set *other);

/* For the log: "127.0.0.1:9000, [::1]:9000", NUL-terminated, cut to `size`. */
void listener_set_print(const struct listener_set *set, char *out,
    size_t size);

/*
 * A listening Unix stream socket at `path`, mode 0660; a socket there that
 * nobody serves is replaced. -1 with errno (EADDRINUSE: somebody serves it,
 * or it is no socket).
 */
int listener_open_unix(const char *path);
