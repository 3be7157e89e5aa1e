/* t/unit/support/turns.h -- running the loop until nothing happens any more */
#pragma once

/* Some turns that do not wait; takes loop.on_turn. */
void settle(void);
