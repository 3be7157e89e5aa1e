/* src/dns/internal.h -- between helper and caller, seen in this folder only */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/address.h"

/*
 * What a helper writes into its pipe: one record for each address of a name,
 * then one that says how the name ended. A record is written whole.
 */
enum answer_kind {
	ANSWER_IPV4 = 1,
	ANSWER_IPV6,
	ANSWER_END,	/* `status`: 0 or getaddrinfo's EAI_ number */
};

#define ANSWER_MAGIC	0x464c444eu
#define ANSWERS_MOST	64	/* addresses of one name; more are left out */

struct answer {
	uint32_t magic;
	uint32_t name;		/* its index */
	int32_t status;
	uint32_t kind;
	uint8_t bytes[16];	/* of the address, the rest zero */
};
_Static_assert(sizeof(struct answer) == 32, "written and read as it is");

/* One name and what is known of it. */
struct name {
	const char *text;
	struct address *found;		/* heap, ANSWERS_MOST; port 0 */
	size_t n_found;
	bool is_done;
	int status;
};

/* Helper `h` of `n_helpers` cares for the names h, h + n_helpers, ... */
#define HELPERS_MOST	8

/* Resolves its names in order and ends the process. */
void helper_run(const struct name *names, size_t n, size_t h,
    size_t n_helpers, int fd) __attribute__((noreturn));

/*
 * Takes an answer of helper `h`. False when it is none that this helper can
 * give: the helper is not to be believed any more.
 */
bool answer_take(const struct answer *a, struct name *names, size_t n,
    size_t h, size_t n_helpers);
