/* src/http/fields.h -- taking field values apart */
#pragma once
#include "core/span.h"

static inline bool
is_ows(char c)
{
	return c == ' ' || c == '\t';
}

/* Without the optional white space at both ends (RFC 9110 5.6.3). */
static inline struct span
span_trim(struct span s)
{
	while (s.len > 0 && is_ows(s.ptr[0]))
		s = span_skip(s, 1);
	while (s.len > 0 && is_ows(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/*
 * Cuts the part up to the first `mark` off *rest, trimmed, and the mark with
 * it; all of *rest if there is none. False when nothing is left.
 */
bool span_cut(struct span *rest, char mark, struct span *part);

/*
 * The next element of a comma-separated list that is not empty (RFC 9110
 * 5.6.1). Commas in quoted strings and comments separate as well: for lists
 * of tokens, and where more elements than were meant do no harm.
 */
bool list_next(struct span *rest, struct span *element);
