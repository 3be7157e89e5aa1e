/* src/proc/generation.c -- a configuration and the workers that serve it */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/register.h"

/* Of a generation whose configuration only the binary before us had. */
#define SHUTDOWN_USUAL_MS 30000

/* ---- beginning and end */

static int
open_logs(struct generation *g, const struct generation *before)
{
	const struct logs *logs = before != NULL &&
	    before->logs.error.fd >= 0 ? &before->logs : NULL;
	char why[LOGS_WHY_MAX];

	if (logs_open(&g->logs, g->conf, logs,
	    master.options->options->directory, why) == 0) {
		/* At the start somebody waits at stderr until all is ready. */
		if (before == NULL || before->conf == NULL)
			log_open(g->logs.error.fd, before == NULL);
		return 0;
	}
	log_error(NULL, "%s", why);
	return -1;
}

/* Workers that drain may have most slots: the oldest have to go then. */
static int
take_slots(struct generation *g)
{
	for (size_t i = 0; i < g->n_workers; i++) {
		int slot = segment_take_process();

		if (slot < 0) {
			log_error(NULL, "no room for %zu workers beside those "
			    "that still drain", g->n_workers);
			return -1;
		}
		g->slots[i] = (uint32_t)slot;
		process_init(&g->workers[i], master.options->worker, g,
		    g->slots[i]);
		g->workers[i].place = (uint32_t)i;
	}
	return 0;
}

static void on_patience(struct timer *t);

static int
open_all(struct generation *g, const struct generation *before)
{
	const struct conf *conf = g->conf;

	if (open_logs(g, before) < 0)
		return -1;
	conf_multiply_names(conf);
	if (segment_register_conf(conf) < 0)
		return -1;
	g->listeners = listener_set_renew(
	    before != NULL ? before->listeners : NULL, conf->listeners,
	    conf->n_listeners, g->n_workers);
	return g->listeners == NULL ? -1 : take_slots(g);
}

struct generation *
generation_new(uint32_t number, size_t n_workers)
{
	struct generation *g = xnew(struct generation);

	list_init(&g->link);
	timer_init(&g->patience, on_patience);
	g->number = number;
	g->logs = (struct logs){ .error.fd = -1, .access.fd = -1 };
	g->shutdown_ms = SHUTDOWN_USUAL_MS;
	g->n_workers = n_workers;
	g->workers = xcalloc(n_workers, sizeof(*g->workers));
	g->slots = xcalloc(n_workers, sizeof(*g->slots));
	memset(g->slots, 0xff, n_workers * sizeof(*g->slots));
	return g;
}

struct generation *
generation_open(struct conf *conf, const struct generation *before)
{
	struct generation *g = generation_new(++master.last_number,
	    (size_t)conf->workers);

	g->conf = conf;
	g->drain_ms = conf->drain_timeout_ms;
	g->shutdown_ms = conf->shutdown_timeout_ms;
	g->delay_ms = conf->drain_delay_ms;
	g->is_term_graceful = conf->sigterm_is_graceful;
	if (open_all(g, before) == 0)
		return g;
	listener_set_undo(&g->listeners,
	    before != NULL ? before->listeners : NULL);
	generation_free(&g);
	return NULL;
}

/* Behind an upgrade that fails what it logs to is all that there is. */
static void
leave_logs(struct generation *g)
{
	struct generation *to = master.serving;

	if (to == NULL || to == g || to->conf != NULL || g->logs.error.fd < 0)
		return;
	logs_close(&to->logs);
	to->logs = g->logs;
	g->logs = (struct logs){ .error.fd = -1, .access.fd = -1 };
}

void
generation_free(struct generation **generation)
{
	struct generation *g = *generation;

	if (g == NULL)
		return;
	leave_logs(g);
	for (size_t i = 0; i < g->n_workers && g->slots[i] != UINT32_MAX; i++) {
		process_fini(&g->workers[i]);
		if (!g->is_foreign)
			segment_give_process(g->slots[i]);
	}
	loop_timer_fini(&g->patience);
	list_remove(&g->link);
	listener_set_close(&g->listeners);
	logs_close(&g->logs);
	loop_free(g->workers);	/* of whose ends events may be under way */
	free(g->slots);
	conf_free(&g->conf);
	free(g);
	*generation = NULL;
}

/* ---- all its workers */

void
generation_spawn(struct generation *g)
{
	for (size_t i = 0; i < g->n_workers; i++)
		process_spawn(&g->workers[i]);
}

bool
generation_is_alive(const struct generation *g)
{
	for (size_t i = 0; g != NULL && i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			return true;
	return false;
}

bool
generation_is_ready(const struct generation *g)
{
	for (size_t i = 0; i < g->n_workers; i++)
		if (!g->workers[i].is_ready)
			return false;
	return true;
}

void
generation_tell(struct generation *g, enum control_type type)
{
	for (size_t i = 0; i < g->n_workers; i++)
		process_tell(&g->workers[i], type);
}

void
generation_kill(const struct generation *g, int signo)
{
	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			kill(g->workers[i].pid, signo);
}

/* ---- draining */

/* Of its workers' limit, and then of our patience with them. */
#define HARDER_MS 1000

static void
on_patience(struct timer *t)
{
	struct generation *g = container_of(t, struct generation, patience);

	log_warn(NULL, "drain_timeout is over: ending what is left of "
	    "generation %u", g->number);
	generation_kill(g, SIGKILL);
	loop_timer_set(t, clock_now_ms + HARDER_MS);
}

/* A pair of connected descriptors, one for each; they are all that the two
 * know of each other. Returns the giver's; -1: nobody is there. */
static int
link_to(struct process *heir)
{
	struct control_message m = { .type = CONTROL_HEIR, .n_fds = 1 };
	int ends[2];

	if (heir->pid == 0 || !heir->is_ready || control_pair(ends) < 0)
		return -1;
	m.fds[0] = ends[0];
	process_send(heir, &m);
	close(ends[0]);
	return ends[1];
}

/* Each has one, or where there are more of them its part, so that they share
 * what there is. */
static bool
is_heir_of(const struct process *p, size_t n, const struct process *heir)
{
	size_t n_heirs = heir->generation->n_workers;

	return n_heirs > n ? heir->place % n == p->place :
	    p->place % n_heirs == heir->place;
}

static void
link_all(const struct process *p, struct generation *heir, bool is_any,
    struct control_message *drain)
{
	int fd;

	for (size_t i = 0; i < heir->n_workers; i++) {
		if (drain->n_fds == CONTROL_FDS ||
		    (is_any && drain->n_fds > 0))
			return;
		if (!is_any && !is_heir_of(p, p->generation->n_workers,
		    &heir->workers[i]))
			continue;
		fd = link_to(&heir->workers[i]);
		if (fd >= 0)
			drain->fds[drain->n_fds++] = fd;
	}
}

/* If none of its own is there, any will do. */
static void
drain_worker(struct process *p, struct generation *heir,
    struct control_message *drain)
{
	drain->n_fds = 0;
	if (heir != NULL)
		link_all(p, heir, false, drain);
	if (heir != NULL && drain->n_fds == 0)
		link_all(p, heir, true, drain);
	process_send(p, drain);
	for (uint32_t i = 0; i < drain->n_fds; i++)
		close(drain->fds[i]);
}

static void
set_retired(struct control_drain *d, const struct generation *g,
    const struct generation *heir)
{
	const struct listener_set *other = heir == NULL ? NULL :
	    heir->listeners;

	if (g->listeners == NULL)
		return;		/* it has drained for some time */
	for (size_t i = 0; i < g->listeners->n_addresses; i++)
		if (!listener_is_kept(g->listeners, i, other) &&
		    i / 8 < sizeof(d->retired))
			d->retired[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Until then nobody else can have it. */
#define LEAVE_MS 200	/* more, for workers that are busy */

static void
retire_addresses(const struct generation *g, const struct generation *heir)
{
	const struct listener_set *other = heir == NULL ? NULL :
	    heir->listeners;

	for (size_t i = 0; g->listeners != NULL &&
	    i < g->listeners->n_addresses; i++) {
		if (listener_is_kept(g->listeners, i, other))
			continue;
		listener_retire(g->listeners, i);
		loop_timer_set(&master.retiring, clock_now_ms +
		    LISTENER_RETIRE_MS + LEAVE_MS);
	}
}

void
generation_drain(struct generation *g, struct generation *heir,
    uint32_t limit_ms)
{
	struct control_message m = {
		.type = CONTROL_DRAIN, .data_len = sizeof(struct control_drain),
	};
	struct control_drain drain = { .limit_ms = limit_ms };

	retire_addresses(g, heir);
	set_retired(&drain, g, heir);
	memcpy(m.data, &drain, sizeof(drain));
	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			drain_worker(&g->workers[i], heir, &m);
	if (limit_ms > 0 && !timer_is_set(&g->patience))
		loop_timer_set(&g->patience, clock_now_ms + limit_ms +
		    HARDER_MS);
	if (g->listeners != NULL)
		listener_set_leave(&g->listeners,
		    heir == NULL ? NULL : heir->listeners);
}

void
generation_link(struct generation *g, struct process *heir)
{
	struct control_message m = {
		.type = CONTROL_DRAIN, .data_len = sizeof(struct control_drain),
	};

	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0 &&
		    is_heir_of(&g->workers[i], g->n_workers, heir))
			drain_worker(&g->workers[i], heir->generation, &m);
}
