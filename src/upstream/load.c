/* src/upstream/load.c -- what backends have in flight, over all workers */
#include "upstream/load.h"

#define TAKE_EVERY_MS	100

struct load_view load_view;

/* A dead worker has nothing in flight, whatever its stripe says for now. */
static bool
may_count(uint32_t process)
{
	uint32_t state = shm_get(&segment_process(process)->state);

	return state != SLOT_FREE && state != SLOT_DEAD;
}

void
load_view_take(void)
{
	load_view.n = 0;
	load_view.next_ms = clock_now_ms + TAKE_EVERY_MS;
	for (uint32_t i = 0; i < SEGMENT_SLOTS; i++)
		if (may_count(i))
			load_view.offsets[load_view.n++] =
			    i * (uint32_t)sizeof(struct stripe);
}

/* Four gauges as one: every word is read whole, and none is ordered to
 * another (shm/stripe.c). */
typedef uint32_t quad
    __attribute__((vector_size(16), aligned(4), may_alias));

/* Two sums at a time: no addition waits for the one before. */
static uint32_t
sum_stripe(const _Atomic uint32_t *at, uint32_t n)
{
	const quad *four = (const void *)at;
	quad even = { 0 }, odd = { 0 };
	uint32_t i = 0, rest = 0;

	for (; i + 8 <= n; i += 8) {
		even += *four++;
		odd += *four++;
	}
	for (; i < n; i++)
		rest += shm_get(at + i);
	even += odd;
	return rest + even[0] + even[1] + even[2] + even[3];
}

uint32_t
load_of_run(const struct run *r)
{
	uint32_t sum = 0;

	for (uint32_t k = 0; k < load_view.n; k++)
		sum += sum_stripe((const void *)(r->gauge +
		    load_view.offsets[k]), r->n);
	return sum;
}
