/* src/conf/internal.h -- the steps of conf_read(), seen in this folder only */
#pragma once
#include "conf/conf.h"
#include "conf/diag.h"
#include "conf/schema.h"

struct node;

#define LETTER_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"abcdefghijklmnopqrstuvwxyz0123456789"
#define TOKEN_CHARACTERS LETTER_CHARACTERS "!#$%&'*+-.^_`|~" /* RFC 9110 5.6.2 */
/* The same for conf_form's `pattern`. */
#define TOKEN_PATTERN "[A-Za-z0-9!#$%&'*+.^_`|~-]+"

/* Reads the map `root` (NULL: an empty file) by the schema into `f`. */
void read_typed(struct file_conf *f, const struct node *root,
    struct arena *arena, struct diagnostics *d);

/* The patterns behind a key `include` into f->include; one that is refused is
 * NULL there. */
void read_include(struct file_conf *f, const struct node *value,
    struct arena *arena, struct diagnostics *d);

/*
 * What a backend's `host` says: a name, an address, or either behind
 * "https://". False: `why` says what is wrong. `b` gets host, wants_tls and,
 * for an address, the address with `port`.
 */
bool backend_parse_host(struct backend_conf *b, struct span text,
    uint16_t port, struct arena *arena, char why[WHY_MAX]);

bool host_is_name(struct span name);

/*
 * The list, checked: also for duplicates and idle weights. Backends that need
 * TLS are left out, with a warning each; returns how many.
 */
size_t take_backends(struct upstream_conf *u, const struct upstream_file *f,
    struct arena *arena, struct diagnostics *d);

/*
 * The command line goes over what the file says, which is checked all the
 * same: -b and, for the upstream of the top level, --cookie-name.
 */
void merge_backends(struct upstream_file *f, const struct options *o,
    struct arena *arena, struct diagnostics *d);
void merge_top(struct file_conf *f, const struct options *o,
    struct arena *arena, struct diagnostics *d);

/* The name of a file, which is relative to conf->directory, or a word for a
 * descriptor. NULL stays. */
const char *conf_place(const struct conf *conf, const char *name);

/* The upstream of the top level, then those of the map. */
void take_upstreams(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d);

/* The checks of an upstream's backends. */
void take_check(struct check_conf *c, const struct check_file *f,
    struct arena *arena, struct diagnostics *d);

/* Conditions on fields, parameters or cookies: `from` is of struct test_file. */
void take_tests(struct tests_conf *to, const struct conf_list *from,
    struct arena *arena, struct diagnostics *d);

/* What frames a message or concerns one connection is not a route's. */
bool field_is_ours(const char *name);

/* Behind the upstreams and listeners, which they name. */
void take_routes(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d);

/* A warning for each route that an earlier one hides. The conditions of all
 * must be sound. */
void warn_hidden(const struct conf *conf, struct diagnostics *d);

/*
 * -H and -p; else the file's; else 0.0.0.0:9000. What the file says is
 * checked in any case.
 */
void merge_listeners(struct file_conf *f, const struct options *o,
    struct arena *arena, struct diagnostics *d);
void take_listeners(struct conf *conf, const struct file_conf *f);

/* retry.c: RETRY_BIT()s of the words of a list. */
uint32_t retry_mask(const struct conf_list *when);

/* Behind the listeners: none of them may have its address. */
void take_admin(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d);
