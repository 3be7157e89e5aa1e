/* src/conf/diag.h -- collecting what is wrong with a configuration */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/span.h"

/*
 * The form is config.md's. The first DIAG_MOST in the order of the file are
 * kept, the rest is only counted. What has no place comes first: what is
 * wrong with the command line, then with the file as a whole.
 */
struct diagnostics;
struct diagnostic;

#define DIAG_MOST 100

/* Where in the file, in characters from 1. Width 0: to the end of the line. */
struct place {
	uint32_t line, column, width;
};

#define PLACE_OPTIONS	((struct place){ 0, 0, 0 })	/* the command line */
#define PLACE_FILE	((struct place){ 0, 1, 0 })	/* no line of it */

/* What the places refer to. Takes over `text.ptr` (heap, may be NULL). */
void diag_source(struct diagnostics *d, const char *file, struct span text);

/*
 * Adds one. NULL when it lies behind those that are kept; diag_note()
 * accepts that. The result is valid until the next is added.
 */
struct diagnostic *diag_error(struct diagnostics *d, struct place at,
    const char *format, ...) PRINTF(3, 4) COLD;
struct diagnostic *diag_warning(struct diagnostics *d, struct place at,
    const char *format, ...) PRINTF(3, 4) COLD;
/* A line "= note: ..." below it; at most DIAG_NOTES of them. */
void diag_note(struct diagnostic *e, const char *format, ...)
    PRINTF(2, 3) COLD;
#define DIAG_NOTES 2

/* Whether one at this place would be kept: before costly explanations. */
bool diag_wants(const struct diagnostics *d, struct place at);

/* Forgets all: a syntax error stands alone, the others would mislead. */
void diag_forget(struct diagnostics *d);

/*
 * A word of the file made fit for a message: bytes that are not printable
 * escaped, cut at 60 characters. Returns `out`.
 */
#define QUOTE_MAX 256
const char *quote(char out[QUOTE_MAX], struct span word);

/* The candidate that is nearest to a misspelt word, if any is near. */
struct suggestion {
	struct span word;
	const char *best;	/* NULL: none */
	size_t distance;
};

/* Keeps `candidate` if it is nearer than those before: by Damerau and
 * Levenshtein, letter case aside, at most a third of the longer one. */
void suggest(struct suggestion *s, const char *candidate);
