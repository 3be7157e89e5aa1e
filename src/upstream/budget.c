/* src/upstream/budget.c -- how many tries beyond the first an upstream bears */
#include "upstream/budget.h"

#include "core/clock.h"
#include "upstream/upstream.h"

#define TOKEN		1000u	/* thousandths */
#define TICK_MS		500u	/* 16 bits of it are 9 hours */
#define TICKS_BEHIND	8u	/* that a process's clock may be */

#define SEEN_BITS	24
#define TICK_BITS	16
#define SEEN_MASK	((1u << SEEN_BITS) - 1)
#define TICK_MASK	((1u << TICK_BITS) - 1)
#define TOKENS_MOST	(SEEN_MASK - 1)

/* The word, taken apart. */
struct bucket {
	uint32_t tokens;	/* thousandths */
	uint32_t seen;		/* first tries, the low bits */
	uint32_t tick;		/* TICK_MS each, the low bits */
};

static uint64_t
pack(struct bucket b)
{
	return (uint64_t)(b.tokens + 1) << (SEEN_BITS + TICK_BITS) |
	    (uint64_t)b.seen << TICK_BITS | b.tick;
}

static struct bucket
unpack(uint64_t word)
{
	return (struct bucket){
		.tokens = (uint32_t)(word >> (SEEN_BITS + TICK_BITS)) - 1,
		.seen = (uint32_t)(word >> TICK_BITS) & SEEN_MASK,
		.tick = (uint32_t)word & TICK_MASK,
	};
}

uint64_t
budget_first_word(uint64_t first_tries, uint64_t now_ms)
{
	return pack((struct bucket){
		.tokens = BUDGET_FIRST * TOKEN,
		.seen = (uint32_t)first_tries & SEEN_MASK,
		.tick = (uint32_t)(now_ms / TICK_MS) & TICK_MASK,
	});
}

uint64_t
budget_tokens(uint64_t word)
{
	return word == 0 ? 0 : unpack(word).tokens;
}

/*
 * What is above BUDGET_FIRST fades by M / (M + t) in the time t, M being
 * BUDGET_MEMORY_MS: deposits of r a second settle at r * M, in steps of any
 * length, which is the 10 seconds that the bucket may hold.
 */
static uint64_t
fade(uint64_t tokens, uint64_t ms)
{
	const uint64_t least = BUDGET_FIRST * TOKEN;
	uint64_t left;

	if (tokens <= least)
		return tokens;
	left = tokens * BUDGET_MEMORY_MS / (BUDGET_MEMORY_MS + ms);
	return left < least ? least : left > TOKENS_MOST ? TOKENS_MOST : left;
}

/* Another process's clock may have been read a little later: none then. */
static uint32_t
ticks_since(uint32_t tick, uint64_t now_ms)
{
	uint32_t ticks = ((uint32_t)(now_ms / TICK_MS) - tick) & TICK_MASK;

	return ticks > TICK_MASK - TICKS_BEHIND ? 0 : ticks;
}

static struct bucket
deposit(struct bucket b, uint32_t share, uint64_t first_tries,
    uint64_t now_ms)
{
	uint64_t tries = ((uint32_t)first_tries - b.seen) & SEEN_MASK;
	uint32_t ticks = ticks_since(b.tick, now_ms);

	return (struct bucket){
		.tokens = (uint32_t)fade(b.tokens +
		    tries * share * TOKEN / SHARE_ONE,
		    (uint64_t)ticks * TICK_MS),
		.seen = (uint32_t)first_tries & SEEN_MASK,
		.tick = (b.tick + ticks) & TICK_MASK,
	};
}

bool
budget_spend(uint64_t *word, uint32_t share, uint64_t first_tries,
    uint64_t now_ms)
{
	struct bucket b = unpack(*word == 0 ?
	    budget_first_word(first_tries, now_ms) : *word);

	b = deposit(b, share, first_tries, now_ms);
	if (b.tokens < TOKEN)
		return false;
	b.tokens -= TOKEN;
	*word = pack(b);
	return true;
}

/*
 * The sum is made behind the word that it is compared with: with acquire and
 * release it cannot be below what that word has seen, so it never seems to
 * have gone round.
 */
bool
budget_take(struct upstream *u)
{
	uint64_t word, next;

	if (u->conf->budget == BUDGET_OFF)
		return true;
	word = atomic_load_explicit(u->budget, memory_order_acquire);
	do {
		next = word;
		if (!budget_spend(&next, u->conf->budget,
		    segment_first_requests(u->conf->slot), clock_now_ms))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(u->budget, &word,
	    next, memory_order_acq_rel, memory_order_acquire));
	return true;
}

void
budget_begin(struct upstream *u)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong_explicit(u->budget, &none,
	    budget_first_word(segment_first_requests(u->conf->slot), clock_now_ms),
	    memory_order_acq_rel, memory_order_relaxed);
}
