/* src/conf/schema.h -- every key: its name, type, range, default and help */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "conf/diag.h"

/*
 * One row per key drives reading, defaults, ranges, messages and the test
 * against fairlead.yaml(5). A row says where in its section's struct the
 * value goes; the width of the member decides how it is stored.
 */
enum conf_type {
	CONF_STRING,	/* const char * */
	CONF_INTEGER,	/* uint16_t, uint32_t or uint64_t, like the next two */
	CONF_SIZE,	/* bytes */
	CONF_RATE,	/* bytes a second */
	CONF_DURATION,	/* milliseconds */
	CONF_CHOICE,	/* uint32_t: one of `choices` */
	CONF_BLOCK,	/* a nested section, in the same struct */
	CONF_LIST,	/* of sections: struct conf_list */
};

struct conf_choice {
	const char *name;	/* NULL ends the table */
	uint32_t value;
	bool is_built;		/* false: known, refused until then */
};

struct conf_list {
	void *items;
	size_t n;
};

struct conf_key {
	const char *name;
	enum conf_type type;
	bool is_required;
	uint64_t min, max;	/* max 0: no range */
	const char *def;	/* as a file would say it; NULL: none */
	const char *word;	/* "off", "auto": stands for `word_value` */
	uint64_t word_value;
	const struct conf_choice *choices;
	const struct conf_section *section;	/* of a block, of list items */
	size_t offset, size;	/* of the value's member */
	size_t place;		/* of a struct place member; 0: none */
	const char *help;
};

struct conf_section {
	const char *name;	/* as in: unknown key "x" in NAME */
	const struct conf_key *keys;	/* a NULL name ends them */
	size_t size;		/* of the struct that is filled */
};

/* What the file says, before it becomes the model. */
struct backend_file {
	struct place at;	/* of the item */
	const char *host;
	struct place host_at;
	uint16_t port;
	struct place port_at;
	uint16_t weight;
	struct place weight_at;
};

struct file_conf {
	struct place at;	/* unused: offset 0 means no place */
	struct conf_list backends;	/* of struct backend_file */
	struct place backends_at;
	uint32_t strategy;		/* enum strategy_id */
	struct place strategy_at;
	struct sticky_conf sticky;
	struct place sticky_cookie_at, sticky_secret_at, sticky_path_at,
	    sticky_domain_at;
	uint32_t workers;		/* WORKERS_AUTO: auto */
	const char *user;
	uint32_t shutdown_timeout_ms, drain_timeout_ms;
	uint32_t pool_idle, idle_ms;	/* keep_alive: of backends */
	struct limits_conf limits;
	struct timeouts_conf timeouts;
};

#define WORKERS_AUTO	0
#define WORKERS_MOST	64	/* slots of the shared segment */
#define WEIGHT_MOST	1000

extern const struct conf_section conf_root;
extern const struct conf_section conf_backend;

/* NULL: the section has no such key. */
const struct conf_key *schema_find(const struct conf_section *section,
    struct span name);

/* Sets every key of the section that has a default, and of its blocks. */
void schema_defaults(const struct conf_section *section, void *target);

/*
 * Reads `text` as the key's type and stores it in the section's struct;
 * strings are copied into the arena. False: `why` says what is wrong and
 * what to write instead. Not for blocks and lists.
 */
#define WHY_MAX 1024
struct arena;
bool schema_set(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX]);
