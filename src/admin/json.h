/* src/admin/json.h -- writing JSON into a growing buffer */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owned by whoever inits it; commas are put by themselves. */
struct json {
	char *text;		/* not NUL-terminated */
	size_t len, size;
	bool needs_comma;
};

void json_init(struct json *j);
void json_free(struct json *j);
/* `key` is NULL inside arrays and at the top. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_put_string(struct json *j, const char *key, const char *value);
void json_put_number(struct json *j, const char *key, uint64_t value);
/* Thousandths: 1234 is written 1.234. */
void json_put_thousandths(struct json *j, const char *key, uint64_t value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);
