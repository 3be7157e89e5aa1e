/* src/conf/value.c -- numbers with units, as interfaces.md writes them */
#include "conf/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/diag.h"

const struct value_form value_integer = {
	.noun = "whole number",
	.advice = "write decimal digits",
};

static const struct value_unit size_units[] = {
	{ "GiB", 1u << 30 }, { "MiB", 1u << 20 }, { "KiB", 1u << 10 },
	{ "g", 1u << 30 }, { "m", 1u << 20 }, { "k", 1u << 10 },
	{ "B", 1 }, { NULL, 0 }
};

const struct value_form value_size = {
	.noun = "size",
	.advice = "write a number with B, k, m, g, KiB, MiB or GiB, as in 64k",
	.units = size_units,
};

static const struct value_unit rate_units[] = {
	{ "GiB/s", 1u << 30 }, { "MiB/s", 1u << 20 }, { "KiB/s", 1u << 10 },
	{ "g/s", 1u << 30 }, { "m/s", 1u << 20 }, { "k/s", 1u << 10 },
	{ "B/s", 1 }, { NULL, 0 }
};

const struct value_form value_rate = {
	.noun = "rate",
	.advice = "write a size for each second, as in 100B/s or 4KiB/s",
	.units = rate_units,
};

static const struct value_unit duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 }, { NULL, 0 }
};

const struct value_form value_duration = {
	.noun = "duration",
	.advice = "write a number with ms, s, m, h or d, as in 5s",
	.units = duration_units,
	.is_compound = true,
};

static const struct value_unit percentage_units[] = {
	{ "%", 100 }, { NULL, 0 }
};

const struct value_form value_percentage = {
	.noun = "percentage",
	.advice = "write a number with at most two decimals and %, as in 20%",
	.units = percentage_units,
};

/* The digits at the start of *text, which moves behind them. */
static bool
take_digits(struct span *text, uint64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < text->len && isdigit((unsigned char)text->ptr[n]); n++) {
		uint64_t digit = (uint64_t)(text->ptr[n] - '0');

		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value))
			*value = UINT64_MAX;
	}
	*text = span_skip(*text, n);
	return n > 0;
}

/* The letters (and "/") at the start of *text, if they are a unit. */
static const struct value_unit *
take_unit(const struct value_form *form, struct span *text)
{
	const struct value_unit *u;
	size_t n = 0;

	while (n < text->len && (isalpha((unsigned char)text->ptr[n]) ||
	    text->ptr[n] == '/'))
		n++;
	for (u = form->units; u->name != NULL; u++) {
		if (!span_equal(span_str(u->name), span_of(text->ptr, n)))
			continue;
		*text = span_skip(*text, n);
		return u;
	}
	return NULL;
}

static uint64_t
saturated(uint64_t sum, uint64_t value, uint64_t factor)
{
	if (__builtin_mul_overflow(value, factor, &value) ||
	    __builtin_add_overflow(sum, value, &sum))
		return UINT64_MAX;
	return sum;
}

/* Number and unit, once or, each time with a smaller unit, several times. */
static bool
parse_units(const struct value_form *form, struct span text, uint64_t *value)
{
	const struct value_unit *unit, *last = NULL;
	uint64_t number;

	*value = 0;
	do {
		if (!take_digits(&text, &number))
			return false;
		unit = take_unit(form, &text);
		if (unit == NULL || (last != NULL && unit <= last))
			return false;
		*value = saturated(*value, number, unit->factor);
		last = unit;
	} while (text.len > 0 && form->is_compound);
	return text.len == 0;
}

/* "12.5%": at most two decimals. */
static bool
parse_percentage(struct span text, uint64_t *value)
{
	uint64_t whole, part = 0;
	size_t n;

	if (!take_digits(&text, &whole))
		return false;
	if (text.len > 0 && text.ptr[0] == '.') {
		text = span_skip(text, 1);
		n = text.len;
		if (!take_digits(&text, &part) || n - text.len > 2)
			return false;
		part *= n - text.len == 1 ? 10 : 1;
	}
	*value = saturated(part, whole, 100);
	return span_equal(text, SPAN("%"));
}

/* A zero before other digits: octal to some readers of YAML. */
static bool
has_leading_zero(struct span text)
{
	return text.len > 1 && text.ptr[0] == '0' &&
	    isdigit((unsigned char)text.ptr[1]);
}

static bool
is_number(struct span text)
{
	uint64_t ignored;

	return take_digits(&text, &ignored) && text.len == 0;
}

static void
explain_zero(struct span text, char *why, size_t size)
{
	char word[QUOTE_MAX];
	struct span decimal = text;
	uint64_t octal = 0;
	size_t i;

	while (decimal.len > 1 && decimal.ptr[0] == '0')
		decimal = span_skip(decimal, 1);
	for (i = 0; i < text.len && strchr("01234567", text.ptr[i]); i++)
		octal = octal << 3 | (uint64_t)(text.ptr[i] - '0');
	quote(word, text);
	if (i == text.len && text.len < 20 && decimal.len > 1)
		snprintf(why, size, "\"%s\" has a leading zero, which YAML 1.1 "
		    "reads as octal; write %.*s or %" PRIu64, word,
		    SPAN_ARG(decimal), octal);
	else
		snprintf(why, size, "\"%s\" has a leading zero; write it "
		    "without", word);
}

static void
explain(const struct value_form *form, struct span text, const char *word,
    char *why, size_t size)
{
	char shown[QUOTE_MAX];

	quote(shown, text);
	if (has_leading_zero(text))
		explain_zero(text, why, size);
	else if (form->units == duration_units && is_number(text))
		snprintf(why, size, "\"%s\" lacks a unit; write %ss or %sms",
		    shown, shown, shown);
	else if (form->units == size_units && is_number(text))
		snprintf(why, size, "\"%s\" lacks a unit; write %sk or %sB",
		    shown, shown, shown);
	else if (form->units == rate_units && is_number(text))
		snprintf(why, size, "\"%s\" lacks a unit; write %sk/s or "
		    "%sB/s", shown, shown, shown);
	else if (form == &value_percentage && is_number(text))
		snprintf(why, size, "\"%s\" lacks its %%; write %s%%", shown,
		    shown);
	else
		snprintf(why, size, "\"%s\" is no %s; %s%s%s", shown,
		    form->noun, form->advice, word != NULL ? ", or " : "",
		    word != NULL ? word : "");
}

bool
value_parse(const struct value_form *form, struct span text,
    const char *word, uint64_t *value, char *why, size_t why_size)
{
	struct span rest = text;
	bool is_good;

	if (form->units == NULL || span_equal(text, SPAN("0")))
		is_good = take_digits(&rest, value) && rest.len == 0;
	else if (form == &value_percentage)
		is_good = parse_percentage(text, value);
	else
		is_good = parse_units(form, text, value);
	if (is_good && !has_leading_zero(text))
		return true;
	explain(form, text, word, why, why_size);
	return false;
}

/* Without decimals that are nought. */
static const char *
print_percentage(uint64_t value, char out[VALUE_MAX])
{
	uint64_t whole = value / 100, part = value % 100;

	if (part == 0)
		snprintf(out, VALUE_MAX, "%" PRIu64 "%%", whole);
	else if (part % 10 == 0)
		snprintf(out, VALUE_MAX, "%" PRIu64 ".%u%%", whole,
		    (unsigned)part / 10);
	else
		snprintf(out, VALUE_MAX, "%" PRIu64 ".%02u%%", whole,
		    (unsigned)part);
	return out;
}

const char *
value_print(const struct value_form *form, uint64_t value,
    char out[VALUE_MAX])
{
	const struct value_unit *u;
	const char *name = "";

	if (form == &value_percentage)
		return print_percentage(value, out);
	if (value > 0 && form->units != NULL) {
		for (u = form->units; value % u->factor != 0; u++)
			;
		value /= u->factor;
		name = u->name;
	}
	snprintf(out, VALUE_MAX, "%" PRIu64 "%s", value, name);
	return out;
}
