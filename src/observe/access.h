/* src/observe/access.h -- a finished request as a line of the access log */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "core/address.h"
#include "core/span.h"

#define ACCESS_NOT_REACHED UINT32_MAX

/* What is NULL or empty is "-" in the line; nothing is owned. */
struct access_record {
	const struct address *client;
	uint64_t start_ms;		/* wall clock, since 1970 */
	struct span method, target, host, referer, user_agent;
	struct span path, query, name;	/* templates: normalised, the host
					 * without a port */
	const struct span *fields;	/* templates: what request.NAME and
					 * response.NAME are, in order */
	const char *version;		/* "1.1" */
	unsigned status;
	uint64_t bytes_in, bytes_out;	/* of the bodies */
	const char *listener, *route, *upstream, *backend;
	uint32_t queue_us, connect_us, head_us, total_us;
	unsigned attempts;
	char end[2];			/* who and in which phase */
	const char *reason;		/* the word; "-": none */
	const char *id;			/* of the request */
};

/* The longest line: what a client sends is cut before. */
#define ACCESS_LINE_MAX 16384

/* Writes the line with its end, returns its length. Whatever bytes the client
 * sent, it is one line of printable ASCII, and JSON is valid; what a template
 * has between its variables stands there as it is. */
size_t access_print(const struct access_format *format,
    const struct access_record *r, char out[ACCESS_LINE_MAX]);
