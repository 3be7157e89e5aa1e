/* src/proc/wake.h -- one process wakes another */
#pragma once
#include <stdint.h>

/*
 * An eventfd for each process slot, made by the master before it forks and
 * inherited by all: a process can be woken by whoever changed something in the
 * segment that it should look at now. What, is told by the segment alone.
 * Slots that nobody has yet have one too: whoever comes to them later can be
 * woken by those that were there before.
 */
#define WAKES_USUAL 64
int wake_open(uint32_t n_slots);	/* master: 0, or -1 with errno */
void wake_close(void);
/* Those of a process before an exec, before wake_open() makes the rest. */
void wake_adopt(uint32_t slot, int fd);
int wake_descriptor(uint32_t slot);	/* -1: none */
/* Of the descriptors, for who closes all others; how many. */
unsigned wake_descriptors(int *fds, unsigned most);

/* In a child: `on_wake` is called from the loop. 0, or -1 with errno. */
int wake_listen(uint32_t slot, void (*on_wake)(void));
void wake_ignore(void);
void wake_process(uint32_t slot);	/* one that is not there: nothing */
