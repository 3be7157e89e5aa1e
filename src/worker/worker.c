/* src/worker/worker.c -- one worker put together: accepts, proxies, drains */
#include "worker/worker.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin.h"
#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "dns/refresh.h"
#include "event/loop.h"
#include "http1/parse.h"
#include "http1/server.h"
#include "net/listener.h"
#include "net/pipe.h"
#include "observe/error_log.h"
#include "observe/writer.h"
#include "proc/wake.h"
#include "proxy/proxy.h"
#include "shm/segment.h"
#include "upstream/check.h"
#include "upstream/upstream.h"
#include "worker/cover.h"
#include "worker/heir.h"

#define MASTER_GONE_MS	10000	/* serve on so long without a master */
#define ACCESS_RING	(1u << 20)	/* bytes of lines that may wait */
#define ACCESS_DELAY_MS	1000	/* for one write of many lines */
#define LOG_STOP_MS	1000	/* for what is left of a log's lines */

/* One a process; file scope, since handlers have no other way to it. */
static struct {
	struct child *self;
	struct process_slot *slot;
	struct upstream *upstreams;
	struct proxy proxy;
	struct writer *access;	/* NULL: no access log */
	struct h1_server_settings *settings;	/* one a listener */
	struct timer stop;	/* drain's or the lost master's deadline */
	bool is_worker;		/* it serves; else only the monitor */
	bool is_monitor;	/* in single mode both */
	bool is_draining, is_orphan;
	uint64_t close_idle_ms;	/* from then on, when we drain */
	const struct order *order;	/* while one is carried out */
	uint64_t accepted;
	uint64_t lost_lines;	/* by processes before us, and at the stop */
	size_t most_files;	/* for connections, by RLIMIT_NOFILE */
} me;

/* ---- beating, counting */

static void
publish(void)
{
	if (me.self->is_released)
		return;
	shm_set(&me.slot->log_dropped, me.lost_lines + log_dropped() +
	    (me.access != NULL ? writer_dropped(me.access) : 0));
	if (!me.is_worker)
		return;
	shm_set(&me.slot->connections, h1_server_connections());
	shm_set(&me.slot->requests, me.proxy.requests);
	shm_set(&me.slot->accepted, me.accepted);
}

/* Nobody goes on with what is idle, and a request that was on its way when we
 * began to leave has come. */
static bool
may_close_idle(void)
{
	return clock_now_ms >= me.close_idle_ms && (!me.is_worker ||
	    me.is_orphan || shm_get(&segment.header->is_stopping) != 0);
}

/* Draining. */
static void
leave(void)
{
	if (may_close_idle())
		(void)h1_server_close_idle(SIZE_MAX);
	if (h1_server_connections() == 0 && heir_pending() == 0 &&
	    !cover_is_leaving())
		loop_stop();
}

static void
on_turn(struct loop *l UNUSED)
{
	child_beat(me.self);
	publish();
	if (unlikely(me.is_draining))
		leave();
}

/* ---- orders */

/* Of the order to drain; without one nothing is retired. */
static bool
is_retired(size_t address)
{
	const struct order *o = me.order;

	if (o == NULL)
		return false;
	return address >= o->n_retired ||
	    (o->retired[address / 8] >> address % 8 & 1) != 0;
}

/* What it did as the monitor another one does from now on. */
static void
release_monitor(void)
{
	check_stop();
	refresh_stop();
	wake_ignore();
	admin_stop();
	child_release(me.self);
}

/* To these heirs, from now on; none: what is here ends here. */
static void
drain(uint32_t limit_ms, const int *channels, size_t n)
{
	if (me.is_worker)
		heir_give_to(channels, n);
	else
		h1_server_drain();
	if (me.is_draining)
		return;
	me.is_draining = true;
	if (me.is_worker && me.self->control_fd < 0)
		cover_stop();	/* the sockets are not only ours to close */
	else if (me.is_worker)
		cover_leave(is_retired);
	else if (me.is_monitor)
		release_monitor();
	me.close_idle_ms = clock_now_ms + LISTENER_RETIRE_MS;
	if (limit_ms > 0)
		loop_timer_set(&me.stop, clock_now_ms + limit_ms);
}

static void
on_stop(struct timer *t UNUSED)
{
	if (me.is_draining)
		loop_stop();
	else
		drain(me.self->conf->drain_timeout_ms, NULL, 0);
}

static void
take_over(int channel)
{
	if (me.is_worker)
		heir_take_from(channel, me.self->listeners, me.settings,
		    &me.proxy);
	else
		close(channel);
}

static void on_accept(int fd, const struct address *peer, size_t listener);

static void
on_order(const struct order *order)
{
	me.order = order;
	switch (order->type) {
	case ORDER_STOP:
		loop_stop();
		break;
	case ORDER_GO:
		if (me.is_worker && !me.is_draining)
			cover_start(me.self, on_accept);
		break;
	case ORDER_DRAIN:
		drain(order->limit_ms, order->channels,
		    order->n_channels);
		break;
	case ORDER_HEIR:
		take_over(order->channels[0]);
		break;
	case ORDER_MASTER_GONE:
		log_error(NULL, "the master is gone; serving on for %d s",
		    MASTER_GONE_MS / 1000);
		me.is_orphan = true;
		if (!me.is_draining)	/* else it has its limit already */
			loop_timer_set(&me.stop, clock_now_ms +
			    MASTER_GONE_MS);
		break;
	}
	me.order = NULL;
}

/* ---- accepting */

/* A connection takes a second descriptor while a request is under way. */
static bool
is_full(void)
{
	size_t n = h1_server_connections();

	return n >= me.self->conf->limits.connections ||
	    n + me.proxy.n_active >= me.most_files;
}

static void
on_accept(int fd, const struct address *peer, size_t listener)
{
	me.accepted++;
	h1_server_accept(fd, peer, &me.settings[listener]);
	/* At the limit the oldest idle one makes room; if none is idle, new
	 * ones wait in the listen queue (interfaces.md). */
	if (unlikely(is_full()) && h1_server_close_idle(1) == 0)
		cover_pause();
}

static void
settings_init(struct h1_server_settings *s, const struct conf *conf,
    const struct listener_conf *l, const struct address *address)
{
	s->service = &me.proxy.service;
	s->head_bytes = conf->limits.request_head;
	s->field_count = conf->limits.header_count;
	s->body_bytes = conf->body_limit;
	s->requests = conf->limits.requests_per_connection;
	s->age_ms = conf->limits.connection_age_ms;
	s->head_timeout_ms = conf->timeouts.client_head;
	s->body_timeout_ms = conf->timeouts.client_body;
	s->keep_alive_ms = conf->timeouts.keep_alive;
	s->send_timeout_ms = conf->timeouts.send;
	s->tunnel_ms = conf->timeouts.tunnel;
	s->min_rate = conf->limits.min_rate;
	s->listener = (uint16_t)(l - conf->listeners);
	s->port = address_port(address);
	s->address = address;
	s->trusted = l->trusted.n > 0 ? &l->trusted : NULL;
}

/* Ours, pipes, and idle connections to backends. */
#define OWN_FILES (128 + 2 * PIPES_MAX)

static size_t
most_files(const struct child *self)
{
	size_t wanted = self->conf->limits.connections;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    files.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	if (wanted * 2 + OWN_FILES > files.rlim_cur && self->slot == 0)
		log_notice(NULL, "limits.connections is %zu, which takes up "
		    "to %zu open files a worker; %llu are allowed", wanted,
		    wanted * 2 + OWN_FILES,
		    (unsigned long long)files.rlim_cur);
	return files.rlim_cur > 2 * OWN_FILES ?
	    (size_t)files.rlim_cur - OWN_FILES : OWN_FILES;
}

static void
start_access_log(const struct child *self)
{
	if (self->access_fd < 0)
		return;
	me.access = writer_start(self->access_fd, ACCESS_RING,
	    ACCESS_DELAY_MS);
	if (me.access == NULL)
		log_write_errno(LOG_ERROR, NULL, "no access log");
	proxy_log_to(&me.proxy, me.access);
}

static void
stop_access_log(void)
{
	if (me.access == NULL)
		return;
	me.lost_lines += writer_dropped(me.access);
	me.lost_lines += writer_stop(&me.access, LOG_STOP_MS);
}

static void
on_wake(void)
{
	upstreams_woken(me.upstreams, me.self->conf->n_upstreams);
}

/* A process that is not woken looks by itself, if later. */
static void
listen_for_wakes(uint32_t slot, void (*handler)(void))
{
	if (wake_listen(slot, handler) < 0)
		log_write_errno(LOG_ERROR, NULL, "eventfd");
}

static void
start_serving(struct child *self)
{
	const struct conf *conf = self->conf;

	me.is_worker = true;
	me.most_files = most_files(self);
	h1_server_module_init();
	me.upstreams = upstreams_new(conf, self->slot,
	    (uint32_t)conf->workers);
	proxy_init(&me.proxy, conf, me.upstreams);
	start_access_log(self);
	me.proxy.requests = shm_get(&me.slot->requests);
	me.accepted = shm_get(&me.slot->accepted);
	me.settings = xcalloc(self->listeners->n_addresses,
	    sizeof(*me.settings));
	for (size_t i = 0; i < self->listeners->n_addresses; i++)
		settings_init(&me.settings[i], conf, &conf->listeners[i],
		    &self->listeners->addresses[i]);
	if (!self->waits)
		cover_start(self, on_accept);
}

/* The monitor's part. */
static void
start_monitoring(struct child *self, void (*on_names)(void))
{
	me.is_monitor = true;
	admin_start(self->admin_fds, self->conf);
	check_start(self->conf);
	listen_for_wakes(SEGMENT_MONITOR, check_suspects);
	refresh_start(self->conf, on_names);
}

/* ---- the roles */

static int
start(struct child *self)
{
	me.self = self;
	me.slot = segment_process(self->slot);
	if (child_start(self, on_order) < 0)
		return -1;
	me.lost_lines = shm_get(&me.slot->log_dropped);
	if (error_log_start() < 0)
		log_write_errno(LOG_WARN, NULL, "no thread for the error log: "
		    "a slow disk will be waited for");
	if (!parse_init())
		log_warn(NULL, "FAIRLEAD_SIMD names no parser that this "
		    "machine has; using %s", parse_variant());
	timer_init(&me.stop, on_stop);
	loop.on_turn = on_turn;
	return 0;
}

/* Names have had their first answers, or the time for them. */
static void
on_names(void)
{
	child_ready(me.self);
}

static int
run(struct child *self)
{
	loop_run();
	heir_stop();
	h1_server_close_all();
	if (me.is_worker) {
		stop_access_log();
		proxy_fini(&me.proxy);
		upstreams_free(&me.upstreams, self->conf->n_upstreams);
	}
	free(me.settings);
	loop_timer_fini(&me.stop);
	wake_ignore();
	check_stop();
	admin_stop();
	refresh_stop();
	loop_fini();
	error_log_stop(LOG_STOP_MS);
	publish();
	return 0;
}

static int
worker_main(struct child *self)
{
	if (start(self) < 0)
		return 1;
	start_serving(self);
	listen_for_wakes(self->slot, on_wake);
	child_ready(self);
	return run(self);
}

static int
monitor_main(struct child *self)
{
	if (start(self) < 0)
		return 1;
	start_monitoring(self, on_names);
	return run(self);
}

int
single_main(struct child *self)
{
	if (start(self) < 0)
		return 1;
	start_serving(self);
	start_monitoring(self, on_names);
	return run(self);
}

const struct role worker_role = { .name = "worker", .main = worker_main };
const struct role monitor_role = { .name = "monitor", .main = monitor_main };
