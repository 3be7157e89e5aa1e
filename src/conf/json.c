/* src/conf/json.c -- the tables of keys as a JSON Schema, draft-07 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "conf/dump.h"
#include "conf/internal.h"
#include "conf/value.h"
#include "conf/yaml.h"

/*
 * For editors, which read YAML as its version 1.2 says: a plain 80 is a
 * number there and a plain off is a string. Where we take a string, we take
 * what they call a number or a boolean, too.
 */
struct json {
	FILE *out;
	struct arena *arena;
	int depth;
	bool has_items;		/* of what is open */
};

static void put_section(struct json *j, const struct conf_section *section);

/* ---- JSON */

static void
put_string(const struct json *j, const char *s)
{
	putc('"', j->out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', j->out);
		putc(*s, j->out);
	}
	putc('"', j->out);
}

/* Begins the next item of what is open, on a line of its own. */
static void
next(struct json *j)
{
	fprintf(j->out, "%s\n%*s", j->has_items ? "," : "", 2 * j->depth, "");
	j->has_items = true;
}

static void
put_name(struct json *j, const char *name)
{
	next(j);
	put_string(j, name);
	fputs(": ", j->out);
}

static void
open_with(struct json *j, char bracket)
{
	putc(bracket, j->out);
	j->depth++;
	j->has_items = false;
}

static void
close_with(struct json *j, char bracket)
{
	j->depth--;
	if (j->has_items)
		fprintf(j->out, "\n%*s", 2 * j->depth, "");
	putc(bracket, j->out);
	j->has_items = true;
}

static void
put_member(struct json *j, const char *name, const char *value)
{
	put_name(j, name);
	put_string(j, value);
}

static bool
is_number(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* As an editor would take it: a number without quotes. */
static void
put_word(const struct json *j, const char *word)
{
	if (is_number(word))
		fputs(word, j->out);
	else
		put_string(j, word);
}

/* ---- single values: one alternative each, in a line */

/* What any text is like: no NUL, and "${env:" is a whole reference. */
#define TEXT "^(?![^]*(^|[^$])\\$\\{env:(?![A-Za-z0-9_]{1,127}\\}))[^\\x00]"

/* "^(0|[1-9][0-9]*(B|k))$"; of durations each unit once, in their order. */
static void
put_units(const struct json *j, const struct value_form *form, bool has_zero)
{
	const struct value_unit *u;

	if (form == &value_percentage) {
		fprintf(j->out, "\"^(%s(0|[1-9][0-9]*)(\\\\.[0-9]{1,2})?%%)$\"",
		    has_zero ? "0|" : "");
		return;
	}
	fprintf(j->out, "\"^(%s", has_zero ? "0|" : "");
	fputs(form->is_compound ? "(?!0[0-9])(?=[0-9])" :
	    "(0|[1-9][0-9]*)(", j->out);
	for (u = form->units; u->name != NULL; u++)
		if (form->is_compound)
			fprintf(j->out, "([0-9]+%s)?", u->name);
		else
			fprintf(j->out, "%s%s", u == form->units ? "" : "|",
			    u->name);
	fprintf(j->out, "%s)$\"", form->is_compound ? "" : ")");
}

static void
put_amount(struct json *j, const struct conf_key *key)
{
	next(j);
	fputs("{\"type\": \"string\", \"pattern\": ", j->out);
	put_units(j, schema_form(key), key->min == 0);
	putc('}', j->out);
	if (key->min > 0)
		return;
	next(j);
	fputs("{\"enum\": [0]}", j->out);
}

static void
put_percentage(struct json *j, const struct conf_key *key)
{
	next(j);
	fputs("{\"type\": \"string\", \"pattern\": ", j->out);
	fputs(key->max > 10000 ?
	    "\"^(0|(0|[1-9][0-9]{0,3})([.][0-9]{1,2})?%)$\"}" :
	    "\"^(0|(0|[1-9][0-9]?)([.][0-9]{1,2})?%|100([.]00?)?%)$\"}",
	    j->out);
	next(j);
	fputs("{\"enum\": [0]}", j->out);
}

static void
put_integer(struct json *j, const struct conf_key *key)
{
	next(j);
	fprintf(j->out, "{\"type\": \"integer\", \"minimum\": %" PRIu64
	    ", \"maximum\": %" PRIu64 "}", key->min, key->max);
	next(j);
	fputs("{\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]*)$\"}",
	    j->out);
}

static void
put_choices(struct json *j, const struct conf_choice *choices)
{
	const struct conf_choice *c;
	const char *comma = "";

	next(j);
	fputs("{\"enum\": [", j->out);
	for (c = choices; c->name != NULL; c++) {
		if (!c->is_built)
			continue;
		fputs(comma, j->out);
		put_string(j, c->name);
		if (is_number(c->name))
			fprintf(j->out, ", %s", c->name);
		comma = ", ";
	}
	fputs("]}", j->out);
}

static void
put_text(struct json *j, const char *types, const char *pattern)
{
	fprintf(j->out, "{\"type\": %s, \"maxLength\": %u, \"pattern\": ",
	    types, YAML_SCALAR_MOST);
	put_string(j, pattern);
	putc('}', j->out);
}

static bool
takes(const struct json *j, const struct conf_form *form, const char *text)
{
	char why[WHY_MAX];

	return form->parse(arena_alloc(j->arena, form->size),
	    span_of(text, strlen(text)), j->arena, why);
}

static void
put_form(struct json *j, const struct conf_key *key)
{
	const struct conf_form *form = key->form;
	bool is_number_good = takes(j, form, "1") || takes(j, form, "200") ||
	    takes(j, form, "503");
	bool is_boolean_good = takes(j, form, "true");

	put_text(j, is_number_good && is_boolean_good ?
	    "[\"string\", \"number\", \"boolean\"]" : is_number_good ?
	    "[\"string\", \"number\"]" : is_boolean_good ?
	    "[\"string\", \"boolean\"]" : "\"string\"",
	    key->pattern != NULL ? key->pattern : form->pattern != NULL ?
	    form->pattern : TEXT "*$");
}

/* ---- values by type */

#define ENV "{\"$ref\": \"#/definitions/env\"}"

static void
put_values(struct json *j, const struct conf_key *key)
{
	next(j);
	put_form(j, key);
	next(j);
	fputs("{\"type\": \"array\", \"items\": {\"anyOf\": [", j->out);
	put_form(j, key);
	fputs(", " ENV "]}}", j->out);
}

static void
put_least(struct json *j, const struct conf_key *key, const char *word)
{
	if (key->min == 0)
		return;
	put_name(j, word);
	fprintf(j->out, "%" PRIu64, key->min);
}

static void
put_list(struct json *j, const struct conf_key *key)
{
	next(j);
	open_with(j, '{');
	put_member(j, "type", "array");
	put_least(j, key, "minItems");
	if (key->max != 0) {
		put_name(j, "maxItems");
		fprintf(j->out, "%" PRIu64, key->max);
	}
	put_name(j, "items");
	put_section(j, key->section);
	close_with(j, '}');
}

static void put_alternatives(struct json *j, const struct conf_key *key);

static void
put_map_item(struct json *j, const struct conf_section *section)
{
	if (section->alone == NULL) {
		put_section(j, section);
		return;
	}
	open_with(j, '{');
	put_name(j, "anyOf");
	open_with(j, '[');
	put_alternatives(j, schema_find(section, span_str(section->alone)));
	next(j);
	fputs(ENV, j->out);
	next(j);
	put_section(j, section);
	close_with(j, ']');
	close_with(j, '}');
}

static void
put_map(struct json *j, const struct conf_key *key)
{
	next(j);
	open_with(j, '{');
	put_member(j, "type", "object");
	put_least(j, key, "minProperties");
	put_name(j, "propertyNames");
	fprintf(j->out, "{\"pattern\": \"^[A-Za-z0-9._-]{1,%d}$\"}",
	    CONF_NAME_MOST);
	put_name(j, "additionalProperties");
	put_map_item(j, key->section);
	close_with(j, '}');
}

/* What the type takes, without words and null. */
static void
put_alternatives(struct json *j, const struct conf_key *key)
{
	switch (key->type) {
	case CONF_STRING:
		next(j);
		put_text(j, "[\"string\", \"number\", \"boolean\"]",
		    key->pattern != NULL ? key->pattern : TEXT "+$");
		break;
	case CONF_INTEGER:
		put_integer(j, key);
		break;
	case CONF_SIZE:
	case CONF_RATE:
	case CONF_DURATION:
		put_amount(j, key);
		break;
	case CONF_PERCENTAGE:
		put_percentage(j, key);
		break;
	case CONF_BOOLEAN:
		next(j);
		fputs("{\"enum\": [true, false, \"true\", \"false\"]}", j->out);
		break;
	case CONF_CHOICE:
		put_choices(j, key->choices);
		break;
	case CONF_VALUE:
		next(j);
		put_form(j, key);
		break;
	case CONF_VALUES:
		put_values(j, key);
		break;
	case CONF_BLOCK:
		if (key->section->alone != NULL)
			put_alternatives(j, schema_find(key->section,
			    span_str(key->section->alone)));
		next(j);
		put_section(j, key->section);
		break;
	case CONF_LIST:
		put_list(j, key);
		break;
	case CONF_MAP:
		put_map(j, key);
		break;
	}
}

static bool
takes_scalar(const struct conf_key *key)
{
	if (key->type == CONF_BLOCK && key->section->alone != NULL)
		return true;
	return key->word != NULL || (key->type != CONF_BLOCK &&
	    key->type != CONF_LIST && key->type != CONF_MAP);
}

/* The environment may say anything. A key with nothing behind it is as good
 * as absent. */
static void
put_words(struct json *j, const struct conf_key *key)
{
	if (takes_scalar(key)) {
		next(j);
		fputs(ENV, j->out);
	}
	if (key->word != NULL) {
		next(j);
		fputs("{\"enum\": [", j->out);
		put_string(j, key->word);
		fputs("]}", j->out);
	}
	if (!key->is_required) {
		next(j);
		fputs("{\"type\": \"null\"}", j->out);
	}
}

/* ---- keys and sections */

/* "duration, 1ms to 1d; since 0.1.0" */
static void
put_title(struct json *j, const struct conf_key *key)
{
	char text[200], min[VALUE_MAX], max[VALUE_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s",
	    schema_noun(key));

	if (schema_form(key) != NULL)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    ", %s to %s", value_print(schema_form(key), key->min, min),
		    value_print(schema_form(key), key->max, max));
	snprintf(text + len, sizeof(text) - len, "; since %s", key->since);
	put_member(j, "title", text);
}

static void
put_key(struct json *j, const struct conf_key *key)
{
	put_name(j, key->name);
	open_with(j, '{');
	put_title(j, key);
	put_member(j, "description", key->help);
	if (key->def != NULL) {
		put_name(j, "default");
		if (key->type == CONF_BOOLEAN)
			fputs(key->def, j->out);
		else
			put_word(j, key->def);
	}
	put_name(j, "anyOf");
	open_with(j, '[');
	put_alternatives(j, key);
	put_words(j, key);
	close_with(j, ']');
	close_with(j, '}');
}

static void
put_required(struct json *j, const struct conf_section *section)
{
	const char *comma = "";

	put_name(j, "required");
	putc('[', j->out);
	for (const struct conf_key *k = section->keys; k->name != NULL; k++) {
		if (!k->is_required)
			continue;
		fputs(comma, j->out);
		put_string(j, k->name);
		comma = ", ";
	}
	putc(']', j->out);
}

/* That all of these are there, and not as null; NULL ends them. */
static void
put_given(struct json *j, const char *a, const char *b)
{
	const char *names[] = { a, b };

	fputs("{\"required\": [", j->out);
	for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
		fputs(i > 0 ? ", " : "", j->out);
		put_string(j, names[i]);
	}
	fputs("], \"properties\": {", j->out);
	for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
		fputs(i > 0 ? ", " : "", j->out);
		put_string(j, names[i]);
		fputs(": {\"not\": {\"type\": \"null\"}}", j->out);
	}
	fputs("}}", j->out);
}

/* Which keys exclude each other; of some of them one has to be there. */
static void
put_relations(struct json *j, const struct conf_section *section)
{
	const struct conf_key *k;
	bool is_open = false;

	for (k = section->keys; k->name != NULL; k++) {
		if (!k->is_one_of)
			continue;
		if (!is_open) {
			put_name(j, "oneOf");
			open_with(j, '[');
		}
		is_open = true;
		next(j);
		put_given(j, k->name, NULL);
	}
	if (is_open)
		close_with(j, ']');
	for (k = section->keys; k->name != NULL; k++)
		if (k->unless != NULL) {	/* one of a section, so far */
			put_name(j, "anyOf");
			open_with(j, '[');
			next(j);
			put_given(j, k->name, NULL);
			next(j);
			put_given(j, k->unless, NULL);
			close_with(j, ']');
		} else if (k->excludes != NULL) {
			put_name(j, "not");	/* one of a section, so far */
			put_given(j, k->name, k->excludes);
		}
}

static void
put_members(struct json *j, const struct conf_section *section)
{
	put_member(j, "type", "object");
	put_name(j, "additionalProperties");
	fputs("false", j->out);
	put_required(j, section);
	put_relations(j, section);
	put_name(j, "properties");
	open_with(j, '{');
	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		put_key(j, k);
	close_with(j, '}');
}

static void
put_section(struct json *j, const struct conf_section *section)
{
	open_with(j, '{');
	put_members(j, section);
	close_with(j, '}');
}

void
conf_print_schema(FILE *out)
{
	struct json j = { .out = out, .arena = arena_new(4u << 10) };

	open_with(&j, '{');
	put_member(&j, "$schema", "http://json-schema.org/draft-07/schema#");
	put_member(&j, "title", "fairlead.yaml");
	put_member(&j, "description",
	    "Configuration of the HTTP load balancer fairlead.");
	put_name(&j, "definitions");
	fputs("{\"env\": {\"type\": \"string\", \"pattern\": "
	    "\"(^|[^$])\\\\$\\\\{env:[A-Za-z0-9_]{1,127}\\\\}\"}}", out);
	put_members(&j, &conf_root);
	close_with(&j, '}');
	putc('\n', out);
	arena_free(&j.arena);
}
