/* src/core/log_line.h -- one event as a line of the error log */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"

/* What a pipe takes at once (PIPE_BUF): lines of several processes that write
 * to one are never torn. */
#define LOG_LINE_MAX	4096

struct log_event {
	enum log_level level;
	uint64_t wall_ms;
	const struct log_context *ctx;	/* NULL: none */
	const char *text;
	int error;			/* an errno behind the text; 0: none */
};

/*
 * Writes the line with its end, returns its length. What is too long is cut:
 * the text line where it is full, JSON value by value, so that it is whole.
 */
size_t log_line_print(enum log_form form, const struct log_event *e,
    char out[LOG_LINE_MAX]);
