/* src/upstream/check.c -- when backends are checked and what comes of it */
#include "upstream/check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/random.h"
#include "event/loop.h"
#include "proc/wake.h"
#include "upstream/address.h"
#include "upstream/breaker.h"
#include "upstream/health.h"
#include "upstream/probe.h"
#include "upstream/standing.h"
#include "upstream/streak.h"
#include "upstream/verdict.h"

/* Of one backend. */
struct check {
	struct probe probe;
	struct timer timer;		/* the next probe */
	struct streak streak;
	const struct check_conf *conf;
	const struct upstream_conf *upstream;
	const struct backend_conf *backend;
	struct backend_words *words;
	struct h1_client_settings settings;
	struct address at;		/* what the streak is about */
	uint64_t started_ms;		/* the last probe */
	uint32_t suspect;		/* as it was last seen */
	bool is_suspect;		/* the next probe is to confirm it */
	bool is_local;			/* the last one failed by our fault */
	char *name, *host;
};

/* One a process; file scope, since handlers have no other way to it. */
static struct {
	struct check *at;
	size_t n;
	bool has_slot[BACKENDS_MAX];	/* is checked */
} checks;

/* ---- the segment's words */

static void
note(struct check *c, const struct verdict *v)
{
	struct check_record r = {
		.at_wall_ms = clock_wall_ms(), .took_us = v->took_us,
		.result = v->result,
	};

	memcpy(r.text, v->text, sizeof(r.text));
	segment_tell_check(c->backend->slot, &r);
}

static void
announce(const struct upstream_conf *u)
{
	atomic_fetch_add_explicit(&segment_upstream_slot(u->slot)->eligibility,
	    1, memory_order_release);
}

static void
publish(const struct check *c, enum health before, const struct verdict *v)
{
	struct health_word h = {
		.health = c->streak.health,
		.is_recovered = before == HEALTH_DOWN,
		.cause = (uint8_t)v->result,
		.since_ms = clock_now_ms,
	};

	shm_publish(&c->words->health, health_pack(h));
	if (before == HEALTH_DOWN)
		breaker_reset(c->backend->slot);
	announce(c->upstream);
}

/* ---- changes */

static void
tell(const struct check *c, enum health before, const struct verdict *v)
{
	const struct log_context ctx = {
		.upstream = c->upstream->name, .backend = c->name,
	};

	if (c->streak.health == HEALTH_DOWN)
		log_warn(&ctx, "health check: down after %u failure%s: %s",
		    c->streak.n_bad, c->streak.n_bad == 1 ? "" : "s", v->text);
	else
		log_at(before == HEALTH_UNKNOWN ? LOG_DEBUG : LOG_NOTICE, &ctx,
		    "health check: up: %s in %u.%03u ms", v->text,
		    v->took_us / 1000, v->took_us % 1000);
}

static void
count(struct check *c, const struct verdict *v)
{
	enum health before = c->streak.health;

	if (!streak_add(&c->streak, c->conf, v->result == CHECK_PASS))
		return;
	publish(c, before, v);
	tell(c, before, v);
}

/* Ours to mend: it is told once, and nobody is charged. */
static void
tell_local(struct check *c, const struct verdict *v)
{
	const struct log_context ctx = {
		.upstream = c->upstream->name, .backend = c->name,
	};

	if (!c->is_local)
		log_warn(&ctx, "health check: cannot be made: %s", v->text);
	c->is_local = true;
}

/* ---- turns */

static void
set_next(struct check *c, uint32_t interval_ms)
{
	uint64_t at = c->started_ms + spread_interval(interval_ms,
	    c->conf->jitter, random_u64());

	loop_timer_set(&c->timer, at > clock_now_ms ? at : clock_now_ms);
}

/* Where the backend is now; false: nowhere, or elsewhere than before. */
static bool
is_where_it_was(const struct check *c)
{
	struct address now;

	return backend_find_address(c->backend, &now) &&
	    address_equal(&now, &c->at);
}

static void
on_verdict(struct probe *p, struct verdict *v)
{
	struct check *c = container_of(p, struct check, probe);

	if (!is_where_it_was(c)) {
		loop_timer_set(&c->timer, clock_now_ms);
		return;
	}
	note(c, v);
	if (v->result == CHECK_LOCAL) {
		tell_local(c, v);
	} else {
		c->is_local = false;
		count(c, v);
	}
	set_next(c, streak_interval(&c->streak, c->conf));
}

/* No check of this address has ended yet. */
static void
begin(const struct check *c)
{
	const struct health_word h = { .since_ms = clock_now_ms };

	shm_publish(&c->words->health, health_pack(h));
}

/* A name's seat has another address: what was seen was another server. */
static void
move(struct check *c, const struct address *to)
{
	char name[BACKEND_NAME_MAX];

	backend_print_place(c->backend, to, name);
	free(c->name);
	c->name = xstrdup(name);
	c->at = *to;
	c->is_local = c->is_suspect = false;
	streak_init(&c->streak, c->conf, HEALTH_UNKNOWN);
	begin(c);
	announce(c->upstream);
}

static void
set_port(struct address *a, uint16_t port)
{
	if (port == 0)
		return;
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

/* A name may get an address at any time. */
#define NOWHERE_MS	1000

static void
on_due(struct timer *t)
{
	struct check *c = container_of(t, struct check, timer);
	bool is_suspect = c->is_suspect;
	struct address to;

	c->is_suspect = false;
	c->started_ms = clock_now_ms;
	if (!backend_find_address(c->backend, &to)) {
		loop_timer_set(&c->timer, clock_now_ms + NOWHERE_MS);
		return;
	}
	if (!address_equal(&to, &c->at))
		move(c, &to);
	set_port(&to, c->conf->port);
	probe_start(&c->probe, &to, is_suspect);
}

/* ---- suspects */

static void
hurry(struct check *c)
{
	uint64_t at = c->started_ms + CHECK_SUSPECT_MS;

	if (c->streak.health == HEALTH_DOWN || c->probe.state == PROBE_RUNS)
		return;
	c->is_suspect = true;
	if (at < clock_now_ms)
		at = clock_now_ms;
	if (at < c->timer.deadline_ms)
		loop_timer_set(&c->timer, at);
}

void
check_suspects(void)
{
	for (size_t i = 0; i < checks.n; i++) {
		struct check *c = &checks.at[i];
		uint32_t now = shm_get(&c->words->suspect);

		if (now == c->suspect)
			continue;
		c->suspect = now;
		hurry(c);
	}
}

void
backend_suspect(uint32_t slot)
{
	atomic_fetch_add_explicit(&segment_backend_words(slot)->suspect, 1,
	    memory_order_relaxed);
	wake_process(SEGMENT_MONITOR);
}

/* ---- start and stop */

/* Where Host is not given: as of a client that got the backend's URL. */
static char *
print_host(const char *name)
{
	char *host = xstrdup(name), *port = strrchr(host, ':');

	if (port != NULL && strcmp(port, ":80") == 0)
		*port = '\0';
	return host;
}

static void
check_open(struct check *c, const struct conf *conf,
    const struct upstream_conf *u, const struct backend_conf *b)
{
	char name[BACKEND_NAME_MAX];
	struct health_word h;

	backend_print_name(b, name);
	c->conf = &u->check;
	c->upstream = u;
	c->backend = b;
	c->words = segment_backend_words(b->slot);
	c->suspect = shm_get(&c->words->suspect);
	c->host = print_host(name);
	(void)backend_find_address(b, &c->at);
	backend_print_place(b, &c->at, name);
	c->name = xstrdup(name);
	c->settings.head_bytes = conf->limits.response_head;
	c->settings.field_count = conf->limits.header_count;
	probe_timeouts(&c->settings, c->conf);
	h = health_unpack(shm_get(&c->words->health));
	if (h.since_ms == 0)
		begin(c);
	streak_init(&c->streak, c->conf, h.health);
	timer_init(&c->timer, on_due);
	probe_init(&c->probe, c->conf,
	    c->conf->host != NULL ? c->conf->host : c->host, &c->settings,
	    on_verdict);
}

static void
check_close(struct check *c)
{
	probe_fini(&c->probe);
	loop_timer_fini(&c->timer);
	free(c->name);
	free(c->host);
}

/* It was checked under another configuration. */
static void
forget(const struct upstream_conf *u, const struct backend_conf *b)
{
	struct backend_words *words = segment_backend_words(b->slot);
	static const struct check_record none;

	if (shm_get(&words->health) == 0)
		return;
	shm_publish(&words->health, 0);
	segment_tell_check(b->slot, &none);
	announce(u);
}

/* A backend that is listed twice has one slot, which one check writes. */
static bool
is_first(uint32_t slot)
{
	bool is_known = checks.has_slot[slot];

	checks.has_slot[slot] = true;
	return !is_known;
}

static void
open_upstream(const struct conf *conf, const struct upstream_conf *u)
{
	for (size_t i = 0; i < u->n_backends; i++) {
		const struct backend_conf *b = &u->backends[i];

		if (u->check.is_off)
			forget(u, b);
		else if (is_first(b->slot))
			check_open(&checks.at[checks.n++], conf, u, b);
	}
	/* Our forerunner may have died before it did. */
	announce(u);
}

/* Soon, each in its part of that time: no backend, nor what they have in
 * common, gets all of them at once. */
static void
set_first(struct check *c, size_t turn)
{
	uint64_t most = CHECK_FIRST_MS;
	uint64_t part;

	if (c->streak.health != HEALTH_UNKNOWN && most > c->conf->interval_ms)
		most = c->conf->interval_ms;
	part = most * 1000 / checks.n;
	loop_timer_set(&c->timer, clock_now_ms +
	    (turn * part + random_below(part + 1)) / 1000);
}

static void
set_all_first(void)
{
	size_t *order = xcalloc(checks.n + 1, sizeof(*order));
	size_t other;

	for (size_t i = 0; i < checks.n; i++) {
		other = random_below(i + 1);
		order[i] = order[other];
		order[other] = i;
	}
	for (size_t i = 0; i < checks.n; i++)
		set_first(&checks.at[i], order[i]);
	free(order);
}

void
check_start(const struct conf *conf)
{
	size_t n = 0;

	h1_client_module_init();
	for (size_t i = 0; i < conf->n_upstreams; i++)
		n += conf->upstreams[i].n_backends;
	checks.at = xcalloc(n + 1, sizeof(*checks.at));
	checks.n = 0;
	memset(checks.has_slot, 0, sizeof(checks.has_slot));
	for (size_t i = 0; i < conf->n_upstreams; i++)
		open_upstream(conf, &conf->upstreams[i]);
	set_all_first();
}

void
check_stop(void)
{
	for (size_t i = 0; i < checks.n; i++)
		check_close(&checks.at[i]);
	checks.n = 0;
	free(checks.at);
	checks.at = NULL;
}
