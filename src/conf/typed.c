/* src/conf/typed.c -- the tree of a file, typed by the schema */
#include "conf/internal.h"

#include <stdio.h>
#include <string.h>

#include "conf/yaml.h"

struct typed {
	struct arena *arena;
	struct diagnostics *d;
};

static void read_block(const struct typed *t,
    const struct conf_section *section, const struct node *map, void *target);

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

	for (k = in->keys; k->name != NULL; k++) {
		if (k->section != NULL &&
		    schema_find(k->section, name) != NULL)
			return k->section->name;
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

static void
read_scalar(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	char why[WHY_MAX];

	if (value->kind != NODE_SCALAR)
		diag_error(t->d, value->at, "\"%s\" takes a single value, not "
		    "%s", key->name, kind_name(value));
	else if (!schema_set(key, target, value->text, t->arena, why))
		diag_error(t->d, value->at, "%s", why);
	else
		note_place(key, target, value->at);
}

static void
read_item(const struct typed *t, const struct conf_key *key,
    const struct node *item, void *target)
{
	struct place at = item->at;

	if (item->kind == NODE_BROKEN)
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
	*(struct place *)target = at;
	schema_defaults(key->section, target);
	read_block(t, key->section, item, target);
}

static void
read_list(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	struct conf_list *list = (void *)((char *)target + key->offset);
	size_t size = key->section->size;
	const struct node *item;
	char *at;

	if (value->kind != NODE_LIST) {
		diag_error(t->d, value->at, "\"%s\" takes a list, not %s; "
		    "begin each item with \"- \"", key->name,
		    kind_name(value));
		return;
	}
	note_place(key, target, value->at);
	for (item = value->first; item != NULL; item = item->next)
		list->n++;
	list->items = at = arena_alloc(t->arena, list->n * size + 1);
	for (item = value->first; item != NULL; item = item->next, at += size)
		read_item(t, key, item, at);
}

static void
read_value(const struct typed *t, const struct conf_key *key,
    const struct node *value, void *target)
{
	if (value->kind == NODE_BROKEN)
		return;
	switch (key->type) {
	case CONF_BLOCK:
		if (value->kind == NODE_MAP)
			read_block(t, key->section, value, target);
		else
			diag_error(t->d, value->at, "\"%s\" takes a map of "
			    "keys, not %s", key->name, kind_name(value));
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
		if (k->is_required && !has_key(map, k->name))
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
		if (k->kind == NODE_BROKEN)
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
read_typed(struct file_conf *f, const struct node *root,
    struct arena *arena, struct diagnostics *d)
{
	struct typed t = { .arena = arena, .d = d };

	schema_defaults(&conf_root, f);
	if (root == NULL || root->kind == NODE_BROKEN || node_is_unset(root))
		return;
	if (root->kind == NODE_MAP)
		read_block(&t, &conf_root, root, f);
	else
		diag_error(d, root->at, "a configuration is a map of keys, "
		    "not %s", kind_name(root));
}
