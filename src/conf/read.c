/* src/conf/read.c -- the file and the command line become one model */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/internal.h"
#include "conf/yaml.h"
#include "core/assert.h"

#define FILE_MOST	(16u << 20)

/* The whole of a descriptor, at most FILE_MOST + 1 bytes; NULL and errno. */
static char *
read_all(int fd, size_t *len)
{
	size_t size = 64u << 10;
	char *text = xmalloc(size);
	ssize_t n;

	*len = 0;
	for (;;) {
		n = read(fd, text + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*len += (size_t)n;
		if (*len > FILE_MOST)
			break;
		if (*len == size)
			text = xrealloc(text, size *= 2);
	}
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

/* The bytes go to `d`, which shows lines of them. False: reported. */
static bool
load_file(const char *file, struct span *text, struct diagnostics *d)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;
	size_t len = 0;

	if (fd >= 0)
		bytes = read_all(fd, &len);
	if (bytes == NULL) {
		diag_source(d, file, span_of(NULL, 0));
		diag_error(d, PLACE_FILE, "cannot be read: %s",
		    strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	if (bytes == NULL)
		return false;
	*text = span_of(bytes, len);
	diag_source(d, file, *text);
	if (len <= FILE_MOST)
		return true;
	diag_error(d, PLACE_FILE, "the file is larger than %u MiB",
	    FILE_MOST >> 20);
	return false;
}

/* The tree lives only while it is typed; the model has its own arena. */
static void
read_file(struct conf *conf, struct file_conf *f, struct diagnostics *d)
{
	struct arena *tree = arena_new(64u << 10);
	struct span text;
	struct node *root;

	schema_defaults(&conf_root, f);
	if (load_file(conf->file, &text, d)) {
		EVP_Digest(text.ptr, text.len, conf->sha256, NULL,
		    EVP_sha256(), NULL);
		root = yaml_read(text, tree, d);
		read_typed(f, root, conf->arena, d);
	}
	arena_free(&tree);
}

/* What has no key of its own yet: the table at the end of semantics.md. */
static void
set_fixed(struct conf *conf)
{
	conf->limits.response_head = 32u << 10;
	conf->timeouts.connect = 5000;
	conf->timeouts.response_head = 60000;
	conf->timeouts.between_bytes = 60000;
	conf->timeouts.upstream_send = 30000;
	conf->retries = 2;
	conf->via = "fairlead";
	conf->upgrade = "websocket";	/* a route's key: a later issue */
}

static void
take_file(struct conf *conf, const struct file_conf *f)
{
	conf->limits = f->limits;
	conf->timeouts = f->timeouts;
	conf->user = f->user;
	conf->shutdown_timeout_ms = f->shutdown_timeout_ms;
	conf->drain_timeout_ms = f->drain_timeout_ms;
	conf->pool_idle = f->pool_idle;
	conf->timeouts.upstream_idle = f->idle_ms;
	set_fixed(conf);
}

/* A word of the command line for the key `name` of the schema. */
static void
merge_option(struct file_conf *f, const char *option, const char *name,
    const char *text, struct arena *arena, struct diagnostics *d)
{
	char why[WHY_MAX];

	if (text == NULL)
		return;
	if (!schema_set(schema_find(&conf_root, span_str(name)), f,
	    span_str(text), arena, why))
		diag_error(d, PLACE_OPTIONS, "%s: %s", option, why);
}

static void
check_log_level(const char *name, struct diagnostics *d)
{
	enum log_level level;
	char word[QUOTE_MAX];

	if (name != NULL && !log_level_parse(&level, span_str(name)))
		diag_error(d, PLACE_OPTIONS, "--log-level: \"%s\" is no level; "
		    "there are: debug, info, notice, warn, error",
		    quote(word, span_str(name)));
}

/* -H and -p; without them 0.0.0.0:9000. */
static void
set_listener(struct conf *conf, const struct options *o,
    struct diagnostics *d)
{
	const char *host = o->host != NULL ? o->host : "0.0.0.0";
	uint16_t port = o->port != 0 ? o->port : 9000;
	struct listener_conf *l = arena_new_of(conf->arena,
	    struct listener_conf);
	char text[16], word[QUOTE_MAX];

	conf->listeners = l;
	conf->n_listeners = 1;
	snprintf(text, sizeof(text), "*:%u", port);
	if (strcmp(host, "*") == 0 ?
	    address_parse(&l->address, span_str(text)) :
	    address_parse_host(&l->address, span_str(host), port))
		return;
	diag_error(d, PLACE_OPTIONS, "-H: \"%s\" is no address; write one in "
	    "numbers, as in 127.0.0.1 or ::1, or * for all",
	    quote(word, span_str(host)));
}

/* ---- sticky */

#define SECRET_LEAST	16
#define SECRET_MADE	32

#define LETTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define TOKEN	LETTERS "!#$%&'*+-.^_`|~"	/* RFC 9110 5.6.2 */

/* `option`: what it came by, or "". */
static void
check_characters(const char *text, const char *good, const char *option,
    const char *key, struct place at, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (text != NULL && text[strspn(text, good)] != '\0')
		diag_error(d, at, "%s\"%s\" is no %s of a cookie", option,
		    quote(word, span_str(text)), key);
}

static void
take_cookie_name(struct file_conf *f, const char *name, struct arena *arena,
    struct diagnostics *d)
{
	if (name == NULL)
		return;
	check_characters(f->sticky.cookie, TOKEN, "", "name",
	    f->sticky_cookie_at, d);
	f->sticky.cookie = arena_str(arena, span_str(name));
	f->sticky_cookie_at = PLACE_OPTIONS;
}

static void
check_sticky(const struct file_conf *f, bool has_option,
    struct diagnostics *d)
{
	const struct sticky_conf *s = &f->sticky;

	check_characters(s->cookie, TOKEN, has_option ? "--cookie-name: " : "",
	    "name", f->sticky_cookie_at, d);
	check_characters(s->path, TOKEN "/()=@:", "", "path",
	    f->sticky_path_at, d);
	check_characters(s->domain, LETTERS "-.", "", "domain",
	    f->sticky_domain_at, d);
	if (s->path[0] != '/')
		diag_error(d, f->sticky_path_at, "a path begins with /");
	if (s->secret != NULL && strlen(s->secret) < SECRET_LEAST)
		diag_error(d, f->sticky_secret_at, "the secret is too short; "
		    "write %d characters or more", SECRET_LEAST);
}

/* Without a secret one that lives as long as the master. */
static void
take_sticky(struct conf *conf, struct upstream_conf *u,
    const struct file_conf *f, bool has_option, struct diagnostics *d)
{
	char *made;

	check_sticky(f, has_option, d);
	if (u->strategy != STRATEGY_STICKY)
		return;
	u->sticky = f->sticky;
	if (u->sticky.secret != NULL) {
		u->sticky.secret_len = strlen(u->sticky.secret);
		return;
	}
	made = arena_alloc(conf->arena, SECRET_MADE);
	ASSERT(RAND_bytes((unsigned char *)made, SECRET_MADE) == 1);
	u->sticky.secret = made;
	u->sticky.secret_len = SECRET_MADE;
}

/* -b wins; without any, the file's, which was checked all the same. */
static void
set_upstream(struct conf *conf, const struct options *o,
    const struct file_conf *f, struct diagnostics *d)
{
	struct upstream_conf *u = arena_new_of(conf->arena,
	    struct upstream_conf);

	conf->upstreams = u;
	conf->n_upstreams = 1;
	u->name = "default";
	u->strategy = (enum strategy_id)f->strategy;
	take_sticky(conf, u, f, o->cookie_name != NULL, d);
	backends_from_file(u, f, conf->arena, d);
	if (o->n_backends > 0)
		backends_from_options(u, o, conf->arena, d);
	if (u->n_backends == 0 && diagnostics_errors(d) == 0)
		diag_error(d, f->backends_at.line != 0 ? f->backends_at :
		    conf->file != NULL ? PLACE_FILE : PLACE_OPTIONS,
		    "no backends; list them under \"backends\" in a file "
		    "(-c FILE), or give -b HOST:PORT");
}

static struct conf *
conf_new(const struct options *o)
{
	struct arena *arena = arena_new(16u << 10);
	struct conf *conf = arena_new_of(arena, struct conf);

	conf->arena = arena;
	conf->run_dir = arena_str(arena, span_str(o->run_dir != NULL ?
	    o->run_dir : RUNSTATEDIR "/fairlead"));
	if (o->file != NULL)
		conf->file = arena_str(arena, span_str(o->file));
	return conf;
}

struct conf *
conf_read(const struct options *o, struct diagnostics *d)
{
	struct conf *conf = conf_new(o);
	struct file_conf f = { .workers = WORKERS_AUTO };

	if (conf->file != NULL)
		read_file(conf, &f, d);
	else
		schema_defaults(&conf_root, &f);
	merge_option(&f, "-s", "strategy", o->strategy, conf->arena, d);
	take_cookie_name(&f, o->cookie_name, conf->arena, d);
	merge_option(&f, "--workers", "workers", o->workers, conf->arena, d);
	check_log_level(o->log_level, d);
	take_file(conf, &f);
	conf->workers = f.workers == WORKERS_AUTO ? conf_workers_auto() :
	    (int)f.workers;
	if (o->is_single)
		conf->workers = 0;
	set_listener(conf, o, d);
	set_upstream(conf, o, &f, d);
	if (diagnostics_errors(d) > 0)
		conf_free(&conf);
	return conf;
}

void
conf_free(struct conf **conf)
{
	struct arena *arena;

	if (*conf == NULL)
		return;
	arena = (*conf)->arena;
	*conf = NULL;
	arena_free(&arena);
}

void
conf_print_ok(const struct conf *conf, int fd)
{
	size_t l = conf->n_listeners, u = conf->n_upstreams;

	dprintf(fd, "fairlead: %s: configuration ok (%zu listener%s, "
	    "0 routes, %zu upstream%s)\n",
	    conf->file != NULL ? conf->file : "command line",
	    l, l == 1 ? "" : "s", u, u == 1 ? "" : "s");
}
