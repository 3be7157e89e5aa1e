/* src/worker/heir.c -- a worker that leaves gives its connections to another */
#include "worker/heir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/list.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"
#include "http1/server.h"
#include "net/listener.h"
#include "worker/handover.h"

#define WINDOW		64	/* not answered at a time, of a channel */
#define LOOK_MS		50	/* for what came to rest without a word */
#define BATCH		32	/* messages in one event */

struct given {
	uint64_t id;
	struct h1_server *connection;
};

/* One end of a channel. */
struct channel {
	struct io io;
	struct list link;
	struct deferred end;	/* of its memory: events may still look */
	size_t n_given;		/* giver: not answered */
	struct given given[WINDOW];
};

static struct {
	struct list channels;
	struct channel *to;	/* what is given goes there; NULL: nowhere */
	size_t n_pending;
	uint64_t last_id;
	struct timer look, wait;
	const struct listener_set *listeners;
	const struct h1_server_settings *settings;
	bool is_ready;
} heir;

/* ---- channels */

static void
on_end(struct deferred *d)
{
	free(container_of(d, struct channel, end));
}

static struct channel *
channel_new(int fd, io_handler *on_event)
{
	struct channel *c = xnew(struct channel);

	io_init(&c->io, fd, on_event);
	deferred_init(&c->end, on_end);
	list_append(&heir.channels, &c->link);
	return c;
}

static void
channel_close(struct channel *c)
{
	list_remove(&c->link);
	io_remove(&c->io);
	io_close(&c->io);
	loop_defer(&c->end);
}

/* ---- giving */

static void
on_wait(struct timer *t UNUSED)
{
	h1_server_offer_to(NULL);
}

static void
stop_giving(void)
{
	heir.to = NULL;
	loop_timer_fini(&heir.look);
}

static uint64_t
left_until(uint64_t at_ms)
{
	return at_ms > clock_now_ms ? at_ms - clock_now_ms : 0;
}

static void
describe(struct handover_connection *m, const struct h1_server_rest *rest)
{
	handover_put_address(&m->listener, rest->settings->address);
	handover_put_address(&m->client, &rest->client);
	m->age_left_ms = rest->end_ms == UINT64_MAX ? HANDOVER_NEVER :
	    left_until(rest->end_ms);
	m->wait_left_ms = left_until(rest->deadline_ms);
	m->requests = rest->requests;
}

/* Whatever is in the way, the next look or answer tries again. */
static bool
give(struct h1_server *s, const struct h1_server_rest *rest)
{
	struct channel *c = heir.to;
	struct handover_connection m = { .requests = 0 };

	if (c == NULL || c->n_given == WINDOW)
		return false;
	handover_begin(&m.head, HANDOVER_CONNECTION, sizeof(m),
	    heir.last_id + 1);
	describe(&m, rest);
	if (handover_send(c->io.fd, &m.head, &rest->fd, 1) < 0)
		return false;
	c->given[c->n_given++] = (struct given){ ++heir.last_id, s };
	heir.n_pending++;
	return true;
}

/* NULL: it was not this channel's, or is answered. */
static struct h1_server *
take_given(struct channel *c, uint64_t id)
{
	struct h1_server *s;

	for (size_t i = 0; i < c->n_given; i++) {
		if (c->given[i].id != id)
			continue;
		s = c->given[i].connection;
		c->given[i] = c->given[--c->n_given];
		heir.n_pending--;
		return s;
	}
	return NULL;
}

/* What a later version may say beside that is no answer. */
static void
hear(struct channel *c, const struct handover_head *h)
{
	struct h1_server *s;

	if (h->kind != HANDOVER_TAKEN && h->kind != HANDOVER_REFUSED)
		return;
	s = take_given(c, h->id);
	if (s == NULL)
		return;
	if (h->kind == HANDOVER_TAKEN)
		h1_server_given(s);
	else
		h1_server_take_back(s, c == heir.to);
}

/* Nobody has what is not answered. */
static void
lose_heir(struct channel *c)
{
	if (c->n_given > 0)
		log_notice(NULL, "an heir is gone; %zu connections come back",
		    c->n_given);
	for (size_t i = 0; i < c->n_given; i++)
		h1_server_take_back(c->given[i].connection, false);
	heir.n_pending -= c->n_given;
	if (c == heir.to) {
		stop_giving();
		loop_timer_set(&heir.wait, clock_now_ms + HEIR_WAIT_MS);
	}
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
	else if (c == heir.to)
		h1_server_offer();
	else if (c->n_given == 0)
		channel_close(c);	/* another one has its place */
}

static void
on_look(struct timer *t)
{
	h1_server_offer();
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

/* The new channel is there before the old one's last answers are. */
static void
leave_old(void)
{
	struct channel *old = heir.to;

	stop_giving();
	timer_stop(&heir.wait);
	if (old != NULL && old->n_given == 0)
		channel_close(old);
}

void
heir_give_to(int fd)
{
	heir_init();
	leave_old();
	h1_server_drain();
	h1_server_offer_to(fd < 0 ? NULL : give);
	if (fd < 0)
		return;
	heir.to = channel_new(fd, on_answer);
	if (io_register(&heir.to->io, LOOP_LISTEN) < 0) {
		log_write_errno(LOG_ERROR, NULL, "no channel to the heir");
		lose_heir(heir.to);
		return;
	}
	on_look(&heir.look);
}

/* ---- taking */

static const struct h1_server_settings *
find_listener(const struct handover_address *from)
{
	struct address a;

	if (!handover_get_address(&a, from))
		return NULL;
	for (size_t i = 0; i < heir.listeners->n_addresses; i++)
		if (address_equal(&a, &heir.listeners->addresses[i]))
			return &heir.settings[i];
	return NULL;
}

/* False: it is none, or none of ours. */
static bool
read_connection(struct h1_server_rest *rest, const struct handover *in)
{
	const struct handover_connection *m = (const void *)in->head;

	if (m->head.version != HANDOVER_VERSION ||
	    m->head.kind != HANDOVER_CONNECTION ||
	    m->head.size != sizeof(*m) || in->n_fds != 1)
		return false;
	*rest = (struct h1_server_rest){
		.fd = in->fds[0], .settings = find_listener(&m->listener),
		.requests = m->requests,
		.end_ms = m->age_left_ms == HANDOVER_NEVER ? UINT64_MAX :
		    clock_now_ms + m->age_left_ms,
		.deadline_ms = clock_now_ms + m->wait_left_ms,
	};
	return rest->settings != NULL &&
	    handover_get_address(&rest->client, &m->client);
}

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
	struct h1_server_rest rest;
	bool is_taken = read_connection(&rest, in);

	if (!say(c, in->head->id, is_taken)) {
		handover_close_fds(in);
		return false;
	}
	if (is_taken)
		h1_server_adopt(&rest);
	else
		handover_close_fds(in);
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
    const struct h1_server_settings *settings)
{
	struct channel *c;

	heir_init();
	heir.listeners = listeners;
	heir.settings = settings;
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
		h1_server_given(c->given[i].connection);
	heir.n_pending -= c->n_given;
	list_remove(&c->link);
	io_close(&c->io);
	free(c);
}

void
heir_stop(void)
{
	struct list *it, *after;

	if (!heir.is_ready)
		return;
	stop_giving();
	loop_timer_fini(&heir.wait);
	h1_server_offer_to(NULL);
	list_each(it, after, &heir.channels)
		forget(container_of(it, struct channel, link));
	heir.is_ready = false;
}
