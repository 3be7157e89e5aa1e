/* src/upstream/budget.h -- how many tries beyond the first an upstream bears */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct upstream;

/*
 * semantics.md (f), Budget: a bucket of tokens for each upstream and all
 * workers, in one word of the segment (upstream_slot.budget). Each first try
 * of a request brings a share of a token, each further try takes one; it
 * begins with BUDGET_FIRST. What was not used fades, so that the bucket holds
 * at most the deposits of BUDGET_MEMORY_MS, but never below BUDGET_FIRST.
 * So further tries <= BUDGET_FIRST + share * first tries, always.
 *
 * Nothing is written for a first try but the count in the process's own
 * stripe; the deposits are reckoned from the sum of those counts when a token
 * is asked for.
 */
#define BUDGET_FIRST		3
#define BUDGET_MEMORY_MS	10000

/* A token of u's, if there is one; true without a budget. */
bool budget_take(struct upstream *u);
/* The bucket begins now, unless it has: behind the slot's first use. */
void budget_begin(struct upstream *u);

/*
 * The word: tokens in thousandths, plus 1 (0: it has not begun), and the
 * count of first tries and the time that they are reckoned up to, both cut.
 */
uint64_t budget_first_word(uint64_t first_tries, uint64_t now_ms);
/*
 * One token from *word, into which the deposits since go first; false: there
 * is none, and *word stays. `share` is in hundredths of one percent. More than
 * 2^24 first tries since the last token count as so many fewer.
 */
bool budget_spend(uint64_t *word, uint32_t share, uint64_t first_tries,
    uint64_t now_ms);
uint64_t budget_tokens(uint64_t word);	/* thousandths; for tests */
