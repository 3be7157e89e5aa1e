/* src/proc/daemon.h -- going to the background, and telling how that went */
#pragma once
#include <stdbool.h>

/*
 * The directory that names of files on the command line are relative to, or
 * NULL where that is the current one. With `wants_daemon`, it is what the
 * current directory was before daemon_start() left it. That holds behind an
 * exec of the daemon (an upgrade) and in a child of it (the rehearsal), too:
 * the environment tells, with the pid.
 */
const char *daemon_directory(bool wants_daemon);

/*
 * Goes on in a process that has no terminal and no parent: fork, setsid, fork,
 * chdir("/"). The process that was started waits for daemon_ready() in the
 * other one and exits with 0, or with 1 if that ends before; it never returns.
 * 0, or -1 after saying on stderr why it cannot be done. A process that is a
 * daemon already, after an exec, stays as it is. Of the standard descriptors
 * those are kept to the end that logs are written to.
 */
int daemon_start(int log_fd, int access_fd);

/* All serve: standard descriptors become /dev/null, and whoever waits is told.
 * Only the first call does anything, and that only in a daemon. */
void daemon_ready(void);

/* In a child of a daemon: its standard descriptors become /dev/null. */
void daemon_child(void);
