/* src/conf/merge.h -- several trees become one */
#pragma once
#include <stdint.h>

struct node;
struct yaml;

#define MERGE_KEYS_MOST	64	/* rows of the top level's table */

/* Start zeroed but for `y`. */
struct merge {
	struct yaml *y;
	struct node *root;	/* NULL: nothing yet */
	struct node **tail;
	struct merged {
		struct node *key;	/* its first; NULL: none */
		struct node **tail;	/* NULL: nothing was added to it */
	} of[MERGE_KEYS_MOST];		/* in the order of the table */
};

/* Adds the keys of a map. The trees stay as they are: what an anchor shares
 * is not changed by what is added to one of its uses. */
void merge_add(struct merge *m, const struct node *map);

/* Reports what is given twice. */
void merge_check(struct merge *m);
