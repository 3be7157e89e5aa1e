/* src/admin/json.c -- writing JSON into a growing buffer (RFC 8259) */
#include "admin/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"
#include "core/memory.h"

void
json_init(struct json *j)
{
	*j = (struct json){ 0 };
}

void
json_free(struct json *j)
{
	free(j->text);
	json_init(j);
}

static void
put(struct json *j, const char *text, size_t len)
{
	if (j->size - j->len < len) {
		j->size = (j->size + len) * 2;
		j->text = xrealloc(j->text, j->size);
	}
	memcpy(j->text + j->len, text, len);
	j->len += len;
}

/* How many bytes of `text` may stand as they are: none of a control, of what
 * JSON quotes, of a byte that is no UTF-8. */
static size_t
plain_len(struct span text)
{
	unsigned char byte = (unsigned char)text.ptr[0];
	uint32_t c;
	size_t len;

	if (byte < 0x80)
		return byte >= 0x20 && byte != 0x7f && byte != '"' &&
		    byte != '\\';
	return text_decode(text, &c, &len) && c >= 0xa0 ? len : 0;
}

static void
put_quoted(struct json *j, const char *text)
{
	struct span left = span_str(text);
	char escape[8];

	put(j, "\"", 1);
	while (left.len > 0) {
		size_t len = plain_len(left);

		if (len > 0) {
			put(j, left.ptr, len);
			left = span_skip(left, len);
			continue;
		}
		(void)snprintf(escape, sizeof(escape), "\\u%04x",
		    (unsigned char)left.ptr[0]);
		put(j, escape, 6);
		left = span_skip(left, 1);
	}
	put(j, "\"", 1);
}

/* The comma and the key in front of any value. */
static void
begin_value(struct json *j, const char *key)
{
	if (j->needs_comma)
		put(j, ",", 1);
	if (key != NULL) {
		put_quoted(j, key);
		put(j, ":", 1);
	}
	j->needs_comma = true;
}

void
json_open(struct json *j, const char *key, char bracket)
{
	begin_value(j, key);
	put(j, &bracket, 1);
	j->needs_comma = false;
}

void
json_close(struct json *j, char bracket)
{
	put(j, &bracket, 1);
	j->needs_comma = true;
}

void
json_put_string(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	put_quoted(j, value);
}

void
json_put_number(struct json *j, const char *key, uint64_t value)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu",
	    (unsigned long long)value);

	begin_value(j, key);
	put(j, digits, (size_t)len);
}

void
json_put_thousandths(struct json *j, const char *key, uint64_t value)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%llu.%03llu",
	    (unsigned long long)value / 1000,
	    (unsigned long long)value % 1000);

	begin_value(j, key);
	put(j, digits, (size_t)len);
}

void
json_put_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void
json_put_null(struct json *j, const char *key)
{
	begin_value(j, key);
	put(j, "null", 4);
}
