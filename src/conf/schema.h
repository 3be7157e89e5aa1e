/* src/conf/schema.h -- every key: its name, type, range, default and help */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "conf/diag.h"
#include "core/address.h"

/*
 * One row per key drives reading, defaults, ranges, messages and the test
 * against fairlead.yaml(5). A row says where in its section's struct the
 * value goes; the width of the member decides how it is stored.
 */
enum conf_type {
	CONF_STRING,	/* const char * */
	CONF_INTEGER,	/* uint16_t, uint32_t or uint64_t, like the next four */
	CONF_SIZE,	/* bytes */
	CONF_RATE,	/* bytes a second */
	CONF_DURATION,	/* milliseconds */
	CONF_PERCENTAGE,	/* hundredths of one percent */
	CONF_BOOLEAN,	/* bool */
	CONF_CHOICE,	/* uint32_t: one of `choices` */
	CONF_VALUE,	/* what `form` reads */
	CONF_VALUES,	/* one or a list of them: struct conf_list */
	CONF_BLOCK,	/* a nested section, in the same struct; `word` in its
			 * place stores word_value */
	CONF_LIST,	/* of sections: struct conf_list; the struct begins
			 * like struct conf_item */
	CONF_MAP,	/* the same by name: it begins with struct conf_named */
};

struct value_form;

struct conf_choice {
	const char *name;	/* NULL ends the table */
	uint32_t value;
	bool is_built;		/* false: known, refused until then */
};

struct conf_list {
	void *items;
	size_t n;
};

struct conf_item {
	struct place at;	/* line 0: it is no map */
	bool is_bad;		/* errors in it are reported: what it lacks
				 * may be what they are about */
};

struct conf_named {
	struct place at;	/* of the name */
	bool is_bad;
	const char *name;
};

/*
 * A kind of value with a form of its own. Whoever adds one gives all members
 * but `pattern`; t/unit/conf/schema_test.c asks.
 */
struct conf_form {
	const char *noun;	/* the manual's word for its type */
	size_t size;		/* of what is stored */
	/* False: `why` says what is wrong and what to write instead. */
	bool (*parse)(void *to, struct span text, struct arena *arena,
	    char *why);		/* WHY_MAX */
	/* What a file would say for it, without quotes: parse() makes the same
	 * of it. It lies in the arena, or where the value does. */
	struct span (*print)(const void *value, struct arena *arena);
	/* What parse() takes, as nearly as a regular expression of ECMA 262
	 * says it: for the JSON Schema. NULL: any text. */
	const char *pattern;
	/* At which byte of a text that parse() has refused; NULL: it is all
	 * of the text that is wrong. */
	size_t (*fault)(struct span text);
	bool expands;		/* parse() knows ${env:NAME} itself */
};

#define ADDRESS_IP "\\*:[0-9]+|[0-9.]+:[0-9]+|" \
	"\\[[0-9A-Fa-f:.]+\\]:[0-9]+"	/* a part of a pattern */
extern const struct conf_form form_address;	/* struct address */
extern const struct conf_form form_server;	/* struct address: of DNS */
extern const struct conf_form form_network;	/* struct cidr */
extern const struct conf_form form_host;	/* const char *, like the next */
extern const struct conf_form form_path;
extern const struct conf_form form_token;
extern const struct conf_form form_status;	/* struct status_range */
extern const struct conf_form form_regex;	/* struct regex * */
extern const struct conf_form form_pattern;
extern const struct conf_form form_template;	/* struct template */
extern const struct conf_form form_late_template;	/* the same, behind
							 * the response */
extern const struct conf_form form_format;	/* struct access_format */
extern const struct conf_form form_retry;	/* uint32_t: enum retry_word */

/*
 * The member of a key without a default that is not required shows whether it
 * was given: by a NULL (strings), by no items (lists), by its `place`, or by a
 * 0 that nobody could have written. A block without a place is given when
 * something in it is.
 */
struct conf_key {
	const char *name;
	enum conf_type type;
	bool is_required;
	bool is_secret;		/* no excerpt may show it */
	uint64_t min, max;	/* max 0: no range; of a list or map: 1, if
				 * it cannot be empty */
	const char *def;	/* as a file would say it; NULL: none */
	const char *word;	/* "off", "auto": stands for `word_value` */
	uint64_t word_value;
	const struct conf_choice *choices;
	const struct conf_form *form;
	const struct conf_section *section;	/* of a block, of list items */
	size_t offset, size;	/* of the value's member */
	size_t place;		/* of a struct place member; 0: none */
	bool is_one_of;		/* of those in its section one must be given */
	const char *excludes;	/* a key that cannot stand beside it */
	const char *unless;	/* required, but where this key stands */
	const char *pattern;	/* for the JSON Schema, as conf_form has it,
				 * of a string or in place of the form's */
	const char *help;	/* a sentence or more, for an editor's hover */
	const char *since;	/* the first version that knows it */
};

struct conf_section {
	const char *name;	/* as in: unknown key "x" in NAME */
	const struct conf_key *keys;	/* a NULL name ends them */
	size_t size;		/* of the struct that is filled */
	const char *alone;	/* of blocks and map items: the key that a
				 * single value stands for; NULL: none */
};

/* What the file says, before it becomes the model. */
struct backend_file {
	struct place at;	/* of the item */
	bool is_bad;
	const char *host;
	struct place host_at;
	uint16_t port, weight, addresses;
	struct place weight_at;
	uint32_t is_srv;	/* resolve */
	struct place resolve_at;
	bool is_backup;
	uint32_t max_connections;
};

struct check_header_file {
	struct conf_named as;
	const char *value;
	struct place value_at;
};

struct check_file {
	struct check_conf conf;		/* its plain values */
	struct conf_list headers;	/* of struct check_header_file */
	struct conf_list statuses;	/* of struct status_range */
	struct conf_list fields;	/* of struct test_file */
	struct place method_at, path_at, host_at, headers_at, statuses_at,
	    fields_at, body_at, contains_at, regex_at, interval_at,
	    timeout_at;
};

struct upstream_file {
	struct conf_named as;		/* name NULL: the top level's */
	struct conf_list backends;	/* of struct backend_file */
	struct place backends_at;
	uint32_t strategy;		/* enum strategy_id */
	struct place strategy_at;
	struct sticky_conf sticky;
	struct place sticky_cookie_at, sticky_secret_at,
	    sticky_secret_file_at, sticky_path_at, sticky_domain_at,
	    sticky_at;
	struct hash_conf hash;
	struct place hash_at, hash_key_at, hash_name_at;
	uint32_t pool_idle, idle_ms;	/* keep_alive */
	uint32_t retries, budget;
	struct conf_list when;		/* of uint32_t: enum retry_word */
	struct place when_at;
	uint32_t try_ms, total_ms;	/* 0: off */
	struct check_file check;
	struct upstream_timeouts timeouts;
	struct breaker_conf breaker;
	struct place breaker_at;
	uint32_t slow_start_ms, fail_open;
	uint32_t max_connections, queue_size, queue_ms;
};

struct listener_file {
	struct place at;
	bool is_bad;
	struct address address;
	struct place address_at;
	uint32_t backlog;		/* 0: auto */
	bool is_ipv6_only, is_free;
	struct place ipv6_only_at;
	struct conf_list trusted;	/* of struct cidr */
};

/* A condition on a field, a parameter or a cookie. */
struct test_file {
	struct conf_named as;
	const char *equal;
	struct place equal_at;
	bool is_present;
	struct place present_at;
	const struct regex *regex;
	struct place regex_at;
};

struct field_file {
	struct conf_named as;
	struct template value;
	struct place value_at;
};

struct edits_file {
	struct conf_list set, add;	/* of struct field_file */
	struct conf_list remove;	/* of const char * */
	struct place remove_at;
};

/* One upstream of a split. */
struct share_file {
	struct conf_named as;
	uint32_t weight;
	struct place weight_at;
};

struct route_file {
	struct place at;
	bool is_bad;
	const char *name;
	struct place name_at;
	struct match_conf match;	/* its plain lists */
	struct conf_list headers, queries, cookies;	/* of struct test_file */
	struct address listener;
	struct place listener_at;
	const char *upstream;
	struct place upstream_at;
	struct place respond_at, redirect_at;
	uint32_t respond_status, redirect_status;
	struct template body, to;
	struct place body_at, to_at;
	const char *content_type;
	struct place content_type_at;
	struct edits_file request, response;
	struct conf_list upgrade;	/* of const char * */
	struct place upgrade_at;
	struct conf_list shares;	/* of struct share_file */
	struct template split_key;
	struct place split_at, split_key_at, shares_at;
	const char *strip_prefix;
	struct place strip_prefix_at;
	struct template replace_path;
	struct place replace_path_at;
	struct upstream_timeouts timeouts;	/* 0: the upstream's */
	uint32_t retries;			/* RETRIES_OFF: none */
	struct place attempts_at;		/* line 0: the upstream's */
	struct conf_list when;			/* as an upstream has it */
	struct place when_at;
	uint32_t try_ms, total_ms;		/* TIMEOUT_OFF: none */
	uint64_t body_limit;
	struct place body_limit_at;
	struct place timeouts_at, retries_at, limits_at;
	uint32_t access_is_off, sample;	/* access_log */
	struct place sample_at;
};

#define RETRIES_OFF	UINT32_MAX
#define TIMEOUT_OFF	UINT32_MAX

struct file_conf {
	struct upstream_file top;	/* must be first: its rows' offsets */
	struct conf_list include;	/* of const char *; empty: merged */
	struct conf_list upstreams;	/* of struct upstream_file */
	struct place upstreams_at;
	struct conf_list routes;	/* of struct route_file */
	struct place routes_at;
	struct conf_list listeners;	/* of struct listener_file */
	struct place listeners_at;
	struct log_conf log;
	struct access_conf access;
	uint32_t access_is_off;
	const char *admin_socket;	/* NULL: by default, or off */
	struct place admin_socket_at;
	struct address admin_address;
	struct place admin_address_at;
	const char *via;		/* NULL: off */
	struct place via_at;
	uint32_t max_hops;
	bool sends_forwarded;
	uint32_t workers;		/* WORKERS_AUTO: auto */
	const char *user;
	uint32_t shutdown_timeout_ms, drain_timeout_ms, drain_delay_ms;
	struct place drain_timeout_at, keep_alive_at;
	uint32_t sigterm_is_graceful;
	const char *pid_file;		/* NULL: by default, or off */
	struct place pid_file_at;
	struct limits_conf limits;
	struct timeouts_conf timeouts;
	struct conf_list name_servers;	/* of struct address */
	struct resolver_conf resolver;
};

#define WORKERS_AUTO	0
#define WORKERS_MOST	64	/* a quarter of the segment's slots */
#define LISTENERS_MOST	256
#define CONF_NAME_MOST	64	/* bytes of a name in a map */
#define CONF_BYTES_MOST	(20u << 20)	/* of all that the file says */

extern const struct conf_section conf_root;
extern const struct conf_section conf_backend;
extern const struct conf_section conf_upstream;

/* NULL: the section has no such key. */
const struct conf_key *schema_find(const struct conf_section *section,
    struct span name);

/* Whether a key of this name, in whatever section, holds a secret. */
bool schema_has_secret(struct span name);

/* The manual's word for its type: "duration", "list". */
const char *schema_noun(const struct conf_key *key);
/* NULL: it is no number. */
const struct value_form *schema_form(const struct conf_key *key);

/* Sets every key of the section that has a default, and of its blocks. */
void schema_defaults(const struct conf_section *section, void *target);

/*
 * Reads `text` as the key's type and stores it in the section's struct;
 * strings are copied into the arena. False: `why` says what is wrong and
 * what to write instead. Not for what has a section, nor for lists.
 */
#define WHY_MAX 1024
bool schema_set(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX]);

/* A number as the key's member has it. */
void schema_store(const struct conf_key *key, void *target, uint64_t value);
uint64_t schema_load(const struct conf_key *key, const void *target);

/*
 * The opposite of schema_set(): what a file would say, without quotes; in the
 * arena or in what the value is made of. `ptr` is NULL if it is not given and
 * has no default.
 */
struct span schema_get(const struct conf_key *key, const void *target,
    struct arena *arena);

/* Whether schema_get() has something to say; for a block or a list whether
 * it would have to be written to be read like this. */
bool schema_is_given(const struct conf_key *key, const void *target);
/* Whether a block's word stands in its place. */
bool schema_is_word(const struct conf_key *key, const void *target);
/* Of a key with lists of any kind; `items` in their order. */
struct conf_list schema_items(const struct conf_key *key, const void *target);
