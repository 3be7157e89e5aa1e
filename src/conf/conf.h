/* src/conf/conf.h -- the configuration: read-only model and its reader */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/route.h"
#include "core/address.h"
#include "core/cidr.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/span.h"

/*
 * A struct conf and all it points to live in one arena and are read-only once
 * conf_read() has returned. Strings are NUL-terminated.
 */
enum strategy_id {
	STRATEGY_WEIGHTED,
	STRATEGY_ROUND_ROBIN,
	STRATEGY_RANDOM,
	STRATEGY_STICKY,
	STRATEGY_LEAST_CONN,
	STRATEGY_P2C,
	STRATEGY_PEAK_EWMA,
	STRATEGY_HASH,
	STRATEGY_FIRST,
	STRATEGY_COUNT
};

/* What of a request the strategy hash looks at. */
enum hash_key {
	HASH_CLIENT,		/* its address, behind trusted proxies */
	HASH_URI,
	HASH_PATH,
	HASH_QUERY,		/* these three by a name */
	HASH_HEADER,
	HASH_COOKIE,
};

struct hash_conf {
	uint32_t key;		/* enum hash_key */
	const char *name;	/* NULL: the key has none */
	/* Hundredths of one percent of its share that a backend may have in
	 * flight; 0: any. */
	uint32_t bounded_load;
};

struct sticky_conf {
	const char *cookie;	/* its name: a token */
	const char *secret;	/* key of the values; secret_len bytes */
	size_t secret_len;
	const char *secret_file;	/* where it is from; NULL: no file */
	const char *path;
	const char *domain;	/* NULL: none */
	uint64_t max_age_ms;	/* 0: as long as the browser runs */
	uint32_t fails_when_down;	/* on_down: fail */
	uint32_t is_off;
};

/* Percentages are hundredths of one percent. */
struct breaker_conf {
	uint32_t is_off;
	uint32_t failures;	/* in a row; 0: they do not open it */
	uint32_t ratio;		/* of `requests` or more; 0: it does not */
	uint32_t requests;
	uint32_t window_ms;
	uint32_t open_ms, open_most_ms;
	uint32_t trials;	/* at a time, over all workers */
	uint32_t successes;	/* trials that close it */
	uint32_t max_ejected;	/* of the upstream's backends */
};

#define WEIGHT_MOST	1000
struct backend_conf {
	const char *host;	/* as written, without brackets */
	uint16_t port;
	uint16_t weight;	/* 1 to 1000; 0 drains */
	bool is_backup;		/* serves while no other can */
	uint32_t max_connections;	/* over all workers; 0: any number */
	bool wants_tls;		/* left out until TLS is built */
	struct address address;	/* len 0: it has a name (dns/refresh.h) */
	bool is_srv;		/* the name is asked for SRV records */
	uint16_t addresses;	/* of a name, that serve; 1 to 64 */
	uint16_t seat;		/* of a name: its number, from 0, when
				 * proc/register.h has multiplied it */
	struct place at;	/* of `host`; line 0: from -b */
	uint32_t slot;		/* in the segment; proc/register.h fills it */
};

/* Backends that stand for one: one, or of a name enough to replace all its
 * addresses while requests are under way on the old ones. */
static inline uint16_t
backend_seats(const struct backend_conf *b)
{
	return b->address.len > 0 ? 1 : (uint16_t)(2 * b->addresses);
}

#define SHARE_ONE	10000u	/* hundredths of one percent */
#define BUDGET_OFF	0u

/* Of responses: `first` to `last`, both in it. */
struct status_range {
	uint16_t first, last;
};

struct check_field {
	const char *name, *value;
};

enum check_type {
	CHECK_HTTP,
	CHECK_TCP,
};

enum check_method {
	CHECK_GET,
	CHECK_HEAD,
	CHECK_OPTIONS,
};

/* Active checks of an upstream's backends (upstream/check.h). */
struct check_conf {
	uint32_t is_off;
	uint32_t type;		/* enum check_type */
	uint32_t method;	/* enum check_method */
	const char *path;
	const char *host;	/* NULL: as the backend is written */
	struct check_field *headers;
	size_t n_headers;
	/* What a response has to be; all of it. */
	struct status_range *statuses;
	size_t n_statuses;
	struct tests_conf fields;
	const char *body;		/* is in it; NULL: any */
	const struct regex *body_regex;	/* matches it; NULL: any */
	uint16_t port;		/* 0: the backend's */
	uint16_t rise, fall;	/* results in a row */
	uint32_t interval_ms, timeout_ms, fast_ms, down_ms;
	uint32_t jitter;	/* hundredths of one percent */
};

struct upstream_conf {
	const char *name;
	enum strategy_id strategy;
	struct sticky_conf sticky;
	bool is_sticky;		/* by its strategy, or by a block */
	struct hash_conf hash;
	struct backend_conf *backends;
	size_t n_backends;
	struct upstream_timeouts timeouts;
	uint32_t pool_idle;	/* idle connections a backend, over all
				 * workers */
	uint32_t idle_ms;	/* how long one of them is kept */
	struct retry_conf retry;
	uint32_t budget;	/* tries that each first one earns another,
				 * in SHARE_ONEs; BUDGET_OFF: any number */
	struct breaker_conf breaker;
	uint32_t max_connections;	/* over all backends; 0: any number */
	uint32_t queue_size;	/* requests that wait for one; 0: none */
	uint32_t queue_ms;	/* how long they may */
	uint32_t slow_start_ms;	/* 0: a backend that returns gets all at once */
	uint32_t fail_open;	/* below this share (hundredths of one percent)
				 * of backends that are well none is left out;
				 * 0: then nobody serves */
	struct check_conf check;
	uint32_t slot;		/* in the segment; proc/register.h fills it */
};

struct listener_conf {
	struct address address;
	int backlog;		/* 0: as much as the system allows */
	bool is_ipv6_only;
	bool is_free;		/* may be bound before the machine has it */
	struct cidrs trusted;	/* proxies whose X-Forwarded-* we believe */
};

struct limits_conf {
	uint32_t connections;		/* a worker; 1 or more */
	uint32_t request_head;		/* bytes, 1 KiB to 128 KiB */
	uint32_t response_head;
	uint32_t header_count;		/* 1 to 1024 */
	uint64_t request_body;		/* bytes; 0: no limit */
	uint32_t requests_per_connection;	/* 0: no limit */
	uint32_t connection_age_ms;	/* 0: no limit */
	uint32_t min_rate;		/* bytes a second; 0: any */
};

struct timeouts_conf {			/* milliseconds */
	uint32_t client_head, client_body, keep_alive, send, tunnel;
};

/* How names of backends are looked up at run time. */
struct resolver_conf {
	const struct address *servers;
	size_t n_servers;	/* 0: those of /etc/resolv.conf */
	uint32_t timeout_ms;	/* for all tries of one question */
	uint32_t stale_ms;	/* an answer serves so long without another */
};

/* interfaces.md, Logs. */
enum access_form {
	ACCESS_TIMING,
	ACCESS_COMBINED,
	ACCESS_JSON,
	ACCESS_TEMPLATE,
};

#define ACCESS_FIELDS_MAX 32	/* request.NAME, response.NAME of a format */
#define ACCESS_TEXT_MAX	4096	/* bytes of what stands between variables */
struct access_format {
	enum access_form form;
	struct template line;	/* ACCESS_TEMPLATE */
	uint32_t n_response;	/* its variables response.NAME */
};

#define SAMPLE_ALL	10000u	/* hundredths of one percent */
#define SAMPLE_OFF	UINT32_MAX	/* not even what failed */
struct access_conf {
	const char *file;	/* NULL: none; "-", "stdout", "stderr": what
				 * we have inherited */
	struct access_format format;
	uint32_t sample;	/* of requests that go well */
};

/* The error log; what the command line says is in it. */
struct log_conf {
	/* NULL: logs/lb-<timestamp>.log; "-", "stderr" and "stdout" are the
	 * descriptors that we have been given. */
	const char *file;
	uint32_t level;		/* enum log_level */
	uint32_t form;		/* enum log_form */
};

struct conf {
	struct arena *arena;
	const char *directory;		/* of relative names; NULL: current */
	const char *file;		/* NULL: none */
	struct listener_conf *listeners;
	size_t n_listeners;
	struct upstream_conf *upstreams;
	size_t n_upstreams;
	size_t default_upstream;	/* without routes */
	struct route_conf *routes;	/* the first that matches decides */
	size_t n_routes;
	struct limits_conf limits;
	struct timeouts_conf timeouts;
	uint32_t shutdown_timeout_ms;
	uint32_t drain_timeout_ms;	/* 0: no limit */
	uint32_t drain_delay_ms;	/* QUIT accepts on for so long */
	bool sigterm_is_graceful;	/* TERM is QUIT */
	struct log_conf log;
	struct access_conf access;
	const char *user;		/* NULL: configure's default */
	int workers;			/* 0: single process */
	const char *pid_file;		/* NULL: by default, or off */
	bool is_pid_file_off;
	const char *run_dir;
	const char *admin_socket;	/* NULL: admin.sock in run_dir */
	bool is_admin_socket_off;
	struct address admin_address;	/* len 0: none */
	struct resolver_conf resolver;
	uint64_t body_limit;	/* the loosest of all routes; 0: none */
	bool has_body_limits;	/* a route has its own */
	const char *via;		/* pseudonym; NULL: off */
	uint32_t max_hops;		/* Via lists us so often at most */
	bool sends_forwarded;		/* RFC 7239, beside X-Forwarded-* */
	uint8_t sha256[32];		/* of the bytes of all files */
	const struct file_conf *written;	/* all of this as files say
					 * it (conf/schema.h) */
};

/* What was wrong, in file order; printed in config.md's form. It keeps the
 * file's text for the excerpts, so free it once it is printed. */
struct diagnostics;
struct diagnostics *diagnostics_new(void);
void diagnostics_free(struct diagnostics **d);
size_t diagnostics_errors(const struct diagnostics *d);
size_t diagnostics_warnings(const struct diagnostics *d);
/* Prints all to the descriptor, with the closing count line; nothing if there
 * is nothing to say. */
void diagnostics_print(const struct diagnostics *d, int fd);
/* The same as a string on the heap; NULL if there is nothing. */
char *diagnostics_text(const struct diagnostics *d);

/* What the configuration was read from, also if it is bad: files, whether they
 * are there or not, and patterns of glob(3) with whatever they match. */
struct conf_source {
	const char *name;	/* as `d` has it */
	bool is_pattern;
};
const struct conf_source *diagnostics_sources(const struct diagnostics *d,
    size_t *n);

/* What the command line says; it wins over the file. Zero/NULL: not given. */
struct options {
	bool help, test, dump, schema;
	const char *show;		/* a path of keys */
	int version;			/* times given */
	const char *host;
	uint16_t port;
	const char *file;
	const char **backends;		/* HOST:PORT[*WEIGHT] */
	size_t n_backends;
	const char *strategy;
	const char *cookie_name;
	const char *workers;		/* N or "auto" */
	bool is_single;			/* --mode single */
	const char *log_file, *log_level;
	const char *run_dir;
	bool daemon;
	bool watch;
	uint32_t interval_ms;		/* of it */
	/* What names of files here and in the file's keys are relative to
	 * (included ones are to the file that names them); NULL: to the
	 * current one. */
	const char *directory;
	const char *signal;		/* to the one that runs */
	const char *explain, *client;	/* "METHOD URL"; an address */
	const char **headers;		/* "Field: value" */
	size_t n_headers;
};

/*
 * Reads options->file (NULL: none) and merges the options over it. NULL if
 * there is any error; all are in `d`. Resolves nothing: names stay with
 * address.len 0 (dns/refresh.h).
 */
struct conf *conf_read(const struct options *options, struct diagnostics *d);
void conf_free(struct conf **conf);

/*
 * "fairlead: FILE: configuration ok (1 listener, 0 routes, 1 upstream)", a
 * line: what a good -t prints.
 */
void conf_print_ok(const struct conf *conf, int fd);

/* CPUs by affinity and cgroup v2 quota, 1 to 64. */
int conf_workers_auto(void);
