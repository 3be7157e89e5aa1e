/* src/proc/title.h -- what ps shows */
#pragma once
#include "core/base.h"

/*
 * First in main: takes the memory of argv and the environment for titles and
 * returns a copy of argv to be used instead; the environment is moved, too.
 * Pointers into the old ones go stale with the first title_set().
 */
char **title_init(int argc, char **argv);

/* Without title_init() it does nothing. Cut to the room there is. */
void title_set(const char *format, ...) PRINTF(1, 2);
