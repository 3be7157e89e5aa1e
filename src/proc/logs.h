/* src/proc/logs.h -- the files that one configuration logs to */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct conf;

struct log_file {
	int fd;		/* -1: none */
	char *path;	/* absolute; NULL: a descriptor that we were given */
};

struct logs {
	struct log_file error, access;
	bool is_mirrored;	/* lines of the error log go to stderr, too */
};

#define LOGS_WHY_MAX 512

/*
 * Opens what the configuration names; without a name for the error log that of
 * `before`, and without one before, logs/lb-<timestamp>.log, or stderr. Names
 * are relative to `directory`; NULL: the current one. 0, or -1 with a line that says why, and nothing open.
 */
int logs_open(struct logs *l, const struct conf *conf,
    const struct logs *before, const char *directory,
    char why[LOGS_WHY_MAX]);
/* The standard descriptors that the configuration logs to; -1: none. */
void logs_given(const struct conf *conf, int fds[2]);
/* Accepts what has been closed; `*l` of zeroes has not been opened. */
void logs_close(struct logs *l);

/* This process writes its error log there, as the configuration says. */
void logs_use(const struct logs *l, const struct conf *conf);

/*
 * The files anew, behind the same descriptors: whoever rotates logs has moved
 * the old ones. What cannot be opened stays, which is logged. Returns what was
 * changed (CONTROL_ERROR_LOG, CONTROL_ACCESS_LOG).
 */
unsigned logs_reopen(struct logs *l);
