/* src/http/stream.h -- one end of an exchange, whatever the version below */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/cidr.h"
#include "core/span.h"
#include "http/head.h"
#include "http/reason.h"

/*
 * Tunnels: a request whose head has `upgrade` set asks for one. A response
 * 101 agrees: FRAMING_TUNNEL. From there on on_body and send_body carry bytes
 * both ways, `end` is the end of one direction; the exchange is complete when
 * both have ended.
 */

/*
 * The second seam (interfaces.md): HTTP/1 server and client implement it, the
 * unit tests a third in memory; proxy/ sees only this.
 *
 * A server stream tells its sink of a request and is asked to send a response;
 * a client stream is asked to send a request and tells of a response. Events
 * come only from the loop, never from inside an operation: an operation that
 * fails at once reports by its return value SEND_FAILED and then also sends
 * on_reset from a deferred call.
 *
 * Life: a stream belongs to its codec. It is given to a sink (server: with
 * the first on_head; client: when leased) and is the sink's until
 *   - both directions have ended (all sent, all delivered): the codec takes
 *     it back when the sink calls release();
 *   - on_reset(): the stream is dead; the sink must call release() before it
 *     returns and not use it again;
 *   - the sink calls reset(): the same without an event.
 * After release() or reset() the sink must not touch the stream.
 *
 * Output is held back until the end of the current handler or until a buffer
 * is full, so that a head and the body behind it leave by one send.
 */
enum send_result {
	SEND_OK,	/* all taken */
	SEND_WAIT,	/* part taken, on_writable will come */
	SEND_FAILED,	/* the stream is dead, on_reset will come */
};

struct http_stream;
struct pipe;
struct upstream_timeouts;

struct http_stream_ops {
	/* 1xx (server streams). */
	enum send_result (*send_info)(struct http_stream *s,
	    const struct http_head *h);
	/* `end`: no body follows. Always takes all of the head. The framing
	 * of the body is h->framing, h->body_len. !h->is_keep_alive asks a
	 * server stream to end its connection behind this response. */
	enum send_result (*send_head)(struct http_stream *s,
	    const struct http_head *h, bool end);
	/* *taken may be less than data.len: back-pressure. `end` counts only
	 * when all was taken. */
	enum send_result (*send_body)(struct http_stream *s, struct span data,
	    bool end, size_t *taken);
	/* Can content come from a pipe (net/pipe.h), and then like send_body:
	 * *taken bytes have left it. NULL: never. */
	bool (*takes_pipe)(const struct http_stream *s);
	enum send_result (*send_pipe)(struct http_stream *s, struct pipe *p,
	    bool end, size_t *taken);
	/* The end of a body without a length, with these fields: in place of
	 * `end` above, when all of the body was taken. Takes all. */
	enum send_result (*send_trailers)(struct http_stream *s,
	    const struct http_head *t);
	/* Goes on delivering on_body, which pauses by taking less than it is
	 * given. */
	void (*resume)(struct http_stream *s);
	/* Server streams: the client has sent its end. It may still want an
	 * answer. NULL: never. */
	bool (*has_ended)(const struct http_stream *s);
	/* Abandons: server: cuts the connection, client: closes it. */
	void (*reset)(struct http_stream *s, enum reason why);
	/* The sink is done with it. A client stream whose exchange is complete
	 * goes back to its pool; a server stream takes the next request. What
	 * is incomplete is closed (server: after what was sent has left). */
	void (*release)(struct http_stream *s);
};

struct http_stream_events {
	/* Client streams: there is a connection now, it was not pooled. NULL:
	 * nobody asks. */
	void (*on_connect)(struct http_stream *s);
	void (*on_info)(struct http_stream *s, struct http_head *h);
	/* The sink may change h (drop fields, add extras): it is gone when the
	 * call returns, so are its spans. `end`: there is no body. */
	void (*on_head)(struct http_stream *s, struct http_head *h, bool end);
	/* Returns how much it took; the rest stays with the stream, which is
	 * then paused. `end` may come with data or with an empty span. */
	size_t (*on_body)(struct http_stream *s, struct span data, bool end);
	/* The same with content that lies in a pipe and stays unseen: only
	 * while takes_pipe() is true. NULL: never. */
	bool (*takes_pipe)(const struct http_stream *s);
	size_t (*on_pipe)(struct http_stream *s, struct pipe *p, bool end);
	/* The end of the body in place of `end`; t like h of on_head. */
	void (*on_trailers)(struct http_stream *s, struct http_head *t);
	/* Output that was refused (SEND_WAIT) can go on. */
	void (*on_writable)(struct http_stream *s);
	/* errno says more, or is 0. */
	void (*on_reset)(struct http_stream *s, enum reason why,
	    enum sent sent);
};

/* What receives events: embedded in the exchange, once for each side. */
struct http_sink {
	const struct http_stream_events *events;
};

struct http_stream {
	const struct http_stream_ops *ops;
	struct http_sink *sink;	/* NULL: nobody has it */
	union {
		/* Client streams: how long it waits. Whoever has leased it may
		 * point elsewhere before send_head(), until release(). */
		const struct upstream_timeouts *timeouts;
		/* Server streams: content that is taken; 0: any. The sink may
		 * change it in on_head(). */
		uint64_t body_limit;
	};
};

/* What a server stream knows of its client. */
struct http_peer {
	const struct address *client;
	uint16_t port;		/* of the listener */
	uint16_t listener;	/* its index */
	const struct cidrs *trusted;	/* its proxies; NULL: none */
	bool is_tls;
	uint64_t connection;	/* for the log, 1 and up in a process */
};

/*
 * Makes the sink for each request of a server stream: the proxy, the admin
 * pages, the test backend. Called just before the stream's on_head.
 */
struct http_service {
	struct http_sink *(*open)(struct http_service *service,
	    struct http_stream *s, const struct http_peer *peer);
	/* A request that was refused before it was one; NULL: nobody asks. */
	void (*on_refused)(struct http_service *service,
	    const struct http_peer *peer, enum reason why);
};
