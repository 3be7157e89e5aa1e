/* t/unit/worker/heir_test.c -- connections that pass from worker to worker */
#include "worker/heir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base.h"
#include "core/clock.h"
#include "event/loop.h"
#include "http1/parse.h"
#include "http1/server.h"
#include "net/listener.h"
#include "support/turns.h"
#include "support/unit.h"
#include "worker/handover.h"

#define SAYS_CLOSE	"\r\nConnection: close\r\n"
#define REQUEST		"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define LARGE		(2u << 20)
#define KEEP_ALIVE_MS	60000

/* The clock of the whole program: what a test has skipped is over. */
static uint64_t skipped_ms;

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int status = (int)syscall(SYS_clock_gettime, id, t);

	t->tv_sec += (time_t)(skipped_ms / 1000);
	return status;
}

/* ---- a service: /large has a large body, /late is answered when the test
 * says so, all others at once */

static char large[LARGE];
static size_t large_sent;

static void
send_large(struct http_stream *s)
{
	size_t taken;
	enum send_result result = s->ops->send_body(s,
	    span_of(large + large_sent, LARGE - large_sent), true, &taken);

	large_sent += taken;
	if (result == SEND_OK)
		s->ops->release(s);
}

static void
send_head(struct http_stream *s, size_t body_len)
{
	struct http_head h = { .status = 200, .version = HTTP_1_1,
		.framing = FRAMING_LENGTH, .is_keep_alive = true,
		.body_len = body_len };

	(void)s->ops->send_head(s, &h, false);
}

static void
send_ok(struct http_stream *s)
{
	size_t taken;

	send_head(s, 2);
	(void)s->ops->send_body(s, SPAN("ok"), true, &taken);
	s->ops->release(s);
}

static struct http_stream *late;

static void
on_head(struct http_stream *s, struct http_head *h, bool end UNUSED)
{
	if (span_equal(h->target, SPAN("/large"))) {
		large_sent = 0;
		send_head(s, LARGE);
		send_large(s);
	} else if (span_equal(h->target, SPAN("/late"))) {
		late = s;
	} else {
		send_ok(s);
	}
}

static void
on_reset(struct http_stream *s, enum reason why UNUSED, enum sent sent UNUSED)
{
	s->ops->release(s);
}

static size_t
on_body(struct http_stream *s UNUSED, struct span data, bool end UNUSED)
{
	return data.len;
}

static const struct http_stream_events events = {
	.on_head = on_head, .on_body = on_body, .on_reset = on_reset,
	.on_writable = send_large,
};
static struct http_sink sink = { &events };

static struct http_sink *
open_sink(struct http_service *service UNUSED, struct http_stream *s UNUSED,
    const struct http_peer *p UNUSED)
{
	return &sink;
}

static struct http_service service = { .open = open_sink };
static struct address listening[2], client_address;
static struct listener_set listeners = { .n_addresses = 2, .n_slots = 1,
	.addresses = listening };
static struct h1_server_settings settings[2];
static int channel;		/* the other end of the worker's */

static void
setup(void)
{
	struct h1_server_settings usual = { .service = &service,
		.head_bytes = 4096, .field_count = 16,
		.head_timeout_ms = 30000, .body_timeout_ms = 30000,
		.keep_alive_ms = KEEP_ALIVE_MS, .send_timeout_ms = 30000,
		.tunnel_ms = 100000 };

	skipped_ms = 0;
	clock_update();
	ck_assert(parse_init());
	ck_assert_int_eq(loop_init(), 0);
	h1_server_module_init();
	ck_assert(address_parse(&listening[0], SPAN("127.0.0.1:80")));
	ck_assert(address_parse(&listening[1], SPAN("[::1]:80")));
	ck_assert(address_parse(&client_address, SPAN("192.0.2.7:1234")));
	for (int i = 0; i < 2; i++) {
		settings[i] = usual;
		settings[i].listener = (uint16_t)i;
		settings[i].address = &listening[i];
	}
}

static void
teardown(void)
{
	heir_stop();
	h1_server_close_all();
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

/* ---- clients */

static void
pair(int fds[2], int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
}

/* One that is connected to the worker. */
static int
connect_client(void)
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	h1_server_accept(fds[0], &client_address, &settings[0]);
	return fds[1];
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
}

/* What there is to be read. */
static const char *
hear(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return n == 0 ? "(end)" : text;
}

static bool
is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void
ask(int fd)
{
	say(fd, REQUEST);
	settle();
}

static void
must_answer(int fd, bool is_last)
{
	const char *text;

	ask(fd);
	text = hear(fd);
	ck_assert_msg(strncmp(text, "HTTP/1.1 200 ", 13) == 0, "%s", text);
	ck_assert_int_eq(strstr(text, SAYS_CLOSE) != NULL, is_last);
}

/* ---- an heir that is played by the test */

static void
give_to_test(void)
{
	int fds[2];

	pair(fds, SOCK_SEQPACKET);
	channel = fds[1];
	heir_give_to(&fds[0], 1);
	settle();
}

/* The giver, in the same process, has the same buffer for messages. */
static struct handover_connection got;

static int
must_get(struct handover *in)
{
	ck_assert_int_eq(handover_receive(channel, in), HANDOVER_GOT);
	memcpy(&got, in->head, sizeof(got));
	in->head = &got.head;
	ck_assert_uint_eq(in->head->kind, HANDOVER_CONNECTION);
	ck_assert_uint_eq(in->n_fds, 1);
	return in->fds[0];
}

static void
must_get_nothing(void)
{
	struct handover in;

	ck_assert_int_eq(handover_receive(channel, &in), HANDOVER_NOTHING);
}

static void
answer(const struct handover *in, bool is_taken)
{
	ck_assert_int_eq(handover_answer(channel, in->head->id, is_taken), 0);
	settle();
}

START_TEST(what_is_idle_goes_with_all_that_belongs_to_it)
{
	struct handover in;
	struct address a;
	int theirs, client = connect_client();

	must_answer(client, false);
	skip(10000);
	give_to_test();
	theirs = must_get(&in);
	ck_assert_uint_eq(got.requests, 1);
	ck_assert(got.age_left_ms == HANDOVER_NEVER);
	ck_assert_uint_le(got.wait_left_ms, KEEP_ALIVE_MS - 10000);
	ck_assert_uint_gt(got.wait_left_ms, KEEP_ALIVE_MS - 15000);
	ck_assert(handover_get_address(&a, &got.listener));
	ck_assert(address_equal(&a, &listening[0]));
	ck_assert(handover_get_address(&a, &got.client));
	ck_assert(address_equal(&a, &client_address));
	ck_assert_uint_eq(heir_pending(), 1);
	ck_assert_uint_eq(h1_server_connections(), 1);
	answer(&in, true);
	ck_assert_uint_eq(heir_pending(), 0);
	ck_assert_uint_eq(h1_server_connections(), 0);
	ask(client);
	ck_assert_str_eq(hear(theirs), REQUEST);
	say(theirs, "answer");
	ck_assert_str_eq(hear(client), "answer");
}
END_TEST

START_TEST(what_is_not_idle_waits_until_it_is)
{
	static const struct {
		const char *first, *rest;
		unsigned answers;
	} rows[] = {
		{ "GET / HT", "TP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "\r\nG", "ET / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ REQUEST REQUEST "GET ", "/ HTTP/1.1\r\nHost: a\r\n\r\n", 3 },
	};
	struct handover in;
	const char *at;
	unsigned n = 0;
	char all[4096] = "";
	int client = connect_client();

	say(client, rows[_i].first);
	settle();
	give_to_test();
	must_get_nothing();
	say(client, rows[_i].rest);
	settle();
	while (strlen(at = hear(client)) > 0)
		strcat(all, at);
	for (at = all; (at = strstr(at, "HTTP/1.1 200 ")) != NULL; at++)
		n++;
	ck_assert_uint_eq(n, rows[_i].answers);
	ck_assert_ptr_null(strstr(all, SAYS_CLOSE));
	(void)must_get(&in);
	answer(&in, true);
	ck_assert(is_silent(client));
	ck_assert_uint_eq(h1_server_connections(), 0);
}
END_TEST

START_TEST(an_answer_leaves_first)
{
	struct handover in;
	size_t left = LARGE;
	int client = connect_client();

	say(client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	settle();
	give_to_test();
	must_get_nothing();
	while (left > 0 || !is_silent(client)) {
		size_t n = strlen(hear(client));

		left -= n < left ? n : left;
		if (large_sent < LARGE)
			must_get_nothing();
		settle();
	}
	(void)must_get(&in);
}
END_TEST

START_TEST(a_first_request_may_still_come)
{
	struct handover in;
	int theirs, client = connect_client();

	give_to_test();
	theirs = must_get(&in);
	answer(&in, true);
	say(client, "x");
	ck_assert_str_eq(hear(theirs), "x");
}
END_TEST

/* Also what came meanwhile, of which the loop has heard nothing. */
START_TEST(what_is_refused_ends_here)
{
	struct handover in;
	int client = connect_client();

	must_answer(client, false);
	give_to_test();
	close(must_get(&in));
	ask(client);
	ck_assert(is_silent(client));
	answer(&in, false);
	ck_assert_ptr_nonnull(strstr(hear(client), SAYS_CLOSE));
	must_get_nothing();
	ck_assert_uint_eq(heir_pending(), 0);
}
END_TEST

START_TEST(what_is_refused_may_wait)
{
	struct handover in;
	int client = connect_client();

	must_answer(client, false);
	give_to_test();
	close(must_get(&in));
	answer(&in, false);
	skip(KEEP_ALIVE_MS - 5000);
	must_get_nothing();		/* nobody is asked twice */
	ck_assert(is_silent(client));	/* nor is anything closed */
	must_answer(client, true);
	ck_assert_str_eq(hear(client), "(end)");
}
END_TEST

START_TEST(what_is_refused_goes_to_the_next)
{
	struct handover in;
	int client = connect_client();

	must_answer(client, false);
	give_to_test();
	close(must_get(&in));
	answer(&in, false);
	close(channel);
	settle();
	give_to_test();
	close(must_get(&in));
	answer(&in, true);
	ck_assert_uint_eq(h1_server_connections(), 0);
}
END_TEST

START_TEST(a_lost_heir_gives_back)
{
	struct handover in;
	int client = connect_client();

	must_answer(client, false);
	give_to_test();
	if (_i == 1)			/* it was read */
		close(must_get(&in));
	ask(client);
	close(channel);
	settle();
	ck_assert_uint_eq(heir_pending(), 0);
	ck_assert_ptr_null(strstr(hear(client), SAYS_CLOSE));
	must_answer(client, false);	/* another heir may come */
	skip(HEIR_WAIT_MS + 2000);
	must_answer(client, true);
}
END_TEST

/* The last words of an heir are heard, whatever it has not read. */
START_TEST(what_was_answered_is_not_given_back)
{
	struct handover in;
	int theirs, clients[3];

	for (int i = 0; i < 3; i++)
		clients[i] = connect_client();
	give_to_test();
	theirs = must_get(&in);		/* the oldest first */
	ck_assert_int_eq(handover_answer(channel, in.head->id, true), 0);
	close(must_get(&in));
	close(channel);
	settle();
	ck_assert_uint_eq(heir_pending(), 0);
	ck_assert_uint_eq(h1_server_connections(), 2);
	say(clients[0], "theirs");
	ck_assert_str_eq(hear(theirs), "theirs");
	must_answer(clients[1], false);
	must_answer(clients[2], false);
}
END_TEST

START_TEST(one_after_the_other)
{
	struct handover in;
	unsigned n = 0;

	for (int i = 0; i < 200; i++)
		(void)connect_client();
	give_to_test();
	ck_assert_uint_lt(heir_pending(), 100);
	while (handover_receive(channel, &in) == HANDOVER_GOT) {
		n++;
		handover_close_fds(&in);
		answer(&in, true);
	}
	ck_assert_uint_eq(n, 200);
	ck_assert_uint_eq(h1_server_connections(), 0);
}
END_TEST

START_TEST(a_second_channel_takes_over)
{
	struct handover in;
	int first, clients[2] = { connect_client(), -1 };

	give_to_test();
	first = channel;
	close(must_get(&in));
	clients[1] = connect_client();
	give_to_test();			/* gets the other one */
	ck_assert_uint_eq(heir_pending(), 2);
	ck_assert_int_eq(handover_answer(first, in.head->id, false), 0);
	close(must_get(&in));
	answer(&in, true);
	close(must_get(&in));		/* what the first has refused */
	answer(&in, true);
	ck_assert_uint_eq(h1_server_connections(), 0);
	ck_assert_str_eq(hear(first), "(end)");
	close(clients[1]);
}
END_TEST

/* By turns, to whoever has room; and if one is lost, to those who are left. */
START_TEST(several_heirs_share)
{
	struct handover in;
	int first[2], second[2], ours[2];
	unsigned n[2] = { 0, 0 };

	for (int i = 0; i < 20; i++)
		(void)connect_client();
	pair(first, SOCK_SEQPACKET);
	pair(second, SOCK_SEQPACKET);
	ours[0] = first[0];
	ours[1] = second[0];
	heir_give_to(ours, 2);
	settle();
	channel = first[1];
	while (handover_receive(channel, &in) == HANDOVER_GOT) {
		n[0]++;
		handover_close_fds(&in);
	}
	close(channel);
	settle();
	channel = second[1];
	while (handover_receive(channel, &in) == HANDOVER_GOT) {
		n[1]++;
		handover_close_fds(&in);
		answer(&in, true);
	}
	ck_assert_uint_eq(n[0], 10);
	ck_assert_uint_eq(n[1], 20);
	ck_assert_uint_eq(h1_server_connections(), 0);
}
END_TEST

START_TEST(no_heir_ends_all)
{
	int clients[2] = { connect_client(), connect_client() };
	const char *second;

	must_answer(clients[0], false);
	heir_give_to(NULL, 0);
	settle();
	ck_assert_uint_eq(h1_server_connections(), 2);
	must_answer(clients[0], true);
	/* What was sent together is answered together. */
	say(clients[1], "GET /late HTTP/1.1\r\nHost: a\r\n\r\n" REQUEST);
	settle();
	send_ok(late);
	settle();
	second = strstr(hear(clients[1]) + 1, "HTTP/1.1 200 ");
	ck_assert_ptr_nonnull(second);
	must_answer(clients[1], true);
}
END_TEST

START_TEST(unknown_words_are_no_answer)
{
	struct handover in;
	struct handover_head h;

	(void)connect_client();
	give_to_test();
	close(must_get(&in));
	handover_begin(&h, 77, sizeof(h), in.head->id);
	ck_assert_int_eq(handover_send(channel, &h, NULL, 0), 0);
	ck_assert_int_eq(handover_answer(channel, 4711, true), 0);
	say(channel, "junk");
	settle();
	ck_assert_uint_eq(heir_pending(), 1);
	answer(&in, true);
	ck_assert_uint_eq(heir_pending(), 0);
}
END_TEST

START_TEST(the_end_leaves_them_to_the_heir)
{
	struct handover in;
	int theirs, client = connect_client();

	give_to_test();
	theirs = must_get(&in);
	heir_stop();
	h1_server_close_all();
	ck_assert_uint_eq(h1_server_connections(), 0);
	ck_assert_int_eq(handover_answer(channel, in.head->id, true), -1);
	ck_assert_int_eq(errno, EPIPE);
	say(client, "x");
	ck_assert_str_eq(hear(theirs), "x");
}
END_TEST

/* ---- a giver that is played by the test */

static void
take_from_test(void)
{
	int fds[2];

	pair(fds, SOCK_SEQPACKET);
	channel = fds[1];
	heir_take_from(fds[0], &listeners, settings, NULL);
}

static struct handover_connection
message(void)
{
	struct handover_connection m = { .age_left_ms = HANDOVER_NEVER,
		.wait_left_ms = 5000, .requests = 7 };

	handover_begin(&m.head, HANDOVER_CONNECTION, sizeof(m), 99);
	handover_put_address(&m.listener, &listening[1]);
	handover_put_address(&m.client, &client_address);
	return m;
}

/* The client's end; *ours is the giver's duplicate. */
static int
give(const struct handover_connection *m, int *ours)
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	ck_assert_int_eq(handover_send(channel, &m->head, &fds[0], 1), 0);
	*ours = fds[0];
	return fds[1];
}

static void
must_be_told(bool is_taken)
{
	struct handover in;

	settle();
	ck_assert_int_eq(handover_receive(channel, &in), HANDOVER_GOT);
	ck_assert_uint_eq(in.head->kind,
	    is_taken ? HANDOVER_TAKEN : HANDOVER_REFUSED);
	ck_assert_uint_eq(in.head->id, 99);
}

START_TEST(what_is_taken_goes_on)
{
	struct handover_connection m = message();
	int ours, client;

	settings[1].requests = 9;
	take_from_test();
	client = give(&m, &ours);
	say(client, REQUEST);		/* before it is there */
	must_be_told(true);
	close(ours);
	settle();
	ck_assert_ptr_null(strstr(hear(client), SAYS_CLOSE));
	must_answer(client, true);	/* its ninth */
}
END_TEST

START_TEST(its_times_go_on)
{
	struct handover_connection m = message();
	int ours, client;

	if (_i == 1)
		m.age_left_ms = 3000;
	take_from_test();
	client = give(&m, &ours);
	must_be_told(true);
	close(ours);
	skip(4000);
	ck_assert_uint_eq(h1_server_connections(), 1);
	if (_i == 1) {
		must_answer(client, true);
		return;
	}
	skip(2000);
	ck_assert_str_eq(hear(client), "(end)");
}
END_TEST

static void
to_other_listener(struct handover_connection *m)
{
	struct address a;

	ck_assert(address_parse(&a, SPAN("127.0.0.1:81")));
	handover_put_address(&m->listener, &a);
}

static void
to_no_listener(struct handover_connection *m)
{
	m->listener.len = 3;
}

static void
to_long_address(struct handover_connection *m)
{
	m->client.len = sizeof(m->client.bytes);
}

static void
of_other_version(struct handover_connection *m)
{
	m->head.version++;
}

static void
of_other_kind(struct handover_connection *m)
{
	m->head.kind = 77;
}

static void
of_other_size(struct handover_connection *m)
{
	m->head.size -= 8;
}

static void (*const refusals[])(struct handover_connection *m) = {
	to_other_listener, to_no_listener, to_long_address, of_other_version,
	of_other_kind, of_other_size,
};

START_TEST(what_is_not_known_is_refused)
{
	struct handover_connection m = message();
	int ours, client;

	refusals[_i](&m);
	take_from_test();
	client = give(&m, &ours);
	must_be_told(false);
	ck_assert_uint_eq(h1_server_connections(), 0);
	say(client, "x");
	ck_assert_str_eq(hear(ours), "x");	/* it has read nothing */
	close(ours);
	ck_assert_str_eq(hear(client), "(end)");	/* and holds nothing */
}
END_TEST

START_TEST(without_a_descriptor_it_is_refused)
{
	struct handover_connection m = message();

	take_from_test();
	ck_assert_int_eq(handover_send(channel, &m.head, NULL, 0), 0);
	must_be_told(false);
}
END_TEST

START_TEST(junk_ends_the_channel)
{
	struct handover_connection m = message();
	int ours, client;

	m.head.magic++;
	take_from_test();
	client = give(&m, &ours);
	settle();
	ck_assert_str_eq(hear(channel), "(end)");
	close(ours);
	ck_assert_str_eq(hear(client), "(end)");
}
END_TEST

START_TEST(who_cannot_answer_takes_nothing)
{
	struct handover_connection m = message();
	int fds[2], small = 1, ours, client;

	pair(fds, SOCK_SEQPACKET);
	channel = fds[1];
	ck_assert_int_eq(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small)), 0);
	while (handover_answer(fds[0], 1, true) == 0)
		;		/* nobody hears it: there is no room */
	heir_take_from(fds[0], &listeners, settings, NULL);
	client = give(&m, &ours);
	settle();
	ck_assert_uint_eq(h1_server_connections(), 0);
	close(ours);
	ck_assert_str_eq(hear(client), "(end)");
}
END_TEST

/* It cannot be asked any more, and it has nothing to be asked for. */
START_TEST(what_a_dead_giver_sent_goes_on)
{
	struct handover_connection m = message();
	int ours, clients[2];

	take_from_test();
	for (int i = 0; i < 2; i++) {
		clients[i] = give(&m, &ours);
		close(ours);
		if (_i == 1 && i == 0)
			settle();	/* it dies with an answer unread */
	}
	close(channel);
	settle();
	must_answer(clients[0], false);
	must_answer(clients[1], false);
}
END_TEST

START_TEST(an_heir_that_leaves_gives_on)
{
	struct handover_connection m = message();
	struct handover in;
	int ours, theirs, client, first;

	take_from_test();
	first = channel;
	give_to_test();
	must_get_nothing();
	ck_assert_uint_eq(h1_server_connections(), 0);
	theirs = channel;
	channel = first;
	client = give(&m, &ours);
	must_be_told(true);
	close(ours);
	channel = theirs;
	theirs = must_get(&in);
	ck_assert_uint_eq(got.requests, 7);
	answer(&in, true);
	say(client, "x");
	ck_assert_str_eq(hear(theirs), "x");
}
END_TEST

/* ---- processes: each leaves its connections to the next */

#define CLIENTS		100
#define GENERATIONS	5

static void
end_when_empty(struct loop *l UNUSED)
{
	if (h1_server_connections() == 0 && heir_pending() == 0)
		loop_stop();
}

static int to_next = -1, from_last = -1;
static struct timer leave;

static void
on_leave(struct timer *t UNUSED)
{
	heir_give_to(&to_next, 1);
	loop.on_turn = end_when_empty;
}

/* A generation; the first has the connections. */
static pid_t
generation(const int *connections, uint64_t life_ms)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	ck_assert_int_eq(loop_init(), 0);
	for (int i = 0; connections != NULL && i < CLIENTS; i++)
		h1_server_accept(connections[i], &client_address,
		    &settings[0]);
	if (from_last >= 0)
		heir_take_from(from_last, &listeners, settings, NULL);
	if (to_next >= 0) {
		timer_init(&leave, on_leave);
		loop_timer_set(&leave, clock_now_ms + life_ms);
	}
	loop.on_turn = NULL;
	loop_run();
	_exit(h1_server_connections() == 0 ? 0 : 1);
}

/* Each client's next request follows the answer to the last. */
static unsigned
serve_clients(struct pollfd *clients, unsigned answers)
{
	unsigned lost = 0;

	for (unsigned n = 0; n < answers && lost == 0; ) {
		ck_assert_int_gt(poll(clients, CLIENTS, 10000), 0);
		for (int i = 0; i < CLIENTS; i++) {
			const char *text;

			if (clients[i].revents == 0)
				continue;
			text = hear(clients[i].fd);
			if (strstr(text, "ok") == NULL ||
			    strstr(text, SAYS_CLOSE) != NULL)
				lost++;
			say(clients[i].fd, REQUEST);
			n++;
		}
	}
	return lost;
}

START_TEST(generations_lose_nothing)
{
	struct pollfd clients[CLIENTS];
	int theirs[CLIENTS], fds[2], status;
	pid_t pids[GENERATIONS];

	for (int i = 0; i < CLIENTS; i++) {
		pair(fds, SOCK_STREAM);
		theirs[i] = fds[0];
		clients[i] = (struct pollfd){ fds[1], POLLIN, 0 };
	}
	for (uint64_t g = 0; g < GENERATIONS; g++) {
		fds[0] = fds[1] = -1;
		if (g < GENERATIONS - 1)
			pair(fds, SOCK_SEQPACKET);
		to_next = fds[0];
		pids[g] = generation(g == 0 ? theirs : NULL, 40 * (g + 1));
		close(to_next);
		close(from_last);
		from_last = fds[1];
	}
	for (int i = 0; i < CLIENTS; i++) {
		close(theirs[i]);
		say(clients[i].fd, REQUEST);
	}
	ck_assert_uint_eq(serve_clients(clients, 100000), 0);
	for (int g = 0; g < GENERATIONS - 1; g++) {
		ck_assert_int_eq(waitpid(pids[g], &status, 0), pids[g]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(serve_clients(clients, CLIENTS), 0);
	kill(pids[GENERATIONS - 1], SIGKILL);
	ck_assert_int_gt(waitpid(pids[GENERATIONS - 1], &status, 0), 0);
}
END_TEST

static TCase *
giving(void)
{
	TCase *t = tcase_create("giving");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_idle_goes_with_all_that_belongs_to_it);
	tcase_add_loop_test(t, what_is_not_idle_waits_until_it_is, 0, 3);
	tcase_add_test(t, an_answer_leaves_first);
	tcase_add_test(t, a_first_request_may_still_come);
	tcase_add_test(t, what_is_refused_ends_here);
	tcase_add_test(t, what_is_refused_may_wait);
	tcase_add_test(t, what_is_refused_goes_to_the_next);
	tcase_add_loop_test(t, a_lost_heir_gives_back, 0, 2);
	tcase_add_test(t, what_was_answered_is_not_given_back);
	tcase_add_test(t, one_after_the_other);
	tcase_add_test(t, a_second_channel_takes_over);
	tcase_add_test(t, several_heirs_share);
	tcase_add_test(t, no_heir_ends_all);
	tcase_add_test(t, unknown_words_are_no_answer);
	tcase_add_test(t, the_end_leaves_them_to_the_heir);
	return t;
}

static TCase *
taking(void)
{
	TCase *t = tcase_create("taking");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_taken_goes_on);
	tcase_add_loop_test(t, its_times_go_on, 0, 2);
	tcase_add_loop_test(t, what_is_not_known_is_refused, 0,
	    COUNT_OF(refusals));
	tcase_add_test(t, without_a_descriptor_it_is_refused);
	tcase_add_test(t, junk_ends_the_channel);
	tcase_add_test(t, who_cannot_answer_takes_nothing);
	tcase_add_loop_test(t, what_a_dead_giver_sent_goes_on, 0, 2);
	tcase_add_test(t, an_heir_that_leaves_gives_on);
	tcase_add_test(t, generations_lose_nothing);
	tcase_set_timeout(t, 30);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("worker/heir");

	memset(large, 'x', sizeof(large));
	suite_add_tcase(s, giving());
	suite_add_tcase(s, taking());
	return unit_main(s);
}
