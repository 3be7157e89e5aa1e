/* src/proc/watch.h -- does a child still turn its loop? */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define WATCH_EVERY_MS		500
#define WATCH_HUNG_MS		10000	/* without a beat: SIGABRT */
#define WATCH_KILL_MS		1000	/* later: SIGKILL */

/*
 * The master's view of one child's heartbeat. A beat's value is not trusted,
 * only that it changes; the times are the master's own.
 */
struct watch {
	uint64_t beat;		/* last seen */
	uint64_t changed_ms;
	uint64_t looked_ms;
	uint64_t abort_ms;	/* 0: not told to abort */
	bool is_killed;
};

enum watch_verdict { WATCH_FINE, WATCH_ABORT, WATCH_KILL };

/* The child was started now. */
void watch_init(struct watch *w, uint64_t beat, uint64_t now_ms);

/* What to do; ABORT and KILL are said once. */
enum watch_verdict watch_look(struct watch *w, uint64_t beat,
    uint64_t now_ms);
