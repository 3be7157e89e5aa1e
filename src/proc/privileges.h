/* src/proc/privileges.h -- from root to the configured user, for good */
#pragma once

/*
 * Master, before it forks: finds the user that children become, and its
 * groups. `user` NULL:
 * DEFAULT_USER, or nobody if that does not exist. Without being root it only
 * says that a configured user is ignored. 0, or -1 after logging.
 */
int privileges_find(const char *user);

/* It is so from now on; or, if it was another before, that one again. */
void privileges_keep(void);
void privileges_undo(void);

/*
 * Becomes that user: groups, gids, uids, then proves that root cannot be had
 * again, and sets no_new_privs. Does nothing where privileges_find() found
 * nothing to do. 0, or -1 after logging: the process must not serve.
 */
int privileges_drop(void);
