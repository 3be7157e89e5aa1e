/* src/proc/passport.h -- what a master hands on to the binary after it */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/address.h"
#include "shm/segment.h"

/*
 * An upgrade replaces the program of the master process by exec: descriptors
 * and children stay, all else is told by a passport, a memfd with lines
 * "word value...". Both sides may be of another version than we: words that
 * are not known are skipped, none changes its meaning, and the last line is
 * "end", so that half a passport is none.
 */
struct passport_socket {
	int fd;
	bool is_admin;
	bool is_given;		/* by who started us */
	struct address wanted, actual;
};

struct passport_process {
	uint32_t slot, place, restarts;
	pid_t pid;
	int control_fd;		/* -1: it cannot be told anything */
	bool is_ready, is_dismissed, is_released;
};

struct passport_log {
	int fd;			/* -1: none */
	char *path;		/* NULL: a descriptor that it was given */
};

struct passport_generation {
	uint32_t number;
	bool is_serving;
	bool is_foreign;	/* its segment is one of before that of ours */
	uint32_t drain_ms;
	bool has_stop;			/* what follows was told */
	uint32_t shutdown_ms, delay_ms;
	bool is_term_graceful;
	struct passport_log error, access;
	struct passport_process *processes;
	size_t n_processes;
};

struct passport {
	char *version, *binary;
	uint32_t last_generation, status_sequence;
	int segment, export;		/* -1: none */
	int pid_file;
	char *pid_path;
	int admin;			/* Unix socket; -1: none */
	char *admin_path;
	char *run_dir;			/* NULL: none */
	int wakes[SEGMENT_SLOTS + 1];	/* -1: none */
	struct passport_socket *sockets;
	size_t n_sockets;
	struct passport_generation *generations;	/* oldest last */
	size_t n_generations;
	struct passport_process *monitors;	/* the one that serves first */
	size_t n_monitors;
	bool has_secret;
	uint8_t secret[32];
};

/* Of this master. 0, or -1 with errno. */
int passport_write(int fd);
/* The process's own from here on; its descriptors are the caller's. NULL: it
 * is none. */
struct passport *passport_read(int fd);
void passport_free(struct passport **p);

/* Every descriptor that a passport names: it outlives an exec, or not. */
void passport_keep(bool keep);
