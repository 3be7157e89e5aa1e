/* src/proc/child.c -- the life of a child, as far as its master is concerned */
#include "proc/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "event/loop.h"
#include "net/listener.h"
#include "proc/control.h"
#include "proc/logs.h"
#include "proc/daemon.h"
#include "proc/notify.h"
#include "proc/privileges.h"
#include "proc/title.h"
#include "shm/segment.h"

/* Other workers look at a worker's beat (200 ms), only the master at the
 * monitor's (10 s): no need to wake a quiet machine for that. */
#define BEAT_EVERY_MS		50
#define MONITOR_BEAT_EVERY_MS	1000

/* This process's own, while it is a child. */
static struct {
	struct child *self;
	void (*on_order)(const struct order *order);
	struct io control;
	struct timer beat;
	struct timer patience;	/* single mode: shutdown_timeout */
	bool is_orphan;
	bool is_draining;
} me;

void
child_beat(struct child *self)
{
	if (unlikely(self->is_released))
		return;
	shm_set(&segment_process(self->slot)->beat_ms, clock_now_ms);
}

static void
on_turn(struct loop *l UNUSED)
{
	child_beat(me.self);
}

static uint32_t
beat_every_ms(const struct child *self)
{
	return self->slot == SEGMENT_MONITOR ? MONITOR_BEAT_EVERY_MS :
	    BEAT_EVERY_MS;
}

static void
on_beat(struct timer *t)
{
	child_beat(me.self);
	loop_timer_set(t, clock_now_ms + beat_every_ms(me.self));
}

void
child_draining(struct child *self)
{
	shm_publish(&segment_process(self->slot)->state, SLOT_DRAINING);
}

void
child_release(struct child *self)
{
	self->is_released = true;
	if (self->control_fd >= 0 &&
	    control_tell(self->control_fd, CONTROL_RELEASED) < 0)
		log_write_errno(LOG_ERROR, NULL, "cannot tell the master");
}

static void
give_order(const struct order *order)
{
	if (order->type == ORDER_DRAIN && !me.is_draining) {
		me.is_draining = true;
		if (me.self->slot != SEGMENT_MONITOR)
			child_draining(me.self);
	}
	me.on_order(order);
}

static void
give_plain(enum order_type type)
{
	const struct order order = { .type = type };

	give_order(&order);
}

static void
lose_master(void)
{
	io_remove(&me.control);
	close(me.self->control_fd);
	me.control.fd = me.self->control_fd = -1;
	me.is_orphan = true;
	give_plain(ORDER_MASTER_GONE);
}

static void
order_drain(const struct control_message *m)
{
	struct control_drain drain;
	struct order order = {
		.type = ORDER_DRAIN,
		.channels = m->fds, .n_channels = m->n_fds,
		.retired = drain.retired,
		.n_retired = 8 * sizeof(drain.retired),
	};

	memcpy(&drain, m->data, sizeof(drain));
	order.limit_ms = drain.limit_ms;
	give_order(&order);
}

static void
order_heir(const struct control_message *m)
{
	const struct order order = {
		.type = ORDER_HEIR, .channels = m->fds, .n_channels = 1,
	};

	give_order(&order);
}

/* Another file behind the same descriptor: whoever is writing finishes what
 * he writes to the old one. */
static void
replace(int old, int *fd)
{
	if (*fd < 0)
		return;
	if (old >= 0 && dup3(*fd, old, O_CLOEXEC) < 0)
		log_write_errno(LOG_ERROR, NULL, "cannot change a log");
	close(*fd);
	*fd = -1;
}

static void
take_logs(struct control_message *m)
{
	unsigned which = (unsigned char)m->data[0];
	uint32_t n = 0;

	if ((which & CONTROL_ERROR_LOG) && n < m->n_fds)
		replace(log_fd(), &m->fds[n++]);
	if ((which & CONTROL_ACCESS_LOG) && n < m->n_fds)
		replace(me.self->access_fd, &m->fds[n++]);
	log_info(NULL, "logs reopened");
}

static void
refuse(const struct control_message *m)
{
	for (uint32_t i = 0; i < m->n_fds; i++)
		close(m->fds[i]);
	log_alert(NULL, "message %u from the master", m->type);
}

static void
obey(struct control_message *m)
{
	switch ((enum control_type)m->type) {
	case CONTROL_STOP:
		give_plain(ORDER_STOP);
		break;
	case CONTROL_GO:
		give_plain(ORDER_GO);
		break;
	case CONTROL_DRAIN:
		order_drain(m);
		break;
	case CONTROL_HEIR:
		if (m->n_fds == 1)
			order_heir(m);
		else
			log_warn(NULL, "no descriptor for a channel to a "
			    "worker that leaves");
		break;
	case CONTROL_LOGS:
		take_logs(m);
		break;
	case CONTROL_READY:
	case CONTROL_RELEASED:
	case CONTROL_TYPES:
		refuse(m);
		break;
	}
}

static void
on_control(struct io *io, uint32_t events UNUSED)
{
	struct control_message m;

	while (io->fd >= 0) {
		switch (control_receive(io->fd, &m)) {
		case CONTROL_GOT:
			obey(&m);
			break;
		case CONTROL_NOTHING:
			return;
		case CONTROL_GONE:
			lose_master();
			return;
		case CONTROL_INVALID:
			log_write_errno(LOG_ALERT, NULL,
			    "bad message from the master");
			return;
		}
	}
}

/* A worker's signals are its master's business; only an orphan obeys. */
static void
on_child_signal(int signo)
{
	if (me.is_orphan && (signo == SIGTERM || signo == SIGINT))
		give_plain(ORDER_STOP);
	else
		log_debug(NULL, "signal %d is for the master", signo);
}

static void
on_patience(struct timer *t UNUSED)
{
	log_warn(NULL, "shutdown_timeout is over: cutting what still runs");
	give_plain(ORDER_STOP);
}

/* A single process has no heir: its limit is on_patience(). */
static void
drain_single(void)
{
	notify_stopping("finishing what is under way");
	shm_set(&segment.header->is_stopping, 1);
	loop_timer_set(&me.patience, clock_now_ms +
	    me.self->conf->shutdown_timeout_ms);
	give_plain(ORDER_DRAIN);
}

static void
on_single_signal(int signo)
{
	log_notice(NULL, "signal %d (%s)", signo, strsignal(signo));
	switch (signo) {
	case SIGTERM:
	case SIGINT:
		notify_stopping(NULL);
		shm_set(&segment.header->is_stopping, 1);
		give_plain(ORDER_STOP);
		break;
	case SIGQUIT:
		drain_single();
		break;
	case SIGUSR1:
		if (logs_reopen(me.self->logs) != 0)
			log_notice(NULL, "logs reopened");
		break;
	case SIGWINCH:
		break;
	default:
		log_notice(NULL, "a single process does not do that");
		break;
	}
}

static int
start_signals(bool is_single)
{
	static const int signals[] = {
		SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH,
		0
	};

	return loop_signals(signals,
	    is_single ? on_single_signal : on_child_signal);
}

static void
start_title(const struct child *self)
{
	if (self->control_fd < 0)
		return;		/* single: has its own */
	if (self->slot == SEGMENT_MONITOR)
		title_set("fairlead: monitor process");
	else
		title_set("fairlead: worker process %u", self->slot);
}

static void
start_beat(struct child *self)
{
	timer_init(&me.beat, on_beat);
	timer_init(&me.patience, on_patience);
	loop.on_turn = on_turn;
	clock_update();
	/* The master says so, too, but perhaps later than we are ready. */
	shm_set(&segment_process(self->slot)->pid, getpid());
	child_beat(self);
	loop_timer_set(&me.beat, clock_now_ms + beat_every_ms(self));
}

static int
start_control(struct child *self)
{
	io_init(&me.control, self->control_fd, on_control);
	return self->control_fd < 0 ? 0 : io_register(&me.control, LOOP_EDGE);
}

int
child_start(struct child *self, void (*on_order)(const struct order *order))
{
	memset(&me, 0, sizeof(me));
	me.self = self;
	me.on_order = on_order;
	start_title(self);
	random_seed();
	if (loop_init() < 0 || start_signals(self->control_fd < 0) < 0 ||
	    start_control(self) < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot start the event loop");
		return -1;
	}
	if (privileges_drop() < 0)
		return -1;
	start_beat(self);
	return 0;
}

/* As the loop asks, it turns. */
static bool
is_well(void)
{
	return true;
}

/* Without a master it is for us to say. */
static void
single_ready(struct child *self)
{
	char names[512];

	shm_publish(&segment_process(SEGMENT_MONITOR)->state, SLOT_READY);
	shm_publish(&segment.header->ready_generation, self->generation);
	listener_set_print(self->listeners, names, sizeof(names));
	log_notice(NULL, "ready: single process, listening on %s", names);
	notify_ready("single process");
	notify_watch(is_well);
	daemon_ready();
}

void
child_ready(struct child *self)
{
	child_beat(self);
	shm_publish(&segment_process(self->slot)->state, SLOT_READY);
	if (self->control_fd < 0)
		single_ready(self);
	else if (control_tell(self->control_fd, CONTROL_READY) < 0)
		log_write_errno(LOG_ERROR, NULL, "cannot tell the master");
}
