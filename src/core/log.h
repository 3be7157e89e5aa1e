/* src/core/log.h -- the error log: one line an event, with its context */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/base.h"
#include "core/span.h"

enum log_level {
	LOG_ALERT,	/* our own promise is broken */
	LOG_ERROR,
	LOG_WARN,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

/*
 * What a line says of its circumstances (interfaces.md, Logs): objects embed
 * or build one and pass it; NULL members and zero ids are left out.
 *   2026-...Z error 4711 #42.3: TEXT while DOING, client C, upstream U, backend B
 */
struct log_context {
	uint64_t connection;	/* 0: none */
	uint64_t exchange;	/* of that connection */
	const char *doing;	/* "connecting to the backend" */
	const struct address *client;
	const char *upstream;
	const char *backend;
};

extern enum log_level log_threshold;	/* lines above it are not made */

/*
 * Where lines go. fd -1 closes. `mirror` copies each to stderr. The log does
 * not own the descriptor. Lines are written with one write(2) each; what
 * cannot be written (EAGAIN, ENOSPC) is dropped and counted.
 */
void log_open(int fd, bool mirror);
uint64_t log_dropped(void);

bool log_level_parse(enum log_level *level, struct span name);
const char *log_level_name(enum log_level level);

/* Never fails; errno is kept. A line is cut at 4,096 bytes; bytes outside
 * printable ASCII are written \xNN. The text alone is cut at 2,047 bytes, so
 * that the context behind it shows. `ctx` may be NULL. */
void log_write(enum log_level level, const struct log_context *ctx,
    const char *format, ...) PRINTF(3, 4) COLD;
/* Appends ": strerror(errno)" to the text. */
void log_write_errno(enum log_level level, const struct log_context *ctx,
    const char *format, ...) PRINTF(3, 4) COLD;

#define log_at(level, ...)						\
	do {								\
		if (unlikely((level) <= log_threshold))			\
			log_write((level), __VA_ARGS__);		\
	} while (0)
#define log_alert(...)	log_at(LOG_ALERT, __VA_ARGS__)
#define log_error(...)	log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_WARN, __VA_ARGS__)
#define log_notice(...)	log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_DEBUG, __VA_ARGS__)
