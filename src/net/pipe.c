/* src/net/pipe.c -- pipes for splice(2), one small pool for the process */
#include "net/pipe.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/clock.h"
#include "event/loop.h"

#define KEEP_MS 10000	/* those not needed for so long are closed */

static struct {
	struct pipe all[PIPES_MAX + 1];	/* 0 is none */
	uint8_t idle, closed;		/* stacks of them */
	size_t in_use, n_idle;
	size_t spare;			/* always idle since the timer was set */
	struct timer timer;
	bool is_ready;
} pipes;

static uint8_t
pop(uint8_t *stack)
{
	uint8_t number = *stack;

	if (number != 0)
		*stack = pipes.all[number].next;
	return number;
}

static void
push(uint8_t *stack, uint8_t number)
{
	pipes.all[number].next = *stack;
	*stack = number;
}

static void
pipe_close(uint8_t number)
{
	close(pipes.all[number].in);
	close(pipes.all[number].out);
	push(&pipes.closed, number);
}

static void
on_timer(struct timer *t UNUSED)
{
	for (; pipes.spare > 0; pipes.spare--) {
		pipe_close(pop(&pipes.idle));
		pipes.n_idle--;
	}
	pipes.spare = pipes.n_idle;
	if (pipes.n_idle > 0)
		loop_timer_set(&pipes.timer, clock_now_ms + KEEP_MS);
}

static void
module_init(void)
{
	pipes.is_ready = true;
	timer_init(&pipes.timer, on_timer);
	for (unsigned i = PIPES_MAX; i > 0; i--)
		push(&pipes.closed, (uint8_t)i);
}

static uint8_t
pipe_open(void)
{
	struct pipe *p;
	int fds[2];

	if (pipes.closed == 0 || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return 0;
	/* If that is refused there are 64 KiB: slower, and as right. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	p = &pipes.all[pipes.closed];
	p->out = fds[0];
	p->in = fds[1];
	return pop(&pipes.closed);
}

uint8_t
pipe_take(void)
{
	uint8_t number;

	if (unlikely(!pipes.is_ready))
		module_init();
	number = pop(&pipes.idle);
	if (number == 0) {
		number = pipe_open();
	} else if (--pipes.n_idle < pipes.spare) {
		pipes.spare = pipes.n_idle;
	}
	if (number == 0)
		return 0;
	pipes.in_use++;
	pipes.all[number].len = 0;
	return number;
}

struct pipe *
pipe_at(uint8_t number)
{
	ASSERT(number > 0 && number <= PIPES_MAX);
	return &pipes.all[number];
}

void
pipe_give(uint8_t *number)
{
	uint8_t given = *number;

	*number = 0;
	if (given == 0)
		return;
	pipes.in_use--;
	if (pipe_at(given)->len > 0) {
		pipe_close(given);
		return;
	}
	push(&pipes.idle, given);
	pipes.n_idle++;
	if (!timer_is_set(&pipes.timer)) {
		pipes.spare = 0;
		loop_timer_set(&pipes.timer, clock_now_ms + KEEP_MS);
	}
}

size_t
pipes_in_use(void)
{
	return pipes.in_use;
}
