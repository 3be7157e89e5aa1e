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

#define YAML_DEPTH_MOST	32	/* aliases followed, like the next */
#define YAML_NODES_MOST	320000	/* 10,000 routes of 10 keys and more */
#define YAML_ALIASED_MOST 100000	/* nodes that aliases stand for */
#define YAML_ANCHORS_MOST 10000	/* of one file */
#define YAML_SCALAR_MOST (64u << 10)

/* One for all files of a configuration: they share the limits. */
struct yaml {
	struct arena *arena;	/* of the trees */
	struct diagnostics *d;
	size_t n_nodes, n_aliased;
};

/*
 * Reads the document of a file that diag_source() has numbered. False: it is
 * no YAML, or past a limit, which is then the only error that is kept. *root
 * is NULL for an empty file.
 *
 * An alias is a copy of its anchor's node, place included; what is below is
 * shared. Duplicate keys, merge keys, foreign tags, aliases without an anchor
 * or inside it and a second document are reported, and the rest of the tree
 * is as if they were not there. Time is linear in the size of the text.
 */
bool yaml_read(struct yaml *y, struct span text, uint32_t file,
    struct node **root);

/* Reports keys of a map that are there before, and breaks them. By sorting:
 * it may have hundreds of thousands. */
void yaml_check_duplicates(struct yaml *y, struct node *map);

/* Nothing, ~ or null, written plain: the key is as good as absent. */
bool node_is_unset(const struct node *n);
