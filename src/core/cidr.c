/* src/core/cidr.c -- networks: an address and how much of it counts */
#include "core/cidr.h"

#include <string.h>

static bool
to_in6(struct in6_addr *to, const struct address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->sa.sa_family == AF_INET6) {
		*to = a->in6.sin6_addr;
		return true;
	}
	if (a->sa.sa_family != AF_INET)
		return false;
	memcpy(to->s6_addr, mapped, sizeof(mapped));
	memcpy(to->s6_addr + 12, &a->in.sin_addr, 4);
	return true;
}

/* One to three digits without a leading zero. */
static bool
parse_bits(struct span text, unsigned most, unsigned *bits)
{
	*bits = 0;
	if (text.len == 0 || text.len > 3 ||
	    (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(text.ptr[i] - '0');
	}
	return *bits <= most;
}

/* Clears what is behind the prefix; true: there was something. */
static bool
clear_host_bits(struct cidr *c)
{
	uint8_t *byte = c->net.s6_addr, lost = 0;

	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = c->bits >= 8 * (i + 1) ? 8 :
		    c->bits > 8 * i ? c->bits - 8 * i : 0;
		uint8_t mask = (uint8_t)(0xff00 >> keep);

		lost |= (uint8_t)(byte[i] & ~mask);
		byte[i] &= mask;
	}
	return lost != 0;
}

bool
cidr_parse(struct cidr *c, struct span text, bool *has_host_bits)
{
	const char *slash = memchr(text.ptr, '/', text.len);
	struct span host = text;
	struct address a;
	unsigned most, bits;

	*has_host_bits = false;
	if (slash != NULL)
		host.len = (size_t)(slash - text.ptr);
	if (host.len == 0 || !address_parse_host(&a, host, 0) ||
	    !to_in6(&c->net, &a))
		return false;
	most = a.sa.sa_family == AF_INET ? 32 : 128;
	bits = most;
	if (slash != NULL &&
	    !parse_bits(span_skip(text, host.len + 1), most, &bits))
		return false;
	c->bits = (uint8_t)(128 - most + bits);
	*has_host_bits = clear_host_bits(c);
	return !*has_host_bits;
}

static bool
holds(const struct cidr *c, const struct in6_addr *a)
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (memcmp(c->net.s6_addr, a->s6_addr, whole) != 0)
		return false;
	return rest == 0 ||
	    ((c->net.s6_addr[whole] ^ a->s6_addr[whole]) >> (8 - rest)) == 0;
}

bool
cidr_covers(const struct cidr *a, const struct cidr *b)
{
	return a->bits <= b->bits && holds(a, &b->net);
}

bool
cidrs_hold(const struct cidrs *list, const struct address *a)
{
	struct in6_addr in6;

	if (list->n == 0 || !to_in6(&in6, a))
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (holds(&list->at[i], &in6))
			return true;
	return false;
}
