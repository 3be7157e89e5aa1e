/* src/core/stash.c -- byte queues and blocks from process-wide slabs */
#include "core/stash.h"

#include "core/assert.h"
#include "core/memory.h"

static const uint32_t class_sizes[] = {
	512, 2u << 10, 8u << 10, 32u << 10, 128u << 10, 512u << 10
};
#define CLASSES COUNT_OF(class_sizes)

static struct slab classes[CLASSES];
static bool is_ready;

void
stash_module_init(void)
{
	if (is_ready)
		return;
	is_ready = true;
	for (unsigned i = 0; i < CLASSES; i++)
		slab_init(&classes[i], class_sizes[i], 0);
}

static unsigned
class_for(size_t size)
{
	unsigned class = 0;

	while (class_sizes[class] < size)
		class++;
	return class;
}

void *
block_take(size_t size, unsigned *class)
{
	ASSERT(size <= STASH_MAX);
	*class = class_for(size);
	return slab_take(&classes[*class]);
}

void
block_give(void *block, unsigned class)
{
	slab_give(&classes[class], block);
}

size_t
block_bytes_in_use(void)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		bytes += classes[i].in_use * class_sizes[i];
	return bytes;
}

/* Moves the bytes to the front of their block, or to a larger one. */
static void
make_room(struct stash *s, size_t need)
{
	size_t len = stash_len(s);
	unsigned class;
	char *block;

	if (s->block != NULL && len + need <= s->size) {
		memmove(s->block, s->block + s->begin, len);
	} else {
		block = block_take(len + need, &class);
		if (s->block != NULL) {
			memcpy(block, s->block + s->begin, len);
			block_give(s->block, class_for(s->size));
		}
		s->block = block;
		s->size = class_sizes[class];
	}
	s->begin = 0;
	s->end = (uint32_t)len;
}

char *
stash_room(struct stash *s, size_t len)
{
	if (len > STASH_MAX - stash_len(s))
		return NULL;
	if (s->block == NULL || len > s->size - s->end)
		make_room(s, len);
	return s->block + s->end;
}

void
stash_added(struct stash *s, size_t len)
{
	ASSERT(len <= s->size - s->end);
	s->end += (uint32_t)len;
}

bool
stash_append(struct stash *s, struct span data, size_t most)
{
	size_t len = stash_len(s);

	if (data.len == 0)
		return true;
	if (most > STASH_MAX)
		most = STASH_MAX;
	if (len > most || data.len > most - len)
		return false;
	memcpy(stash_room(s, data.len), data.ptr, data.len);
	stash_added(s, data.len);
	return true;
}

void
stash_drop(struct stash *s, size_t len)
{
	ASSERT(len <= stash_len(s));
	s->begin += (uint32_t)len;
	if (s->begin == s->end)
		stash_clear(s);
}

COLD void
stash_give(struct stash *s)
{
	if (s->block != NULL)
		block_give(s->block, class_for(s->size));
	*s = (struct stash){ 0 };
}
