/* src/proc/status.h -- RUN_DIR/status: who runs, and how the last change went */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t;

struct status {
	uint32_t sequence;	/* +1 with each writing */
	uint32_t generation;
	/* "starting", "reloading", "stopping" while that lasts, then
	 * "applied" or "rejected" */
	const char *verdict;
	const char *const *diagnostics;	/* lines of text */
	size_t n_diagnostics;
	/* As read. */
	pid_t pid;
	uid_t owner;		/* of the file */
	struct json_t *json;	/* holds the texts */
};

/*
 * Writes {pid, sequence, generation, verdict, diagnostics} beside the file
 * and renames it, so that a reader finds the old or the new one, whole. 0, or
 * -1 with errno (a RUN_DIR that cannot be written is no fault).
 */
int status_write(const char *run_dir, const struct status *s);

/* What another process has written; free it. 0, or -1 with errno: EBADMSG
 * means that it is no such file. */
int status_read(const char *run_dir, struct status *s);
void status_free(struct status *s);

/* Removes it. */
void status_remove(const char *run_dir);
