/* src/upstream/probe.h -- one health check: a request, or just a connection */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/stash.h"
#include "core/timer.h"
#include "http/stream.h"
#include "http1/client.h"
#include "net/conn.h"

struct check_conf;
struct verdict;

enum probe_state {
	PROBE_RESTS,
	PROBE_RUNS,
	PROBE_DRAINS,	/* judged; the rest of the response comes */
};

/*
 * Embedded in whoever checks a backend; one probe at a time. A connection over
 * which a whole response came is kept for the next one, and when a backend
 * has closed it meanwhile that is no failure: another one is made.
 */
struct probe {
	const struct check_conf *conf;
	const char *host;		/* of the request */
	void (*on_verdict)(struct probe *p, struct verdict *v);
	struct address to;
	enum probe_state state;
	uint64_t started_ns;
	struct timer timer;
	/* http */
	struct h1_client_owner owner;
	struct h1_client *idle;		/* kept; NULL: none */
	struct http_sink sink;
	struct http_stream *stream;	/* NULL: none under way */
	bool is_reused, is_connected;
	uint16_t status;		/* of a head that was good */
	uint64_t n_seen;		/* bytes of the body */
	struct stash body;
	/* tcp */
	struct conn conn;
};

/* The settings outlive it; probe_timeouts() fills theirs. */
void probe_init(struct probe *p, const struct check_conf *conf,
    const char *host, const struct h1_client_settings *settings,
    void (*on_verdict)(struct probe *p, struct verdict *v));
/* So that none of the client's own timers comes before that of the probe. */
void probe_timeouts(struct h1_client_settings *s, const struct check_conf *c);
/* Ends what runs, without a verdict. */
void probe_fini(struct probe *p);

/*
 * None may run. `is_fresh`: over a connection of its own. The verdict comes
 * once, perhaps before this returns; on_verdict may not start the next one.
 */
void probe_start(struct probe *p, const struct address *to, bool is_fresh);
