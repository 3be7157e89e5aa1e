/* src/conf/route.c -- routes: what they name is there, what they do is one thing */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/internal.h"

#define EDITS_MOST	12	/* set and add: of HEAD_EXTRAS_MAX */
#define BODY_MOST	4000	/* reply_send() takes it at once */

static struct strings
strings_of(const struct conf_list *list)
{
	return (struct strings){ list->items, list->n };
}

/* ---- conditions */

static int
test_keys(const struct test_file *f)
{
	return (f->equal_at.line != 0) + (f->present_at.line != 0) +
	    (f->regex_at.line != 0);
}

static enum test_kind
test_kind(const struct test_file *f)
{
	if (f->regex_at.line != 0)
		return TEST_REGEX;
	if (f->present_at.line != 0)
		return f->is_present ? TEST_PRESENT : TEST_ABSENT;
	return TEST_EQUAL;
}

void
take_tests(struct tests_conf *to, const struct conf_list *from,
    struct arena *arena, struct diagnostics *d)
{
	const struct test_file *f = from->items;
	char word[QUOTE_MAX];

	to->at = arena_alloc(arena, from->n * sizeof(*to->at));
	for (size_t i = 0; i < from->n; i++, f++) {
		struct test_conf *t = &to->at[to->n++];

		t->name = f->as.name;
		t->value = f->equal;
		t->regex = f->regex;
		t->kind = test_kind(f);
		if (!f->as.is_bad && test_keys(f) != 1)
			diag_error(d, f->as.at, "the condition on \"%s\" takes "
			    "one of \"equal\", \"present\" and \"regex\"",
			    quote(word, span_str(f->as.name)));
	}
}

static void
take_listener(struct match_conf *m, const struct route_file *f,
    const struct conf *conf, struct diagnostics *d)
{
	char word[ADDRESS_TEXT_MAX];
	struct diagnostic *e;

	if (f->listener_at.line == 0)
		return;
	m->has_listener = true;
	for (size_t i = 0; i < conf->n_listeners; i++)
		if (address_equal(&conf->listeners[i].address,
		    &f->listener)) {
			m->listener = i;
			return;
		}
	e = diag_error(d, f->listener_at, "there is no listener on this "
	    "address");
	if (conf->n_listeners == 0)
		return;
	address_print(&conf->listeners[0].address, word);
	diag_note(e, "the first listener is on %s", word);
}

static void
take_match(struct match_conf *m, const struct route_file *f,
    struct conf *conf, struct diagnostics *d)
{
	*m = f->match;
	take_tests(&m->headers, &f->headers, conf->arena, d);
	take_tests(&m->queries, &f->queries, conf->arena, d);
	take_tests(&m->cookies, &f->cookies, conf->arena, d);
	take_listener(m, f, conf, d);
}

/* ---- actions */

static void
list_upstreams(const struct conf *conf, char *out, size_t size)
{
	size_t len = 0;

	*out = '\0';
	for (size_t i = 0; i < conf->n_upstreams && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i > 0 ? ", " : "", conf->upstreams[i].name);
}

static void
refuse_upstream(const struct route_conf *r, const char *upstream,
    struct place at, const struct conf *conf, struct diagnostics *d)
{
	struct suggestion near = { .word = span_str(upstream) };
	char name[QUOTE_MAX], word[QUOTE_MAX], all[WHY_MAX / 2];
	struct diagnostic *e;

	for (size_t i = 0; i < conf->n_upstreams; i++)
		suggest(&near, conf->upstreams[i].name);
	e = diag_error(d, at, "route \"%s\" names the upstream "
	    "\"%s\", which this file does not declare",
	    quote(name, span_str(r->name)),
	    quote(word, span_str(upstream)));
	list_upstreams(conf, all, sizeof(all));
	if (near.best != NULL)
		diag_note(e, "declared here are: %s; did you mean \"%s\"?",
		    all, near.best);
	else
		diag_note(e, "declared here are: %s", all);
}

static void
override(uint32_t *setting, uint32_t of_route)
{
	if (of_route != 0)
		*setting = of_route;
}

/* Of what may be off. */
static void
override_switch(uint32_t *setting, uint32_t of_route)
{
	override(setting, of_route);
	if (of_route == TIMEOUT_OFF)
		*setting = 0;
}

static void
set_retry(struct retry_conf *r, const struct route_file *f,
    const struct retry_conf *of_upstream)
{
	*r = *of_upstream;
	if (f->retries == RETRIES_OFF)
		r->attempts = 0;
	else if (f->attempts_at.line != 0)
		r->attempts = f->retries;
	if (f->when_at.line != 0)
		r->when = retry_mask(&f->when);
	override_switch(&r->try_ms, f->try_ms);
	override_switch(&r->total_ms, f->total_ms);
}

/* What the route does not say is as the upstream has it. */
static void
set_target(struct target_conf *t, const struct route_file *f,
    const struct upstream_conf *u)
{
	t->timeouts = u->timeouts;
	override(&t->timeouts.connect, f->timeouts.connect);
	override(&t->timeouts.response_head, f->timeouts.response_head);
	override(&t->timeouts.between_bytes, f->timeouts.between_bytes);
	override(&t->timeouts.send, f->timeouts.send);
	t->has_timeouts = f->timeouts_at.line != 0;
	set_retry(&t->retry, f, &u->retry);
}

static void
add_target(struct route_conf *r, const struct route_file *f,
    const char *upstream, uint32_t weight, struct place at,
    const struct conf *conf, struct diagnostics *d)
{
	struct target_conf *t = &r->targets[r->n_targets++];

	t->weight = weight;
	r->weight += weight;
	for (size_t i = 0; i < conf->n_upstreams; i++)
		if (strcmp(conf->upstreams[i].name, upstream) == 0) {
			t->upstream = i;
			set_target(t, f, &conf->upstreams[i]);
			return;
		}
	refuse_upstream(r, upstream, at, conf, d);
}

static void
take_upstream(struct route_conf *r, const struct route_file *f,
    struct conf *conf, struct diagnostics *d)
{
	r->action = ACTION_UPSTREAM;
	r->targets = arena_new_of(conf->arena, struct target_conf);
	add_target(r, f, f->upstream, 1, f->upstream_at, conf, d);
}

static void
take_split(struct route_conf *r, const struct route_file *f,
    struct conf *conf, struct diagnostics *d)
{
	const struct share_file *s = f->shares.items;
	char name[QUOTE_MAX];

	r->action = ACTION_UPSTREAM;
	r->split_key = f->split_key;
	r->targets = arena_alloc(conf->arena,
	    (f->shares.n + 1) * sizeof(*r->targets));
	for (size_t i = 0; i < f->shares.n; i++)
		if (s[i].weight_at.line != 0)	/* else reported */
			add_target(r, f, s[i].as.name, s[i].weight,
			    s[i].as.at, conf, d);
	if (f->shares_at.line != 0 && f->shares.n == 0)
		diag_error(d, f->shares_at, "route \"%s\" splits between no "
		    "upstreams; name some, as in {web: 95, canary: 5}",
		    quote(name, span_str(r->name)));
	else if (f->shares_at.line != 0 && r->n_targets == f->shares.n &&
	    r->weight == 0)
		diag_error(d, f->shares_at, "route \"%s\" splits between "
		    "upstreams that all have the weight 0; give one more",
		    quote(name, span_str(r->name)));
}

static size_t
plain_size(const struct template *t)
{
	size_t size = 0;

	for (size_t i = 0; i < t->n; i++)
		size += t->at[i].variable == VARIABLE_NONE ?
		    t->at[i].text.len : 0;
	return size;
}

/* What becomes a line of a head. */
static void
check_line(const struct template *t, struct place at, const char *what,
    struct diagnostics *d)
{
	for (size_t i = 0; i < t->n; i++) {
		struct span text = t->at[i].text;

		for (size_t k = 0; k < text.len; k++) {
			unsigned char c = (unsigned char)text.ptr[k];

			if ((c >= 0x20 && c != 0x7f) || c == '\t')
				continue;
			diag_error(d, at, "%s cannot hold control characters "
			    "or line ends", what);
			return;
		}
	}
}

/* RFC 9110 15.3.5, 15.3.6, 15.4.5: what came would be taken for the next
 * response. */
static void
check_content(const struct route_file *f, struct diagnostics *d)
{
	uint32_t status = f->respond_status;

	if ((status == 204 || status == 205 || status == 304) && f->body.n > 0)
		diag_error(d, f->body_at, "a response with the status %u has "
		    "no content; leave out \"body\"", status);
}

static void
take_respond(struct route_conf *r, const struct route_file *f,
    struct diagnostics *d)
{
	r->action = ACTION_RESPOND;
	r->status = f->respond_status;
	r->text = f->body;
	r->content_type = f->content_type;
	check_content(f, d);
	if (plain_size(&r->text) > BODY_MOST)
		diag_error(d, f->body_at, "a body of %zu bytes is too long; "
		    "at most %d can be sent from here", plain_size(&r->text),
		    BODY_MOST);
	for (const char *c = f->content_type; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) {
			diag_error(d, f->content_type_at, "a content type is "
			    "printable ASCII");
			return;
		}
}

/* The first of them; line 0: there are none. */
static struct place
edits_at(const struct edits_file *f)
{
	const struct conf_list *list = f->set.n > 0 ? &f->set : &f->add;

	if (list->n == 0)
		return f->remove_at;
	return ((const struct field_file *)list->items)->as.at;
}

/* What only a request to a backend has. */
static void
warn_goes_nowhere(const struct route_file *f, struct diagnostics *d)
{
	static const char *const words[] = { "strip_prefix", "replace_path",
		"timeouts", "retries", "limits", "request_headers",
		"response_headers" };
	const struct place at[] = { f->strip_prefix_at, f->replace_path_at,
		f->timeouts_at, f->retries_at, f->limits_at,
		edits_at(&f->request), edits_at(&f->response) };

	for (size_t i = 0; i < COUNT_OF(at); i++)
		if (at[i].line != 0)
			diag_warning(d, at[i], "\"%s\" has no effect in a "
			    "route without an upstream", words[i]);
}

static void
take_action(struct route_conf *r, const struct route_file *f,
    struct conf *conf, struct diagnostics *d)
{
	int n = (f->upstream_at.line != 0) + (f->split_at.line != 0) +
	    (f->respond_at.line != 0) + (f->redirect_at.line != 0);
	char name[QUOTE_MAX];

	if (n == 0 && f->is_bad)
		return;
	if (n != 1) {
		diag_error(d, f->at, "route \"%s\" takes one of \"upstream\", "
		    "\"split\", \"respond\" and \"redirect\"%s",
		    quote(name, span_str(r->name)), n == 0 ?
		    "; it has none" : "");
		return;
	}
	if (f->upstream_at.line != 0) {
		take_upstream(r, f, conf, d);
		return;
	}
	if (f->split_at.line != 0) {
		take_split(r, f, conf, d);
		return;
	}
	warn_goes_nowhere(f, d);
	if (f->respond_at.line != 0) {
		take_respond(r, f, d);
	} else {
		r->action = ACTION_REDIRECT;
		r->status = f->redirect_status;
		r->text = f->to;
		check_line(&r->text, f->to_at, "the target of a redirection",
		    d);
	}
}

/* ---- changes of fields */

bool
field_is_ours(const char *name)
{
	static const char *const names[] = { "connection", "content-length",
		"transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
		"proxy-connection", "expect" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
check_name(const char *name, struct place at, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (field_is_ours(name))
		diag_error(d, at, "\"%s\" belongs to the connection; a route "
		    "cannot change it", quote(word, span_str(name)));
}

static struct field_conf *
take_fields(const struct conf_list *from, size_t *n, struct arena *arena,
    struct diagnostics *d)
{
	const struct field_file *f = from->items;
	struct field_conf *to = arena_alloc(arena, from->n * sizeof(*to));

	for (size_t i = 0; i < from->n; i++) {
		check_name(f[i].as.name, f[i].as.at, d);
		check_line(&f[i].value, f[i].value_at, "a field's value", d);
		to[i] = (struct field_conf){ f[i].as.name, f[i].value };
	}
	*n = from->n;
	return to;
}

static void
take_edits(struct edits_conf *e, const struct edits_file *f,
    const struct route_file *route, struct arena *arena,
    struct diagnostics *d)
{
	e->set = take_fields(&f->set, &e->n_set, arena, d);
	e->add = take_fields(&f->add, &e->n_add, arena, d);
	e->remove = strings_of(&f->remove);
	for (size_t i = 0; i < e->remove.n; i++)
		if (e->remove.at[i] != NULL)
			check_name(e->remove.at[i], f->remove_at, d);
	if (e->n_set + e->n_add > EDITS_MOST)
		diag_error(d, route->at, "a route sets and adds at most %d "
		    "fields each way", EDITS_MOST);
}

/* RFC 9112 3.2: a request with none or two is refused, or is read in another
 * way by each of those that it passes. */
static void
check_host(const struct edits_file *f, struct diagnostics *d)
{
	const struct field_file *add = f->add.items;
	const char **remove = f->remove.items;

	for (size_t i = 0; i < f->add.n; i++)
		if (strcasecmp(add[i].as.name, "host") == 0)
			diag_error(d, add[i].as.at, "a request has one "
			    "\"Host\"; \"set\" changes it");
	for (size_t i = 0; i < f->remove.n; i++)
		if (remove[i] != NULL && strcasecmp(remove[i], "host") == 0)
			diag_error(d, f->remove_at, "a request needs its "
			    "\"Host\"; \"set\" changes it");
}

/* ---- the path that a backend gets */

/* As a path_prefix takes paths. */
static bool
begins_with(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 &&
	    (path[len] == '\0' || path[len] == '/' || prefix[len - 1] == '/');
}

/* Each path that the route takes begins so: else there would be nothing to
 * take off. NULL: so it is. */
static const char *
find_unlike(const struct match_conf *m, const char *prefix)
{
	for (size_t i = 0; i < m->paths.n; i++)
		if (m->paths.at[i] != NULL &&
		    !begins_with(m->paths.at[i], prefix))
			return m->paths.at[i];
	for (size_t i = 0; i < m->prefixes.n; i++)
		if (m->prefixes.at[i] != NULL &&
		    !begins_with(m->prefixes.at[i], prefix))
			return m->prefixes.at[i];
	return NULL;
}

static bool
takes_only_paths(const struct match_conf *m)
{
	return m->paths.n + m->prefixes.n > 0;
}

static void
take_path(struct route_conf *r, const struct route_file *f,
    struct diagnostics *d)
{
	const struct match_conf *m = &f->match;
	const char *unlike;
	char word[QUOTE_MAX];

	r->strip_prefix = f->strip_prefix;
	r->replace_path = f->replace_path;
	r->has_replace_path = f->replace_path_at.line != 0;
	if (f->strip_prefix == NULL)
		return;
	unlike = find_unlike(m, f->strip_prefix);
	if (r->has_replace_path)
		diag_error(d, f->strip_prefix_at, "\"strip_prefix\" and "
		    "\"replace_path\" exclude each other");
	else if (unlike != NULL)
		diag_error(d, f->strip_prefix_at, "the route also takes "
		    "\"%s\", which does not begin with this prefix",
		    quote(word, span_str(unlike)));
	else if (!takes_only_paths(m))
		diag_error(d, f->strip_prefix_at, "the route also takes paths "
		    "without this prefix; give \"match\" a \"path_prefix\"");
}

static void
take_body_limit(struct route_conf *r, const struct route_file *f,
    struct conf *conf)
{
	r->has_body_limit = f->body_limit_at.line != 0;
	r->body_limit = r->has_body_limit ? f->body_limit :
	    conf->limits.request_body;
	conf->has_body_limits |= r->has_body_limit;
	if (r->body_limit == 0 || conf->body_limit == 0)
		conf->body_limit = 0;
	else if (r->body_limit > conf->body_limit)
		conf->body_limit = r->body_limit;
}

/* semantics.md (j): h2c is never asked for (RFC 9113 3.1 has done with it). */
static void
take_upgrade(struct route_conf *r, const struct route_file *f,
    struct diagnostics *d)
{
	static const char *websocket = "websocket";

	r->upgrade = strings_of(&f->upgrade);
	for (size_t i = 0; i < r->upgrade.n; i++)
		if (r->upgrade.at[i] != NULL &&
		    strcasecmp(r->upgrade.at[i], "h2c") == 0)
			diag_error(d, f->upgrade_at, "\"h2c\" is never passed "
			    "on: requests could hide in it; leave it out");
	if (f->upgrade_at.line == 0)
		r->upgrade = (struct strings){ &websocket, 1 };
}

static void
take_access(struct route_conf *r, const struct route_file *f,
    const struct conf *conf, struct diagnostics *d)
{
	char name[QUOTE_MAX];

	r->log_sample = f->access_is_off ? SAMPLE_OFF :
	    f->sample_at.line != 0 ? f->sample : conf->access.sample;
	if (f->sample_at.line != 0 && conf->access.file == NULL)
		diag_warning(d, f->sample_at, "route \"%s\" samples an access "
		    "log that this file does not have",
		    quote(name, span_str(r->name)));
}

/* ---- routes */

static const char *
name_of(const struct route_file *f, size_t i, struct arena *arena)
{
	char text[32];

	if (f->name_at.line != 0)
		return f->name;
	snprintf(text, sizeof(text), "route %zu", i + 1);
	return arena_str(arena, span_str(text));
}

/* Routes of one file stand together: they share its name. */
static const char *
file_of(const struct route_conf *r, size_t i, const struct conf *conf,
    const struct diagnostics *d)
{
	const char *file = diag_file(d, r->at);

	if (r->at.file == 0 || file == NULL)
		return NULL;
	if (i > 0 && r[-1].at.file == r->at.file)
		return r[-1].file;
	return arena_str(conf->arena, span_str(file));
}

void
take_routes(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	const struct route_file *items = f->routes.items;
	bool is_sound = true;	/* else routes may ask more than they seem to */
	size_t errors;

	conf->routes = arena_alloc(conf->arena,
	    f->routes.n * sizeof(*conf->routes));
	conf->n_routes = f->routes.n;
	conf->body_limit = conf->limits.request_body;
	for (size_t i = 0; i < f->routes.n; i++) {
		struct route_conf *r = &conf->routes[i];

		r->name = name_of(&items[i], i, conf->arena);
		r->at = items[i].at;
		r->file = file_of(r, i, conf, d);
		is_sound &= !items[i].is_bad;
		if (items[i].at.line == 0)
			continue;	/* no map: reported */
		errors = diagnostics_errors(d);
		take_match(&r->match, &items[i], conf, d);
		is_sound &= diagnostics_errors(d) == errors;
		take_action(r, &items[i], conf, d);
		take_edits(&r->request_headers, &items[i].request, &items[i],
		    conf->arena, d);
		check_host(&items[i].request, d);
		take_edits(&r->response_headers, &items[i].response,
		    &items[i], conf->arena, d);
		take_upgrade(r, &items[i], d);
		take_path(r, &items[i], d);
		take_body_limit(r, &items[i], conf);
		take_access(r, &items[i], conf, d);
	}
	if (is_sound)
		warn_hidden(conf, d);
}
