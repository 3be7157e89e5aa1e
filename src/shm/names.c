/* src/shm/names.c -- whose the slots are */
#include "shm/names.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/memory.h"

uint64_t
name_hash(const char *text)
{
	uint64_t hash = hash_bytes(text, strlen(text), 0);

	return hash != 0 ? hash : 1;
}

uint32_t
names_find(const struct names *k, uint32_t n, const char *text,
    size_t text_max, uint64_t hash)
{
	for (uint32_t i = 0; i < n; i++)
		if (k->hash[i] == hash &&
		    strncmp(k->text[i], text, text_max - 1) == 0)
			return i;
	return n;
}

uint32_t
names_spare(struct names *k, uint32_t n)
{
	uint32_t oldest = n;

	while (k->named < n && k->hash[k->named] != 0)
		k->named++;
	if (k->named < n)
		return k->named;
	for (uint32_t i = 0; i < n; i++)
		if (k->released[i] != 0 && (oldest == n ||
		    k->released[i] < k->released[oldest]))
			oldest = i;
	return oldest;
}

void
names_take(struct names *k, uint32_t slot, const char *text, uint64_t hash)
{
	free(k->text[slot]);
	k->text[slot] = xstrdup(text);
	k->hash[slot] = hash;
	k->released[slot] = 0;
}

void
names_release(struct names *k, uint32_t slot)
{
	k->released[slot] = ++k->n_released;
}

void
names_forget(struct names *k, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (k->hash[i] == 0 && k->generation[i] == 0)
			continue;
		free(k->text[i]);
		k->text[i] = NULL;
		k->hash[i] = 0;
		k->released[i] = 0;
		k->generation[i] = 0;
	}
	k->n_released = 0;
	k->named = 0;
}
