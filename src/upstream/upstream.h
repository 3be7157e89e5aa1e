/* src/upstream/upstream.h -- upstreams, their backends and pools */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "core/list.h"
#include "core/timer.h"
#include "event/loop.h"
#include "http/stream.h"
#include "http1/client.h"
#include "shm/segment.h"
#include "upstream/breaker.h"

struct backend;

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
	uint32_t weight;
	uint32_t slot;			/* in the segment */
	_Atomic uint32_t *in_flight, *idle_gauge;	/* own stripe */
	_Atomic uint32_t *trials, *open;
	_Atomic uint64_t *requests, *failures;
	_Atomic uint64_t *breaker, *window;	/* everybody's */
	const struct backend_conf *conf;
	struct address address;		/* len 0: unresolved */
	const char *host;
	const char *name;		/* "host:port", for logs */
	struct upstream *upstream;
	char cookie[STICKY_LEN + 1];	/* what names it to clients */
	const char *set_cookie;		/* the field's value; NULL: not sticky */
};

struct upstream {
	enum strategy_id strategy_id;
	const struct sticky_conf *sticky;	/* NULL: it is not */
	const struct upstream_conf *conf;
	const char *name;
	const char *strategy;		/* its word in the configuration */
	struct backend *backends;
	uint32_t n_backends;
	uint32_t retries;		/* attempts beyond the first */
	/* The strategy's table over those that may serve: prefix sums of the
	 * weights, and a step coprime to their sum, near sum / phi
	 * (architecture.md, Selection). */
	uint32_t *prefix;
	uint32_t *members;		/* backends by row of `prefix` */
	uint32_t n_rows;
	uint64_t sum, step;
	_Atomic uint64_t *cursor;	/* shared by all workers */
	/* The table is made anew when this word, which all share, is no
	 * longer what it was made for. */
	_Atomic uint32_t *eligibility;
	uint32_t seen;
	bool fails_open;	/* the table has those that are not well, too */
	uint32_t *half_open;	/* backends that serve trials */
	uint32_t n_half_open;
	uint64_t built_ms;
	struct timer rebuild;
	/* queue.h */
	uint32_t process;	/* ours */
	bool has_limits;	/* connections are counted */
	struct list queue;	/* of struct waiter, the oldest first */
	uint32_t n_waiting;
	_Atomic uint32_t *waiting;	/* own stripe */
	struct deferred serve;
	struct timer look;
	uint32_t next_woken;
	uint64_t told_ms, told_requests;
	uint32_t rate;		/* requests a second, about */
	struct h1_client_settings settings;
};

/* As the configuration writes it. */
const char *strategy_word(enum strategy_id id);

/*
 * The upstreams of a configuration as process `process` sees them; a child
 * calls it once behind fork. NULL with errno (the segment is full).
 */
struct upstream *upstreams_new(const struct conf *conf, uint32_t process,
    uint32_t n_workers);
void upstreams_free(struct upstream **u, size_t n);
/* Another worker has woken this one: it waits for connections of ours. */
void upstreams_woken(struct upstream *u, size_t n);

/* What is chosen for. */
struct pick {
	struct backend *const *tried;	/* not any of these */
	unsigned n_tried;
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

/*
 * A stream to the backend, pooled or connecting; counts it in flight until
 * backend_done(). NULL with errno: nothing is counted.
 */
struct http_stream *backend_lease(struct backend *b, enum lease_kind kind,
    bool *is_pooled);
void backend_done(struct backend *b);
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
