/* src/core/assert.c -- the end of a process whose promise is broken */
#include "core/assert.h"

#include <stdlib.h>

#include "core/log.h"

void
assert_failed(const char *text, const char *file, int line)
{
	log_write(LOG_ALERT, NULL, "%s:%d: this must hold: %s", file, line,
	    text);
	abort();
}
