/* src/conf/diag.h -- collecting what is wrong with a configuration */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/span.h"

/*
 * The form is config.md's. The first DIAG_MOST in the order of the files are
 * kept, the rest is only counted. What has no place comes first: what is
 * wrong with the command line, then with the main file as a whole. The same
 * text about the same place is kept and counted once: what an anchor holds
 * is read as often as it is used.
 */
struct diagnostics;
struct diagnostic;

#define DIAG_MOST 100

/* Where in a file, in characters from 1. Width 0: to the end of the line. */
struct place {
	uint32_t line, column, width;
	uint32_t file;		/* as diag_source() numbers them */
};

#define PLACE_OPTIONS	((struct place){ .line = 0 })	/* the command line */
#define PLACE_FILE	((struct place){ .column = 1 })	/* no line of it */

/*
 * A file that places refer to: the main one first, then the others in the
 * order in which they are reported on. Takes over `text.ptr` (heap, may be
 * NULL) and returns the number for struct place: 0, 1 and so on.
 */
uint32_t diag_source(struct diagnostics *d, const char *file,
    struct span text);

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
/* The same, with " in line 3, column 5" behind it; where that is another
 * file than that of `e`, its name goes before. */
void diag_note_place(const struct diagnostics *d, struct diagnostic *e,
    struct place at, const char *format, ...) PRINTF(4, 5) COLD;

/* One of those that diagnostics_sources() tells. */
void diag_add_source(struct diagnostics *d, const char *name,
    bool is_pattern);

/* The name of the file that the place is in; NULL: in none. */
const char *diag_file(const struct diagnostics *d, struct place at);

/* Whether one at this place would be kept: before costly explanations. */
bool diag_wants(const struct diagnostics *d, struct place at);

/* Errors so far, repeated ones as often as they were found. */
size_t diag_errors_found(const struct diagnostics *d);

/* No excerpt shows what stands there: it is a secret. */
void diag_hide(struct diagnostics *d, struct place at);

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
