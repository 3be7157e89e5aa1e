/* src/cli/signal.c -- fairlead --signal: find the master, tell it, wait */
#include "cli/signal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/base.h"
#include "core/clock.h"
#include "proc/pid_file.h"
#include "proc/status.h"

#define LOOK_EVERY_MS	10	/* at the status file */
#define TITLE		"fairlead: "	/* a master's or a single process's */

/* What is waited for. */
enum until { UNTIL_VERDICT, UNTIL_TOLD, UNTIL_GONE };

static const struct order {
	const char *name;
	int signo;
	bool reads_conf;
	enum until until;
	uint32_t patience_ms;	/* 0: as long as it takes */
} orders[] = {
	{ "reload", SIGHUP, true, UNTIL_VERDICT, 60000 },
	{ "upgrade", SIGUSR2, true, UNTIL_VERDICT, 60000 },
	{ "reopen", SIGUSR1, false, UNTIL_TOLD, 10000 },
	{ "stop", SIGTERM, false, UNTIL_GONE, 0 },
	{ "quit", SIGQUIT, false, UNTIL_GONE, 0 },
};

/* The one that is told. */
struct target {
	const struct order *order;
	const char *run_dir;
	pid_t pid;
	int fd;			/* of the process: the pid may get another */
	bool has_status;	/* where it answers */
	uint32_t sequence;	/* of its status as it was before */
	bool is_busy;		/* with an earlier order */
};

static const struct order *
find_order(const char *name)
{
	const struct order *o = orders;

	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

/* ---- who it is */

/* Whether the process is a fairlead that its file's owner could signal
 * himself: what somebody else wrote must not make root kill for him. */
static bool
is_master(pid_t pid, uid_t owner)
{
	char path[64], title[sizeof(TITLE)] = "";
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(title, sizeof(title), f) == NULL || fstat(fileno(f), &st) < 0)
		title[0] = '\0';
	fclose(f);
	return strcmp(title, TITLE) == 0 && (owner == 0 ||
	    owner == geteuid() || owner == st.st_uid);
}

static bool
take_pid(struct target *t, pid_t pid, uid_t owner)
{
	t->fd = pidfd_open(pid, 0);
	if (t->fd >= 0 && is_master(pid, owner)) {
		t->pid = pid;
		return true;
	}
	if (t->fd >= 0)
		close(t->fd);
	return false;
}

static bool
is_final(const char *verdict)
{
	return strcmp(verdict, "applied") == 0 ||
	    strcmp(verdict, "rejected") == 0;
}

static bool
find_by_status(struct target *t)
{
	struct status s;
	bool is_found;

	if (status_read(t->run_dir, &s) < 0)
		return false;
	is_found = t->has_status = take_pid(t, s.pid, s.owner);
	t->sequence = s.sequence;
	t->is_busy = !is_final(s.verdict);
	status_free(&s);
	return is_found;
}

static bool
find_by_pid_file(struct target *t, const char *path)
{
	struct stat st;
	int pid = pid_file_read(path);

	return pid > 0 && stat(path, &st) == 0 && take_pid(t, pid, st.st_uid);
}

static int
find(struct target *t, const char *pid_file)
{
	if (find_by_status(t) || find_by_pid_file(t, pid_file))
		return 0;
	fprintf(stderr, "fairlead: --signal %s: none is running: nothing in "
	    "%s/status or %s names one\n", t->order->name, t->run_dir,
	    pid_file);
	return -1;
}

/* ---- waiting for it */

static bool
is_gone(const struct target *t, int wait_ms)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) > 0;
}

/* An order that came while it was busy is carried out behind that one, which
 * has a verdict of its own. */
static bool
is_news(const struct target *t, const struct status *s)
{
	uint32_t ahead = s->sequence - t->sequence;

	if (t->order->until == UNTIL_TOLD)
		return ahead > 0;
	return is_final(s->verdict) && ahead > (t->is_busy ? 1 : 0);
}

static int
tell_verdict(const struct target *t, const struct status *s)
{
	for (size_t i = 0; i < s->n_diagnostics; i++)
		fprintf(stderr, "%s\n", s->diagnostics[i]);
	fprintf(stderr, "fairlead: %s %s: generation %u serves (process %d)\n",
	    t->order->name, s->verdict, s->generation, (int)t->pid);
	return strcmp(s->verdict, "applied") == 0 ? EXIT_SUCCESS :
	    EXIT_FAILURE;
}

/* The exit status once there is one; -1: not yet. */
static int
look(const struct target *t)
{
	struct status s;
	int status = -1;

	if (status_read(t->run_dir, &s) < 0)
		return -1;
	if (is_news(t, &s))
		status = t->order->until == UNTIL_VERDICT ?
		    tell_verdict(t, &s) : EXIT_SUCCESS;
	status_free(&s);
	return status;
}

static int
give_up(const struct target *t, const char *why)
{
	fprintf(stderr, "fairlead: --signal %s: process %d %s\n",
	    t->order->name, (int)t->pid, why);
	return EXIT_FAILURE;
}

static int
wait_for_news(const struct target *t)
{
	uint64_t end_ms = clock_read_ns() / 1000000 + t->order->patience_ms;
	bool has_ended;
	int status;

	do {
		has_ended = is_gone(t, LOOK_EVERY_MS);
		status = look(t);
		if (status >= 0)
			return status;
		if (has_ended)
			return give_up(t, "has ended");
	} while (clock_read_ns() / 1000000 < end_ms);
	return give_up(t, "has not answered in time; its log tells more");
}

static int
wait_for_end(const struct target *t)
{
	while (!is_gone(t, -1))
		continue;
	return EXIT_SUCCESS;
}

/* ---- all of it */

static int
tell(const struct target *t)
{
	if (pidfd_send_signal(t->fd, t->order->signo, NULL, 0) < 0)
		return give_up(t, strerror(errno));
	if (t->order->until == UNTIL_GONE)
		return wait_for_end(t);
	return t->has_status ? wait_for_news(t) : give_up(t, "has been told, "
	    "but has no status file that would say how it went");
}

/* A stop does without one that is broken by now, and says nothing of it. */
static struct conf *
read_conf(const struct options *o, bool is_needed)
{
	struct diagnostics *d = diagnostics_new();
	struct conf *conf = conf_read(o, d);

	if (is_needed && diagnostics_errors(d) + diagnostics_warnings(d) > 0)
		diagnostics_print(d, STDERR_FILENO);
	diagnostics_free(&d);
	return conf;
}

int
send_signal(const struct options *o)
{
	struct target t = { .order = find_order(o->signal), .run_dir =
	    o->run_dir != NULL ? o->run_dir : RUNSTATEDIR "/fairlead" };
	char pid_file[PATH_MAX];
	struct conf *conf = read_conf(o, t.order->reads_conf);
	int status;

	if (conf == NULL && t.order->reads_conf)
		return EXIT_FAILURE;
	snprintf(pid_file, sizeof(pid_file), "%s/fairlead.pid", t.run_dir);
	if (conf != NULL && conf->pid_file != NULL)
		snprintf(pid_file, sizeof(pid_file), "%s", conf->pid_file);
	conf_free(&conf);
	if (find(&t, pid_file) < 0)
		return EXIT_FAILURE;
	status = tell(&t);
	close(t.fd);
	return status;
}
