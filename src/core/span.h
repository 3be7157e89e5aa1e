/* src/core/span.h -- bytes that belong to somebody else */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/*
 * A run of bytes, by value. It owns nothing: whoever gives one out says how
 * long it is valid. `ptr` may be NULL when `len` is 0. Not NUL-terminated.
 */
struct span {
	const char *ptr;
	size_t len;
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

static inline struct span
span_of(const char *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

static inline struct span
span_str(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static inline bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters compare equal whatever their case (RFC 9110 5.1). */
static inline bool
span_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len &&
	    (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* What is left behind the first `n` bytes; n must not exceed a.len. (No
 * arithmetic on NULL, which C forbids even with 0.) */
static inline struct span
span_skip(struct span a, size_t n)
{
	return n == 0 ? a : (struct span){ a.ptr + n, a.len - n };
}

/* For printf's "%.*s". */
#define SPAN_ARG(s) ((int)(s).len), ((s).ptr == NULL ? "" : (s).ptr)
