/* src/conf/hidden.c -- routes that no request reaches: an earlier takes them */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"
#include "core/hash.h"
#include "core/regex.h"

#define SPREAD_MOST	64	/* places of one route in the index */

/* ---- whether all that one condition takes is taken by another */

static bool
covers_host(const char *a, const char *b)
{
	size_t tail = strlen(a) - 1, len = strlen(b);

	if (a[0] != '*')
		return strcmp(a, b) == 0;
	return len > tail && strcmp(a + 1, b + len - tail) == 0;
}

static bool
covers_prefix(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strncmp(a, b, len) == 0 && (b[len] == '\0' || b[len] == '/' ||
	    b[len - 1] == '/');
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* One of the list covers `b`. */
static bool
one_covers(const struct strings *list, const char *b,
    bool (*covers)(const char *a, const char *b))
{
	for (size_t i = 0; i < list->n; i++)
		if (covers(list->at[i], b))
			return true;
	return false;
}

/* An empty list covers all, and only an empty one an empty one. */
static bool
list_covers(const struct strings *a, const struct strings *b,
    bool (*covers)(const char *a, const char *b))
{
	for (size_t i = 0; i < b->n && a->n > 0; i++)
		if (!one_covers(a, b->at[i], covers))
			return false;
	return a->n == 0 || b->n > 0;
}

static size_t
count_paths(const struct match_conf *m)
{
	return m->paths.n + m->prefixes.n + m->regexes.n;
}

static bool
has_pattern(const struct regexes *list, const struct regex *r)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_same(regex_pattern(list->at[i]), regex_pattern(r)))
			return true;
	return false;
}

/* A pattern covers the same one only: more cannot be said in general. */
static bool
covers_paths(const struct match_conf *a, const struct match_conf *b)
{
	for (size_t i = 0; i < b->paths.n; i++)
		if (!one_covers(&a->paths, b->paths.at[i], is_same) &&
		    !one_covers(&a->prefixes, b->paths.at[i], covers_prefix))
			return false;
	for (size_t i = 0; i < b->prefixes.n; i++)
		if (!one_covers(&a->prefixes, b->prefixes.at[i],
		    covers_prefix))
			return false;
	for (size_t i = 0; i < b->regexes.n; i++)
		if (!has_pattern(&a->regexes, b->regexes.at[i]))
			return false;
	return count_paths(b) > 0;
}

static bool
covers_clients(const struct cidrs *a, const struct cidrs *b)
{
	size_t k;

	for (size_t i = 0; i < b->n; i++) {
		for (k = 0; k < a->n && !cidr_covers(&a->at[k], &b->at[i]);
		    k++)
			;
		if (k == a->n)
			return false;
	}
	return b->n > 0;
}

/* Whether `a` holds wherever `b`, a condition of the same name, does. */
static bool
follows(const struct test_conf *a, const struct test_conf *b)
{
	switch (a->kind) {
	case TEST_PRESENT:
		return b->kind != TEST_ABSENT;
	case TEST_ABSENT:
		return b->kind == TEST_ABSENT;
	case TEST_EQUAL:
		return b->kind == TEST_EQUAL && is_same(a->value, b->value);
	default:
		return b->kind == TEST_REGEX ? is_same(regex_pattern(a->regex),
		    regex_pattern(b->regex)) : b->kind == TEST_EQUAL &&
		    regex_matches(a->regex, span_str(b->value));
	}
}

static bool
one_implies(const struct tests_conf *b, const struct test_conf *a,
    int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < b->n; i++)
		if (compare(a->name, b->at[i].name) == 0 &&
		    follows(a, &b->at[i]))
			return true;
	return false;
}

static bool
covers_tests(const struct tests_conf *a, const struct tests_conf *b,
    int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < a->n; i++)
		if (!one_implies(b, &a->at[i], compare))
			return false;
	return true;
}

static bool
covers(const struct match_conf *a, const struct match_conf *b)
{
	return list_covers(&a->hosts, &b->hosts, covers_host) &&
	    (count_paths(a) == 0 || covers_paths(a, b)) &&
	    list_covers(&a->methods, &b->methods, is_same) &&
	    (!a->has_listener ||
	    (b->has_listener && a->listener == b->listener)) &&
	    (a->clients.n == 0 || covers_clients(&a->clients, &b->clients)) &&
	    covers_tests(&a->headers, &b->headers, strcasecmp) &&
	    covers_tests(&a->queries, &b->queries, strcmp) &&
	    covers_tests(&a->cookies, &b->cookies, strcmp);
}

/*
 * ---- what a route asks beside host and path, as bits: whoever covers another
 * asks nothing that the other does not offer. It spares most comparisons.
 */
enum atom { ATOM_EQUAL, ATOM_PRESENT, ATOM_ABSENT, ATOM_REGEX, ATOM_METHOD,
	ATOM_METHODS, ATOM_LISTENER, ATOM_CLIENT };

static uint64_t
atom(enum atom kind, const char *name, const char *value)
{
	char lower[CONF_NAME_MOST] = "";
	size_t len = 0;

	for (; name[len] != '\0' && len < CONF_NAME_MOST; len++)
		lower[len] = (char)tolower((unsigned char)name[len]);
	return 1ull << (hash_bytes(value, strlen(value),
	    hash_bytes(lower, len, kind)) & 63);
}

static uint64_t
tests_ask(const struct tests_conf *t)
{
	static const enum atom atoms[] = { [TEST_EQUAL] = ATOM_EQUAL,
		[TEST_PRESENT] = ATOM_PRESENT, [TEST_ABSENT] = ATOM_ABSENT,
		[TEST_REGEX] = ATOM_REGEX };
	uint64_t bits = 0;

	for (size_t i = 0; i < t->n; i++)
		bits |= atom(atoms[t->at[i].kind], t->at[i].name,
		    t->at[i].kind == TEST_EQUAL ? t->at[i].value : "");
	return bits;
}

/* As follows() has it. */
static uint64_t
tests_offer(const struct tests_conf *t)
{
	uint64_t bits = tests_ask(t);

	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].kind != TEST_ABSENT)
			bits |= atom(ATOM_PRESENT, t->at[i].name, "") |
			    atom(ATOM_REGEX, t->at[i].name, "");
	return bits;
}

static uint64_t
others_ask(const struct match_conf *m)
{
	uint64_t bits = 0;
	char listener[24];

	if (m->methods.n > 1)
		bits |= atom(ATOM_METHODS, "", "");
	if (m->methods.n == 1)
		bits |= atom(ATOM_METHOD, "", m->methods.at[0]);
	if (m->clients.n > 0)
		bits |= atom(ATOM_CLIENT, "", "");
	snprintf(listener, sizeof(listener), "%zu", m->listener);
	if (m->has_listener)
		bits |= atom(ATOM_LISTENER, "", listener);
	return bits;
}

static uint64_t
asks(const struct match_conf *m)
{
	return others_ask(m) | tests_ask(&m->headers) |
	    tests_ask(&m->queries) | tests_ask(&m->cookies);
}

static uint64_t
offers(const struct match_conf *m)
{
	uint64_t bits = others_ask(m) | tests_offer(&m->headers) |
	    tests_offer(&m->queries) | tests_offer(&m->cookies);

	if (m->methods.n > 0)
		bits |= atom(ATOM_METHODS, "", "") |
		    atom(ATOM_METHOD, "", m->methods.at[0]);
	return bits;
}

/*
 * ---- the index: each route by each host and path that it takes. What covers
 * a route takes its first host and its first path, too: so it is found by
 * these, by what lies above them, or among those that ask for none.
 */
enum kind { KIND_ANY, KIND_PATH, KIND_PREFIX, KIND_PATTERN };

struct entry {
	uint64_t key, asks;
	uint32_t route, next;	/* of the same place in the table; 0: end */
};

struct index {
	const struct route_conf *routes;
	struct entry *entries;	/* from 1 */
	uint32_t n;
	uint32_t *first, *last;	/* of each place */
	size_t mask;
};

static size_t
at_least_one(size_t n)
{
	return n == 0 ? 1 : n;
}

/* Many hosts with many paths are found by host alone. */
static bool
is_wide(const struct match_conf *m)
{
	return count_paths(m) > 1 &&
	    count_paths(m) > SPREAD_MOST / at_least_one(m->hosts.n);
}

static size_t
count_entries(const struct match_conf *m)
{
	return at_least_one(m->hosts.n) *
	    (is_wide(m) ? 1 : at_least_one(count_paths(m)));
}

static void
index_init(struct index *x, const struct route_conf *routes, size_t n)
{
	size_t entries = 1, places = 8;

	for (size_t i = 0; i < n; i++)
		entries += count_entries(&routes[i].match);
	while (places < entries)
		places *= 2;
	x->routes = routes;
	x->entries = xcalloc(entries, sizeof(*x->entries));
	x->n = 1;
	x->first = xcalloc(places, sizeof(*x->first));
	x->last = xcalloc(places, sizeof(*x->last));
	x->mask = places - 1;
}

static void
index_fini(struct index *x)
{
	free(x->entries);
	free(x->first);
	free(x->last);
}

/* Of "*.a.b" the host is ".a.b"; of any it is empty. */
static uint64_t
key_of(struct span host, enum kind kind, struct span path)
{
	return hash_bytes(path.ptr, path.len,
	    hash_bytes(host.ptr, host.len, kind));
}

static void
add_entry(struct index *x, uint64_t key, uint32_t route, uint64_t bits)
{
	size_t place = (size_t)key & x->mask;

	x->entries[x->n] = (struct entry){ key, bits, route, 0 };
	if (x->first[place] == 0)
		x->first[place] = x->n;
	else
		x->entries[x->last[place]].next = x->n;
	x->last[place] = x->n++;
}

static void
add_under_host(struct index *x, struct span host, uint32_t route,
    uint64_t bits)
{
	const struct match_conf *m = &x->routes[route].match;

	if (count_paths(m) == 0 || is_wide(m)) {
		add_entry(x, key_of(host, KIND_ANY, SPAN("")), route, bits);
		return;
	}
	for (size_t i = 0; i < m->paths.n; i++)
		add_entry(x, key_of(host, KIND_PATH, span_str(m->paths.at[i])),
		    route, bits);
	for (size_t i = 0; i < m->prefixes.n; i++)
		add_entry(x, key_of(host, KIND_PREFIX,
		    span_str(m->prefixes.at[i])), route, bits);
	for (size_t i = 0; i < m->regexes.n; i++)
		add_entry(x, key_of(host, KIND_PATTERN,
		    span_str(regex_pattern(m->regexes.at[i]))), route, bits);
}

static void
index_add(struct index *x, uint32_t route)
{
	const struct match_conf *m = &x->routes[route].match;
	uint64_t bits = asks(m);

	if (m->hosts.n == 0)
		add_under_host(x, SPAN(""), route, bits);
	for (size_t i = 0; i < m->hosts.n; i++)
		add_under_host(x, span_str(m->hosts.at[i] +
		    (m->hosts.at[i][0] == '*')), route, bits);
}

/* ---- looking for the first that covers a route */

struct look {
	const struct index *x;
	const struct match_conf *m;
	uint64_t offers;
	uint32_t best;		/* UINT32_MAX: none */
};

static void
try_key(struct look *l, uint64_t key)
{
	uint32_t i = l->x->first[(size_t)key & l->x->mask];
	const struct entry *e;

	for (; i != 0; i = e->next) {
		e = &l->x->entries[i];
		if (e->route >= l->best)
			return;
		if (e->key == key && (e->asks & ~l->offers) == 0 &&
		    covers(&l->x->routes[e->route].match, l->m))
			l->best = e->route;
	}
}

/* All prefixes that cover the path or prefix `path`. */
static void
try_prefixes(struct look *l, struct span host, const char *path)
{
	for (size_t len = 1; path[len - 1] != '\0'; len++)
		if (path[len] == '\0' || path[len] == '/' ||
		    path[len - 1] == '/')
			try_key(l, key_of(host, KIND_PREFIX,
			    span_of(path, len)));
}

static void
try_host(struct look *l, struct span host)
{
	const struct match_conf *m = l->m;

	try_key(l, key_of(host, KIND_ANY, SPAN("")));
	if (m->paths.n > 0) {
		try_key(l, key_of(host, KIND_PATH, span_str(m->paths.at[0])));
		try_prefixes(l, host, m->paths.at[0]);
	} else if (m->prefixes.n > 0) {
		try_prefixes(l, host, m->prefixes.at[0]);
	} else if (m->regexes.n > 0) {
		try_key(l, key_of(host, KIND_PATTERN,
		    span_str(regex_pattern(m->regexes.at[0]))));
	}
}

/* UINT32_MAX: no route of the index covers this one. */
static uint32_t
find_cover(const struct index *x, const struct match_conf *m)
{
	struct look l = { x, m, offers(m), UINT32_MAX };
	struct span host;

	try_host(&l, SPAN(""));
	if (m->hosts.n == 0)
		return l.best;
	host = span_str(m->hosts.at[0]);
	if (host.ptr[0] != '*')
		try_host(&l, host);
	for (size_t i = 1; i < host.len; i++)
		if (host.ptr[i] == '.')
			try_host(&l, span_skip(host, i));
	return l.best;
}

static void
warn(struct diagnostics *d, const struct route_conf *r,
    const struct route_conf *first)
{
	char word[QUOTE_MAX];
	const char *file = diag_file(d, first->at);
	struct diagnostic *e;

	if (!diag_wants(d, r->at)) {
		diag_warning(d, r->at, "hidden");
		return;
	}
	e = diag_warning(d, r->at, "no request reaches route \"%s\"",
	    quote(word, span_str(r->name)));
	quote(word, span_str(first->name));
	if (first->at.file == r->at.file || file == NULL)
		diag_note(e, "route \"%s\" in line %u takes them first", word,
		    first->at.line);
	else
		diag_note(e, "route \"%s\" in %s, line %u, takes them first",
		    word, file, first->at.line);
}

/* What covers a hidden route covers all that it would: it need not be kept. */
void
warn_hidden(const struct conf *conf, struct diagnostics *d)
{
	struct index x;
	uint32_t cover;

	if (conf->n_routes < 2)
		return;
	index_init(&x, conf->routes, conf->n_routes);
	for (uint32_t i = 0; i < conf->n_routes; i++) {
		cover = find_cover(&x, &conf->routes[i].match);
		if (cover == UINT32_MAX)
			index_add(&x, i);
		else
			warn(d, &conf->routes[i], &conf->routes[cover]);
	}
	index_fini(&x);
}
