/* src/http1/scan.h -- between parse.c and its variants; folder's inside */
#pragma once
#include "http1/parse.h"

/*
 * A variant splits a head into its pieces: start line, names, values. It
 * decides nothing but what belongs to the characters and limits; parse.c
 * judges the meaning. Both functions fill the start line's spans, the fields
 * with their ids, n_fields, fields_end, size, version.
 */
struct scan_variant {
	const char *name;
	enum parse_status (*request)(struct http_head *h, struct span data,
	    const struct parse_limits *limits, enum reason *why);
	enum parse_status (*response)(struct http_head *h, struct span data,
	    const struct parse_limits *limits, enum reason *why);
};

extern const struct scan_variant scan_scalar;
#if defined(__x86_64__)
extern const struct scan_variant scan_sse42, scan_avx2;
#elif defined(__aarch64__)
extern const struct scan_variant scan_neon;
#endif
