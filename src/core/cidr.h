/* src/core/cidr.h -- networks: an address and how much of it counts */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/span.h"

/* All are IPv6 inside; IPv4 is mapped (RFC 4291 2.5.5.2). */
struct cidr {
	struct in6_addr net;
	uint8_t bits;		/* of 128 */
};

/* A list; nothing is owned. */
struct cidrs {
	const struct cidr *at;
	size_t n;
};

/*
 * "10.0.0.0/8", "2001:db8::/32", or an address alone. False if it is none, or
 * if bits behind the prefix are set ("10.0.0.1/8"): then *has_host_bits, and
 * `c` is the network that was probably meant.
 */
bool cidr_parse(struct cidr *c, struct span text, bool *has_host_bits);

/* Whether all of `b` is in `a`. */
bool cidr_covers(const struct cidr *a, const struct cidr *b);

/* IPv4, IPv6 and IPv4-mapped addresses; a Unix peer is in no network. */
bool cidrs_hold(const struct cidrs *list, const struct address *a);
