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

/*
 * Compiles the routes: hosts into one table, paths and prefixes into another,
 * so that a request meets few of them however many there are. 10,000 take some
 * 10 ms and some MiB. Keeps the pointer to the routes. Ends by router_free().
 */
struct router *router_new(const struct route_conf *routes, size_t n);
void router_free(struct router **r);

/* The first in the order of the file all of whose conditions hold; NULL. */
const struct route_conf *router_find(const struct router *r,
    const struct route_request *q);

/* The conditions of a route in the order in which they are looked at. */
enum route_miss {
	MISS_NONE,		/* all hold */
	MISS_HOST,
	MISS_PATH,
	MISS_METHOD,
	MISS_LISTENER,
	MISS_CLIENT,
	MISS_HEADER,
	MISS_QUERY,
	MISS_COOKIE,
};

/* The first that does not hold; *which says, of the last three, which of
 * match.headers, queries or cookies it is. */
enum route_miss router_check(const struct route_conf *r,
    const struct route_request *q, size_t *which);

/* A host without its port and without a dot at the end. */
struct span host_without_port(struct span host);
