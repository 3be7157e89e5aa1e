/* src/conf/text.h -- the file as characters and lines, as libyaml counts */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/*
 * A character is a UTF-8 sequence; a stray byte counts as one. Lines end with
 * LF, CR, CR LF, NEL, LS or PS: what libyaml's marks go by.
 */
size_t text_chars(struct span s);
/* Bytes that the first `n` characters take (all, if there are fewer). */
size_t text_bytes_of_chars(struct span s, size_t n);
struct span text_skip_chars(struct span s, size_t n);
/* The character at the start of `s`, not empty, its length in *len; false: no
 * UTF-8. */
bool text_decode(struct span s, uint32_t *c, size_t *len);

/* A byte order mark is no part of the text. */
struct span text_skip_bom(struct span s);

/* Walks forward only: ask for lines in ascending order. Start zeroed but
 * for `text`; a leading byte order mark is skipped. */
struct text_lines {
	struct span text;
	size_t at;		/* where line `line` + 1 begins */
	uint32_t line;
};

/* Line `number` (from 1) without its end; empty behind the last. */
struct span text_line(struct text_lines *l, uint32_t number);
/* Whether there is such a line; `number` as for text_line(). */
bool text_has_line(struct text_lines *l, uint32_t number);

/* What YAML does not allow: where, and why. */
enum text_fault { TEXT_GOOD, TEXT_NOT_UTF8, TEXT_CONTROL };
struct text_bad {
	enum text_fault fault;
	uint32_t line, column;	/* from 1 */
	uint32_t code;		/* the byte, or the control character */
};
struct text_bad text_check(struct span text);
