/* src/proc/status.h -- RUN_DIR/status: who runs, and how the last change went */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct status {
	uint32_t sequence;	/* +1 with each writing */
	uint32_t generation;
	const char *verdict;	/* "starting", "applied", "rejected" */
	const char *const *diagnostics;	/* lines of text */
	size_t n_diagnostics;
};

/*
 * Writes {pid, sequence, generation, verdict, diagnostics} beside the file
 * and renames it, so that a reader finds the old or the new one, whole. 0, or
 * -1 with errno (a RUN_DIR that cannot be written is no fault).
 */
int status_write(const char *run_dir, const struct status *s);

/* Removes it. */
void status_remove(const char *run_dir);
