/* src/upstream/upstream.h -- upstreams, their backends and pools */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/timer.h"
#include "event/loop.h"
#include "http/stream.h"
#include "http1/client.h"
#include "observe/latency.h"
#include "shm/segment.h"
#include "upstream/breaker.h"
#include "upstream/ewma.h"

struct backend;
struct standing;
struct hashing;
struct scan;
struct strategy;

#define STICKY_LEN 22	/* 128 bits in base64url */

/* What a lease may be (interfaces.md, failures). */
enum lease_kind {
	LEASE_ANY,		/* a pooled one if there is one */
	LEASE_QUIET,		/* the same, looked at first (MSG_PEEK) */
	LEASE_FRESH,
};

/* Gives a stream, pooled or connecting; NULL with errno, EBUSY: it is at its
 * limit of connections (queue.h). */
typedef struct http_stream *lease_function(struct backend *b,
    enum lease_kind kind, bool *is_pooled);

/*
 * A worker's view of one server. Owned by its upstream; lives as long as the
 * worker. The counters are this process's words in the shared segment.
 */
struct backend {
	struct h1_client_owner owner;	/* of its idle connections */
	lease_function *lease;		/* by protocol; tests have their own */
	struct list idle;		/* LIFO: hottest first */
	uint32_t n_idle, max_idle;
	bool is_backup;
	uint32_t weight;
	uint32_t slot;			/* in the segment */
	_Atomic uint32_t *in_flight, *idle_gauge;	/* own stripe */
	_Atomic uint32_t *trials, *open;
	const char *gauge;	/* in_flight in slot 0's stripe (load.h) */
	_Atomic uint32_t *total;	/* own stripe, of all; NULL: unasked */
	_Atomic uint64_t *ewma;		/* own stripe (ewma.h) */
	_Atomic uint32_t *latency;	/* own stripe, by class */
	uint32_t row;			/* of the table; NO_ROW: not in it */
	uint32_t recent, recent_s;	/* choices in this second */
	_Atomic uint64_t *requests, *failures;
	_Atomic uint64_t *breaker, *window;	/* everybody's */
	const struct backend_conf *conf;
	struct address address;		/* len 0: unresolved, for now */
	const char *host;
	char *name;			/* for logs (upstream/address.h) */
	struct upstream *upstream;
	char cookie[STICKY_LEN + 1];	/* what names it to clients */
	char *set_cookie;		/* the field's value; NULL: not sticky */
};

/* Of a table: what picks look at, two to a cache line. */
struct row {
	const char *gauge;	/* the backend's, and its word of times */
	_Atomic uint64_t *ewma;
	uint32_t member;	/* position of the backend */
	uint32_t weight;
	uint32_t threshold, alias;	/* of a draw by weight (strategy.c) */
};

#define NO_ROW	UINT32_MAX

struct upstream {
	enum strategy_id strategy_id;
	const struct sticky_conf *sticky;	/* NULL: it is not */
	const struct upstream_conf *conf;
	const char *name;
	const struct strategy *strategy;
	bool looks_at_request;		/* for a cookie, or for a key */
	struct backend *backends;
	uint32_t n_backends;
	_Atomic uint64_t *budget;	/* in the segment */
	_Atomic uint64_t *first_tries;	/* of this process, in its stripe */
	/* The strategy's table over those that may serve: prefix sums of the
	 * weights, and a step coprime to their sum, near sum / phi
	 * (architecture.md, Selection). */
	uint32_t *prefix;
	struct row *rows;		/* for each of `prefix` */
	uint32_t n_rows;
	uint64_t sum, step;
	struct hashing *hashing;	/* with STRATEGY_HASH */
	struct scan *scan;		/* with STRATEGY_LEAST_CONN, of few */
	uint64_t median, median_until_ms;	/* of what backends take */
	_Atomic uint64_t *cursor;	/* shared by all workers */
	/* The table is made anew when this word, which all share, is no
	 * longer what it was made for. */
	_Atomic uint32_t *eligibility;
	uint32_t seen;
	bool fails_open;	/* the table has those that are not well, too */
	bool needs_care;	/* there are half-open ones, limits, or none */
	struct standing *standings;	/* room for making it */
	uint32_t *half_open;	/* backends that serve trials */
	uint32_t n_half_open;
	uint64_t built_ms;
	struct timer rebuild;
	/* queue.h */
	uint32_t process;	/* ours */
	bool has_limits;	/* connections are counted */
	struct list queue;	/* of struct waiter, the oldest first */
	uint32_t n_waiting;
	bool all_are_choosy;	/* there was room, and none of them took it */
	uint64_t most_open;	/* to those in the table; 0: any number */
	_Atomic uint32_t *waiting, *open, *idle;	/* own stripe */
	struct deferred serve;
	struct timer look;
	uint32_t next_woken;
	uint64_t told_ms, told_requests;
	uint32_t rate;		/* requests a second, about */
	struct h1_client_settings settings;
};

/*
 * The upstreams of a configuration as process `process` sees them; a child
 * calls it once behind fork. NULL with errno (the segment is full).
 */
struct upstream *upstreams_new(const struct conf *conf, uint32_t process,
    uint32_t n_workers);
void upstreams_free(struct upstream **u, size_t n);
/* Another worker has woken this one: it waits for connections of ours. */
void upstreams_woken(struct upstream *u, size_t n);

/* A request comes here for the first time; its other tries do not count. */
static inline void
upstream_count(struct upstream *u)
{
	shm_add(u->first_tries, 1);
}

/* What is chosen for. */
struct pick {
	struct backend *const *tried;	/* not any of these */
	unsigned n_tried;
	bool has_key;		/* of the strategy hash */
	uint64_t key;
	bool is_careful;	/* upstream_pick() sets it (strategy.h) */
	bool is_trial;		/* out: backend_end_trial() it when it ends */
	/* Out, with NULL: there is one, but at its limit of connections. */
	bool is_full;
};
/* Chooses for one attempt. NULL: none is left. The caller counts it. */
struct backend *upstream_pick(struct upstream *u, struct pick *p);

/*
 * Of a sticky upstream: the backend that a cookie's value names, compared in
 * constant time; NULL: none.
 */
struct backend *upstream_named(struct upstream *u, struct span value);
/* May it serve a client that it is named by? Also while it drains. */
bool backend_can_serve(const struct backend *b);
/* It has a connection for it now, or a queue where it may wait for one. */
bool backend_has_place(const struct backend *b);

/*
 * A stream to the backend, pooled or connecting; counts it in flight until
 * backend_done(). NULL with errno: nothing is counted.
 */
struct http_stream *backend_lease(struct backend *b, enum lease_kind kind,
    bool *is_pooled);
void backend_done(struct backend *b);
/*
 * A tunnel to the backend that another process has leased and gives us: in
 * flight, but no new request. NULL of upstream_adopter(): none is that backend,
 * known by its slot and what that is known by (proc/register.h). It is counted
 * by backend_expect(), before the other one hears that it is ours and counts
 * it no more: twice for a moment, but never less than there are. Then either
 * backend_adopt() it, or backend_unexpect() it.
 */
struct backend *upstream_adopter(struct upstream *u, uint32_t slot,
    struct span identity);
void backend_expect(struct backend *b);
void backend_unexpect(struct backend *b);
struct http_stream *backend_adopt(struct backend *b, int fd,
    bool client_has_ended, bool backend_has_ended);
/*
 * What a try says of its backend: charged to it, or not. With `is_trial` it
 * was one of a breaker that is half open. Changes of the breaker are logged.
 */
void backend_failed(struct backend *b, enum failure kind, bool is_trial);
void backend_passed(struct backend *b, bool is_trial);	/* inner */
static inline void
backend_succeeded(struct backend *b, bool is_trial)
{
	/* Closed, and no failures in a row: as nearly always. */
	if (unlikely((shm_get(b->breaker) & BREAKER_NEWS) != 0))
		backend_passed(b, is_trial);
}
void backend_end_trial(struct backend *b);
/*
 * The head of a response, `us` after the lease. What an answer like 404 takes
 * says nothing of others; one like 500 shall not attract more of them.
 */
static inline void
backend_timed(struct backend *b, uint64_t us, unsigned status)
{
	uint64_t word = shm_get(b->ewma), next = word;

	shm_add(&b->latency[latency_class(us)], 1);
	if (likely(status < 400))
		next = ewma_sample(word, us, clock_now_ms);
	else if (status >= 500)
		next = ewma_penalty(word, us, clock_now_ms);
	if (unlikely(next != word))
		shm_set(b->ewma, next);
}
/* A failure without one. */
static inline void
backend_penalize(struct backend *b, uint64_t us)
{
	shm_set(b->ewma, ewma_penalty(shm_get(b->ewma), us, clock_now_ms));
}
