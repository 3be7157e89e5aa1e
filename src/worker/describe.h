/* src/worker/describe.h -- connections as messages, and back */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "http1/server.h"
#include "proxy/proxy.h"
#include "worker/handover.h"

/* Messages are valid until the next call. */
const struct handover_head *describe_connection(uint64_t id,
    const struct h1_server_rest *rest);
/* NULL: names or heads are longer than a message. */
const struct handover_head *describe_tunnel(uint64_t id,
    const struct h1_server_rest *rest, const struct proxy_tunnel *t);

/*
 * False: it is none, or of a version that we do not know. rest->settings is
 * left to the caller, who knows the address `listener`; spans of `t` are in
 * the message.
 */
bool describe_read(const struct handover *in, struct h1_server_rest *rest,
    struct address *listener);
bool describe_read_tunnel(const struct handover *in, struct proxy_tunnel *t);
/* Of the request and the response, in static memory; NULL: there is none. */
void describe_heads(const struct proxy_tunnel *t, struct http_head *heads[2]);
