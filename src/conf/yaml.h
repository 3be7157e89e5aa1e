/* src/conf/yaml.h -- a YAML file as a tree with marks */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "core/memory.h"
#include "core/span.h"

/*
 * Nothing is typed here: a scalar is its text, and whether it was written
 * plain. Whoever knows what is wanted decides what it means.
 */
enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP,
	NODE_BROKEN,	/* refused and reported already: say no more of it */
};

struct node {
	enum node_kind kind;
	bool is_plain;		/* a scalar without quotes */
	struct place at;
	struct span text;	/* of a scalar; NUL-terminated */
	struct node *first;	/* of a list its items, of a map its keys */
	struct node *next;	/* sibling, in the order of the file */
	struct node *value;	/* of a key */
};

#define YAML_DEPTH_MOST	32
#define YAML_NODES_MOST	400000
#define YAML_SCALAR_MOST (64u << 10)

/*
 * Reads one document into the arena. NULL when there is none (an empty file)
 * or when it is no YAML; errors are in `d`. A syntax error is the only one
 * then. Duplicate keys, aliases, merge keys, foreign tags and a second
 * document are reported, and the rest of the tree is as if they were not
 * there. Time is linear in the size of the text.
 */
struct node *yaml_read(struct span text, struct arena *arena,
    struct diagnostics *d);

/* Nothing, ~ or null, written plain: the key is as good as absent. */
bool node_is_unset(const struct node *n);
