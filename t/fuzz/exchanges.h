/* t/fuzz/exchanges.h -- what went in and what came out must agree */
#pragma once
/*
 * Reads what the client and the backends said and what each of them got, with
 * the plain reader of messages.h, and compares: a request reaches a backend as
 * it was sent and only if it was sent, an answer is the one to its request,
 * nothing is whole that was not, and nothing stands between the messages.
 */
#include "http1/parse.h"
#include "memory_net.h"
#include "messages.h"

#define REQUESTS_MAX	300	/* 4 KiB of them, but what is repeated */
#define ATTEMPTS_ALL	1300
#define ANSWER_MAX	512
#define PLAIN_MAX	48	/* bytes of each part: no limit is below */

/* One request as a backend got it, and what the backend answered. */
struct attempt {
	const struct link *link;
	struct message request, response;
	size_t index;		/* of the client's request */
	bool is_answered;	/* there is a head of a final response */
	bool has_interim;	/* and of others before it */
	bool is_tunnel;
	struct span up, down;	/* the tunnel's bytes */
};

static struct {
	const struct link *client;
	struct message requests[REQUESTS_MAX];
	struct attempt attempts[ATTEMPTS_ALL];
	bool is_served[REQUESTS_MAX];	/* the client has a backend's whole
					 * answer */
	size_t n_requests, n_attempts;
	const char *doing;
} seen;

static void
print_bytes(const char *name, unsigned i, struct span s)
{
	fprintf(stderr, "---- %s %u, %zu bytes\n", name, i, s.len);
	for (size_t k = 0; k < s.len; k++) {
		unsigned char c = (unsigned char)s.ptr[k];

		if (c == '\r')
			fputs("\\r", stderr);
		else if (c == '\n' || (c >= ' ' && c < 0x7f))
			fputc(c, stderr);
		else
			fprintf(stderr, "\\x%02x", c);
	}
	fputc('\n', stderr);
}

static _Noreturn void
net_fail(const char *what)
{
	for (unsigned i = 0; i < net.n_links; i++) {
		const char *who = i == 0 ? "client" : "backend";
		struct link *l = &net.links[i];

		fprintf(stderr, "==== %s %u%s%s%s%s\n", who, i,
		    l->has_ended ? ", it ended" : "",
		    l->is_reset ? ", it reset" : "",
		    l->is_shut ? ", was ended" : "",
		    l->is_cut ? ", was cut" : "");
		print_bytes("said", i, bytes_span(&l->in));
		print_bytes("got", i, bytes_span(&l->out));
	}
	fprintf(stderr, "wrong: %s%s%s\n", what,
	    seen.doing == NULL ? "" : ": ",
	    seen.doing == NULL ? "" : seen.doing);
	abort();
}

static void
must(bool holds, const char *what)
{
	if (!holds)
		net_fail(what);
}

/* ---- reading */

/* RFC 9112 2.2; how many is for the server to say. */
static bool
skip_empty_lines(struct span *rest)
{
	unsigned n = 0;

	for (; rest->len >= 2 && memcmp(rest->ptr, "\r\n", 2) == 0; n++)
		*rest = span_skip(*rest, 2);
	return n <= PARSE_EMPTY_LINES;
}

/* All requests that the client sent, up to what is not one. */
static void
read_requests(void)
{
	struct span rest = bytes_span(&seen.client->in);
	struct message *m;

	for (seen.n_requests = 0; seen.n_requests < REQUESTS_MAX;) {
		if (!skip_empty_lines(&rest))
			return;
		m = &seen.requests[seen.n_requests];
		read_message(m, &rest, NULL);
		if (m->head != READ_WHOLE)
			return;
		seen.n_requests++;
		if (m->body != READ_WHOLE)
			return;
	}
}

/* Which exchange was the last to begin when that byte was written. */
static size_t
index_of(const struct link *l, size_t offset)
{
	size_t mark = 0;

	for (unsigned i = 0; i < net.n_writes; i++)
		if (&net.links[net.writes[i].link] == l &&
		    net.writes[i].begin <= offset)
			mark = net.writes[i].mark;
	must(mark > 0, "bytes before any request");
	return mark - 1;
}

/* The final response at the front of what the backend said, which may have
 * said it before it had the whole request. */
static void
read_response(struct attempt *a, struct span *said)
{
	struct message *m = &a->response;
	struct span method = seen.requests[a->index].method;

	do {
		if (said->len == 0)
			return;
		read_message(m, said, &method);
		if (m->head != READ_WHOLE)
			return;
		a->has_interim |= m->status < 200;
	} while (m->status < 200 && m->status != 101);
	a->is_answered = true;
	if (m->by == BY_CLOSE && a->link->has_ended)
		m->body = READ_WHOLE;
	if (m->body != READ_WHOLE)
		said->len = 0;
}

static void
read_attempts(const struct link *l)
{
	struct span got = bytes_span(&l->out), said = bytes_span(&l->in);
	const char *begin = got.ptr;
	struct attempt *a;

	while (got.len > 0 && seen.n_attempts < ATTEMPTS_ALL) {
		a = &seen.attempts[seen.n_attempts++];
		memset(a, 0, sizeof(*a));
		a->link = l;
		a->index = index_of(l, (size_t)(got.ptr - begin));
		read_message(&a->request, &got, NULL);
		must(a->request.head != READ_WRONG, a->request.fault);
		must(a->request.body != READ_WRONG, "a body");
		must(a->index < seen.n_requests, "a request nobody sent");
		/* It may answer before it has read all of the head. */
		if (a->request.head != READ_WHOLE)
			a->request.method = seen.requests[a->index].method;
		read_response(a, &said);
		if (a->is_answered && a->response.status == 101 &&
		    has_field(&a->request, "Upgrade")) {
			a->is_tunnel = true;
			a->up = got;
			a->down = said;
			return;
		}
		if (a->request.body != READ_WHOLE)
			return;
	}
}

/* ---- heads as they leave us */

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_equal_nocase(name, span_str(*names)))
			return true;
	return false;
}

/* What the sender's Connection names must stay with us (RFC 9110 7.6.1). */
static void
check_named(const struct message *out, const struct message *in)
{
	static const char *const stay[] = { "Connection", "Upgrade",
		"Transfer-Encoding", "Trailer", "Via", "Expect", "Date",
		"Max-Forwards", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Port", "X-Forwarded-Proto", NULL };
	struct span lines = out->fields, name, value;

	while (next_field(&lines, &name, &value))
		must(is_one_of(name, stay) ||
		    !has_word(in, "Connection", name),
		    "a field that Connection named");
}

static void
check_hop_by_hop(const struct message *m)
{
	static const char *const never[] = { "Keep-Alive", "TE",
		"Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authorization", NULL };
	struct span lines = m->fields, name, value;
	unsigned connections = count_fields(lines, "Connection", &value);
	unsigned upgrades = count_fields(lines, "Upgrade", &name);

	must(connections <= 1 && upgrades <= 1, "one hop's field, twice");
	must(upgrades == 0 || (connections == 1 &&
	    span_equal_nocase(value, SPAN("upgrade"))), "an Upgrade alone");
	while (next_field(&lines, &name, &value))
		must(!is_one_of(name, never), "another hop's field");
}

static void
check_trailers(const struct message *m)
{
	static const char *const never[] = { "Host", "Content-Length",
		"Transfer-Encoding", "Connection", "Trailer", "TE", "Upgrade",
		"Expect", "Authorization", "Set-Cookie", "Cookie",
		"X-Forwarded-For", NULL };
	struct span lines = m->trailers, name, value;

	while (next_field(&lines, &name, &value))
		must(!is_one_of(name, never), "a field among the trailers");
}

/* ---- requests */

static bool
is_idempotent(struct span method)
{
	static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE",
		"OPTIONS", "TRACE", NULL };

	for (const char *const *m = methods; *m != NULL; m++)
		if (span_equal(method, span_str(*m)))
			return true;
	return false;
}

static bool
is_prefix(struct span part, struct span whole)
{
	return part.len <= whole.len &&
	    (part.len == 0 || memcmp(part.ptr, whole.ptr, part.len) == 0);
}

/* RFC 9112 3.2.2: an absolute target's authority and the rest of it. */
static void
check_target(const struct message *got, const struct message *sent)
{
	struct span rest = sent->target, host, is;
	const char *slashes = memmem(rest.ptr, rest.len, "://", 3);
	bool has_host;

	host = is = SPAN("");
	must(count_fields(got->fields, "Host", &is) == 1, "not one Host");
	has_host = count_fields(sent->fields, "Host", &host) > 0;
	if (rest.ptr[0] != '/' && rest.ptr[0] != '*') {
		must(slashes != NULL, "a strange target");
		rest = span_skip(rest, (size_t)(slashes + 3 - rest.ptr));
		host.ptr = rest.ptr;
		while (rest.len > 0 && rest.ptr[0] != '/' &&
		    rest.ptr[0] != '?')
			rest = span_skip(rest, 1);
		host.len = (size_t)(rest.ptr - host.ptr);
		has_host = true;
	}
	must(!has_host || span_equal(is, host), "another Host");
	if (rest.len == 0)
		rest = span_equal(sent->method, SPAN("OPTIONS")) ? SPAN("*") :
		    SPAN("/");
	is = got->target;
	if (rest.ptr[0] == '?' && is.len > 0 && is.ptr[0] == '/')
		is = span_skip(is, 1);
	must(span_equal(is, rest), "another target");
}

static void
check_request(const struct message *got, const struct message *sent)
{
	seen.doing = "a request at the backend";
	must(span_equal(got->method, sent->method), "another method");
	must(got->minor == 1, "another version than 1.1");
	check_target(got, sent);
	check_hop_by_hop(got);
	check_trailers(got);
	check_named(got, sent);
	must(got->by == sent->by && got->length == sent->length,
	    "another framing");
	must(got->body != READ_WHOLE || sent->body == READ_WHOLE,
	    "a body that was not all there");
	must(got->body == READ_WHOLE ?
	    span_equal(got->content, sent->content) :
	    is_prefix(got->content, sent->content), "another body");
}

/* How often a backend got something of that request. */
static void
check_tries(size_t index, unsigned retries)
{
	unsigned n = 0;

	for (size_t i = 0; i < seen.n_attempts; i++)
		n += seen.attempts[i].index == index;
	seen.doing = "a request sent again";
	must(n <= 1 || is_idempotent(seen.requests[index].method),
	    "not an idempotent one");
	must(n <= retries + 2, "too often");	/* one of them is free */
}

static void
check_requests(unsigned retries)
{
	for (size_t i = 0; i < seen.n_attempts; i++) {
		const struct attempt *a = &seen.attempts[i];

		seen.doing = "a request at the backend";
		if (a->request.head == READ_WHOLE)
			check_request(&a->request, &seen.requests[a->index]);
		else
			must(a->link->was_limited || a->link->is_reset,
			    "half a head");
	}
	for (size_t i = 0; i < seen.n_requests; i++)
		check_tries(i, retries);
}

/* ---- responses */

/* The attempt whose answer the client may have got. */
static const struct attempt *
answered(size_t index)
{
	const struct attempt *found = NULL;

	for (size_t i = 0; i < seen.n_attempts; i++)
		if (seen.attempts[i].index == index &&
		    seen.attempts[i].is_answered) {
			must(found == NULL, "two answers to one request");
			found = &seen.attempts[i];
		}
	return found;
}

/* The client cannot tell it from a whole one. */
static bool
looks_whole(const struct message *m)
{
	return m->body == READ_WHOLE || (m->by == BY_CLOSE &&
	    !seen.client->is_cut && !seen.client->is_reset);
}

static bool
is_plain_field(struct span name, struct span value)
{
	static const char *const names[] = { "Content-Length",
		"Transfer-Encoding", "Accept", "User-Agent", NULL };

	if (span_equal_nocase(name, SPAN("Connection")))
		return span_equal(value, SPAN("close")) ||
		    span_equal(value, SPAN("keep-alive"));
	if (!span_equal_nocase(name, SPAN("Host")))
		return is_one_of(name, names);
	for (size_t i = 0; i < value.len; i++)
		if ((value.ptr[i] < 'a' || value.ptr[i] > 'z') &&
		    value.ptr[i] != '.')
			return false;
	return value.len > 0;
}

/* Small, and without anything that could be disputed. */
static bool
is_plain(const struct message *m)
{
	struct span lines = m->fields, name, value;

	if (m->target.ptr[0] != '/' || m->target.len > PLAIN_MAX ||
	    memchr(m->target.ptr, '#', m->target.len) != NULL ||
	    m->fields.len > 2 * PLAIN_MAX || m->trailers.len > PLAIN_MAX ||
	    m->method.len > PLAIN_MAX || m->body != READ_WHOLE ||
	    m->content.len > PLAIN_MAX || m->minor > 1 ||
	    span_equal(m->method, SPAN("CONNECT")))
		return false;
	while (next_field(&lines, &name, &value))
		if (!is_plain_field(name, value))
			return false;
	return count_fields(m->fields, "Host", &value) == 1;
}

/* An answer of our own, which must not find fault with what is right. */
static void
check_own(const struct message *got, const struct message *request)
{
	must(got->status >= 400 || got->status == 200, "not one of our own");
	must(got->status >= 500 || got->status == 408 || request == NULL ||
	    !is_plain(request), "a good request is refused");
}

static void
check_forwarded(const struct message *got, const struct attempt *a)
{
	const struct message *said;
	struct span content;

	must(a != NULL, "nobody gave it");
	said = &a->response;
	content = said->content;
	must(got->status == said->status, "another status");
	check_named(got, said);
	if (said->status == 205)
		content.len = 0;	/* whatever the framing says */
	else
		must(!looks_whole(got) || said->body == READ_WHOLE,
		    "a body that was not all there");
	must(looks_whole(got) ? span_equal(got->content, content) :
	    is_prefix(got->content, content), "another body");
}

/* The tunnel behind a 101. */
static void
check_tunnel(const struct attempt *a, const struct message *request,
    struct span got)
{
	struct span sent = bytes_span(&seen.client->in);

	seen.doing = "a tunnel";
	must(a != NULL && a->is_tunnel, "nobody agreed to it");
	sent = span_skip(sent, (size_t)(request->all.ptr + request->all.len -
	    sent.ptr));
	must(is_prefix(a->up, sent), "other bytes at the backend");
	must(is_prefix(got, a->down), "other bytes at the client");
}

static void
check_response(const struct message *got, size_t index)
{
	const struct message *request = index < seen.n_requests ?
	    &seen.requests[index] : NULL;

	must(got->head == READ_WHOLE, got->fault);
	must(got->body != READ_WRONG, "a body");
	must(got->minor == 1, "another version than 1.1");
	check_hop_by_hop(got);
	check_trailers(got);
	must((got->status >= 200 && got->status != 204) ||
	    !(has_field(got, "Content-Length") ||
	    has_field(got, "Transfer-Encoding")), "a body where is none");
	must(request == NULL || request->minor > 0 ||
	    !has_field(got, "Transfer-Encoding"), "chunks for HTTP/1.0");
	must(got->status != 100 || request == NULL || request->minor > 0,
	    "a 100 for HTTP/1.0");
	if (got->status < 200 && got->status != 101)
		return;
	if (has_field(got, "Via"))
		check_forwarded(got, answered(index));
	else
		check_own(got, request);
	must(request != NULL || (!has_field(got, "Via") &&
	    has_word(got, "Connection", SPAN("close"))),
	    "an answer to nothing");
}

/* One of our own may have come before the method was known. */
static void
read_answer(struct message *m, struct span *rest, size_t index)
{
	struct span method = index < seen.n_requests ?
	    seen.requests[index].method : SPAN("GET"), before = *rest;

	read_message(m, rest, &method);
	if (m->head == READ_WHOLE && m->status == 408 &&
	    !has_field(m, "Via")) {
		*rest = before;
		method = SPAN("GET");
		read_message(m, rest, &method);
	}
}

static void
check_responses(void)
{
	struct span rest = bytes_span(&seen.client->out);
	struct message m;
	size_t index = 0;

	while (rest.len > 0) {
		seen.doing = "an answer at the client";
		read_answer(&m, &rest, index);
		if (m.head == READ_PART && (seen.client->was_limited ||
		    seen.client->is_reset))
			return;
		must(m.head != READ_PART, "half a head");
		check_response(&m, index);
		if (m.status == 101) {
			check_tunnel(answered(index), &seen.requests[index],
			    rest);
			return;
		}
		if (m.status >= 200 && index < seen.n_requests)
			seen.is_served[index] = looks_whole(&m) &&
			    has_field(&m, "Via");
		if (m.body != READ_WHOLE || m.by == BY_CLOSE)
			return;
		index += m.status >= 200;
		must(rest.len == 0 ||
		    !has_word(&m, "Connection", SPAN("close")),
		    "something behind the last");
	}
}

/* ---- what must not be lost */

static bool
is_plain_answer(const struct message *m)
{
	static const char *const names[] = { "Content-Length",
		"Transfer-Encoding", NULL };
	struct span lines = m->fields, name, value;

	if (m->status != 200 || m->minor > 1 || m->by == BY_CLOSE ||
	    m->body != READ_WHOLE || m->all.len > ANSWER_MAX)
		return false;
	while (next_field(&lines, &name, &value))
		if (!is_one_of(name, names))
			return false;
	return true;
}

/* If nobody failed or was slow, a good answer to a good request arrives. */
static void
check_nothing_is_lost(void)
{
	seen.doing = "an answer";
	for (size_t i = 0; i < seen.n_attempts; i++) {
		const struct attempt *a = &seen.attempts[i];

		if (a->is_answered && !a->has_interim &&
		    a->request.body == READ_WHOLE &&
		    is_plain(&seen.requests[a->index]) &&
		    is_plain_answer(&a->response))
			must(seen.is_served[a->index], "it is lost");
	}
}

/* `is_calm`: nobody reset, waited or took only a part. */
static void
check_exchanges(const struct link *client, unsigned retries, bool is_calm)
{
	seen.client = client;
	seen.n_attempts = contents.len = 0;
	memset(seen.is_served, 0, sizeof(seen.is_served));
	seen.doing = "at a backend";
	if (net.n_writes == WRITES_MAX)
		return;
	read_requests();
	if (seen.n_requests == REQUESTS_MAX)
		return;
	for (unsigned i = 1; i < net.n_links; i++)
		read_attempts(&net.links[i]);
	check_requests(retries);
	check_responses();
	if (is_calm)
		check_nothing_is_lost();
	seen.doing = NULL;
}
