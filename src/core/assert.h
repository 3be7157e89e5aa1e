/* src/core/assert.h -- our own promises, checked in release builds too */
#pragma once
#include "core/base.h"

/*
 * ASSERT is for what our own code promises, never for input. A broken one is
 * logged at level alert with file, line and text, then the process aborts:
 * the master restarts a worker.
 */
#define ASSERT(cond)							\
	do {								\
		if (unlikely(!(cond)))					\
			assert_failed(#cond, __FILE__, __LINE__);	\
	} while (0)

void assert_failed(const char *text, const char *file, int line)
    NORETURN COLD;
