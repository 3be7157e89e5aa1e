/* t/unit/http1/wire_test.c -- chunks through sockets that are full */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/random.h"
#include "event/loop.h"
#include "http1/body.h"
#include "support/unit.h"

#define MUCH (4u << 20)

static struct wire wire;
static int peer;
static char got[2 * MUCH];
static size_t n_got;
static unsigned n_runs;

static void
on_event(struct io *io UNUSED, uint32_t events UNUSED)
{
}

static void
on_run(struct wire *w UNUSED)
{
	n_runs++;
}

static void
setup(void)
{
	int fds[2];

	ck_assert_int_eq(loop_init(), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	wire_module_init();
	conn_init_plain(&wire.conn, fds[0], on_event);
	wire_init(&wire, on_run);
	peer = fds[1];
	n_got = 0;
	n_runs = 0;
}

static void
teardown(void)
{
	wire_close(&wire);
	close(peer);
	loop_fini();
}

static void
drain(void)
{
	ssize_t n;

	while ((n = read(peer, got + n_got, sizeof(got) - n_got)) > 0)
		n_got += (size_t)n;
}

/* Everything that waits leaves, a buffer at a time. */
static void
drain_all(void)
{
	do
		drain();
	while (!wire_writable(&wire));
	drain();
}

/* Takes the chunks off and compares with `n` bytes; what is behind them. */
static const char *
check_content(const char *want, size_t n)
{
	struct http_head h = { .framing = FRAMING_CHUNKED };
	struct body b;
	struct span data;
	size_t at = 0, len = 0, skip;
	bool end = false;

	body_begin(&b, &h, 0);
	while (!end && body_next(&b, span_of(got + at, n_got - at), &skip,
	    &data, &end) == BODY_DATA) {
		ck_assert_uint_le(len + data.len, n);
		ck_assert_mem_eq(want + len, data.ptr, data.len);
		len += data.len;
		at += skip + data.len + body_took(&b, data.len, end);
		skip = 0;
	}
	ck_assert_uint_eq(len, n);
	at += skip;
	ck_assert_uint_le(at, n_got);
	got[n_got] = '\0';
	return got + at;
}

static const char *
bytes(void)
{
	static char some[MUCH];

	for (size_t i = 0; i < sizeof(some); i++)
		some[i] = (char)random_u64();
	return some;
}

/* As much at a time as is taken, of pieces of any size. */
START_TEST(chunks_through_a_full_socket)
{
	const char *some = bytes();
	uint64_t left = 0;
	size_t at = 0, taken;
	unsigned waits = 0;

	while (at < MUCH) {
		size_t n = 1 + (size_t)random_below(_i == 0 ? 100 : 100000);
		bool end;

		if (n < left)
			n = left;	/* the promise */
		if (n > MUCH - at)
			n = MUCH - at;
		end = at + n == MUCH;
		wire_enter();
		switch (chunked_send(&wire, &left, span_of(some + at, n), end,
		    &taken)) {
		case SEND_OK:
			ck_assert_uint_eq(taken, n);
			break;
		case SEND_WAIT:
			ck_assert(wire.is_blocked);
			wire.is_blocked = false;
			waits++;
			break;
		case SEND_FAILED:
			ck_abort_msg("it has failed");
		}
		at += taken;
		wire_leave();
		if (waits > 0 || random_below(50) == 0)
			drain_all();
	}
	drain_all();
	ck_assert_uint_gt(waits, 0);
	ck_assert_str_eq(check_content(some, MUCH), "");
}
END_TEST

/* In one handler, all but 9,108 and 2 bytes of the buffer: what comes behind
 * has to make room. */
/* What is borrowed is lost with the end of it: it is overwritten here. */
START_TEST(borrowed_pieces)
{
	static char lent[128 << 10];
	const char *some = bytes();
	uint64_t left = 0;
	size_t at = 0, taken;

	while (at < MUCH) {
		size_t begin = at, len = 1 + (size_t)random_below(sizeof(lent));
		enum send_result result = SEND_OK;

		if (len > MUCH - at)
			len = MUCH - at;
		memcpy(lent, some + at, len);
		wire_enter();
		wire_borrow_begin();
		while (result == SEND_OK && at < begin + len) {
			size_t n = 1 + (size_t)random_below(_i == 0 ? 600 :
			    30000);

			if (n < left)
				n = left;
			if (n > begin + len - at)
				n = begin + len - at;
			result = chunked_send(&wire, &left, span_of(lent +
			    (at - begin), n), at + n == MUCH, &taken);
			at += taken;
		}
		wire_borrow_end();
		memset(lent, '!', len);
		wire_leave();
		ck_assert(result != SEND_FAILED && !wire.has_failed);
		wire.is_blocked = false;
		if (result == SEND_WAIT || random_below(3) == 0)
			drain_all();
	}
	drain_all();
	ck_assert_str_eq(check_content(some, MUCH), "");
}
END_TEST

START_TEST(more_than_is_gathered)
{
	static char text[60000];
	const char *some = bytes();
	struct http_field field = { .name = 0, .name_len = 1, .value = 3,
		.value_len = sizeof(text) - 5 };
	struct http_head t = { .base = text, .fields = &field, .n_fields = 1,
		.is_raw = true, .fields_end = sizeof(text),
		.size = sizeof(text) };
	uint64_t left = 0;
	size_t taken, n = 0;

	memset(text, 'v', sizeof(text));
	memcpy(text, "A: ", 3);
	memcpy(text + sizeof(text) - 2, "\r\n", 2);
	wire_enter();
	while (n < (_i == 0 ? 125000u : 131050u) && chunked_send(&wire, &left,
	    span_of(some + n, 10), false, &taken) == SEND_OK)
		n += 10;
	ck_assert_uint_ge(n, 125000);
	if (_i == 1) {
		ck_assert_int_eq(chunked_send(&wire, &left,
		    span_of(some + n, 25), false, &taken), SEND_OK);
		n += 25;
	}
	if (_i == 0)
		ck_assert(chunked_send_trailers(&wire, &t));
	else
		ck_assert_int_eq(chunked_send(&wire, &left, span_of(NULL, 0),
		    true, &taken), SEND_OK);
	wire_leave();
	drain_all();
	ck_assert(!wire.has_failed);
	if (_i == 0)
		ck_assert_uint_eq(strlen(check_content(some, n)),
		    sizeof(text) + 2);
	else
		ck_assert_str_eq(check_content(some, n), "");
}
END_TEST

/* FIN comes behind what waits. */
START_TEST(the_end_is_behind_all)
{
	const char *some = bytes();
	size_t taken;
	char byte;

	while (wire_send(&wire, span_of(some, 65536), false, &taken) ==
	    SEND_OK)
		;
	wire_enter();
	memcpy(wire_room(&wire, 4), "last", 4);
	wire_added(&wire, 4);
	wire_leave();
	wire_shut(&wire);
	drain_all();
	ck_assert_mem_eq(got + n_got - 4, "last", 4);
	ck_assert_int_eq(read(peer, &byte, 1), 0);
}
END_TEST

START_TEST(a_peer_that_has_gone)
{
	const char *some = bytes();
	uint64_t left = 0;
	size_t taken;

	close(peer);
	peer = dup(STDIN_FILENO);
	wire_enter();
	ck_assert_int_eq(chunked_send(&wire, &left, span_of(some, 50000), true,
	    &taken), SEND_FAILED);
	wire_leave();
	ck_assert(wire.has_failed);
	ck_assert_int_eq(chunked_send(&wire, &left, span_of(some, 5), true,
	    &taken), SEND_FAILED);
	ck_assert_int_eq(chunked_send(&wire, &left, span_of(NULL, 0), true,
	    &taken), SEND_FAILED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1/wire");
	TCase *t = tcase_create("wire");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, chunks_through_a_full_socket, 0, 2);
	tcase_add_loop_test(t, borrowed_pieces, 0, 2);
	tcase_add_loop_test(t, more_than_is_gathered, 0, 2);
	tcase_add_test(t, the_end_is_behind_all);
	tcase_add_test(t, a_peer_that_has_gone);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
