/* src/http/uri.h -- the parts of a request target (RFC 3986, RFC 9112 3.2) */
#pragma once
#include "core/span.h"

/*
 * The path of a target in origin form, as routes compare it: without the
 * query, unreserved characters decoded, other escapes in upper case (%2F stays
 * apart from "/"), dot segments removed (RFC 3986 5.2.4, 6.2.2). Of most
 * targets that is a part of them; else it is written to `room`, target.len
 * bytes. What is no path ("*") stays as it is.
 */
struct span uri_path(struct span target, char *room);

/* Behind the "?"; empty if there is none. */
struct span uri_query(struct span target);

/* The first parameter of that name, undecoded; false: there is none. */
bool uri_query_find(struct span query, struct span name, struct span *value);

/* What a part of a query means, with %XX and "+" decoded: of most it is the
 * part itself; else it is written to `room`, part.len bytes. */
struct span uri_part_decode(struct span part, char *room);

/* Whether a part of a query means `plain`: %XX and "+" decoded. */
bool uri_part_equal(struct span part, struct span plain);
