/* src/conf/anchor.h -- the anchors of one YAML document */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "core/span.h"

struct node;

struct anchor {
	const char *name;	/* its document's arena owns it */
	struct place at;
	const struct node *node;	/* NULL: its end is not reached yet */
	size_t size;		/* nodes in it, with those of its aliases */
	unsigned height;	/* levels of lists and maps in it */
};

/* Start zeroed. An index stays good, a pointer until the next is added. */
struct anchors {
	struct anchor *all;	/* in the order of the document */
	size_t n, room;
	uint32_t *slots;	/* of a hash table: an index + 1; 0: free */
	size_t n_slots;
};

void anchors_fini(struct anchors *a);

/* Returns the index. One of the same name is hidden from now on. */
size_t anchors_add(struct anchors *a, const char *name, struct place at);

/* The last one of this name; NULL: none. */
const struct anchor *anchors_find(const struct anchors *a, struct span name);
