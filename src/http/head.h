/* src/http/head.h -- the head of a message: start line and fields */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"

#define HEAD_FIELDS_MAX	256	/* hard bound; configuration says less */
#define HEAD_BYTES_MAX	(64u << 10)	/* the same, for the raw head */

/* Field names that change what we do: id, lower-case name. */
#define FIELD_NAMES(X)							\
	X(HOST,			"host")					\
	X(CONNECTION,		"connection")				\
	X(CONTENT_LENGTH,	"content-length")			\
	X(TRANSFER_ENCODING,	"transfer-encoding")			\
	X(TE,			"te")					\
	X(TRAILER,		"trailer")				\
	X(UPGRADE,		"upgrade")				\
	X(KEEP_ALIVE,		"keep-alive")				\
	X(PROXY_CONNECTION,	"proxy-connection")			\
	X(PROXY_AUTHENTICATE,	"proxy-authenticate")			\
	X(PROXY_AUTHORIZATION,	"proxy-authorization")			\
	X(EXPECT,		"expect")				\
	X(VIA,			"via")					\
	X(FORWARDED,		"forwarded")				\
	X(X_FORWARDED_FOR,	"x-forwarded-for")			\
	X(X_FORWARDED_PROTO,	"x-forwarded-proto")			\
	X(X_FORWARDED_HOST,	"x-forwarded-host")			\
	X(X_FORWARDED_PORT,	"x-forwarded-port")			\
	X(MAX_FORWARDS,		"max-forwards")				\
	X(DATE,			"date")					\
	X(SERVER,		"server")				\
	X(ACCEPT,		"accept")				\
	X(CONTENT_TYPE,		"content-type")				\
	X(COOKIE,		"cookie")				\
	X(SET_COOKIE,		"set-cookie")				\
	X(CACHE_CONTROL,	"cache-control")			\
	X(RETRY_AFTER,		"retry-after")

enum field_id {
	FIELD_OTHER,
#define X(id, name) FIELD_##id,
	FIELD_NAMES(X)
#undef X
	FIELD_ID_COUNT
};

/* FIELD_OTHER if the name is not one of the table; case-insensitive. */
enum field_id field_id_of(struct span name);

#define METHODS(X)							\
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(OPTIONS) X(TRACE)	\
	X(CONNECT) X(PATCH)

enum method {
	METHOD_OTHER,
#define X(id) METHOD_##id,
	METHODS(X)
#undef X
	METHOD_COUNT
};

enum method method_of(struct span token);	/* case-sensitive */
/* RFC 9110 9.2.2; unknown methods are not. */
bool method_is_idempotent(enum method m);

enum http_version {
	HTTP_1_0,
	HTTP_1_1,
	HTTP_2,
};

/*
 * One field: offsets into the head's `base`, so that a copy of a head is two
 * memcpy. The value is without optional white space around it.
 */
struct http_field {
	uint32_t name;
	uint32_t value;
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id;		/* enum field_id */
	bool is_dropped;	/* not to be passed on */
};

/* A field that we add; spans valid as long as the head is. */
struct http_extra {
	struct span name, value;
};
#define HEAD_EXTRAS_MAX	32

/* How the end of the body is known (RFC 9112 6.3, RFC 9113 8.1). */
enum framing {
	FRAMING_NONE,		/* no body */
	FRAMING_LENGTH,		/* body_len bytes */
	FRAMING_CHUNKED,	/* coded in chunks, or of any unknown length */
	FRAMING_CLOSE,		/* until the connection closes (responses) */
	FRAMING_TUNNEL,		/* 101: bytes both ways until both ends */
};

/*
 * A parsed or made head. `base` holds the raw bytes: when `is_raw`, each
 * field stands there as a complete line "Name: value CR LF", line after line
 * in order, the first at fields[0].name, the end of the last at fields_end:
 * a writer may copy runs of lines that are not dropped as they are.
 * Nothing is owned: base, fields and extras belong to whoever made the head.
 */
struct http_head {
	const char *base;
	struct http_field *fields;
	uint16_t n_fields;
	uint16_t n_extras;
	uint16_t status;		/* responses; 0 in requests */
	uint8_t version;		/* enum http_version of the sender */
	uint8_t method;			/* enum method; requests */
	uint8_t framing;		/* enum framing */
	bool is_raw;
	bool is_keep_alive;		/* the sender wants it (hop by hop) */
	bool needs_slash;		/* the target leaves with one in front */
	bool has_names_in_connection;	/* Connection names more than close,
					 * keep-alive */
	bool has_upgrade_option;	/* it names upgrade */
	bool expects_continue;		/* requests: RFC 9110 10.1.1 */
	uint32_t fields_end;		/* offset behind the last field line */
	uint32_t ids;			/* HEAD_BIT of each field there is: what
					 * is not there need not be sought */
	uint32_t size;			/* raw bytes from base to the body */
	struct span method_text;	/* requests */
	struct span target;		/* requests, as sent */
	struct span rewritten;		/* leaves in its place; empty: no */
	struct span host;		/* authority: Host or absolute-form */
	struct span reason_phrase;	/* responses */
	struct span upgrade;		/* protocol to be asked for, or that a
					 * 101 agrees to; empty: none */
	uint64_t body_len;		/* with FRAMING_LENGTH */
	struct http_extra *extras;	/* room for HEAD_EXTRAS_MAX; NULL:
					 * none can be added */
};

static inline struct span
field_name(const struct http_head *h, const struct http_field *f)
{
	return span_of(h->base + f->name, f->name_len);
}

static inline struct span
field_value(const struct http_head *h, const struct http_field *f)
{
	return span_of(h->base + f->value, f->value_len);
}

#define HEAD_BIT(id) (1u << (id))
_Static_assert(FIELD_ID_COUNT <= 32, "a bit for each field id");

static inline bool
head_has(const struct http_head *h, enum field_id id)
{
	return (h->ids & HEAD_BIT(id)) != 0;
}

/* By the framing: no content follows the head. */
static inline bool
head_has_no_body(const struct http_head *h)
{
	return h->framing == FRAMING_NONE ||
	    (h->framing == FRAMING_LENGTH && h->body_len == 0);
}

/* The first field with this id that is not dropped; NULL. */
struct http_field *head_find(const struct http_head *h, enum field_id id);
/* How many there are, dropped ones not counted. */
unsigned head_count(const struct http_head *h, enum field_id id);
void head_drop(struct http_head *h, enum field_id id);	/* all of that id */
/* Asserts that there is room: the number of extras is ours, not a peer's. */
void head_add(struct http_head *h, struct span name, struct span value);

/*
 * Copying a head so that it outlives its event: head_copy_size() bytes at
 * `to` (16-aligned) take the fields and the raw bytes; *copy then points into
 * it (extras are not copied: they are made anew for each attempt).
 */
size_t head_copy_size(const struct http_head *h);
void head_copy(struct http_head *copy, const struct http_head *h, void *to);
