/* src/conf/dump.c -- the effective configuration as a file that reads alike */
#include "conf/dump.h"

#include <ctype.h>
#include <stdlib.h>

#include "conf/env.h"
#include "conf/internal.h"

struct dump {
	FILE *out;
	struct arena *arena;	/* of what the forms print; ends with us */
	int depth;
	bool is_behind_dash;	/* the next key stands in the item's line */
};

static void print_keys(struct dump *d, const struct conf_section *section,
    const void *target);

/* ---- strings */

/* Words that are no strings to some reader of YAML 1.1 or 1.2. */
static bool
is_taken(struct span s)
{
	static const char *const words[] = { "true", "false", "yes", "no",
		"on", "off", "y", "n", "null" };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (span_equal_nocase(s, span_str(words[i])))
			return true;
	return false;
}

/* A letter or slash, then what starts nothing in YAML. */
static bool
is_plain(struct span s)
{
	if (s.len == 0 || (!isalpha((unsigned char)s.ptr[0]) &&
	    s.ptr[0] != '/'))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\0' ||
		    strchr(LETTER_CHARACTERS "-_./", s.ptr[i]) == NULL)
			return false;
	return !is_taken(s);
}

/* The character at the start of `s`, which the reader has found to be UTF-8. */
static uint32_t
decode(struct span s, size_t *len)
{
	unsigned char c = (unsigned char)s.ptr[0];
	uint32_t code = c < 0x80 ? c : c < 0xe0 ? c & 0x1f : c < 0xf0 ?
	    c & 0x0f : c & 0x07;

	*len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*len > s.len)
		*len = s.len;
	for (size_t i = 1; i < *len; i++)
		code = code << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	return code;
}

/* Controls, line ends of YAML 1.1, and marks that nobody sees. */
static bool
must_be_escaped(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
	    code == 0x2028 || code == 0x2029 || code == 0xfeff ||
	    code == 0xfffe || code == 0xffff;
}

static void
print_quoted(FILE *out, struct span s)
{
	uint32_t code;
	size_t len;

	putc('"', out);
	for (; s.len > 0; s = span_skip(s, len)) {
		code = decode(s, &len);
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (code == '\n')
			fputs("\\n", out);
		else if (code == '\t')
			fputs("\\t", out);
		else if (must_be_escaped(code))
			fprintf(out, code < 0x100 ? "\\x%02x" : "\\u%04x",
			    code);
		else
			fwrite(s.ptr, 1, len, out);
	}
	putc('"', out);
}

static void
print_string(FILE *out, struct span s)
{
	if (is_plain(s))
		fwrite(s.ptr, 1, s.len, out);
	else
		print_quoted(out, s);
}

/* ---- values */

/* As a file has it; texts with variables are kept as they were written. */
static struct span
escape(const struct dump *d, const struct conf_key *key, struct span s)
{
	return key->form != NULL && key->form->expands ? s :
	    env_escape(s, d->arena);
}

/* Numbers and words mean what they should without quotes. */
static void
print_scalar(const struct dump *d, const struct conf_key *key,
    const void *target)
{
	struct span text = schema_get(key, target, d->arena);
	bool is_word = key->word != NULL &&
	    span_equal(text, span_str(key->word));

	if (!is_word && (key->type == CONF_STRING || key->type == CONF_VALUE))
		print_string(d->out, escape(d, key, text));
	else
		fwrite(text.ptr, 1, text.len, d->out);
}

static void
print_values(const struct dump *d, const struct conf_key *key,
    const void *target)
{
	struct conf_list list = schema_items(key, target);
	const char *at = list.items;

	if (list.n == 0 && key->word != NULL) {
		fputs(key->word, d->out);
		return;
	}
	putc('[', d->out);
	for (size_t i = 0; i < list.n; i++, at += key->form->size) {
		if (i > 0)
			fputs(", ", d->out);
		print_string(d->out, escape(d, key,
		    key->form->print(at, d->arena)));
	}
	putc(']', d->out);
}

/* ---- sections */

static void
start_line(struct dump *d)
{
	if (!d->is_behind_dash)
		fprintf(d->out, "%*s", 2 * d->depth, "");
	d->is_behind_dash = false;
}

static bool
is_empty(const struct conf_section *section, const void *target)
{
	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		if (schema_is_given(k, target))
			return false;
	return true;
}

static void
print_items(struct dump *d, const struct conf_key *key, const void *target)
{
	struct conf_list list = schema_items(key, target);
	const char *at = list.items;

	for (size_t i = 0; i < list.n; i++, at += key->section->size) {
		start_line(d);
		if (is_empty(key->section, at)) {
			fputs("- {}\n", d->out);
			continue;
		}
		fputs("- ", d->out);
		d->is_behind_dash = true;
		d->depth++;
		print_keys(d, key->section, at);
		d->depth--;
	}
}

/* The key that a single value stands for, if only that one is given. */
static const struct conf_key *
find_alone(const struct conf_section *section, const void *target)
{
	const struct conf_key *k, *alone = NULL;

	if (section->alone == NULL)
		return NULL;
	for (k = section->keys; k->name != NULL; k++)
		if (schema_is_given(k, target)) {
			if (strcmp(k->name, section->alone) != 0)
				return NULL;
			alone = k;
		}
	return alone;
}

static void
print_item_of_map(struct dump *d, const struct conf_section *section,
    const void *target)
{
	const struct conf_key *alone = find_alone(section, target);

	if (alone != NULL || is_empty(section, target)) {
		putc(' ', d->out);
		if (alone != NULL)
			print_scalar(d, alone, target);
		else
			fputs("{}", d->out);
		putc('\n', d->out);
		return;
	}
	putc('\n', d->out);
	d->depth++;
	print_keys(d, section, target);
	d->depth--;
}

/* How an item of the list is called; NULL: it has no name. */
static const char *
name_of(const struct conf_key *key, const void *item)
{
	const struct conf_key *k;

	if (key->type == CONF_MAP)
		return ((const struct conf_named *)item)->name;
	k = schema_find(key->section, SPAN("name"));
	if (k == NULL || k->type != CONF_STRING || !schema_is_given(k, item))
		return NULL;
	return schema_get(k, item, NULL).ptr;
}

static void
print_map(struct dump *d, const struct conf_key *key, const void *target)
{
	struct conf_list list = schema_items(key, target);
	const char *at = list.items;

	for (size_t i = 0; i < list.n; i++, at += key->section->size) {
		start_line(d);
		print_string(d->out, span_str(name_of(key, at)));
		putc(':', d->out);
		print_item_of_map(d, key->section, at);
	}
}

/* What takes lines of its own, below the key. */
static bool
is_nested(const struct conf_key *key, const void *target)
{
	if (key->type == CONF_BLOCK)
		return !schema_is_word(key, target) &&
		    find_alone(key->section, target) == NULL &&
		    !is_empty(key->section, target);
	return (key->type == CONF_LIST || key->type == CONF_MAP) &&
	    schema_items(key, target).n > 0;
}

static void
print_nested(struct dump *d, const struct conf_key *key, const void *target)
{
	if (key->type == CONF_LIST)
		print_items(d, key, target);
	else if (key->type == CONF_MAP)
		print_map(d, key, target);
	else
		print_keys(d, key->section, target);
}

static void
print_in_line(const struct dump *d, const struct conf_key *key,
    const void *target)
{
	const struct conf_key *alone;

	switch (key->type) {
	case CONF_BLOCK:
		alone = find_alone(key->section, target);
		if (alone != NULL && !schema_is_word(key, target))
			print_scalar(d, alone, target);
		else
			fputs(schema_is_word(key, target) ? key->word : "{}",
			    d->out);
		break;
	case CONF_LIST:
		fputs("[]", d->out);
		break;
	case CONF_MAP:
		fputs("{}", d->out);
		break;
	case CONF_VALUES:
		print_values(d, key, target);
		break;
	default:
		print_scalar(d, key, target);
	}
	putc('\n', d->out);
}

static void
print_key(struct dump *d, const struct conf_key *key, const void *target)
{
	start_line(d);
	fprintf(d->out, "%s:", key->name);
	if (!is_nested(key, target)) {
		putc(' ', d->out);
		print_in_line(d, key, target);
		return;
	}
	putc('\n', d->out);
	d->depth++;
	print_nested(d, key, target);
	d->depth--;
}

static void
print_keys(struct dump *d, const struct conf_section *section,
    const void *target)
{
	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		if (schema_is_given(k, target))
			print_key(d, k, target);
}

void
conf_dump(const struct conf *conf, FILE *out)
{
	struct dump d = { .out = out, .arena = arena_new(16u << 10) };

	fputs("# fairlead " FAIRLEAD_VERSION ": the effective configuration\n",
	    out);
	print_keys(&d, &conf_root, conf->written);
	arena_free(&d.arena);
}

/* ---- one key */

/* Where a path has led: to a key, or to an item of a list or map. */
struct spot {
	const struct conf_section *section;	/* of `target` */
	const void *target;
	const struct conf_key *key;	/* NULL: all of the section */
};

/* The name at the start of the path, if it ends there or at a dot. */
static bool
skip_name(struct span *path, struct span name)
{
	if (path->len < name.len || (name.len > 0 &&
	    memcmp(path->ptr, name.ptr, name.len) != 0))
		return false;
	if (path->len > name.len && path->ptr[name.len] != '.')
		return false;
	*path = span_skip(*path, name.len + (path->len > name.len));
	return true;
}

/* The item that the path begins with, by its longest name, for names may
 * hold dots; else by its place in the list, from 0. */
static const void *
find_item(const struct conf_key *key, const void *target, struct span *path)
{
	struct conf_list list = schema_items(key, target);
	const char *at = list.items, *found = NULL;
	struct span rest, best = *path;
	char index[24];

	for (size_t i = 0; i < list.n; i++, at += key->section->size) {
		const char *name = name_of(key, at);

		rest = *path;
		if (name != NULL && skip_name(&rest, span_str(name)) &&
		    (found == NULL || rest.len < best.len)) {
			found = at;
			best = rest;
		}
		rest = *path;
		snprintf(index, sizeof(index), "%zu", i);
		if (found == NULL && key->type == CONF_LIST &&
		    skip_name(&rest, span_str(index))) {
			found = at;
			best = rest;
		}
	}
	*path = best;
	return found;
}

/* Everything that could stand where the path is wrong. */
static void
suggest_all(struct suggestion *near, const struct spot *spot)
{
	struct conf_list list;
	const struct conf_key *k = spot->key;
	const char *at, *name;

	if (k == NULL) {
		for (k = spot->section->keys; k->name != NULL; k++)
			suggest(near, k->name);
		return;
	}
	if (k->type != CONF_LIST && k->type != CONF_MAP)
		return;
	list = schema_items(k, spot->target);
	at = list.items;
	for (size_t i = 0; i < list.n; i++, at += k->section->size)
		if ((name = name_of(k, at)) != NULL)
			suggest(near, name);
}

static bool
refuse(const struct spot *spot, struct span path, struct span rest,
    char why[WHY_MAX])
{
	size_t done = path.len - rest.len;
	const char *dot = memchr(rest.ptr, '.', rest.len);
	size_t wrong = dot != NULL ? (size_t)(dot - rest.ptr) : rest.len;
	struct suggestion near = { .word = span_of(rest.ptr, wrong) };
	char word[QUOTE_MAX], before[QUOTE_MAX];

	suggest_all(&near, spot);
	quote(word, path);
	if (near.best == NULL)
		snprintf(why, WHY_MAX, "there is no \"%s\"", word);
	else
		snprintf(why, WHY_MAX, "there is no \"%s\"; did you mean "
		    "\"%s%s%.*s\"?", word, quote(before,
		    span_of(path.ptr, done)), near.best,
		    SPAN_ARG(span_skip(rest, wrong)));
	return false;
}

/* One step of the path down; false: there is nothing like that. */
static bool
step_down(struct spot *s, struct span *rest)
{
	const struct conf_key *k = s->key;
	const void *item;

	if (k == NULL || k->type == CONF_BLOCK) {
		const struct conf_section *in = k == NULL ? s->section :
		    k->section;

		s->section = in;
		s->key = NULL;
		for (k = in->keys; k->name != NULL; k++)
			if (skip_name(rest, span_str(k->name))) {
				s->key = k;
				return true;
			}
		return false;
	}
	if (k->type != CONF_LIST && k->type != CONF_MAP)
		return false;
	item = find_item(k, s->target, rest);
	if (item == NULL)
		return false;
	*s = (struct spot){ k->section, item, NULL };
	return true;
}

/* A single value as it is, for scripts; the rest as YAML. */
static void
print_spot(struct dump *d, const struct spot *s)
{
	struct span text;

	if (s->key == NULL) {
		print_keys(d, s->section, s->target);
	} else if (!schema_is_given(s->key, s->target)) {
		fputs("null\n", d->out);
	} else if (is_nested(s->key, s->target)) {
		print_nested(d, s->key, s->target);
	} else if (s->key->section != NULL || s->key->type == CONF_VALUES) {
		print_in_line(d, s->key, s->target);
	} else {
		text = schema_get(s->key, s->target, d->arena);
		fwrite(text.ptr, 1, text.len, d->out);
		putc('\n', d->out);
	}
}

bool
conf_show(const struct conf *conf, const char *path, FILE *out,
    char why[CONF_WHY_MAX])
{
	struct dump d = { .out = out };
	struct spot spot = { &conf_root, conf->written, NULL };
	struct span rest = span_str(path);

	do {
		if (!step_down(&spot, &rest))
			return refuse(&spot, span_str(path), rest, why);
	} while (rest.len > 0);
	d.arena = arena_new(4u << 10);
	print_spot(&d, &spot);
	arena_free(&d.arena);
	return true;
}
