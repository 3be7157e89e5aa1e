/* src/conf/value.h -- numbers with units, as interfaces.md writes them */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* A kind of number: its units and how a message speaks of it. */
struct value_unit {
	const char *name;	/* NULL ends the table */
	uint64_t factor;
};

struct value_form {
	const char *noun;	/* "duration" */
	const char *advice;	/* "write ..., as in 5s" */
	const struct value_unit *units;	/* largest first; NULL: none */
	bool is_compound;	/* 1m30s */
};

extern const struct value_form value_integer;	/* 128 */
extern const struct value_form value_size;	/* 32k, 64KiB: bytes */
extern const struct value_form value_rate;	/* 100B/s: bytes a second */
extern const struct value_form value_duration;	/* 1m30s: milliseconds */
extern const struct value_form value_percentage; /* 12.5%: hundredths of it */

/*
 * Decimal digits only; 0 needs no unit. `word` is what may be written
 * instead (for the message), or NULL. On failure `why` tells what is wrong.
 */
bool value_parse(const struct value_form *form, struct span text,
    const char *word, uint64_t *value, char *why, size_t why_size);

/* In the largest unit that divides it; returns `out`. */
#define VALUE_MAX 32
const char *value_print(const struct value_form *form, uint64_t value,
    char out[VALUE_MAX]);
