/* src/proxy/explain.h -- what would become of a request, and why */
#pragma once
#include <stdio.h>

#include "http/stream.h"

struct conf;

/*
 * Prints which routes the request `h` meets, why each before the last does not
 * take it, what that one makes of it and where it could go. The answer is the
 * engine's own: it runs the request against streams that lead nowhere. Needs a
 * segment in which `conf` is registered; changes `h`.
 */
void proxy_explain(const struct conf *conf, struct http_head *h,
    const struct http_peer *peer, FILE *out);
