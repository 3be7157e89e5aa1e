/* src/observe/error_log.h -- lines of the error log that the loop never waits
 * for */
#pragma once

/*
 * A child's loop must not stand still because a disk is full, a pipe is not
 * read or a terminal is stopped: from here on what core/log makes goes through
 * a ring to a thread, which writes at once what it finds there; the mirror has
 * a ring and a thread of its own. What finds no room counts in log_dropped().
 * A line of level alert waits up to 10 ms for those before it and is then
 * written by the caller, since the process may be about to end.
 *
 * Call it behind fork, and where privileges are dropped, behind that, too:
 * threads keep what they had. 0, or -1 with errno: lines are written as
 * before.
 */
int error_log_start(void);

/* Writes what is left, at most `wait_ms` long for each of the two, and counts
 * what was not; lines are written directly again. */
void error_log_stop(unsigned wait_ms);
