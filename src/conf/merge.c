/* src/conf/merge.c -- several trees become one */
#include "conf/merge.h"

#include "conf/schema.h"
#include "conf/yaml.h"
#include "core/assert.h"

/* Copies of the nodes of a list, or of the keys of a map. */
static struct node **
append(struct merge *m, struct node **tail, const struct node *from)
{
	for (; from != NULL; from = from->next) {
		*tail = arena_new_of(m->y->arena, struct node);
		**tail = *from;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
	}
	return tail;
}

/* Makes the value of the first key its own, before it grows. */
static void
own(struct merge *m, struct merged *merged)
{
	struct node *value = arena_new_of(m->y->arena, struct node);

	*value = *merged->key->value;
	value->first = NULL;
	merged->tail = append(m, &value->first, merged->key->value->first);
	merged->key->value = value;
}

static bool
can_grow(const struct node *value, const struct node *by)
{
	return value->kind == by->kind &&
	    (value->kind == NODE_LIST || value->kind == NODE_MAP);
}

static void
add_key(struct merge *m, const struct node *key)
{
	const struct conf_key *row = schema_find(&conf_root, key->text);
	struct node **at = m->tail, copy = *key;
	struct merged *merged;

	ASSERT(row == NULL || row - conf_root.keys < MERGE_KEYS_MOST);
	merged = row == NULL || key->kind != NODE_SCALAR ? NULL :
	    &m->of[row - conf_root.keys];
	if (merged != NULL && merged->key != NULL &&
	    can_grow(merged->key->value, key->value)) {
		if (merged->tail == NULL)
			own(m, merged);
		merged->tail = append(m, merged->tail, key->value->first);
		return;
	}
	copy.next = NULL;
	m->tail = append(m, at, &copy);
	if (merged != NULL && merged->key == NULL)
		merged->key = *at;
}

void
merge_add(struct merge *m, const struct node *map)
{
	if (m->root == NULL) {
		m->root = arena_new_of(m->y->arena, struct node);
		*m->root = *map;
		m->root->first = NULL;
		m->tail = &m->root->first;
	}
	for (const struct node *k = map->first; k != NULL; k = k->next)
		add_key(m, k);
}

void
merge_check(struct merge *m)
{
	if (m->root == NULL)
		return;
	yaml_check_duplicates(m->y, m->root);
	for (size_t i = 0; i < MERGE_KEYS_MOST; i++)
		if (m->of[i].tail != NULL &&
		    m->of[i].key->value->kind == NODE_MAP)
			yaml_check_duplicates(m->y, m->of[i].key->value);
}
