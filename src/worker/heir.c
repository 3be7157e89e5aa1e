/* src/worker/heir.c -- a worker that leaves gives its connections to another */
#include "worker/heir.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/list.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http1/client.h"
#include "http1/server.h"
#include "net/listener.h"
#include "proxy/proxy.h"
#include "upstream/upstream.h"
#include "worker/describe.h"
#include "worker/handover.h"

#define WINDOW		64	/* not answered at a time, of a channel */
#define LOOK_MS		50	/* for what came to rest without a word */
#define BATCH		32	/* messages in one event */

struct given {
	uint64_t id;
	struct h1_server *connection;
	struct http_stream *tunnel, *attempt;	/* its ends; NULL: none */
};

/* One end of a channel. */
struct channel {
	struct io io;
	struct list link;
	bool is_heir;		/* giver: it gets what is at rest */
	size_t n_given;		/* not answered */
	struct given given[WINDOW];
};

static struct {
	struct list channels;	/* heirs: whoever got something last is last */
	size_t n_heirs, n_pending;
	uint64_t last_id;
	struct timer look, wait;
	const struct listener_set *listeners;
	const struct h1_server_settings *settings;
	struct proxy *proxy;
	bool is_ready;
} heir;

/* ---- channels */

static struct channel *
channel_new(int fd, io_handler *on_event)
{
	struct channel *c = xnew(struct channel);

	io_init(&c->io, fd, on_event);
	list_append(&heir.channels, &c->link);
	return c;
}

static void
channel_close(struct channel *c)
{
	list_remove(&c->link);
	io_remove(&c->io);
	io_close(&c->io);
	loop_free(c);
}

/* ---- giving */

static void
on_wait(struct timer *t UNUSED)
{
	h1_server_offer_to(NULL);
}

/* Whatever is in the way, the next look or answer tries again. */
static enum h1_server_offer
give(struct channel *c, struct given g, const struct handover_head *m,
    const int *fds)
{
	list_remove(&c->link);
	list_append(&heir.channels, &c->link);
	if (handover_send(c->io.fd, m, fds, g.tunnel == NULL ? 1 : 2) < 0)
		return OFFER_FULL;
	g.id = ++heir.last_id;
	c->given[c->n_given++] = g;
	heir.n_pending++;
	return OFFER_TAKEN;
}

/* Its other end may have something under way. */
static enum h1_server_offer
give_tunnel(struct channel *c, struct given g,
    const struct h1_server_rest *rest)
{
	const struct handover_head *m;
	struct proxy_tunnel t;
	int fds[2] = { rest->fd, -1 };
	enum h1_server_offer result;

	if (!proxy_describe_tunnel(rest->tunnel, &t, &g.attempt))
		return OFFER_LATER;
	fds[1] = h1_client_tunnel_at_rest(g.attempt);
	if (fds[1] < 0)
		return OFFER_LATER;
	g.tunnel = rest->tunnel;
	m = describe_tunnel(heir.last_id + 1, rest, &t);
	if (m == NULL)
		return OFFER_LATER;
	result = give(c, g, m, fds);
	if (result == OFFER_TAKEN)
		h1_client_hold(g.attempt);
	return result;
}

/* Whose turn it is; NULL: nobody has room. */
static struct channel *
next_heir(void)
{
	struct list *it, *after;

	list_each(it, after, &heir.channels) {
		struct channel *c = container_of(it, struct channel, link);

		if (c->is_heir && c->n_given < WINDOW)
			return c;
	}
	return NULL;
}

static enum h1_server_offer
on_offer(struct h1_server *s, const struct h1_server_rest *rest)
{
	struct channel *c = next_heir();
	struct given g = { .connection = s };

	if (c == NULL)
		return OFFER_FULL;
	if (rest->tunnel != NULL)
		return give_tunnel(c, g, rest);
	return give(c, g, describe_connection(heir.last_id + 1, rest),
	    &rest->fd);
}

static void
given(struct given g)
{
	if (g.tunnel != NULL)
		proxy_forget_tunnel(g.tunnel);
	h1_server_given(g.connection);
}

static void
take_back(struct given g, bool is_refused)
{
	if (g.tunnel != NULL)
		h1_client_go_on(g.attempt);
	h1_server_take_back(g.connection, is_refused);
}

/* False: it was not this channel's, or is answered. */
static bool
take_given(struct channel *c, uint64_t id, struct given *g)
{
	for (size_t i = 0; i < c->n_given; i++) {
		if (c->given[i].id != id)
			continue;
		*g = c->given[i];
		c->given[i] = c->given[--c->n_given];
		heir.n_pending--;
		return true;
	}
	return false;
}

/* What a later version may say beside that is no answer. */
static void
hear(struct channel *c, const struct handover_head *h)
{
	struct given g;

	if ((h->kind != HANDOVER_TAKEN && h->kind != HANDOVER_REFUSED) ||
	    !take_given(c, h->id, &g))
		return;
	if (h->kind == HANDOVER_TAKEN)
		given(g);
	else
		take_back(g, c->is_heir);
}

/* Nobody has what is not answered. */
static void
lose_heir(struct channel *c)
{
	if (c->n_given > 0)
		log_notice(NULL, "an heir is gone; %zu connections come back",
		    c->n_given);
	for (size_t i = 0; i < c->n_given; i++)
		take_back(c->given[i], false);
	heir.n_pending -= c->n_given;
	if (c->is_heir && --heir.n_heirs == 0)
		loop_timer_set(&heir.wait, clock_now_ms + HEIR_WAIT_MS);
	channel_close(c);
}

/* All there is: what is not answered then is not going to be. */
static void
on_answer(struct io *io, uint32_t events UNUSED)
{
	struct channel *c = container_of(io, struct channel, io);
	enum handover_result result;
	struct handover in;

	while ((result = handover_receive(io->fd, &in)) == HANDOVER_GOT) {
		handover_close_fds(&in);
		hear(c, in.head);
	}
	if (result == HANDOVER_GONE)
		lose_heir(c);
	else if (c->is_heir)
		h1_server_offer();
	else if (c->n_given == 0)
		channel_close(c);	/* others have its place */
}

static void
on_look(struct timer *t)
{
	h1_server_offer();
	if (heir.n_heirs > 0)
		loop_timer_set(t, clock_now_ms + LOOK_MS);
}

static void
heir_init(void)
{
	if (heir.is_ready)
		return;
	heir.is_ready = true;
	list_init(&heir.channels);
	timer_init(&heir.look, on_look);
	timer_init(&heir.wait, on_wait);
}

/* What they have not answered, they may. */
static void
leave_heirs(void)
{
	struct list *it, *after;

	list_each(it, after, &heir.channels) {
		struct channel *c = container_of(it, struct channel, link);

		if (!c->is_heir)
			continue;
		c->is_heir = false;
		if (c->n_given == 0)
			channel_close(c);
	}
	heir.n_heirs = 0;
	timer_stop(&heir.wait);
}

static void
add_heir(int fd)
{
	struct channel *c = channel_new(fd, on_answer);

	c->is_heir = true;
	heir.n_heirs++;
	if (io_register(&c->io, LOOP_LISTEN) == 0)
		return;
	log_write_errno(LOG_ERROR, NULL, "no channel to the heir");
	lose_heir(c);
}

void
heir_give_to(const int *channels, size_t n)
{
	heir_init();
	leave_heirs();
	h1_server_drain();
	h1_server_offer_to(n == 0 ? NULL : on_offer);
	for (size_t i = 0; i < n; i++)
		add_heir(channels[i]);
	on_look(&heir.look);
}

/* ---- taking */

static const struct h1_server_settings *
find_listener(const struct address *a)
{
	for (size_t i = 0; i < heir.listeners->n_addresses; i++)
		if (address_equal(a, &heir.listeners->addresses[i]))
			return &heir.settings[i];
	return NULL;
}

/* What a message offers, and what we have to go on with it. */
struct offered {
	struct h1_server_rest rest;
	bool is_tunnel;
	struct proxy_tunnel tunnel;
	struct backend *backend;
};

/* False: not by us. */
static bool
read_offer(struct offered *o, const struct handover *in)
{
	struct address listener;

	if (!describe_read(in, &o->rest, &listener))
		return false;
	o->rest.settings = find_listener(&listener);
	if (o->rest.settings == NULL)
		return false;
	o->is_tunnel = in->head->kind == HANDOVER_TUNNEL;
	if (!o->is_tunnel)
		return true;
	if (heir.proxy == NULL || !describe_read_tunnel(in, &o->tunnel))
		return false;
	o->backend = proxy_find_backend(heir.proxy, &o->tunnel);
	return o->backend != NULL;
}

static void
adopt_tunnel(const struct offered *o, int backend_fd)
{
	const struct proxy_tunnel *t = &o->tunnel;
	struct http_stream *ends[2];
	struct http_head *heads[2];
	struct http_peer peer;

	describe_heads(t, heads);
	ends[0] = h1_server_adopt_tunnel(&o->rest, t->client_has_ended,
	    t->backend_has_ended, &peer);
	ends[1] = backend_adopt(o->backend, backend_fd, t->client_has_ended,
	    t->backend_has_ended);
	proxy_adopt_tunnel(heir.proxy, t, o->backend, ends, &peer, heads);
}

/* ---- taking, the messages */

/* Whoever is not there to hear it will not go on with the connection. */
static bool
say(const struct channel *c, uint64_t id, bool is_taken)
{
	return handover_answer(c->io.fd, id, is_taken) == 0 || errno == EPIPE;
}

/* False: the answer cannot be said. The giver takes back what this channel
 * had when that is closed. */
static bool
take(const struct channel *c, struct handover *in)
{
	struct offered o;
	bool is_taken = read_offer(&o, in);
	bool has_backend = is_taken && o.is_tunnel;

	if (has_backend)
		backend_expect(o.backend);
	if (!say(c, in->head->id, is_taken)) {
		if (has_backend)
			backend_unexpect(o.backend);
		handover_close_fds(in);
		return false;
	}
	if (!is_taken)
		handover_close_fds(in);
	else if (o.is_tunnel)
		adopt_tunnel(&o, in->fds[1]);
	else
		h1_server_adopt(&o.rest);
	return true;
}

static void
on_offered(struct io *io, uint32_t events UNUSED)
{
	struct channel *c = container_of(io, struct channel, io);
	struct handover in;

	for (int i = 0; i < BATCH; i++) {
		enum handover_result result = handover_receive(io->fd, &in);

		if (result == HANDOVER_NOTHING)
			return;
		if (result != HANDOVER_GOT || !take(c, &in)) {
			channel_close(c);
			return;
		}
	}
}

void
heir_take_from(int fd, const struct listener_set *listeners,
    const struct h1_server_settings *settings, struct proxy *p)
{
	struct channel *c;

	heir_init();
	heir.listeners = listeners;
	heir.settings = settings;
	heir.proxy = p;
	c = channel_new(fd, on_offered);
	if (io_register(&c->io, LOOP_LISTEN) == 0)
		return;
	log_write_errno(LOG_ERROR, NULL, "no channel to a worker that leaves");
	channel_close(c);
}

/* ---- both */

size_t
heir_pending(void)
{
	return heir.n_pending;
}

static void
forget(struct channel *c)
{
	for (size_t i = 0; i < c->n_given; i++)
		given(c->given[i]);
	heir.n_pending -= c->n_given;
	channel_close(c);
}

void
heir_stop(void)
{
	struct list *it, *after;

	if (!heir.is_ready)
		return;
	loop_timer_fini(&heir.look);
	loop_timer_fini(&heir.wait);
	h1_server_offer_to(NULL);
	list_each(it, after, &heir.channels)
		forget(container_of(it, struct channel, link));
	heir.n_heirs = 0;
	heir.is_ready = false;
}
