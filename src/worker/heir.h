/* src/worker/heir.h -- a worker that leaves gives its connections to another */
#pragma once
#include <stddef.h>

struct h1_server_settings;
struct listener_set;
struct proxy;

/*
 * The giver offers each connection that is at rest (http1/server.h), a tunnel
 * with both its ends, through a channel. It holds on to it, still, until the
 * answer: taken, and it closes its duplicate, or refused, and it goes on with
 * it. The heir answers before it reads a byte. So at each moment exactly one of
 * the two may read, and if one of them dies the other one has the connection:
 *   - a channel whose heir is gone gives back what is not answered;
 *   - an heir that finds its giver gone goes on with what that had sent: one
 *     that lives never closes a channel with something unanswered;
 *   - an heir that cannot say its answer drops its duplicate and the channel.
 */

/*
 * The process drains: it gives through these ends, by turns, which are its own
 * from now on, whatever is at rest now or later. Again with other channels:
 * through those. None: there is no heir, what is here ends here. Calls
 * h1_server_drain().
 *
 * When the last heir goes the connections go on here as if there were one, for
 * HEIR_WAIT_MS: another channel may come. Then they end, one by one.
 */
#define HEIR_WAIT_MS	2000
void heir_give_to(const int *channels, size_t n);

/*
 * Goes on with what comes through this end: it becomes its own. Any number of
 * them, one for each process that leaves; also when we are leaving ourselves.
 * `settings`: one for each address of `listeners`; these and `p` outlive it. A
 * connection of an address that is not in the set is refused, and a tunnel to
 * a backend that `p` does not have (NULL: any).
 */
void heir_take_from(int channel, const struct listener_set *listeners,
    const struct h1_server_settings *settings, struct proxy *p);

/* Given and not answered: the process must not end, if it can. */
size_t heir_pending(void);

/*
 * The process ends: before h1_server_close_all(). What is not answered is the
 * heir's if it is there. Idempotent.
 */
void heir_stop(void);
