/* t/unit/http1/server_test.c -- how a server ends what it does not hear out */
#include "http1/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base.h"
#include "core/clock.h"
#include "event/loop.h"
#include "http1/parse.h"
#include "support/turns.h"
#include "support/unit.h"

/* The clock of the whole program: what a test has skipped is over. */
static uint64_t skipped_ms;

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int status = (int)syscall(SYS_clock_gettime, id, t);

	t->tv_sec += (time_t)(skipped_ms / 1000);
	return status;
}

/* A service that answers at once, whatever still comes. */
static enum send_result
answer(struct http_stream *s)
{
	struct http_head h = { .status = 403, .version = HTTP_1_1,
		.framing = FRAMING_LENGTH, .is_keep_alive = true };

	return s->ops->send_head(s, &h, true);
}

static void
on_head(struct http_stream *s, struct http_head *h UNUSED, bool end UNUSED)
{
	ck_assert_int_eq(answer(s), SEND_OK);
	s->ops->release(s);
}

static size_t
on_body(struct http_stream *s UNUSED, struct span data UNUSED,
    bool end UNUSED)
{
	ck_abort_msg("a body behind the answer");
	return 0;
}

static const struct http_stream_events events = {
	.on_head = on_head, .on_body = on_body,
};
static struct http_sink sink = { &events };

static struct http_sink *
open_sink(struct http_service *service UNUSED, struct http_stream *s UNUSED,
    const struct http_peer *p UNUSED)
{
	return &sink;
}

static struct http_service service = { .open = open_sink };
static const struct h1_server_settings settings = { .service = &service,
	.head_bytes = 4096, .field_count = 16, .head_timeout_ms = 100000,
	.body_timeout_ms = 100000, .keep_alive_ms = 100000,
	.send_timeout_ms = 100000, .tunnel_ms = 100000 };
static int peer;

static void
setup(void)
{
	struct address a;
	int fds[2];

	skipped_ms = 0;
	clock_update();
	ck_assert(parse_init());
	ck_assert_int_eq(loop_init(), 0);
	h1_server_module_init();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	peer = fds[1];
	ck_assert(address_parse(&a, SPAN("127.0.0.1:1")));
	h1_server_accept(fds[0], &a, &settings);
}

static void
teardown(void)
{
	h1_server_close_all();
	close(peer);
	loop_fini();
}

/* ---- turns of the loop */

static void
skip(uint64_t ms)
{
	skipped_ms += ms;
	clock_update();
	settle();
}

static void
say(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)),
	    (ssize_t)strlen(text));
	settle();
}

static bool
is_open(void)
{
	return h1_server_connections() == 1;
}

/* An answer that comes before the body has. */
static void
begin_linger(void)
{
	char got[512];
	ssize_t n;

	say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\nbo");
	n = read(peer, got, sizeof(got) - 1);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 403"));
	ck_assert_ptr_nonnull(strstr(got, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(got, "\r\nContent-Length: 0\r\n"));
}

START_TEST(an_early_answer_ends_our_side)
{
	char byte;

	begin_linger();
	ck_assert_int_eq(read(peer, &byte, 1), 0);
	ck_assert(is_open());
	say("what is discarded");
	ck_assert(is_open());
	shutdown(peer, SHUT_WR);
	settle();
	ck_assert(!is_open());
}
END_TEST

START_TEST(a_refused_request_closes)
{
	char got[512];

	say("GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\nGET / HTTP/1.1\r\n");
	ck_assert_int_gt(read(peer, got, sizeof(got)), 0);
	ck_assert_int_eq(strncmp(got, "HTTP/1.1 400 ", 13), 0);
	ck_assert_int_eq(read(peer, got, 1), 0);
	shutdown(peer, SHUT_WR);
	settle();
	ck_assert(!is_open());
}
END_TEST

START_TEST(who_sends_nothing_more_has_five_seconds)
{
	begin_linger();
	skip(4000);
	ck_assert(is_open());
	say("x");
	skip(4000);
	ck_assert(is_open());
	skip(2000);
	ck_assert(!is_open());
}
END_TEST

START_TEST(who_sends_for_ever_has_thirty)
{
	begin_linger();
	for (unsigned i = 0; i < 9; i++) {
		skip(3000);
		say("x");
		ck_assert(is_open());
	}
	skip(2000);
	say("x");
	ck_assert(is_open());
	skip(2000);
	ck_assert(!is_open());
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http1/server");
	TCase *t = tcase_create("linger");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_early_answer_ends_our_side);
	tcase_add_test(t, a_refused_request_closes);
	tcase_add_test(t, who_sends_nothing_more_has_five_seconds);
	tcase_add_test(t, who_sends_for_ever_has_thirty);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
