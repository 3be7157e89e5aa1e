/* src/proc/spawn.c -- one child's place: fork, control socket, death, return */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/daemon.h"
#include "proc/internal.h"
#include "proc/wake.h"

const char *
process_name(const struct process *p)
{
	static char name[32];

	if (p->slot == SEGMENT_MONITOR)
		return p->role->name;
	snprintf(name, sizeof(name), "%s %u", p->role->name, p->slot);
	return name;
}

static int
compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/*
 * What a child may hold: its standard descriptors, log, segment, its end of
 * the control socket, and what it listens on. Above all none of the master's
 * ends, its own or its siblings': they would hide the master's death.
 */
static size_t
list_kept(const struct process *p, int control_fd, int *kept)
{
	const struct generation *g = p->generation;
	const struct listener_set *l = g->listeners;
	size_t n = 0;

	for (int fd = 0; fd <= 2; fd++)
		kept[n++] = fd;
	kept[n++] = g->logs.error.fd;
	kept[n++] = segment.fd;
	kept[n++] = control_fd;
	n += wake_descriptors(&kept[n], SEGMENT_SLOTS + 1);
	if (p->slot == SEGMENT_MONITOR) {
		admin_descriptors(admin_of(g), &kept[n]);
		return n + 2;
	}
	kept[n++] = g->logs.access.fd;
	memcpy(&kept[n], l->fds, l->n_addresses * l->n_slots * sizeof(int));
	return n + l->n_addresses * l->n_slots;
}

static void
close_others(const struct process *p, int control_fd)
{
	/* None: a monitor's, while its generation drains. */
	const struct listener_set *l = p->generation->listeners;
	size_t n_sockets = l == NULL ? 0 : l->n_addresses * l->n_slots;
	int *kept = xcalloc(n_sockets + SEGMENT_SLOTS + 14, sizeof(int));
	size_t n = list_kept(p, control_fd, kept);
	unsigned from = 0;

	qsort(kept, n, sizeof(*kept), compare_ints);
	for (size_t i = 0; i < n; i++) {
		if (kept[i] < 0)
			continue;
		if ((unsigned)kept[i] > from)
			close_range(from, (unsigned)kept[i] - 1, 0);
		from = (unsigned)kept[i] + 1;
	}
	close_range(from, ~0u, 0);
	free(kept);
}

/* Those of the first generation accept at once: nobody else does. */
static bool
has_to_wait(const struct generation *g)
{
	return g == master.coming && master.serving != NULL;
}

static void
run_child(const struct process *p, int control_fd)
{
	const struct generation *g = p->generation;
	struct child self = {
		.slot = p->slot, .place = p->place, .slots = g->slots,
		.n_places = (uint32_t)g->n_workers,
		.generation = g->number, .waits = has_to_wait(g),
		.control_fd = control_fd,
		.conf = g->conf, .listeners = g->listeners,
		.admin_fds = { -1, -1 },
		.access_fd = p->slot == SEGMENT_MONITOR ? -1 :
		    g->logs.access.fd,
	};

	if (p->slot == SEGMENT_MONITOR)
		admin_descriptors(admin_of(g), self.admin_fds);
	loop_fini();	/* ours is a copy of the master's */
	close_others(p, control_fd);
	daemon_child();
	logs_use(&g->logs, g->conf);
	exit(p->role->main(&self));
}

/* The master's part after a fork. */
static void
adopt(struct process *p, pid_t pid)
{
	struct process_slot *slot = segment_process(p->slot);

	p->pid = pid;
	p->is_ready = false;
	p->is_dismissed = false;
	p->started_ms = clock_read_ns() / 1000000;
	watch_init(&p->watch, shm_get(&slot->beat_ms), p->started_ms);
	shm_set(&slot->pid, pid);
	log_debug(NULL, "%s is process %d", process_name(p), (int)pid);
}

static void
close_control(struct process *p)
{
	int fd = p->control.fd;

	if (fd < 0)
		return;
	io_remove(&p->control);	/* a dying child may hold a duplicate */
	close(fd);
	p->control.fd = -1;
}

/* A child that breaks the protocol is not one of ours any more. */
static void
condemn(struct process *p)
{
	log_write_errno(LOG_ALERT, NULL, "bad message from %s (process %d): "
	    "killing it", process_name(p), (int)p->pid);
	close_control(p);
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

/* What a child has to tell; descriptors it has none to give. */
static bool
take_message(struct process *p, const struct control_message *m)
{
	for (uint32_t i = 0; i < m->n_fds; i++)
		close(m->fds[i]);
	if (m->type == CONTROL_READY && !p->is_ready) {
		p->is_ready = true;
		master_child_ready(p);
	} else if (m->type == CONTROL_RELEASED && p->is_dismissed)
		monitor_released(p);
	else if (m->type != CONTROL_READY) {
		errno = EPROTO;
		return false;
	}
	return true;
}

static void
on_control(struct io *io, uint32_t events UNUSED)
{
	struct process *p = container_of(io, struct process, control);
	struct control_message m;

	while (io->fd >= 0) {
		switch (control_receive(io->fd, &m)) {
		case CONTROL_GOT:
			if (!take_message(p, &m))
				condemn(p);
			break;
		case CONTROL_NOTHING:
			return;
		case CONTROL_GONE:
			close_control(p);	/* SIGCHLD tells the rest */
			return;
		case CONTROL_INVALID:
			condemn(p);
			return;
		}
	}
}

/* 0, or -1 with errno and nothing changed. */
static int
fork_child(struct process *p)
{
	struct process_slot *slot = segment_process(p->slot);
	int ends[2];
	pid_t pid;

	if (control_pair(ends) < 0)
		return -1;
	shm_set(&slot->generation, p->generation->number);
	shm_publish(&slot->state, SLOT_STARTING);
	pid = fork();
	if (pid == 0)
		run_child(p, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		shm_publish(&slot->state, SLOT_DEAD);
		close(ends[0]);
		return -1;
	}
	adopt(p, pid);
	io_init(&p->control, ends[0], on_control);
	return io_register(&p->control, LOOP_EDGE);
}

static void
retry_later(struct process *p)
{
	log_write_errno(LOG_ERROR, NULL, "cannot start %s; next try in %d ms",
	    process_name(p), BACKOFF_MOST_MS);
	loop_timer_set(&p->respawn, clock_now_ms + BACKOFF_MOST_MS);
}

void
process_spawn(struct process *p)
{
	if (fork_child(p) == 0)
		return;
	if (p->pid == 0)
		retry_later(p);
	else
		condemn(p);	/* it runs, but cannot be heard */
}

static void
on_respawn(struct timer *t)
{
	struct process *p = container_of(t, struct process, respawn);

	if (p->pid == 0 && master_wants(p))
		process_spawn(p);
}

void
process_init(struct process *p, const struct role *role, struct generation *g,
    uint32_t slot)
{
	*p = (struct process){ .role = role, .generation = g, .slot = slot };
	list_init(&p->link);
	io_init(&p->control, -1, on_control);
	timer_init(&p->respawn, on_respawn);
}

void
process_adopt(struct process *p, int control_fd)
{
	uint64_t now_ms = clock_read_ns() / 1000000;

	p->started_ms = now_ms;
	watch_init(&p->watch, p->is_foreign ? 0 :
	    shm_get(&segment_process(p->slot)->beat_ms), now_ms);
	if (control_fd < 0)
		return;
	io_init(&p->control, control_fd, on_control);
	if (io_register(&p->control, LOOP_EDGE) < 0)
		condemn(p);
}

void
process_fini(struct process *p)
{
	loop_timer_fini(&p->respawn);
	close_control(p);
}

/* Signals that we, not an operator, bring upon ourselves. */
static bool
is_our_fault(int signo)
{
	return signo == SIGSEGV || signo == SIGABRT || signo == SIGBUS ||
	    signo == SIGILL || signo == SIGFPE || signo == SIGSYS ||
	    signo == SIGTRAP;
}

static void
log_death(const struct process *p, pid_t pid, int status)
{
	const char *name = process_name(p);

	if (WIFSIGNALED(status)) {
		int signo = WTERMSIG(status);

		log_at(is_our_fault(signo) ? LOG_ALERT : LOG_WARN, NULL,
		    "%s (process %d) died by signal %d (%s)%s", name, (int)pid,
		    signo, strsignal(signo),
		    WCOREDUMP(status) ? ", core dumped" : "");
	} else if (!p->is_dismissed || WEXITSTATUS(status) != 0)
		log_at(LOG_WARN, NULL, "%s (process %d) exited with status %d",
		    name, (int)pid, WEXITSTATUS(status));
	else
		log_debug(NULL, "%s (process %d) is done", name, (int)pid);
}

void
process_reaped(struct process *p, int status)
{
	struct process_slot *slot = segment_process(p->slot);
	uint64_t lived = clock_read_ns() / 1000000 - p->started_ms;

	log_death(p, p->pid, status);
	p->pid = 0;
	p->is_ready = false;
	p->delay_ms = backoff_next(&p->backoff, lived);
	close_control(p);
	if (p->is_released || p->is_foreign)
		return;		/* its slot is another's */
	shm_publish(&slot->state, SLOT_DEAD);
	shm_set(&slot->pid, 0);
	shm_set(&slot->accepting, 0);
	segment_clear_gauges(p->slot);
}

void
process_replace(struct process *p)
{
	p->restarts++;
	shm_set(&segment_process(p->slot)->restarts, p->restarts);
	if (p->delay_ms == 0) {
		process_spawn(p);
		return;
	}
	log_notice(NULL, "%s dies again and again: next start in %u ms",
	    process_name(p), p->delay_ms);
	loop_timer_set(&p->respawn, clock_now_ms + p->delay_ms);
}

void
process_send(struct process *p, const struct control_message *m)
{
	if (p->pid == 0)
		return;
	if (m->type == CONTROL_DRAIN || m->type == CONTROL_STOP)
		p->is_dismissed = true;
	if (p->control.fd < 0)
		kill(p->pid, SIGKILL);
	else if (control_send(p->control.fd, m) < 0)
		log_write_errno(LOG_WARN, NULL, "cannot tell %s (process %d)",
		    process_name(p), (int)p->pid);
}

void
process_tell(struct process *p, enum control_type type)
{
	const struct control_message m = { .type = type };

	process_send(p, &m);
}

void
process_watch(struct process *p)
{
	uint64_t beat;

	if (p->pid == 0 || p->is_released || p->is_foreign)
		return;
	beat = shm_get(&segment_process(p->slot)->beat_ms);
	switch (watch_look(&p->watch, beat, clock_now_ms)) {
	case WATCH_FINE:
		break;
	case WATCH_ABORT:
		log_error(NULL, "%s (process %d) hangs: no heartbeat for "
		    "%d s, aborting it", process_name(p), (int)p->pid,
		    WATCH_HUNG_MS / 1000);
		kill(p->pid, SIGABRT);
		break;
	case WATCH_KILL:
		kill(p->pid, SIGKILL);
		break;
	}
}
