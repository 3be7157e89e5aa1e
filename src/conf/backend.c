/* src/conf/backend.c -- the backends of a file and of -b */
#include "conf/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The letters, digits, - and _ of one label, 1 to 63 of them. */
static bool
is_label(struct span s)
{
	if (s.len == 0 || s.len > 63 || s.ptr[0] == '-' ||
	    s.ptr[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '_')
			return false;
	return true;
}

/* A last label of a number is an address that went wrong: 10.0.0.256. */
static bool
is_numeric(struct span label)
{
	bool is_hex = label.len > 1 && label.ptr[0] == '0' &&
	    (label.ptr[1] == 'x' || label.ptr[1] == 'X');

	for (size_t i = is_hex ? 2 : 0; i < label.len; i++) {
		unsigned char c = (unsigned char)label.ptr[i];

		if (is_hex ? !isxdigit(c) : !isdigit(c))
			return false;
	}
	return true;
}

enum name_fault { NAME_GOOD, NAME_BAD, NAME_NUMERIC };

static enum name_fault
check_name(struct span name)
{
	struct span label;
	const char *dot;

	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len > 253)
		return NAME_BAD;
	for (;;) {
		dot = memchr(name.ptr, '.', name.len);
		label = span_of(name.ptr, dot != NULL ?
		    (size_t)(dot - name.ptr) : name.len);
		if (!is_label(label))
			return NAME_BAD;
		if (dot == NULL)
			break;
		name = span_skip(name, label.len + 1);
	}
	return is_numeric(label) ? NAME_NUMERIC : NAME_GOOD;
}

static bool
has_prefix(struct span text, struct span prefix)
{
	return text.len >= prefix.len &&
	    span_equal_nocase(span_of(text.ptr, prefix.len), prefix);
}

/* What people write into `host` that belongs elsewhere. */
static void
explain_host(struct span host, enum name_fault fault, char why[WHY_MAX])
{
	const char *colon = memchr(host.ptr, ':', host.len);
	char word[QUOTE_MAX];

	quote(word, host);
	if (has_prefix(host, SPAN("http://")))
		snprintf(why, WHY_MAX, "\"%s\" holds a scheme; write the name "
		    "or address alone", word);
	else if (memchr(host.ptr, '/', host.len) != NULL)
		snprintf(why, WHY_MAX, "\"%s\" holds a \"/\"; write the name "
		    "or address alone", word);
	else if (colon != NULL && memrchr(host.ptr, ':', host.len) == colon &&
	    host.ptr[0] != '[')
		snprintf(why, WHY_MAX, "\"%s\" holds a port; write it under "
		    "\"port\"", word);
	else if (fault == NAME_NUMERIC)
		snprintf(why, WHY_MAX, "\"%s\" is no IPv4 address; write four "
		    "numbers up to 255, as in 192.0.2.1", word);
	else if (colon != NULL)
		snprintf(why, WHY_MAX, "\"%s\" is no IPv6 address; write it as "
		    "in \"2001:db8::1\"", word);
	else
		snprintf(why, WHY_MAX, "\"%s\" is no host name; a name has "
		    "letters, digits, \"-\" and dots", word);
}

static struct span
without_brackets(struct span host)
{
	if (host.len > 2 && host.ptr[0] == '[' &&
	    host.ptr[host.len - 1] == ']')
		return span_of(host.ptr + 1, host.len - 2);
	return host;
}

bool
backend_parse_host(struct backend_conf *b, struct span text, uint16_t port,
    struct arena *arena, char why[WHY_MAX])
{
	struct span scheme = SPAN("https://"), host = text;
	enum name_fault fault;

	b->port = port;
	b->wants_tls = has_prefix(text, scheme) || port == 443;
	if (has_prefix(text, scheme))
		host = span_skip(text, scheme.len);
	b->host = arena_str(arena, without_brackets(host));
	if (address_parse_host(&b->address, host, port))
		return true;
	memset(&b->address, 0, sizeof(b->address));
	fault = check_name(host);
	if (fault == NAME_GOOD)
		return true;
	explain_host(host, fault, why);
	return false;
}

bool
host_is_name(struct span name)
{
	return name.len > 0 && check_name(name) == NAME_GOOD;
}

static const char *
tls_reason(const struct backend_conf *b)
{
	return b->port == 443 ? "port 443" : "\"https://\"";
}

#define LEFT_OUT "which is not built yet; it is left out and gets no requests"

/* As -b says it. */
static const char *
option_text(char out[QUOTE_MAX], const struct backend_file *f)
{
	char text[512];

	if (f->weight == 1)
		snprintf(text, sizeof(text), "%s:%u", f->host, f->port);
	else
		snprintf(text, sizeof(text), "%s:%u*%u", f->host, f->port,
		    f->weight);
	return quote(out, span_str(text));
}

static void
warn_tls(const struct backend_conf *b, const struct backend_file *f,
    struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (f->host_at.line == 0)
		diag_warning(d, PLACE_OPTIONS, "-b %s: it needs TLS (%s), "
		    LEFT_OUT, option_text(word, f), tls_reason(b));
	else
		diag_warning(d, f->host_at, "the backend \"%s\" needs TLS "
		    "(%s), " LEFT_OUT, quote(word, span_str(b->host)),
		    tls_reason(b));
}

/* The port, and where it comes from. False: it is missing, or was wrong. */
static bool
check_resolve(struct backend_conf *b, const struct backend_file *f,
    struct diagnostics *d)
{
	if (f->is_srv && b->address.len > 0) {
		diag_error(d, f->resolve_at, "SRV records belong to a name; "
		    "give a name in place of the address");
		return false;
	}
	if (f->is_srv && f->port != 0)
		diag_warning(d, f->resolve_at, "SRV records have ports of "
		    "their own; the one that is given here has no effect");
	if (f->is_srv)
		b->port = 0;
	else if (f->port == 0 && f->resolve_at.line != 0 && !f->is_bad)
		diag_error(d, f->at, "a backend needs the key \"port\", but "
		    "under \"resolve: srv\"");
	return f->is_srv || f->port != 0;
}

/* One item of the list; a host or port that failed before is not judged.
 * True: it needs TLS and is left out. */
static bool
add(struct upstream_conf *u, const struct backend_file *f,
    struct arena *arena, struct diagnostics *d)
{
	struct backend_conf *b = &u->backends[u->n_backends];
	char why[WHY_MAX];

	if (f->host == NULL)
		return false;
	if (!backend_parse_host(b, span_str(f->host), f->port, arena, why)) {
		diag_error(d, f->host_at, "%s", why);
		return false;
	}
	if (b->wants_tls) {
		warn_tls(b, f, d);
		return true;
	}
	if (!check_resolve(b, f, d))
		return false;
	b->is_srv = f->is_srv != 0;
	b->addresses = f->addresses;
	b->weight = f->weight;
	b->is_backup = f->is_backup;
	b->max_connections = f->max_connections;
	b->at = f->host_at;
	u->n_backends++;
	return false;
}

static int
compare_backends(const void *pa, const void *pb)
{
	const struct backend_conf *a = *(struct backend_conf *const *)pa;
	const struct backend_conf *b = *(struct backend_conf *const *)pb;
	int order = strcasecmp(a->host, b->host);

	if (order != 0)
		return order;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a < b ? -1 : a > b;	/* the array is in the file's order */
}

static void
warn_duplicate(const struct backend_conf *first,
    const struct backend_conf *again, struct diagnostics *d)
{
	char word[QUOTE_MAX];
	struct diagnostic *e;

	quote(word, span_str(again->host));
	if (again->at.line == 0) {
		diag_warning(d, PLACE_OPTIONS, "-b %s:%u is given twice", word,
		    again->port);
		return;
	}
	e = diag_warning(d, again->at, "the backend %s:%u is listed twice; to "
	    "send it more, give it a \"weight\"", word, again->port);
	diag_note_place(d, e, first->at, "the first is");
}

/* By sorting: a list may have a hundred thousand items. */
static void
warn_duplicates(const struct upstream_conf *u, struct diagnostics *d)
{
	struct backend_conf **sorted;
	size_t first = 0;

	if (u->n_backends < 2)
		return;
	sorted = xcalloc(u->n_backends, sizeof(*sorted));
	for (size_t i = 0; i < u->n_backends; i++)
		sorted[i] = &u->backends[i];
	qsort(sorted, u->n_backends, sizeof(*sorted), compare_backends);
	for (size_t i = 1; i < u->n_backends; i++) {
		if (strcasecmp(sorted[i]->host, sorted[first]->host) == 0 &&
		    sorted[i]->port == sorted[first]->port)
			warn_duplicate(sorted[first], sorted[i], d);
		else
			first = i;
	}
	free(sorted);
}

/* A weight that the strategy will not look at. */
static void
warn_idle_weights(const struct upstream_file *f, struct diagnostics *d)
{
	const struct backend_file *b = f->backends.items;
	char word[QUOTE_MAX], option[QUOTE_MAX + 8];

	if (f->strategy != STRATEGY_ROUND_ROBIN)
		return;	/* all others know weights */
	for (size_t i = 0; i < f->backends.n; i++) {
		if (b[i].host == NULL || b[i].weight <= 1)
			continue;
		*option = '\0';
		if (b[i].weight_at.line == 0)
			snprintf(option, sizeof(option), "-b %s: ",
			    option_text(word, &b[i]));
		diag_warning(d, b[i].weight_at, "%sa weight has no effect "
		    "under the strategy \"round-robin\"; use \"weighted\"",
		    option);
	}
}

/* Nothing would be served. Silent when the list itself is in error. */
static void
check_any_serves(const struct upstream_conf *u, struct place at,
    struct diagnostics *d)
{
	for (size_t i = 0; i < u->n_backends; i++)
		if (u->backends[i].weight > 0)
			return;
	if (u->n_backends > 0)
		diag_warning(d, at, "all backends have the weight 0, which "
		    "drains them: every request gets 503");
}

size_t
take_backends(struct upstream_conf *u, const struct upstream_file *f,
    struct arena *arena, struct diagnostics *d)
{
	const struct backend_file *b = f->backends.items;
	size_t n_left_out = 0;

	u->backends = arena_alloc(arena,
	    (f->backends.n + 1) * sizeof(struct backend_conf));
	for (size_t i = 0; i < f->backends.n; i++)
		n_left_out += add(u, &b[i], arena, d);
	warn_duplicates(u, d);
	warn_idle_weights(f, d);
	if (u->n_backends > 0)
		check_any_serves(u, f->backends_at, d);
	return n_left_out;
}

/* The pieces of HOST:PORT[*WEIGHT]. */
struct pieces {
	struct span host, port, weight;
};

/* Cuts `text` in two before the last `c`, which goes. */
static bool
cut_last(struct span *text, char c, struct span *rest)
{
	const char *at = memrchr(text->ptr, c, text->len);

	if (at == NULL)
		return false;
	*rest = span_skip(*text, (size_t)(at - text->ptr) + 1);
	text->len = (size_t)(at - text->ptr);
	return true;
}

static bool
cut_pieces(struct span text, struct pieces *p, char why[WHY_MAX])
{
	struct span scheme = SPAN("https://"), bare;

	p->weight = SPAN("1");
	p->host = text;
	cut_last(&p->host, '*', &p->weight);
	if (!cut_last(&p->host, ':', &p->port) || p->host.len == 0 ||
	    p->port.ptr[0] == '/') {
		snprintf(why, WHY_MAX, "it has no port; write HOST:PORT, as in "
		    "127.0.0.1:9001");
		return false;
	}
	bare = has_prefix(p->host, scheme) ?
	    span_skip(p->host, scheme.len) : p->host;
	if (bare.len > 0 && bare.ptr[0] != '[' &&
	    memchr(bare.ptr, ':', bare.len) != NULL) {
		snprintf(why, WHY_MAX, "an IPv6 address needs brackets, as in "
		    "[::1]:9001");
		return false;
	}
	return true;
}

/* Port and weight have their rows in the schema. */
static bool
parse_option(struct backend_file *f, const char *text, struct arena *arena,
    char why[WHY_MAX])
{
	struct backend_conf unused;
	struct pieces p;

	schema_defaults(&conf_backend, f);
	if (!cut_pieces(span_str(text), &p, why) ||
	    !schema_set(schema_find(&conf_backend, SPAN("port")), f, p.port,
	    arena, why) ||
	    !schema_set(schema_find(&conf_backend, SPAN("weight")), f,
	    p.weight, arena, why) ||
	    !backend_parse_host(&unused, p.host, f->port, arena, why))
		return false;
	f->host = arena_str(arena, p.host);
	return true;
}

void
merge_backends(struct upstream_file *f, const struct options *o,
    struct arena *arena, struct diagnostics *d)
{
	struct backend_file *b;
	struct upstream_conf unused = { .n_backends = 0 };
	char why[WHY_MAX], word[QUOTE_MAX];

	if (o->n_backends == 0)
		return;
	(void)take_backends(&unused, f, arena, d);
	b = arena_alloc(arena, o->n_backends * sizeof(*b));
	for (size_t i = 0; i < o->n_backends; i++)
		if (!parse_option(&b[i], o->backends[i], arena, why))
			diag_error(d, PLACE_OPTIONS, "-b %s: %s",
			    quote(word, span_str(o->backends[i])), why);
	f->backends = (struct conf_list){ b, o->n_backends };
	f->backends_at = PLACE_OPTIONS;
}
