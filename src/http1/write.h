/* src/http1/write.h -- heads as HTTP/1.1 sends them (RFC 9112) */
#pragma once
#include <stddef.h>

#include "http/head.h"

/* An upper bound of what write_request or write_response needs. */
size_t write_bound(const struct http_head *h);

/*
 * Write the head at `to`, with the empty line; return the end. Fields that
 * are dropped are left out, extras come last. `connection` is the value of
 * the Connection field, NULL for none. Content-Length is written from
 * h->body_len when h->framing says so and no such field is kept.
 */
char *write_request(char *to, const struct http_head *h);
char *write_response(char *to, const struct http_head *h,
    const char *connection);

/* The line of a chunk of `size` bytes, at most 18; the last chunk and its
 * trailer section, at most write_bound(). Both return the end. */
char *write_chunk_line(char *to, uint64_t size);
char *write_trailers(char *to, const struct http_head *t);
