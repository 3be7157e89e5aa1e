/* src/http1/server.h -- HTTP/1 connections of clients (RFC 9112) */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "http/stream.h"

/* Read-only, outlives the connections; a listener's or a service's. */
struct h1_server_settings {
	struct http_service *service;
	uint32_t head_bytes;		/* limits.request_head */
	uint32_t field_count;		/* limits.header_count */
	uint64_t body_bytes;		/* limits.request_body; 0: none */
	uint32_t requests;		/* a connection; 0: no limit */
	uint32_t age_ms;		/* of a connection; 0: no limit */
	uint32_t head_timeout_ms, body_timeout_ms;
	uint32_t keep_alive_ms, send_timeout_ms;
	uint32_t tunnel_ms;		/* idle, either way */
	uint32_t min_rate;		/* bytes a second over body_timeout_ms,
					 * either way; 0: any */
	uint16_t port;			/* of the listener */
	uint16_t listener;		/* its index */
	const struct cidrs *trusted;	/* its proxies; NULL: none */
	/* Of the listener, as an heir finds it; NULL: what comes from there
	 * is never handed over. */
	const struct address *address;
};

void h1_server_module_init(void);	/* once per process, idempotent */

/*
 * Takes over an accepted non-blocking descriptor. The connection owns itself:
 * it ends by its peer, its timers or h1_server_close_all().
 */
void h1_server_accept(int fd, const struct address *client,
    const struct h1_server_settings *settings);

size_t h1_server_connections(void);	/* open now */
/*
 * Drain: each connection ends behind the answer to its next request, which says
 * Connection: close, or by its own timers; with a taker (below) only what
 * cannot be handed over does. Nothing is closed by this call: a request may be
 * on its way.
 */
void h1_server_drain(void);
/* Cuts everything. */
void h1_server_close_all(void);
/* Closes up to `n` of the connections idle longest; how many were closed. */
size_t h1_server_close_idle(size_t n);

/*
 * Hand-over to another process (worker/heir.h). A connection is at rest when
 * it waits for a request or is a tunnel, and this process holds nothing of it:
 * no byte was read that is not dealt with, none waits to be sent. While there
 * is a taker each is offered to it when it comes to rest, from the loop.
 */
struct h1_server;
struct h1_server_rest {
	int fd;				/* the connection's own */
	const struct h1_server_settings *settings;
	struct address client;
	uint32_t requests;
	uint64_t end_ms;		/* of its age; UINT64_MAX: none */
	uint64_t deadline_ms;		/* for what it sends next */
	struct http_stream *tunnel;	/* NULL: it is none */
};
enum h1_server_offer {
	/* It has gone on its way. From then on it is still, and counted, until
	 * the taker says what became of it. */
	OFFER_TAKEN,
	OFFER_LATER,	/* not this one, for now */
	OFFER_FULL,	/* nothing, for now */
};
typedef enum h1_server_offer h1_server_taker(struct h1_server *s,
    const struct h1_server_rest *rest);
/* NULL: nobody takes them any more. Whoever comes anew is offered all, also
 * what was refused before. */
void h1_server_offer_to(h1_server_taker *take);
/* Offers all that are at rest, the oldest first. */
void h1_server_offer(void);
/* It is another process's now: forgets it. The connection stays open. A tunnel
 * has been let go of by its sink. */
void h1_server_given(struct h1_server *s);
/* It goes on here. `is_refused`: the taker does not want it, and is not asked
 * again. */
void h1_server_take_back(struct h1_server *s, bool is_refused);
/* The other side: takes over a descriptor with what belongs to it. */
void h1_server_adopt(const struct h1_server_rest *rest);
/* The stream of a tunnel: give it a sink before the loop goes on. *peer is what
 * a service is told when it opens one; of the ends some may have said that
 * nothing more comes. */
struct http_stream *h1_server_adopt_tunnel(const struct h1_server_rest *rest,
    bool client_has_ended, bool backend_has_ended, struct http_peer *peer);
