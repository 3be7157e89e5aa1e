/* src/proxy/match.c -- whether the conditions of one route hold */
#include "proxy/match.h"

#include <inttypes.h>

#include "core/assert.h"
#include "core/log.h"
#include "core/regex.h"
#include "http/fields.h"
#include "http/uri.h"

/* A pattern that reaches its bounds is the operator's to mend: told at the
 * first time, the second, the fourth and so on. */
static COLD void
tell_limit(const struct regex *r)
{
	uint64_t n = regex_limits_hit();

	if ((n & (n - 1)) == 0)
		log_warn(NULL, "the pattern \"%s\" tried too long and was "
		    "given up: the request is refused, %" PRIu64 " such "
		    "matches so far", regex_pattern(r), n);
}

static bool
part_matches(const struct regex *r, struct span s)
{
	uint64_t before = regex_limits_hit();
	bool is_match = regex_matches(r, s);

	if (unlikely(regex_limits_hit() != before))
		tell_limit(r);
	return is_match;
}

struct span
host_without_port(struct span host)
{
	const char *colon;
	size_t rest;

	if (host.len == 0)
		return host;
	colon = memrchr(host.ptr, ':', host.len);
	if (colon != NULL) {
		rest = (size_t)(host.ptr + host.len - colon);
		if (memchr(colon, ']', rest) == NULL)
			host.len -= rest;
	}
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

/* As span_equal(); most texts differ in their second byte ("/x", "/y"). */
static inline bool
is_text(struct span s, const char *text)
{
	if (s.len > 1 && (text[0] != s.ptr[0] || text[1] != s.ptr[1]))
		return false;
	return span_equal(span_str(text), s);
}

/* "*.a.b" stands for one label or more in front of "a.b". */
static inline bool
matches_host(const char *pattern, struct span host)
{
	struct span p = span_str(pattern);

	if (pattern[0] != '*')
		return p.len == host.len && span_equal_nocase(p, host);
	p = span_skip(p, 1);
	return host.len > p.len && span_equal_nocase(p,
	    span_skip(host, host.len - p.len));
}

static inline bool
matches_any_host(const struct strings *hosts, struct span host)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (matches_host(hosts->at[i], host))
			return true;
	return false;
}

/* "/v1" takes "/v1" and "/v1/x"; "/v1/" only what is below it. */
static inline bool
matches_prefix(const char *prefix, struct span path)
{
	struct span p;

	if (path.len > 1 && prefix[1] != '\0' && prefix[1] != path.ptr[1])
		return false;
	p = span_str(prefix);
	if (path.len < p.len || memcmp(path.ptr, p.ptr, p.len) != 0)
		return false;
	return path.len == p.len || p.ptr[p.len - 1] == '/' ||
	    path.ptr[p.len] == '/';
}

static inline bool
takes_path(const struct match_conf *m, struct span path)
{
	for (size_t i = 0; i < m->paths.n; i++)
		if (is_text(path, m->paths.at[i]))
			return true;
	for (size_t i = 0; i < m->prefixes.n; i++)
		if (matches_prefix(m->prefixes.at[i], path))
			return true;
	for (size_t i = 0; i < m->regexes.n; i++)
		if (part_matches(m->regexes.at[i], path))
			return true;
	return false;
}

bool
match_path(const struct match_conf *m, struct span path)
{
	return takes_path(m, path);
}

static inline bool
matches_method(const struct strings *methods, struct span method)
{
	for (size_t i = 0; i < methods->n; i++)
		if (is_text(method, methods->at[i]))
			return true;
	return false;
}

/* Whether this value is what the condition wants of one. */
static bool
suits(const struct test_conf *t, struct span value)
{
	if (t->kind == TEST_REGEX)
		return part_matches(t->regex, value);
	return t->kind == TEST_EQUAL && span_equal(value, span_str(t->value));
}

/* What became of one condition, given a value or (found) none. */
static bool
holds(const struct test_conf *t, bool found, bool is_suited)
{
	switch (t->kind) {
	case TEST_PRESENT:	return found;
	case TEST_ABSENT:	return !found;
	default:		return is_suited;
	}
}

/* Several fields of a name: one of them is enough. */
static bool
test_field(const struct test_conf *t, const struct http_head *h)
{
	struct span name = span_str(t->name);
	bool found = false, is_suited = false;

	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (f->name_len != name.len ||
		    !span_equal_nocase(field_name(h, f), name))
			continue;
		found = true;
		is_suited = is_suited || suits(t, field_value(h, f));
	}
	return holds(t, found, is_suited);
}

static bool
test_parameter(const struct test_conf *t, struct span query)
{
	static char room[HEAD_BYTES_MAX];	/* a query is part of a head */
	struct span value;
	bool found = uri_query_find(query, span_str(t->name), &value);

	if (!found || t->kind != TEST_REGEX)
		return holds(t, found, found && t->kind == TEST_EQUAL &&
		    uri_part_equal(value, span_str(t->value)));
	ASSERT(value.len <= sizeof(room));
	return suits(t, uri_part_decode(value, room));
}

bool
match_cookie(const struct http_head *h, struct span name, struct span *value)
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
	bool found = match_cookie(h, span_str(t->name), &value);

	return holds(t, found, found && suits(t, value));
}

enum route_miss
match_rest(const struct match_conf *m, const struct route_request *q,
    size_t *which)
{
	if (m->methods.n > 0 && !matches_method(&m->methods, q->method))
		return MISS_METHOD;
	if (m->has_listener && m->listener != q->listener)
		return MISS_LISTENER;
	if (m->clients.n > 0 && !cidrs_hold(&m->clients, q->client))
		return MISS_CLIENT;
	for (*which = 0; *which < m->headers.n; ++*which)
		if (!test_field(&m->headers.at[*which], q->head))
			return MISS_HEADER;
	for (*which = 0; *which < m->queries.n; ++*which)
		if (!test_parameter(&m->queries.at[*which], q->query))
			return MISS_QUERY;
	for (*which = 0; *which < m->cookies.n; ++*which)
		if (!test_cookie(&m->cookies.at[*which], q->head))
			return MISS_COOKIE;
	return MISS_NONE;
}

/* `host` is without its port. */
static inline enum route_miss
check(const struct match_conf *m, const struct route_request *q,
    struct span host, size_t *which)
{
	if (m->hosts.n > 0 && !matches_any_host(&m->hosts, host))
		return MISS_HOST;
	if (match_asks_path(m) && !takes_path(m, q->path))
		return MISS_PATH;
	return match_rest(m, q, which);
}

enum route_miss
router_check(const struct route_conf *r, const struct route_request *q,
    size_t *which)
{
	return check(&r->match, q, host_without_port(q->host), which);
}

const struct route_conf *
match_first(const struct route_conf *routes, size_t n,
    const struct route_request *q)
{
	static size_t which;	/* nobody asks; a local would cost a canary */
	struct span host = host_without_port(q->host);

	for (; n > 0; n--, routes++)
		if (check(&routes->match, q, host, &which) == MISS_NONE)
			return routes;
	return NULL;
}
