/* src/conf/syntax.c -- libyaml's complaints in words that help */
#include "conf/syntax.h"

#include <stdio.h>
#include <string.h>

#include "conf/text.h"

/* What a row asks of the place, besides libyaml's text. */
enum when {
	ALWAYS,
	AT_CHAR,	/* the character `c` stands there */
	LINE_START,	/* only blanks stand before it */
	COLON_BEFORE,	/* the line holds a ": " before it */
};

enum where { AT_PROBLEM, AT_CONTEXT };

/* The first row that fits decides. NULL: any. */
struct rule {
	const char *problem, *context;
	enum when when;
	char c;
	enum where where;
	bool names_context;	/* a note tells the context's line */
	const char *say;
};

#define QUOTES "put the value in quotes"

static const struct rule rules[] = {
	{ "found character that cannot start", NULL, AT_CHAR, '\t', AT_PROBLEM,
	  false, "a tab cannot indent; use spaces" },
	{ "found character that cannot start", NULL, AT_CHAR, '@', AT_PROBLEM,
	  false, "a value cannot begin with \"@\"; " QUOTES },
	{ "found character that cannot start", NULL, AT_CHAR, '`', AT_PROBLEM,
	  false, "a value cannot begin with \"`\"; " QUOTES },
	{ "found character that cannot start", NULL, AT_CHAR, '%', AT_PROBLEM,
	  false, "a value cannot begin with \"%\"; " QUOTES },
	{ "found a tab character", NULL, ALWAYS, 0, AT_PROBLEM, false,
	  "a tab cannot indent; use spaces" },
	{ NULL, "while scanning a directive", ALWAYS, 0, AT_CONTEXT, false,
	  "a line cannot begin with \"%\"; put the word in quotes" },
	{ NULL, "while scanning an alias", ALWAYS, 0, AT_CONTEXT, false,
	  "a value cannot begin with \"*\" (an alias in YAML); " QUOTES },
	{ NULL, "while scanning an anchor", ALWAYS, 0, AT_CONTEXT, false,
	  "a value cannot begin with \"&\" (an anchor in YAML); " QUOTES },
	{ NULL, "while parsing a tag", ALWAYS, 0, AT_CONTEXT, false,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ NULL, "while scanning a tag", ALWAYS, 0, AT_CONTEXT, false,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ "found undefined tag handle", NULL, ALWAYS, 0, AT_PROBLEM, false,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ "mapping values are not allowed", NULL, COLON_BEFORE, 0, AT_PROBLEM,
	  false, "a plain value cannot hold \": \"; " QUOTES },
	{ "mapping values are not allowed", NULL, ALWAYS, 0, AT_PROBLEM, false,
	  "no key can stand here; look at the indentation, and whether the "
	  "line above lacks a \": \"" },
	{ "block sequence entries are not allowed", NULL, ALWAYS, 0,
	  AT_PROBLEM, false,
	  "no list item can begin here; begin it on a line of its own" },
	{ "did not find expected node content", NULL, AT_CHAR, ':', AT_PROBLEM,
	  false, "\"[\" begins a list; put an IPv6 address in quotes, as in "
	  "\"[::1]:80\"" },
	{ "did not find expected node content", NULL, AT_CHAR, '\0',
	  AT_PROBLEM, false, "the file ends inside a list or map" },
	{ "did not find expected node content", NULL, ALWAYS, 0, AT_PROBLEM,
	  false, "a value is missing here; put text that begins with a bracket "
	  "or comma in quotes" },
	{ "did not find expected ',' or ']'", NULL, ALWAYS, 0, AT_CONTEXT,
	  false, "this list needs \",\" between its items and \"]\" at its "
	  "end" },
	{ "did not find expected ',' or '}'", NULL, ALWAYS, 0, AT_CONTEXT,
	  false, "this map needs \",\" between its keys and \"}\" at its "
	  "end" },
	{ "did not find expected '-' indicator", NULL, ALWAYS, 0, AT_PROBLEM,
	  true, "this line is indented unlike the list it stands in" },
	{ "did not find expected key", NULL, LINE_START, 0, AT_PROBLEM, true,
	  "this line is indented unlike the keys it stands among" },
	{ "did not find expected key", NULL, ALWAYS, 0, AT_PROBLEM, false,
	  "the value has ended before this; put all of it in one pair of "
	  "quotes" },
	{ "could not find expected ':'", NULL, ALWAYS, 0, AT_CONTEXT, false,
	  "a key needs \": \" behind it" },
	{ "found unexpected end of stream", "quoted scalar", ALWAYS, 0,
	  AT_CONTEXT, false, "this quote is never closed" },
	{ "found unexpected document indicator", "quoted scalar", ALWAYS, 0,
	  AT_CONTEXT, false, "this quote is never closed" },
	{ "found unknown escape character", NULL, ALWAYS, 0, AT_PROBLEM, false,
	  "no such escape; write \"\\\\\" for a backslash, or use single "
	  "quotes" },
	{ "did not find expected hexdecimal number", NULL, ALWAYS, 0,
	  AT_PROBLEM, false, "hexadecimal digits are missing in this escape; "
	  "write \"\\\\\" for a backslash" },
	{ "did not find expected comment or line break", NULL, ALWAYS, 0,
	  AT_PROBLEM, false, "text behind \"|\" or \">\" begins on the next "
	  "line; put a value that begins with them in quotes" },
	{ "did not find expected <document start>", NULL, ALWAYS, 0,
	  AT_PROBLEM, false, "the configuration has ended before this line; "
	  "begin all its keys in one column" },
	{ "found incompatible YAML document", NULL, ALWAYS, 0, AT_PROBLEM,
	  false, "only YAML 1.1 and 1.2 are read" },
};

/* The character at the problem's mark, '\0' at the end of the file, and what
 * stands before it in its line. */
struct spot {
	char c;
	struct span before;
};

static struct spot
spot_of(struct span text, const yaml_mark_t *mark)
{
	struct text_lines lines = { .text = text };
	struct span line = text_line(&lines, (uint32_t)mark->line + 1);
	size_t at = text_bytes_of_chars(line, mark->column);
	struct spot spot = { .before = span_of(line.ptr, at) };

	if (at < line.len)
		spot.c = line.ptr[at];
	else if (line.ptr != NULL && line.ptr + at < text.ptr + text.len)
		spot.c = '\n';
	return spot;
}

static bool
fits_spot(const struct rule *rule, const struct spot *spot)
{
	switch (rule->when) {
	case ALWAYS:
		return true;
	case AT_CHAR:
		return spot->c == rule->c;
	case LINE_START:
		return strspn(spot->before.ptr, " \t-") >= spot->before.len;
	case COLON_BEFORE:
		return memmem(spot->before.ptr, spot->before.len, ": ", 2) !=
		    NULL;
	}
	return false;
}

static const struct rule *
find_rule(const yaml_parser_t *p, const struct spot *spot)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		const struct rule *rule = &rules[i];

		if (rule->problem != NULL && strncmp(p->problem,
		    rule->problem, strlen(rule->problem)) != 0)
			continue;
		if (rule->context != NULL && (p->context == NULL ||
		    strstr(p->context, rule->context) == NULL))
			continue;
		if (fits_spot(rule, spot))
			return rule;
	}
	return NULL;
}

static struct place
place_of_mark(const yaml_mark_t *mark)
{
	return (struct place){ (uint32_t)mark->line + 1,
	    (uint32_t)mark->column + 1, 1 };
}

void
syntax_explain(const yaml_parser_t *p, struct span text,
    struct diagnostics *d)
{
	struct spot spot;
	const struct rule *rule;
	struct diagnostic *e;

	diag_forget(d);
	if (p->error == YAML_MEMORY_ERROR || p->problem == NULL) {
		diag_error(d, PLACE_FILE, "the YAML library failed");
		return;
	}
	spot = spot_of(text, &p->problem_mark);
	rule = find_rule(p, &spot);
	if (rule == NULL) {
		diag_error(d, place_of_mark(&p->problem_mark),
		    "no YAML: %s", p->problem);
		return;
	}
	e = diag_error(d, place_of_mark(rule->where == AT_CONTEXT ?
	    &p->context_mark : &p->problem_mark), "%s", rule->say);
	if (rule->names_context)
		diag_note(e, "that begins in line %zu, column %zu",
		    p->context_mark.line + 1, p->context_mark.column + 1);
}
