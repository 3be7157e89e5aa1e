/* src/core/regex.h -- regular expressions (PCRE2, on bytes) */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

struct arena;

/*
 * A pattern, compiled once and matched by any process that is forked behind
 * that: to machine code where the system lets us, else it is interpreted.
 * Bytes are compared, never characters of UTF-8; "$" is the very end. It lies
 * in an arena and ends with it, machine code and all.
 */
struct regex;

/* What is wrong with a pattern, in PCRE2's words, and at which byte. */
struct regex_fault {
	size_t offset;
	char text[160];
};

#define REGEX_MOST	4096	/* bytes of a pattern */

/* NULL: `fault` says why. Copies the pattern. */
struct regex *regex_new(struct arena *a, struct span pattern,
    struct regex_fault *fault);
/* As it was written, NUL-terminated. */
const char *regex_pattern(const struct regex *r);

/*
 * Whether any part of `subject` matches. Work is bounded, whatever the pattern
 * and the subject are: steps from one place, depth, memory and, for a long
 * subject, some milliseconds of CPU time. Where a bound is reached nothing
 * matches, and regex_limits_hit() counts it. Allocates nothing; but that an
 * interpreted pattern may, once and up to 1 MiB, when it goes deeper than any
 * before. Not for threads.
 */
bool regex_matches(const struct regex *r, struct span subject);
uint64_t regex_limits_hit(void);	/* of this process */

/* Whether the system refused memory for machine code, as it does under
 * systemd's MemoryDenyWriteExecute: matching is slower then, no less right. */
bool regex_jit_is_refused(void);

/* "10.42 2022-12-11 with JIT" */
#define REGEX_VERSION_MAX 64
void regex_version(char out[REGEX_VERSION_MAX]);
