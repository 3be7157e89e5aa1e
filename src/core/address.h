/* src/core/address.h -- socket addresses: parse, compare, print */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/span.h"

struct address {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

#define ADDRESS_TEXT_MAX 128	/* with port, brackets and NUL */

/*
 * A numeric "1.2.3.4:80", "[::1]:80", "*:80" (IPv6 any, both families) or
 * "unix:/path". False if it is none (names are not resolved here).
 */
bool address_parse(struct address *a, struct span text);

/* A numeric host without port, brackets optional for IPv6. */
bool address_parse_host(struct address *a, struct span host, uint16_t port);

/* "1.2.3.4:80", "[::1]:80", "unix:/path"; returns the length without NUL. */
size_t address_print(const struct address *a, char out[ADDRESS_TEXT_MAX]);

/*
 * The address alone ("1.2.3.4", "::1", "unix:"): hot, IPv4 by table. Returns
 * the length; IPv4-mapped IPv6 prints as IPv4. Not NUL-terminated.
 */
size_t address_print_host(const struct address *a, char out[ADDRESS_TEXT_MAX]);

/* Of AF_INET or AF_INET6, from its bytes in network order. */
void address_set(struct address *a, sa_family_t family, const void *ip,
    uint16_t port);
uint16_t address_port(const struct address *a);	/* 0 for unix */
bool address_equal(const struct address *a, const struct address *b);
