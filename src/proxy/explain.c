/* src/proxy/explain.c -- what would become of a request, and why */
#include "proxy/explain.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/value.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/regex.h"
#include "event/loop.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/router.h"
#include "upstream/standing.h"
#include "upstream/strategy.h"

#define LISTED_MOST 4	/* of what a condition would have taken */

/* One at a time: a program that explains does nothing else. */
static struct {
	FILE *out;
	struct http_stream client, backend;	/* lead nowhere */
	struct exchange *exchange;
} probe;

/* Bytes of a peer, fit for a terminal. */
static void
put_span(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= 0x20 && c < 0x7f)
			fputc(c, probe.out);
		else
			fprintf(probe.out, "\\x%02x", c);
	}
}

static void
put_quoted(const char *word, struct span s)
{
	fprintf(probe.out, "%s \"", word);
	put_span(s);
	fputc('"', probe.out);
}

/* ---- why a route does not take it */

/* ", not "a" nor "b"": what would have been taken. */
static void
put_wanted(const struct strings *list, const char *suffix, size_t *n)
{
	for (size_t i = 0; i < list->n; i++) {
		if (++*n > LISTED_MOST)
			continue;
		fprintf(probe.out, "%s\"%s%s\"", *n == 1 ? ", not " : " nor ",
		    list->at[i], suffix);
	}
}

static void
put_more(size_t n)
{
	if (n > LISTED_MOST)
		fprintf(probe.out, " nor %zu more", n - LISTED_MOST);
}

static void
miss_path(const struct match_conf *m, struct span path)
{
	size_t n = 0;

	put_quoted("the path is", path);
	put_wanted(&m->paths, "", &n);
	put_wanted(&m->prefixes, "...", &n);
	for (size_t i = 0; i < m->regexes.n; i++)
		if (++n <= LISTED_MOST)
			fprintf(probe.out, "%s/%s/", n == 1 ? ", not " :
			    " nor ", regex_pattern(m->regexes.at[i]));
	put_more(n);
}

static void
miss_word(const char *what, struct span is, const struct strings *wanted)
{
	size_t n = 0;

	put_quoted(what, is);
	put_wanted(wanted, "", &n);
	put_more(n);
}

/* A field, a parameter or a cookie. */
static void
miss_test(const char *what, const struct test_conf *t)
{
	fprintf(probe.out, "the %s \"%s\" ", what, t->name);
	switch (t->kind) {
	case TEST_EQUAL:
		fprintf(probe.out, "is not \"%s\"", t->value);
		break;
	case TEST_REGEX:
		fprintf(probe.out, "does not match /%s/",
		    regex_pattern(t->regex));
		break;
	case TEST_PRESENT:
		fputs("is not there", probe.out);
		break;
	case TEST_ABSENT:
		fputs("is there", probe.out);
		break;
	}
}

static void
miss_client(const struct address *client)
{
	char text[ADDRESS_TEXT_MAX];

	put_quoted("the client is",
	    span_of(text, address_print_host(client, text)));
	fputs(", which is in none of its networks", probe.out);
}

static void
miss_listener(const struct conf *conf, const struct match_conf *m,
    size_t listener)
{
	char is[ADDRESS_TEXT_MAX], wanted[ADDRESS_TEXT_MAX];

	address_print(&conf->listeners[listener].address, is);
	address_print(&conf->listeners[m->listener].address, wanted);
	fprintf(probe.out, "the listener is \"%s\", not \"%s\"", is, wanted);
}

static void
put_miss(const struct conf *conf, const struct route_conf *r,
    const struct route_request *q, enum route_miss miss, size_t which)
{
	const struct match_conf *m = &r->match;

	switch (miss) {
	case MISS_NONE:
		break;
	case MISS_HOST:
		miss_word("the host is", host_without_port(q->host), &m->hosts);
		break;
	case MISS_PATH:
		miss_path(m, q->path);
		break;
	case MISS_METHOD:
		miss_word("the method is", q->method, &m->methods);
		break;
	case MISS_LISTENER:
		miss_listener(conf, m, q->listener);
		break;
	case MISS_CLIENT:
		miss_client(q->client);
		break;
	case MISS_HEADER:
		miss_test("field", &m->headers.at[which]);
		break;
	case MISS_QUERY:
		miss_test("parameter", &m->queries.at[which]);
		break;
	case MISS_COOKIE:
		miss_test("cookie", &m->cookies.at[which]);
		break;
	}
}

static void
put_routes(const struct conf *conf, const struct route_request *q)
{
	for (size_t i = 0; i < conf->n_routes; i++) {
		const struct route_conf *r = &conf->routes[i];
		size_t which;
		enum route_miss miss = router_check(r, q, &which);

		fprintf(probe.out, "route \"%s\" (%s%sline %u): ", r->name,
		    r->file != NULL ? r->file : "",
		    r->file != NULL ? ", " : "", r->at.line);
		if (miss == MISS_NONE) {
			fputs("takes it\n", probe.out);
			return;
		}
		put_miss(conf, r, q, miss, which);
		fputc('\n', probe.out);
	}
	fputs(conf->n_routes == 0 ? "there are no routes: all goes to one "
	    "upstream\n" : "no route takes it\n", probe.out);
}

/* ---- where it could go */

static void
put_backends(const struct upstream_conf *u)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < u->n_backends; i++)
		sum += u->backends[i].weight;
	for (size_t i = 0; i < u->n_backends; i++) {
		const struct backend_conf *b = &u->backends[i];
		char name[IDENTITY_MAX];

		backend_print_name(b, name);
		fprintf(probe.out, "  backend %s", name);
		if (b->weight == 0)
			fputs(", drained: only for those whom a cookie sends",
			    probe.out);
		else if (u->strategy != STRATEGY_ROUND_ROBIN)
			fprintf(probe.out, ", weight %u of %llu", b->weight,
			    (unsigned long long)sum);
		fputc('\n', probe.out);
	}
}

static void
put_shares(const struct conf *conf, const struct route_conf *r,
    const struct target_conf *chosen)
{
	fprintf(probe.out, "split %s\n", r->split_key.n > 0 ?
	    "by its key" : "by chance, this time");
	for (size_t i = 0; i < r->n_targets; i++)
		fprintf(probe.out, "  upstream \"%s\", weight %u of %u%s\n",
		    conf->upstreams[r->targets[i].upstream].name,
		    r->targets[i].weight, r->weight,
		    &r->targets[i] == chosen ? ": this one" : "");
}

static void
put_ms(const char *word, uint32_t ms)
{
	fprintf(probe.out, ", %s %g s", word, ms / 1000.0);
}

/* "2 retries (connect, reset; budget 20%)" */
static void
put_retries(const struct retry_conf *r, uint32_t budget)
{
	const char *between = " (";
	char text[VALUE_MAX];

	fprintf(probe.out, ", %u retries", r->attempts);
	if (r->attempts == 0)
		return;
	for (uint32_t i = 0; i < RETRY_WORD_COUNT; i++) {
		if ((r->when & 1u << i) == 0)
			continue;
		fprintf(probe.out, "%s%s", between, retry_word(i));
		between = ", ";
	}
	fprintf(probe.out, "%sbudget %s)", r->when == 0 ? " (" : "; ",
	    budget == BUDGET_OFF ? "off" :
	    value_print(&value_percentage, budget, text));
}

static void
put_upstream(const struct exchange *x)
{
	const struct conf *conf = x->proxy->conf;
	size_t i = (size_t)(x->upstream - x->proxy->upstreams);
	const struct upstream_conf *u = &conf->upstreams[i];
	const struct upstream_timeouts *t = x->target != NULL ?
	    &x->target->timeouts : &u->timeouts;

	if (x->route != NULL && x->route->n_targets > 1)
		put_shares(conf, x->route, x->target);
	fprintf(probe.out, "upstream \"%s\", %s", u->name,
	    x->upstream->strategy->name);
	put_retries(x->retry, u->budget);
	put_ms("connect", t->connect);
	put_ms("response_head", t->response_head);
	put_ms("between_bytes", t->between_bytes);
	put_ms("send", t->send);
	if (x->retry->try_ms != 0)
		put_ms("try", x->retry->try_ms);
	if (x->retry->total_ms != 0)
		put_ms("total", x->retry->total_ms);
	fputc('\n', probe.out);
	put_backends(u);
	if (x->named != NULL)
		fprintf(probe.out, "the cookie names %s\n", x->named->name);
}

static void
put_edits(const struct edits_conf *e)
{
	for (size_t i = 0; i < e->remove.n; i++)
		fprintf(probe.out, "response: without %s\n", e->remove.at[i]);
	for (size_t i = 0; i < e->n_set + e->n_add; i++) {
		const struct field_conf *f = i < e->n_set ? &e->set[i] :
		    &e->add[i - e->n_set];

		fprintf(probe.out, "response: %s %s: ",
		    i < e->n_set ? "with" : "also", f->name);
		put_span(f->value.source);
		fputc('\n', probe.out);
	}
}

/* ---- streams that lead nowhere */

static void
put_fields(const struct http_head *h)
{
	for (unsigned i = 0; i < h->n_fields; i++) {
		if (h->fields[i].is_dropped)
			continue;
		fputs("  ", probe.out);
		put_span(field_name(h, &h->fields[i]));
		fputs(": ", probe.out);
		put_span(field_value(h, &h->fields[i]));
		fputc('\n', probe.out);
	}
	for (unsigned i = 0; i < h->n_extras; i++) {
		fputs("  ", probe.out);
		put_span(h->extras[i].name);
		fputs(": ", probe.out);
		put_span(h->extras[i].value);
		fputc('\n', probe.out);
	}
	if (h->upgrade.len > 0) {
		fputs("  Connection: upgrade\n  Upgrade: ", probe.out);
		put_span(h->upgrade);
		fputc('\n', probe.out);
	}
}

static enum send_result
backend_send_head(struct http_stream *s UNUSED, const struct http_head *h,
    bool end UNUSED)
{
	put_upstream(probe.exchange);
	fputs("request:\n  ", probe.out);
	put_span(h->method_text);
	fputc(' ', probe.out);
	if (h->rewritten.len == 0 && h->needs_slash)
		fputc('/', probe.out);
	put_span(h->rewritten.len > 0 ? h->rewritten : h->target);
	fputs(" HTTP/1.1\n", probe.out);
	put_fields(h);
	if (probe.exchange->route != NULL)
		put_edits(&probe.exchange->route->response_headers);
	return SEND_OK;
}

static enum send_result
client_send_head(struct http_stream *s UNUSED, const struct http_head *h,
    bool end UNUSED)
{
	fprintf(probe.out, "answer: %u\n", h->status);
	put_fields(h);
	return SEND_OK;
}

static enum send_result
swallow_body(struct http_stream *s UNUSED, struct span data, bool end UNUSED,
    size_t *taken)
{
	*taken = data.len;
	return SEND_OK;
}

static void
let_go(struct http_stream *s)
{
	s->sink = NULL;
}

static void
on_reset(struct http_stream *s, enum reason why UNUSED)
{
	s->sink = NULL;
}

static void
on_resume(struct http_stream *s UNUSED)
{
}

static const struct http_stream_ops client_ops = {
	.send_info = NULL,	/* nobody answers */
	.send_head = client_send_head,
	.send_body = swallow_body,
	.resume = on_resume,
	.reset = on_reset,
	.release = let_go,
};

static const struct http_stream_ops backend_ops = {
	.send_head = backend_send_head,
	.send_body = swallow_body,
	.resume = on_resume,
	.reset = on_reset,
	.release = let_go,
};

static struct http_stream *
lease(struct backend *b UNUSED, enum lease_kind kind UNUSED, bool *is_pooled)
{
	*is_pooled = true;
	return &probe.backend;
}

static void
lead_nowhere(struct upstream *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < all[i].n_backends; k++)
			all[i].backends[k].lease = lease;
}

/* ---- one request */

/* As routes will see it: behind trusted proxies, in origin form. */
static void
put_request(const struct exchange *x, struct http_head *h)
{
	struct http_head seen = *h;
	struct address client;
	struct route_request q;
	char text[ADDRESS_TEXT_MAX];

	forward_target(&seen);
	route_request_init(&q, x, &seen, &client);
	put_quoted("host", host_without_port(q.host));
	put_quoted(", path", q.path);
	put_quoted(", client", span_of(text,
	    address_print_host(&client, text)));
	address_print(&x->proxy->conf->listeners[x->listener].address, text);
	put_quoted(", listener", span_str(text));
	fputc('\n', probe.out);
	put_routes(x->proxy->conf, &q);
}

static void
run(struct proxy *p, struct http_head *h, const struct http_peer *peer)
{
	struct http_sink *sink;

	probe.client.ops = &client_ops;
	probe.backend.ops = &backend_ops;
	sink = p->service.open(&p->service, &probe.client, peer);
	probe.client.sink = sink;
	probe.exchange = container_of(sink, struct exchange, client_sink);
	if (probe.exchange->trusted != NULL)
		trust_find_client(probe.exchange, h);
	put_request(probe.exchange, h);
	sink->events->on_head(&probe.client, h, true);
	if (probe.client.sink != NULL)	/* it waits for a backend */
		sink->events->on_reset(&probe.client, REASON_CLIENT_GONE,
		    SENT_ALL);
}

void
proxy_explain(const struct conf *conf, struct http_head *h,
    const struct http_peer *peer, FILE *out)
{
	struct upstream *upstreams = upstreams_new(conf, 0, 1);
	struct proxy p;

	lead_nowhere(upstreams, conf->n_upstreams);
	wheel_init(&loop.wheel, clock_now_ms);	/* deadlines */
	proxy_init(&p, conf, upstreams);
	probe.out = out;
	run(&p, h, peer);
	proxy_fini(&p);
	upstreams_free(&upstreams, conf->n_upstreams);
}
