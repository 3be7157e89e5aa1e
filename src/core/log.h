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

enum log_form {
	LOG_TEXT,
	LOG_JSON,	/* an object a line, keys as interfaces.md has them */
};

/*
 * Where lines go. fd -1 closes. `mirror` copies each to stderr, always as
 * text. The log does not own the descriptor. A line is one write(2), which
 * does not wait: what cannot be written (a full pipe or disk, nobody who
 * reads, with SIGPIPE ignored) is dropped and counted.
 */
void log_open(int fd, bool mirror);
void log_set_form(enum log_form form);	/* LOG_TEXT until then */
int log_fd(void);
bool log_is_mirrored(void);		/* to a stderr that is not log_fd */

/*
 * Where even a slow disk must not be waited for, somebody takes the lines and
 * writes them behind our back, in order (observe/error_log.h). A line of level
 * alert may be the last one of a process: what was put before it is waited
 * for, briefly, then it is written directly, and put only if that fails.
 */
struct log_sink {
	/* For the log or its mirror, a whole line with its end. False: there
	 * is no room. */
	bool (*put)(bool is_mirror, const char *line, size_t len);
	void (*flush)(bool is_mirror);
};
void log_set_sink(const struct log_sink *sink);	/* NULL: none, as at first */

/* Errors and alerts go there, too, without what stands around their text, for
 * whoever wants to know why something failed. NULL: nowhere. */
void log_set_tap(void (*tap)(const char *text));

/* Lines that were lost. A sink adds those that it took and could not write. */
uint64_t log_dropped(void);
void log_add_dropped(uint64_t lines);

bool log_level_parse(enum log_level *level, struct span name);
const char *log_level_name(enum log_level level);

/* Never fails; errno is kept. A line is cut at 4,096 bytes; bytes outside
 * printable ASCII are written \xNN, in JSON \u00NN. The text alone is cut at
 * 2,047 bytes, so that the context behind it shows. `ctx` may be NULL. */
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
