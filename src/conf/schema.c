/* src/conf/schema.c -- reading a value as its row of the tables says */
#include "conf/schema.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"
#include "core/assert.h"
#include "core/memory.h"

const struct conf_key *
schema_find(const struct conf_section *section, struct span name)
{
	const struct conf_key *k;

	for (k = section->keys; k->name != NULL; k++)
		if (span_equal(span_str(k->name), name))
			return k;
	return NULL;
}

static bool
has_secret(const struct conf_section *section, struct span name)
{
	const struct conf_key *k;

	for (k = section->keys; k->name != NULL; k++)
		if ((k->is_secret && span_equal(span_str(k->name), name)) ||
		    (k->section != NULL && has_secret(k->section, name)))
			return true;
	return false;
}

bool
schema_has_secret(struct span name)
{
	return has_secret(&conf_root, name);
}

static void
store_string(const struct conf_key *key, void *target, const char *text)
{
	*(const char **)(void *)((char *)target + key->offset) = text;
}

void
schema_defaults(const struct conf_section *section, void *target)
{
	const struct conf_key *k;
	char why[WHY_MAX];

	for (k = section->keys; k->name != NULL; k++) {
		if (k->type == CONF_BLOCK)
			schema_defaults(k->section, target);
		else if (k->type == CONF_STRING)
			store_string(k, target, k->def);
		else if (k->def != NULL)
			ASSERT(schema_set(k, target, span_str(k->def), NULL,
			    why));
	}
}

void
schema_store(const struct conf_key *key, void *target, uint64_t value)
{
	void *member = (char *)target + key->offset;

	switch (key->size) {
	case sizeof(bool):
		*(bool *)member = value != 0;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)member = (uint16_t)value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		ASSERT(key->size == sizeof(uint64_t));
		*(uint64_t *)member = value;
	}
}

/* "weighted, round-robin" */
static void
list_choices(const struct conf_choice *choices, char *out, size_t size)
{
	const struct conf_choice *c;
	size_t len = 0;

	*out = '\0';
	for (c = choices; c->name != NULL && len < size; c++)
		if (c->is_built)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
			    len > 0 ? ", " : "", c->name);
}

static bool
refuse_choice(const struct conf_key *key, struct span text, char why[WHY_MAX])
{
	struct suggestion near = { .word = text };
	const struct conf_choice *c;
	char word[QUOTE_MAX], all[WHY_MAX / 2];

	for (c = key->choices; c->name != NULL; c++)
		if (c->is_built)
			suggest(&near, c->name);
	list_choices(key->choices, all, sizeof(all));
	quote(word, text);
	if (near.best != NULL)
		snprintf(why, WHY_MAX, "\"%s\" is no %s; did you mean \"%s\"?",
		    word, key->name, near.best);
	else
		snprintf(why, WHY_MAX, "\"%s\" is no %s; there are: %s", word,
		    key->name, all);
	return false;
}

static bool
set_choice(const struct conf_key *key, void *target, struct span text,
    char why[WHY_MAX])
{
	const struct conf_choice *c;
	char all[WHY_MAX / 2];

	for (c = key->choices; c->name != NULL; c++) {
		if (!span_equal(span_str(c->name), text))
			continue;
		if (c->is_built) {
			schema_store(key, target, c->value);
			return true;
		}
		list_choices(key->choices, all, sizeof(all));
		snprintf(why, WHY_MAX, "the %s \"%s\" is not built yet; "
		    "there are: %s", key->name, c->name, all);
		return false;
	}
	return refuse_choice(key, text, why);
}

static bool
set_string(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX])
{
	if (text.len == 0) {
		snprintf(why, WHY_MAX, "\"%s\" cannot be empty", key->name);
		return false;
	}
	if (key->word != NULL && span_equal(span_str(key->word), text))
		store_string(key, target, NULL);
	else
		store_string(key, target, arena_str(arena, text));
	return true;
}

static bool
set_boolean(const struct conf_key *key, void *target, struct span text,
    char why[WHY_MAX])
{
	static const char *const meant[][2] = {
		{ "true", "true" }, { "false", "false" },
		{ "yes", "true" }, { "on", "true" }, { "y", "true" },
		{ "1", "true" }, { "no", "false" }, { "off", "false" },
		{ "n", "false" }, { "0", "false" },
	};
	bool *member = (void *)((char *)target + key->offset);
	char word[QUOTE_MAX];

	*member = span_equal(text, SPAN("true"));
	if (*member || span_equal(text, SPAN("false")))
		return true;
	quote(word, text);
	for (size_t i = 0; i < COUNT_OF(meant); i++) {
		if (!span_equal_nocase(text, span_str(meant[i][0])))
			continue;
		snprintf(why, WHY_MAX, "\"%s\" is no boolean; write %s", word,
		    meant[i][1]);
		return false;
	}
	snprintf(why, WHY_MAX, "\"%s\" is no boolean; write true or false",
	    word);
	return false;
}

const struct value_form *
schema_form(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_INTEGER:
		return &value_integer;
	case CONF_SIZE:
		return &value_size;
	case CONF_RATE:
		return &value_rate;
	case CONF_DURATION:
		return &value_duration;
	case CONF_PERCENTAGE:
		return &value_percentage;
	default:
		return NULL;
	}
}

const char *
schema_noun(const struct conf_key *key)
{
	static const char *const names[] = {
		[CONF_STRING] = "string", [CONF_INTEGER] = "number",
		[CONF_SIZE] = "size", [CONF_RATE] = "rate",
		[CONF_DURATION] = "duration",
		[CONF_PERCENTAGE] = "percentage", [CONF_BOOLEAN] = "boolean",
		[CONF_CHOICE] = "word", [CONF_VALUES] = "list",
		[CONF_BLOCK] = "map", [CONF_LIST] = "list",
		[CONF_MAP] = "map",
	};

	return key->type == CONF_VALUE ? key->form->noun : names[key->type];
}

static bool
set_number(const struct conf_key *key, void *target, struct span text,
    char why[WHY_MAX])
{
	const struct value_form *form = schema_form(key);
	char word[QUOTE_MAX], min[VALUE_MAX], max[VALUE_MAX];
	uint64_t value;

	if (key->word != NULL && span_equal(span_str(key->word), text)) {
		schema_store(key, target, key->word_value);
		return true;
	}
	if (!value_parse(form, text, key->word, &value, why, WHY_MAX))
		return false;
	if (value < key->min || (key->max != 0 && value > key->max)) {
		snprintf(why, WHY_MAX, "\"%s\" is out of range; \"%s\" takes "
		    "%s to %s", quote(word, text), key->name,
		    value_print(form, key->min, min),
		    value_print(form, key->max, max));
		return false;
	}
	schema_store(key, target, value);
	return true;
}

bool
schema_set(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX])
{
	switch (key->type) {
	case CONF_STRING:
		return set_string(key, target, text, arena, why);
	case CONF_BOOLEAN:
		return set_boolean(key, target, text, why);
	case CONF_CHOICE:
		return set_choice(key, target, text, why);
	case CONF_VALUE:
		return key->form->parse((char *)target + key->offset, text,
		    arena, why);
	default:
		return set_number(key, target, text, why);
	}
}

uint64_t
schema_load(const struct conf_key *key, const void *target)
{
	const void *member = (const char *)target + key->offset;

	switch (key->size) {
	case sizeof(bool):
		return *(const bool *)member;
	case sizeof(uint16_t):
		return *(const uint16_t *)member;
	case sizeof(uint32_t):
		return *(const uint32_t *)member;
	default:
		ASSERT(key->size == sizeof(uint64_t));
		return *(const uint64_t *)member;
	}
}

/* The pointer that a list has may be to any type: hence the copy. */
struct conf_list
schema_items(const struct conf_key *key, const void *target)
{
	struct conf_list list;

	memcpy(&list, (const char *)target + key->offset, sizeof(list));
	return list;
}

static const char *
load_string(const struct conf_key *key, const void *target)
{
	return *(const char *const *)(const void *)((const char *)target +
	    key->offset);
}

static bool
has_place(const struct conf_key *key, const void *target)
{
	const struct place *at;

	if (key->place == 0)
		return false;
	at = (const void *)((const char *)target + key->place);
	return at->line != 0;
}

static bool
is_always_there(const struct conf_key *key)
{
	return key->is_required || key->def != NULL;
}

bool
schema_is_word(const struct conf_key *key, const void *target)
{
	return key->word != NULL &&
	    (key->place == 0 || has_place(key, target)) &&
	    schema_load(key, target) == key->word_value;
}

/* What is required is there, and anything at all. */
static bool
is_block_given(const struct conf_key *key, const void *target)
{
	const struct conf_key *k;
	bool is_any = false;

	if (schema_is_word(key, target))
		return true;
	if (key->place != 0)
		return has_place(key, target);
	for (k = key->section->keys; k->name != NULL; k++) {
		if (schema_is_given(k, target))
			is_any = true;
		else if (k->is_required)
			return false;
	}
	return is_any;
}

bool
schema_is_given(const struct conf_key *key, const void *target)
{
	switch (key->type) {
	case CONF_BLOCK:
		return is_block_given(key, target);
	case CONF_VALUES:
	case CONF_LIST:
	case CONF_MAP:
		return schema_items(key, target).n > 0 ||
		    has_place(key, target);
	case CONF_STRING:
		return load_string(key, target) != NULL ||
		    (key->word != NULL && (key->def != NULL ||
		    has_place(key, target)));
	case CONF_VALUE:
		return is_always_there(key) || has_place(key, target);
	default:
		return is_always_there(key) || (key->place != 0 ?
		    has_place(key, target) : schema_load(key, target) != 0);
	}
}

static struct span
get_choice(const struct conf_key *key, uint64_t value)
{
	const struct conf_choice *c;

	for (c = key->choices; c->name != NULL; c++)
		if (c->value == value)
			return span_str(c->name);
	ASSERT(false);
	return SPAN("");
}

static struct span
get_number(const struct conf_key *key, uint64_t value, struct arena *arena)
{
	char text[VALUE_MAX];

	if (key->word != NULL && value == key->word_value)
		return span_str(key->word);
	return span_str(arena_str(arena, span_str(value_print(
	    schema_form(key), value, text))));
}

struct span
schema_get(const struct conf_key *key, const void *target,
    struct arena *arena)
{
	const char *text;

	if (!schema_is_given(key, target))
		return span_of(NULL, 0);
	switch (key->type) {
	case CONF_STRING:
		text = load_string(key, target);
		return span_str(text != NULL ? text : key->word);
	case CONF_VALUE:
		return key->form->print((const char *)target + key->offset,
		    arena);
	case CONF_BOOLEAN:
		return schema_load(key, target) ? SPAN("true") : SPAN("false");
	case CONF_CHOICE:
		return get_choice(key, schema_load(key, target));
	default:
		return get_number(key, schema_load(key, target), arena);
	}
}
