/* src/proxy/match.h -- whether the conditions of one route hold */
#pragma once
#include <stdbool.h>

#include "proxy/router.h"

/* One of the paths, prefixes and patterns, of which there are some. */
bool match_path(const struct match_conf *m, struct span path);
/* Whether there are any. */
static inline bool
match_asks_path(const struct match_conf *m)
{
	return m->paths.n + m->prefixes.n + m->regexes.n > 0;
}

/* The first of a few routes, tried one after the other; NULL: none. */
const struct route_conf *match_first(const struct route_conf *routes,
    size_t n, const struct route_request *q);

/* The first cookie of that name; false: there is none. */
bool match_cookie(const struct http_head *h, struct span name,
    struct span *value);

/* All conditions but those on the host and the path; as router_check(). */
enum route_miss match_rest(const struct match_conf *m,
    const struct route_request *q, size_t *which);
