/* src/conf/template.h -- texts with ${variables} */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "core/span.h"

/* What a template is for decides what it can speak of. */
enum template_use {
	USE_REQUEST = 1,	/* what goes to the backend, answers of ours */
	USE_RESPONSE = 2,	/* response_headers */
	USE_LOG = 4,		/* access_log.format */
	USE_LATE = USE_RESPONSE | USE_LOG,
	USE_ALWAYS = USE_REQUEST | USE_LATE,
};

/* interfaces.md, Logs: the name, lower case, and the uses that know it. */
#define VARIABLES(X)							\
	X(CLIENT,	"client",	USE_ALWAYS)			\
	X(CLIENT_PORT,	"client_port",	USE_ALWAYS)			\
	X(TIME,		"time",		USE_ALWAYS)			\
	X(METHOD,	"method",	USE_ALWAYS)			\
	X(TARGET,	"target",	USE_ALWAYS)			\
	X(REQUEST_URI,	"request_uri",	USE_ALWAYS)			\
	X(PATH,		"path",		USE_ALWAYS)			\
	X(QUERY,	"query",	USE_ALWAYS)			\
	X(VERSION,	"version",	USE_ALWAYS)			\
	X(HOST,		"host",		USE_ALWAYS)			\
	X(SCHEME,	"scheme",	USE_ALWAYS)			\
	X(LISTENER,	"listener",	USE_ALWAYS)			\
	X(ROUTE,	"route",	USE_ALWAYS)			\
	X(TLS_VERSION,	"tls_version",	USE_ALWAYS)			\
	X(TLS_CIPHER,	"tls_cipher",	USE_ALWAYS)			\
	X(SNI,		"sni",		USE_ALWAYS)			\
	X(STATUS,	"status",	USE_LATE)			\
	X(UPSTREAM,	"upstream",	USE_LATE)			\
	X(BACKEND,	"backend",	USE_LATE)			\
	X(ATTEMPTS,	"attempts",	USE_LATE)			\
	X(BYTES_IN,	"bytes_in",	USE_LOG)			\
	X(BYTES_OUT,	"bytes_out",	USE_LOG)			\
	X(T_QUEUE,	"t_queue",	USE_LOG)			\
	X(T_CONNECT,	"t_connect",	USE_LOG)			\
	X(T_HEAD,	"t_head",	USE_LOG)			\
	X(T_TOTAL,	"t_total",	USE_LOG)			\
	X(END,		"end",		USE_LOG)			\
	X(REASON,	"reason",	USE_LOG)			\
	X(REQUEST_ID,	"request_id",	USE_LOG)

enum variable {
	VARIABLE_NONE,		/* the text itself */
#define X(id, name, uses) VARIABLE_##id,
	VARIABLES(X)
#undef X
	VARIABLE_FIELD,		/* request.NAME; text: the name */
	VARIABLE_RESPONSE_FIELD,	/* response.NAME */
};

struct template_piece {
	enum variable variable;
	struct span text;
};

/* Lies in an arena; n 0: an empty text. */
struct template {
	struct template_piece *at;
	size_t n;
	struct span source;	/* what it was made of */
};

/*
 * Takes `text` apart; it must live as long as the template. "$${" stands for
 * "${", and "${env:NAME}" is what the environment says now. False: `why`
 * (WHY_MAX bytes of conf/schema.h) names what is wrong.
 */
bool template_parse(struct template *t, struct span text,
    enum template_use use, struct arena *arena, char *why);

/* The text that is taken apart to this, but for the environment, whose words
 * stand in it. In the arena. */
struct span template_print(const struct template *t, struct arena *arena);
