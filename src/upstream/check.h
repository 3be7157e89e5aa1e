/* src/upstream/check.h -- active health checks of all backends */
#pragma once
#include <stdint.h>

struct conf;

/*
 * One process checks the backends for all: the monitor, or the only process.
 * What it finds is in backend_slot.health (upstream/health.h) and, of the
 * last check alone, in backend_slot.check; behind each change of state it
 * adds 1 to upstream_slot.eligibility. Another monitor goes on from those
 * words: a backend that was down stays so until `rise` checks are good.
 *
 * The first checks come within CHECK_FIRST_MS of the start, spread over it in
 * random order; from then on a backend is checked `interval` after its last
 * check began, or as streak_interval() has it, give or take `jitter`. What
 * goes wrong on our side (conn_is_local_error) counts neither way.
 */
#define CHECK_FIRST_MS	900

/*
 * Where checks are made. Words of backends without checks go back to 0.
 * check_stop() accepts that nothing was started.
 */
void check_start(const struct conf *conf);
void check_stop(void);
/* It was woken (proc/wake.h): there may be suspects. */
void check_suspects(void);

/*
 * Any process: requests to this backend fail, so it is checked at once, over a
 * new connection; not when it is down anyway, and not more often than every
 * CHECK_SUSPECT_MS.
 */
void backend_suspect(uint32_t slot);
#define CHECK_SUSPECT_MS 250
