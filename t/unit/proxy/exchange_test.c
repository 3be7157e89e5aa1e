/* t/unit/proxy/exchange_test.c -- the exchange engine over streams in memory */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stash.h"
#include "event/loop.h"
#include "proc/register.h"
#include "proxy/exchange.h"
#include "shm/segment.h"
#include "support/memory_stream.h"
#include "support/unit.h"
#include "upstream/budget.h"
#include "upstream/internal.h"

#define BACKENDS 3

/* One world: a client's stream, and the streams that leases give out. */
static struct {
	struct conf conf;
	struct upstream_conf upstream_conf;
	struct backend_conf backend_conf[BACKENDS];
	struct upstream *upstreams;
	struct proxy proxy;
	struct address peer;
	struct memory_stream client;
	struct memory_stream leases[8];
	struct backend *leased[8];
	enum lease_kind kinds[8];
	unsigned n_leases;
	bool is_pooled;		/* what the next leases are */
	size_t next_room;	/* 0: much */
	int lease_error;	/* 0: they succeed */
} w;

static struct http_stream *
lease(struct backend *b, enum lease_kind kind, bool *is_pooled)
{
	struct memory_stream *m = &w.leases[w.n_leases];

	ck_assert_uint_lt(w.n_leases, 8);
	w.leased[w.n_leases] = b;
	w.kinds[w.n_leases++] = kind;
	*is_pooled = w.is_pooled && kind != LEASE_FRESH;
	if (w.lease_error != 0) {
		errno = w.lease_error;
		return NULL;
	}
	memory_stream_init(m);
	if (w.next_room > 0)
		m->room = w.next_room;
	return &m->stream;
}

static void
setup(void)
{
	memset(&w, 0, sizeof(w));
	clock_update();
	log_open(-1, false);
	ck_assert_int_eq(loop_init(), 0);
	ck_assert_int_eq(segment_create(), 0);
	for (unsigned i = 0; i < BACKENDS; i++) {
		struct backend_conf *b = &w.backend_conf[i];

		b->host = "127.0.0.1";
		b->port = (uint16_t)(1001 + i);
		b->weight = 1;
		ck_assert(address_parse_host(&b->address, SPAN("127.0.0.1"),
		    b->port));
	}
	w.upstream_conf.name = "default";
	w.upstream_conf.backends = w.backend_conf;
	w.upstream_conf.n_backends = BACKENDS;
	w.conf.upstreams = &w.upstream_conf;
	w.conf.n_upstreams = 1;
	w.upstream_conf.fail_open = 100;
	w.upstream_conf.breaker = (struct breaker_conf){ .failures = 5,
		.open_ms = 10000, .open_most_ms = 10000, .window_ms = 10000,
		.requests = 20, .trials = 1, .successes = 2,
		.max_ejected = 10000 };
	w.upstream_conf.retry.attempts = 2;
	w.upstream_conf.retry.when = RETRY_DEFAULT;
	w.upstream_conf.budget = SHARE_ONE / 5;
	w.conf.max_hops = 10;
	w.conf.via = "fairlead";
	ck_assert_int_eq(segment_register_conf(&w.conf), 0);
	shm_set(&segment_process(0)->state, SLOT_READY);
	w.upstreams = upstreams_new(&w.conf, 0, 1);
	for (unsigned i = 0; i < BACKENDS; i++)
		w.upstreams[0].backends[i].lease = lease;
	proxy_init(&w.proxy, &w.conf, w.upstreams);
	ck_assert(address_parse(&w.peer, SPAN("192.0.2.7:4711")));
	memory_stream_init(&w.client);
}

static uint64_t
in_flight(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < BACKENDS; i++)
		n += segment_in_flight(w.backend_conf[i].slot);
	return n;
}

/* Whatever happened: nothing may be left over. */
static void
teardown(void)
{
	ck_assert_uint_eq(w.proxy.n_active, 0);
	ck_assert_uint_eq(in_flight(), 0);
	for (unsigned i = 0; i < w.n_leases && w.lease_error == 0; i++)
		ck_assert(w.leases[i].is_released);
	ck_assert_uint_eq(block_bytes_in_use(), 0);
	upstreams_free(&w.upstreams, 1);
	loop_fini();
	segment_close();
}

/* A request arrives at the proxy. */
static void
request_with(const char *text, enum framing framing, uint64_t body_len)
{
	struct http_peer peer = { .client = &w.peer, .port = 9000,
		.connection = 1 };

	w.client.stream.sink = w.proxy.service.open(&w.proxy.service,
	    &w.client.stream, &peer);
	memory_say_head(&w.client, text, framing, body_len);
}

static void
request(const char *text, uint64_t body_len)
{
	request_with(text, body_len > 0 ? FRAMING_LENGTH : FRAMING_NONE,
	    body_len);
}

static bool
has_line(const struct memory_stream *m, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = m->head; (p = strstr(p, line)) != NULL; p++)
		if ((p == m->head || p[-1] == '\n') && p[len] == '\n')
			return true;
	return false;
}

/* The clock goes on, and timers fire. */
static void
time_passes(uint64_t ms)
{
	clock_now_ms += ms;
	clock_now_ns += ms * 1000000;
	wheel_run(&loop.wheel, clock_now_ms);
}

static void
end_turn(struct loop *l UNUSED)
{
	loop_stop();
}

/* What was put off until an event is over; the clock stays. */
static void
event_ends(void)
{
	uint64_t ms = clock_now_ms, ns = clock_now_ns;

	if (list_is_empty(&loop.deferred))
		return;
	loop.on_turn = end_turn;
	loop_run();
	clock_now_ms = ms;
	clock_now_ns = ns;
}

#define HELD (64u << 10)	/* HELD_MAX of proxy/exchange.h */
#define FIRST (w.leases[0])
#define SECOND (w.leases[1])

START_TEST(a_get_goes_and_comes)
{
	request("GET /x?y\nHost: a.example\nAccept: */*", 0);
	ck_assert_uint_eq(in_flight(), 1);
	ck_assert(FIRST.has_ended);
	ck_assert(has_line(&FIRST, "GET /x?y"));
	ck_assert(has_line(&FIRST, "Host: a.example"));
	ck_assert(has_line(&FIRST, "X-Forwarded-For: 192.0.2.7"));
	ck_assert(has_line(&FIRST, "X-Forwarded-Proto: http"));
	ck_assert(has_line(&FIRST, "X-Forwarded-Host: a.example"));
	ck_assert(has_line(&FIRST, "X-Forwarded-Port: 9000"));
	ck_assert(has_line(&FIRST, "Via: 1.1 fairlead"));
	memory_say_head(&FIRST, "200\nContent-Length: 2", FRAMING_LENGTH, 2);
	ck_assert_uint_eq(memory_say_body(&FIRST, "ok", true), 2);
	ck_assert(has_line(&w.client, "200"));
	ck_assert(has_line(&w.client, "Via: 1.1 fairlead"));
	ck_assert(w.client.has_ended && w.client.is_released);
	ck_assert(!w.client.is_reset && !FIRST.is_reset);
}
END_TEST

START_TEST(fields_for_one_hop_stay_there)
{
	request("GET /\nHost: a\nConnection: X-Secret\nX-Secret: 1\n"
	    "Keep-Alive: 5\nTE: trailers\nX-Forwarded-For: 6.6.6.6\n"
	    "X_Forwarded_For: 6.6.6.6\nForwarded: for=6.6.6.6\nX-Kept: 1", 0);
	ck_assert(strstr(FIRST.head, "X-Secret") == NULL);
	ck_assert(strstr(FIRST.head, "Keep-Alive") == NULL);
	ck_assert(strstr(FIRST.head, "TE:") == NULL);
	ck_assert(strstr(FIRST.head, "6.6.6.6") == NULL);
	ck_assert(has_line(&FIRST, "X-Kept: 1"));
	memory_say_head(&FIRST, "204\nConnection: X-Hop\nX-Hop: 1\nX-End: 1",
	    FRAMING_NONE, 0);
	ck_assert(strstr(w.client.head, "X-Hop") == NULL);
	ck_assert(has_line(&w.client, "X-End: 1"));
}
END_TEST

START_TEST(connection_must_not_name_the_framing)
{
	request("GET /\nHost: a\nConnection: Content-Length", 0);
	ck_assert_uint_eq(w.n_leases, 0);
	ck_assert(has_line(&w.client, "400"));
}
END_TEST

START_TEST(a_loop_is_cut)
{
	char text[512] = "GET /\nHost: a\nVia: 1.1 fairlead";

	for (int i = 0; i < 10; i++)
		strcat(text, ", 1.1 fairlead");
	request(text, 0);
	ck_assert_uint_eq(w.n_leases, 0);
	ck_assert(has_line(&w.client, "508"));
}
END_TEST

START_TEST(a_refused_backend_costs_another_try)
{
	request("POST /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert_ptr_ne(w.leased[0], w.leased[1]);
	ck_assert(has_line(&SECOND, "POST /"));
	ck_assert(has_line(&SECOND, "X-Forwarded-For: 192.0.2.7"));
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
}
END_TEST

START_TEST(a_tried_backend_is_not_picked)
{
	struct backend *tried[] = { &w.upstreams[0].backends[1] };
	struct pick p = { .tried = tried, .n_tried = 1 };

	for (unsigned i = 0; i < 100; i++)
		ck_assert_ptr_ne(upstream_pick(&w.upstreams[0], &p),
		    tried[0]);
}
END_TEST

START_TEST(all_refused_is_a_502)
{
	request("GET /\nHost: a", 0);
	for (unsigned i = 0; i < 3; i++)
		memory_say_reset(&w.leases[i], REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 3);
	ck_assert(has_line(&w.client, "502"));
	ck_assert(strstr(w.client.body, "connect") != NULL);
}
END_TEST

START_TEST(our_own_trouble_is_not_charged)
{
	w.lease_error = EMFILE;
	request("GET /\nHost: a", 0);
	ck_assert(has_line(&w.client, "503"));
	ck_assert(has_line(&w.client, "Retry-After: 1"));
	for (unsigned i = 0; i < BACKENDS; i++)
		ck_assert_uint_eq(segment_failures(w.backend_conf[i].slot), 0);
}
END_TEST

START_TEST(the_last_failure_is_the_answer)
{
	request("GET /\nHost: a", 0);
	for (unsigned i = 0; i < 3; i++)
		memory_say_reset(&w.leases[i], REASON_CONNECT_TIMEOUT,
		    SENT_NOTHING);
	ck_assert(has_line(&w.client, "504"));
	ck_assert(strstr(w.client.body, "connect") != NULL);
}
END_TEST

/* Also for what must not be sent twice: nothing has been sent. */
START_TEST(our_own_trouble_is_safe_to_retry)
{
	request("POST /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_LOCAL, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 0);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

static const int local_errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM,
	EADDRNOTAVAIL };

START_TEST(what_we_ran_out_of_is_local)
{
	w.lease_error = local_errors[_i];
	request("GET /\nHost: a", 0);
	ck_assert(has_line(&w.client, "503"));
	ck_assert(strstr(w.client.body, "local") != NULL);
}
END_TEST

/* The backend's own status is relayed; some are charged. */
static const struct {
	const char *status;
	bool is_charged;
} statuses[] = {
	{ "200", false }, { "404", false }, { "429", false },
	{ "500", false }, { "501", false }, { "502", true }, { "503", true },
	{ "504", true }, { "505", false },
};

START_TEST(a_status_is_relayed)
{
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, statuses[_i].status, FRAMING_NONE, 0);
	ck_assert_uint_eq(w.n_leases, 1);
	ck_assert(has_line(&w.client, statuses[_i].status));
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot),
	    statuses[_i].is_charged);
}
END_TEST

/* What a failure of the first attempt leads to: interfaces.md, failures. */
static const struct {
	const char *method;
	bool is_pooled;
	enum reason why;
	enum sent sent;
	bool is_retried;
	const char *status;	/* if not */
	bool is_charged;
	uint32_t when;		/* 0: the default */
} failures[] = {
	{ "GET", true, REASON_STALE, SENT_NOTHING, true, NULL, false, 0 },
	{ "POST", true, REASON_STALE, SENT_NOTHING, true, NULL, false, 0 },
	{ "GET", true, REASON_RESET_REUSED, SENT_ALL, true, NULL, false, 0 },
	{ "PUT", true, REASON_RESET_REUSED, SENT_ALL, true, NULL, false, 0 },
	{ "POST", true, REASON_RESET_REUSED, SENT_ALL, false, "502", false, 0 },
	{ "PATCH", true, REASON_RESET_REUSED, SENT_ALL, false, "502", false, 0 },
	{ "BREW", true, REASON_RESET_REUSED, SENT_ALL, false, "502", false, 0 },
	{ "GET", false, REASON_RESET, SENT_ALL, true, NULL, true, 0 },
	{ "DELETE", false, REASON_RESET, SENT_PART, true, NULL, true, 0 },
	{ "POST", false, REASON_RESET, SENT_ALL, false, "502", true, 0 },
	{ "POST", false, REASON_RESET, SENT_PART, false, "502", true, 0 },
	{ "GET", false, REASON_JUNK, SENT_ALL, false, "502", true, 0 },
	{ "GET", false, REASON_TIMEOUT, SENT_ALL, false, "504", true, 0 },
	{ "GET", false, REASON_CONNECT_TIMEOUT, SENT_NOTHING, true, NULL,
	    true, 0 },
	{ "POST", false, REASON_CONNECT, SENT_NOTHING, true, NULL, true, 0 },
	{ "POST", true, REASON_REFUSED, SENT_ALL, true, NULL, false, 0 },
	{ "POST", false, REASON_LOCAL, SENT_NOTHING, true, NULL, false, 0 },
	/* Left out of the list, or put on it. */
	{ "GET", false, REASON_CONNECT, SENT_NOTHING, false, "502", true,
	    RETRY_BIT(RESET) },
	{ "GET", false, REASON_CONNECT_TIMEOUT, SENT_NOTHING, false, "504",
	    true, RETRY_BIT(RESET) },
	{ "GET", false, REASON_RESET, SENT_ALL, false, "502", true,
	    RETRY_BIT(CONNECT) },
	{ "GET", true, REASON_RESET_REUSED, SENT_ALL, true, NULL, false,
	    RETRY_BIT(CONNECT) },
	{ "GET", true, REASON_STALE, SENT_NOTHING, true, NULL, false,
	    RETRY_BIT(CONNECT) },
	{ "GET", false, REASON_LOCAL, SENT_NOTHING, true, NULL, false,
	    RETRY_BIT(RESET) },
	{ "GET", false, REASON_TIMEOUT, SENT_ALL, true, NULL, true,
	    RETRY_BIT(TIMEOUT) },
	{ "DELETE", false, REASON_TIMEOUT, SENT_PART, true, NULL, true,
	    RETRY_BIT(TIMEOUT) },
	{ "POST", false, REASON_TIMEOUT, SENT_ALL, false, "504", true,
	    RETRY_BIT(TIMEOUT) },
	{ "GET", false, REASON_JUNK, SENT_ALL, true, NULL, true,
	    RETRY_BIT(JUNK) },
	{ "POST", false, REASON_JUNK, SENT_ALL, false, "502", true,
	    RETRY_BIT(JUNK) },
};

START_TEST(the_failure_table_holds)
{
	char text[64];

	w.is_pooled = failures[_i].is_pooled;
	(void)snprintf(text, sizeof(text), "%s /\nHost: a",
	    failures[_i].method);
	request(text, 0);
	w.upstream_conf.retry.when = failures[_i].when == 0 ? RETRY_DEFAULT :
	    failures[_i].when;
	memory_say_reset(&FIRST, failures[_i].why, failures[_i].sent);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot),
	    failures[_i].is_charged);
	if (!failures[_i].is_retried) {
		ck_assert_uint_eq(w.n_leases, 1);
		ck_assert(has_line(&w.client, failures[_i].status));
		return;
	}
	ck_assert_uint_eq(w.n_leases, 2);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

START_TEST(a_reused_reset_is_retried_once)
{
	w.is_pooled = true;
	request("GET /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_RESET_REUSED, SENT_ALL);
	memory_say_reset(&SECOND, REASON_RESET_REUSED, SENT_ALL);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert(has_line(&w.client, "502"));
}
END_TEST

/* On top of the attempts that may be made. */
START_TEST(stale_is_free)
{
	w.is_pooled = true;
	w.upstream_conf.retry.attempts = 0;
	request("POST /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_STALE, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert_int_eq(w.kinds[1], LEASE_FRESH);
	ck_assert_ptr_eq(w.leased[0], w.leased[1]);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

START_TEST(unsafe_methods_look_before_they_send)
{
	w.is_pooled = true;
	request("POST /\nHost: a", 0);
	ck_assert_int_eq(w.kinds[0], LEASE_QUIET);
	memory_say_head(&FIRST, "200", FRAMING_NONE, 0);
}
END_TEST

START_TEST(no_retry_once_body_bytes_are_gone)
{
	request("POST /\nHost: a", 5);
	ck_assert_uint_eq(memory_say_body(&w.client, "he", false), 2);
	memory_say_reset(&FIRST, REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 1);
	ck_assert(has_line(&w.client, "502"));
}
END_TEST

static bool
has_body(const struct memory_stream *m, const char *want)
{
	return m->body_len == strlen(want) &&
	    memcmp(m->body, want, m->body_len) == 0;
}

START_TEST(a_body_is_sent_again)
{
	request("PUT /\nHost: a", 5);
	ck_assert_uint_eq(memory_say_body(&w.client, "he", false), 2);
	memory_say_reset(&FIRST, REASON_RESET, SENT_PART);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert(has_body(&SECOND, "he") && !SECOND.has_ended);
	ck_assert_uint_eq(memory_say_body(&w.client, "llo", true), 3);
	ck_assert(has_body(&SECOND, "hello") && SECOND.has_ended);
	memory_say_reset(&SECOND, REASON_RESET, SENT_ALL);
	ck_assert(has_body(&w.leases[2], "hello") && w.leases[2].has_ended);
	memory_say_head(&w.leases[2], "200", FRAMING_NONE, 0);
}
END_TEST

/* New content comes behind the old. */
START_TEST(a_body_that_is_sent_again_holds_the_client)
{
	request("PUT /\nHost: a", 5);
	ck_assert_uint_eq(memory_say_body(&w.client, "hel", false), 3);
	w.next_room = 1;
	memory_say_reset(&FIRST, REASON_RESET, SENT_PART);
	ck_assert(has_body(&SECOND, "h"));
	ck_assert_uint_eq(memory_say_body(&w.client, "lo", true), 0);
	SECOND.room = 100;
	memory_say_writable(&SECOND);
	ck_assert(has_body(&SECOND, "hel") && !SECOND.has_ended);
	ck_assert_uint_eq(memory_say_body(&w.client, "lo", true), 2);
	ck_assert(has_body(&SECOND, "hello") && SECOND.has_ended);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

/* The client says the end only once. */
START_TEST(the_end_comes_while_a_body_is_sent_again)
{
	request_with("PUT /\nHost: a", FRAMING_CHUNKED, 0);
	ck_assert_uint_eq(memory_say_body(&w.client, "hel", false), 3);
	w.next_room = 1;
	memory_say_reset(&FIRST, REASON_RESET, SENT_PART);
	ck_assert_uint_eq(memory_say_body(&w.client, "", true), 0);
	SECOND.room = 100;
	memory_say_writable(&SECOND);
	ck_assert(has_body(&SECOND, "hel") && SECOND.has_ended);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

/* An early answer does not end the request: what is left of it still goes. */
START_TEST(an_answer_comes_while_a_body_is_sent_again)
{
	request("PUT /\nHost: a", 5);
	ck_assert_uint_eq(memory_say_body(&w.client, "hel", false), 3);
	w.next_room = 1;
	memory_say_reset(&FIRST, REASON_RESET, SENT_PART);
	memory_say_head(&SECOND, "200", FRAMING_LENGTH, 2);
	SECOND.room = 100;
	memory_say_writable(&SECOND);
	ck_assert(has_body(&SECOND, "hel") && !SECOND.has_ended);
	ck_assert_uint_eq(memory_say_body(&w.client, "lo", true), 2);
	ck_assert(has_body(&SECOND, "hello") && SECOND.has_ended);
	ck_assert_uint_eq(memory_say_body(&SECOND, "ok", true), 2);
}
END_TEST

/* Of a breaker that is half open: its trial ends with the answer. */
static void
half_open(unsigned i)
{
	struct breaker b = { .state = BREAKER_HALF_OPEN };

	shm_set(w.upstreams[0].backends[i].breaker, breaker_pack(&b));
	atomic_fetch_add(w.upstreams[0].eligibility, 1);
	table_build(&w.upstreams[0]);
}

START_TEST(a_trial_ends_with_its_answer)
{
	half_open(0);
	request("GET /\nHost: a", 0);
	ck_assert_uint_eq(segment_trials(w.backend_conf[0].slot), 1);
	memory_say_head(&FIRST, "200", FRAMING_LENGTH, 5);
	ck_assert_uint_eq(segment_trials(w.backend_conf[0].slot), 0);
	ck_assert_uint_eq(breaker_unpack(shm_get(
	    w.upstreams[0].backends[0].breaker)).passed, 1);
	ck_assert_uint_eq(memory_say_body(&FIRST, "hello", true), 5);
}
END_TEST

START_TEST(a_trial_ends_with_its_failure)
{
	half_open(0);
	request("GET /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(segment_trials(w.backend_conf[0].slot), 0);
	ck_assert_int_eq(breaker_unpack(shm_get(
	    w.upstreams[0].backends[0].breaker)).state, BREAKER_OPEN);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

START_TEST(a_trial_ends_with_its_client)
{
	half_open(0);
	request("GET /\nHost: a", 0);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert_uint_eq(segment_trials(w.backend_conf[0].slot), 0);
	ck_assert_int_eq(breaker_unpack(shm_get(
	    w.upstreams[0].backends[0].breaker)).state, BREAKER_HALF_OPEN);
}
END_TEST

START_TEST(a_body_waits_for_its_second_backend)
{
	request("PUT /\nHost: a", 5);
	FIRST.room = 0;		/* still connecting */
	ck_assert_uint_eq(memory_say_body(&w.client, "hello", true), 0);
	memory_say_reset(&FIRST, REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(w.client.n_resumes, 1);
	ck_assert_uint_eq(memory_say_body(&w.client, "hello", true), 5);
	ck_assert(SECOND.has_ended);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

START_TEST(back_pressure_goes_both_ways)
{
	request("POST /\nHost: a", 10);
	FIRST.room = 4;
	ck_assert_uint_eq(memory_say_body(&w.client, "0123456789", true), 4);
	FIRST.room = 100;
	memory_say_writable(&FIRST);
	ck_assert_uint_eq(w.client.n_resumes, 1);
	ck_assert_uint_eq(memory_say_body(&w.client, "456789", true), 6);
	memory_say_head(&FIRST, "200", FRAMING_LENGTH, 6);
	w.client.room = 1;
	ck_assert_uint_eq(memory_say_body(&FIRST, "abcdef", true), 1);
	w.client.room = 100;
	memory_say_writable(&w.client);
	ck_assert_uint_eq(FIRST.n_resumes, 1);
	ck_assert_uint_eq(memory_say_body(&FIRST, "bcdef", true), 5);
	ck_assert_uint_eq(w.client.body_len, 6);
	ck_assert_int_eq(memcmp(w.client.body, "abcdef", 6), 0);
}
END_TEST

START_TEST(a_truncated_answer_cuts_the_client)
{
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "200", FRAMING_LENGTH, 10);
	(void)memory_say_body(&FIRST, "abc", false);
	memory_say_reset(&FIRST, REASON_TRUNCATED, SENT_ALL);
	ck_assert(w.client.is_reset);
	ck_assert_int_eq(w.client.reset_why, REASON_TRUNCATED);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
}
END_TEST

START_TEST(a_client_that_leaves_costs_the_backend_nothing)
{
	request("GET /\nHost: a", 0);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert(FIRST.is_reset);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 0);
}
END_TEST

START_TEST(a_client_may_leave_in_the_middle_of_an_answer)
{
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "200", FRAMING_LENGTH, 10);
	(void)memory_say_body(&FIRST, "abc", false);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert(FIRST.is_reset);
}
END_TEST

START_TEST(an_early_answer_ends_the_upload)
{
	request("POST /\nHost: a", 100);
	(void)memory_say_body(&w.client, "abc", false);
	memory_say_head(&FIRST, "413", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "413"));
	ck_assert(w.client.is_released && FIRST.is_released);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 0);
}
END_TEST

START_TEST(interim_answers_pass)
{
	request("GET /\nHost: a", 0);
	FIRST.stream.sink->events->on_info(&FIRST.stream,
	    memory_head("103\nLink: </a>", FRAMING_NONE, 0));
	ck_assert_uint_eq(w.client.n_infos, 1);
	ck_assert(has_line(&w.client, "Link: </a>"));
	memory_say_head(&FIRST, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

START_TEST(trailers_pass_but_for_some)
{
	struct http_head *t;

	request_with("POST /\nHost: a\nTrailer: X-Sum", FRAMING_CHUNKED, 0);
	ck_assert(has_line(&FIRST, "Trailer: X-Sum"));
	t = memory_head("0\nX-Sum: 1\nHost: b\nAuthorization: c",
	    FRAMING_NONE, 0);
	w.client.stream.sink->events->on_trailers(&w.client.stream, t);
	ck_assert(FIRST.has_ended);
	ck_assert_uint_eq(FIRST.n_trailers, 1);
	memory_say_head(&FIRST, "200", FRAMING_CHUNKED, 0);
	t = memory_head("0\nX-Sum: 1\nSet-Cookie: b\nWWW-Authenticate: c",
	    FRAMING_NONE, 0);
	FIRST.stream.sink->events->on_trailers(&FIRST.stream, t);
	ck_assert(w.client.has_ended);
	ck_assert_uint_eq(w.client.n_trailers, 1);
}
END_TEST

static const struct {
	const char *accept, *type, *body;
} medias[] = {
	{ "text/html", "Content-Type: text/html; charset=utf-8", "<h1>" },
	{ "application/json", "Content-Type: application/json",
	    "{\"status\":502,\"error\":\"connect\",\"request_id\":\"" },
	{ "*/*", "Content-Type: text/plain; charset=utf-8", "502 Bad" },
};

START_TEST(errors_come_in_the_form_that_is_accepted)
{
	char text[128];

	w.lease_error = ECONNREFUSED;
	(void)snprintf(text, sizeof(text), "GET /\nHost: a\nAccept: %s",
	    medias[_i].accept);
	request(text, 0);
	ck_assert(has_line(&w.client, "502"));
	ck_assert(has_line(&w.client, medias[_i].type));
	ck_assert_ptr_nonnull(strstr(w.client.body, medias[_i].body));
}
END_TEST

START_TEST(an_absolute_target_survives_a_retry)
{
	struct http_head *h;
	struct http_peer peer = { .client = &w.peer, .port = 9000 };

	w.client.stream.sink = w.proxy.service.open(&w.proxy.service,
	    &w.client.stream, &peer);
	h = memory_head("GET http://b.example\nHost: a", FRAMING_NONE, 0);
	h->host = span_of(h->target.ptr + 7, 9);
	w.client.stream.sink->events->on_head(&w.client.stream, h, true);
	ck_assert(has_line(&FIRST, "GET /"));
	memory_say_reset(&FIRST, REASON_CONNECT, SENT_NOTHING);
	ck_assert(has_line(&SECOND, "GET /"));
	ck_assert(has_line(&SECOND, "Host: b.example"));
	ck_assert(!has_line(&SECOND, "Host: a"));
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
}
END_TEST

/* ---- responses that are kept back */

#define ALL_WHEN (RETRY_DEFAULT | RETRY_BIT(TIMEOUT) | RETRY_BIT(503))
#define THIRD (w.leases[2])

static const struct {
	const char *method, *status;
	uint32_t when;
	bool is_retried, is_charged;
} kept_back[] = {
	{ "GET", "503", RETRY_BIT(503), true, true },
	{ "PUT", "502", RETRY_BIT(502), true, true },
	{ "HEAD", "504", RETRY_BIT(504), true, true },
	{ "GET", "500", RETRY_BIT(500), true, true },
	{ "GET", "429", RETRY_BIT(429), true, false },
	{ "GET", "503", RETRY_BIT(502), false, true },
	{ "GET", "500", RETRY_BIT(502), false, false },
	{ "GET", "501", ~0u, false, false },
	{ "GET", "505", ~0u, false, false },
	{ "GET", "404", ~0u, false, false },
	{ "POST", "503", ~0u, false, true },
	{ "PATCH", "429", ~0u, false, false },
};

START_TEST(a_status_may_be_bettered)
{
	char text[64];

	w.upstream_conf.retry.when = kept_back[_i].when;
	(void)snprintf(text, sizeof(text), "%s /\nHost: a",
	    kept_back[_i].method);
	request(text, 0);
	memory_say_head(&FIRST, kept_back[_i].status, FRAMING_LENGTH, 2);
	ck_assert_uint_eq(w.client.n_heads, kept_back[_i].is_retried ? 0 : 1);
	(void)memory_say_body(&FIRST, "no", true);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot),
	    kept_back[_i].is_charged);
	if (!kept_back[_i].is_retried) {
		ck_assert_uint_eq(w.n_leases, 1);
		ck_assert(has_line(&w.client, kept_back[_i].status));
		return;
	}
	ck_assert(FIRST.is_released && !FIRST.is_reset);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert_ptr_ne(w.leased[0], w.leased[1]);
	memory_say_head(&SECOND, "200", FRAMING_LENGTH, 2);
	(void)memory_say_body(&SECOND, "ok", true);
	ck_assert(has_line(&w.client, "200") && has_body(&w.client, "ok"));
}
END_TEST

/* What comes behind a 503 of the first backend, whose body is "busy". */
enum then { NO_MORE, REFUSED, RESET, HUNG, LATE, LOCAL, EMPTY };

START_TEST(the_last_response_is_relayed)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = _i == NO_MORE ? 0 : 1;
	w.upstream_conf.retry.total_ms = _i == LATE ? 500 : 0;
	request("GET /\nHost: a", 0);
	w.lease_error = _i == LOCAL ? EMFILE : 0;
	w.upstream_conf.budget = _i == EMPTY ? 1 : SHARE_ONE;
	if (_i == EMPTY)
		while (budget_take(&w.upstreams[0]))
			;
	memory_say_head(&FIRST, "503\nX-Who: first", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "busy", true);
	if (_i == REFUSED)
		memory_say_reset(&SECOND, REASON_CONNECT, SENT_NOTHING);
	else if (_i == RESET)
		memory_say_reset(&SECOND, REASON_RESET, SENT_ALL);
	else if (_i == HUNG)
		memory_say_reset(&SECOND, REASON_TIMEOUT, SENT_ALL);
	else if (_i == LATE)
		time_passes(501);
	event_ends();
	w.lease_error = 0;
	w.n_leases = _i == LOCAL || _i == NO_MORE || _i == EMPTY ? 1 : 2;
	ck_assert(has_line(&w.client, "503"));
	ck_assert(has_line(&w.client, "X-Who: first"));
	ck_assert(has_line(&w.client, "Via: 1.1 fairlead"));
	ck_assert(has_body(&w.client, "busy") && w.client.has_ended);
	ck_assert(w.client.is_released && !w.client.is_reset);
}
END_TEST

START_TEST(the_later_response_is_the_last)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_NONE, 0);
	memory_say_head(&SECOND, "503\nX-Who: second", FRAMING_CHUNKED, 0);
	ck_assert_uint_eq(memory_say_body(&SECOND, "bu", false), 2);
	ck_assert_uint_eq(memory_say_body(&SECOND, "sy", true), 2);
	ck_assert_uint_eq(w.n_leases, 3);
	memory_say_reset(&THIRD, REASON_CONNECT, SENT_NOTHING);
	event_ends();
	ck_assert(has_line(&w.client, "X-Who: second"));
	ck_assert(has_body(&w.client, "busy") && w.client.has_ended);
}
END_TEST

START_TEST(a_last_try_that_answers_is_relayed_at_once)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = 1;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_NONE, 0);
	memory_say_head(&SECOND, "503\nX-Who: second", FRAMING_LENGTH, 4);
	ck_assert(has_line(&w.client, "X-Who: second"));
	ck_assert_uint_eq(memory_say_body(&SECOND, "busy", true), 4);
}
END_TEST

START_TEST(what_is_too_long_is_relayed_at_once)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, HELD + 1);
	ck_assert(has_line(&w.client, "503"));
	memory_say_reset(&FIRST, REASON_TRUNCATED, SENT_ALL);
	ck_assert(w.client.is_reset);
	ck_assert_uint_eq(w.n_leases, 1);
}
END_TEST

static char *
long_text(size_t len)
{
	char *text = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	text[len] = '\0';
	return text;
}

/* Of unknown length: found out when the next piece does not fit. */
START_TEST(what_gets_too_long_is_relayed)
{
	char *text = long_text(HELD);

	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	w.client.room = 1000;
	memory_say_head(&FIRST, "503", FRAMING_CHUNKED, 0);
	ck_assert_uint_eq(memory_say_body(&FIRST, text, false), HELD);
	ck_assert_uint_eq(w.client.n_heads, 0);
	ck_assert_uint_eq(memory_say_body(&FIRST, "more", false), 0);
	ck_assert(has_line(&w.client, "503"));
	ck_assert_uint_eq(w.client.body_len, 0);
	event_ends();
	ck_assert_uint_eq(w.client.body_len, 1000);
	ck_assert_uint_eq(memory_say_body(&FIRST, "more", false), 0);
	w.client.room = HELD;
	memory_say_writable(&w.client);
	ck_assert_uint_eq(w.client.body_len, HELD);
	ck_assert_uint_eq(FIRST.n_resumes, 1);
	ck_assert_uint_eq(memory_say_body(&FIRST, "more", true), 4);
	ck_assert(w.client.has_ended);
	ck_assert_int_eq(memcmp(w.client.body, text, HELD), 0);
	ck_assert_int_eq(memcmp(w.client.body + HELD, "more", 4), 0);
	ck_assert_uint_eq(w.n_leases, 1);
	free(text);
}
END_TEST

/* Exactly what may be kept, and the end of it alone. */
START_TEST(as_much_as_may_be_is_kept)
{
	char *text = long_text(HELD);

	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = 1;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_CHUNKED, 0);
	ck_assert_uint_eq(memory_say_body(&FIRST, text, false), HELD);
	(void)memory_say_body(&FIRST, "", true);
	ck_assert_uint_eq(w.n_leases, 2);
	w.client.room = 10;
	memory_say_reset(&SECOND, REASON_RESET, SENT_ALL);
	event_ends();
	ck_assert_uint_eq(w.client.body_len, 10);
	w.client.room = HELD;
	memory_say_writable(&w.client);
	ck_assert(has_body(&w.client, text) && w.client.has_ended);
	free(text);
}
END_TEST

/* The end comes while the client takes nothing. */
START_TEST(the_end_waits_behind_what_was_kept)
{
	char *text = long_text(HELD);

	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	w.client.room = 0;
	memory_say_head(&FIRST, "503", FRAMING_CHUNKED, 0);
	(void)memory_say_body(&FIRST, text, false);
	ck_assert_uint_eq(memory_say_body(&FIRST, "x", false), 0);
	event_ends();
	w.client.room = HELD;
	(void)memory_say_body(&FIRST, "", true);
	memory_say_writable(&w.client);
	ck_assert(w.client.has_ended && w.client.is_released);
	free(text);
}
END_TEST

/* Nothing of it has been seen: it is as if the backend had not answered. */
START_TEST(a_kept_response_may_break_off)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = (uint32_t)_i + 1;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "bu", false);
	memory_say_reset(&FIRST, REASON_TRUNCATED, SENT_ALL);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
	ck_assert_uint_eq(w.n_leases, 2);
	memory_say_head(&SECOND, "503", FRAMING_LENGTH, 4);
	if (_i == 0) {		/* no more: it goes through */
		(void)memory_say_body(&SECOND, "busy", true);
		ck_assert(has_body(&w.client, "busy"));
		return;
	}
	w.upstream_conf.retry.attempts = 1;
	memory_say_reset(&SECOND, REASON_TRUNCATED, SENT_ALL);
	ck_assert(has_line(&w.client, "502"));
	ck_assert(strstr(w.client.body, "reset") != NULL);
}
END_TEST

START_TEST(a_client_may_leave_while_a_response_is_kept)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "bu", false);
	if (_i == 1)
		(void)memory_say_body(&FIRST, "sy", true);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 1 + (unsigned)_i);
	ck_assert(w.leases[_i].is_reset);
}
END_TEST

START_TEST(a_client_may_leave_before_it_is_sent)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = 1;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "busy", true);
	memory_say_reset(&SECOND, REASON_RESET, SENT_ALL);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert(list_is_empty(&loop.deferred));
}
END_TEST

/* An answer in the middle of an upload ends it. */
START_TEST(an_early_status_is_relayed)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	request("PUT /\nHost: a", 5);
	(void)memory_say_body(&w.client, "he", false);
	memory_say_head(&FIRST, "503", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "503"));
	ck_assert_uint_eq(w.n_leases, 1);
}
END_TEST

START_TEST(a_body_is_sent_again_behind_a_status)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	request("PUT /\nHost: a", 5);
	(void)memory_say_body(&w.client, "hello", true);
	memory_say_head(&FIRST, "503", FRAMING_NONE, 0);
	ck_assert(has_body(&SECOND, "hello") && SECOND.has_ended);
	memory_say_head(&SECOND, "204", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "204"));
}
END_TEST

START_TEST(trailers_of_a_kept_response_are_left_out)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = 1;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_CHUNKED, 0);
	(void)memory_say_body(&FIRST, "busy", false);
	FIRST.stream.sink->events->on_trailers(&FIRST.stream,
	    memory_head("0\nX-Sum: 1", FRAMING_NONE, 0));
	memory_say_reset(&SECOND, REASON_CONNECT, SENT_NOTHING);
	event_ends();
	ck_assert(has_body(&w.client, "busy") && w.client.has_ended);
	ck_assert_uint_eq(w.client.n_trailers, 0);
}
END_TEST

/* The client has a part of a response. */
START_TEST(no_retry_behind_an_interim_answer)
{
	request("GET /\nHost: a", 0);
	FIRST.stream.sink->events->on_info(&FIRST.stream,
	    memory_head("103\nLink: </a>", FRAMING_NONE, 0));
	memory_say_reset(&FIRST, REASON_RESET, SENT_ALL);
	ck_assert_uint_eq(w.n_leases, 1);
	ck_assert(has_line(&w.client, "502"));
}
END_TEST

/* ---- which backend, how often */

START_TEST(the_same_one_is_tried_when_there_is_no_other)
{
	w.upstream_conf.retry.attempts = 3;
	request("GET /\nHost: a", 0);
	for (unsigned i = 0; i < BACKENDS; i++)
		memory_say_reset(&w.leases[i], REASON_CONNECT, SENT_NOTHING);
	ck_assert_uint_eq(w.n_leases, 4);
	memory_say_head(&w.leases[3], "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

START_TEST(the_budget_is_for_all_requests)
{
	unsigned n = 0;

	w.upstream_conf.retry.attempts = 1;
	for (unsigned i = 0; i < 100; i++) {
		w.n_leases = 0;
		memory_stream_init(&w.client);
		request("GET /\nHost: a", 0);
		for (unsigned k = 0; k < w.n_leases; k++)
			memory_say_reset(&w.leases[k], REASON_RESET,
			    SENT_ALL);
		n += w.n_leases;
	}
	ck_assert_uint_eq(n, 100 + 20 + 3);
}
END_TEST

/* What is refused loads nobody: it only takes of what others may have. */
START_TEST(a_refused_try_needs_no_budget)
{
	w.upstream_conf.retry.attempts = 1;
	for (unsigned i = 0; i < 100; i++) {
		w.n_leases = 0;
		memory_stream_init(&w.client);
		request("GET /\nHost: a", 0);
		memory_say_reset(&w.leases[0], REASON_CONNECT, SENT_NOTHING);
		memory_say_head(&w.leases[1], "200", FRAMING_NONE, 0);
		ck_assert(has_line(&w.client, "200"));
	}
}
END_TEST

START_TEST(what_is_free_is_not_of_the_budget)
{
	w.upstream_conf.budget = 1;
	while (budget_take(&w.upstreams[0]))
		;
	w.is_pooled = true;
	request("GET /\nHost: a", 0);
	memory_say_reset(&FIRST, REASON_RESET_REUSED, SENT_ALL);
	ck_assert_uint_eq(w.n_leases, 2);
	memory_say_reset(&SECOND, REASON_RESET, SENT_ALL);
	ck_assert_uint_eq(w.n_leases, 2);
	ck_assert(has_line(&w.client, "502"));
}
END_TEST

/* ---- deadlines */

/* What a try ends with when timeouts.try is over. */
static const struct {
	const char *method;
	bool is_connected;
	uint32_t when;
	bool is_retried;
	const char *word;
} late[] = {
	{ "GET", true, RETRY_BIT(TIMEOUT), true, NULL },
	{ "POST", true, RETRY_BIT(TIMEOUT), false, "timeout" },
	{ "GET", true, RETRY_DEFAULT, false, "timeout" },
	{ "GET", false, RETRY_DEFAULT, true, NULL },
	{ "POST", false, RETRY_DEFAULT, true, NULL },
	{ "POST", false, RETRY_BIT(TIMEOUT), false, "connect" },
};

START_TEST(a_try_has_its_time)
{
	char text[64];

	w.upstream_conf.retry.try_ms = 300;
	w.upstream_conf.retry.when = late[_i].when;
	(void)snprintf(text, sizeof(text), "%s /\nHost: a", late[_i].method);
	request(text, 0);
	if (late[_i].is_connected)
		FIRST.stream.sink->events->on_connect(&FIRST.stream);
	time_passes(299);
	ck_assert(!FIRST.is_reset);
	time_passes(1);
	ck_assert(FIRST.is_reset);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
	if (!late[_i].is_retried) {
		ck_assert_uint_eq(w.n_leases, 1);
		ck_assert(has_line(&w.client, "504"));
		ck_assert(strstr(w.client.body, late[_i].word) != NULL);
		return;
	}
	ck_assert_uint_eq(w.n_leases, 2);
	time_passes(299);	/* the second one has as much */
	memory_say_head(&SECOND, "200", FRAMING_LENGTH, 2);
	time_passes(10000);	/* and a response any */
	ck_assert_uint_eq(memory_say_body(&SECOND, "ok", true), 2);
	ck_assert(has_body(&w.client, "ok"));
}
END_TEST

/* An upload takes the client's time. */
START_TEST(a_try_waits_for_the_client)
{
	w.upstream_conf.retry.try_ms = 300;
	request("PUT /\nHost: a", 5);
	FIRST.stream.sink->events->on_connect(&FIRST.stream);
	(void)memory_say_body(&w.client, "he", false);
	time_passes(1000);
	ck_assert(!FIRST.is_reset);
	(void)memory_say_body(&w.client, "llo", true);
	time_passes(299);
	ck_assert(!FIRST.is_reset);
	time_passes(1);
	ck_assert(FIRST.is_reset);
	ck_assert(has_line(&w.client, "504"));
}
END_TEST

/* Its status has been charged, and it is only the body that does not come. */
START_TEST(a_kept_response_has_its_time)
{
	w.upstream_conf.retry.try_ms = 300;
	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, 4);
	time_passes(300);
	ck_assert(FIRST.is_reset);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
	ck_assert_uint_eq(w.n_leases, 2);
	memory_say_head(&SECOND, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

START_TEST(a_request_has_its_time)
{
	w.upstream_conf.retry.try_ms = 300;
	w.upstream_conf.retry.total_ms = 500;
	w.upstream_conf.retry.when = ALL_WHEN;
	request("GET /\nHost: a", 0);
	FIRST.stream.sink->events->on_connect(&FIRST.stream);
	time_passes(300);
	ck_assert_uint_eq(w.n_leases, 2);
	time_passes(199);
	ck_assert(!SECOND.is_reset);
	time_passes(1);
	ck_assert(SECOND.is_reset);
	ck_assert(has_line(&w.client, "504"));
	ck_assert(strstr(w.client.body, "timeout") != NULL);
	/* It had not all the time. */
	ck_assert_uint_eq(segment_failures(w.leased[1]->slot), 0);
}
END_TEST

START_TEST(the_only_try_is_charged)
{
	w.upstream_conf.retry.total_ms = 500;
	request("GET /\nHost: a", 0);
	time_passes(500);
	ck_assert(has_line(&w.client, "504"));
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 1);
}
END_TEST

/* ---- the queue: all backends are at their limit of connections */

static void
wait_for_room(const char *head, uint64_t body_len)
{
	w.upstream_conf.queue_size = 4;
	w.upstream_conf.queue_ms = 1000;
	w.lease_error = EBUSY;
	request(head, body_len);
	ck_assert_uint_eq(segment_waiting(w.upstream_conf.slot), 1);
	ck_assert(!w.client.is_released);
}

/* The time of the test, which the loop would set right. */
static void
queue_moves(uint64_t ms)
{
	time_passes(ms);
	while (!list_is_empty(&loop.deferred)) {
		struct deferred *d = container_of(loop.deferred.next,
		    struct deferred, link);

		list_remove(&d->link);
		d->on_deferred(d);
	}
}

static void
get_room(void)
{
	w.lease_error = 0;
	w.n_leases = 0;
	queue_moves(60);
	ck_assert_uint_eq(segment_waiting(w.upstream_conf.slot), 0);
	ck_assert_uint_eq(w.n_leases, 1);
}

START_TEST(a_request_waits_for_room)
{
	wait_for_room("GET /\nHost: a", 0);
	get_room();
	memory_say_head(&FIRST, "200", FRAMING_NONE, 0);
	ck_assert(has_line(&w.client, "200"));
}
END_TEST

/* Turns that find no room are part of one wait. */
START_TEST(the_wait_is_counted_once)
{
	struct exchange *x;

	wait_for_room("GET /\nHost: a", 0);
	x = container_of(w.client.stream.sink, struct exchange, client_sink);
	for (int i = 0; i < 3; i++) {
		w.n_leases = 0;
		queue_moves(60);
	}
	ck_assert_uint_eq(x->aside->queue_us, 180001);
	get_room();
	ck_assert_uint_eq(x->aside->queue_us, 240001);
	memory_say_head(&FIRST, "200", FRAMING_NONE, 0);
}
END_TEST

START_TEST(its_time_takes_it_out_of_the_queue)
{
	w.upstream_conf.retry.total_ms = 500;
	wait_for_room("GET /\nHost: a", 0);
	time_passes(500);
	ck_assert(has_line(&w.client, "504"));
	ck_assert_uint_eq(segment_waiting(w.upstream_conf.slot), 0);
	for (unsigned i = 0; i < BACKENDS; i++)
		ck_assert_uint_eq(segment_failures(w.backend_conf[i].slot), 0);
}
END_TEST

START_TEST(it_waits_for_too_long)
{
	wait_for_room("GET /\nHost: a", 0);
	queue_moves(1060);
	ck_assert(has_line(&w.client, "503"));
	ck_assert(strstr(w.client.body, "queue_timeout") != NULL);
}
END_TEST

START_TEST(who_leaves_leaves_the_queue)
{
	wait_for_room("GET /\nHost: a", 0);
	memory_say_reset(&w.client, REASON_CLIENT_GONE, SENT_NOTHING);
	ck_assert_uint_eq(segment_waiting(w.upstream_conf.slot), 0);
}
END_TEST

START_TEST(a_response_is_cut)
{
	w.upstream_conf.retry.total_ms = 500;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "200", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "ok", false);
	time_passes(500);
	ck_assert(FIRST.is_reset && w.client.is_reset);
	ck_assert_int_eq(w.client.reset_why, REASON_TIMEOUT);
	ck_assert_uint_eq(segment_failures(w.leased[0]->slot), 0);
}
END_TEST

START_TEST(a_tunnel_is_not_cut)
{
	struct http_head *h;

	w.upstream_conf.retry.total_ms = 500;
	request("GET /\nHost: a", 0);
	h = memory_head("101\nUpgrade: websocket", FRAMING_TUNNEL, 0);
	FIRST.stream.sink->events->on_head(&FIRST.stream, h, false);
	time_passes(1000);
	ck_assert(!FIRST.is_reset && !w.client.is_reset);
	FIRST.has_ended = false;	/* 101: there is more to come */
	(void)memory_say_body(&w.client, "", true);
	(void)memory_say_body(&FIRST, "", true);
}
END_TEST

START_TEST(a_kept_response_to_a_slow_client_is_cut)
{
	w.upstream_conf.retry.when = ALL_WHEN;
	w.upstream_conf.retry.attempts = 1;
	w.upstream_conf.retry.total_ms = 500;
	request("GET /\nHost: a", 0);
	memory_say_head(&FIRST, "503", FRAMING_LENGTH, 4);
	(void)memory_say_body(&FIRST, "busy", true);
	w.client.room = 1;
	memory_say_reset(&SECOND, REASON_CONNECT, SENT_NOTHING);
	event_ends();
	ck_assert(has_line(&w.client, "503") && !w.client.has_ended);
	time_passes(500);
	ck_assert(w.client.is_reset);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("exchange");
	TCase *t = tcase_create("exchange");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_get_goes_and_comes);
	tcase_add_test(t, fields_for_one_hop_stay_there);
	tcase_add_test(t, connection_must_not_name_the_framing);
	tcase_add_test(t, a_loop_is_cut);
	tcase_add_test(t, a_refused_backend_costs_another_try);
	tcase_add_test(t, a_tried_backend_is_not_picked);
	tcase_add_test(t, all_refused_is_a_502);
	tcase_add_test(t, our_own_trouble_is_not_charged);
	tcase_add_test(t, the_last_failure_is_the_answer);
	tcase_add_test(t, our_own_trouble_is_safe_to_retry);
	tcase_add_loop_test(t, what_we_ran_out_of_is_local, 0,
	    (int)COUNT_OF(local_errors));
	tcase_add_loop_test(t, a_status_is_relayed, 0,
	    (int)COUNT_OF(statuses));
	tcase_add_loop_test(t, the_failure_table_holds, 0,
	    (int)COUNT_OF(failures));
	tcase_add_test(t, a_reused_reset_is_retried_once);
	tcase_add_test(t, stale_is_free);
	tcase_add_test(t, unsafe_methods_look_before_they_send);
	tcase_add_test(t, no_retry_once_body_bytes_are_gone);
	tcase_add_test(t, a_body_is_sent_again);
	tcase_add_test(t, a_body_that_is_sent_again_holds_the_client);
	tcase_add_test(t, the_end_comes_while_a_body_is_sent_again);
	tcase_add_test(t, an_answer_comes_while_a_body_is_sent_again);
	tcase_add_test(t, a_trial_ends_with_its_answer);
	tcase_add_test(t, a_trial_ends_with_its_failure);
	tcase_add_test(t, a_trial_ends_with_its_client);
	tcase_add_test(t, a_body_waits_for_its_second_backend);
	tcase_add_test(t, back_pressure_goes_both_ways);
	tcase_add_test(t, a_truncated_answer_cuts_the_client);
	tcase_add_test(t, a_client_that_leaves_costs_the_backend_nothing);
	tcase_add_test(t, a_client_may_leave_in_the_middle_of_an_answer);
	tcase_add_test(t, an_early_answer_ends_the_upload);
	tcase_add_test(t, interim_answers_pass);
	tcase_add_test(t, trailers_pass_but_for_some);
	tcase_add_loop_test(t, errors_come_in_the_form_that_is_accepted, 0,
	    (int)COUNT_OF(medias));
	tcase_add_test(t, an_absolute_target_survives_a_retry);
	tcase_add_loop_test(t, a_status_may_be_bettered, 0,
	    (int)COUNT_OF(kept_back));
	tcase_add_loop_test(t, the_last_response_is_relayed, NO_MORE,
	    EMPTY + 1);
	tcase_add_test(t, the_later_response_is_the_last);
	tcase_add_test(t, a_last_try_that_answers_is_relayed_at_once);
	tcase_add_test(t, what_is_too_long_is_relayed_at_once);
	tcase_add_test(t, what_gets_too_long_is_relayed);
	tcase_add_test(t, as_much_as_may_be_is_kept);
	tcase_add_test(t, the_end_waits_behind_what_was_kept);
	tcase_add_loop_test(t, a_kept_response_may_break_off, 0, 2);
	tcase_add_loop_test(t, a_client_may_leave_while_a_response_is_kept,
	    0, 2);
	tcase_add_test(t, a_client_may_leave_before_it_is_sent);
	tcase_add_test(t, an_early_status_is_relayed);
	tcase_add_test(t, a_body_is_sent_again_behind_a_status);
	tcase_add_test(t, trailers_of_a_kept_response_are_left_out);
	tcase_add_test(t, no_retry_behind_an_interim_answer);
	tcase_add_test(t, the_same_one_is_tried_when_there_is_no_other);
	tcase_add_test(t, the_budget_is_for_all_requests);
	tcase_add_test(t, a_refused_try_needs_no_budget);
	tcase_add_test(t, what_is_free_is_not_of_the_budget);
	tcase_add_loop_test(t, a_try_has_its_time, 0, (int)COUNT_OF(late));
	tcase_add_test(t, a_try_waits_for_the_client);
	tcase_add_test(t, a_kept_response_has_its_time);
	tcase_add_test(t, a_request_has_its_time);
	tcase_add_test(t, the_only_try_is_charged);
	tcase_add_test(t, a_request_waits_for_room);
	tcase_add_test(t, the_wait_is_counted_once);
	tcase_add_test(t, its_time_takes_it_out_of_the_queue);
	tcase_add_test(t, it_waits_for_too_long);
	tcase_add_test(t, who_leaves_leaves_the_queue);
	tcase_add_test(t, a_response_is_cut);
	tcase_add_test(t, a_tunnel_is_not_cut);
	tcase_add_test(t, a_kept_response_to_a_slow_client_is_cut);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
