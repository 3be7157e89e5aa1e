/* src/dns/resolve.h -- names of backends become addresses, once, at start */
#pragma once
#include <stdint.h>

struct conf;

/*
 * Resolves the backends that have a name instead of an address (their
 * address.len is 0), `timeout_ms` for all of them together. A name expands to
 * one backend per address, in a new array in the conf's arena. What does not
 * resolve keeps address.len 0 and is logged as a warning: never an error.
 *
 * getaddrinfo(3) blocks without bound and loads code by nsswitch.conf, so it
 * runs in forked helpers, which are killed when the time is up; what they had
 * found by then is kept. Call it before there are threads. The helpers are
 * reaped here: a SIGCHLD may be left behind.
 */
void resolve_backends(struct conf *conf, uint32_t timeout_ms);
