/* src/proc/title.c -- titles, in the memory of argv and the environment */
#include "proc/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"

/* The kernel lays out argv and environ in one piece; both arrays' strings
 * count only as far as they follow each other. */
static char *area, *area_end;
static char **moved_argv, **moved_environ;

static void
extend_area(char **strings)
{
	for (; *strings != NULL; strings++)
		if (*strings == area_end)
			area_end = *strings + strlen(*strings) + 1;
}

/* In one piece, so that what unsetenv() drops is not lost. */
static char **
copy_strings(char **strings)
{
	size_t n = 0, size = 0;
	char **copy, *end;

	for (; strings[n] != NULL; n++)
		size += strlen(strings[n]) + 1;
	copy = xcalloc(1, (n + 1) * sizeof(*copy) + size);
	end = (char *)&copy[n + 1];
	for (size_t i = 0; i < n; i++) {
		copy[i] = end;
		end = stpcpy(end, strings[i]) + 1;
	}
	return copy;
}

char **
title_init(int argc, char **argv)
{
	if (argc == 0)
		return argv;
	area = area_end = argv[0];
	extend_area(argv);
	extend_area(environ);
	moved_argv = copy_strings(argv);
	moved_environ = copy_strings(environ);
	environ = moved_environ;
	return moved_argv;
}

void
title_set(const char *format, ...)
{
	va_list args;

	if (area == NULL)
		return;
	memset(area, 0, (size_t)(area_end - area));
	va_start(args, format);
	vsnprintf(area, (size_t)(area_end - area), format, args);
	va_end(args);
}
