/* src/upstream/upstream.c -- upstreams: building them from the model */
#include "upstream/upstream.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/assert.h"
#include "core/memory.h"
#include "proc/register.h"
#include "shm/location.h"
#include "upstream/address.h"
#include "upstream/budget.h"
#include "upstream/internal.h"
#include "upstream/standing.h"
#include "upstream/strategy.h"

/* Of a name there is room for that of each address that it may get. */
static char *
name_of(const struct backend_conf *bc)
{
	char name[BACKEND_NAME_MAX], *kept;

	backend_print_place(bc, NULL, name);
	if (bc->address.len > 0)
		return xstrdup(name);
	kept = xmalloc(BACKEND_NAME_MAX);
	return strcpy(kept, name);
}

static void
backend_init(struct backend *b, const struct backend_conf *bc,
    struct upstream *u, uint32_t process, uint32_t max_idle)
{
	struct stripe *stripe = segment_stripe(process, bc->slot);
	uint32_t row = bc->slot % BACKEND_CHUNK;

	b->upstream = u;
	b->owner.ops = &pool_ops;
	b->lease = pool_lease;
	b->owner.settings = &u->settings;
	list_init(&b->idle);
	b->max_idle = max_idle;
	b->weight = bc->weight;
	b->is_backup = bc->is_backup;
	b->slot = bc->slot;
	b->in_flight = &stripe->in_flight[row];
	b->idle_gauge = &stripe->idle[row];
	b->requests = &stripe->requests[row];
	b->failures = &stripe->failures[row];
	b->address = bc->address;
	b->host = bc->host;
	b->name = name_of(bc);
	b->trials = &stripe->trials[row];
	b->open = &stripe->open[row];
	b->breaker = &segment_backend_words(bc->slot)->breaker;
	b->window = &segment_backend_words(bc->slot)->window;
	b->gauge = (const char *)&segment_stripe(0, bc->slot)->in_flight[row];
	if (u->conf->hash.bounded_load > 0)
		b->total = &segment_upstream_stripe(process)->in_flight[
		    u->conf->slot];
	b->ewma = &stripe->ewma[row];
	b->latency = stripe->latency[row];
	b->conf = bc;
}

/*
 * The name and the cookie stay when there is no address any more: what is
 * under way is told by them.
 */
static void
move(struct backend *b, const struct address *to)
{
	b->address = *to;
	b->owner.epoch++;
	pool_clear(b);
	if (to->len == 0)
		return;
	backend_print_place(b->conf, to, b->name);
	sticky_rename(b);
}

bool
backend_locate(struct backend *b)
{
	struct location now;
	bool has_moved, is_backup;
	uint32_t weight = b->conf->weight;

	if (likely(b->conf->address.len > 0) || !location_read(b->slot, &now))
		return false;
	if (now.weight > 0 && weight > 0)
		weight = now.weight;
	is_backup = b->conf->is_backup || now.priority > 0;
	has_moved = now.address.len != b->address.len ||
	    !address_equal(&now.address, &b->address);
	if (has_moved)
		move(b, &now.address);
	else if (b->weight == weight && b->is_backup == is_backup)
		return false;
	b->weight = weight;
	b->is_backup = is_backup;
	return true;
}

static void
settings_init(struct h1_client_settings *s, const struct conf *conf,
    const struct upstream_conf *uc)
{
	s->head_bytes = conf->limits.response_head;
	s->field_count = conf->limits.header_count;
	s->timeouts = uc->timeouts;
	s->idle_ms = uc->idle_ms;
}

static void
upstream_init(struct upstream *u, const struct upstream_conf *uc,
    const struct conf *conf, uint32_t process, uint32_t n_workers)
{
	uint32_t max_idle = uc->pool_idle / (n_workers == 0 ? 1 : n_workers);

	u->conf = uc;
	u->process = process;
	u->waiting = &segment_upstream_stripe(process)->waiting[uc->slot];
	u->open = &segment_upstream_stripe(process)->open[uc->slot];
	u->idle = &segment_upstream_stripe(process)->idle[uc->slot];
	u->name = uc->name;
	u->strategy = &strategies[uc->strategy];
	u->strategy_id = uc->strategy;
	u->sticky = uc->is_sticky ? &uc->sticky : NULL;
	u->looks_at_request = uc->is_sticky || uc->strategy == STRATEGY_HASH;
	settings_init(&u->settings, conf, uc);
	u->n_backends = (uint32_t)uc->n_backends;
	u->backends = xcalloc(uc->n_backends, sizeof(*u->backends));
	u->cursor = &segment_upstream_slot(uc->slot)->cursor;
	u->eligibility = &segment_upstream_slot(uc->slot)->eligibility;
	u->budget = &segment_upstream_slot(uc->slot)->budget;
	u->first_tries = &segment_upstream_stripe(process)->
	    requests[uc->slot];
	budget_begin(u);
	for (size_t i = 0; i < uc->n_backends; i++)
		backend_init(&u->backends[i], &uc->backends[i], u, process,
		    max_idle == 0 ? 1 : max_idle);
	sticky_init(u);
	queue_init(u);
	strategy_init(u);
	table_init(u);		/* asks whether there are limits */
}

struct upstream *
upstreams_new(const struct conf *conf, uint32_t process, uint32_t n_workers)
{
	struct upstream *all = xcalloc(conf->n_upstreams, sizeof(*all));

	h1_client_module_init();
	for (size_t i = 0; i < conf->n_upstreams; i++)
		upstream_init(&all[i], &conf->upstreams[i], conf, process,
		    n_workers);
	return all;
}

/* ---- leases, counted in this process's stripe */

struct http_stream *
backend_lease(struct backend *b, enum lease_kind kind, bool *is_pooled)
{
	struct http_stream *s = b->lease(b, kind, is_pooled);

	if (unlikely(s == NULL))
		return NULL;
	shm_add(b->in_flight, 1);
	shm_add(b->requests, 1);
	if (unlikely(b->total != NULL))
		shm_add(b->total, 1);
	return s;
}

void
backend_done(struct backend *b)
{
	ASSERT(shm_get(b->in_flight) > 0);
	shm_add(b->in_flight, (uint32_t)-1);
	if (unlikely(b->total != NULL))
		shm_add(b->total, (uint32_t)-1);
}

static bool
is_known_by(const struct backend *b, struct span identity)
{
	char own[BACKEND_IDENTITY_MAX];

	backend_identity(b->upstream->conf, b->conf, own);
	return span_equal(identity, span_str(own));
}

/* After an upgrade its slot may be another one. */
struct backend *
upstream_adopter(struct upstream *u, uint32_t slot, struct span identity)
{
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (u->backends[i].slot == slot &&
		    is_known_by(&u->backends[i], identity))
			return &u->backends[i];
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (is_known_by(&u->backends[i], identity))
			return &u->backends[i];
	return NULL;
}

void
backend_expect(struct backend *b)
{
	if (b->upstream->has_limits)
		limit_adopt(b);
	shm_add(b->in_flight, 1);
	if (b->total != NULL)
		shm_add(b->total, 1);
}

void
backend_unexpect(struct backend *b)
{
	if (b->upstream->has_limits)
		limit_release(b);
	backend_done(b);
}

struct http_stream *
backend_adopt(struct backend *b, int fd, bool client_has_ended,
    bool backend_has_ended)
{
	return h1_client_adopt_tunnel(&b->owner, fd, client_has_ended,
	    backend_has_ended);
}

static void
upstream_fini(struct upstream *u)
{
	sticky_fini(u);
	for (uint32_t i = 0; i < u->n_backends; i++) {
		pool_clear(&u->backends[i]);
		free(u->backends[i].name);
	}
	free(u->backends);
	queue_fini(u);
	table_fini(u);
	strategy_fini(u);
}

void
upstreams_free(struct upstream **u, size_t n)
{
	for (size_t i = 0; *u != NULL && i < n; i++)
		upstream_fini(&(*u)[i]);
	free(*u);
	*u = NULL;
}

void
upstreams_woken(struct upstream *u, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue_wake(&u[i]);
}
