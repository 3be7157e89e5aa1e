/* src/proc/child.c -- the life of a child, as far as its master is concerned */
#include "proc/child.h"

#include <errno.h>
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
#include "proc/daemon.h"
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
	void (*on_order)(enum order order);
	struct io control;
	struct timer beat;
	struct timer patience;	/* single mode: shutdown_timeout */
	bool is_orphan;
	bool is_draining;
} me;

void
child_beat(struct child *self)
{
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

static void
give_order(enum order order)
{
	if (order == ORDER_DRAIN) {
		if (me.is_draining)
			return;
		me.is_draining = true;
		child_draining(me.self);
	}
	me.on_order(order);
}

static void
lose_master(void)
{
	io_remove(&me.control);
	close(me.self->control_fd);
	me.control.fd = me.self->control_fd = -1;
	me.is_orphan = true;
	give_order(ORDER_MASTER_GONE);
}

/* Descriptors that nobody knows what to do with yet. */
static void
refuse_descriptors(const struct control_message *m)
{
	for (uint32_t i = 0; i < m->n_fds; i++)
		close(m->fds[i]);
	log_alert(NULL, "unexpected descriptors from the master");
}

static void
obey(const struct control_message *m)
{
	switch ((enum control_type)m->type) {
	case CONTROL_STOP:
		give_order(ORDER_STOP);
		break;
	case CONTROL_DRAIN:
		give_order(ORDER_DRAIN);
		break;
	case CONTROL_DESCRIPTORS:
		refuse_descriptors(m);
		break;
	case CONTROL_READY:
	case CONTROL_TYPES:
		log_alert(NULL, "message %u from the master", m->type);
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
		give_order(ORDER_STOP);
	else
		log_debug(NULL, "signal %d is for the master", signo);
}

static void
on_patience(struct timer *t UNUSED)
{
	log_warn(NULL, "shutdown_timeout is over: cutting what still runs");
	give_order(ORDER_STOP);
}

static void
on_single_signal(int signo)
{
	log_notice(NULL, "signal %d (%s)", signo, strsignal(signo));
	if (signo == SIGTERM || signo == SIGINT) {
		shm_set(&segment.header->is_stopping, 1);
		give_order(ORDER_STOP);
	} else if (signo == SIGQUIT) {
		shm_set(&segment.header->is_stopping, 1);
		loop_timer_set(&me.patience, clock_now_ms +
		    me.self->conf->shutdown_timeout_ms);
		give_order(ORDER_DRAIN);
	} else if (signo != SIGWINCH)
		log_notice(NULL, "not built yet");
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
child_start(struct child *self, void (*on_order)(enum order order))
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

/* Without a master it is for us to say. */
static void
single_ready(struct child *self)
{
	char names[512];

	shm_publish(&segment_process(SEGMENT_MONITOR)->state, SLOT_READY);
	shm_publish(&segment.header->ready_generation, self->generation);
	listener_set_print(self->listeners, names, sizeof(names));
	log_notice(NULL, "ready: single process, listening on %s", names);
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
