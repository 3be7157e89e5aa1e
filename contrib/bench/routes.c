/* contrib/bench/routes.c -- does the router find what it must, and how fast */
/*
 * routes [ROUTES [REQUESTS [SEED]]]: makes so many routes (10000: hosts, exact
 * paths, prefixes, at the end regular expressions) and random requests
 * (100000), asks the router and a matcher that tries one route after the other
 * and knows nothing of the router's code, and prints what a lookup and the
 * compilation take. Exits 1 if any two answers differ.
 */
#include <arpa/inet.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/regex.h"
#include "proxy/router.h"

#define REGEXES	20	/* of 1000 routes, the last */
#define FEW	3

/* A route in plain words, for the plain matcher; NULL ends a list. */
struct plain {
	const char *hosts[FEW], *paths[FEW], *prefixes[FEW];
	const char *pattern, *method;
	const char *field, *field_value;	/* value NULL: is there */
	const char *parameter, *parameter_value;
	const char *cookie, *cookie_value;
	uint32_t net, mask;			/* mask 0: any client */
	int listener;				/* -1: any */
	regex_t compiled;
};

struct request {
	char host[64], path[128], query[32], method[8];
	char field[8], cookie[16];	/* of X-Kind; of c; "": none */
	uint32_t client;
	int listener;
	/* The same as the router wants it. */
	char base[128];
	struct http_field fields[2];
	struct http_head head;
	struct address address;
	struct route_request q;
};

static struct arena *arena;
static struct plain *plain;
static struct route_conf *routes;
static struct request *requests;
static size_t n_routes = 10000, n_requests = 100000;
static uint64_t seed = 1;

static uint64_t
draw(uint64_t below)	/* splitmix64 */
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static const char *
keep(const char *text)
{
	return arena_str(arena, span_str(text));
}

/* ---- routes */

static const char *const zones[] = { "example.com", "a.test", "b.c.test",
	"test", "long-name-of-a-zone.example.org" };
static const char *const words[] = { "api", "v1", "v2", "users", "x", "static",
	"img", "a.php", "b.cgi", "reports", "%2F", "index.html" };
static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
static const char *const values[] = { "red", "blue", "v1", "v22" };
static const char *const patterns[] = { "\\.(php|cgi)$", "^/v[0-9]+/users",
	"/[0-9]+/x$", "reports.*html", "^/(api|static)/.*/(img|x)/" };

#define ONE_OF(list) list[draw(COUNT_OF(list))]

static const char *
make_host(char *out, size_t size)
{
	snprintf(out, size, "%s%llu.%s", draw(4) == 0 ? "www." : "h",
	    (unsigned long long)draw(n_routes / 4 + 1), ONE_OF(zones));
	return out;
}

static const char *
make_route_host(void)
{
	char name[64], host[80];

	if (draw(40) == 0)
		snprintf(host, sizeof(host), "*.%s", ONE_OF(zones));
	else
		snprintf(host, sizeof(host), "%s%s", draw(4) == 0 ? "*." : "",
		    make_host(name, sizeof(name)));
	return keep(host);
}

static const char *
make_path(char *out, size_t size)
{
	size_t len = 0, segments = 1 + draw(4);

	for (size_t i = 0; i < segments && len < size - 40; i++)
		len += (size_t)snprintf(out + len, size - len, "/%s",
		    ONE_OF(words));
	if (draw(2) == 0)
		len += (size_t)snprintf(out + len, size - len, "/%llu",
		    (unsigned long long)draw(n_routes / 8 + 1));
	if (draw(4) == 0 && len + 1 < size)
		snprintf(out + len, size - len, "/");
	return out;
}

static void
make_conditions(struct plain *p)
{
	if (draw(3) == 0)
		p->method = ONE_OF(methods);
	if (draw(6) == 0)
		p->listener = (int)draw(3);
	if (draw(8) == 0) {
		p->mask = 0xffffffffu << (8 * draw(4));
		p->net = (10u << 24 | (uint32_t)draw(4)) & p->mask;
	}
	if (draw(6) == 0) {
		p->field = draw(2) == 0 ? "x-kind" : "X-Kind";
		p->field_value = draw(3) == 0 ? NULL : ONE_OF(values);
	}
	if (draw(8) == 0) {
		p->parameter = "k";
		p->parameter_value = draw(3) == 0 ? NULL : ONE_OF(values);
	}
	if (draw(8) == 0) {
		p->cookie = "c";
		p->cookie_value = draw(3) == 0 ? NULL : ONE_OF(values);
	}
}

static void
make_plain(struct plain *p, bool is_regex)
{
	char path[128];

	p->listener = -1;
	for (size_t i = 0, n = draw(40) == 0 ? 0 : 1 + draw(2); i < n; i++)
		p->hosts[i] = make_route_host();
	if (is_regex) {
		p->pattern = ONE_OF(patterns);
		if (regcomp(&p->compiled, p->pattern,
		    REG_EXTENDED | REG_NOSUB) != 0)
			abort();
	}
	for (size_t i = 0, n = draw(3); i < n; i++)
		p->paths[i] = keep(make_path(path, sizeof(path)));
	for (size_t i = 0, n = draw(3); i < n; i++)
		p->prefixes[i] = keep(make_path(path, sizeof(path)));
	/* None may take all: of what asks for neither, more is asked. */
	if (p->hosts[0] == NULL && p->paths[0] == NULL && !is_regex)
		p->paths[0] = keep(make_path(path, sizeof(path)));
	make_conditions(p);
}

/* ---- the same for the router */

static struct strings
list_of(const char **list)
{
	struct strings s = { list, 0 };

	while (s.n < FEW && list[s.n] != NULL)
		s.n++;
	return s;
}

static void
give_test(struct tests_conf *t, const char *name, const char *value)
{
	if (name == NULL)
		return;
	t->at = arena_new_of(arena, struct test_conf);
	t->n = 1;
	t->at[0] = (struct test_conf){ .name = name, .value = value,
		.kind = value == NULL ? TEST_PRESENT : TEST_EQUAL };
}

static void
give_pattern(struct match_conf *m, const char *pattern)
{
	struct regex_fault fault;

	m->regexes.at = arena_new_of(arena, struct regex *);
	m->regexes.at[0] = regex_new(arena, span_str(pattern), &fault);
	m->regexes.n = 1;
}

static void
give_client(struct match_conf *m, const struct plain *p)
{
	struct cidr *c = arena_new_of(arena, struct cidr);
	uint32_t net = htonl(p->net);

	c->net.s6_addr[10] = c->net.s6_addr[11] = 0xff;
	memcpy(c->net.s6_addr + 12, &net, sizeof(net));
	c->bits = (uint8_t)(96 + __builtin_popcount(p->mask));
	m->clients = (struct cidrs){ c, 1 };
}

static void
give_route(struct route_conf *r, struct plain *p)
{
	struct match_conf *m = &r->match;

	m->hosts = list_of(p->hosts);
	m->paths = list_of(p->paths);
	m->prefixes = list_of(p->prefixes);
	if (p->pattern != NULL)
		give_pattern(m, p->pattern);
	if (p->method != NULL)
		m->methods = (struct strings){ &p->method, 1 };
	if (p->mask != 0)
		give_client(m, p);
	m->has_listener = p->listener >= 0;
	m->listener = m->has_listener ? (size_t)p->listener : 0;
	give_test(&m->headers, p->field, p->field_value);
	give_test(&m->queries, p->parameter, p->parameter_value);
	give_test(&m->cookies, p->cookie, p->cookie_value);
}

static void
make_routes(void)
{
	plain = xcalloc(n_routes, sizeof(*plain));
	routes = xcalloc(n_routes, sizeof(*routes));
	for (size_t i = 0; i < n_routes; i++) {
		make_plain(&plain[i],
		    i >= n_routes - n_routes * REGEXES / 1000);
		give_route(&routes[i], &plain[i]);
	}
}

/* ---- requests: half of them after a route, then changed a little */

static void
make_request_host(struct request *r, const struct plain *p)
{
	char name[64];

	make_host(name, sizeof(name));
	if (draw(2) == 0 && p->hosts[0] != NULL)
		snprintf(name, sizeof(name), "%s", p->hosts[0]);
	snprintf(r->host, sizeof(r->host), "%s%s%s%s",
	    name[0] == '*' && draw(4) != 0 ? "sub" : "",
	    name + (name[0] == '*'), draw(8) == 0 ? "." : "",
	    draw(4) == 0 ? ":8080" : "");
	for (char *c = r->host; *c != '\0' && draw(2) == 0; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
}

static void
make_request_path(struct request *r, const struct plain *p)
{
	const char *of = p->paths[0] != NULL ? p->paths[0] : p->prefixes[0];

	make_path(r->path, sizeof(r->path));
	if (draw(2) == 0 && of != NULL)
		snprintf(r->path, sizeof(r->path), "%s%s", of,
		    draw(3) == 0 ? "/x" : draw(8) == 0 ? "x" : "");
	if (draw(500) == 0)
		strcpy(r->path, "*");
}

static void
add_field(struct request *r, const char *name, const char *value)
{
	struct http_field *f = &r->fields[r->head.n_fields++];
	size_t at = strlen(r->base);

	f->name = (uint32_t)at;
	f->name_len = (uint16_t)strlen(name);
	f->value = (uint32_t)(at + strlen(name) + 2);
	f->value_len = (uint32_t)strlen(value);
	f->id = (uint8_t)field_id_of(span_str(name));
	snprintf(r->base + at, sizeof(r->base) - at, "%s: %s\r\n", name,
	    value);
}

static void
give_request(struct request *r)
{
	char cookie[64], client[INET_ADDRSTRLEN];
	struct in_addr in = { htonl(r->client) };

	r->head.base = r->base;
	r->head.fields = r->fields;
	if (*r->field != '\0')
		add_field(r, "X-KIND", r->field);
	snprintf(cookie, sizeof(cookie), "a=b; c=%s; c=no", r->cookie);
	if (*r->cookie != '\0')
		add_field(r, "Cookie", cookie);
	inet_ntop(AF_INET, &in, client, sizeof(client));
	(void)address_parse_host(&r->address, span_str(client), 1);
	r->q = (struct route_request){ .host = span_str(r->host),
		.path = span_str(r->path), .query = span_str(r->query),
		.method = span_str(r->method), .head = &r->head,
		.client = &r->address, .listener = (size_t)r->listener };
}

static void
make_request(struct request *r)
{
	const struct plain *p = &plain[draw(n_routes)];

	make_request_host(r, p);
	make_request_path(r, p);
	strcpy(r->method, draw(2) == 0 && p->method != NULL ? p->method :
	    ONE_OF(methods));
	if (draw(2) == 0)
		strcpy(r->field, ONE_OF(values));
	if (draw(2) == 0)
		snprintf(r->query, sizeof(r->query), "a=1&k=%s",
		    ONE_OF(values));
	if (draw(2) == 0)
		strcpy(r->cookie, ONE_OF(values));
	r->client = 10u << 24 | (uint32_t)draw(4);
	r->listener = (int)draw(3);
	give_request(r);
}

/* ---- the plain matcher */

static bool
plain_host(const struct plain *p, const char *host)
{
	size_t len = strcspn(host, ":"), tail;

	if (len > 0 && host[len - 1] == '.')
		len--;
	for (int i = 0; i < FEW && p->hosts[i] != NULL; i++) {
		const char *name = p->hosts[i];

		tail = strlen(name) - 1;
		if (name[0] != '*' ? tail + 1 == len &&
		    strncasecmp(name, host, len) == 0 : len > tail &&
		    strncasecmp(name + 1, host + len - tail, tail) == 0)
			return true;
	}
	return p->hosts[0] == NULL;
}

static bool
plain_path(const struct plain *p, const char *path)
{
	for (int i = 0; i < FEW && p->paths[i] != NULL; i++)
		if (strcmp(p->paths[i], path) == 0)
			return true;
	for (int i = 0; i < FEW && p->prefixes[i] != NULL; i++) {
		size_t len = strlen(p->prefixes[i]);

		if (strncmp(p->prefixes[i], path, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/' ||
		    path[len - 1] == '/'))
			return true;
	}
	if (p->pattern != NULL)
		return regexec(&p->compiled, path, 0, NULL, 0) == 0;
	return p->paths[0] == NULL && p->prefixes[0] == NULL;
}

static bool
plain_value(const char *name, const char *wanted, const char *value)
{
	return name == NULL || (*value != '\0' &&
	    (wanted == NULL || strcmp(wanted, value) == 0));
}

static bool
plain_match(const struct plain *p, const struct request *r)
{
	const char *k = strrchr(r->query, '=');

	return (p->method == NULL || strcmp(p->method, r->method) == 0) &&
	    (p->listener < 0 || p->listener == r->listener) &&
	    (r->client & p->mask) == p->net &&
	    plain_value(p->field, p->field_value, r->field) &&
	    plain_value(p->parameter, p->parameter_value,
	    k == NULL ? "" : k + 1) &&
	    plain_value(p->cookie, p->cookie_value, r->cookie) &&
	    plain_host(p, r->host) && plain_path(p, r->path);
}

static const struct route_conf *
plain_find(const struct request *r)
{
	for (size_t i = 0; i < n_routes; i++)
		if (plain_match(&plain[i], r))
			return &routes[i];
	return NULL;
}

/* ---- what comes of it */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A request that was just parsed is in the cache. */
static void
warm(const struct request *r)
{
	const char *at = (const char *)r;

	for (size_t i = 0; i < sizeof(*r); i += 32)
		__asm__ volatile("" : : "r"(at[i]));
}

/* The answers, and how long each took; without what reading the clock does. */
static uint64_t *
ask_router(const struct router *r, const struct route_conf **answers)
{
	uint64_t *ns = xcalloc(n_requests, sizeof(*ns)), begin, clock = ~0ull;

	for (int i = 0; i < 1000; i++) {
		begin = clock_read_ns();
		begin = clock_read_ns() - begin;
		if (begin < clock)
			clock = begin;
	}
	for (size_t i = 0; i < n_requests; i++) {
		warm(&requests[i]);
		begin = clock_read_ns();
		answers[i] = router_find(r, &requests[i].q);
		begin = clock_read_ns() - begin;
		ns[i] = begin > clock ? begin - clock : 0;
	}
	qsort(ns, n_requests, sizeof(*ns), compare);
	return ns;
}

static size_t
count_wrong(const struct route_conf **answers, size_t *taken)
{
	const struct route_conf *want;
	size_t wrong = 0;

	for (size_t i = 0; i < n_requests; i++) {
		want = plain_find(&requests[i]);
		*taken += want != NULL;
		if (want == answers[i] || wrong++ >= 10)
			continue;
		printf("%s %s%s?%s: route %td, not %td\n", requests[i].method,
		    requests[i].host, requests[i].path, requests[i].query,
		    answers[i] == NULL ? -1 : answers[i] - routes,
		    want == NULL ? -1 : want - routes);
	}
	return wrong;
}

int
main(int argc, char **argv)
{
	const struct route_conf **answers;
	struct router *r;
	uint64_t begin, *ns;
	size_t wrong, taken = 0;

	if (argc > 1)
		n_routes = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		n_requests = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		seed = strtoull(argv[3], NULL, 10);
	arena = arena_new(1u << 20);
	make_routes();
	requests = xcalloc(n_requests, sizeof(*requests));
	for (size_t i = 0; i < n_requests; i++)
		make_request(&requests[i]);
	begin = clock_read_ns();
	r = router_new(routes, n_routes);
	begin = clock_read_ns() - begin;
	answers = xcalloc(n_requests, sizeof(*answers));
	ns = ask_router(r, answers);
	wrong = count_wrong(answers, &taken);
	printf("%zu routes compiled in %.1f ms; %zu requests, %zu taken, %zu "
	    "wrong; a lookup: median %llu ns, p99 %llu ns\n", n_routes,
	    (double)begin / 1e6, n_requests, taken, wrong,
	    (unsigned long long)ns[n_requests / 2],
	    (unsigned long long)ns[n_requests * 99 / 100]);
	router_free(&r);
	arena_free(&arena);
	return wrong > 0;
}
