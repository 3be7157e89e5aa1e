/* src/proxy/router.c -- which route takes a request */
#include "proxy/router.h"

#include <stdlib.h>

#include "core/base.h"
#include "core/memory.h"
#include "proxy/match.h"

#define LINEAR_MOST	6	/* so few are tried one after the other */
#define SPREAD_MOST	64	/* hosts times paths of a route in the table */
#define NODES_MOST	8	/* hosts that are looked at together */

/* Routes, in ascending order: a piece of router.order. */
struct list {
	uint32_t from, n;
};

/* A host that routes name, all hosts below one, or (the first node) any. */
struct node {
	struct span name;	/* of "*.a.b" it is ".a.b" */
	bool is_suffix;
	uint64_t *filter;	/* 2^n bits, one set for each key there is */
	uint32_t filter_mask;
	uint32_t n_items;	/* while compiling */
	size_t longest;		/* of its paths and prefixes */
	struct list rest;	/* routes to be found by no path */
};

enum kind { KIND_PATH, KIND_PREFIX, KIND_REST };

/* The routes of one node with one path or prefix. */
struct bucket {
	struct span text;
	uint32_t node;
	uint32_t kind;		/* enum kind */
	struct list routes;
};

/*
 * A table of hashes: where a node or a bucket lies. It is at most half full;
 * the places behind a taken one are tried in turn. What is not there is known
 * from 8 bytes, so that the table stays in the cache.
 */
struct slot {
	uint32_t check;		/* part of the hash */
	uint32_t index;		/* 0: free */
};

struct table {
	struct slot *slots;
	unsigned bits;
};

/*
 * What is left to look at when host and path are found. Few bytes a route, so
 * that most routes themselves, which lie far apart, need not be touched.
 */
struct need {
	uint16_t methods;	/* bits by enum method; 0: any */
	uint16_t listener;	/* LISTENER_ANY */
	bool path;		/* unless it was found by its path */
	bool rest;		/* match_rest() has to say */
};
#define LISTENER_ANY	UINT16_MAX
_Static_assert(METHOD_COUNT <= 16, "a bit for each method");

/* All lies in the arena. */
struct router {
	struct arena *arena;
	const struct route_conf *routes;
	size_t n;
	struct need *needs;
	uint32_t *order;
	struct node *nodes;
	uint32_t n_nodes;
	struct table hosts;		/* of nodes */
	uint64_t names, suffixes;	/* which lengths there are */
	size_t longest_host;
	struct bucket *buckets;		/* from 1 */
	uint32_t n_buckets;
	struct table places;		/* of buckets */
};

/* ---- hashes, byte by byte, since parts of a path are wanted, too (FNV-1a) */

#define HASH_START	0xcbf29ce484222325u

static inline uint64_t
hash_step(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * 0x100000001b3u;
}

static uint64_t
hash_path(struct span path)
{
	uint64_t h = HASH_START;

	for (size_t i = 0; i < path.len; i++)
		h = hash_step(h, path.ptr[i]);
	return h;
}

/* From the right, where suffixes begin; letter case is left out. */
static inline uint64_t
hash_step_host(uint64_t h, char c)
{
	return hash_step(h, (char)(c | 0x20));
}

static uint64_t
hash_host(struct span host)
{
	uint64_t h = HASH_START;

	for (size_t i = host.len; i > 0; i--)
		h = hash_step_host(h, host.ptr[i - 1]);
	return h;
}

/* Mixed: the table takes the place from the top, the check from below. */
static inline uint64_t
mix(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15u;
}

static inline uint64_t
bucket_key(uint64_t path_hash, uint32_t node, enum kind kind)
{
	return mix(path_hash + node * 2 + kind);
}

/* One bit a length, for a set of them; the last stands for all longer. */
static inline uint64_t
length_bit(size_t len)
{
	return 1ull << (len < 63 ? len : 63);
}

/* ---- the table */

static unsigned
bits_for(size_t n)
{
	unsigned bits = 3;

	while (((size_t)1 << bits) < 2 * n)
		bits++;
	return bits;
}

static struct table
table_new(struct arena *arena, size_t n)
{
	struct table t = { .bits = bits_for(n) };

	t.slots = arena_alloc(arena, sizeof(*t.slots) << t.bits);
	return t;
}

static inline size_t
table_next(const struct table *t, size_t at)
{
	return (at + 1) & (((size_t)1 << t->bits) - 1);
}

static void
table_add(struct table *t, uint64_t key, uint32_t index)
{
	size_t at = (size_t)(key >> (64 - t->bits));

	while (t->slots[at].index != 0)
		at = table_next(t, at);
	t->slots[at] = (struct slot){ (uint32_t)key, index };
}

/* The next with this key from place *at on, which goes behind it; 0: none.
 * Whether it is the right one is for the caller to see. */
static inline uint32_t
table_find(const struct table *t, uint64_t key, size_t *at)
{
	struct slot s;

	while ((s = t->slots[*at]).index != 0) {
		*at = table_next(t, *at);
		if (s.check == (uint32_t)key)
			return s.index;
	}
	return 0;
}

/* Most of what a node does not have is not looked for in the table: a bit of
 * eight or more for each key says so. */
static inline bool
filter_passes(const struct node *n, uint64_t key)
{
	uint32_t bit = (uint32_t)(key >> 8) & n->filter_mask;

	return (n->filter[bit / 64] >> (bit % 64) & 1) != 0;
}

static void
filter_add(struct node *n, uint64_t key)
{
	uint32_t bit = (uint32_t)(key >> 8) & n->filter_mask;

	n->filter[bit / 64] |= 1ull << (bit % 64);
}

/* ---- compiling */

/* A route on its way into a list. */
struct item {
	struct span text;
	uint64_t key;
	uint32_t node, kind, route;
};

struct items {
	struct item *at;
	size_t n;
};

static size_t
times(const struct match_conf *m)
{
	return m->hosts.n == 0 ? 1 : m->hosts.n;
}

/* Each host stands in the table with each path; many with many do not. */
static bool
fits_table(const struct match_conf *m)
{
	return m->paths.n + m->prefixes.n <= SPREAD_MOST / times(m) ||
	    m->paths.n + m->prefixes.n == 1;
}

static bool
has_rest(const struct match_conf *m)
{
	return m->regexes.n > 0 || !match_asks_path(m) || !fits_table(m);
}

static size_t
count_items(const struct match_conf *m)
{
	return times(m) * ((fits_table(m) ? m->paths.n + m->prefixes.n : 0) +
	    (has_rest(m) ? 1 : 0));
}

static uint32_t
find_node(const struct router *r, uint64_t hash, struct span name,
    bool is_suffix)
{
	uint64_t key = mix(hash);
	size_t at = (size_t)(key >> (64 - r->hosts.bits));
	uint32_t i;

	while ((i = table_find(&r->hosts, key, &at)) != 0) {
		const struct node *n = &r->nodes[i];

		if (n->is_suffix == is_suffix &&
		    span_equal_nocase(n->name, name))
			break;
	}
	return i;
}

static uint32_t
add_node(struct router *r, uint64_t hash, struct span name, bool is_suffix)
{
	table_add(&r->hosts, mix(hash), r->n_nodes);
	r->nodes[r->n_nodes] = (struct node){ .name = name,
		.is_suffix = is_suffix };
	*(is_suffix ? &r->suffixes : &r->names) |= length_bit(name.len);
	if (name.len > r->longest_host)
		r->longest_host = name.len;
	return r->n_nodes++;
}

static uint32_t
node_of(struct router *r, const char *host)
{
	bool is_suffix = host[0] == '*';
	struct span name = span_str(is_suffix ? host + 1 : host);
	uint64_t hash = hash_host(name);
	uint32_t node = find_node(r, hash, name, is_suffix);

	return node != 0 ? node : add_node(r, hash, name, is_suffix);
}

static void
add_item(struct router *r, struct items *items, uint32_t node, enum kind kind,
    const char *text, size_t route)
{
	struct item *i = &items->at[items->n++];

	r->nodes[node].n_items++;
	i->text = span_str(text);
	i->key = bucket_key(hash_path(i->text), node, kind);
	i->node = node;
	i->kind = kind;
	i->route = (uint32_t)route;
}

static void
add_paths(struct router *r, struct items *items, uint32_t node, size_t route)
{
	const struct match_conf *m = &r->routes[route].match;

	if (has_rest(m))
		add_item(r, items, node, KIND_REST, "", route);
	if (!fits_table(m))
		return;
	for (size_t i = 0; i < m->paths.n; i++)
		add_item(r, items, node, KIND_PATH, m->paths.at[i], route);
	for (size_t i = 0; i < m->prefixes.n; i++)
		add_item(r, items, node, KIND_PREFIX, m->prefixes.at[i],
		    route);
}

/* Methods without a bit of their own are compared by their names. */
static struct need
need_of(const struct match_conf *m)
{
	struct need n = { .listener = LISTENER_ANY };

	for (size_t i = 0; i < m->methods.n; i++)
		n.methods |= (uint16_t)(1u <<
		    method_of(span_str(m->methods.at[i])));
	if (m->has_listener && m->listener < LISTENER_ANY)
		n.listener = (uint16_t)m->listener;
	n.path = match_asks_path(m);
	n.rest = m->clients.n + m->headers.n + m->queries.n + m->cookies.n > 0
	    || (n.methods & 1u << METHOD_OTHER) != 0 ||
	    (m->has_listener && n.listener == LISTENER_ANY);
	return n;
}

static void
add_route(struct router *r, struct items *items, size_t route)
{
	const struct match_conf *m = &r->routes[route].match;

	r->needs[route] = need_of(m);
	if (m->hosts.n == 0)
		add_paths(r, items, 0, route);
	for (size_t i = 0; i < m->hosts.n; i++)
		add_paths(r, items, node_of(r, m->hosts.at[i]), route);
}

static int
compare_places(const struct item *a, const struct item *b)
{
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->text.len != b->text.len)
		return a->text.len < b->text.len ? -1 : 1;
	return memcmp(a->text.ptr, b->text.ptr, a->text.len);
}

static int
compare_items(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int order = compare_places(a, b);

	if (order != 0)
		return order;
	return a->route < b->route ? -1 : a->route > b->route;
}

static void
add_bucket(struct router *r, const struct item *i, struct list routes)
{
	struct node *n = &r->nodes[i->node];

	if (i->kind == KIND_REST) {
		n->rest = routes;
		return;
	}
	table_add(&r->places, i->key, r->n_buckets);
	r->buckets[r->n_buckets++] = (struct bucket){ i->text, i->node,
		i->kind, routes };
	filter_add(n, i->key);
	if (i->text.len > n->longest)
		n->longest = i->text.len;
}

/* Items of one place, which the sorting has brought together, are a list. */
static void
make_lists(struct router *r, const struct items *items)
{
	size_t from = 0;

	for (size_t i = 0; i < items->n; i++) {
		r->order[i] = items->at[i].route;
		if (i + 1 < items->n && compare_places(&items->at[i],
		    &items->at[i + 1]) == 0)
			continue;
		add_bucket(r, &items->at[i], (struct list){ (uint32_t)from,
		    (uint32_t)(i + 1 - from) });
		from = i + 1;
	}
}

/* Room for all that can come of the routes, and the node for any host. */
static size_t
make_room(struct router *r)
{
	size_t n_items = 0, n_hosts = 1;

	for (size_t i = 0; i < r->n; i++) {
		n_items += count_items(&r->routes[i].match);
		n_hosts += r->routes[i].match.hosts.n;
	}
	r->needs = arena_alloc(r->arena, r->n * sizeof(*r->needs));
	r->order = arena_alloc(r->arena, n_items * sizeof(*r->order));
	r->nodes = arena_alloc(r->arena, n_hosts * sizeof(*r->nodes));
	r->buckets = arena_alloc(r->arena,
	    (n_items + 1) * sizeof(*r->buckets));
	r->hosts = table_new(r->arena, n_hosts);
	r->places = table_new(r->arena, n_items);
	r->n_nodes = r->n_buckets = 1;
	return n_items;
}

static void
make_filters(struct router *r)
{
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		struct node *n = &r->nodes[i];
		uint32_t bits = 64;

		while (bits < 8 * n->n_items)
			bits *= 2;
		n->filter = arena_alloc(r->arena, bits / 8);
		n->filter_mask = bits - 1;
	}
}

static void
compile(struct router *r)
{
	struct items items = { .n = 0 };

	items.at = xcalloc(make_room(r), sizeof(*items.at));
	for (size_t i = 0; i < r->n; i++)
		add_route(r, &items, i);
	qsort(items.at, items.n, sizeof(*items.at), compare_items);
	make_filters(r);
	make_lists(r, &items);
	free(items.at);
}

struct router *
router_new(const struct route_conf *routes, size_t n)
{
	struct arena *arena = arena_new(4096);
	struct router *r = arena_new_of(arena, struct router);

	r->arena = arena;
	r->routes = routes;
	r->n = n;
	if (n > LINEAR_MOST)
		compile(r);
	return r;
}

void
router_free(struct router **r)
{
	struct arena *arena = (*r)->arena;

	*r = NULL;
	arena_free(&arena);
}

/* ---- looking up */

struct look {
	const struct router *r;
	const struct route_request *q;
	uint16_t method;	/* its bit */
	size_t best;		/* the first route so far; r->n: none */
	uint32_t nodes[NODES_MOST];
	size_t n_nodes;
};

static bool
holds(const struct look *l, size_t route, bool is_path_found)
{
	const struct match_conf *m = &l->r->routes[route].match;
	struct need need = l->r->needs[route];
	size_t which;

	if (need.methods != 0 && (need.methods & l->method) == 0)
		return false;
	if (need.listener != LISTENER_ANY && need.listener != l->q->listener)
		return false;
	if (need.path && !is_path_found && !match_path(m, l->q->path))
		return false;
	return !need.rest || match_rest(m, l->q, &which) == MISS_NONE;
}

/* The first of a list that holds, if it stands before the best so far. */
static void
try_list(struct look *l, struct list list, bool is_path_found)
{
	const uint32_t *route = l->r->order + list.from;

	for (; list.n > 0 && *route < l->best; list.n--, route++)
		if (holds(l, *route, is_path_found)) {
			l->best = *route;
			return;
		}
}

static void
try_bucket(struct look *l, uint32_t node, enum kind kind, uint64_t hash,
    size_t len)
{
	const struct router *r = l->r;
	uint64_t key = bucket_key(hash, node, kind);
	size_t at = (size_t)(key >> (64 - r->places.bits));
	uint32_t i;

	if (likely(!filter_passes(&r->nodes[node], key)))
		return;
	while ((i = table_find(&r->places, key, &at)) != 0) {
		const struct bucket *b = &r->buckets[i];

		if (b->node != node || b->kind != kind ||
		    !span_equal(b->text, span_of(l->q->path.ptr, len)))
			continue;
		try_list(l, b->routes, true);
		return;
	}
}

/* The first `len` bytes of the path as a prefix and, if that is all of it, as
 * the path. */
static void
try_part(struct look *l, uint64_t hash, size_t len)
{
	for (size_t i = 0; i < l->n_nodes; i++) {
		try_bucket(l, l->nodes[i], KIND_PREFIX, hash, len);
		if (len == l->q->path.len)
			try_bucket(l, l->nodes[i], KIND_PATH, hash, len);
	}
}

/* Of all nodes' paths and prefixes that have to do with the path. */
static size_t
longest(const struct look *l)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_nodes; i++)
		if (l->r->nodes[l->nodes[i]].longest > len)
			len = l->r->nodes[l->nodes[i]].longest;
	return len < l->q->path.len ? len : l->q->path.len;
}

/* Patterns cost most: they come last, when many stand behind the best. A
 * prefix may end before or behind a slash, or with the path. */
static void
search(struct look *l)
{
	struct span path = l->q->path;
	uint64_t hash = HASH_START;
	size_t most = longest(l), len = 0;

	while (len < most) {
		do
			hash = hash_step(hash, path.ptr[len++]);
		while (len < most && path.ptr[len] != '/' &&
		    path.ptr[len - 1] != '/');
		if (len == path.len || path.ptr[len] == '/' ||
		    path.ptr[len - 1] == '/')
			try_part(l, hash, len);
	}
	for (size_t i = 0; i < l->n_nodes; i++)
		try_list(l, l->r->nodes[l->nodes[i]].rest, false);
	l->n_nodes = 0;
}

static void
take_node(struct look *l, uint64_t hash, struct span name, bool is_suffix)
{
	uint32_t node = find_node(l->r, hash, name, is_suffix);

	if (node == 0)
		return;
	if (l->n_nodes == NODES_MOST)
		search(l);
	l->nodes[l->n_nodes++] = node;
}

/* The node of the host itself and those of its suffixes. */
static void
take_host(struct look *l, struct span host)
{
	uint64_t hash = HASH_START;
	size_t at = host.len, most = l->r->longest_host;
	size_t end = at > most ? at - most : 0;

	while (at > end) {
		hash = hash_step_host(hash, host.ptr[--at]);
		if (host.ptr[at] == '.' && at > 0 &&
		    (l->r->suffixes & length_bit(host.len - at)) != 0)
			take_node(l, hash, span_skip(host, at), true);
	}
	if (at == 0 && (l->r->names & length_bit(host.len)) != 0)
		take_node(l, hash, host, false);
}

static __attribute__((noinline)) const struct route_conf *
look_up(const struct router *r, const struct route_request *q)
{
	struct look l = { .r = r, .q = q, .best = r->n, .n_nodes = 1 };

	l.method = (uint16_t)(1u << method_of(q->method));
	take_host(&l, host_without_port(q->host));	/* beside any host */
	search(&l);
	return l.best < r->n ? &r->routes[l.best] : NULL;
}

const struct route_conf *
router_find(const struct router *r, const struct route_request *q)
{
	if (r->n <= LINEAR_MOST)
		return match_first(r->routes, r->n, q);
	return look_up(r, q);
}
