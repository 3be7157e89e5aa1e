/* src/proc/watch.c -- does a child still turn its loop? */
#include "proc/watch.h"

void
watch_init(struct watch *w, uint64_t beat, uint64_t now_ms)
{
	*w = (struct watch){
		.beat = beat, .changed_ms = now_ms, .looked_ms = now_ms,
	};
}

enum watch_verdict
watch_look(struct watch *w, uint64_t beat, uint64_t now_ms)
{
	/* If we ourselves were away (stopped, starved), nobody is blamed for
	 * a time in which we did not look. */
	if (beat != w->beat || now_ms - w->looked_ms > 4 * WATCH_EVERY_MS)
		w->changed_ms = now_ms;
	w->beat = beat;
	w->looked_ms = now_ms;
	if (w->abort_ms != 0) {
		if (w->is_killed || now_ms - w->abort_ms < WATCH_KILL_MS)
			return WATCH_FINE;
		w->is_killed = true;
		return WATCH_KILL;
	}
	if (now_ms - w->changed_ms < WATCH_HUNG_MS)
		return WATCH_FINE;
	w->abort_ms = now_ms;
	return WATCH_ABORT;
}
