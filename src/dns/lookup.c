/* src/dns/lookup.c -- one question to the name servers, on the loop */
#include "dns/lookup.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/memory.h"
#include "event/loop.h"

#define SOCKETS_MOST	32	/* of one question; more are not heard */
#define TRIES		3
/* A try's share of the time: 1, 2 and 2 of 5 s with one server. */
#define TRY_SHARE	5

/* One of c-ares's sockets. */
struct line {
	struct io io;
	struct lookup *lookup;
};

/* A host that serves: the question's own, or one of an SRV record. */
struct record {
	struct lookup *lookup;
	char host[NS_MAXDNAME];
	uint16_t port, weight, priority;
};

struct lookup {
	struct lookup_owner *owner;
	struct question question;
	ares_channel channel;		/* NULL: it could not be made */
	struct line lines[SOCKETS_MOST];
	struct timer timer;		/* c-ares's next one, or the deadline */
	uint64_t deadline_ms;
	struct deferred end;
	bool is_over;			/* `end` is deferred */
	unsigned pending;		/* parts of the question */
	struct record *records;
	size_t n_records;
	struct answers answers;
};

/* ---- answers */

static int
compare_numbers(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int
compare_hosts(const struct address *a, const struct address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return a->sa.sa_family == AF_INET ? -1 : 1;
	if (a->sa.sa_family == AF_INET)
		return memcmp(&a->in.sin_addr, &b->in.sin_addr,
		    sizeof(a->in.sin_addr));
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
	    sizeof(a->in6.sin6_addr));
}

static int
compare_answers(const struct answer *a, const struct answer *b)
{
	int order = compare_numbers(a->priority, b->priority);

	if (order == 0)
		order = compare_hosts(&a->address, &b->address);
	return order != 0 ? order : compare_numbers(
	    address_port(&a->address), address_port(&b->address));
}

static size_t
find_address(const struct answers *a, const struct address *address)
{
	size_t i = 0;

	while (i < a->n && !address_equal(&a->all[i].address, address))
		i++;
	return i;
}

static void
remove_answer(struct answers *a, size_t i)
{
	a->n--;
	memmove(&a->all[i], &a->all[i + 1],
	    (a->n - i) * sizeof(*a->all));
}

/* In its place; of one address the better priority stays, and of too many
 * answers the first. */
static void
add_answer(struct answers *a, const struct answer *new)
{
	size_t same = find_address(a, &new->address), at = 0;

	if (same < a->n) {
		if (compare_answers(&a->all[same], new) <= 0)
			return;
		remove_answer(a, same);
	}
	while (at < a->n && compare_answers(&a->all[at], new) < 0)
		at++;
	if (at == ANSWERS_MOST)
		return;
	if (a->n == ANSWERS_MOST)
		a->n--;
	memmove(&a->all[at + 1], &a->all[at], (a->n - at) * sizeof(*a->all));
	a->all[at] = *new;
	a->n++;
}

/* Does the machine know a way there? Sends nothing. */
static bool
has_route(const struct address *a)
{
	int fd;
	bool has;

	if (a->sa.sa_family != AF_INET6)
		return true;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	has = connect(fd, &a->sa, a->len) == 0;
	(void)close(fd);
	return has;
}

/* Addresses of IPv6 on a machine without it, if there are others. */
static void
drop_unreachable(struct answers *a)
{
	bool has[ANSWERS_MOST];
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += has[i] = has_route(&a->all[i].address);
	for (size_t i = a->n; n > 0 && i-- > 0;)
		if (!has[i])
			remove_answer(a, i);
}

/* RFC 2181 8: with the highest bit set it is 0. */
static void
note_ttl(struct answers *a, uint32_t ttl_s)
{
	if (ttl_s > INT32_MAX)
		ttl_s = 0;
	if (ttl_s < a->ttl_s)
		a->ttl_s = ttl_s;
}

/* ---- the way to the end */

static void
finish(struct lookup *l)
{
	if (l->is_over)
		return;
	l->is_over = true;
	loop_defer(&l->end);
}

static void
part_ended(struct lookup *l)
{
	if (--l->pending == 0)
		finish(l);
}

/* That there is no such thing is an answer, too. */
static void
note_failure(struct lookup *l, int status)
{
	l->answers.why = ares_strerror(status);
	if (status != ARES_ENOTFOUND && status != ARES_ENODATA)
		l->answers.is_whole = false;
}

static void
lookup_free(struct lookup *l)
{
	l->is_over = true;	/* c-ares still calls for what is under way */
	if (l->channel != NULL)
		ares_destroy(l->channel);
	loop_undefer(&l->end);
	loop_timer_fini(&l->timer);
	free(l->records);
	free(l);
}

static void
on_end(struct deferred *d)
{
	struct lookup *l = container_of(d, struct lookup, end);
	struct answers *a = &l->answers;

	drop_unreachable(a);
	if (a->n > 0 && a->is_whole)
		a->why = NULL;
	else if (a->why == NULL)
		a->why = "it has no address";
	l->owner->on_answers(l->owner, a);
	lookup_free(l);
}

/* ---- what c-ares tells us */

static void
take_node(struct record *r, const struct ares_addrinfo_node *node)
{
	struct answer new = { .weight = r->weight, .priority = r->priority };

	if (node->ai_addrlen > sizeof(new.address.in6))
		return;
	new.address.len = node->ai_addrlen;
	memcpy(&new.address.sa, node->ai_addr, node->ai_addrlen);
	if (node->ai_family == AF_INET)
		new.address.in.sin_port = htons(r->port);
	else if (node->ai_family == AF_INET6)
		new.address.in6.sin6_port = htons(r->port);
	else
		return;
	note_ttl(&r->lookup->answers, (uint32_t)node->ai_ttl);
	add_answer(&r->lookup->answers, &new);
}

static void
take_addresses(struct record *r, const struct ares_addrinfo *found)
{
	const struct ares_addrinfo_cname *c;
	const struct ares_addrinfo_node *n;

	for (n = found->nodes; n != NULL; n = n->ai_next)
		take_node(r, n);
	for (c = found->cnames; c != NULL; c = c->next)
		note_ttl(&r->lookup->answers, (uint32_t)c->ttl);
}

static void
on_addresses(void *arg, int status, int timeouts UNUSED,
    struct ares_addrinfo *found)
{
	struct record *r = arg;

	if (!r->lookup->is_over) {
		if (status == ARES_SUCCESS)
			take_addresses(r, found);
		else
			note_failure(r->lookup, status);
		part_ended(r->lookup);
	}
	if (found != NULL)
		ares_freeaddrinfo(found);
}

static void
ask_addresses(struct record *r)
{
	struct ares_addrinfo_hints hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT,
	};

	r->lookup->pending++;
	ares_getaddrinfo(r->lookup->channel, r->host, NULL, &hints,
	    on_addresses, r);
}

/* RFC 2782: priority, weight, port, target; "." is no host at all. */
static void
take_srv(struct lookup *l, const ns_msg *m, const ns_rr *rr)
{
	struct record *r = &l->records[l->n_records];
	const unsigned char *data = ns_rr_rdata(*rr);

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_rdlen(*rr) < 7 ||
	    dn_expand(ns_msg_base(*m), ns_msg_end(*m), data + 6, r->host,
	    sizeof(r->host)) < 0 || r->host[0] == '\0')
		return;
	r->lookup = l;
	r->priority = (uint16_t)ns_get16(data);
	r->weight = (uint16_t)ns_get16(data + 2);
	if (r->weight == 0)
		r->weight = 1;	/* a small share; here 0 is none */
	r->port = (uint16_t)ns_get16(data + 4);
	if (r->port != 0)
		l->n_records++;
}

/* c-ares has a parser, too; its records come without a TTL. */
static void
take_message(struct lookup *l, const unsigned char *message, int len)
{
	ns_msg m;
	ns_rr rr;

	if (ns_initparse(message, len, &m) < 0) {
		note_failure(l, ARES_EBADRESP);
		return;
	}
	l->records = xcalloc(ANSWERS_MOST, sizeof(*l->records));
	for (int i = 0; i < ns_msg_count(m, ns_s_an) &&
	    l->n_records < ANSWERS_MOST; i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr) < 0) {
			note_failure(l, ARES_EBADRESP);
			return;
		}
		note_ttl(&l->answers, ns_rr_ttl(rr));
		take_srv(l, &m, &rr);
	}
}

static void
on_srv(void *arg, int status, int timeouts UNUSED, unsigned char *message,
    int len)
{
	struct lookup *l = arg;

	if (l->is_over)
		return;
	if (status == ARES_SUCCESS)
		take_message(l, message, len);
	else
		note_failure(l, status);
	for (size_t i = 0; i < l->n_records; i++)
		ask_addresses(&l->records[i]);
	part_ended(l);
}

/* ---- sockets and time */

static void
arm(struct lookup *l)
{
	struct timeval time, *t = ares_timeout(l->channel, NULL, &time);
	uint64_t next = l->deadline_ms;

	if (t != NULL && clock_now_ms + (uint64_t)t->tv_sec * 1000 +
	    (uint64_t)t->tv_usec / 1000 + 1 < next)
		next = clock_now_ms + (uint64_t)t->tv_sec * 1000 +
		    (uint64_t)t->tv_usec / 1000 + 1;
	loop_timer_set(&l->timer, next);
}

static void
on_line(struct io *io, uint32_t events)
{
	struct lookup *l = container_of(io, struct line, io)->lookup;
	bool has_failed = (events & (EPOLLERR | EPOLLHUP)) != 0;

	ares_process_fd(l->channel,
	    has_failed || (events & EPOLLIN) ? io->fd : ARES_SOCKET_BAD,
	    has_failed || (events & EPOLLOUT) ? io->fd : ARES_SOCKET_BAD);
	arm(l);
}

static struct line *
find_line(struct lookup *l, int fd)
{
	for (size_t i = 0; i < SOCKETS_MOST; i++)
		if (l->lines[i].io.fd == fd)
			return &l->lines[i];
	return NULL;
}

/* Level triggered: c-ares may leave bytes behind. One that cannot be
 * registered is not heard; the time runs on. */
static void
on_socket(void *arg, ares_socket_t fd, int is_read, int is_written)
{
	struct lookup *l = arg;
	struct line *line = find_line(l, fd);
	uint32_t events = 0;

	if (line == NULL)
		line = find_line(l, -1);
	if (line == NULL)
		return;
	events |= is_read ? EPOLLIN : 0u;
	events |= is_written ? EPOLLOUT : 0u;
	io_remove(&line->io);
	line->io.fd = events != 0 ? fd : -1;
	if (events != 0)
		(void)io_register(&line->io, events);
}

static void
on_timer(struct timer *t)
{
	struct lookup *l = container_of(t, struct lookup, timer);

	if (l->is_over)
		return;
	if (clock_now_ms >= l->deadline_ms) {
		note_failure(l, ARES_ETIMEOUT);
		finish(l);
		return;
	}
	ares_process_fd(l->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(l);
}

/* ---- starting */

static int
set_servers(struct lookup *l, const struct resolver_conf *r)
{
	struct ares_addr_port_node *nodes;
	int status;

	if (r->n_servers == 0)
		return ARES_SUCCESS;
	nodes = xcalloc(r->n_servers, sizeof(*nodes));
	for (size_t i = 0; i < r->n_servers; i++) {
		const struct address *a = &r->servers[i];

		nodes[i].next = i + 1 < r->n_servers ? &nodes[i + 1] : NULL;
		nodes[i].family = a->sa.sa_family;
		nodes[i].udp_port = nodes[i].tcp_port = address_port(a);
		if (a->sa.sa_family == AF_INET)
			memcpy(&nodes[i].addr.addr4, &a->in.sin_addr,
			    sizeof(a->in.sin_addr));
		else
			memcpy(&nodes[i].addr.addr6, &a->in6.sin6_addr,
			    sizeof(a->in6.sin6_addr));
	}
	status = ares_set_servers_ports(l->channel, nodes);
	free(nodes);
	return status;
}

static int
open_channel(struct lookup *l, const struct resolver_conf *r)
{
	struct ares_options o = {
		.timeout = (int)(r->timeout_ms / TRY_SHARE) + 1,
		.tries = TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = l,
	};
	int status = ares_init_options(&l->channel, &o, ARES_OPT_TIMEOUTMS |
	    ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

	return status != ARES_SUCCESS ? status : set_servers(l, r);
}

static void
ask(struct lookup *l)
{
	const struct question *q = &l->question;
	struct record *own;

	if (q->is_srv) {
		l->pending++;
		ares_search(l->channel, q->host, ns_c_in, ns_t_srv, on_srv, l);
		return;
	}
	own = l->records = xnew(struct record);
	own->lookup = l;
	own->port = q->port;
	(void)strncpy(own->host, q->host, sizeof(own->host) - 1);
	ask_addresses(own);
}

static struct lookup *
lookup_new(const struct resolver_conf *r, const struct question *q,
    struct lookup_owner *owner)
{
	struct lookup *l = xnew(struct lookup);

	l->owner = owner;
	l->question = *q;
	l->deadline_ms = clock_now_ms + r->timeout_ms;
	l->answers.ttl_s = UINT32_MAX;
	l->answers.is_whole = true;
	deferred_init(&l->end, on_end);
	timer_init(&l->timer, on_timer);
	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		io_init(&l->lines[i].io, -1, on_line);
		l->lines[i].lookup = l;
	}
	return l;
}

struct lookup *
lookup_start(const struct resolver_conf *r, const struct question *q,
    struct lookup_owner *owner)
{
	struct lookup *l = lookup_new(r, q, owner);
	int status = open_channel(l, r);

	if (status != ARES_SUCCESS) {
		note_failure(l, status);
		finish(l);
		return l;
	}
	l->pending = 1;		/* not over before all is asked */
	ask(l);
	part_ended(l);
	if (!l->is_over)
		arm(l);
	return l;
}

void
lookup_cancel(struct lookup **l)
{
	if (*l != NULL)
		lookup_free(*l);
	*l = NULL;
}
