/* src/upstream/charge.c -- what tries say of their backend */
#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"
#include "upstream/check.h"
#include "upstream/internal.h"

/* The backend of others' tables, too. */
void
upstream_changed(struct upstream *u)
{
	atomic_fetch_add_explicit(u->eligibility, 1, memory_order_release);
}

static COLD void
log_change(const struct backend *b, const struct breaker *now,
    const char *why)
{
	const struct log_context ctx = {
		.upstream = b->upstream->name, .backend = b->name,
	};

	if (now->state == BREAKER_OPEN)
		log_warn(&ctx, "left out for %.1f s after %s",
		    (double)(now->at_ms - clock_now_ms) / 1000, why);
	else
		log_notice(&ctx, "%s", why);
}

/* ---- how many may be left out */

static bool
is_open(const struct backend *b)
{
	uint64_t word = atomic_load_explicit(b->breaker,
	    memory_order_seq_cst);

	return breaker_unpack(word).state == BREAKER_OPEN;
}

/* With the one that has just been opened: one may always. A seat of a name
 * that has no address is no backend. */
static bool
are_too_many_open(const struct upstream *u)
{
	uint64_t n = 0, n_all = 0;

	for (uint32_t i = 0; i < u->n_backends; i++) {
		if (u->backends[i].address.len == 0)
			continue;
		n_all++;
		n += is_open(&u->backends[i]);
	}
	return n > 1 && n * 10000 > n_all * u->conf->breaker.max_ejected;
}

/*
 * Rule 4 of the segment: open, look how many are, undo if they are too many.
 * Of two workers that race one at least sees both. False: undone, the next
 * failure asks again.
 */
static bool
open_or_undo(struct backend *b, uint64_t before, uint64_t opened)
{
	if (!are_too_many_open(b->upstream))
		return true;
	(void)atomic_compare_exchange_strong(b->breaker, &opened, before);
	return false;
}

/* ---- results */

/* This one counts as ended already. */
static struct counts
counts_of(const struct backend *b)
{
	return (struct counts){
		.requests = segment_requests(b->slot) -
		    segment_in_flight(b->slot) + 1,
		.failures = segment_failures(b->slot),
	};
}

static bool
is_over_ratio(struct backend *b, struct counts *c)
{
	const struct breaker_conf *conf = &b->upstream->conf->breaker;
	uint64_t word = shm_get(b->window), next;
	bool is_over;

	do {
		*c = counts_of(b);
		next = word;
		is_over = window_is_over_ratio(&next, conf, c, clock_now_ms);
	} while (next != word && !atomic_compare_exchange_weak_explicit(
	    b->window, &word, next, memory_order_relaxed,
	    memory_order_relaxed));
	return is_over;
}

/* *next is the word with this failure; true: it opens. */
static bool
fail(struct backend *b, uint64_t word, enum failure kind, bool is_trial,
    bool is_over, struct breaker *next)
{
	const struct breaker_conf *conf = &b->upstream->conf->breaker;

	*next = breaker_unpack(word);
	return breaker_fail(next, conf, kind, is_trial, clock_now_ms) ||
	    (is_over && breaker_trip(next, conf, clock_now_ms));
}

static COLD void
log_opened(const struct backend *b, const struct breaker *was,
    const struct breaker *now, enum failure kind, struct counts c)
{
	const struct breaker_conf *conf = &b->upstream->conf->breaker;
	unsigned run = 1 + (kind == FAILURE_LOCAL ? was->local : was->gateway);
	char why[100];

	if (was->state == BREAKER_HALF_OPEN)
		(void)snprintf(why, sizeof(why), "a trial that failed");
	else if (conf->failures > 0 && run >= conf->failures)
		(void)snprintf(why, sizeof(why), "%u failures in a row", run);
	else
		(void)snprintf(why, sizeof(why), "%llu failures among %llu "
		    "requests", (unsigned long long)c.failures,
		    (unsigned long long)c.requests);
	log_change(b, now, why);
}

static COLD void
charge_breaker(struct backend *b, enum failure kind, bool is_trial)
{
	struct breaker was, next;
	struct counts c;
	bool is_over = is_over_ratio(b, &c), opens;
	uint64_t word = shm_get(b->breaker), to;

	do {
		opens = fail(b, word, kind, is_trial, is_over, &next);
		to = breaker_pack(&next);
	} while (to != word && !atomic_compare_exchange_weak_explicit(
	    b->breaker, &word, to, memory_order_seq_cst,
	    memory_order_relaxed));
	was = breaker_unpack(word);
	if (!opens || !open_or_undo(b, word, to))
		return;
	log_opened(b, &was, &next, kind, c);
	upstream_changed(b->upstream);
}

/* One in a row may be chance; the checks look before the breaker has to. */
#define SUSPECT_RUN	2

/* Of a failure that the breaker has not counted yet. */
static COLD void
suspect(struct backend *b, enum failure kind)
{
	struct breaker before = breaker_unpack(shm_get(b->breaker));
	unsigned run = 1 + (kind == FAILURE_LOCAL ? before.local :
	    before.gateway);

	if (b->upstream->conf->breaker.is_off || run >= SUSPECT_RUN)
		backend_suspect(b->slot);
}

void
backend_failed(struct backend *b, enum failure kind, bool is_trial)
{
	shm_add(b->failures, 1);
	suspect(b, kind);
	if (!b->upstream->conf->breaker.is_off)
		charge_breaker(b, kind, is_trial);
}

COLD void
backend_passed(struct backend *b, bool is_trial)
{
	const struct breaker_conf *conf = &b->upstream->conf->breaker;
	uint64_t word = shm_get(b->breaker), to;
	struct breaker next;
	bool closes;

	do {
		next = breaker_unpack(word);
		closes = breaker_pass(&next, conf, is_trial, clock_now_ms);
		to = breaker_pack(&next);
	} while (to != word && !atomic_compare_exchange_weak_explicit(
	    b->breaker, &word, to, memory_order_seq_cst,
	    memory_order_relaxed));
	if (!closes)
		return;
	log_change(b, &next, "serves again after trials that went well");
	upstream_changed(b->upstream);
}

/* ---- half open */

/* Those whose time is over may be tried; one worker says so. */
void
upstream_try_again(struct upstream *u)
{
	struct breaker next;
	uint64_t word;

	for (uint32_t i = 0; i < u->n_backends; i++) {
		struct backend *b = &u->backends[i];

		word = shm_get(b->breaker);
		next = breaker_unpack(word);
		if (breaker_try(&next, clock_now_ms) &&
		    atomic_compare_exchange_strong(b->breaker, &word,
		    breaker_pack(&next))) {
			log_change(b, &next, "half open: trying it again");
			upstream_changed(u);
		}
	}
}

bool
backend_claim_trial(struct backend *b)
{
	uint64_t word;

	shm_claim(b->trials, 1);
	if (segment_trials(b->slot) <= b->upstream->conf->breaker.trials) {
		word = atomic_load_explicit(b->breaker, memory_order_seq_cst);
		if (breaker_unpack(word).state == BREAKER_HALF_OPEN)
			return true;
	}
	backend_end_trial(b);
	return false;
}

void
backend_end_trial(struct backend *b)
{
	shm_claim(b->trials, (uint32_t)-1);
}
