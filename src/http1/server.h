/* src/http1/server.h -- HTTP/1 connections of clients (RFC 9112) */
#pragma once
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
};

void h1_server_module_init(void);	/* once per process, idempotent */

/*
 * Takes over an accepted non-blocking descriptor. The connection owns itself:
 * it ends by its peer, its timers or h1_server_close_all().
 */
void h1_server_accept(int fd, const struct address *client,
    const struct h1_server_settings *settings);

size_t h1_server_connections(void);	/* open now */
/* Drain: idle connections close, others after their current response (which
 * says Connection: close where it can). */
void h1_server_drain(void);
/* Cuts everything. */
void h1_server_close_all(void);
/* Closes up to `n` of the connections idle longest; how many were closed. */
size_t h1_server_close_idle(size_t n);
