/* src/conf/template.c -- texts with ${variables} */
#include "conf/template.h"

#include <stdio.h>
#include <string.h>

#include "conf/env.h"
#include "conf/internal.h"
#include "conf/yaml.h"

static const struct {
	const char *name;
	unsigned uses;		/* enum template_use */
} variables[] = {
#define X(id, name, uses) [VARIABLE_##id] = { name, uses },
	VARIABLES(X)
#undef X
};

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
refuse(struct span name, enum template_use use, char *why)
{
	struct suggestion near = { .word = name };
	char word[QUOTE_MAX];

	for (size_t i = 1; i < COUNT_OF(variables); i++)
		if ((variables[i].uses & use) != 0)
			suggest(&near, variables[i].name);
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

/* What there is, but not yet here. */
static bool
refuse_early(struct span name, unsigned uses, char *why)
{
	char word[QUOTE_MAX];

	snprintf(why, WHY_MAX, "\"${%s}\" is not known yet here; it can stand "
	    "in %saccess_log.format", quote(word, name),
	    (uses & USE_RESPONSE) != 0 ? "response_headers and in " : "");
	return false;
}

/* request.NAME, response.NAME. VARIABLE_NONE: it is no such thing. */
static enum variable
field_variable(struct span name, struct span *field)
{
	static const struct span request = { "request.", 8 };
	static const struct span response = { "response.", 9 };

	if (name.len > request.len &&
	    memcmp(name.ptr, request.ptr, request.len) == 0) {
		*field = span_skip(name, request.len);
		return is_token(*field) ? VARIABLE_FIELD : VARIABLE_NONE;
	}
	if (name.len > response.len &&
	    memcmp(name.ptr, response.ptr, response.len) == 0) {
		*field = span_skip(name, response.len);
		return is_token(*field) ? VARIABLE_RESPONSE_FIELD :
		    VARIABLE_NONE;
	}
	return VARIABLE_NONE;
}

static bool
add_variable(struct template *t, struct span name, enum template_use use,
    struct arena *arena, char *why)
{
	struct span text = name;
	enum variable v = field_variable(name, &text);
	unsigned uses = v == VARIABLE_RESPONSE_FIELD ? USE_LATE : USE_ALWAYS;

	if (name.len >= environment.len && memcmp(name.ptr, environment.ptr,
	    environment.len) == 0)
		return add_environment(t, span_skip(name, environment.len),
		    arena, why);
	for (size_t i = 1; i < COUNT_OF(variables); i++)
		if (span_equal(name, span_str(variables[i].name))) {
			v = (enum variable)i;
			uses = variables[i].uses;
		}
	if (v == VARIABLE_NONE)
		return refuse(name, use, why);
	if ((uses & use) == 0)
		return refuse_early(name, uses, why);
	add(t, v, text);
	return true;
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
template_parse(struct template *t, struct span text, enum template_use use,
    struct arena *arena, char *why)
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
		if (!add_variable(t, span_of(text.ptr, before), use, arena,
		    why))
			return false;
		text = span_skip(text, before + 1);
	}
	add(t, VARIABLE_NONE, text);
	return true;
}

/* ---- printing */

#define REFERENCE_MOST 32	/* "${response.}", or a name */

static char *
put(char *at, struct span s)
{
	memcpy(at, s.ptr, s.len);
	return at + s.len;
}

static char *
put_variable(char *at, const struct template_piece *p)
{
	at = put(at, SPAN("${"));
	if (p->variable < VARIABLE_FIELD)
		at = put(at, span_str(variables[p->variable].name));
	else if (p->variable == VARIABLE_FIELD)
		at = put(put(at, SPAN("request.")), p->text);
	else
		at = put(put(at, SPAN("response.")), p->text);
	return put(at, SPAN("}"));
}

/* A "$" that a "{" follows, maybe in the next piece, is doubled. */
static char *
put_text(char *at, struct span text, bool *is_behind_dollar)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '{' && *is_behind_dollar)
			*at++ = '$';
		*at++ = text.ptr[i];
		*is_behind_dollar = text.ptr[i] == '$';
	}
	return at;
}

struct span
template_print(const struct template *t, struct arena *arena)
{
	bool is_behind_dollar = false;
	size_t most = 0;
	char *text, *at;

	for (size_t i = 0; i < t->n; i++)
		most += 2 * t->at[i].text.len + REFERENCE_MOST;
	at = text = arena_alloc(arena, most + 1);
	for (size_t i = 0; i < t->n; i++) {
		if (t->at[i].variable == VARIABLE_NONE) {
			at = put_text(at, t->at[i].text, &is_behind_dollar);
			continue;
		}
		at = put_variable(at, &t->at[i]);
		is_behind_dollar = false;
	}
	return span_of(text, (size_t)(at - text));
}
