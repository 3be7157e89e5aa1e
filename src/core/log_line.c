/* src/core/log_line.c -- one event as a line of the error log */
#include "core/log_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/address.h"
#include "core/base.h"
#include "core/clock.h"

#define LINE_ROOM	(LOG_LINE_MAX - 1)	/* the newline always fits */

/* What a value may take of a line of JSON, escapes and all; together with the
 * keys and numbers, which are below 300 bytes, they fit. */
#define MESSAGE_MOST	2560
#define ERROR_MOST	192	/* of the message: kept for its errno */
#define NAME_MOST	256
#define BACKEND_MOST	512

struct line {
	char *text;
	size_t len;
	size_t end;	/* nothing is put beyond it */
	bool is_json;
};

static bool
is_plain(const struct line *l, unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f &&
	    !(l->is_json && (byte == '"' || byte == '\\'));
}

/* What a peer may have written never breaks a line or a terminal. */
static void
put(struct line *l, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const char *mark = l->is_json ? "\\u00" : "\\x";
	size_t mark_len = strlen(mark);

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool plain = is_plain(l, byte);

		if (l->len + (plain ? 1 : mark_len + 2) > l->end)
			return;
		if (plain) {
			l->text[l->len++] = (char)byte;
			continue;
		}
		memcpy(l->text + l->len, mark, mark_len);
		l->len += mark_len;
		l->text[l->len++] = hex[byte >> 4];
		l->text[l->len++] = hex[byte & 15];
	}
}

static void print(struct line *l, const char *format, ...) PRINTF(2, 3);

static void
print(struct line *l, const char *format, ...)
{
	char piece[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	put(l, piece);
}

static const char *
host_of(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	text[address_print_host(a, text)] = '\0';
	return text;
}

/* ---- text */

static void
put_prefix(struct line *l, const struct log_event *e)
{
	const struct log_context *c = e->ctx;
	char time[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(e->wall_ms, time);
	print(l, "%s %s %d", time, log_level_name(e->level), (int)getpid());
	if (c != NULL && c->connection != 0)
		print(l, " #%llu", (unsigned long long)c->connection);
	if (c != NULL && c->connection != 0 && c->exchange != 0)
		print(l, ".%llu", (unsigned long long)c->exchange);
	put(l, ": ");
}

static void
put_pair(struct line *l, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put(l, name);
	put(l, value);
}

static void
put_context(struct line *l, const struct log_context *c)
{
	char client[ADDRESS_TEXT_MAX];

	if (c == NULL)
		return;
	put_pair(l, " while ", c->doing);
	if (c->client != NULL)
		put_pair(l, ", client ", host_of(c->client, client));
	put_pair(l, ", upstream ", c->upstream);
	put_pair(l, ", backend ", c->backend);
}

static void
print_text(struct line *l, const struct log_event *e)
{
	put_prefix(l, e);
	put(l, e->text);
	if (e->error != 0)
		put_pair(l, ": ", strerror(e->error));
	put_context(l, e->ctx);
}

/* ---- JSON; what is not there has no key */

/* What needs no escape. */
static void
put_raw(struct line *l, const char *text)
{
	size_t len = strlen(text);

	memcpy(l->text + l->len, text, len);
	l->len += len;
}

static void
put_key(struct line *l, const char *key)
{
	put_raw(l, l->len > 1 ? ",\"" : "{\"");
	put_raw(l, key);
	put_raw(l, "\":");
}

static void
put_number(struct line *l, const char *key, uint64_t n)
{
	char digits[24];

	put_key(l, key);
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	put_raw(l, digits);
}

static void
put_string(struct line *l, const char *key, const char *value, size_t most)
{
	if (value == NULL)
		return;
	put_key(l, key);
	put_raw(l, "\"");
	l->end = l->len + most;
	put(l, value);
	put_raw(l, "\"");
}

static void
put_message(struct line *l, const struct log_event *e)
{
	put_key(l, "message");
	put_raw(l, "\"");
	l->end = l->len + MESSAGE_MOST - ERROR_MOST;
	put(l, e->text);
	l->end = l->len + ERROR_MOST;
	if (e->error != 0)
		put_pair(l, ": ", strerror(e->error));
	put_raw(l, "\"");
}

static void
put_members(struct line *l, const struct log_context *c)
{
	char client[ADDRESS_TEXT_MAX];

	if (c == NULL)
		return;
	put_string(l, "doing", c->doing, NAME_MOST);
	if (c->client != NULL)
		put_string(l, "client", host_of(c->client, client), NAME_MOST);
	put_string(l, "upstream", c->upstream, NAME_MOST);
	put_string(l, "backend", c->backend, BACKEND_MOST);
}

static void
print_json(struct line *l, const struct log_event *e)
{
	const struct log_context *c = e->ctx;
	char time[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(e->wall_ms, time);
	put_string(l, "timestamp", time, NAME_MOST);
	put_string(l, "level", log_level_name(e->level), NAME_MOST);
	put_number(l, "pid", (uint64_t)getpid());
	if (c != NULL && c->connection != 0)
		put_number(l, "connection", c->connection);
	if (c != NULL && c->connection != 0 && c->exchange != 0)
		put_number(l, "exchange", c->exchange);
	put_message(l, e);
	put_members(l, c);
	put_raw(l, "}");
}

size_t
log_line_print(enum log_form form, const struct log_event *e,
    char out[LOG_LINE_MAX])
{
	struct line l = { .text = out, .end = LINE_ROOM };

	l.is_json = form == LOG_JSON;
	if (l.is_json)
		print_json(&l, e);
	else
		print_text(&l, e);
	out[l.len++] = '\n';
	return l.len;
}
