/* src/upstream/streak.h -- results of checks in a row, and when the next is */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "upstream/health.h"

struct check_conf;

/*
 * What follows from the checks of one backend (semantics.md (i)): pure, it
 * knows neither clock nor network. Until there is a state one good check is
 * enough for `up`.
 */
struct streak {
	enum health health;
	uint16_t n_good, n_bad;		/* the last ones; one of them is 0 */
	uint32_t down_ms;		/* interval while it stays down */
};

#define CHECK_DOWN_MOST_MS 30000	/* that grows no longer than this */

/* As a former monitor left it: streaks start anew. */
void streak_init(struct streak *s, const struct check_conf *c,
    enum health health);

/* One result more; true: with this one `health` is another. */
bool streak_add(struct streak *s, const struct check_conf *c, bool is_good);

/* From the start of this check to the start of the next one. */
uint32_t streak_interval(const struct streak *s, const struct check_conf *c);

/* `ms` give or take `share` hundredths of one percent; `random`: any number. */
uint32_t spread_interval(uint32_t ms, uint32_t share, uint64_t random);
