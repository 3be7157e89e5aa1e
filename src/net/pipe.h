/* src/net/pipe.h -- pipes for splice(2), one small pool for the process */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes on their way from one socket to another that never come up to us
 * (performance.md 4). A pipe is somebody's only while bytes are in it; it is
 * known by a number, which is small enough to stand anywhere.
 */
#define PIPES_MAX	32
/* An unprivileged user gets 64 MiB of pipes in all (pipe(7)). */
#define PIPE_SIZE	(256u << 10)

struct pipe {
	int in, out;		/* descriptors: to write to, to read from */
	uint32_t len;		/* bytes in it */
	uint8_t next;		/* of the idle ones */
};

/* An empty one; 0: there are enough, or none can be had. */
uint8_t pipe_take(void);
struct pipe *pipe_at(uint8_t number);
/* What is still in it is lost. Clears *number; 0 in it is fine. */
void pipe_give(uint8_t *number);
size_t pipes_in_use(void);
