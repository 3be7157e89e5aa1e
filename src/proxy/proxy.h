/* src/proxy/proxy.h -- the exchange engine: from a request to its answer */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/stream.h"

struct backend;
struct conf;
struct router;
struct upstream;
struct writer;

/*
 * The service behind the listeners of a worker. It sees streams, never what
 * is below them. Memory: one slab object an exchange, given back at its end;
 * nothing else on the request path.
 */
struct proxy {
	struct http_service service;
	const struct conf *conf;
	struct upstream *upstreams;	/* of the worker */
	size_t n_upstreams;
	struct writer *access;		/* the access log; NULL: none */
	struct router *router;		/* NULL: there are no routes */
	char via[64];			/* "1.1 NAME" */
	struct span via_value, via_name;
	uint64_t requests;		/* counter of this process */
	uint64_t exchanges;		/* ids for the log */
	size_t n_active;
};

/* `p` lives as long as the worker. */
void proxy_init(struct proxy *p, const struct conf *conf,
    struct upstream *upstreams);
void proxy_fini(struct proxy *p);
/* Each request leaves a line there; NULL: nowhere. */
void proxy_log_to(struct proxy *p, struct writer *w);

/*
 * A tunnel that passes to another process (worker/heir.h): what that one has to
 * know, so that it can end there as it would have here. Spans of names are
 * empty where there is none.
 */
struct proxy_tunnel {
	struct span upstream, route;	/* names */
	struct span backend;		/* its identity (proc/register.h) */
	uint32_t slot;			/* of it */
	struct address from;		/* the client, behind the proxies */
	uint64_t age_ns, bytes_in, bytes_out;
	uint32_t connected_us, head_us;
	uint16_t status;
	uint8_t attempts;
	bool is_pooled, is_unlogged;
	bool client_has_ended, backend_has_ended;
	/* Heads as text, of the response only what the log wants; empty:
	 * nobody does. */
	struct span request, response;
};

/* That behind a server stream; false: it is none of ours. *attempt: the
 * backend's stream. Valid until the next call. */
bool proxy_describe_tunnel(const struct http_stream *client,
    struct proxy_tunnel *t, struct http_stream **attempt);
/* Another process has it: lets go of both streams, says nothing. */
void proxy_forget_tunnel(struct http_stream *client);
/* The other side: NULL: this configuration has no such backend. */
struct backend *proxy_find_backend(struct proxy *p,
    const struct proxy_tunnel *t);
/*
 * Joins the two streams, of which the second is counted already
 * (backend_adopt). The heads are those of `t`, parsed, or NULL.
 */
void proxy_adopt_tunnel(struct proxy *p, const struct proxy_tunnel *t,
    struct backend *b, struct http_stream *const ends[2],
    const struct http_peer *peer, struct http_head *const heads[2]);
