/* src/core/log.c -- the error log: one line an event, with its context */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

#define LINE_MAX_BYTES 4096

enum log_level log_threshold = LOG_INFO;

static struct {
	int fd;
	bool is_mirrored;
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
	out.is_mirrored = mirror;
}

uint64_t
log_dropped(void)
{
	return out.dropped;
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

/* ---- a line under construction */

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

#define LINE_ROOM (LINE_MAX_BYTES - 1)	/* the newline always fits */

/* What a peer may have written never breaks a line or a terminal. */
static void
line_put(struct line *l, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool is_plain = byte >= 0x20 && byte < 0x7f;

		if (l->len + (is_plain ? 1 : 4) > LINE_ROOM)
			return;
		if (is_plain) {
			l->text[l->len++] = (char)byte;
			continue;
		}
		l->text[l->len++] = '\\';
		l->text[l->len++] = 'x';
		l->text[l->len++] = hex[byte >> 4];
		l->text[l->len++] = hex[byte & 15];
	}
}

static void line_print(struct line *l, const char *format, ...) PRINTF(2, 3);

static void
line_print(struct line *l, const char *format, ...)
{
	char piece[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	line_put(l, piece);
}

static void
put_prefix(struct line *l, enum log_level level, const struct log_context *c)
{
	char time[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(clock_wall_ms(), time);
	line_print(l, "%s %s %d", time, names[level], (int)getpid());
	if (c != NULL && c->connection != 0)
		line_print(l, " #%llu", (unsigned long long)c->connection);
	if (c != NULL && c->connection != 0 && c->exchange != 0)
		line_print(l, ".%llu", (unsigned long long)c->exchange);
	line_put(l, ": ");
}

static void
put_context(struct line *l, const struct log_context *c)
{
	char address[ADDRESS_TEXT_MAX];
	size_t len;

	if (c == NULL)
		return;
	if (c->doing != NULL)
		line_print(l, " while %s", c->doing);
	if (c->client != NULL) {
		len = address_print_host(c->client, address);
		line_print(l, ", client %.*s", (int)len, address);
	}
	if (c->upstream != NULL)
		line_print(l, ", upstream %s", c->upstream);
	if (c->backend != NULL)
		line_print(l, ", backend %s", c->backend);
}

static void
write_line(struct line *l)
{
	l->text[l->len++] = '\n';
	if (out.fd >= 0 &&
	    write(out.fd, l->text, l->len) != (ssize_t)l->len)
		out.dropped++;
	if (out.is_mirrored && out.fd != STDERR_FILENO &&
	    write(STDERR_FILENO, l->text, l->len) < 0)
		out.dropped++;
}

static void
log_v(enum log_level level, const struct log_context *ctx, int error,
    const char *format, va_list args)
{
	char text[2048];
	struct line l;

	l.len = 0;
	put_prefix(&l, level, ctx);
	(void)vsnprintf(text, sizeof(text), format, args);
	line_put(&l, text);
	if (error != 0)
		line_print(&l, ": %s", strerror(error));
	put_context(&l, ctx);
	write_line(&l);
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
