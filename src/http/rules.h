/* src/http/rules.h -- what HTTP says of any head, whatever the version */
#pragma once
#include <stdbool.h>

#include "http/head.h"

/*
 * Drops what concerns one connection only (RFC 9110 7.6.1): Connection and
 * every field that it names, Keep-Alive, Proxy-Connection, TE, Trailer (but
 * for chunked bodies, whose trailer section goes on),
 * Transfer-Encoding, Upgrade, Proxy-Authenticate, Proxy-Authorization. Via,
 * Forwarded and X-Forwarded-* stay even if named: a client could take away
 * what another proxy, or we ourselves in a loop, said of it. So does Expect,
 * which both ends have to know of.
 *
 * False when Connection names Host, Content-Length or Transfer-Encoding, or
 * more than CONNECTION_NAMES_MAX fields: the message must be refused, and
 * some of its fields may have been dropped.
 */
bool head_drop_hop_by_hop(struct http_head *h);
#define CONNECTION_NAMES_MAX 64

/*
 * Drops the trailer fields that must not be there (RFC 9110 6.5.1): framing,
 * routing, authentication, cookies, request modifiers, content format, and
 * what concerns one connection only.
 */
void trailers_drop_forbidden(struct http_head *t);

/* How often Via lists `pseudonym` (RFC 9110 7.6.3), whatever its case. */
unsigned head_via_count(const struct http_head *h, struct span pseudonym);

enum http_media {
	MEDIA_TEXT,
	MEDIA_HTML,
	MEDIA_JSON,
};

/*
 * What the client would like the body of an error to be: of what it accepts
 * the one with the highest weight, the first of equals; MEDIA_TEXT if it does
 * not say or takes anything.
 */
enum http_media head_accept(const struct http_head *request);

/* "Not Found"; "" for a status that has no registered phrase. */
const char *status_phrase(unsigned status);
