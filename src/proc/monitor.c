/* src/proc/monitor.c -- the one process that checks, and answers operators */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/memory.h"
#include "proc/internal.h"

#define FINISH_MS 60000	/* for what an old one has been asked */

static void
start(void)
{
	struct process *p = xnew(struct process);

	process_init(p, master.options->monitor, master.monitor_for,
	    SEGMENT_MONITOR);
	master.monitor = p;
	process_spawn(p);
}

static void
end(struct process **p)
{
	process_fini(*p);
	list_remove(&(*p)->link);
	loop_free(*p);
	*p = NULL;
}

/* Requests that it has not answered yet, it goes on with. */
static void
ask_to_leave(struct process *p)
{
	const struct control_drain drain = { .limit_ms = FINISH_MS };
	struct control_message m = {
		.type = CONTROL_DRAIN, .data_len = sizeof(drain),
	};

	memcpy(m.data, &drain, sizeof(drain));
	process_send(p, &m);
}

void
monitor_serve(struct generation *g)
{
	master.monitor_for = g;
	if (master.monitor != NULL && master.monitor->pid != 0) {
		ask_to_leave(master.monitor);
		return;
	}
	if (master.monitor != NULL)
		end(&master.monitor);
	start();
}

bool
monitor_is_ready(const struct generation *g)
{
	return master.monitor != NULL && master.monitor->generation == g &&
	    master.monitor->is_ready;
}

void
monitor_released(struct process *p)
{
	if (p != master.monitor)
		return;
	p->is_released = true;
	p->generation = NULL;
	list_push(&master.old_monitors, &p->link);
	start();
}

/* Behind an upgrade the one that was there has no configuration here. */
static bool
is_wanted(void)
{
	return master.state != MASTER_STOPPING && master.monitor_for != NULL &&
	    master.monitor_for->conf != NULL;
}

void
monitor_reaped(struct process *p, int status)
{
	process_reaped(p, status);
	if (p != master.monitor) {
		end(&p);
	} else if (!is_wanted()) {
		end(&master.monitor);
	} else if (p->generation != master.monitor_for) {
		end(&master.monitor);
		start();
	} else
		process_replace(p);
}

struct process *
monitor_find(pid_t pid)
{
	struct list *it, *after;

	if (master.monitor != NULL && master.monitor->pid == pid)
		return master.monitor;
	list_each(it, after, &master.old_monitors) {
		struct process *p = container_of(it, struct process, link);

		if (p->pid == pid)
			return p;
	}
	return NULL;
}

bool
monitor_is_alive(void)
{
	return (master.monitor != NULL && master.monitor->pid != 0) ||
	    !list_is_empty(&master.old_monitors);
}

/* What `what` does to each of them. */
static void
each(void (*what)(struct process *p, int with), int with)
{
	struct list *it, *after;

	if (master.monitor != NULL)
		what(master.monitor, with);
	list_each(it, after, &master.old_monitors)
		what(container_of(it, struct process, link), with);
}

static void
tell(struct process *p, int type)
{
	process_tell(p, (enum control_type)type);
}

static void
send_signal(struct process *p, int signo)
{
	if (p->pid != 0)
		kill(p->pid, signo);
}

void
monitor_tell(enum control_type type)
{
	each(tell, (int)type);
}

void
monitor_kill(int signo)
{
	each(send_signal, signo);
}

void
monitor_fini(void)
{
	if (master.monitor != NULL)
		end(&master.monitor);
}
