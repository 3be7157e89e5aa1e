/* src/http/reason.h -- why an exchange ended: the one vocabulary */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * interfaces.md, table of failures: id, the word for logs and clients, the
 * status a client gets (0: none), whether the backend is charged.
 */
#define REASONS(X)							\
	X(NONE,			"-",			0,	false)	\
	X(CONNECT,		"connect",		502,	true)	\
	X(CONNECT_TIMEOUT,	"connect",		504,	true)	\
	X(STALE,		"stale",		502,	false)	\
	X(RESET_REUSED,		"reset_reused",		502,	false)	\
	X(RESET,		"reset",		502,	true)	\
	X(REFUSED,		"refused",		502,	false)	\
	X(TIMEOUT,		"timeout",		504,	true)	\
	X(JUNK,			"junk",			502,	true)	\
	X(TRUNCATED,		"truncated",		0,	true)	\
	X(NO_BACKEND,		"no_backend",		503,	false)	\
	X(QUEUE_TIMEOUT,	"queue_timeout",	503,	false)	\
	X(QUEUE_FULL,		"queue_full",		503,	false)	\
	X(LOCAL,		"local",		503,	false)	\
	X(CLIENT_GONE,		"client_gone",		0,	false)	\
	X(BAD_REQUEST,		"bad_request",		400,	false)	\
	X(HEAD_TOO_LARGE,	"head_too_large",	431,	false)	\
	X(BODY_TOO_LARGE,	"body_too_large",	413,	false)	\
	X(URI_TOO_LONG,		"uri_too_long",		414,	false)	\
	X(CLIENT_TIMEOUT,	"client_timeout",	408,	false)	\
	X(NOT_FOUND,		"not_found",		404,	false)	\
	X(METHOD,		"method",		405,	false)	\
	X(LIMIT,		"limit",		429,	false)	\
	X(LOOP,			"loop",			508,	false)	\
	X(EXPECTATION,		"expectation",		417,	false)	\
	X(VERSION,		"version",		505,	false)

enum reason {
#define X(id, word, status, charged) REASON_##id,
	REASONS(X)
#undef X
	REASON_COUNT
};

/* How much of a request had reached the wire when an attempt failed. */
enum sent {
	SENT_NOTHING,
	SENT_PART,
	SENT_ALL,
};

struct reason_row {
	const char *word;
	uint16_t status;
	bool is_charged;
};
extern const struct reason_row reasons[REASON_COUNT];
