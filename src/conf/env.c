/* src/conf/env.c -- ${env:NAME} in values */
#include "conf/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/internal.h"
#include "conf/text.h"
#include "conf/yaml.h"

#define NAME_MOST	128
#define LOOK_MOST	500	/* variables among which a name is sought */

static const struct span opening = { "${env:", 6 };

static bool
refuse_unset(struct span name, char *why)
{
	struct suggestion near = { .word = name };
	char word[QUOTE_MAX], known[QUOTE_MAX];
	const char *end;

	for (size_t i = 0; environ[i] != NULL && i < LOOK_MOST; i++) {
		end = strchrnul(environ[i], '=');
		if (end - environ[i] >= NAME_MOST)
			continue;
		snprintf(known, sizeof(known), "%.*s", (int)(end - environ[i]),
		    environ[i]);
		suggest(&near, known);
		if (near.best == known) {	/* which changes */
			strcpy(word, known);
			near.best = word;
		}
	}
	if (near.best != NULL)
		snprintf(known, sizeof(known), "; did you mean \"%s\"?",
		    near.best);
	else
		snprintf(known, sizeof(known), "; set it, or write the value "
		    "here");
	quote(word, name);
	snprintf(why, WHY_MAX, "\"%s\" is not set in the environment%s", word,
	    known);
	return false;
}

bool
env_find(struct span name, struct span *value, char *why)
{
	char copy[NAME_MOST], word[QUOTE_MAX];
	const char *found;

	snprintf(copy, sizeof(copy), "%.*s", SPAN_ARG(name));
	if (name.len == 0 || name.len >= NAME_MOST || copy[strspn(copy,
	    LETTER_CHARACTERS "_")] != '\0' || strlen(copy) != name.len) {
		snprintf(why, WHY_MAX, "\"%s\" is no name of a variable; a "
		    "name has letters, digits and \"_\"", quote(word, name));
		return false;
	}
	found = getenv(copy);
	if (found == NULL)
		return refuse_unset(name, why);
	*value = span_str(found);
	if (text_check(*value).fault != TEXT_NOT_UTF8)
		return true;
	snprintf(why, WHY_MAX, "the variable \"%s\" holds what is no UTF-8",
	    copy);
	return false;
}

/* A first walk counts, a second one writes. */
struct out {
	char *at;		/* NULL: only count */
	size_t len;
};

static void
put(struct out *o, struct span s)
{
	if (o->at != NULL && s.len > 0)
		memcpy(o->at + o->len, s.ptr, s.len);
	o->len += s.len;
}

/* The reference at the start of *text, which moves behind it. */
static bool
put_value(struct out *o, struct span *text, struct span *bad, char *why)
{
	const char *end = memchr(text->ptr, '}', text->len);
	struct span name, value;

	if (end == NULL) {
		*bad = *text;
		snprintf(why, WHY_MAX, "\"${env:\" lacks its \"}\"; write "
		    "\"$${env:\" for a plain \"${env:\"");
		return false;
	}
	*bad = span_of(text->ptr, (size_t)(end - text->ptr) + 1);
	*text = span_skip(*text, bad->len);
	name = span_of(bad->ptr + opening.len, bad->len - opening.len - 1);
	if (!env_find(name, &value, why))
		return false;
	put(o, value);
	return true;
}

static bool
put_all(struct out *o, struct span text, struct span *bad, char *why)
{
	const char *at;
	size_t before;

	while ((at = memmem(text.ptr, text.len, opening.ptr, opening.len)) !=
	    NULL) {
		before = (size_t)(at - text.ptr);
		text = (struct span){ at, text.len - before };
		if (before > 0 && at[-1] == '$') {
			put(o, span_of(at - before, before - 1));
			put(o, opening);
			text = span_skip(text, opening.len);
			continue;
		}
		put(o, span_of(at - before, before));
		if (!put_value(o, &text, bad, why))
			return false;
	}
	put(o, text);
	return true;
}

bool
env_expand(struct span *text, struct arena *arena, struct span *bad,
    char *why)
{
	struct out o = { .at = NULL };

	if (memmem(text->ptr, text->len, opening.ptr, opening.len) == NULL)
		return true;
	if (!put_all(&o, *text, bad, why))
		return false;
	if (o.len > YAML_SCALAR_MOST) {
		*bad = *text;
		snprintf(why, WHY_MAX, "with the environment's the value has "
		    "%zu bytes; at most %u are read", o.len, YAML_SCALAR_MOST);
		return false;
	}
	o.at = arena_alloc(arena, o.len + 1);
	o.len = 0;
	(void)put_all(&o, *text, bad, why);
	*text = span_of(o.at, o.len);
	return true;
}

struct span
env_escape(struct span text, struct arena *arena)
{
	struct span rest = text;
	struct out o = { .at = NULL };
	const char *at;

	if (memmem(text.ptr, text.len, opening.ptr, opening.len) == NULL)
		return text;
	o.at = arena_alloc(arena, text.len + text.len / opening.len);
	while ((at = memmem(rest.ptr, rest.len, opening.ptr, opening.len)) !=
	    NULL) {
		put(&o, span_of(rest.ptr, (size_t)(at - rest.ptr)));
		put(&o, SPAN("$"));
		put(&o, opening);
		rest = span_skip(rest, (size_t)(at - rest.ptr) + opening.len);
	}
	put(&o, rest);
	return span_of(o.at, o.len);
}
