/* src/conf/upstream.c -- upstreams of a file and of the command line */
#include <stdio.h>
#include <string.h>

#include "conf/internal.h"
#include "conf/secret.h"

/* ---- sticky */

/* What a name or a part of a cookie may hold, and how a message speaks of it. */
static const struct part {
	const char *noun, *good, *advice;
} part_name = {
	"name of a cookie", TOKEN_CHARACTERS,
	"write letters, digits, \"-\" and \"_\" without blanks"
}, part_field = {
	"name of a header field", TOKEN_CHARACTERS,
	"write letters, digits, \"-\" and \"_\" without blanks"
}, part_path = {
	"path of a cookie", TOKEN_CHARACTERS "/()=@:",
	"write letters, digits and \"/\", others as in %20"
}, part_domain = {
	"domain of a cookie", LETTER_CHARACTERS "-.",
	"write a name, as in example.com"
};

/* `option`: what it came by, or "". */
static void
check_part(const struct part *part, const char *text, const char *option,
    struct place at, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (text != NULL && text[strspn(text, part->good)] != '\0')
		diag_error(d, at, "%s\"%s\" is no %s; %s", option,
		    quote(word, span_str(text)), part->noun, part->advice);
}

static void
merge_cookie_name(struct upstream_file *f, const char *name,
    struct arena *arena, struct diagnostics *d)
{
	if (name == NULL)
		return;
	check_part(&part_name, f->sticky.cookie, "", f->sticky_cookie_at, d);
	f->sticky.cookie = arena_str(arena, span_str(name));
	f->sticky_cookie_at = PLACE_OPTIONS;
}

static void
check_sticky(const struct upstream_file *f, struct diagnostics *d)
{
	const struct sticky_conf *s = &f->sticky;
	bool has_option = f->sticky_cookie_at.line == 0;
	char word[QUOTE_MAX];

	check_part(&part_name, s->cookie, has_option ? "--cookie-name: " : "",
	    f->sticky_cookie_at, d);
	check_part(&part_path, s->path, "", f->sticky_path_at, d);
	check_part(&part_domain, s->domain, "", f->sticky_domain_at, d);
	if (s->path[0] != '/')
		diag_error(d, f->sticky_path_at, "\"%s\" is no path; a path "
		    "begins with \"/\"", quote(word, span_str(s->path)));
	if (s->is_off && f->strategy == STRATEGY_STICKY)
		diag_error(d, f->sticky_at, "\"off\" leaves the strategy "
		    "without its cookie; write strategy: weighted");
	if (s->secret != NULL && strlen(s->secret) < SECRET_LEAST)
		diag_error(d, f->sticky_secret_at, "the secret is too short; "
		    "write %d characters or more", SECRET_LEAST);
	if (f->sticky_secret_at.line != 0 && s->secret_file != NULL)
		diag_error(d, f->sticky_secret_file_at, "\"secret_file\" "
		    "cannot be beside \"secret\"; leave out one of them");
}

static void
read_secret(const struct conf *conf, struct sticky_conf *s, struct place at,
    struct diagnostics *d)
{
	char why[WHY_MAX], word[QUOTE_MAX];

	s->secret = secret_read(conf_place(conf, s->secret_file),
	    &s->secret_len, conf->arena, why);
	if (s->secret == NULL)
		diag_error(d, at, "\"%s\" gives no secret: %s",
		    quote(word, span_str(s->secret_file)), why);
}

static void
take_sticky(const struct conf *conf, struct upstream_conf *u,
    const struct upstream_file *f, struct diagnostics *d)
{
	bool is_asked_for = f->sticky_at.line != 0 && !f->sticky.is_off;

	check_sticky(f, d);
	u->is_sticky = is_asked_for || u->strategy == STRATEGY_STICKY;
	if (!u->is_sticky)
		return;
	u->sticky = f->sticky;
	if (u->sticky.secret != NULL) {
		u->sticky.secret_len = strlen(u->sticky.secret);
	} else if (u->sticky.secret_file != NULL) {
		read_secret(conf, &u->sticky, f->sticky_secret_file_at, d);
	} else {
		u->sticky.secret = secret_shared();
		u->sticky.secret_len = SECRET_MADE;
	}
}

/* ---- hash */

static bool
has_name(const struct hash_conf *h)
{
	return h->key == HASH_QUERY || h->key == HASH_HEADER ||
	    h->key == HASH_COOKIE;
}

/* What could not be read has left no place: then no more is said of it. */
static bool
is_readable(const struct upstream_file *f, const struct diagnostics *d)
{
	return f->hash_key_at.line != 0 || diagnostics_errors(d) == 0;
}

static void
check_hash_name(const struct upstream_file *f, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (f->hash.key == HASH_HEADER)
		check_part(&part_field, f->hash.name, "", f->hash_name_at, d);
	else if (f->hash.key == HASH_COOKIE)
		check_part(&part_name, f->hash.name, "", f->hash_name_at, d);
	else if (!has_name(&f->hash) && is_readable(f, d))
		diag_error(d, f->hash_name_at, "\"%s\" names "
		    "nothing; a name is for the keys query, header and "
		    "cookie", quote(word, span_str(f->hash.name)));
}

static void
take_hash(struct upstream_conf *u, const struct upstream_file *f,
    struct diagnostics *d)
{
	u->hash = f->hash;
	if (f->hash_at.line == 0)
		return;
	if (f->hash.name != NULL)
		check_hash_name(f, d);
	else if (has_name(&f->hash) && diagnostics_errors(d) == 0)
		diag_error(d, f->hash_key_at, "it needs a name "
		    "beside it, as in {key: header, name: X-User}");
	if (f->strategy != STRATEGY_HASH)
		diag_warning(d, f->hash_at, "\"hash\" has no effect under "
		    "this strategy; write strategy: hash");
}

/* ---- upstreams */

static void
take_settings(struct upstream_conf *u, const struct upstream_file *f)
{
	u->strategy = (enum strategy_id)f->strategy;
	u->timeouts = f->timeouts;
	u->pool_idle = f->pool_idle;
	u->idle_ms = f->idle_ms;
	u->retry = (struct retry_conf){
		.attempts = f->retries,
		.when = f->when_at.line == 0 ? RETRY_DEFAULT :
		    retry_mask(&f->when),
		.try_ms = f->try_ms, .total_ms = f->total_ms,
	};
	u->budget = f->budget;
	u->breaker = f->breaker;
	u->max_connections = f->max_connections;
	u->queue_size = f->queue_size;
	u->queue_ms = f->queue_ms;
	u->slow_start_ms = f->slow_start_ms;
	u->fail_open = f->fail_open;
}

/* All that are listed are left out. */
static void
check_any_left(const struct upstream_conf *u, size_t n_listed,
    size_t n_left_out, struct place at, struct diagnostics *d)
{
	if (n_listed > 0 && n_left_out == n_listed)
		diag_error(d, at, "the upstream \"%s\" has no backend left: "
		    "all need TLS, which is not built yet; list one that "
		    "speaks plain HTTP", u->name);
}

/* One of the map. */
static void
take_named(struct conf *conf, const struct upstream_file *f,
    struct diagnostics *d)
{
	struct upstream_conf *u = &conf->upstreams[conf->n_upstreams++];
	size_t n_left_out;

	u->name = f->as.name;
	take_settings(u, f);
	take_sticky(conf, u, f, d);
	take_hash(u, f, d);
	take_check(&u->check, &f->check, conf->arena, d);
	n_left_out = take_backends(u, f, conf->arena, d);
	check_any_left(u, f->backends.n, n_left_out, f->backends_at, d);
	if (f->backends_at.line != 0 && f->backends.n == 0)
		diag_error(d, f->backends_at, "the upstream \"%s\" has no "
		    "backends", u->name);
}

/* The one of the top level. */
static void
take_top(struct conf *conf, const struct upstream_file *f,
    struct diagnostics *d)
{
	struct upstream_conf *u = &conf->upstreams[conf->n_upstreams++];
	size_t n_left_out;

	u->name = "default";
	take_settings(u, f);
	take_sticky(conf, u, f, d);
	take_hash(u, f, d);
	take_check(&u->check, &f->check, conf->arena, d);
	n_left_out = take_backends(u, f, conf->arena, d);
	check_any_left(u, f->backends.n, n_left_out, f->backends_at, d);
	if (u->n_backends == 0 && diagnostics_errors(d) == 0)
		diag_error(d, f->backends_at.line != 0 ? f->backends_at :
		    conf->file != NULL ? PLACE_FILE : PLACE_OPTIONS,
		    "no backends; list them under \"backends\" in a file "
		    "(-c FILE), or give -b HOST:PORT");
}

static void
check_top_is_alone(const struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	const struct upstream_file *items = f->upstreams.items;
	struct diagnostic *e;

	for (size_t i = 0; i < f->upstreams.n; i++) {
		if (strcmp(items[i].as.name, conf->upstreams[0].name) != 0)
			continue;
		e = diag_error(d, items[i].as.at, "the upstream \"default\" "
		    "is declared twice");
		if (f->top.backends_at.line == 0)
			diag_note(e, "-b declares it, too");
		else
			diag_note(e, "\"backends\" at the top level declares "
			    "it, too");
	}
}

/* With no routes everything goes to one: "default", or the only one. */
static void
choose_default(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		if (strcmp(conf->upstreams[i].name, "default") == 0) {
			conf->default_upstream = i;
			return;
		}
	if (conf->n_upstreams != 1 && f->routes.n == 0)
		diag_error(d, f->upstreams_at, "nothing says which of these "
		    "upstreams requests go to; name one of them \"default\"");
}

void
merge_top(struct file_conf *f, const struct options *o, struct arena *arena,
    struct diagnostics *d)
{
	merge_cookie_name(&f->top, o->cookie_name, arena, d);
	merge_backends(&f->top, o, arena, d);
}

/* Routes that answer all by themselves, as one that redirects to https. */
static bool
needs_backends(const struct file_conf *f)
{
	const struct route_file *r = f->routes.items;

	for (size_t i = 0; i < f->routes.n; i++)
		if (r[i].respond_at.line == 0 && r[i].redirect_at.line == 0)
			return true;
	return f->routes.n == 0;
}

void
take_upstreams(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	const struct upstream_file *items = f->upstreams.items;

	conf->upstreams = arena_alloc(conf->arena,
	    (f->upstreams.n + 1) * sizeof(*conf->upstreams));
	if (f->top.backends.n > 0 || f->top.backends_at.line != 0 ||
	    (f->upstreams.n == 0 && needs_backends(f))) {
		take_top(conf, &f->top, d);
		check_top_is_alone(conf, f, d);
	}
	for (size_t i = 0; i < f->upstreams.n; i++)
		take_named(conf, &items[i], d);
	choose_default(conf, f, d);
}
