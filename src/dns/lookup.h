/* src/dns/lookup.h -- one question to the name servers, on the loop */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

struct resolver_conf;
struct lookup;

/*
 * Where a name leads, asked by c-ares, which does not block: its addresses
 * (/etc/hosts, then A and AAAA), or those of the hosts that its SRV records
 * name, with the port, weight and priority of the record (RFC 2782).
 *
 * A question has a c-ares channel of its own. So it goes by the
 * /etc/resolv.conf of the moment, leaves from ports of its own, and whatever
 * it has under way ends with it.
 */
struct question {
	const char *host;
	uint16_t port;		/* of the answers, but for SRV */
	bool is_srv;
};

#define ANSWERS_MOST	64	/* of one question; more are left out */

struct answer {
	struct address address;	/* with its port */
	uint16_t weight, priority;	/* of the SRV record; else 0 */
};

/* Sorted by priority, family, address and port; no address twice. */
struct answers {
	struct answer all[ANSWERS_MOST];
	size_t n;
	/* The shortest of all records that led here, aliases too. */
	uint32_t ttl_s;
	/* False: a part of the question got no answer, only an error or
	 * silence, so there may be more addresses than these. */
	bool is_whole;
	const char *why;	/* n is 0, or not whole: in words */
};

struct lookup_owner {
	/* Once, from a deferred call; the lookup is gone when it returns. */
	void (*on_answers)(struct lookup_owner *o, const struct answers *a);
};

/*
 * Needs the loop. The host's text and the configuration must outlive it. What
 * goes wrong, even here, arrives as answers with a `why`, after `timeout_ms`
 * at the latest.
 */
struct lookup *lookup_start(const struct resolver_conf *r,
    const struct question *q, struct lookup_owner *owner);
/* No answers will come. Clears; accepts NULL. Not from on_answers, and not
 * from a handler of a descriptor (event/loop.h). */
void lookup_cancel(struct lookup **l);
