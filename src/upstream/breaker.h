/* src/upstream/breaker.h -- when a backend is left out, and how it returns */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

/*
 * The circuit breaker of a backend is one word that all workers share
 * (backend_slot.breaker) and change by compare-and-swap: whoever changes the
 * state has won, and logs it (semantics.md (f)).
 *
 *   closed     serves. `failures` failures of one kind in a row open it, or
 *              a share of `ratio` among at least `requests` in `window`.
 *   open       is left out until at_ms: open_ms, twice as long each time
 *              that it opens again soon, at most open_most_ms.
 *   half open  serves `trials` requests at a time; `successes` of them close
 *              it, one failure opens it again.
 *
 * Failures that we see (connecting, a reset, no answer in time) and such that
 * the backend tells of (502, 503, 504) are counted apart: a backend that
 * answers is not one that cannot be reached.
 */
enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN,
};

enum failure {
	FAILURE_LOCAL,		/* seen from here */
	FAILURE_GATEWAY,	/* the backend's own status */
};

struct breaker {
	enum breaker_state state;
	/* Since when it is closed, 0: from the start, or half open; until
	 * when it is open. CLOCK_MONOTONIC. */
	uint64_t at_ms;
	unsigned trips;		/* how often it opened, less what was forgiven */
	unsigned local, gateway;	/* closed: failures in a row */
	unsigned passed;	/* half open: trials that went well */
};

/* The bits of a word that are 0 while it is closed and nothing fails. */
#define BREAKER_NEWS	0xffffull

struct breaker breaker_unpack(uint64_t word);
uint64_t breaker_pack(const struct breaker *b);

/* Pure: each changes *b as the event asks. True: it has opened or closed. */
bool breaker_fail(struct breaker *b, const struct breaker_conf *conf,
    enum failure kind, bool is_trial, uint64_t now_ms);
bool breaker_pass(struct breaker *b, const struct breaker_conf *conf,
    bool is_trial, uint64_t now_ms);
/* Too large a share of requests has failed. */
bool breaker_trip(struct breaker *b, const struct breaker_conf *conf,
    uint64_t now_ms);
/* Open, and its time is over: it is half open then. */
bool breaker_try(struct breaker *b, uint64_t now_ms);

/*
 * backend_slot.window: what had been counted when the window began, as far as
 * it fits (differences are right up to 4 million requests in a window).
 * Pure: *word becomes a new window when the old one is over, *c what there was
 * since it began. True: `ratio` of at least `requests` failed.
 */
struct counts {
	uint64_t requests, failures;	/* that have ended, ever */
};
bool window_is_over_ratio(uint64_t *word, const struct breaker_conf *conf,
    struct counts *c, uint64_t now_ms);

/* Any process: closes the breaker of this backend, whose checks passed. */
void breaker_reset(uint32_t slot);
