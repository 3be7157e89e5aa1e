/* src/conf/template.h -- texts with ${variables} */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "core/span.h"

/* interfaces.md, Logs: what can be said of a request; the name, lower case. */
#define VARIABLES(X)							\
	X(CLIENT,	"client")					\
	X(CLIENT_PORT,	"client_port")					\
	X(METHOD,	"method")					\
	X(TARGET,	"target")					\
	X(REQUEST_URI,	"request_uri")					\
	X(PATH,		"path")						\
	X(QUERY,	"query")					\
	X(HOST,		"host")						\
	X(VERSION,	"version")					\
	X(SCHEME,	"scheme")					\
	X(ROUTE,	"route")

enum variable {
	VARIABLE_NONE,		/* the text itself */
#define X(id, name) VARIABLE_##id,
	VARIABLES(X)
#undef X
	VARIABLE_FIELD,		/* request.NAME; text: the name */
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
 * "${", and "${env:NAME}" is what the environment says now. False: `why` (WHY_MAX bytes of conf/schema.h) names what is wrong.
 */
bool template_parse(struct template *t, struct span text,
    struct arena *arena, char *why);
