/* src/core/log.c -- the error log: one line an event, with its context */
#include "core/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log_line.h"

enum log_level log_threshold = LOG_INFO;

static struct {
	int fd;
	bool is_mirrored;
	enum log_form form;
	const struct log_sink *sink;
	void (*tap)(const char *text);
	uint64_t dropped;
} out = { .fd = STDERR_FILENO };

static const char *const names[] = {
	[LOG_ALERT] = "alert", [LOG_ERROR] = "error", [LOG_WARN] = "warn",
	[LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

void
log_open(int fd, bool mirror)
{
	out.fd = fd;
	out.is_mirrored = mirror && fd != STDERR_FILENO;
}

void
log_set_form(enum log_form form)
{
	out.form = form;
}

int
log_fd(void)
{
	return out.fd;
}

bool
log_is_mirrored(void)
{
	return out.is_mirrored;
}

void
log_set_sink(const struct log_sink *sink)
{
	out.sink = sink;
}

void
log_set_tap(void (*tap)(const char *text))
{
	out.tap = tap;
}

uint64_t
log_dropped(void)
{
	return out.dropped;
}

void
log_add_dropped(uint64_t lines)
{
	out.dropped += lines;
}

bool
log_level_parse(enum log_level *level, struct span name)
{
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (span_equal(name, span_str(names[i]))) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *
log_level_name(enum log_level level)
{
	return names[level];
}

/* ---- writing */

/* Whoever reads a pipe may have stopped, a terminal too: a pipe that is ready
 * takes LOG_LINE_MAX bytes without waiting. */
static bool
write_now(int fd, const char *line, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 &&
	    write(fd, line, len) == (ssize_t)len;
}

static bool
deliver(enum log_level level, bool is_mirror, const char *line, size_t len)
{
	int fd = is_mirror ? STDERR_FILENO : out.fd;

	if (out.sink == NULL)
		return write_now(fd, line, len);
	if (level == LOG_ALERT) {
		out.sink->flush(is_mirror);
		if (write_now(fd, line, len))
			return true;
	}
	return out.sink->put(is_mirror, line, len);
}

static void
emit(const struct log_event *e, bool is_mirror)
{
	char line[LOG_LINE_MAX];
	size_t len = log_line_print(is_mirror ? LOG_TEXT : out.form, e, line);

	if (!deliver(e->level, is_mirror, line, len))
		out.dropped++;
}

static void
tell_tap(const char *text, int error)
{
	char line[LOG_LINE_MAX];

	(void)snprintf(line, sizeof(line), "%s%s%s", text,
	    error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	out.tap(line);
}

static void
log_v(enum log_level level, const struct log_context *ctx, int error,
    const char *format, va_list args)
{
	char text[2048];
	struct log_event e = {
		.level = level, .wall_ms = clock_wall_ms(), .ctx = ctx,
		.text = text, .error = error,
	};

	(void)vsnprintf(text, sizeof(text), format, args);
	if (unlikely(out.tap != NULL) && level <= LOG_ERROR)
		tell_tap(text, error);
	if (out.fd >= 0)
		emit(&e, false);
	if (out.is_mirrored)
		emit(&e, true);
}

void
log_write(enum log_level level, const struct log_context *ctx,
    const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (level > log_threshold)
		return;
	va_start(args, format);
	log_v(level, ctx, 0, format, args);
	va_end(args);
	errno = saved;
}

void
log_write_errno(enum log_level level, const struct log_context *ctx,
    const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (level > log_threshold)
		return;
	va_start(args, format);
	log_v(level, ctx, saved, format, args);
	va_end(args);
	errno = saved;
}
