/* t/unit/http1/client_test.c -- the word for each way a backend can fail */
#include "http1/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base.h"
#include "core/clock.h"
#include "event/loop.h"
#include "http1/parse.h"
#include "support/unit.h"

#define SOON 60		/* of the timeout that a test waits for */
#define LATE 60000

static struct h1_client_settings settings;
static struct h1_client_owner owner;
static struct h1_client *idle;
static struct http_stream *stream;
static struct http_sink sink;
static struct address to;
static int listener, peer;
static bool is_late;

/* What the sink and the owner have heard. */
static struct {
	enum reason why;
	enum sent sent;
	unsigned status, n_infos;
	size_t body_len;
	bool is_reset, has_ended, is_closed;
} heard;

static bool
on_idle(struct h1_client_owner *o UNUSED, struct h1_client *c)
{
	idle = c;
	return true;
}

static void
on_closed(struct h1_client_owner *o UNUSED, struct h1_client *c UNUSED,
    bool was_idle UNUSED)
{
	heard.is_closed = true;
	idle = NULL;
}

static const struct h1_client_owner_ops owner_ops = { on_idle, on_closed };

static void
on_info(struct http_stream *s UNUSED, struct http_head *h UNUSED)
{
	heard.n_infos++;
}

static void
on_head(struct http_stream *s UNUSED, struct http_head *h, bool end)
{
	heard.status = h->status;
	heard.has_ended = end;
}

static size_t
on_body(struct http_stream *s UNUSED, struct span data, bool end)
{
	heard.body_len += data.len;
	heard.has_ended |= end;
	return data.len;
}

static void
on_writable(struct http_stream *s UNUSED)
{
}

static void
on_reset(struct http_stream *s, enum reason why, enum sent sent)
{
	heard.is_reset = true;
	heard.why = why;
	heard.sent = sent;
	s->ops->release(s);
}

static const struct http_stream_events events = {
	.on_info = on_info, .on_head = on_head, .on_body = on_body,
	.on_writable = on_writable, .on_reset = on_reset,
};

static void
setup(void)
{
	settings = (struct h1_client_settings){ .head_bytes = 4096,
		.field_count = 16, .timeouts = { LATE, LATE, LATE, LATE },
		.idle_ms = LATE };
	owner = (struct h1_client_owner){ .ops = &owner_ops,
	    .settings = &settings };
	sink.events = &events;
	memset(&heard, 0, sizeof(heard));
	idle = NULL;
	is_late = false;
	peer = -1;
	clock_update();
	ck_assert(parse_init());
	ck_assert_int_eq(loop_init(), 0);
	h1_client_module_init();
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert(address_parse_host(&to, SPAN("127.0.0.1"), 0));
	ck_assert_int_eq(bind(listener, &to.sa, to.len), 0);
	ck_assert_int_eq(getsockname(listener, &to.sa, &to.len), 0);
}

static void
teardown(void)
{
	if (idle != NULL)
		h1_client_close(idle);
	close(listener);
	if (peer >= 0)
		close(peer);
	loop_fini();
}

/* ---- turns of the loop */

static bool (*until)(void);

static void
on_turn(struct loop *l UNUSED)
{
	if (until())
		loop_stop();
}

static void
run_until(bool (*condition)(void))
{
	until = condition;
	loop.on_turn = on_turn;
	loop_run();
}

static void
on_later(struct timer *t UNUSED)
{
	is_late = true;
}

static bool is_later(void) { return is_late; }
static bool is_reset(void) { return heard.is_reset; }
static bool has_ended(void) { return heard.has_ended; }
static bool is_idle(void) { return idle != NULL; }
static bool is_closed(void) { return heard.is_closed; }

static bool
has_request(void)
{
	char bytes[4096];

	return recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0;
}

/* ---- a request */

static void
take_stream(struct h1_client *c)
{
	stream = h1_client_stream(c);
	stream->sink = &sink;
}

static void
start(void)
{
	struct h1_client *c = h1_client_connect(&owner, &to);

	ck_assert_ptr_nonnull(c);
	take_stream(c);
}

static void
send_head(uint64_t body_len)
{
	struct http_head h = { .method = METHOD_PUT, .version = HTTP_1_1,
		.method_text = SPAN("PUT"), .target = SPAN("/"),
		.framing = body_len > 0 ? FRAMING_LENGTH : FRAMING_NONE,
		.body_len = body_len };

	(void)stream->ops->send_head(stream, &h, body_len == 0);
}

/* A fresh connection, whose request has come at the peer. */
static void
ask(uint64_t body_len)
{
	char byte = 'x';
	size_t taken;

	ck_assert_int_eq(listen(listener, 8), 0);
	start();
	send_head(body_len);
	peer = accept(listener, NULL, NULL);
	if (body_len > 0)	/* the head leaves with it */
		(void)stream->ops->send_body(stream, span_of(&byte, 1), false,
		    &taken);
	run_until(has_request);
}

static void
say(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)),
	    (ssize_t)strlen(text));
}

static void
leave(bool by_reset)
{
	struct linger abort = { 1, 0 };

	if (by_reset)
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &abort,
		    sizeof(abort));
	close(peer);
	peer = -1;
}

/* An idle connection that has served a request. */
static void
reuse(void)
{
	ask(0);
	say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	run_until(has_ended);
	stream->ops->release(stream);
	run_until(is_idle);
	heard.has_ended = false;
}

static void
expect_reset(enum reason why, enum sent sent)
{
	run_until(is_reset);
	ck_assert_str_eq(reasons[heard.why].word, reasons[why].word);
	ck_assert_int_eq(heard.why, why);
	ck_assert_int_eq(heard.sent, sent);
	if (!heard.is_closed)
		run_until(is_closed);
}

START_TEST(refused)
{
	start();
	send_head(0);
	expect_reset(REASON_CONNECT, SENT_NOTHING);
}
END_TEST

/* Nobody accepts, the queue is full: the kernel answers nothing. */
START_TEST(connect_takes_too_long)
{
	int fill[4];

	ck_assert_int_eq(listen(listener, 0), 0);
	for (unsigned i = 0; i < COUNT_OF(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], &to.sa, to.len);
	}
	settings.timeouts.connect = SOON;
	start();
	send_head(0);
	expect_reset(REASON_CONNECT_TIMEOUT, SENT_NOTHING);
	for (unsigned i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
}
END_TEST

START_TEST(no_head_in_time)
{
	settings.timeouts.response_head = SOON;
	ask(0);
	expect_reset(REASON_TIMEOUT, SENT_ALL);
}
END_TEST

START_TEST(half_a_head_in_time)
{
	settings.timeouts.response_head = SOON;
	ask(0);
	say("HTTP/1.1 200 OK\r\nConte");
	expect_reset(REASON_TIMEOUT, SENT_ALL);
}
END_TEST

/* The client's side is what takes time. */
START_TEST(no_head_while_the_request_comes)
{
	struct timer t;

	settings.timeouts.response_head = SOON;
	ask(9);
	timer_init(&t, on_later);
	loop_timer_set(&t, clock_now_ms + 3 * SOON);
	run_until(is_later);
	ck_assert(!heard.is_reset);
	say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	run_until(has_ended);
	ck_assert(!heard.is_reset);
	stream->ops->release(stream);
	run_until(is_closed);	/* it had not ended: not to be used again */
	ck_assert_ptr_null(idle);
}
END_TEST

START_TEST(no_more_body_in_time)
{
	settings.timeouts.between_bytes = SOON;
	ask(0);
	say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	expect_reset(REASON_TRUNCATED, SENT_ALL);
	ck_assert_uint_eq(heard.body_len, 4);
}
END_TEST

START_TEST(nobody_reads_the_request)
{
	static char much[1 << 20];
	size_t taken = 1;

	settings.timeouts.send = SOON;
	ask(64 << 20);
	while (stream->ops->send_body(stream, span_of(much, sizeof(much)),
	    false, &taken) == SEND_OK)
		;
	expect_reset(REASON_TIMEOUT, SENT_PART);
}
END_TEST

/* _i: by a reset */
START_TEST(a_fresh_one_ends)
{
	ask(0);
	leave(_i);
	expect_reset(REASON_RESET, SENT_ALL);
}
END_TEST

START_TEST(a_reused_one_ends)
{
	reuse();
	take_stream(idle);
	send_head(0);
	run_until(has_request);
	leave(_i);
	expect_reset(REASON_RESET_REUSED, SENT_ALL);
}
END_TEST

/* It was gone before anything could be written; nobody had noticed. */
START_TEST(a_stale_one)
{
	reuse();
	leave(true);
	take_stream(idle);
	idle = NULL;
	send_head(0);
	expect_reset(REASON_STALE, SENT_NOTHING);
}
END_TEST

/* _i: on a connection that has served before */
START_TEST(a_head_breaks_off)
{
	if (_i) {
		reuse();
		take_stream(idle);
		send_head(0);
		run_until(has_request);
	} else {
		ask(0);
	}
	say("HTTP/1.1 200 OK\r\nConte");
	leave(false);
	expect_reset(REASON_RESET, SENT_ALL);
}
END_TEST

START_TEST(a_body_breaks_off)
{
	ask(0);
	say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	leave(_i);
	expect_reset(REASON_TRUNCATED, SENT_ALL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http1/client");
	TCase *t = tcase_create("failures");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, refused);
	tcase_add_test(t, connect_takes_too_long);
	tcase_add_test(t, no_head_in_time);
	tcase_add_test(t, half_a_head_in_time);
	tcase_add_test(t, no_head_while_the_request_comes);
	tcase_add_test(t, no_more_body_in_time);
	tcase_add_test(t, nobody_reads_the_request);
	tcase_add_loop_test(t, a_fresh_one_ends, 0, 2);
	tcase_add_loop_test(t, a_reused_one_ends, 0, 2);
	tcase_add_test(t, a_stale_one);
	tcase_add_loop_test(t, a_head_breaks_off, 0, 2);
	tcase_add_loop_test(t, a_body_breaks_off, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
