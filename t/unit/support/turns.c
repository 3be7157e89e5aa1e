/* t/unit/support/turns.c -- running the loop until nothing happens any more */
#include "support/turns.h"

#include "core/base.h"
#include "event/loop.h"

#define TURNS 20	/* what one thing leads to is over by then */

static unsigned turns;
static struct deferred nothing;

static void
on_turn(struct loop *l UNUSED)
{
	if (--turns == 0)
		loop_stop();
}

static void
on_nothing(struct deferred *d)
{
	if (turns > 1)
		loop_defer(d);	/* no turn waits */
}

void
settle(void)
{
	turns = TURNS;
	deferred_init(&nothing, on_nothing);
	loop.on_turn = on_turn;
	loop_defer(&nothing);
	loop_run();
	loop_undefer(&nothing);
}
