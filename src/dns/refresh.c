/* src/dns/refresh.c -- names of backends, kept in step with DNS */
#include "dns/refresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/schema.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/random.h"
#include "dns/lookup.h"
#include "dns/seats.h"
#include "event/loop.h"

#define LOOKUPS_MOST	64	/* at once; the others wait */
#define RETRY_LEAST_MS	1000	/* doubled with each failure */
#define RETRY_MOST_MS	5000
#define WAITING_MS	250	/* an address waits for a slot: look again */
/* Names of one TTL drift apart, always to the later side: a cache that is
 * asked too early has the old answer, with a second left. */
#define JITTER_MOST_MS	500

struct name {
	struct question question;
	struct seats *sets;		/* one for each backend of that name */
	size_t n_sets;
	struct lookup_owner owner;
	struct lookup *lookup;		/* NULL: not being asked */
	struct list link;		/* among those that wait to be asked */
	struct timer timer;		/* asks again */
	struct timer seating;		/* tries again with `last` */
	struct answers last;
	bool keeps_others;		/* with `last`: it was not whole */
	bool has_ended_once;		/* a lookup, well or not */
	bool is_failing;
	bool was_cut;			/* too many addresses: said once */
	uint64_t stale_at_ms;		/* what is seated is good until then */
	uint32_t retry_ms;
};

static struct {
	const struct conf *conf;
	struct name *names;
	size_t n;
	size_t n_missing;		/* have not ended once */
	size_t n_lookups;
	struct list waiting;
	struct timer first;
	void (*on_first)(void);		/* NULL: called */
} refresh;

static struct log_context
context_of(const struct name *name)
{
	return (struct log_context){ .doing = "resolving a backend",
		.upstream = name->n_sets == 1 ? name->sets->upstream->name :
		NULL, .backend = name->question.host };
}

/* ---- seats */

static bool
has_addresses(const struct name *name)
{
	for (size_t i = 0; i < name->n_sets; i++)
		if (!seats_are_empty(&name->sets[i]))
			return true;
	return false;
}

static void
warn_cut(struct name *name)
{
	struct log_context ctx = context_of(name);
	const struct seats *s = name->sets;
	size_t i = 0;

	while (i < name->n_sets && s[i].n_left_out == 0)
		i++;
	if (i < name->n_sets && !name->was_cut)
		log_warn(&ctx, "it has %zu addresses, of which %zu serve; "
		    "\"addresses\" allows more", s[i].most + s[i].n_left_out,
		    s[i].most);
	name->was_cut = i < name->n_sets;
}

static void
log_addresses(const struct name *name)
{
	struct log_context ctx = context_of(name);
	char text[1024] = "", one[ADDRESS_TEXT_MAX];
	size_t len = 0;

	for (size_t i = 0; i < name->last.n; i++) {
		address_print(&name->last.all[i].address, one);
		if (len + strlen(one) + 8 > sizeof(text)) {
			(void)snprintf(text + len, sizeof(text) - len,
			    ", ...");
			break;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s", i > 0 ? ", " : "", one);
	}
	log_notice(&ctx, "its addresses are now: %s", text);
}

static void
seat(struct name *name)
{
	bool is_waiting = false, has_changed = false;

	for (size_t i = 0; i < name->n_sets; i++) {
		has_changed |= seats_give(&name->sets[i], &name->last,
		    name->keeps_others);
		is_waiting |= name->sets[i].n_waiting > 0;
	}
	if (has_changed && name->last.n > 0)
		log_addresses(name);
	warn_cut(name);
	if (is_waiting)
		loop_timer_set(&name->seating, clock_now_ms + WAITING_MS);
	else
		timer_stop(&name->seating);
}

static void
on_seating(struct timer *t)
{
	seat(container_of(t, struct name, seating));
}

/* ---- answers */

/*
 * Priorities become ranks, 0 the best; weights go up to WEIGHT_MOST, the
 * largest in a backend's own scale.
 */
static void
normalise(struct answers *a)
{
	uint32_t most = WEIGHT_MOST, rank = 0, before = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->all[i].weight > most)
			most = a->all[i].weight;
	for (size_t i = 0; i < a->n; i++) {
		struct answer *one = &a->all[i];
		uint32_t weight = one->weight * WEIGHT_MOST / most;

		if (i > 0 && one->priority != before)
			rank++;
		before = one->priority;
		one->priority = (uint16_t)rank;
		if (one->weight > 0)
			one->weight = weight > 0 ? (uint16_t)weight : 1;
	}
}

static uint32_t
clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

static uint32_t
ttl_ms(const struct answers *a)
{
	return clamp(a->ttl_s, TTL_LEAST_S, TTL_MOST_S) * 1000;
}

static void
ask_after(struct name *name, uint64_t ms)
{
	uint64_t spread = ms / 2 < JITTER_MOST_MS ? ms / 2 : JITTER_MOST_MS;

	loop_timer_set(&name->timer, clock_now_ms + ms +
	    random_below(spread + 1));
}

static bool
is_stale(const struct name *name)
{
	return clock_now_ms >= name->stale_at_ms;
}

static void
end_failing(struct name *name)
{
	struct log_context ctx = context_of(name);

	if (name->is_failing)
		log_notice(&ctx, "answered again");
	name->is_failing = false;
}

static void
take_answers(struct name *name, const struct answers *a)
{
	if (a->is_whole) {
		end_failing(name);
		name->retry_ms = RETRY_LEAST_MS;
	}
	name->last = *a;
	name->keeps_others = !a->is_whole && !is_stale(name);
	if (!name->keeps_others)
		name->stale_at_ms = clock_now_ms + ttl_ms(a) +
		    refresh.conf->resolver.stale_ms;
	normalise(&name->last);
	seat(name);
}

/* Once, not with every try. */
static void
begin_failing(struct name *name, const char *why)
{
	struct log_context ctx = context_of(name);

	if (!name->is_failing)
		log_warn(&ctx, "%s%s", why, has_addresses(name) ?
		    "; its last addresses serve on" : "");
	name->is_failing = true;
}

static void
give_up(struct name *name)
{
	struct log_context ctx = context_of(name);

	if (!has_addresses(name))
		return;
	name->last.n = 0;
	name->keeps_others = false;
	log_error(&ctx, "no answer for longer than resolver.stale: its last "
	    "addresses are given up");
	seat(name);
}

/* Also behind a set that is not whole, but that goes as well as it may. */
static void
ask_soon(struct name *name)
{
	uint64_t wait = name->retry_ms, left = name->stale_at_ms -
	    clock_now_ms;

	if (!is_stale(name) && left < wait)
		wait = left;
	ask_after(name, wait);
	name->retry_ms = clamp(name->retry_ms * 2, RETRY_LEAST_MS,
	    RETRY_MOST_MS);
}

static void
note_first(struct name *name)
{
	void (*on_first)(void) = refresh.on_first;

	if (!name->has_ended_once)
		refresh.n_missing--;
	name->has_ended_once = true;
	if (refresh.n_missing > 0 || on_first == NULL)
		return;
	refresh.on_first = NULL;
	timer_stop(&refresh.first);
	on_first();
}

static void ask_waiting(void);

static void
on_answers(struct lookup_owner *o, const struct answers *a)
{
	struct name *name = container_of(o, struct name, owner);

	name->lookup = NULL;
	refresh.n_lookups--;
	if (a->n > 0)
		take_answers(name, a);
	if (!a->is_whole || a->n == 0)
		begin_failing(name, a->why);
	if (a->n == 0 && is_stale(name))
		give_up(name);
	if (name->is_failing)
		ask_soon(name);
	else
		ask_after(name, ttl_ms(a));
	note_first(name);
	ask_waiting();
}

/* ---- questions */

static void
ask_waiting(void)
{
	struct name *name;

	while (refresh.n_lookups < LOOKUPS_MOST &&
	    !list_is_empty(&refresh.waiting)) {
		name = list_first(&refresh.waiting, struct name, link);
		list_remove(&name->link);
		refresh.n_lookups++;
		name->lookup = lookup_start(&refresh.conf->resolver,
		    &name->question, &name->owner);
	}
}

static void
on_due(struct timer *t)
{
	struct name *name = container_of(t, struct name, timer);

	list_append(&refresh.waiting, &name->link);
	ask_waiting();
}

static void
on_first_time(struct timer *t UNUSED)
{
	void (*on_first)(void) = refresh.on_first;

	refresh.on_first = NULL;
	if (on_first != NULL)
		on_first();
}

/* ---- the names of a configuration */

static bool
asks(const struct name *name, const struct backend_conf *b)
{
	return name->question.is_srv == b->is_srv &&
	    (b->is_srv || name->question.port == b->port) &&
	    strcasecmp(name->question.host, b->host) == 0;
}

static struct name *
find_name(const struct backend_conf *b)
{
	for (size_t i = 0; i < refresh.n; i++)
		if (asks(&refresh.names[i], b))
			return &refresh.names[i];
	return NULL;
}

static struct name *
add_name(const struct backend_conf *b)
{
	struct name *name = &refresh.names[refresh.n++];

	name->question = (struct question){ .host = b->host, .port = b->port,
		.is_srv = b->is_srv };
	name->owner.on_answers = on_answers;
	name->retry_ms = RETRY_LEAST_MS;
	timer_init(&name->timer, on_due);
	timer_init(&name->seating, on_seating);
	return name;
}

static bool
has_slot(const struct name *name, uint32_t slot)
{
	for (size_t i = 0; i < name->n_sets; i++)
		if (name->sets[i].all[0].slot == slot)
			return true;
	return false;
}

/* A backend that is listed twice has one set of slots. */
static void
add_set(const struct upstream_conf *u, const struct backend_conf *b)
{
	struct name *name = find_name(b);

	if (name == NULL)
		name = add_name(b);
	if (has_slot(name, b->slot))
		return;
	name->sets = xrealloc(name->sets,
	    (name->n_sets + 1) * sizeof(*name->sets));
	seats_init(&name->sets[name->n_sets++], u, b);
}

static void
add_upstream(const struct upstream_conf *u)
{
	size_t n;

	for (size_t i = 0; i < u->n_backends; i += n) {
		const struct backend_conf *b = &u->backends[i];

		n = backend_seats(b);
		if (b->address.len == 0)
			add_set(u, b);
	}
}

static size_t
count_named(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_upstreams; i++)
		for (size_t k = 0; k < conf->upstreams[i].n_backends; k++)
			n += conf->upstreams[i].backends[k].address.len == 0;
	return n;
}

/* What a monitor before us has seated is good for as long as it would be. */
static void
begin(struct name *name)
{
	if (has_addresses(name))
		name->stale_at_ms = clock_now_ms +
		    refresh.conf->resolver.stale_ms;
	list_append(&refresh.waiting, &name->link);
}

void
refresh_start(const struct conf *conf, void (*on_first)(void))
{
	memset(&refresh, 0, sizeof(refresh));
	refresh.conf = conf;
	refresh.on_first = on_first;
	list_init(&refresh.waiting);
	timer_init(&refresh.first, on_first_time);
	refresh.names = xcalloc(count_named(conf) + 1,
	    sizeof(*refresh.names));
	for (size_t i = 0; i < conf->n_upstreams; i++)
		add_upstream(&conf->upstreams[i]);
	refresh.n_missing = refresh.n;
	for (size_t i = 0; i < refresh.n; i++)
		begin(&refresh.names[i]);
	ask_waiting();
	if (refresh.n > 0)
		loop_timer_set(&refresh.first, clock_now_ms + FIRST_MOST_MS);
	else
		on_first_time(&refresh.first);
}

static void
name_fini(struct name *name)
{
	lookup_cancel(&name->lookup);
	loop_timer_fini(&name->timer);
	loop_timer_fini(&name->seating);
	for (size_t i = 0; i < name->n_sets; i++)
		seats_fini(&name->sets[i]);
	free(name->sets);
}

void
refresh_stop(void)
{
	for (size_t i = 0; i < refresh.n; i++)
		name_fini(&refresh.names[i]);
	if (refresh.conf != NULL)
		loop_timer_fini(&refresh.first);
	free(refresh.names);
	memset(&refresh, 0, sizeof(refresh));
}
