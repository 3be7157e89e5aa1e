/* src/proxy/match.h -- whether the conditions of one route hold */
#pragma once
#include <stdbool.h>

#include "proxy/router.h"

/* One of the paths, prefixes and patterns, of which there are some. */
bool match_path(const struct match_conf *m, struct span path);
/* Whether there are any. */
bool match_asks_path(const struct match_conf *m);

/* All conditions but those on the host and the path; as router_check(). */
enum route_miss match_rest(const struct match_conf *m,
    const struct route_request *q, size_t *which);
