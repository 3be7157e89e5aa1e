/* src/core/address.c -- socket addresses: parse, compare, print */
#include "core/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/base.h"

static bool
parse_port(uint16_t *port, struct span text)
{
	unsigned value = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*port = (uint16_t)value;
	return value > 0 && value <= 65535;
}

static void
set_v4(struct address *a, uint16_t port)
{
	a->in.sin_family = AF_INET;
	a->in.sin_port = htons(port);
	a->len = sizeof(a->in);
}

static void
set_v6(struct address *a, uint16_t port)
{
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(port);
	a->len = sizeof(a->in6);
}

/* The C functions below would read no further than it. */
static bool
has_nul(struct span text)
{
	return memchr(text.ptr, '\0', text.len) != NULL;
}

bool
address_parse_host(struct address *a, struct span host, uint16_t port)
{
	bool is_bracketed = host.len >= 2 && host.ptr[0] == '[' &&
	    host.ptr[host.len - 1] == ']';
	char text[INET6_ADDRSTRLEN];

	memset(a, 0, sizeof(*a));
	if (is_bracketed)
		host = span_of(host.ptr + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof(text) || has_nul(host))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (!is_bracketed && inet_pton(AF_INET, text, &a->in.sin_addr) == 1)
		set_v4(a, port);
	else if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1)
		set_v6(a, port);
	else
		return false;
	return true;
}

static bool
parse_unix(struct address *a, struct span path)
{
	memset(a, 0, sizeof(*a));
	if (path.len == 0 || path.len >= sizeof(a->un.sun_path) ||
	    has_nul(path))
		return false;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path.ptr, path.len);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    path.len + 1);
	return true;
}

bool
address_parse(struct address *a, struct span text)
{
	struct span host;
	const char *colon;
	uint16_t port;

	if (text.len > 5 && memcmp(text.ptr, "unix:", 5) == 0)
		return parse_unix(a, span_skip(text, 5));
	colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
	if (colon == NULL)
		return false;
	host = span_of(text.ptr, (size_t)(colon - text.ptr));
	if (!parse_port(&port, span_skip(text, host.len + 1)))
		return false;
	if (span_equal(host, SPAN("*"))) {
		memset(a, 0, sizeof(*a));	/* in6addr_any */
		set_v6(a, port);
		return true;
	}
	if (!address_parse_host(a, host, port))
		return false;
	/* An IPv6 address with a port needs its brackets. */
	return a->sa.sa_family == AF_INET || host.ptr[0] == '[';
}

/* 0 to 255 without leading zeros; returns the end. */
static inline char *
put_octet(char *to, unsigned value)
{
	if (value >= 100)
		*to++ = (char)('0' + value / 100);
	if (value >= 10)
		*to++ = (char)('0' + value / 10 % 10);
	*to++ = (char)('0' + value % 10);
	return to;
}

static size_t
print_v4(const unsigned char *octets, char *out)
{
	char *to = out;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*to++ = '.';
		to = put_octet(to, octets[i]);
	}
	return (size_t)(to - out);
}

size_t
address_print_host(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	const unsigned char *bytes;

	if (likely(a->sa.sa_family == AF_INET))
		return print_v4((const unsigned char *)&a->in.sin_addr, out);
	if (a->sa.sa_family != AF_INET6) {
		memcpy(out, "unix:", 5);
		return 5;
	}
	bytes = a->in6.sin6_addr.s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return print_v4(bytes + 12, out);
	if (inet_ntop(AF_INET6, bytes, out, ADDRESS_TEXT_MAX) == NULL)
		return 0;
	return strlen(out);
}

size_t
address_print(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	char host[ADDRESS_TEXT_MAX];
	size_t len = address_print_host(a, host);
	bool is_bare_v6 = a->sa.sa_family == AF_INET6 &&
	    memchr(host, ':', len) != NULL;
	int n;

	if (a->sa.sa_family == AF_UNIX)
		n = snprintf(out, ADDRESS_TEXT_MAX, "unix:%.108s",
		    a->len > sizeof(sa_family_t) ? a->un.sun_path : "");
	else
		n = snprintf(out, ADDRESS_TEXT_MAX, is_bare_v6 ?
		    "[%.*s]:%u" : "%.*s:%u", (int)len, host, address_port(a));
	return n < 0 ? 0 : (size_t)n;
}

void
address_set(struct address *a, sa_family_t family, const void *ip,
    uint16_t port)
{
	if (family == AF_INET) {
		a->len = sizeof(a->in);
		memset(&a->in, 0, sizeof(a->in));
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		memcpy(&a->in.sin_addr, ip, sizeof(a->in.sin_addr));
	} else {
		a->len = sizeof(a->in6);
		memset(&a->in6, 0, sizeof(a->in6));
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		memcpy(&a->in6.sin6_addr, ip, sizeof(a->in6.sin6_addr));
	}
}

uint16_t
address_port(const struct address *a)
{
	if (a->sa.sa_family == AF_INET)
		return ntohs(a->in.sin_port);
	return a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		    a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	if (a->sa.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		    memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
	return a->len == b->len &&
	    strcmp(a->un.sun_path, b->un.sun_path) == 0;
}
