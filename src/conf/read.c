/* src/conf/read.c -- the file and the command line become one model */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

#include "conf/files.h"
#include "conf/internal.h"
#include "conf/yaml.h"

#define VIA_MOST	56	/* with "1.1 " in struct proxy */

/* Not all that the top level's upstream has has a key there. */
static void
file_defaults(struct file_conf *f)
{
	schema_defaults(&conf_upstream, &f->top);
	schema_defaults(&conf_root, f);
}

/* The tree lives only while it is typed; the model has its own arena. As
 * files_read(). */
static bool
read_file(struct conf *conf, struct file_conf *f, struct diagnostics *d)
{
	struct arena *tree = arena_new(64u << 10);
	struct yaml y = { .arena = tree, .d = d };
	struct node *root;
	bool is_whole;

	file_defaults(f);
	is_whole = files_read(conf->file, &y, &root, conf->sha256);
	read_typed(f, root, conf->arena, d);
	arena_free(&tree);
	return is_whole;
}

static void
take_file(struct conf *conf, const struct file_conf *f)
{
	conf->limits = f->limits;
	conf->timeouts = f->timeouts;
	conf->resolver = f->resolver;
	conf->resolver.servers = f->name_servers.items;
	conf->resolver.n_servers = f->name_servers.n;
	conf->user = f->user;
	conf->shutdown_timeout_ms = f->shutdown_timeout_ms;
	conf->drain_timeout_ms = f->drain_timeout_ms;
	conf->drain_delay_ms = f->drain_delay_ms;
	conf->sigterm_is_graceful = f->sigterm_is_graceful != 0;
	conf->pid_file = f->pid_file;
	conf->is_pid_file_off = f->pid_file == NULL &&
	    f->pid_file_at.line != 0;
	conf->log = f->log;
	if (!f->access_is_off)
		conf->access = f->access;
	conf->via = f->via;
	conf->max_hops = f->max_hops;
	conf->sends_forwarded = f->sends_forwarded;
}

/* A word of the command line for the section's key `name`. */
static void
merge_option(struct file_conf *f, const struct conf_section *section,
    const char *option, const char *name, const char *text,
    struct arena *arena, struct diagnostics *d)
{
	char why[WHY_MAX];

	if (text == NULL)
		return;
	if (!schema_set(schema_find(section, span_str(name)), f,
	    span_str(text), arena, why))
		diag_error(d, PLACE_OPTIONS, "%s: %s", option, why);
}

/* From here on the structs of the file are the whole configuration. */
static void
merge_options(struct file_conf *f, const struct options *o,
    struct arena *arena, struct diagnostics *d)
{
	const struct conf_section *root = &conf_root,
	    *log = schema_find(root, SPAN("log"))->section;

	merge_option(f, root, "-s", "strategy", o->strategy, arena, d);
	merge_option(f, root, "--workers", "workers", o->workers, arena, d);
	merge_option(f, log, "--log-level", "level", o->log_level, arena, d);
	merge_option(f, log, "--log-file", "file", o->log_file, arena, d);
	merge_listeners(f, o, arena, d);
	merge_top(f, o, arena, d);
}

/* RFC 9110 7.6.3: a token, or a host with a port; no comment. */
static void
check_via(const struct file_conf *f, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (f->via == NULL || (f->via[strspn(f->via, TOKEN_CHARACTERS ":[]")] ==
	    '\0' && strlen(f->via) <= VIA_MOST))
		return;
	diag_error(d, f->via_at, "\"%s\" is no pseudonym for Via; write one "
	    "word of at most %d letters and digits, or off",
	    quote(word, span_str(f->via)), VIA_MOST);
}

/* An old worker keeps a connection that it cannot hand over, as of TLS, until
 * its client sends or its time is over. */
static void
warn_drain_cuts(const struct file_conf *f, struct diagnostics *d)
{
	bool is_drain = f->drain_timeout_at.line != 0;

	if (f->drain_timeout_ms == 0 ||
	    f->drain_timeout_ms >= f->timeouts.keep_alive)
		return;
	diag_warning(d, is_drain ? f->drain_timeout_at : f->keep_alive_at,
	    "%s do not fit: a reload may cut idle connections, on which "
	    "requests may be under way", is_drain ?
	    "\"drain_timeout\" and \"timeouts.keep_alive\"" :
	    "\"keep_alive\" and \"drain_timeout\"");
}

static const char *
join(struct arena *arena, const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = arena_alloc(arena, size);

	snprintf(path, size, "%s%s%s", directory, *name == '/' ? "" : "/",
	    name);
	return path;
}

const char *
conf_place(const struct conf *conf, const char *name)
{
	static const char *const words[] = { "-", "stdout", "stderr" };

	if (name == NULL || *name == '/' || conf->directory == NULL)
		return name;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(name, words[i]) == 0)
			return name;
	return join(conf->arena, conf->directory, name);
}

static void
place_listener(const struct conf *conf, struct address *a,
    struct diagnostics *d)
{
	const char *path = a->un.sun_path;

	if (a->sa.sa_family != AF_UNIX || *path == '/' ||
	    conf->directory == NULL)
		return;
	path = join(conf->arena, "unix:", conf_place(conf, path));
	if (!address_parse(a, span_str(path)))
		diag_error(d, PLACE_OPTIONS, "%s is too long for a socket",
		    path);
}

/* Who goes to the background leaves its directory, and has a pid file. */
static void
place_files(struct conf *conf, const struct options *o, struct diagnostics *d)
{
	for (size_t i = 0; i < conf->n_listeners; i++)
		place_listener(conf, &conf->listeners[i].address, d);
	conf->log.file = conf_place(conf, conf->log.file);
	conf->access.file = conf_place(conf, conf->access.file);
	conf->admin_socket = conf_place(conf, conf->admin_socket);
	conf->pid_file = conf_place(conf, conf->pid_file);
	if (conf->pid_file == NULL && !conf->is_pid_file_off && o->daemon)
		conf->pid_file = join(conf->arena, conf->run_dir,
		    "fairlead.pid");
}

static struct conf *
conf_new(const struct options *o)
{
	struct arena *arena = arena_new(16u << 10);
	struct conf *conf = arena_new_of(arena, struct conf);

	conf->arena = arena;
	conf->directory = o->directory;
	conf->run_dir = conf_place(conf, arena_str(arena,
	    span_str(o->run_dir != NULL ? o->run_dir :
	    RUNSTATEDIR "/fairlead")));
	if (o->file != NULL)
		conf->file = conf_place(conf,
		    arena_str(arena, span_str(o->file)));
	return conf;
}

struct conf *
conf_read(const struct options *o, struct diagnostics *d)
{
	struct conf *conf = conf_new(o);
	struct file_conf *f = arena_new_of(conf->arena, struct file_conf);
	bool is_whole = true;

	conf->written = f;
	if (conf->file != NULL)
		is_whole = read_file(conf, f, d);
	else
		file_defaults(f);
	merge_options(f, o, conf->arena, d);
	take_file(conf, f);
	conf->workers = f->workers == WORKERS_AUTO ? conf_workers_auto() :
	    (int)f->workers;
	if (o->is_single)
		conf->workers = 0;
	check_via(f, d);
	warn_drain_cuts(f, d);
	if (is_whole) {
		take_listeners(conf, f);
		take_admin(conf, f, d);
		take_upstreams(conf, f, d);
		take_routes(conf, f, d);
	}
	place_files(conf, o, d);
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
	size_t r = conf->n_routes;

	dprintf(fd, "fairlead: %s: configuration ok (%zu listener%s, "
	    "%zu route%s, %zu upstream%s)\n",
	    conf->file != NULL ? conf->file : "command line",
	    l, l == 1 ? "" : "s", r, r == 1 ? "" : "s",
	    u, u == 1 ? "" : "s");
}
