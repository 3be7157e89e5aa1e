/* src/http1/client.h -- HTTP/1 connections to backends (RFC 9112) */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "core/list.h"
#include "http/stream.h"

struct h1_client;
struct h1_client_owner;

/* Read-only, outlives the connections. */
struct h1_client_settings {
	uint32_t head_bytes, field_count;	/* of responses */
	struct upstream_timeouts timeouts;
	uint32_t idle_ms;
};

struct h1_client_owner_ops {
	/* An exchange is complete and the connection can be used again: true:
	 * the owner keeps it (h1_client_link), false: it will be closed. */
	bool (*on_idle)(struct h1_client_owner *o, struct h1_client *c);
	/* It is gone; `was_idle`: it was in the owner's keeping, which must
	 * unlink it. */
	void (*on_closed)(struct h1_client_owner *o, struct h1_client *c,
	    bool was_idle);
};

/* Who keeps idle connections: one for each backend. */
struct h1_client_owner {
	const struct h1_client_owner_ops *ops;
	const struct h1_client_settings *settings;
	/* Connections that were made under another number are closed when
	 * they are idle: they lead to where the owner no longer is. */
	uint32_t epoch;
};

void h1_client_module_init(void);	/* idempotent */

/*
 * Starts a connection; NULL with errno when that fails at once (see
 * conn_is_local_error). Requests can be sent right away: they wait.
 */
struct h1_client *h1_client_connect(struct h1_client_owner *o,
    const struct address *to);

/*
 * Hand-over of tunnels to another process, as in http1/server.h. The descriptor
 * of one that is at rest; -1: this is none.
 */
int h1_client_tunnel_at_rest(const struct http_stream *s);
/* From here on it is still, until it goes on or is released. */
void h1_client_hold(struct http_stream *s);
void h1_client_go_on(struct http_stream *s);
/* The other side. Give it a sink before the loop goes on. */
struct http_stream *h1_client_adopt_tunnel(struct h1_client_owner *o, int fd,
    bool client_has_ended, bool backend_has_ended);

/* The stream of a connection that is fresh or idle; give it a sink. */
struct http_stream *h1_client_stream(struct h1_client *c);
/* For the owner's list of idle connections. */
struct list *h1_client_link(struct h1_client *c);
struct h1_client *h1_client_of_link(struct list *link);
/* One MSG_PEEK on an idle one: still open and silent? */
bool h1_client_is_quiet(struct h1_client *c);
/* Closes an idle one; on_closed is not called. */
void h1_client_close(struct h1_client *c);
