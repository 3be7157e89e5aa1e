/* src/proc/pid_file.h -- the file that names the master and keeps others out */
#pragma once

/*
 * It holds the pid and a line end. It is written beside its place and then
 * put there whole, and it is locked (flock) for as long as we live: one that
 * is locked belongs to an instance that runs, any other was left behind. The
 * directory must not be writable by others: who can write it could have
 * root's scripts kill any process.
 */

/*
 * Takes the lock and writes our pid; the file taken before, if it is another
 * one, is given up. NULL: none any more. 0, or -1 after logging why, with what
 * was there before unchanged.
 */
int pid_file_take(const char *path);

/* Removes it if it still names us. */
void pid_file_give(void);

/*
 * The lock outlives an exec in the descriptor: what it is; -1: none. The
 * process behind the exec, of the same pid, goes on with it.
 */
int pid_file_descriptor(void);
const char *pid_file_path(void);	/* NULL: none */
void pid_file_adopt(const char *path, int fd);

/* The pid in a file; 0: it is not there, or holds something else. */
int pid_file_read(const char *path);
