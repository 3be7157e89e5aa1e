/* src/upstream/upstream.h -- upstreams, their backends and pools */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "core/list.h"
#include "http/stream.h"
#include "http1/client.h"
#include "shm/segment.h"

struct backend;

#define STICKY_LEN 22	/* 128 bits in base64url */

/* What a lease may be (interfaces.md, failures). */
enum lease_kind {
	LEASE_ANY,		/* a pooled one if there is one */
	LEASE_QUIET,		/* the same, looked at first (MSG_PEEK) */
	LEASE_FRESH,
};

/* Gives a stream, pooled or connecting; NULL with errno. */
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
	_Atomic uint64_t *requests, *failures;
	struct address address;		/* len 0: unresolved */
	const char *host;
	const char *name;		/* "host:port", for logs */
	_Atomic uint64_t *failing;	/* in the segment */
	struct upstream *upstream;
	char cookie[STICKY_LEN + 1];	/* what names it to clients */
	const char *set_cookie;		/* the field's value; NULL: not sticky */
};

struct upstream {
	enum strategy_id strategy_id;
	const struct sticky_conf *sticky;	/* NULL: it is not */
	_Atomic uint32_t *has_failures;	/* in the segment */
	const char *name;
	const char *strategy;		/* its word in the configuration */
	struct backend *backends;
	uint32_t n_backends;
	uint32_t retries;		/* attempts beyond the first */
	/* The strategy's table: prefix sums of the weights, and a step
	 * coprime to their sum, near sum / phi (architecture.md, Selection). */
	uint32_t *prefix;
	uint32_t *members;		/* backends by row of `prefix` */
	uint32_t n_rows;
	uint64_t sum, step;
	_Atomic uint64_t *cursor;	/* shared by all workers */
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

/*
 * Chooses for one attempt: not any of the `n_tried` ones. NULL: none left.
 * Only reads but for the shared cursor; the caller counts the exchange.
 */
struct backend *upstream_pick(struct upstream *u,
    struct backend *const *tried, unsigned n_tried);

/*
 * Of a sticky upstream: the backend that a cookie's value names, compared in
 * constant time; NULL: none.
 */
struct backend *upstream_named(struct upstream *u, struct span value);
/* It has an address and is not left out; weight 0 still serves who names it. */
bool backend_can_serve(const struct backend *b);
/* By its slot, for reports. */
bool backend_slot_is_out(uint32_t slot);

/*
 * A stream to the backend, pooled or connecting; counts it in flight until
 * backend_done(). NULL with errno: nothing is counted.
 */
struct http_stream *backend_lease(struct backend *b, enum lease_kind kind,
    bool *is_pooled);
void backend_done(struct backend *b);
/*
 * Charged to the backend: EJECT_FAILURES in a row over all workers, and it is
 * left out for EJECT_MS, unless all are. True: with this one it is.
 */
#define EJECT_FAILURES	5
#define EJECT_MS	10000
bool backend_failed(struct backend *b);
void backend_succeeded(struct backend *b);	/* not a failure: none in a row */
