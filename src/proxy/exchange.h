/* src/proxy/exchange.h -- one request and its responses; folder's inside */
#pragma once
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/stash.h"
#include "event/loop.h"
#include "http/rules.h"
#include "http/stream.h"
#include "proxy/proxy.h"
#include "upstream/queue.h"
#include "upstream/upstream.h"

#define ATTEMPTS_MAX	8
#define REPLAY_MAX	(64u << 10)	/* content kept for another try */
#define HELD_MAX	(64u << 10)	/* content of a response kept back */
#define EXCHANGE_SIZE	704	/* of the slab's objects, kept head included */

/*
 * The states of the response; the request body only has to be all sent or not
 * (is_request_done). Each event below moves along this line or ends it.
 */
#define EXCHANGE_STATES(X)						\
	X(START,	"reading the request head")			\
	X(QUEUE,	"waiting for a connection")			\
	X(CONNECT,	"connecting to the backend")			\
	X(WAIT,		"waiting for the response head")		\
	X(HOLD,		"keeping a response back")			\
	X(RELAY,	"relaying the response")			\
	X(TUNNEL,	"relaying a tunnel")				\
	X(END,		"ending")

enum exchange_state {
#define X(id, doing) EXCHANGE_##id,
	EXCHANGE_STATES(X)
#undef X
};

/* An address without what makes it large. */
struct endpoint {
	struct in6_addr ip;		/* IPv4 in its first four bytes */
	uint16_t port;
	uint8_t family;
};

/*
 * What few exchanges have: deadlines (timeouts.try, timeouts.total), a place in
 * the queue of the upstream, and a response that is kept back because another
 * try may bring a better one.
 */
struct aside {
	struct timer timer;
	struct waiter waiter;
	uint32_t queue_us;		/* waited in all; 0: not */
	uint32_t queued_us;		/* of it before the wait under way */
	struct deferred push;
	struct exchange *exchange;
	uint64_t try_at, total_at;	/* CLOCK_MONOTONIC ms; 0: off */
	struct http_head head;
	void *block;			/* what holds it; NULL: no response */
	struct stash body;		/* of it, not sent yet */
	struct backend *backend;	/* that gave it */
	uint8_t block_class;
	bool is_whole;			/* its end is there */
};

struct exchange {
	struct http_sink client_sink, backend_sink;
	struct http_stream *client;	/* NULL once released */
	struct http_stream *attempt;	/* NULL between attempts */
	struct proxy *proxy;
	struct upstream *upstream;
	struct backend *backend;	/* of the current attempt */
	struct http_head *kept;		/* for another attempt; NULL: none */
	void *block;			/* what holds it if not our own tail */
	const struct retry_conf *retry;	/* of the route, or the upstream */
	struct aside *aside;		/* NULL: nothing is */
	struct stash replay;		/* content that an attempt has taken */
	uint32_t replayed;		/* of it by the current attempt */
	uint32_t cookies_len;
	struct backend *named;		/* by the client's cookie */
	char *cookies;			/* without ours; NULL: as they came */
	uint64_t bytes_in, bytes_out;
	uint32_t connected_us, head_us;	/* since then; 0: not reached */
	uint16_t status;		/* that the client got; 0: none yet */
	uint8_t why;			/* enum reason */
	uint8_t cookies_class;
	uint16_t listener_port, listener;
	const struct route_conf *route;	/* NULL: there are none */
	const struct target_conf *target;	/* of it; NULL: no route */
	const struct cidrs *trusted;	/* proxies; NULL: the peer is none */
	struct endpoint peer;		/* who is connected to us */
	struct endpoint from;		/* the client, behind the proxies */
	uint8_t block_class;
	uint8_t state;
	uint8_t n_attempts;
	uint8_t method, version;
	uint8_t media;			/* for error bodies */
	bool is_logged;			/* or is not to be */
	bool is_pooled;			/* the attempt's connection */
	bool has_key;
	bool is_trial;			/* of a breaker that is half open */
	bool is_request_done;
	bool is_response_done;		/* tunnels: the backend's direction */
	bool has_taken_body;		/* bytes that cannot be sent again */
	bool is_replaying;		/* `replay` comes before new content */
	bool has_retried_free;		/* a pooled connection was at fault */
	bool has_said_info;		/* the client has an interim head */
	uint8_t said_class;
	char *said;			/* account_response(); NULL: nothing */
	/* From here on nothing is cleared when an exchange begins. */
	uint64_t id, connection, start_ns;
	uint64_t leased_ns;		/* when the attempt began */
	uint64_t key;			/* of the strategy hash, if has_key */
	struct backend *tried[ATTEMPTS_MAX];
	alignas(16) char tail[];
};

/*
 * forward.c: heads as they leave us. Done anew for each attempt on the kept
 * head, so doing it twice must be the same as once. A reason: refuse.
 */
#define CHAIN_MAX 1024
#define ELEMENT_MAX 512
#define EDITS_ROOM 4096
struct forward_room {		/* memory for values that we add */
	char chain[CHAIN_MAX];		/* X-Forwarded-For */
	char element[ELEMENT_MAX];	/* ours of Forwarded */
	char forwarded[CHAIN_MAX];
	char edits[EDITS_ROOM];		/* values that the route has */
	char port[8];
	char hops[8];
};

/*
 * sticky.c: the cookie of a sticky upstream. Taken once from the request, which
 * then leaves without it; a response of another backend than it names gets a
 * new one.
 */
void sticky_take(struct exchange *x, const struct http_head *h);
void sticky_give(struct exchange *x);	/* inner */
static inline void
sticky_drop(struct exchange *x)		/* the memory */
{
	if (unlikely(x->cookies != NULL))
		sticky_give(x);
}
void sticky_request(const struct exchange *x, struct http_head *h);
void sticky_name(const struct exchange *x, struct http_head *h);  /* inner */
static inline void
sticky_response(const struct exchange *x, struct http_head *h)
{
	if (unlikely(x->backend->set_cookie != NULL))
		sticky_name(x, h);
}

/* key.c: of a request to an upstream with the strategy hash. */
void key_take(struct exchange *x, const struct http_head *h);

enum reason forward_request(const struct exchange *x, struct http_head *h,
    struct forward_room *room);
/* Max-Forwards of a TRACE or OPTIONS (RFC 9110 7.6.2); -1: there is none. */
/* RFC 9112 3.2.2: an absolute target takes origin form. */
void forward_target(struct http_head *h);
int forward_hops(const struct http_head *h);
enum reason forward_response(const struct exchange *x, struct http_head *h,
    struct forward_room *room);

/* exchange.c, for tunnel.c. NULL: the stream's sink is no exchange. */
struct exchange *exchange_of(const struct http_stream *client);
/* Lets go of both ends, and says nothing of it in the log. */
void exchange_forget(struct exchange *x);
/* One that no request begins: it has no sink, until exchange_lead(). */
struct exchange *exchange_new(struct proxy *p, struct http_stream *client,
    const struct http_peer *peer);
void exchange_keep_head(struct exchange *x, const struct http_head *h);
/* It is a tunnel, and both its ends are there. */
void exchange_lead(struct exchange *x, struct http_stream *attempt);

/* exchange.c: what routes look at, of a head in origin form; *q points to
 * *client and, for the path, to what holds until the next call. */
struct route_request;
void route_request_init(struct route_request *q, const struct exchange *x,
    const struct http_head *h, struct address *client);

/* rewrite.c: where a request of x->route goes, and the target it gets there. */
const struct target_conf *target_choose(const struct exchange *x,
    const struct http_head *h);
/* Valid within the event; an error: what came with the request is too long. */
enum reason target_rewrite(const struct exchange *x, struct http_head *h);

/*
 * expand.c: the text of a template for the request `h`; false: it does not
 * fit. *text lies in `room`.
 */
struct template;
bool expand(const struct template *t, const struct exchange *x,
    const struct http_head *h, char *room, size_t size, struct span *text);
/* The same once `response` is there, for templates of it. */
bool expand_late(const struct template *t, const struct exchange *x,
    const struct http_head *h, const struct http_head *response,
    char *room, size_t size, struct span *text);
/* The value of the first field of that name, also of one that is not passed
 * on; empty: there is none. */
struct span head_value(const struct http_head *h, struct span name);
/* NULL: more listeners than the configuration has (tests). */
const char *listener_name(const struct exchange *x,
    char text[ADDRESS_TEXT_MAX]);
/* As routes compare it; valid until the next call. */
struct span request_path(const struct http_head *h);
void endpoint_address(const struct endpoint *e, struct address *a);

/* trust.c: who the client is, behind the proxies that are trusted. */
void endpoint_set(struct endpoint *e, const struct address *a);
/* Who is connected to us, without the port; valid until the next call. */
struct span trust_print_peer(const struct exchange *x);
void trust_find_client(struct exchange *x, const struct http_head *h);
/*
 * What trusted proxies said in the fields `id` and `ours` behind it, in one
 * value; `ours` alone if nobody trusted said anything. If it gets too long,
 * X-Forwarded-For has the client and ours, Forwarded ours.
 */
struct span trust_chain(const struct exchange *x, const struct http_head *h,
    enum field_id id, char room[CHAIN_MAX], struct span ours);

/* retry.c: the column "safe to retry" of the table of failures. */
bool retry_is_safe(const struct exchange *x, enum reason why, enum sent sent);
/* On top of the attempts, on a fresh connection to the same backend. */
bool retry_is_free(const struct exchange *x, enum reason why);
/* Attempts, time and budget are left; takes of the latter. */
bool retry_take(struct exchange *x, enum reason why);
/* All of it: the attempt failed, and another is to be made. */
bool retry_is_due(struct exchange *x, enum reason why, enum sent sent);
/* The response `h` is one that another try is to better; no budget yet. */
bool retry_may_better(const struct exchange *x, const struct http_head *h);
/* The backend's own status is a failure of it. */
bool retry_is_charged(const struct exchange *x, unsigned status);

/* aside.c: x->aside comes with the first that is needed of it. */
void aside_module_init(void);
void aside_drop(struct exchange *x);	/* all of it */
bool aside_is_late(const struct exchange *x);	/* timeouts.total is over */
void aside_begin_try(struct exchange *x);	/* timeouts.try, from now on */
void aside_end_try(struct exchange *x);
/* False: the queue is full. Else exchange_turn() comes, unless it ends. */
bool aside_wait(struct exchange *x);
/* One response at a time; aside_keep_body: false if it gets too long. */
void aside_keep_head(struct exchange *x, const struct http_head *h);
bool aside_keep_body(struct exchange *x, struct span data);
/*
 * Has exchange_push_held() called when the event is over: a codec that
 * gathers the pieces of a body sends them from where they lie when it is, so
 * nothing that may go before that can be sent within it.
 */
void aside_push_later(struct exchange *x);
void aside_forget(struct exchange *x);
static inline bool
has_held(const struct exchange *x)
{
	return x->aside != NULL && x->aside->block != NULL;
}
/* exchange.c: from the loop, when the time has come. */
void exchange_try_is_over(struct exchange *x);
/* Out of the queue; false: no connection is free, back to its place. */
bool exchange_turn(struct exchange *x, bool is_over);
void exchange_total_is_over(struct exchange *x);
void exchange_push_held(struct exchange *x);

/* account.c: the times of an exchange, and its line in the access log. */
uint32_t account_us(const struct exchange *x);	/* since it began, 1 or more */
/* Copies what the log's template wants of a response head: it goes first. */
void account_response(struct exchange *x, const struct http_head *h);
/* Those fields as lines of a head, "Name: value" CR LF; the length. */
#define SAID_TEXT_MAX (32u << 10)
size_t account_print_response(const struct exchange *x,
    char out[SAID_TEXT_MAX]);
void account_drop(struct exchange *x);	/* that copy */
/* Writes the line, unless sampling leaves it out. NULL: an id is made. */
void account_end(struct exchange *x, const char *id);
