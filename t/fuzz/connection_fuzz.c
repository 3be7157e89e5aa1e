/* t/fuzz/connection_fuzz.c -- a client, fairlead and its backends, scripted */
#include <stdint.h>

#include "memory_net.h"

#include "conf/conf.h"
#include "core/log.h"
#include "core/stash.h"
#include "exchanges.h"
#include "http1/parse.h"
#include "http1/server.h"
#include "net/pipe.h"
#include "proc/register.h"
#include "proxy/proxy.h"
#include "shm/segment.h"
#include "upstream/upstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/*
 * The input is a script. Two bytes say how: pieces of at most so many bytes
 * ('@': whole), and the flags below. What follows is what the client says, up
 * to the first of these bytes:
 */
enum {
	CLIENT = 0x01,		/* the client goes on, with what follows */
	ORIGIN = 0x02,		/* a backend speaks, on its latest connection;
				 * if none is open, the next one finds it */
	CLIENT_END = 0x03,
	ORIGIN_END = 0x04,
	CLIENT_RESET = 0x05,
	ORIGIN_RESET = 0x06,
	WAIT = 0x07,		/* a second */
	CONNECT = 0x08,		/* the next one: fails as the next byte says */
	CONNECTED = 0x0e,	/* what hangs succeeds */
	CLIENT_ROOM = 0x0f,	/* takes four times the next byte, or all (0) */
	ORIGIN_ROOM = 0x10,
	AGAIN = 0x11,		/* the last words, 16 times the next byte */
};

enum {
	FLAG_SHORT_READS = 0x01,
	FLAG_NO_RETRY = 0x02,
	FLAG_BODY_LIMIT = 0x04,
	FLAG_TWO_REQUESTS = 0x08,
	FLAG_SCALAR = 0x10,
	FLAG_PACE = 0x20,
};

#define BACKENDS	3
#define BODY_LIMIT	PLAIN_MAX
#define SAID_MAX	(160u << 10)	/* by AGAIN: more than a splice */
#define END_MS		200000	/* longer than any timeout */

static struct {
	struct conf conf;
	struct upstream_conf upstream_conf;
	struct backend_conf backend_conf[BACKENDS];
	struct upstream *upstreams;
	struct proxy proxy;
	struct h1_server_settings settings;
	struct address peer;
	struct link *client;
	bool is_calm;		/* nothing but words so far */
	struct span last;	/* words, and whose */
	unsigned who;
	size_t said;		/* by AGAIN */
	const char *fastest;	/* of the parsers */
} w;

static void
settings_init(void)
{
	w.settings = (struct h1_server_settings){
		.service = &w.proxy.service, .head_bytes = 1024,
		.field_count = 24, .head_timeout_ms = 2500,
		.body_timeout_ms = 3500, .keep_alive_ms = 4500,
		.send_timeout_ms = 2500, .tunnel_ms = 5500, .port = 80,
	};
	w.conf.limits.response_head = 1024;
	w.conf.limits.header_count = 24;
	w.upstream_conf.timeouts = (struct upstream_timeouts){
		.connect = 1500, .response_head = 3500, .between_bytes = 2500,
		.send = 3000,
	};
	w.upstream_conf.retry.when = RETRY_DEFAULT;
	w.upstream_conf.budget = BUDGET_OFF;
	w.upstream_conf.idle_ms = 5000;
	w.upstream_conf.pool_idle = 4;
	w.conf.max_hops = 10;
	w.conf.via = "fairlead";
}

/* Once: what a worker has before it listens. */
static void
world_init(void)
{
	log_open(-1, false);
	log_threshold = LOG_ALERT;
	settings_init();
	for (unsigned i = 0; i < BACKENDS; i++) {
		struct backend_conf *b = &w.backend_conf[i];

		b->host = "127.0.0.1";
		b->port = (uint16_t)(1001 + i);
		b->weight = 1;
		if (!address_parse_host(&b->address, SPAN("127.0.0.1"),
		    b->port))
			abort();
	}
	w.upstream_conf.name = "default";
	w.upstream_conf.backends = w.backend_conf;
	w.upstream_conf.n_backends = BACKENDS;
	w.conf.upstreams = &w.upstream_conf;
	w.conf.n_upstreams = 1;
	if (segment_create() < 0 || segment_register_conf(&w.conf) < 0 ||
	    !address_parse(&w.peer, SPAN("192.0.2.7:4711")))
		abort();
	shm_set(&segment_process(0)->state, SLOT_READY);
	w.upstreams = upstreams_new(&w.conf, 0, 1);
	proxy_init(&w.proxy, &w.conf, w.upstreams);
	h1_server_module_init();
	w.fastest = parse_variant_at(0);
}

/* Nothing is left of the input before. */
static void
world_begin(unsigned flags)
{
	if (w.fastest == NULL)
		world_init();
	net_begin(&w.proxy.requests);
	w.is_calm = true;
	w.last = span_of(NULL, 0);
	w.said = 0;
	w.proxy.requests = 0;
	w.upstream_conf.retry.attempts = flags & FLAG_NO_RETRY ? 0 : 2;
	w.settings.body_bytes = flags & FLAG_BODY_LIMIT ? BODY_LIMIT : 0;
	w.settings.min_rate = flags & FLAG_PACE ? 50 : 0;
	w.settings.requests = flags & FLAG_TWO_REQUESTS ? 2 : 0;
	if (flags & FLAG_SHORT_READS)
		net.most_read = 24;
	(void)parse_use(flags & FLAG_SCALAR ? "scalar" : w.fastest);
	for (unsigned i = 0; i < BACKENDS; i++)
		segment_backend_words(w.backend_conf[i].slot)->breaker = 0;
}

/* ---- the script */

/* The last that was opened and still listens. */
static struct link *
origin(void)
{
	for (unsigned i = net.n_links; i-- > 1;)
		if (link_hears(&net.links[i]))
			return &net.links[i];
	return NULL;
}

static void
say(unsigned who, struct span text, size_t piece)
{
	if (text.len > 0) {
		w.last = text;
		w.who = who;
	}
	while (text.len > 0) {
		struct span now = text;
		struct link *l = who == CLIENT ? w.client : origin();

		if (now.len > piece)
			now.len = piece;
		text = span_skip(text, now.len);
		if (l == NULL)
			bytes_add(&net.held, now.ptr, now.len);
		else
			net_say(l, now);
		net_rest();
	}
}

static void
say_again(unsigned times)
{
	static struct bytes all;
	struct span last = w.last;

	for (all.len = 0; times > 0 && w.said + last.len <= SAID_MAX; times--) {
		bytes_add(&all, last.ptr, last.len);
		w.said += last.len;
	}
	say(w.who, bytes_span(&all), SIZE_MAX);
	w.last = last;
}

static void
finish_connects(void)
{
	for (unsigned i = 1; i < net.n_links; i++)
		if (net.links[i].connect_error == EINPROGRESS) {
			net.links[i].connect_error = 0;
			net.links[i].has_edge = true;
		}
}

static int
connect_result(unsigned how)
{
	static const int errors[] = { ECONNREFUSED, ENOENT, EMFILE,
		EINPROGRESS };

	return errors[how % 4];
}

static size_t
room_of(unsigned n)
{
	return n == 0 ? NO_LIMIT : (size_t)n * 4;
}

static bool
is_mark(uint8_t c)
{
	return (c >= CLIENT && c <= CONNECT) ||
	    (c >= CONNECTED && c <= AGAIN);
}

/* What a mark does; `next` is the byte behind it. True: that was used. */
static bool
act(unsigned mark, unsigned next)
{
	if (mark == AGAIN) {
		say_again(next * 16);
		return true;
	}
	switch (mark) {
	case CLIENT_END:	net_end(w.client); break;
	case ORIGIN_END:	net_end(origin()); break;
	case CLIENT_RESET:	net_reset(w.client); break;
	case ORIGIN_RESET:	net_reset(origin()); break;
	case WAIT:		net_wait(1000); break;
	case CONNECTED:		finish_connects(); break;
	case CONNECT:		net.next_connect = connect_result(next); break;
	case CLIENT_ROOM:	net_room(w.client, room_of(next)); break;
	case ORIGIN_ROOM:	net_room(origin(), room_of(next)); break;
	default:		return false;
	}
	w.is_calm = false;
	net_rest();
	return mark == CONNECT || mark == CLIENT_ROOM || mark == ORIGIN_ROOM;
}

static void
play(const uint8_t *bytes, size_t len, size_t piece)
{
	unsigned who = CLIENT;
	size_t i = 0, begin;

	while (i < len) {
		for (begin = i; i < len && !is_mark(bytes[i]); i++)
			;
		say(who, span_of((const char *)bytes + begin, i - begin),
		    piece);
		if (i == len)
			return;
		if (bytes[i] == CLIENT || bytes[i] == ORIGIN)
			who = bytes[i];
		i += act(bytes[i], i + 1 < len ? bytes[i + 1] : 0) ? 2 : 1;
	}
}

static bool
is_any_open(void)
{
	for (unsigned i = 0; i < net.n_links; i++)
		if (net.links[i].conn != NULL)
			return true;
	return false;
}

static bool
has_timers(void)
{
	return wheel_wait_ms(&loop.wheel, clock_now_ms) >= 0;
}

/* Everybody hangs up, also those that are tried last; the rest has a timer. */
static void
hang_up(void)
{
	struct link *l;

	net_end(w.client);
	net_rest();
	for (unsigned i = 0; i < 8 && is_any_open(); i++) {
		while ((l = origin()) != NULL) {
			net_end(l);
			net_rest();
		}
		if (is_any_open())
			net_wait(END_MS / 8);
	}
	/* Idle pipes have one that must not go on into the next input. */
	for (unsigned i = 0; i < 8 && has_timers(); i++)
		net_wait(END_MS / 8);
}

static void
check_nothing_is_left(void)
{
	uint64_t in_flight = 0;

	for (unsigned i = 0; i < BACKENDS; i++)
		in_flight += segment_in_flight(w.backend_conf[i].slot);
	if (h1_server_connections() > 0)
		net_fail("a connection that does not end");
	for (unsigned i = 0; i < net.n_links; i++)
		if (net.links[i].conn != NULL)
			net_fail("a descriptor that is left open");
	if (w.proxy.n_active > 0 || in_flight > 0)
		net_fail("an exchange that does not end");
	if (pipes_in_use() > 0 || has_timers())
		net_fail("a pipe or a timer that is left");
	if (block_bytes_in_use() > 0)
		net_fail("memory that nobody gives back");
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t piece;

	if (len < 3 || len >= CHUNKS_MOST)
		return 0;
	piece = bytes[0] & 0x3f;
	world_begin(bytes[1]);
	w.client = link_new();
	h1_server_accept(link_fd(w.client), &w.peer, &w.settings);
	net_rest();
	play(bytes + 2, len - 2, piece == 0 ? SIZE_MAX : piece);
	hang_up();
	check_nothing_is_left();
	check_exchanges(w.client, w.upstream_conf.retry.attempts, w.is_calm);
	return 0;
}
