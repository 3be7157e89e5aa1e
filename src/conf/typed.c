/* src/conf/typed.c -- the tree of a file, typed by the schema */
#include "conf/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/env.h"
#include "conf/text.h"
#include "conf/yaml.h"

struct typed {
	struct arena *arena;
	struct diagnostics *d;
	size_t *n_skipped;	/* reported when the tree was made */
};

static void read_block(const struct typed *t,
    const struct conf_section *section, const struct node *map, void *target);
static void read_value(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target);

/* Grows with each thing that is not as it should be. */
static size_t
count_faults(const struct typed *t)
{
	return diag_errors_found(t->d) + *t->n_skipped;
}

/* True: it is known to be wrong, nothing more is to be said. */
static bool
is_broken(const struct typed *t, const struct node *n)
{
	*t->n_skipped += n->kind == NODE_BROKEN;
	return n->kind == NODE_BROKEN;
}

static const char *
kind_name(const struct node *n)
{
	return n->kind == NODE_LIST ? "a list" :
	    n->kind == NODE_MAP ? "a map" : "a single value";
}

/* Where a key that is unknown here would be known. */
static const char *
find_elsewhere(const struct conf_section *in, struct span name)
{
	const struct conf_key *k;
	const char *found;

	for (k = in->keys; k->name != NULL; k++)
		if (k->section != NULL &&
		    schema_find(k->section, name) != NULL)
			return k->section->name;
	for (k = in->keys; k->name != NULL; k++)
		if (k->section != NULL &&
		    (found = find_elsewhere(k->section, name)) != NULL)
			return found;
	return NULL;
}

/* Of a part of the text of `n`, if that is written as it is meant: without
 * escapes, in one line. */
static struct place
place_of_part(const struct node *n, struct span part)
{
	struct place at = n->at;
	size_t quotes = n->is_plain ? 0 : 1;
	size_t before = (size_t)(part.ptr - n->text.ptr);

	if (at.width != text_chars(n->text) + 2 * quotes)
		return at;
	at.column += (uint32_t)(quotes +
	    text_chars(span_of(n->text.ptr, before)));
	at.width = (uint32_t)text_chars(part);
	return at;
}

/*
 * Puts the environment into a single value: *n becomes `copy` then. It is no
 * longer plain: what comes of it is never as good as absent. Texts with
 * variables do that themselves, so that none comes from the environment.
 */
static bool
expand(const struct typed *t, const struct conf_key *key,
    const struct node **n, struct node *copy)
{
	struct span bad;
	char why[WHY_MAX];

	if ((*n)->kind != NODE_SCALAR ||
	    (key->form != NULL && key->form->expands))
		return true;
	*copy = **n;
	if (!env_expand(&copy->text, t->arena, &bad, why)) {
		diag_error(t->d, place_of_part(*n, bad), "%s", why);
		return false;
	}
	if (copy->text.ptr != (*n)->text.ptr) {
		copy->is_plain = false;
		*n = copy;
	}
	return true;
}

/* What spans lines is hidden to the end of its first. */
static void
hide_value(const struct typed *t, const struct node *key)
{
	struct place at = key->value->at;

	if (key->value->kind != NODE_SCALAR)
		at.width = 0;
	diag_hide(t->d, at);
}

/* Of '"limits" of a route' the top level's "limits", if that knows the key. */
static const char *
find_namesake(const struct conf_section *section, struct span name)
{
	const struct conf_section *other;

	for (const struct conf_key *k = conf_root.keys; k->name != NULL; k++) {
		other = k->section;
		if (section->name == NULL || other == NULL ||
		    strncmp(section->name, other->name,
		    strlen(other->name)) != 0 || other == section)
			continue;
		if (schema_find(other, name) != NULL)
			return other->name;
	}
	return NULL;
}

static void
report_unknown(const struct typed *t, const struct conf_section *section,
    const struct node *key)
{
	struct suggestion near = { .word = key->text };
	char word[QUOTE_MAX], place[64] = "", way_out[128] = "";
	const char *elsewhere;

	if (!diag_wants(t->d, key->at)) {
		diag_error(t->d, key->at, "unknown key");
		return;
	}
	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		suggest(&near, k->name);
	if (near.best != NULL && schema_has_secret(span_str(near.best)))
		hide_value(t, key);
	elsewhere = find_namesake(section, key->text);
	if (elsewhere == NULL)
		elsewhere = find_elsewhere(&conf_root, key->text);
	if (section->name != NULL)
		snprintf(place, sizeof(place), " in %s", section->name);
	if (near.best != NULL)
		snprintf(way_out, sizeof(way_out), "; did you mean \"%s\"?",
		    near.best);
	else if (elsewhere != NULL)
		snprintf(way_out, sizeof(way_out), "; it belongs in %s",
		    elsewhere);
	else if (schema_find(&conf_root, key->text) != NULL)
		snprintf(way_out, sizeof(way_out), "; it belongs at the top "
		    "level");
	diag_error(t->d, key->at, "unknown key \"%s\"%s%s",
	    quote(word, key->text), place, way_out);
}

static void
note_place(const struct conf_key *key, void *target, struct place at)
{
	if (key->place != 0)
		*(struct place *)(void *)((char *)target + key->place) = at;
}

/*
 * Where a value is wrong: one character of it, if its form can tell which and
 * the text stands in the file as it is, plain or in quotes.
 */
static struct place
fault_place(const struct conf_key *key, const struct node *value)
{
	struct place at = value->at;
	size_t chars = text_chars(value->text), before;
	struct span text = value->text;

	if (key->form == NULL || key->form->fault == NULL || chars == 0 ||
	    at.width != chars + (value->is_plain ? 0 : 2))
		return at;
	text.len = key->form->fault(text);
	before = text_chars(text) + (value->is_plain ? 0 : 1);
	at.column += (uint32_t)before;
	at.width = 1;
	return at;
}

static void
read_scalar(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	char why[WHY_MAX];

	if (value->kind != NODE_SCALAR)
		diag_error(t->d, value->at, "\"%s\" takes a single value, not "
		    "%s", key->name, kind_name(value));
	else if (!schema_set(key, target, value->text, t->arena, why))
		diag_error(t->d, fault_place(key, value), "%s", why);
	else
		note_place(key, target, value->at);
}

/* One of a list of values; it may stand there alone. */
static void
read_one_value(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *to)
{
	char why[WHY_MAX];

	if (is_broken(t, value))
		return;
	if (value->kind != NODE_SCALAR)
		diag_error(t->d, value->at, "\"%s\" takes single values, not "
		    "%s", key->name, kind_name(value));
	else if (!key->form->parse(to, value->text, t->arena, why))
		diag_error(t->d, fault_place(key, value), "%s", why);
}

static size_t
count_nodes(const struct node *n)
{
	size_t count = 0;

	for (; n != NULL; n = n->next)
		count++;
	return count;
}

/* The pointer that a list has may be to any type: hence the copy. An item of
 * two bytes in the file may take a thousand here, so that there is a bound. */
static char *
list_start(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target, size_t *n, size_t item_size)
{
	struct conf_list list = { .n = *n };

	if (arena_used(t->arena) + *n * item_size > CONF_BYTES_MOST) {
		diag_error(t->d, value->at, "\"%s\" has %zu items, which do "
		    "not fit into a configuration", key->name, *n);
		*n = list.n = 0;
	}
	list.items = arena_alloc(t->arena, *n * item_size + 1);
	memcpy((char *)target + key->offset, &list, sizeof(list));
	return list.items;
}

static void
read_values(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	bool is_list = value->kind == NODE_LIST;
	const struct node *first = is_list ? value->first : value;
	bool is_off = key->word != NULL && value->kind == NODE_SCALAR &&
	    span_equal(value->text, span_str(key->word));
	size_t n = is_off ? 0 : is_list ? count_nodes(first) : 1;
	char *at = list_start(t, key, value, target, &n, key->form->size);
	const struct node *item;
	struct node copy;

	for (; n > 0; n--, first = first->next, at += key->form->size) {
		item = first;
		if (!is_list || expand(t, key, &item, &copy))
			read_one_value(t, key, item, at);
	}
	note_place(key, target, value->at);
}

static void
read_item(const struct typed *t, const struct conf_key *key,
    const struct node *item, void *target)
{
	struct conf_item *as = target;
	size_t faults = count_faults(t);
	struct place at = item->at;

	as->is_bad = true;
	if (is_broken(t, item))
		return;
	if (item->kind != NODE_MAP) {
		diag_error(t->d, at, "%s is a map of keys, not %s; begin it "
		    "with \"%s: \"", key->section->name, kind_name(item),
		    key->section->keys[0].name);
		return;
	}
	if (item->first != NULL && item->first->at.line == at.line &&
	    item->first->at.column == at.column)
		at = item->first->at;
	as->at = at;
	schema_defaults(key->section, target);
	read_block(t, key->section, item, target);
	as->is_bad = count_faults(t) > faults;
}

static void
read_list(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	size_t size = key->section->size, n = count_nodes(value->first);
	const struct node *item = value->first;
	char *at;

	if (value->kind != NODE_LIST) {
		diag_error(t->d, value->at, "\"%s\" takes a list, not %s; "
		    "begin each item with \"- \"", key->name,
		    kind_name(value));
		return;
	}
	note_place(key, target, value->at);
	at = list_start(t, key, value, target, &n, size);
	for (; n > 0; n--, item = item->next, at += size)
		read_item(t, key, item, at);
}

/* Letters, digits, "-", "_" and ".": it stands in logs and metrics. */
static bool
check_map_name(const struct typed *t, const struct conf_key *key,
    const struct node *k)
{
	char word[QUOTE_MAX];

	for (size_t i = 0; i < k->text.len; i++)
		if (!isalnum((unsigned char)k->text.ptr[i]) &&
		    strchr("-_.", k->text.ptr[i]) == NULL)
			goto bad;
	if (k->text.len > 0 && k->text.len <= CONF_NAME_MOST)
		return true;
bad:
	diag_error(t->d, k->at, "\"%s\" is no name for %s; a name has 1 to %d "
	    "letters, digits, \"-\", \"_\" and dots",
	    quote(word, k->text), key->section->name, CONF_NAME_MOST);
	return false;
}

static void
read_map_item(const struct typed *t, const struct conf_key *key,
    const struct node *k, void *target)
{
	struct conf_named *as = target;
	size_t faults = count_faults(t);

	as->at = k->at;
	as->is_bad = true;
	as->name = arena_str(t->arena, k->text);
	schema_defaults(key->section, target);
	if (!check_map_name(t, key, k) || is_broken(t, k->value))
		return;
	if (k->value->kind == NODE_MAP)
		read_block(t, key->section, k->value, target);
	else if (k->value->kind == NODE_SCALAR && key->section->alone != NULL)
		read_value(t, schema_find(key->section,
		    span_str(key->section->alone)), k->value, target);
	else
		diag_error(t->d, k->value->at, "%s is a map of keys, not %s",
		    key->section->name, kind_name(k->value));
	as->is_bad = count_faults(t) > faults;
}

static void
read_map(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	size_t size = key->section->size, n = 0;
	const struct node *k;
	char *at;

	if (value->kind != NODE_MAP) {
		diag_error(t->d, value->at, "\"%s\" takes a map of names, not "
		    "%s", key->name, kind_name(value));
		return;
	}
	note_place(key, target, value->at);
	for (k = value->first; k != NULL; k = k->next)
		n += !is_broken(t, k);
	at = list_start(t, key, value, target, &n, size);
	for (k = value->first; k != NULL && n > 0; k = k->next) {
		if (k->kind == NODE_BROKEN)
			continue;	/* a name that is given twice */
		read_map_item(t, key, k, at);
		at += size;
		n--;
	}
}

static void
read_section(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	note_place(key, target, value->at);
	if (value->kind == NODE_MAP)
		read_block(t, key->section, value, target);
	else if (value->kind == NODE_SCALAR && key->section->alone != NULL)
		read_value(t, schema_find(key->section,
		    span_str(key->section->alone)), value, target);
	else if (key->word == NULL)
		diag_error(t->d, value->at, "\"%s\" takes a map of keys%s, "
		    "not %s", key->name, key->section->alone == NULL ? "" :
		    " or a single value", kind_name(value));
	else if (value->kind == NODE_SCALAR &&
	    span_equal(value->text, span_str(key->word)))
		schema_store(key, target, key->word_value);
	else
		diag_error(t->d, value->at, "\"%s\" takes a map of keys or "
		    "%s, not %s", key->name, key->word, kind_name(value));
}

static void
read_value(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	struct node copy;

	if (is_broken(t, value) || !expand(t, key, &value, &copy))
		return;
	switch (key->type) {
	case CONF_BLOCK:
		read_section(t, key, value, target);
		break;
	case CONF_MAP:
		read_map(t, key, value, target);
		break;
	case CONF_VALUES:
		read_values(t, key, value, target);
		break;
	case CONF_LIST:
		read_list(t, key, value, target);
		break;
	default:
		read_scalar(t, key, value, target);
	}
}

/* A key with nothing behind it is as good as absent. */
static bool
has_key(const struct node *map, const char *name)
{
	const struct node *k;

	for (k = map->first; k != NULL; k = k->next)
		if (span_equal(k->text, span_str(name)))
			return !node_is_unset(k->value);
	return false;
}

static void
check_required(const struct typed *t, const struct conf_section *section,
    const struct node *map)
{
	struct place at = map->at;

	if (map->first != NULL && map->first->at.line == at.line &&
	    map->first->at.column == at.column)
		at = map->first->at;
	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		if ((k->is_required || (k->unless != NULL &&
		    !has_key(map, k->unless))) && !has_key(map, k->name))
			diag_error(t->d, at, "%s needs the key \"%s\"",
			    section->name, k->name);
}

static void
read_block(const struct typed *t, const struct conf_section *section,
    const struct node *map, void *target)
{
	const struct conf_key *key;
	const struct node *k;
	bool is_sound = true;

	for (k = map->first; k != NULL; k = k->next) {
		key = schema_find(section, k->text);
		if (key == NULL || k->kind == NODE_BROKEN)
			is_sound = false;
		if (key != NULL && key->is_secret)
			hide_value(t, k);
		if (is_broken(t, k))
			continue;
		if (key == NULL)
			report_unknown(t, section, k);
		else if (!node_is_unset(k->value))
			read_value(t, key, k->value, target);
	}
	if (is_sound)	/* else a misspelt key would be missed, too */
		check_required(t, section, map);
}

void
read_include(struct file_conf *f, const struct node *value,
    struct arena *arena, struct diagnostics *d)
{
	size_t n_skipped = 0;
	struct typed t = { .arena = arena, .d = d, .n_skipped = &n_skipped };

	if (!node_is_unset(value))
		read_value(&t, schema_find(&conf_root, SPAN("include")), value,
		    f);
}

void
read_typed(struct file_conf *f, const struct node *root,
    struct arena *arena, struct diagnostics *d)
{
	size_t n_skipped = 0;
	struct typed t = { arena, d, &n_skipped };

	if (root == NULL || root->kind == NODE_BROKEN || node_is_unset(root))
		return;
	if (root->kind == NODE_MAP)
		read_block(&t, &conf_root, root, f);
	else
		diag_error(d, root->at, "a configuration is a map of keys, "
		    "not %s", kind_name(root));
}
