/* t/unit/worker/tunnel_test.c -- tunnels that pass from worker to worker */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/log.h"
#include "core/stash.h"
#include "event/loop.h"
#include "http1/parse.h"
#include "http1/server.h"
#include "net/listener.h"
#include "observe/writer.h"
#include "proc/register.h"
#include "proxy/proxy.h"
#include "shm/segment.h"
#include "support/conf_file.h"
#include "support/unit.h"
#include "upstream/upstream.h"
#include "worker/handover.h"
#include "worker/heir.h"

#define GENERATIONS	6

static const char config[] =
"listeners: [{address: \"127.0.0.1:9000\"}]\n"
"access_log:\n"
"  file: log\n"
"  format: '${status} ${bytes_in} ${bytes_out} ${target} ${route}"
" ${upstream} ${attempts} ${end} ${reason} ${request.x-test}"
" ${response.x-said} ${client}'\n"
"routes: [{name: chat, match: {path_prefix: /ws}, upstream: %s,"
" timeouts: {send: 7s}}]\n"
"upstreams:\n"
"  %s: {max_connections: 3, health_check: off,"
" backends: [{host: 127.0.0.1, port: %u}]}\n";

/* One world; the test plays the client and the backend. */
static struct {
	struct reading reading, other;	/* the latter has another upstream */
	struct listener_set listeners;
	struct address client_address;
	int listening, log_fd;
	int client, backend;		/* ends of the tunnel, blocking */
	uint32_t slot;			/* of the backend */
	int other_end;			/* of the last channel */
} w;

/* A worker in a process of its own. */
struct worker {
	pid_t pid;
	int order;		/* a byte: leave */
};

static struct reading
read_config(const char *upstream, unsigned port)
{
	char text[2048];
	struct reading r;

	(void)snprintf(text, sizeof(text), config, upstream, upstream, port);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_msg(r.conf != NULL, "%s", r.said);
	ck_assert_int_eq(segment_register_conf(r.conf), 0);
	return r;
}

static void
setup(void)
{
	struct address a;

	memset(&w, 0, sizeof(w));
	conf_file_setup();
	log_open(-1, false);
	ck_assert(parse_init());
	ck_assert_int_eq(segment_create(), 0);
	ck_assert(address_parse(&w.client_address, SPAN("192.0.2.7:1234")));
	ck_assert(address_parse_host(&a, SPAN("127.0.0.1"), 0));
	w.listening = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(w.listening, &a.sa, a.len), 0);
	ck_assert_int_eq(listen(w.listening, 10), 0);
	ck_assert_int_eq(getsockname(w.listening, &a.sa, &a.len), 0);
	w.reading = read_config("web", address_port(&a));
	w.other = read_config("other", address_port(&a));
	w.slot = w.reading.conf->upstreams[0].backends[0].slot;
	w.listeners = (struct listener_set){ .n_addresses = 1, .n_slots = 1,
		.addresses = &w.reading.conf->listeners[0].address };
	w.log_fd = open("log", O_RDWR | O_CREAT | O_APPEND, 0600);
	ck_assert_int_ge(w.log_fd, 0);
	w.client = w.backend = -1;
}

static void
teardown(void)
{
	close(w.client);
	close(w.backend);
	close(w.listening);
	close(w.log_fd);
	(void)unlink("log");
	reading_free(&w.reading);
	reading_free(&w.other);
	segment_close();
	conf_file_teardown();
}

/* ---- a worker */

static struct io orders;
static int to_heir;

static void
end_when_empty(struct loop *l UNUSED)
{
	if (h1_server_connections() == 0 && heir_pending() == 0)
		loop_stop();
}

static void
on_order(struct io *io, uint32_t events UNUSED)
{
	char byte;

	if (read(io->fd, &byte, 1) != 1)
		_exit(2);		/* the test is gone */
	heir_give_to(&to_heir, 1);
	loop.on_turn = end_when_empty;
}

static void
settings_init(struct h1_server_settings *s, struct proxy *p)
{
	*s = (struct h1_server_settings){ .service = &p->service,
		.head_bytes = 4096, .field_count = 16,
		.head_timeout_ms = 30000, .body_timeout_ms = 30000,
		.keep_alive_ms = 30000, .send_timeout_ms = 30000,
		.tunnel_ms = 30000, .address = w.listeners.addresses };
}

static void
serve(uint32_t slot, const struct conf *conf, int connection, int from)
{
	struct upstream *upstreams = upstreams_new(conf, slot, 1);
	struct h1_server_settings settings;
	struct proxy proxy;
	struct writer *log = writer_start(w.log_fd, 65536, 0);

	h1_server_module_init();
	proxy_init(&proxy, conf, upstreams);
	proxy_log_to(&proxy, log);
	settings_init(&settings, &proxy);
	if (connection >= 0)
		h1_server_accept(connection, &w.client_address, &settings);
	if (from >= 0)
		heir_take_from(from, &w.listeners, &settings, &proxy);
	loop_run();
	heir_stop();
	h1_server_close_all();
	(void)writer_stop(&log, 1000);
	if (proxy.n_active > 0 || proxy.requests != (connection >= 0))
		_exit(3);
	if (block_bytes_in_use() > 0)
		_exit(4);
	proxy_fini(&proxy);
	upstreams_free(&upstreams, conf->n_upstreams);
}

static void
channel_new(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	w.other_end = fds[1];
}

/* `connection`: the first's; `from`, `to`: channels; -1: none. */
static struct worker
start(uint32_t slot, const struct conf *conf, int connection, int from,
    int to)
{
	struct worker worker;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	shm_set(&segment_process(slot)->state, SLOT_READY);
	worker.order = fds[1];
	worker.pid = fork();
	if (worker.pid == 0) {
		close(fds[1]);
		if (w.other_end != from)
			close(w.other_end);
		to_heir = to;
		ck_assert_int_eq(loop_init(), 0);
		io_init(&orders, fds[0], on_order);
		ck_assert_int_eq(io_register(&orders, LOOP_LISTEN), 0);
		serve(slot, conf, connection, from);
		_exit(0);
	}
	close(fds[0]);
	close(connection);
	close(from);
	close(to);
	return worker;
}

static void
tell_to_leave(const struct worker *worker)
{
	ck_assert_int_eq(write(worker->order, "", 1), 1);
}

static void
must_end(struct worker *worker)
{
	int status;

	ck_assert_int_eq(waitpid(worker->pid, &status, 0), worker->pid);
	ck_assert_int_eq(status, 0);
	close(worker->order);
}

static void
leave(struct worker *worker)
{
	tell_to_leave(worker);
	must_end(worker);
}

/* ---- the tunnel */

static void
pass(int from, int to, const char *text)
{
	char got[256] = "";
	size_t len = strlen(text);

	ck_assert_int_eq(write(from, text, len), (ssize_t)len);
	ck_assert_int_eq(recv(to, got, len, MSG_WAITALL), (ssize_t)len);
	ck_assert_str_eq(got, text);
}

static void
must_end_there(int from, int to)
{
	char byte;

	ck_assert_int_eq(shutdown(from, SHUT_WR), 0);
	ck_assert_int_eq(read(to, &byte, 1), 0);
}

static void
read_head(int fd, char text[1024])
{
	size_t len = 0;

	do {
		ck_assert_int_eq(read(fd, text + len, 1), 1);
		text[++len] = '\0';
	} while (len < 4 || strcmp(text + len - 4, "\r\n\r\n") != 0);
}

/* The worker's end of a client. */
static int
connect_client(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	w.client = fds[1];
	return fds[0];
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
}

static void
open_tunnel(void)
{
	char text[1024];

	say(w.client, "GET /ws?a HTTP/1.1\r\nHost: h\r\nX-Test: asked\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	w.backend = accept(w.listening, NULL, NULL);
	ck_assert_int_ge(w.backend, 0);
	read_head(w.backend, text);
	say(w.backend, "HTTP/1.1 101 Switching\r\nX-Said: answered\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	read_head(w.client, text);
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 101 ", 13), 0);
	pass(w.client, w.backend, "ping");
	pass(w.backend, w.client, "pong!");
}

/* One line, when nobody can write another one. */
static void
must_log(const char *want)
{
	char got[4096];
	ssize_t n = pread(w.log_fd, got, sizeof(got) - 1, 0);

	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, want);
}

static void
must_have(unsigned n)
{
	ck_assert_uint_eq(segment_in_flight(w.slot), n);
	ck_assert_uint_eq(segment_open(w.slot), n);
	ck_assert_uint_eq(segment_requests(w.slot), 1);
}

/* A worker with the tunnel, and the channel from it to whom it leaves it. */
static struct worker
start_first(int *channel)
{
	struct worker first;
	int connection = connect_client(), fds[2];

	channel_new(fds);
	first = start(0, w.reading.conf, connection, -1, fds[0]);
	open_tunnel();
	*channel = fds[1];
	return first;
}

START_TEST(a_tunnel_goes_on_and_ends_once)
{
	struct worker workers[2];
	int channel;

	workers[0] = start_first(&channel);
	workers[1] = start(1, w.reading.conf, -1, channel, -1);
	must_have(1);
	leave(&workers[0]);
	must_have(1);
	pass(w.client, w.backend, "and on");
	pass(w.backend, w.client, "and back");
	must_log("");
	must_end_there(w.client, w.backend);
	pass(w.backend, w.client, "rest");
	must_end_there(w.backend, w.client);
	leave(&workers[1]);
	must_have(0);
	must_log("101 10 17 /ws?a chat web 1 -- - asked answered 192.0.2.7\n");
}
END_TEST

/* What one side said is on its way, and both are asked again and again. */
START_TEST(generations_keep_it)
{
	struct worker workers[GENERATIONS];
	int channel, fds[2] = { -1, -1 };

	workers[0] = start_first(&channel);
	for (unsigned i = 1; i < GENERATIONS; i++) {
		fds[0] = fds[1] = -1;
		if (i < GENERATIONS - 1)
			channel_new(fds);
		workers[i] = start(i, w.reading.conf, -1, channel, fds[0]);
		tell_to_leave(&workers[i - 1]);
		for (int k = 0; k < 1000; k++) {
			pass(w.client, w.backend, "0123456789");
			pass(w.backend, w.client, "abcdefghij");
		}
		must_end(&workers[i - 1]);
		must_have(1);
		channel = fds[1];
	}
	must_end_there(w.backend, w.client);
	must_end_there(w.client, w.backend);
	leave(&workers[GENERATIONS - 1]);
	must_have(0);
	must_log("101 50004 50005 /ws?a chat web 1 -- - asked answered "
	    "192.0.2.7\n");
}
END_TEST

/* One direction has ended: 0: the client's, 1: the backend's. */
START_TEST(half_of_a_tunnel_goes_on)
{
	struct worker workers[3];
	int ended, other, channel, fds[2];

	workers[0] = start_first(&channel);
	ended = _i == 0 ? w.client : w.backend;
	other = _i == 0 ? w.backend : w.client;
	channel_new(fds);
	workers[1] = start(1, w.reading.conf, -1, channel, fds[0]);
	must_end_there(ended, other);
	leave(&workers[0]);
	pass(other, ended, "still there");
	workers[2] = start(2, w.reading.conf, -1, fds[1], -1);
	leave(&workers[1]);
	pass(other, ended, "and there");
	must_have(1);
	must_end_there(other, ended);
	leave(&workers[2]);
	must_have(0);
	must_log(_i == 0 ?
	    "101 4 25 /ws?a chat web 1 -- - asked answered 192.0.2.7\n" :
	    "101 24 5 /ws?a chat web 1 -- - asked answered 192.0.2.7\n");
}
END_TEST

START_TEST(it_stays_where_its_backend_is_known)
{
	struct worker workers[2];
	int channel;

	workers[0] = start_first(&channel);
	workers[1] = start(1, w.other.conf, -1, channel, -1);
	tell_to_leave(&workers[0]);
	for (int i = 0; i < 100; i++) {
		pass(w.client, w.backend, "0123456789");
		usleep(1000);
	}
	must_have(1);
	must_end_there(w.client, w.backend);
	must_end_there(w.backend, w.client);
	must_end(&workers[0]);
	must_log("101 1004 5 /ws?a chat web 1 -- - asked answered "
	    "192.0.2.7\n");
	leave(&workers[1]);
}
END_TEST

static enum handover_result
wait_for_offer(int channel, struct handover *in)
{
	enum handover_result result;

	while ((result = handover_receive(channel, in)) == HANDOVER_NOTHING)
		usleep(1000);
	return result;
}

/* With what was said meanwhile. */
START_TEST(it_comes_back_from_a_lost_heir)
{
	struct worker first;
	struct handover in;
	int channel;
	char got[16] = "";

	first = start_first(&channel);
	tell_to_leave(&first);
	ck_assert_int_eq(wait_for_offer(channel, &in), HANDOVER_GOT);
	ck_assert_uint_eq(in.head->kind, HANDOVER_TUNNEL);
	ck_assert_uint_eq(in.n_fds, 2);
	say(w.client, "there?");
	say(w.backend, "there!");
	ck_assert_int_lt(recv(w.client, got, 6, MSG_DONTWAIT), 0);
	handover_close_fds(&in);
	close(channel);
	ck_assert_int_eq(recv(w.client, got, 6, MSG_WAITALL), 6);
	ck_assert_str_eq(got, "there!");
	ck_assert_int_eq(recv(w.backend, got, 6, MSG_WAITALL), 6);
	ck_assert_str_eq(got, "there?");
	must_end_there(w.client, w.backend);
	must_end_there(w.backend, w.client);
	must_end(&first);
	must_have(0);
	must_log("101 10 11 /ws?a chat web 1 -- - asked answered "
	    "192.0.2.7\n");
}
END_TEST

/* It had sent it before. */
START_TEST(it_outlives_a_killed_giver)
{
	struct worker workers[2];
	struct handover in;
	int channel, fds[2], status;

	workers[0] = start_first(&channel);
	tell_to_leave(&workers[0]);
	ck_assert_int_eq(wait_for_offer(channel, &in), HANDOVER_GOT);
	channel_new(fds);
	ck_assert_int_eq(handover_send(fds[0], in.head, in.fds, 2), 0);
	handover_close_fds(&in);
	close(fds[0]);
	ck_assert_int_eq(kill(workers[0].pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(workers[0].pid, &status, 0),
	    workers[0].pid);
	segment_clear_gauges(0);
	workers[1] = start(1, w.reading.conf, -1, fds[1], -1);
	pass(w.client, w.backend, "who is there?");
	pass(w.backend, w.client, "somebody else");
	must_have(1);
	close(channel);
	must_end_there(w.client, w.backend);
	must_end_there(w.backend, w.client);
	leave(&workers[1]);
	must_log("101 17 18 /ws?a chat web 1 -- - asked answered "
	    "192.0.2.7\n");
}
END_TEST

/* Texts that do not fit the message are no reason to read behind it. */
START_TEST(a_message_of_other_lengths_is_refused)
{
	struct worker workers[2];
	struct handover in;
	struct handover_tunnel *m;
	int channel, fds[2];

	workers[0] = start_first(&channel);
	tell_to_leave(&workers[0]);
	ck_assert_int_eq(wait_for_offer(channel, &in), HANDOVER_GOT);
	m = (void *)(uintptr_t)in.head;
	m->route_len++;
	if (_i == 1)
		m->request_len--;	/* the sum is right, the texts are not */
	channel_new(fds);
	ck_assert_int_eq(handover_send(fds[0], in.head, in.fds, 2), 0);
	handover_close_fds(&in);
	close(channel);
	workers[1] = start(1, w.reading.conf, -1, fds[1], -1);
	ck_assert_int_eq(wait_for_offer(fds[0], &in), HANDOVER_GOT);
	ck_assert_uint_eq(in.head->kind, HANDOVER_REFUSED);
	pass(w.client, w.backend, "who is there?");
	must_end_there(w.client, w.backend);
	must_end_there(w.backend, w.client);
	must_end(&workers[0]);
	leave(&workers[1]);
	close(fds[0]);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("worker/tunnel");
	TCase *t = tcase_create("tunnel");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_tunnel_goes_on_and_ends_once);
	tcase_add_test(t, generations_keep_it);
	tcase_add_loop_test(t, half_of_a_tunnel_goes_on, 0, 2);
	tcase_add_test(t, it_stays_where_its_backend_is_known);
	tcase_add_test(t, it_comes_back_from_a_lost_heir);
	tcase_add_test(t, it_outlives_a_killed_giver);
	tcase_add_loop_test(t, a_message_of_other_lengths_is_refused, 0, 2);
	tcase_set_timeout(t, 20);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
