/* src/proc/upgrade.h -- another binary in the same process (USR2) */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct conf;

/*
 * First a child runs the binary that is now where ours was started from, to
 * rehearse: it reads the configuration, the passport and what that names. Only
 * if it is content the master executes that binary itself, which adopts
 * sockets, segment and children, starts a generation of its own and lets the
 * others drain, as a reload does. Until the exec a failure changes nothing.
 *
 * A segment of another layout cannot be adopted: the new master makes one of its
 * own and reads into it what the old one has exported (shm/export.h).
 */

/* In main: which part we have by our environment, which is cleared of it. */
enum upgrade_part {
	UPGRADE_NONE,		/* started by somebody else */
	UPGRADE_REHEARSE,
	UPGRADE_ADOPT,
};
enum upgrade_part upgrade_part(int *passport);

/* In main, before the directory changes: where our binary is to be found. */
void upgrade_started_as(const char *argv0);
const char *upgrade_binary(void);

/* UPGRADE_REHEARSE: says on stderr what is wrong. The exit status. */
int upgrade_rehearse(int passport, const struct conf *conf);

/* ---- the folder's */

/* UPGRADE_ADOPT, of an empty `master`. 0, or -1 after logging. */
int upgrade_adopt(int passport);
void upgrade_tell(void);	/* when there is a log */

/* USR2. */
void upgrade_begin(void);
bool upgrade_is_under_way(void);
void upgrade_cancel(void);	/* we are to stop */
/* Was this our rehearsal? Does not return if that was good. */
bool upgrade_reaped(pid_t pid, int status);
int upgrade_export(void);	/* its descriptor, or -1 */
