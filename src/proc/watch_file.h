/* src/proc/watch_file.h -- noticing that the configuration's files change */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct conf_source;

/*
 * A timer of the loop looks at the files (stat, also of what a link leads to):
 * that sees a file that is written, one that is renamed over it, a link that
 * is swapped, wherever in the path it is, and files that a pattern begins or
 * ceases to match. A change counts once it has been still for one interval,
 * so that nothing is read that is half written.
 */

/* What the configuration was just read from (copied). What was watched before
 * is compared with what it was before, lest a change be missed that came
 * behind the reading. Can be called before the loop is there. */
void watch_file_set(const struct conf_source *sources, size_t n);

void watch_file_start(uint32_t interval_ms, void (*on_change)(void));
void watch_file_stop(void);
