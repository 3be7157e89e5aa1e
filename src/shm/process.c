/* src/shm/process.c -- process slots, and who has one */
#include <errno.h>

#include "shm/internal.h"

/* The master's: what a slot tells is not asked. */
static bool is_taken[SEGMENT_SLOTS];
static uint32_t seen = SLOTS_AT_FIRST;

struct process_slot *
segment_process(uint32_t process)
{
	ASSERT(process <= SEGMENT_MONITOR);
	return &segment.header->processes[process];
}

void
processes_forget(void)
{
	memset(is_taken, 0, sizeof(is_taken));
	seen = SLOTS_AT_FIRST;
}

static void
take(uint32_t slot)
{
	is_taken[slot] = true;
	if (slot < seen)
		return;
	seen = slot + 1;
	shm_publish(&segment.header->slots_seen, seen);
}

void
processes_adopt(uint32_t slots_seen)
{
	seen = slots_seen > SLOTS_AT_FIRST ? slots_seen : SLOTS_AT_FIRST;
}

uint32_t
processes_seen(void)
{
	return seen;
}

int
segment_take_process(void)
{
	for (uint32_t i = 0; i < SEGMENT_SLOTS; i++)
		if (!is_taken[i]) {
			take(i);
			return (int)i;
		}
	errno = ENOSPC;
	return -1;
}

void
segment_hold_process(uint32_t slot)
{
	ASSERT(slot < SEGMENT_SLOTS && !is_taken[slot]);
	take(slot);
}

void
segment_give_process(uint32_t slot)
{
	ASSERT(slot < SEGMENT_SLOTS && is_taken[slot]);
	is_taken[slot] = false;
	if (segment_has_counts(slot))
		shm_publish(&segment_process(slot)->state, SLOT_GONE);
}
