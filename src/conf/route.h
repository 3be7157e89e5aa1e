/* src/conf/route.h -- routes: what each asks of a request and does with it */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "conf/template.h"
#include "core/cidr.h"

struct regex;

/* Part of the read-only model (conf/conf.h): all lies in its arena. */
struct strings {
	const char **at;
	size_t n;
};

struct regexes {
	struct regex **at;
	size_t n;
};

/* One condition of match.headers, queries or cookies. */
enum test_kind { TEST_EQUAL, TEST_PRESENT, TEST_ABSENT, TEST_REGEX };

struct test_conf {
	const char *name;
	enum test_kind kind;
	const char *value;	/* TEST_EQUAL */
	const struct regex *regex;	/* TEST_REGEX */
};

struct tests_conf {
	struct test_conf *at;
	size_t n;
};

/* Conditions of different kinds must all hold; of a list, one. An empty list
 * asks nothing. `paths`, `prefixes` and `regexes` are one kind. */
struct match_conf {
	struct strings hosts;	/* lower case; "*.a.b": labels in front */
	struct strings paths, prefixes;	/* normalised paths */
	struct regexes regexes;		/* any part of such a path */
	struct strings methods;
	struct tests_conf headers, queries, cookies;	/* all of them */
	struct cidrs clients;
	bool has_listener;
	size_t listener;	/* its index */
};

enum action_kind {
	ACTION_UPSTREAM,	/* one of the targets */
	ACTION_RESPOND,
	ACTION_REDIRECT,
};

struct upstream_timeouts {		/* milliseconds */
	uint32_t connect, response_head, between_bytes, send;
};

/* Failures that another try may follow, by a word of the failure table. Those
 * that are not here are always tried again, or never (conf/retry.c). */
#define RETRY_WORDS(X)							\
	X(CONNECT, "connect") X(RESET, "reset") X(TIMEOUT, "timeout")	\
	X(JUNK, "junk") X(429, "429") X(500, "500") X(502, "502")	\
	X(503, "503") X(504, "504")

enum retry_word {
#define X(id, word) RETRY_##id,
	RETRY_WORDS(X)
#undef X
	RETRY_WORD_COUNT
};
#define RETRY_BIT(id) (1u << RETRY_##id)
#define RETRY_DEFAULT (RETRY_BIT(CONNECT) | RETRY_BIT(RESET))

/* As a file says it. */
const char *retry_word(enum retry_word id);

/* How often a request is tried, of what again, and how long that takes. */
struct retry_conf {
	uint32_t attempts;	/* beyond the first */
	uint32_t when;		/* RETRY_BIT()s */
	uint32_t try_ms;	/* timeouts.try; 0: off */
	uint32_t total_ms;	/* timeouts.total; 0: off */
};

/* An upstream that requests of a route go to, and what holds for them: the
 * route's word, else the upstream's. */
struct target_conf {
	size_t upstream;	/* index */
	uint32_t weight;	/* share of the route's requests */
	struct upstream_timeouts timeouts;
	bool has_timeouts;	/* other than the upstream's */
	struct retry_conf retry;
};

struct field_conf {
	const char *name;
	struct template value;
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
	const char *file;	/* of `at`; NULL: the main one */
	struct match_conf match;
	enum action_kind action;
	struct target_conf *targets;	/* ACTION_UPSTREAM: 1 or more */
	size_t n_targets;
	uint32_t weight;	/* of all targets */
	struct template split_key;	/* chooses among them; n 0: chance */
	const char *strip_prefix;	/* off the path; NULL: nothing */
	struct template replace_path;	/* in its place */
	bool has_replace_path;
	bool has_body_limit;	/* else limits.request_body */
	uint64_t body_limit;	/* bytes; 0: none */
	uint32_t status;	/* ACTION_RESPOND, ACTION_REDIRECT */
	struct template text;	/* the body, the target */
	const char *content_type;	/* ACTION_RESPOND */
	struct edits_conf request_headers, response_headers;
	struct strings upgrade;	/* protocols that may be asked for */
	uint32_t log_sample;	/* as in struct access_conf, or SAMPLE_OFF */
};
