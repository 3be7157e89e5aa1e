/* src/proxy/router.h -- which route takes a request */
#pragma once
#include <stddef.h>

#include "conf/route.h"
#include "core/address.h"
#include "http/head.h"

struct router;

/* What the routes' conditions look at; spans and pointers of the caller. */
struct route_request {
	struct span host;	/* the authority, as the client sent it */
	struct span path;	/* normalised (http/uri.h) */
	struct span query;
	struct span method;
	const struct http_head *head;	/* its fields and cookies */
	const struct address *client;	/* behind trusted proxies */
	size_t listener;	/* its index */
};

/* Keeps the pointer to the routes. Ends by router_free(). */
struct router *router_new(const struct route_conf *routes, size_t n);
void router_free(struct router **r);

/* The first in the order of the file all of whose conditions hold; NULL. */
const struct route_conf *router_find(const struct router *r,
    const struct route_request *q);

/* A host without its port and without a dot at the end. */
struct span host_without_port(struct span host);
