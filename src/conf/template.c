/* src/conf/template.c -- texts with ${variables} */
#include "conf/template.h"

#include <stdio.h>
#include <string.h>

#include "conf/env.h"
#include "conf/internal.h"
#include "conf/yaml.h"

static const char *const names[] = {
#define X(id, name) [VARIABLE_##id] = name,
	VARIABLES(X)
#undef X
};

static const struct span request_field = { "request.", 8 };
static const struct span environment = { "env:", 4 };

static void
add(struct template *t, enum variable variable, struct span text)
{
	if (variable != VARIABLE_NONE || text.len > 0)
		t->at[t->n++] = (struct template_piece){ variable, text };
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\0' ||
		    strchr(TOKEN_CHARACTERS, s.ptr[i]) == NULL)
			return false;
	return s.len > 0;
}

static bool
refuse(struct span name, char *why)
{
	struct suggestion near = { .word = name };
	char word[QUOTE_MAX];

	for (size_t i = 1; i < COUNT_OF(names); i++)
		suggest(&near, names[i]);
	quote(word, name);
	if (near.best != NULL)
		snprintf(why, WHY_MAX, "there is no variable \"${%s}\"; did you "
		    "mean \"${%s}\"?", word, near.best);
	else
		snprintf(why, WHY_MAX, "there is no variable \"${%s}\"; write "
		    "\"$${\" for a plain \"${\"", word);
	return false;
}

/* Text from the environment is only text: nothing in it is a variable. */
static bool
add_environment(struct template *t, struct span name, struct arena *arena,
    char *why)
{
	struct span value;
	size_t len = 0;

	if (!env_find(name, &value, why))
		return false;
	add(t, VARIABLE_NONE, span_of(arena_str(arena, value), value.len));
	for (size_t i = 0; i < t->n; i++)
		len += t->at[i].text.len;
	if (len <= YAML_SCALAR_MOST)
		return true;
	snprintf(why, WHY_MAX, "with the environment's the value has more "
	    "than %u bytes", YAML_SCALAR_MOST);
	return false;
}

static bool
add_variable(struct template *t, struct span name, struct arena *arena,
    char *why)
{
	if (name.len >= environment.len && memcmp(name.ptr, environment.ptr,
	    environment.len) == 0)
		return add_environment(t, span_skip(name, environment.len),
		    arena, why);
	for (size_t i = 1; i < COUNT_OF(names); i++)
		if (span_equal(name, span_str(names[i]))) {
			add(t, (enum variable)i, name);
			return true;
		}
	if (name.len > request_field.len && memcmp(name.ptr,
	    request_field.ptr, request_field.len) == 0) {
		struct span field = span_skip(name, request_field.len);

		if (is_token(field)) {
			add(t, VARIABLE_FIELD, field);
			return true;
		}
	}
	return refuse(name, why);
}

static size_t
most_pieces(struct span text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '$' ? 2 : 0;
	return n;
}

bool
template_parse(struct template *t, struct span text, struct arena *arena,
    char *why)
{
	const char *at, *end;

	t->n = 0;
	t->source = text;
	t->at = arena_alloc(arena, most_pieces(text) * sizeof(*t->at));
	while ((at = memmem(text.ptr, text.len, "${", 2)) != NULL) {
		size_t before = (size_t)(at - text.ptr);

		if (before > 0 && at[-1] == '$') {	/* "$${" */
			add(t, VARIABLE_NONE, span_of(text.ptr, before));
			add(t, VARIABLE_NONE, SPAN("{"));
			text = span_skip(text, before + 2);
			continue;
		}
		add(t, VARIABLE_NONE, span_of(text.ptr, before));
		text = span_skip(text, before + 2);
		end = memchr(text.ptr, '}', text.len);
		if (end == NULL) {
			snprintf(why, WHY_MAX, "\"${\" lacks its \"}\"; write "
			    "\"$${\" for a plain \"${\"");
			return false;
		}
		before = (size_t)(end - text.ptr);
		if (!add_variable(t, span_of(text.ptr, before), arena, why))
			return false;
		text = span_skip(text, before + 1);
	}
	add(t, VARIABLE_NONE, text);
	return true;
}
