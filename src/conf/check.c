/* src/conf/check.c -- what health checks ask for and what they take */
#include <string.h>
#include <strings.h>

#include "conf/internal.h"

#define HEADERS_MOST	16	/* with ours: of HEAD_EXTRAS_MAX */

#define HOST_CHARACTERS LETTER_CHARACTERS "-._:[]"

/* ---- the request */

/* A target of RFC 9112 3.2.1, sent as it is. */
static bool
is_target(const char *path)
{
	if (*path != '/')
		return false;
	for (; *path != '\0'; path++)
		if ((unsigned char)*path <= ' ' ||
		    (unsigned char)*path >= 0x7f || *path == '#')
			return false;
	return true;
}

static void
check_target(const struct check_file *f, struct diagnostics *d)
{
	const char *path = f->conf.path;
	char word[QUOTE_MAX];

	if (path != NULL && !is_target(path))
		diag_error(d, f->path_at, "\"%s\" is no path that can be asked "
		    "for; begin it with \"/\" and write what is no printable "
		    "ASCII as in %%20", quote(word, span_str(path)));
}

static void
check_host(const struct check_file *f, struct diagnostics *d)
{
	const char *host = f->conf.host;
	char word[QUOTE_MAX];

	if (host != NULL && host[strspn(host, HOST_CHARACTERS)] != '\0')
		diag_error(d, f->host_at, "\"%s\" is no host; write a name or "
		    "an address, with or without a port, as in example.com",
		    quote(word, span_str(host)));
}

static void
check_header(const struct check_header_file *h, struct diagnostics *d)
{
	char word[QUOTE_MAX];

	if (strcasecmp(h->as.name, "host") == 0)
		diag_error(d, h->as.at, "a check has one \"Host\"; \"host\" of "
		    "\"health_check\" changes it");
	else if (field_is_ours(h->as.name))
		diag_error(d, h->as.at, "\"%s\" belongs to the connection; a "
		    "check cannot have it",
		    quote(word, span_str(h->as.name)));
	for (const char *c = h->value; c != NULL && *c != '\0'; c++)
		if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
			diag_error(d, h->value_at, "a field's value cannot "
			    "hold control characters or line ends");
			return;
		}
}

static void
take_headers(struct check_conf *c, const struct check_file *f,
    struct arena *arena, struct diagnostics *d)
{
	const struct check_header_file *h = f->headers.items;

	c->headers = arena_alloc(arena, f->headers.n * sizeof(*c->headers));
	for (size_t i = 0; i < f->headers.n; i++) {
		check_header(&h[i], d);
		c->headers[c->n_headers++] = (struct check_field){
			h[i].as.name, h[i].value,
		};
	}
	if (c->n_headers > HEADERS_MOST)
		diag_error(d, f->headers_at, "a check sends at most %d fields",
		    HEADERS_MOST);
}

/* ---- the response */

/* interfaces.md: who names a path knows what comes of it. */
static void
take_statuses(struct check_conf *c, const struct check_file *f,
    struct arena *arena)
{
	static const struct status_range any = { 200, 499 };
	static const struct status_range of_path = { 200, 399 };

	c->statuses = f->statuses.items;
	c->n_statuses = f->statuses.n;
	if (c->n_statuses > 0)
		return;
	c->statuses = arena_new_of(arena, struct status_range);
	c->statuses[0] = f->conf.path == NULL ? any : of_path;
	c->n_statuses = 1;
}

static void
check_body(const struct check_file *f, struct diagnostics *d)
{
	if (f->contains_at.line != 0 && f->regex_at.line != 0)
		diag_error(d, f->regex_at, "\"regex\" cannot be beside "
		    "\"contains\"");
	if (f->conf.method == CHECK_HEAD && f->body_at.line != 0)
		diag_error(d, f->body_at, "\"expect_body\" is for responses "
		    "that have a body; those to HEAD have none");
}

/* ---- all of it */

/* What only a request has. */
static void
warn_goes_nowhere(const struct check_file *f, struct diagnostics *d)
{
	static const char *const words[] = { "method", "path", "host",
		"headers", "expect_status", "expect_header", "expect_body" };
	const struct place at[] = { f->method_at, f->path_at, f->host_at,
		f->headers_at, f->statuses_at, f->fields_at, f->body_at };
	size_t i = f->conf.method == CHECK_GET;	/* -T says so, too */

	for (; i < COUNT_OF(at); i++)
		if (at[i].line != 0)
			diag_warning(d, at[i], "\"%s\" has no effect in a check "
			    "of the type tcp", words[i]);
}

static void
warn_delays(const struct check_file *f, struct diagnostics *d)
{
	bool is_timeout = f->timeout_at.line != 0;

	diag_warning(d, is_timeout ? f->timeout_at : f->interval_at,
	    "%s do not fit: a check that takes as long as it may delays the "
	    "next one", is_timeout ? "\"timeout\" and \"interval\"" :
	    "\"interval\" and \"timeout\"");
}

void
take_check(struct check_conf *c, const struct check_file *f,
    struct arena *arena, struct diagnostics *d)
{
	*c = f->conf;
	if (c->path == NULL)
		c->path = "/";
	check_target(f, d);
	check_host(f, d);
	take_headers(c, f, arena, d);
	take_statuses(c, f, arena);
	take_tests(&c->fields, &f->fields, arena, d);
	check_body(f, d);
	if (c->type == CHECK_TCP)
		warn_goes_nowhere(f, d);
	if (c->timeout_ms > c->interval_ms)
		warn_delays(f, d);
}
