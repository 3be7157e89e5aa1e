/* src/conf/yaml.c -- a YAML file as a tree with marks */
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/syntax.h"
#include "conf/text.h"

/* How reading goes on behind a step. */
enum step {
	STEP_OK,
	STEP_END,	/* the end of the list or map */
	STEP_STOP,	/* reported; nothing more can be read */
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;	/* the current one */
	struct span text;
	struct arena *arena;
	struct diagnostics *d;
	size_t n_nodes;
	unsigned depth;
};

static enum step read_node(struct reader *r, struct node **out);

/*
 * libyaml counts lines and columns from 0. What spans lines is underlined to
 * the end of its first.
 */
static struct place
place_of(const yaml_event_t *e)
{
	const yaml_mark_t *a = &e->start_mark, *b = &e->end_mark;
	uint32_t width = 0;

	if (a->line == b->line)
		width = b->column > a->column ?
		    (uint32_t)(b->column - a->column) : 1;
	return (struct place){ (uint32_t)a->line + 1, (uint32_t)a->column + 1,
	    width };
}

static enum step
next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event) != 0)
		return STEP_OK;
	syntax_explain(&r->parser, r->text, r->d);
	return STEP_STOP;
}

/* Limits on the whole file: what is behind them is not looked at. */
static enum step
check_limits(struct reader *r)
{
	struct place at = place_of(&r->event);

	at.width = 1;
	if (r->depth > YAML_DEPTH_MOST) {
		diag_forget(r->d);
		diag_error(r->d, at, "lists and maps are nested deeper than "
		    "%d levels", YAML_DEPTH_MOST);
		return STEP_STOP;
	}
	if (++r->n_nodes > YAML_NODES_MOST) {
		diag_forget(r->d);
		diag_error(r->d, at, "the file has more than %d values",
		    YAML_NODES_MOST);
		return STEP_STOP;
	}
	return STEP_OK;
}

static struct node *
node_new(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_new_of(r->arena, struct node);

	n->kind = kind;
	n->at = place_of(&r->event);
	return n;
}

/* The tags that YAML 1.2's core schema has; the reader types by keys. */
static bool
is_core_tag(const char *name)
{
	static const char *const core[] = { "str", "int", "bool", "null",
	    "float", "map", "seq" };

	for (size_t i = 0; i < COUNT_OF(core); i++)
		if (strcmp(name, core[i]) == 0)
			return true;
	return false;
}

static void
check_tag(struct reader *r, const yaml_char_t *full, struct node *n)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *tag = (const char *)full, *shorthand = "";
	char word[QUOTE_MAX];

	if (tag == NULL)
		return;
	if (strncmp(tag, prefix, sizeof(prefix) - 1) == 0) {
		tag += sizeof(prefix) - 1;
		shorthand = "!!";
		if (is_core_tag(tag))
			return;
	}
	diag_error(r->d, n->at, "the tag \"%s%s\" means nothing here; leave "
	    "it out", shorthand, quote(word, span_str(tag)));
	n->kind = NODE_BROKEN;
}

static enum step
read_scalar(struct reader *r, struct node **out)
{
	struct node *n = *out = node_new(r, NODE_SCALAR);
	size_t len = r->event.data.scalar.length;

	if (len > YAML_SCALAR_MOST) {
		diag_error(r->d, n->at, "a value of %zu bytes is too long; at "
		    "most %u are read", len, YAML_SCALAR_MOST);
		n->kind = NODE_BROKEN;
		return STEP_OK;
	}
	n->text.ptr = arena_str(r->arena, span_of(
	    (const char *)r->event.data.scalar.value, len));
	n->text.len = len;
	n->is_plain = r->event.data.scalar.plain_implicit;
	if (memchr(n->text.ptr, '\0', len) != NULL) {
		diag_error(r->d, n->at, "a value cannot hold the character "
		    "\\0");
		n->kind = NODE_BROKEN;
	}
	check_tag(r, r->event.data.scalar.tag, n);
	return STEP_OK;
}

static enum step
read_list(struct reader *r, struct node **out)
{
	struct node *n = *out = node_new(r, NODE_LIST);
	struct node **tail = &n->first;
	enum step step;

	n->at.width = 1;
	check_tag(r, r->event.data.sequence_start.tag, n);
	while ((step = next_event(r)) == STEP_OK &&
	    (step = read_node(r, tail)) == STEP_OK)
		tail = &(*tail)->next;
	return step == STEP_END ? STEP_OK : step;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct node *k = *(struct node *const *)a;
	const struct node *l = *(struct node *const *)b;
	size_t len = k->text.len < l->text.len ? k->text.len : l->text.len;
	int order = len == 0 ? 0 : memcmp(k->text.ptr, l->text.ptr, len);

	if (order != 0)
		return order;
	if (k->text.len != l->text.len)
		return k->text.len < l->text.len ? -1 : 1;
	if (k->at.line != l->at.line)
		return k->at.line < l->at.line ? -1 : 1;
	return k->at.column < l->at.column ? -1 : 1;
}

static void
report_duplicate(struct reader *r, struct node *first, struct node *again)
{
	char word[QUOTE_MAX];
	struct diagnostic *e;

	e = diag_error(r->d, again->at, "the key \"%s\" is given twice",
	    quote(word, again->text));
	diag_note(e, "the first is in line %u, column %u", first->at.line,
	    first->at.column);
	again->kind = NODE_BROKEN;
}

/* By sorting: a map may have hundreds of thousands of keys. */
static void
check_duplicates(struct reader *r, struct node *map, size_t n)
{
	struct node **keys, *k = map->first;
	size_t first = 0;

	if (n < 2)
		return;
	keys = xcalloc(n, sizeof(struct node *));
	for (size_t i = 0; i < n; i++, k = k->next)
		keys[i] = k;
	qsort(keys, n, sizeof(struct node *), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (!span_equal(keys[i]->text, keys[first]->text))
			first = i;
		else if (keys[i]->kind == NODE_SCALAR &&
		    keys[first]->kind == NODE_SCALAR)
			report_duplicate(r, keys[first], keys[i]);
	}
	free(keys);
}

static void
check_key(struct reader *r, struct node *key)
{
	if (key->kind == NODE_LIST || key->kind == NODE_MAP) {
		diag_error(r->d, key->at, "a key must be a word, not a %s; "
		    "put text with brackets or braces in quotes",
		    key->kind == NODE_LIST ? "list" : "map");
		key->kind = NODE_BROKEN;
	} else if (key->kind == NODE_SCALAR && key->is_plain &&
	    span_equal(key->text, SPAN("<<"))) {
		diag_error(r->d, key->at, "the merge key \"<<\" is no part of "
		    "YAML 1.2; write the keys out");
		key->kind = NODE_BROKEN;
	}
}

static enum step
read_map(struct reader *r, struct node **out)
{
	struct node *n = *out = node_new(r, NODE_MAP);
	struct node **tail = &n->first;
	size_t n_keys = 0;
	enum step step;

	n->at.width = 1;
	check_tag(r, r->event.data.mapping_start.tag, n);
	while ((step = next_event(r)) == STEP_OK &&
	    (step = read_node(r, tail)) == STEP_OK) {
		check_key(r, *tail);
		if (next_event(r) == STEP_STOP ||
		    read_node(r, &(*tail)->value) == STEP_STOP)
			return STEP_STOP;
		tail = &(*tail)->next;
		n_keys++;
	}
	if (step == STEP_STOP)
		return STEP_STOP;
	check_duplicates(r, n, n_keys);
	return STEP_OK;
}

static enum step
read_alias(struct reader *r, struct node **out)
{
	char word[QUOTE_MAX];

	*out = node_new(r, NODE_BROKEN);
	quote(word, span_str((const char *)r->event.data.alias.anchor));
	diag_error(r->d, (*out)->at, "the alias \"*%s\": aliases are not built "
	    "yet; write the value out, or put it in quotes", word);
	return STEP_OK;
}

static enum step
read_nested(struct reader *r, struct node **out)
{
	enum step step;

	r->depth++;
	step = check_limits(r);
	if (step == STEP_OK)
		step = r->event.type == YAML_MAPPING_START_EVENT ?
		    read_map(r, out) : read_list(r, out);
	r->depth--;
	return step;
}

/* Makes a node of the current event and of what belongs to it. */
static enum step
read_node(struct reader *r, struct node **out)
{
	switch (r->event.type) {
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return read_nested(r, out);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return STEP_END;
	case YAML_ALIAS_EVENT:
		if (check_limits(r) == STEP_STOP)
			return STEP_STOP;
		return read_alias(r, out);
	default:
		if (check_limits(r) == STEP_STOP)
			return STEP_STOP;
		return read_scalar(r, out);
	}
}

/* The stream's start, the document's start, then its root. */
static enum step
read_root(struct reader *r, struct node **root)
{
	if (next_event(r) == STEP_STOP || next_event(r) == STEP_STOP)
		return STEP_STOP;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return STEP_END;
	if (next_event(r) == STEP_STOP)
		return STEP_STOP;
	return read_node(r, root);
}

/* The document's end, then the stream's. */
static enum step
read_end(struct reader *r)
{
	struct place at;

	if (next_event(r) == STEP_STOP || next_event(r) == STEP_STOP)
		return STEP_STOP;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return STEP_OK;
	at = place_of(&r->event);
	at.width = 3;	/* it begins with "---" */
	diag_error(r->d, at, "a second document begins here; a configuration "
	    "is one document");
	return STEP_OK;
}

static bool
is_utf16(struct span text)
{
	return text.len >= 2 && (memcmp(text.ptr, "\xff\xfe", 2) == 0 ||
	    memcmp(text.ptr, "\xfe\xff", 2) == 0);
}

static bool
is_readable_text(struct span text, struct diagnostics *d)
{
	struct text_bad bad = text_check(text);
	struct place at = { bad.line, bad.column, 1 };

	if (bad.fault == TEXT_GOOD)
		return true;
	if (is_utf16(text))
		diag_error(d, PLACE_FILE, "the file is UTF-16; save it as "
		    "UTF-8");
	else if (bad.fault == TEXT_CONTROL)
		diag_error(d, at, "the control character U+%04X is not "
		    "allowed", bad.code);
	else
		diag_error(d, at, "the byte 0x%02X is no UTF-8; save the file "
		    "as UTF-8", bad.code);
	return false;
}

struct node *
yaml_read(struct span text, struct arena *arena, struct diagnostics *d)
{
	struct reader r = { .text = text, .arena = arena, .d = d };
	struct span body = text_skip_bom(text);
	struct node *root = NULL;
	enum step step;

	if (!is_readable_text(text, d))
		return NULL;
	if (yaml_parser_initialize(&r.parser) == 0) {
		diag_error(d, PLACE_FILE, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)body.ptr, body.len);
	step = read_root(&r, &root);
	if (step == STEP_OK)
		step = read_end(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return step == STEP_OK ? root : NULL;
}

bool
node_is_unset(const struct node *n)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (n->kind != NODE_SCALAR || !n->is_plain)
		return false;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (span_equal(n->text, span_str(words[i])))
			return true;
	return false;
}
