/* src/conf/yaml.c -- a YAML file as a tree with marks */
#include "conf/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/anchor.h"
#include "conf/syntax.h"
#include "conf/text.h"
#include "core/assert.h"

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
	uint32_t file;
	struct yaml *y;
	struct diagnostics *d;	/* y->d */
	unsigned depth, deepest;
	struct anchors anchors;
	struct span rest;	/* of the text, from character rest_index on */
	size_t rest_index;
};

static enum step read_content(struct reader *r, struct node **out);
static enum step read_node(struct reader *r, struct node **out);

/*
 * libyaml counts lines and columns from 0. What spans lines is underlined to
 * the end of its first.
 */
static struct place
place_here(const struct reader *r)
{
	const yaml_mark_t *a = &r->event.start_mark, *b = &r->event.end_mark;
	uint32_t width = 0;

	if (a->line == b->line)
		width = b->column > a->column ?
		    (uint32_t)(b->column - a->column) : 1;
	return (struct place){ .line = (uint32_t)a->line + 1,
		.column = (uint32_t)a->column + 1, .width = width,
		.file = r->file };
}

static enum step
next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event) != 0)
		return STEP_OK;
	syntax_explain(&r->parser, r->text, r->file, r->d);
	return STEP_STOP;
}

/* What is behind a limit is not looked at. */
static enum step
stop(struct reader *r, const char *format, int most)
{
	struct place at = place_here(r);

	at.width = 1;
	diag_forget(r->d);
	diag_error(r->d, at, format, most);
	return STEP_STOP;
}

static enum step
check_limits(struct reader *r)
{
	if (r->depth > YAML_DEPTH_MOST)
		return stop(r, "lists and maps are nested deeper than %d "
		    "levels", YAML_DEPTH_MOST);
	if (r->deepest < r->depth)
		r->deepest = r->depth;
	if (++r->y->n_nodes > YAML_NODES_MOST)
		return stop(r, "the file has more than %d values",
		    YAML_NODES_MOST);
	return STEP_OK;
}

static struct node *
node_new(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_new_of(r->y->arena, struct node);

	n->kind = kind;
	n->at = place_here(r);
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
	n->text.ptr = arena_str(r->y->arena, span_of(
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
	if (k->at.file != l->at.file)
		return k->at.file < l->at.file ? -1 : 1;
	if (k->at.line != l->at.line)
		return k->at.line < l->at.line ? -1 : 1;
	return k->at.column < l->at.column ? -1 : 1;
}

static void
report_duplicate(struct diagnostics *d, struct node *first,
    struct node *again)
{
	char word[QUOTE_MAX];
	struct diagnostic *e;

	e = diag_error(d, again->at, "the key \"%s\" is given twice",
	    quote(word, again->text));
	diag_note_place(d, e, first->at, "the first is");
	again->kind = NODE_BROKEN;
}

static size_t
count_keys(const struct node *map)
{
	size_t n = 0;

	for (const struct node *k = map->first; k != NULL; k = k->next)
		n++;
	return n;
}

void
yaml_check_duplicates(struct yaml *y, struct node *map)
{
	size_t n = count_keys(map), first = 0;
	struct node **keys, *k = map->first;

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
			report_duplicate(y->d, keys[first], keys[i]);
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

/* A key that an alias stands for is where the alias is. */
static enum step
read_key(struct reader *r, struct node **out)
{
	struct place at = place_here(r);
	bool is_alias = r->event.type == YAML_ALIAS_EVENT;
	enum step step = read_node(r, out);

	if (step != STEP_OK)
		return step;
	if (is_alias)
		(*out)->at = at;
	check_key(r, *out);
	return STEP_OK;
}

static enum step
read_map(struct reader *r, struct node **out)
{
	struct node *n = *out = node_new(r, NODE_MAP);
	struct node **tail = &n->first;
	enum step step;

	n->at.width = 1;
	check_tag(r, r->event.data.mapping_start.tag, n);
	while ((step = next_event(r)) == STEP_OK &&
	    (step = read_key(r, tail)) == STEP_OK) {
		if (next_event(r) == STEP_STOP ||
		    read_node(r, &(*tail)->value) == STEP_STOP)
			return STEP_STOP;
		tail = &(*tail)->next;
	}
	if (step == STEP_STOP)
		return STEP_STOP;
	yaml_check_duplicates(r->y, n);
	return STEP_OK;
}

/* ---- aliases and their anchors */

#define NAMES_MOST	8	/* in a note */
#define NEAR_MOST	100	/* names among which a suggestion is sought */

static void
note_anchors(const struct anchors *a, struct diagnostic *e)
{
	char text[NAMES_MOST * QUOTE_MAX], word[QUOTE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < a->n && i < NAMES_MOST; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s&%s", i > 0 ? ", " : "",
		    quote(word, span_str(a->all[i].name)));
	if (a->n > 0)
		diag_note(e, "the anchors before it are: %s%s", text,
		    a->n > NAMES_MOST ? ", ..." : "");
	diag_note(e, "text that begins with \"*\" has to be in quotes");
}

static void
report_undefined(struct reader *r, struct place at, struct span name)
{
	struct suggestion near = { .word = name };
	const struct anchors *a = &r->anchors;
	char word[QUOTE_MAX], best[QUOTE_MAX];
	struct diagnostic *e;

	for (size_t i = 0; i < a->n && i < NEAR_MOST && diag_wants(r->d, at);
	    i++)
		suggest(&near, a->all[a->n - 1 - i].name);
	quote(word, name);
	if (near.best != NULL)
		e = diag_error(r->d, at, "no anchor \"&%s\" stands before "
		    "this alias; did you mean \"*%s\"?", word,
		    quote(best, span_str(near.best)));
	else
		e = diag_error(r->d, at, "no anchor \"&%s\" stands before "
		    "this alias", word);
	note_anchors(a, e);
}

static void
report_recursion(struct reader *r, struct place at, const struct anchor *a)
{
	char word[QUOTE_MAX];
	struct diagnostic *e;

	e = diag_error(r->d, at, "the alias \"*%s\" stands inside what it "
	    "repeats; write the values out", quote(word, span_str(a->name)));
	diag_note_place(r->d, e, a->at, "its anchor is");
}

/* The limits are checked when it is met, not when it is followed. */
static enum step
take_anchor(struct reader *r, const struct anchor *a, struct node *n)
{
	unsigned deepest = r->depth + a->height;

	if (deepest > YAML_DEPTH_MOST)
		return stop(r, "lists and maps are nested deeper than %d "
		    "levels by this alias", YAML_DEPTH_MOST);
	if (r->deepest < deepest)
		r->deepest = deepest;
	r->y->n_aliased += a->size;
	if (r->y->n_aliased > YAML_ALIASED_MOST)
		return stop(r, "the file has more than %d values that "
		    "aliases stand for", YAML_ALIASED_MOST);
	*n = *a->node;
	n->next = n->value = NULL;
	return STEP_OK;
}

static enum step
read_alias(struct reader *r, struct node **out)
{
	struct node *n = *out = node_new(r, NODE_BROKEN);
	struct span name =
	    span_str((const char *)r->event.data.alias.anchor);
	const struct anchor *a = anchors_find(&r->anchors, name);

	if (a != NULL && a->node != NULL)
		return take_anchor(r, a, n);
	if (a == NULL)
		report_undefined(r, n->at, name);
	else
		report_recursion(r, n->at, a);
	return STEP_OK;
}

/* The text from the start of the current event on. Marks only ascend: what
 * was counted is not counted again. */
static struct span
text_here(struct reader *r)
{
	size_t index = r->event.start_mark.index;

	r->rest = text_skip_chars(r->rest, index - r->rest_index);
	r->rest_index = index;
	return r->rest;
}

/* Bytes of an anchor or a tag and of the blanks behind it. */
static size_t
property_len(struct span s)
{
	size_t len = 0;

	while (len < s.len && strchr(" \t\r\n", s.ptr[len]) == NULL)
		len++;
	while (len < s.len && strchr(" \t", s.ptr[len]) != NULL)
		len++;
	return len;
}

/* Where, in the line of an anchor, what it stands before begins; line 0: in
 * another line. */
static struct place
behind_anchor(struct reader *r, struct place at)
{
	struct span rest = text_here(r);
	size_t len, skipped;

	while (rest.len > 0 && strchr("&!", rest.ptr[0]) != NULL) {
		len = property_len(rest);
		skipped = text_chars(span_of(rest.ptr, len));
		at.column += (uint32_t)skipped;
		if (at.width > skipped)
			at.width -= (uint32_t)skipped;
		rest = span_skip(rest, len);
	}
	if (rest.len == 0 || strchr("#\r\n", rest.ptr[0]) != NULL)
		at.line = 0;
	return at;
}

/* What is wrong with what it stands before is not where the anchor is. */
static void
move_place(struct node *n, struct place behind)
{
	bool is_nested = n->kind == NODE_LIST || n->kind == NODE_MAP;

	if (behind.line != 0)
		n->at = behind;
	else if (is_nested && n->first != NULL)
		n->at = n->first->at;
	if (is_nested)
		n->at.width = 1;
}

static enum step
read_anchored(struct reader *r, const yaml_char_t *name, struct node **out)
{
	char *copy = arena_str(r->y->arena, span_str((const char *)name));
	struct place at = place_here(r), behind = behind_anchor(r, at);
	size_t before = r->y->n_nodes + r->y->n_aliased;
	size_t index = anchors_add(&r->anchors, copy, at);
	unsigned deepest = r->deepest;
	struct anchor *a;
	enum step step;

	if (r->anchors.n > YAML_ANCHORS_MOST)
		return stop(r, "the file has more than %d anchors",
		    YAML_ANCHORS_MOST);
	r->deepest = r->depth;
	step = read_content(r, out);
	if (step != STEP_OK)
		return step;
	move_place(*out, behind);
	a = &r->anchors.all[index];
	a->node = *out;
	a->size = r->y->n_nodes + r->y->n_aliased - before;
	a->height = r->deepest - r->depth;
	if (r->deepest < deepest)
		r->deepest = deepest;
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

static const yaml_char_t *
anchor_here(const struct reader *r)
{
	switch (r->event.type) {
	case YAML_MAPPING_START_EVENT:
		return r->event.data.mapping_start.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return r->event.data.sequence_start.anchor;
	case YAML_SCALAR_EVENT:
		return r->event.data.scalar.anchor;
	default:
		return NULL;
	}
}

/* Makes a node of the current event and of what belongs to it. */
static enum step
read_content(struct reader *r, struct node **out)
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

static enum step
read_node(struct reader *r, struct node **out)
{
	const yaml_char_t *anchor = anchor_here(r);

	return anchor == NULL ? read_content(r, out) :
	    read_anchored(r, anchor, out);
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
	at = place_here(r);
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
check_text(const struct reader *r)
{
	struct text_bad bad = text_check(r->text);
	struct place at = { .line = bad.line, .column = bad.column, .width = 1,
		.file = r->file };
	struct place file = { .column = 1, .file = r->file };

	if (bad.fault == TEXT_GOOD)
		return true;
	diag_forget(r->d);
	if (is_utf16(r->text))
		diag_error(r->d, file, "the file is UTF-16; save it as UTF-8");
	else if (bad.fault == TEXT_CONTROL)
		diag_error(r->d, at, "the control character U+%04X is not "
		    "allowed", bad.code);
	else
		diag_error(r->d, at, "the byte 0x%02X is no UTF-8; save the "
		    "file as UTF-8", bad.code);
	return false;
}

bool
yaml_read(struct yaml *y, struct span text, uint32_t file, struct node **root)
{
	struct span body = text_skip_bom(text);
	struct reader r = { .text = text, .file = file, .y = y, .d = y->d,
		.rest = body };
	enum step step;

	*root = NULL;
	if (!check_text(&r))
		return false;
	ASSERT(yaml_parser_initialize(&r.parser) != 0);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)body.ptr, body.len);
	step = read_root(&r, root);
	if (step == STEP_OK)
		step = read_end(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	anchors_fini(&r.anchors);
	if (step != STEP_OK)
		*root = NULL;
	return step != STEP_STOP;
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
