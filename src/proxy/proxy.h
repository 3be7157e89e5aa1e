/* src/proxy/proxy.h -- the exchange engine: from a request to its answer */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "http/stream.h"

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
