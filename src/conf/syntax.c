/* src/conf/syntax.c -- libyaml's complaints in words that help */
#include "conf/syntax.h"

#include <stdio.h>
#include <string.h>

#include "conf/text.h"

/* What a row asks of the place, besides libyaml's text. */
enum when {
	ALWAYS,
	AT_CHAR,	/* the character `c` stands there */
	IN_BRACKETS,	/* that, and "[" before it in its line */
	LINE_START,	/* only blanks stand before it */
	COLON_BEFORE,	/* the line holds a ": " before it */
	BEHIND_BRACKET,	/* "]" stands right before it, "[" further on */
	SECOND_COLON,	/* a ":", and the line holds a ": " before it */
	BEHIND_DOLLAR,	/* a "$", and a "{" there */
};

enum where { AT_PROBLEM, AT_CONTEXT, AT_BRACKET };

/* The first row that fits decides. NULL: any. */
struct rule {
	const char *problem, *context;
	enum when when;
	char c;
	enum where where;
	const char *context_is;	/* for a note of its place; NULL: none */
	const char *say;
};

#define QUOTES "put the value in quotes"
#define COLON_QUOTES "a plain value cannot hold \": \"; " QUOTES
#define IPV6_QUOTES "\"[\" begins a list; put an IPv6 address in quotes, " \
	"as in \"[::1]:80\""

static const struct rule rules[] = {
	{ "found character that cannot start", NULL, AT_CHAR, '\t', AT_PROBLEM,
	  NULL, "a tab cannot indent; use spaces" },
	{ "found character that cannot start", NULL, AT_CHAR, '@', AT_PROBLEM,
	  NULL, "a value cannot begin with \"@\"; " QUOTES },
	{ "found character that cannot start", NULL, AT_CHAR, '`', AT_PROBLEM,
	  NULL, "a value cannot begin with \"`\"; " QUOTES },
	{ "found character that cannot start", NULL, AT_CHAR, '%', AT_PROBLEM,
	  NULL, "a value cannot begin with \"%\"; " QUOTES },
	{ "found a tab character", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "a tab cannot indent; use spaces" },
	{ NULL, "while scanning a directive", ALWAYS, 0, AT_CONTEXT, NULL,
	  "a line cannot begin with \"%\"; put the word in quotes" },
	{ NULL, "while scanning an alias", ALWAYS, 0, AT_CONTEXT, NULL,
	  "a value cannot begin with \"*\" (an alias in YAML); " QUOTES },
	{ NULL, "while scanning an anchor", ALWAYS, 0, AT_CONTEXT, NULL,
	  "a value cannot begin with \"&\" (an anchor in YAML); " QUOTES },
	{ NULL, "while parsing a tag", ALWAYS, 0, AT_CONTEXT, NULL,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ NULL, "while scanning a tag", ALWAYS, 0, AT_CONTEXT, NULL,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ "found undefined tag handle", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "a value cannot begin with \"!\" (a tag in YAML); " QUOTES },
	{ "mapping values are not allowed", NULL, COLON_BEFORE, 0, AT_PROBLEM,
	  NULL, COLON_QUOTES },
	{ "mapping values are not allowed", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "no key can stand here; look at the indentation, and whether the "
	  "line above lacks a \": \"" },
	{ "mapping keys are not allowed", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "no \"? \" can stand here; put a value that begins with it in "
	  "quotes" },
	{ "block sequence entries are not allowed", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL,
	  "no list item can begin here; begin it on a line of its own" },
	{ "did not find expected node content", NULL, IN_BRACKETS, ':',
	  AT_BRACKET, NULL, IPV6_QUOTES },
	{ "did not find expected node content", NULL, AT_CHAR, '\0',
	  AT_PROBLEM, NULL, "the file ends inside a list or map" },
	{ "did not find expected node content", NULL, ALWAYS, 0, AT_PROBLEM,
	  NULL, "a value is missing here; put text that begins with a bracket "
	  "or comma in quotes" },
	{ "did not find expected ',' or", NULL, BEHIND_DOLLAR, 0, AT_PROBLEM,
	  NULL, "inside braces and brackets, text with \"${\" has to be in "
	  "quotes" },
	{ "did not find expected ',' or '}'", NULL, BEHIND_BRACKET, 0,
	  AT_BRACKET, NULL, IPV6_QUOTES },
	{ "did not find expected ',' or", NULL, SECOND_COLON, 0, AT_PROBLEM,
	  NULL, COLON_QUOTES },
	{ "did not find expected ',' or ']'", NULL, ALWAYS, 0, AT_CONTEXT,
	  NULL, "this list needs \",\" between its items and \"]\" at its "
	  "end" },
	{ "did not find expected ',' or '}'", NULL, ALWAYS, 0, AT_CONTEXT,
	  NULL, "this map needs \",\" between its keys and \"}\" at its "
	  "end" },
	{ "did not find expected '-' indicator", NULL, ALWAYS, 0, AT_PROBLEM,
	  "list", "this line is indented unlike the list it stands in" },
	{ "did not find expected key", NULL, LINE_START, 0, AT_PROBLEM, "map",
	  "this line is indented unlike the keys it stands among" },
	{ "did not find expected key", NULL, AT_CHAR, '}', AT_PROBLEM, NULL,
	  "this \"}\" closes nothing" },
	{ "did not find expected key", NULL, AT_CHAR, ']', AT_PROBLEM, NULL,
	  "this \"]\" closes nothing" },
	{ "did not find expected key", NULL, BEHIND_BRACKET, 0, AT_BRACKET,
	  NULL, IPV6_QUOTES },
	{ "did not find expected key", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "the value has ended before this; put all of it in one pair of "
	  "quotes" },
	{ "could not find expected ':'", NULL, ALWAYS, 0, AT_CONTEXT, NULL,
	  "a key needs \": \" behind it" },
	{ "found unexpected end of stream", "quoted scalar", ALWAYS, 0,
	  AT_CONTEXT, NULL, "this quote is never closed" },
	{ "found unexpected document indicator", "quoted scalar", ALWAYS, 0,
	  AT_CONTEXT, NULL, "this quote is never closed" },
	{ "found unknown escape character", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "no such escape; write \"\\\\\" for a backslash, or use single "
	  "quotes" },
	{ "did not find expected hexdecimal number", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL, "hexadecimal digits are missing in this escape; "
	  "write \"\\\\\" for a backslash" },
	{ "found invalid Unicode character escape code", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL, "this escape stands for no character; write "
	  "\"\\\\\" for a backslash" },
	{ "found an indentation indicator equal to 0", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL, "text behind \"|\" or \">\" is indented by 1 to "
	  "9 blanks; leave the number out" },
	{ "did not find expected comment or line break", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL, "text behind \"|\" or \">\" begins on the next "
	  "line; put a value that begins with them in quotes" },
	{ "did not find expected <document start>", NULL, ALWAYS, 0,
	  AT_PROBLEM, NULL, "the configuration has ended before this line; "
	  "begin all its keys in one column" },
	{ "found duplicate %", NULL, ALWAYS, 0, AT_PROBLEM, NULL,
	  "this directive is given twice; leave one out" },
	{ "found incompatible YAML document", NULL, ALWAYS, 0, AT_PROBLEM,
	  NULL, "only YAML 1.1 and 1.2 are read" },
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

static const char *
bracket_before(const struct spot *spot)
{
	return spot->before.len == 0 ? NULL :
	    memrchr(spot->before.ptr, '[', spot->before.len);
}

static bool
is_behind(const struct spot *spot, char c)
{
	return spot->before.len > 0 &&
	    spot->before.ptr[spot->before.len - 1] == c;
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
	case SECOND_COLON:
		return spot->c == ':' && memmem(spot->before.ptr,
		    spot->before.len, ": ", 2) != NULL;
	case IN_BRACKETS:
		return spot->c == rule->c && bracket_before(spot) != NULL;
	case BEHIND_BRACKET:
		return is_behind(spot, ']') && bracket_before(spot) != NULL;
	case BEHIND_DOLLAR:
		return spot->c == '{' && is_behind(spot, '$');
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

/* The last character that is no blank: what lacks its end is shown there. */
static struct place
place_of_end(struct span text)
{
	struct text_lines lines = { .text = text };
	struct place at = { .line = 1, .column = 1, .width = 1 };
	struct span line;
	uint32_t number = 1;

	do {
		line = text_line(&lines, number);
		while (line.len > 0 && strchr(" \t", line.ptr[line.len - 1]))
			line.len--;
		if (line.len > 0) {
			at.line = number;
			at.column = (uint32_t)text_chars(line);
		}
	} while (text_has_line(&lines, ++number));
	return at;
}

static struct place
place_of(const struct rule *rule, const yaml_parser_t *p,
    const struct spot *spot, struct span text)
{
	enum where where = rule != NULL ? rule->where : AT_PROBLEM;
	const yaml_mark_t *mark = where == AT_CONTEXT ? &p->context_mark :
	    &p->problem_mark;
	struct place at = { .line = (uint32_t)mark->line + 1,
		.column = (uint32_t)mark->column + 1, .width = 1 };
	const char *bracket;

	if (where == AT_PROBLEM && spot->c == '\0')
		return place_of_end(text);
	if (where == AT_BRACKET) {
		bracket = bracket_before(spot);
		at.column = (uint32_t)text_chars(span_of(spot->before.ptr,
		    (size_t)(bracket - spot->before.ptr))) + 1;
	}
	return at;
}

void
syntax_explain(const yaml_parser_t *p, struct span text, uint32_t file,
    struct diagnostics *d)
{
	struct spot spot;
	const struct rule *rule;
	struct diagnostic *e;
	struct place at = { .column = 1, .file = file };

	diag_forget(d);
	if (p->error == YAML_MEMORY_ERROR || p->problem == NULL) {
		diag_error(d, at, "the YAML library failed");
		return;
	}
	spot = spot_of(text, &p->problem_mark);
	rule = find_rule(p, &spot);
	at = place_of(rule, p, &spot, text);
	at.file = file;
	if (rule == NULL) {
		diag_error(d, at, "no YAML: %s", p->problem);
		return;
	}
	e = diag_error(d, at, "%s", rule->say);
	if (rule->context_is != NULL)
		diag_note(e, "the %s begins in line %zu, column %zu",
		    rule->context_is, p->context_mark.line + 1,
		    p->context_mark.column + 1);
}
