/* src/proc/notify.h -- what the service manager is told (sd_notify) */
#pragma once
#include <stdbool.h>

#include "core/base.h"

/*
 * Datagrams to the socket that NOTIFY_SOCKET names (a path, or "@" and an
 * abstract name); where there is none, all of this does nothing. The master
 * alone speaks: NotifyAccess=main is enough. Each message may carry a status,
 * which `systemctl status` shows: a format, or NULL for none.
 */

/* First: takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the
 * environment, so that nobody else speaks for us. */
void notify_open(void);
void notify_close(void);

/* Puts them back: before an exec that does not change the pid; or takes them
 * out again if that has failed. */
void notify_keep(bool keep);

void notify_ready(const char *status, ...) PRINTF(1, 2);
/* A reload begins; notify_ready() ends it, however it went. */
void notify_reloading(void);
/* Said once. */
void notify_stopping(const char *status, ...) PRINTF(1, 2);
void notify_status(const char *status, ...) PRINTF(1, 2);

/* Start, reload or stop may take so much longer from now on. */
void notify_extend(unsigned ms);

/*
 * Where a watchdog was asked for it is told by a timer of the loop, which must
 * be there, that all is well as long as `is_well` says so: twice in the time
 * after which we would be taken for dead.
 */
void notify_watch(bool (*is_well)(void));
