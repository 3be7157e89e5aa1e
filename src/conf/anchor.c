/* src/conf/anchor.c -- the anchors of one YAML document */
#include "conf/anchor.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"

#define SLOTS_FIRST 16	/* a power of two, like all that follow */

void
anchors_fini(struct anchors *a)
{
	free(a->all);
	free(a->slots);
	*a = (struct anchors){ .n = 0 };
}

/* Where the name is, or where it would go; at least one slot is free. */
static uint32_t *
slot_of(const struct anchors *a, struct span name)
{
	size_t i = hash_bytes(name.ptr, name.len, 0);

	for (;; i++) {
		uint32_t *slot = &a->slots[i & (a->n_slots - 1)];

		if (*slot == 0 ||
		    span_equal(span_str(a->all[*slot - 1].name), name))
			return slot;
	}
}

/* At most half of the slots are taken. */
static void
make_room(struct anchors *a)
{
	if (a->n == a->room) {
		a->room = a->room == 0 ? SLOTS_FIRST : a->room * 2;
		a->all = xrealloc(a->all, a->room * sizeof(*a->all));
	}
	if (a->n * 2 < a->n_slots)
		return;
	free(a->slots);
	a->n_slots = a->room * 2;
	a->slots = xcalloc(a->n_slots, sizeof(*a->slots));
	for (size_t i = 0; i < a->n; i++)
		*slot_of(a, span_str(a->all[i].name)) = (uint32_t)i + 1;
}

size_t
anchors_add(struct anchors *a, const char *name, struct place at)
{
	make_room(a);
	a->all[a->n] = (struct anchor){ .name = name, .at = at };
	*slot_of(a, span_str(name)) = (uint32_t)++a->n;
	return a->n - 1;
}

const struct anchor *
anchors_find(const struct anchors *a, struct span name)
{
	uint32_t at = a->n == 0 ? 0 : *slot_of(a, name);

	return at == 0 ? NULL : &a->all[at - 1];
}
