/* src/upstream/eject.c -- backends that failed several times in a row */
#include "core/clock.h"
#include "upstream/internal.h"

#define COUNT_BITS	16
#define COUNT_MASK	((1u << COUNT_BITS) - 1)

static uint64_t
until_of(uint64_t word)
{
	return word >> COUNT_BITS;
}

/* One failure more; *is_new: with it the backend is left out. */
static uint64_t
one_more(uint64_t word, bool *is_new)
{
	uint64_t count = word & COUNT_MASK, until = until_of(word);

	if (count < COUNT_MASK)
		count++;
	*is_new = count >= EJECT_FAILURES && until <= clock_now_ms;
	if (*is_new)
		until = clock_now_ms + EJECT_MS;
	return until << COUNT_BITS | count;
}

/*
 * The count stays when the time is over: what fails again at once is out
 * again at once, what succeeds begins anew.
 */
bool
backend_failed(struct backend *b)
{
	uint64_t word = shm_get(b->failing);
	bool is_new;

	shm_add(b->failures, 1);
	atomic_fetch_or_explicit(b->upstream->has_failures, 1,
	    memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(b->failing, &word,
	    one_more(word, &is_new), memory_order_relaxed,
	    memory_order_relaxed))
		;
	return is_new;
}

void
backend_succeeded(struct backend *b)
{
	uint64_t word;

	if (likely(shm_get(b->upstream->has_failures) == 0))
		return;
	word = shm_get(b->failing);
	while ((word & COUNT_MASK) != 0 &&
	    !atomic_compare_exchange_weak_explicit(b->failing, &word,
	    word & ~(uint64_t)COUNT_MASK, memory_order_relaxed,
	    memory_order_relaxed))
		;
}

bool
backend_is_out(const struct backend *b)
{
	return until_of(shm_get(b->failing)) > clock_now_ms;
}

bool
backend_can_serve(const struct backend *b)
{
	return b->address.len > 0 && !backend_is_out(b);
}

bool
backend_slot_is_out(uint32_t slot)
{
	return until_of(shm_get(&segment_backend_slot(slot)->breaker)) >
	    clock_now_ms;
}
