/* src/proxy/router.c -- which route takes a request */
#include "proxy/router.h"

#include <stdlib.h>

#include "core/memory.h"
#include "http/fields.h"
#include "http/uri.h"

struct router {
	const struct route_conf *routes;
	size_t n;
};

struct router *
router_new(const struct route_conf *routes, size_t n)
{
	struct router *r = xnew(struct router);

	r->routes = routes;
	r->n = n;
	return r;
}

void
router_free(struct router **r)
{
	free(*r);
	*r = NULL;
}

struct span
host_without_port(struct span host)
{
	const char *colon = memrchr(host.ptr, ':', host.len);
	size_t rest;

	if (host.len == 0)
		return host;
	if (colon != NULL) {
		rest = (size_t)(host.ptr + host.len - colon);
		if (memchr(colon, ']', rest) == NULL)
			host.len -= rest;
	}
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

/* "*.a.b" stands for one label or more in front of "a.b". */
static bool
matches_host(const char *pattern, struct span host)
{
	struct span p = span_str(pattern);

	if (p.len < 2 || p.ptr[0] != '*')
		return span_equal_nocase(p, host);
	p = span_skip(p, 1);
	return host.len > p.len && span_equal_nocase(p,
	    span_skip(host, host.len - p.len));
}

static bool
matches_any_host(const struct strings *hosts, struct span host)
{
	host = host_without_port(host);
	for (size_t i = 0; i < hosts->n; i++)
		if (matches_host(hosts->at[i], host))
			return true;
	return false;
}

/* "/v1" takes "/v1" and "/v1/x"; "/v1/" only what is below it. */
static bool
matches_prefix(const char *prefix, struct span path)
{
	struct span p = span_str(prefix);

	if (path.len < p.len || memcmp(path.ptr, p.ptr, p.len) != 0)
		return false;
	return path.len == p.len || p.ptr[p.len - 1] == '/' ||
	    path.ptr[p.len] == '/';
}

static bool
matches_path(const struct match_conf *m, struct span path)
{
	for (size_t i = 0; i < m->paths.n; i++)
		if (span_equal(span_str(m->paths.at[i]), path))
			return true;
	for (size_t i = 0; i < m->prefixes.n; i++)
		if (matches_prefix(m->prefixes.at[i], path))
			return true;
	return false;
}

static bool
matches_method(const struct strings *methods, struct span method)
{
	for (size_t i = 0; i < methods->n; i++)
		if (span_equal(span_str(methods->at[i]), method))
			return true;
	return false;
}

/* What became of one condition, given a value or (found) none. */
static bool
holds(const struct test_conf *t, bool found, bool is_equal)
{
	switch (t->kind) {
	case TEST_PRESENT:	return found;
	case TEST_ABSENT:	return !found;
	default:		return is_equal;
	}
}

/* Several fields of a name: one of them is enough. */
static bool
test_field(const struct test_conf *t, const struct http_head *h)
{
	struct span name = span_str(t->name);
	bool found = false, is_equal = false;

	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (f->name_len != name.len ||
		    !span_equal_nocase(field_name(h, f), name))
			continue;
		found = true;
		is_equal |= t->value != NULL &&
		    span_equal(field_value(h, f), span_str(t->value));
	}
	return holds(t, found, is_equal);
}

static bool
test_parameter(const struct test_conf *t, struct span query)
{
	struct span value;
	bool found = uri_query_find(query, span_str(t->name), &value);

	return holds(t, found, found && t->value != NULL &&
	    uri_part_equal(value, span_str(t->value)));
}

static bool
find_cookie(const struct http_head *h, struct span name, struct span *value)
{
	struct span list, pair, key;

	for (unsigned i = 0; i < h->n_fields; i++) {
		if (h->fields[i].id != FIELD_COOKIE)
			continue;
		list = field_value(h, &h->fields[i]);
		while (span_cut(&list, ';', &pair)) {
			if (!span_cut(&pair, '=', &key) ||
			    !span_equal(key, name))
				continue;
			*value = span_trim(pair);
			return true;
		}
	}
	return false;
}

static bool
test_cookie(const struct test_conf *t, const struct http_head *h)
{
	struct span value;
	bool found = find_cookie(h, span_str(t->name), &value);

	return holds(t, found, found && t->value != NULL &&
	    span_equal(value, span_str(t->value)));
}

static bool
all_tests_hold(const struct match_conf *m, const struct route_request *q)
{
	for (size_t i = 0; i < m->headers.n; i++)
		if (!test_field(&m->headers.at[i], q->head))
			return false;
	for (size_t i = 0; i < m->queries.n; i++)
		if (!test_parameter(&m->queries.at[i], q->query))
			return false;
	for (size_t i = 0; i < m->cookies.n; i++)
		if (!test_cookie(&m->cookies.at[i], q->head))
			return false;
	return true;
}

static bool
matches(const struct match_conf *m, const struct route_request *q)
{
	if (m->hosts.n > 0 && !matches_any_host(&m->hosts, q->host))
		return false;
	if (m->paths.n + m->prefixes.n > 0 && !matches_path(m, q->path))
		return false;
	if (m->methods.n > 0 && !matches_method(&m->methods, q->method))
		return false;
	if (m->has_listener && m->listener != q->listener)
		return false;
	if (m->clients.n > 0 && !cidrs_hold(&m->clients, q->client))
		return false;
	return all_tests_hold(m, q);
}

const struct route_conf *
router_find(const struct router *r, const struct route_request *q)
{
	for (size_t i = 0; i < r->n; i++)
		if (matches(&r->routes[i].match, q))
			return &r->routes[i];
	return NULL;
}
