/* src/conf/route.h -- routes: what each asks of a request and does with it */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "core/cidr.h"

/* Part of the read-only model (conf/conf.h): all lies in its arena. */
struct strings {
	const char **at;
	size_t n;
};

/* One condition of match.headers, queries or cookies. */
enum test_kind { TEST_EQUAL, TEST_REGEX, TEST_PRESENT, TEST_ABSENT };

struct test_conf {
	const char *name;
	enum test_kind kind;
	const char *value;	/* the text, the expression; NULL: none */
};

struct tests_conf {
	struct test_conf *at;
	size_t n;
};

/* Conditions of different kinds must all hold; of a list, one. An empty list
 * asks nothing. `paths`, `prefixes` and `regexes` are one kind. */
struct match_conf {
	struct strings hosts;	/* lower case; "*.a.b": labels in front */
	struct strings paths, prefixes, regexes;	/* normalised paths */
	struct strings methods;
	struct tests_conf headers, queries, cookies;	/* all of them */
	struct cidrs clients;
	const char *listener;	/* as the file has it; NULL: any */
	size_t listener_index;
};

enum action_kind {
	ACTION_UPSTREAM,
	ACTION_SPLIT,
	ACTION_RESPOND,
	ACTION_REDIRECT,
};

struct split_conf {
	size_t upstream;	/* its index */
	uint32_t weight;
};

struct field_conf {
	const char *name;
	const char *value;	/* may hold ${variables} */
};

/* Removed, then set (in place of any), then added. */
struct edits_conf {
	struct field_conf *set, *add;
	size_t n_set, n_add;
	struct strings remove;
};

struct route_conf {
	const char *name;	/* "route N" by its place from 1 if not given */
	struct place at;
	struct match_conf match;
	enum action_kind action;
	size_t upstream;	/* index; ACTION_UPSTREAM */
	struct split_conf *split;	/* ACTION_SPLIT */
	size_t n_split;
	const char *split_key;	/* what decides, with ${variables}; NULL: chance */
	uint32_t status;	/* ACTION_RESPOND, ACTION_REDIRECT */
	const char *text;	/* the body, the target; may hold ${variables} */
	const char *content_type;	/* ACTION_RESPOND */
	const char *strip_prefix;	/* NULL: none */
	const char *replace_path;	/* NULL: as it came */
	struct edits_conf request_headers, response_headers;
	struct strings upgrade;	/* protocols that may be asked for */
	bool is_logged;		/* in the access log */
};
