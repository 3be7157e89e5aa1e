/* src/http1/parse.h -- HTTP/1 heads from bytes (RFC 9112), strictly */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "http/head.h"
#include "http/reason.h"

/*
 * The parser reads a head where the bytes lie, keeps no state between calls,
 * allocates nothing and never reads outside of `data`. What two
 * implementations could take for different messages it refuses.
 */
struct parse_limits {
	uint32_t head_bytes;	/* of a head, its empty line included */
	uint32_t line_bytes;	/* of any line, without its CR LF */
	uint32_t field_count;	/* and room in http_head.fields */
};

enum parse_status {
	PARSE_OK,	/* the head is filled in, all of it */
	PARSE_MORE,	/* good so far; come again with more behind it */
	PARSE_BAD,	/* *why says; nothing in the head counts */
};

/*
 * Both: h->fields has room for limits->field_count fields, h->extras is left
 * as it is; all else in *h is set. On PARSE_OK its spans and offsets point
 * into `data`, h->size bytes of which were used. A head that cannot become
 * good is refused as soon as that shows, whole or not. limits->head_bytes is
 * at most HEAD_BYTES_MAX, field_count at most HEAD_FIELDS_MAX.
 *
 * Requests: *why becomes BAD_REQUEST, URI_TOO_LONG (the request line),
 * HEAD_TOO_LARGE (the rest), METHOD (CONNECT), VERSION (not HTTP/1),
 * EXPECTATION (Expect is not 100-continue). h->host is the authority of
 * an absolute target, else Host, else empty (HTTP/1.0 only). The target is in
 * origin form, in absolute form with scheme http or https and no user, or
 * "*" with OPTIONS; visible ASCII without "#". Host occurs once; an empty
 * one is refused (RFC 9110 4.2.1). HTTP/1.2 to 1.9 are taken for 1.1.
 *
 * Responses: *why becomes JUNK. The status is 100 to 599. A status line that
 * ends behind the code without the space is accepted: old origins send it and
 * nobody reads it in another way. framing is NONE for HEAD, 1xx, 204, 205 and
 * 304, with body_len as Content-Length says. 205 with a body is refused,
 * 1xx and 204 with Transfer-Encoding also; their Content-Length is dropped
 * (RFC 9110 8.6). is_keep_alive is false where a body could follow that
 * the framing does not know.
 *
 * Both: lines end in CR LF; no folded lines, no space before the colon; names
 * are tokens; values have no control bytes but HT. Content-Length is one
 * number below 2^63, once, and not beside Transfer-Encoding, which is exactly
 * "chunked", once, and not in HTTP/1.0.
 */
enum parse_status parse_request(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why);
enum parse_status parse_response(struct http_head *h, struct span data,
    enum method request_method, const struct parse_limits *limits,
    enum reason *why);

/*
 * The trailer section behind the last chunk (RFC 9112 7.1.2): field lines and
 * the empty line; field rules do not apply. *h is set as for a head without
 * a start line; *why is BAD_REQUEST or HEAD_TOO_LARGE.
 */
enum parse_status parse_trailers(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why);

/*
 * How many bytes of empty lines (CR LF) stand before a request: to be skipped
 * (RFC 9112 2.2). At most PARSE_EMPTY_LINES lines in one call; behind them an
 * empty line is a bad request.
 */
#define PARSE_EMPTY_LINES 4
size_t parse_skip_empty_lines(struct span data);

/*
 * Chooses the fastest variant that this processor can run, or the one that
 * the environment names: FAIRLEAD_SIMD=scalar|sse42|avx2|avx512|neon. False
 * if that one is unknown or cannot run here: the fastest is used. Without a
 * call it is the scalar one. Can be called again; not while parsing.
 */
bool parse_init(void);
bool parse_use(const char *variant);	/* false: no change */
const char *parse_variant(void);	/* in use */
/* The variants that can run here, fastest first; NULL behind the last. */
const char *parse_variant_at(unsigned i);
