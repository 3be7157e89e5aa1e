/* src/cli/explain.c -- fairlead --explain */
#include "cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/random.h"
#include "http1/parse.h"
#include "proc/register.h"
#include "proxy/explain.h"
#include "shm/segment.h"

#define CONNECTION 1

/* A request in the words of the command line. */
struct question {
	struct span method, authority, target;	/* authority empty: none */
	uint16_t port;
	struct address client;
	size_t listener;
	char *text;		/* the head as a client would send it */
	size_t len;
};

static int
wrong(const char *what, const char *word)
{
	fprintf(stderr, "fairlead: %s \"%s\"\n", what, word);
	return -1;
}

/* The port behind an authority; 0: there is none. */
static uint16_t
port_of(struct span authority)
{
	const char *colon = memrchr(authority.ptr, ':', authority.len);
	size_t rest;

	if (colon == NULL)
		return 0;
	rest = (size_t)(authority.ptr + authority.len - colon);
	return memchr(colon, ']', rest) != NULL ? 0 :
	    (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* "http://host:port/path": false: it has no scheme. */
static bool
cut_scheme(struct question *q, const char *url, const char *scheme,
    uint16_t port)
{
	size_t len = strlen(scheme);
	const char *end;

	if (strncasecmp(url, scheme, len) != 0)
		return false;
	url += len;
	end = url + strcspn(url, "/?");
	q->authority = span_of(url, (size_t)(end - url));
	q->target = span_str(end);
	q->port = port_of(q->authority);
	if (q->port == 0)
		q->port = port;
	return true;
}

static int
parse_question(struct question *q, const char *text)
{
	size_t len = strcspn(text, " ");
	const char *url = text + len + strspn(text + len, " ");

	q->method = span_of(text, len);
	if (len == 0 || *url == '\0')
		return wrong("--explain takes a method and a URL, as in "
		    "'GET http://www.example.com/x', not", text);
	if (cut_scheme(q, url, "http://", 80) ||
	    cut_scheme(q, url, "https://", 443))
		return 0;
	if (*url != '/' && strcmp(url, "*") != 0)
		return wrong("--explain takes a URL that begins with http://, "
		    "https:// or /, not", url);
	q->target = span_str(url);
	return 0;
}

static int
parse_client(struct question *q, const char *text)
{
	if (address_parse_host(&q->client,
	    span_str(text == NULL ? "127.0.0.1" : text), 0))
		return 0;
	return wrong("--client takes an address in numbers, not", text);
}

/* The first that has the URL's port, else the first. */
static void
find_listener(struct question *q, const struct conf *conf)
{
	for (size_t i = 0; q->port != 0 && i < conf->n_listeners; i++)
		if (address_port(&conf->listeners[i].address) == q->port) {
			q->listener = i;
			return;
		}
}

static bool
has_host(const struct options *o)
{
	for (size_t i = 0; i < o->n_headers; i++)
		if (strncasecmp(o->headers[i], "host:", 5) == 0)
			return true;
	return false;
}

static int
write_head(struct question *q, const struct options *o)
{
	FILE *f = open_memstream(&q->text, &q->len);

	if (f == NULL)
		return wrong("out of memory for", o->explain);
	fprintf(f, "%.*s %s%.*s HTTP/1.1\r\n", SPAN_ARG(q->method),
	    q->target.len == 0 || q->target.ptr[0] == '?' ? "/" : "",
	    SPAN_ARG(q->target));
	if (!has_host(o))
		fprintf(f, "Host: %.*s\r\n", SPAN_ARG(q->authority.len > 0 ?
		    q->authority : SPAN("localhost")));
	for (size_t i = 0; i < o->n_headers; i++)
		fprintf(f, "%s\r\n", o->headers[i]);
	fputs("\r\n", f);
	return fclose(f) == 0 ? 0 : wrong("out of memory for", o->explain);
}

static void
find_all(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		for (size_t k = 0; k < conf->upstreams[i].n_backends; k++) {
			struct backend_conf *b =
			    &conf->upstreams[i].backends[k];

			if (b->address.len == 0)
				(void)address_parse_host(&b->address,
				    SPAN("127.0.0.1"), b->port);
		}
}

static void
ask(const struct question *q, const struct conf *conf)
{
	static struct http_field fields[HEAD_FIELDS_MAX];
	static struct http_extra extras[HEAD_EXTRAS_MAX];
	const struct listener_conf *l = &conf->listeners[q->listener];
	const struct parse_limits limits = {
		.head_bytes = conf->limits.request_head,
		.line_bytes = conf->limits.request_head / 2,
		.field_count = conf->limits.header_count,
	};
	const struct http_peer peer = {
		.client = &q->client, .port = address_port(&l->address),
		.listener = (uint16_t)q->listener, .connection = CONNECTION,
		.trusted = l->trusted.n > 0 ? &l->trusted : NULL,
	};
	struct http_head h = { .fields = fields, .extras = extras };
	enum reason why = REASON_BAD_REQUEST;

	if (parse_request(&h, span_of(q->text, q->len), &limits, &why) ==
	    PARSE_OK)
		proxy_explain(conf, &h, &peer, stdout);
	else
		printf("answer: %u (%s), before any route is asked\n",
		    reasons[why].status, reasons[why].word);
}

int
explain(struct conf *conf, const struct options *o)
{
	struct question q = { .port = 0 };

	if (parse_question(&q, o->explain) < 0 ||
	    parse_client(&q, o->client) < 0 || write_head(&q, o) < 0)
		return -1;
	clock_update();
	random_seed();
	find_all(conf);
	find_listener(&q, conf);
	if (segment_create() < 0 || segment_register_conf(conf) < 0)
		return wrong("no shared memory:", strerror(errno));
	ask(&q, conf);
	segment_close();
	free(q.text);
	return 0;
}
