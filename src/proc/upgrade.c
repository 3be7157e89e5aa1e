/* src/proc/upgrade.c -- rehearsal, exec and adoption */
#include "proc/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/secret.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/notify.h"
#include "proc/passport.h"
#include "proc/pid_file.h"
#include "proc/wake.h"
#include "shm/export.h"

#define VARIABLE	"FAIRLEAD_UPGRADE"	/* "PART PID DESCRIPTOR" */
#define REHEARSAL_MS	30000
#define SAID_MOST	8192	/* of what the rehearsal prints */

static struct {
	char binary[PATH_MAX];
	pid_t pid;		/* of the rehearsal; 0: none */
	int said;		/* what it prints; a memfd */
	int passport, export;	/* memfds; -1 */
	struct timer late;
	char before[64];	/* the version whose work we go on with */
	enum { SEGMENT_ADOPTED, SEGMENT_IMPORTED, SEGMENT_LOST } segment;
} upgrade = { .said = -1, .passport = -1, .export = -1 };

/* ---- where the binary is */

/* What does not fit is not there. */
static bool
join(const char *directory, size_t len, const char *name)
{
	size_t size = sizeof(upgrade.binary);
	int n = snprintf(upgrade.binary, size, "%.*s/%s", (int)len, directory,
	    name);

	return n > 0 && (size_t)n < size && access(upgrade.binary, X_OK) == 0;
}

static bool
find_in_path(const char *name)
{
	const char *path = getenv("PATH"), *end;

	for (; path != NULL && *path != '\0'; path = *end ? end + 1 : end) {
		end = path + strcspn(path, ":");
		if (*path == '/' && join(path, (size_t)(end - path), name))
			return true;
	}
	return false;
}

static bool
find_from_here(const char *name)
{
	char here[PATH_MAX];

	return getcwd(here, sizeof(here)) != NULL &&
	    join(here, strlen(here), name);
}

/* Not what it links to: whoever installs another version changes the link. */
void
upgrade_started_as(const char *argv0)
{
	ssize_t n;

	if (*argv0 == '/' ? join("", 0, argv0 + 1) :
	    strchr(argv0, '/') != NULL ? find_from_here(argv0) :
	    find_in_path(argv0))
		return;
	n = readlink("/proc/self/exe", upgrade.binary,
	    sizeof(upgrade.binary) - 1);
	upgrade.binary[n < 0 ? 0 : n] = '\0';
}

const char *
upgrade_binary(void)
{
	return upgrade.binary;
}

int
upgrade_export(void)
{
	return upgrade.export;
}

/* ---- the part that we have */

enum upgrade_part
upgrade_part(int *passport)
{
	const char *value = getenv(VARIABLE);
	char part[16];
	int pid, n;

	if (value == NULL)
		return UPGRADE_NONE;
	n = sscanf(value, "%15s %d %d", part, &pid, passport);
	unsetenv(VARIABLE);
	if (n != 3)
		return UPGRADE_NONE;
	if (strcmp(part, "rehearse") == 0 && pid == getppid())
		return UPGRADE_REHEARSE;
	if (strcmp(part, "adopt") == 0 && pid == getpid())
		return UPGRADE_ADOPT;
	return UPGRADE_NONE;
}

static void
set_part(const char *part)
{
	char value[64];

	snprintf(value, sizeof(value), "%s %d %d", part, (int)getpid(),
	    upgrade.passport);
	setenv(VARIABLE, value, 1);
}

/* ---- the old master */

static void
close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
forget(void)
{
	loop_timer_fini(&upgrade.late);
	close_one(&upgrade.said);
	close_one(&upgrade.passport);
	close_one(&upgrade.export);
	upgrade.pid = 0;
}

/* 0, or -1 with errno. The passport names the export: it comes first. */
static int
write_passport(void)
{
	close_one(&upgrade.passport);
	close_one(&upgrade.export);
	upgrade.export = memfd_create("fairlead-export", MFD_CLOEXEC);
	upgrade.passport = memfd_create("fairlead-passport", MFD_CLOEXEC);
	return upgrade.export < 0 || upgrade.passport < 0 ||
	    segment_export(upgrade.export) < 0 ? -1 :
	    passport_write(upgrade.passport);
}

static NORETURN void
rehearse(void)
{
	dup2(upgrade.said, STDOUT_FILENO);
	dup2(upgrade.said, STDERR_FILENO);
	passport_keep(true);
	(void)fcntl(upgrade.passport, F_SETFD, 0);
	execv(upgrade.binary, master.options->argv);
	fprintf(stderr, "fairlead: %s: %s\n", upgrade.binary,
	    strerror(errno));
	_exit(127);
}

static void
on_late(struct timer *t UNUSED)
{
	log_error(NULL, "the rehearsal takes too long");
	kill(upgrade.pid, SIGKILL);
}

static int
start_rehearsal(void)
{
	sigset_t none;

	upgrade.said = memfd_create("fairlead-rehearsal", MFD_CLOEXEC);
	if (upgrade.said < 0 || write_passport() < 0)
		return -1;
	set_part("rehearse");
	upgrade.pid = fork();
	if (upgrade.pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		rehearse();
	}
	unsetenv(VARIABLE);
	return upgrade.pid < 0 ? -1 : 0;
}

bool
upgrade_is_under_way(void)
{
	return upgrade.pid != 0;
}

void
upgrade_cancel(void)
{
	if (upgrade.pid == 0)
		return;
	kill(upgrade.pid, SIGKILL);
	forget();
}

void
upgrade_begin(void)
{
	if (upgrade.pid != 0)
		return;
	run_dir_tell("upgrading", NULL, 0);
	notify_reloading();
	log_info(NULL, "upgrade: rehearsing with %s", upgrade.binary);
	timer_init(&upgrade.late, on_late);
	if (start_rehearsal() == 0) {
		loop_timer_set(&upgrade.late, clock_now_ms + REHEARSAL_MS);
		return;
	}
	log_write_errno(LOG_ERROR, NULL, "upgrade: cannot rehearse");
	forget();
	reload_reject("the upgrade was rejected");
}

/* What it printed, line by line. */
static void
tell_said(void)
{
	char text[SAID_MOST + 1], *line, *rest;
	ssize_t n = pread(upgrade.said, text, SAID_MOST, 0);

	text[n < 0 ? 0 : n] = '\0';
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		reload_say(line);
}

static void
refuse(const char *why)
{
	char line[PATH_MAX + 256];

	snprintf(line, sizeof(line), "%s %s", upgrade.binary, why);
	tell_said();
	reload_say(line);
	forget();
	reload_reject("the upgrade was rejected");
}

/* Returns only if it could not be done. */
static void
replace_program(void)
{
	int error;

	if (write_passport() == 0) {
		passport_keep(true);
		(void)fcntl(upgrade.passport, F_SETFD, 0);
		set_part("adopt");
		notify_keep(true);
		log_notice(NULL, "upgrade: executing %s", upgrade.binary);
		execv(upgrade.binary, master.options->argv);
	}
	error = errno;
	unsetenv(VARIABLE);
	notify_keep(false);
	passport_keep(false);
	errno = error;
	log_write_errno(LOG_ERROR, NULL, "upgrade: exec");
	refuse("cannot be executed");
}

bool
upgrade_reaped(pid_t pid, int status)
{
	char why[64];

	if (pid != upgrade.pid || pid == 0)
		return false;
	upgrade.pid = 0;
	if (status == 0) {
		replace_program();
		return true;
	}
	if (WIFEXITED(status))
		snprintf(why, sizeof(why), "rehearsed with exit status %d",
		    WEXITSTATUS(status));
	else
		snprintf(why, sizeof(why), "died by signal %d in its "
		    "rehearsal", WTERMSIG(status));
	refuse(why);
	return true;
}

/* ---- the rehearsal */

static bool
is_at(const struct passport_socket *s)
{
	struct address a = { 0 };

	a.len = sizeof(a) - offsetof(struct address, sa);
	return getsockname(s->fd, &a.sa, &a.len) == 0 &&
	    (s->actual.sa.sa_family == AF_UNIX ||
	    address_equal(&a, &s->actual));
}

static int
check_sockets(const struct passport *p)
{
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < p->n_sockets; i++) {
		if (is_at(&p->sockets[i]))
			continue;
		address_print(&p->sockets[i].actual, text);
		fprintf(stderr, "fairlead: descriptor %d does not listen on "
		    "%s\n", p->sockets[i].fd, text);
		return -1;
	}
	return 0;
}

static struct listener_set *
adopt_sockets(const struct passport *p, bool is_admin)
{
	struct listener_set *set = NULL;

	for (size_t i = 0; i < p->n_sockets; i++)
		if (p->sockets[i].is_admin == is_admin)
			set = listener_set_adopt(set, p->sockets[i].fd,
			    &p->sockets[i].wanted, &p->sockets[i].actual,
			    p->sockets[i].is_given);
	return set;
}

/* Those that are new are bound, and closed. */
static int
check_listeners(const struct passport *p, const struct conf *conf)
{
	struct listener_set *old = adopt_sockets(p, false), *set;
	int result;

	set = listener_set_renew(old, conf->listeners, conf->n_listeners,
	    (size_t)conf->workers);
	result = set != NULL ? 0 : -1;
	listener_set_undo(&set, old);
	listener_set_close(&old);
	return result;
}

/* Our own process only: the segment that it is tried with goes with it. */
static int
check_segment(const struct passport *p)
{
	if (segment_has_our_layout(p->segment))
		return 0;
	if (segment_create() == 0 && segment_import(p->export) == 0)
		return 0;
	fputs("fairlead: what the segment has cannot be taken over\n",
	    stderr);
	return -1;
}

int
upgrade_rehearse(int passport, const struct conf *conf)
{
	struct passport *p = passport_read(passport);
	int result = EXIT_FAILURE;

	if (p == NULL)
		fputs("fairlead: the passport cannot be read\n", stderr);
	else if (conf->workers == 0)
		fputs("fairlead: workers: 0 takes a restart\n", stderr);
	else if (check_sockets(p) == 0 && check_segment(p) == 0 &&
	    check_listeners(p, conf) == 0)
		result = EXIT_SUCCESS;
	passport_free(&p);
	return result;
}

/* ---- the new master */

static int
adopt_segment(struct passport *p)
{
	if (segment_has_our_layout(p->segment)) {
		if (segment_attach(p->segment) == 0)
			return 0;
		log_write_errno(LOG_ERROR, NULL, "the segment cannot be "
		    "attached");
	}
	close_one(&p->segment);
	if (segment_create() < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot make the shared "
		    "segment");
		return -1;
	}
	upgrade.segment = segment_import(p->export) < 0 ? SEGMENT_LOST :
	    SEGMENT_IMPORTED;
	return 0;
}

static void
adopt_wakes(struct passport *p, bool is_same_segment)
{
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++) {
		if (is_same_segment)
			wake_adopt(i, p->wakes[i]);
		else
			close_one(&p->wakes[i]);
	}
}

static void
adopt_process(struct process *to, const struct passport_process *p,
    struct generation *g, const struct role *role, bool is_foreign)
{
	process_init(to, role, g, p->slot);
	to->place = p->place;
	to->pid = p->pid;
	to->restarts = p->restarts;
	to->is_ready = p->is_ready;
	to->is_dismissed = p->is_dismissed;
	to->is_released = p->is_released;
	to->is_foreign = is_foreign;
	process_adopt(to, p->control_fd);
	if (!is_foreign && p->slot != SEGMENT_MONITOR)
		segment_hold_process(p->slot);
}

static struct log_file
adopt_log(struct passport_log *l)
{
	struct log_file file = { .fd = l->fd, .path = l->path };

	l->path = NULL;
	return file;
}

/* What an older binary did not tell is as usual. */
static void
adopt_manners(struct generation *g, struct passport_generation *pg)
{
	g->drain_ms = pg->drain_ms;
	g->logs.error = adopt_log(&pg->error);
	g->logs.access = adopt_log(&pg->access);
	if (!pg->has_stop)
		return;
	g->shutdown_ms = pg->shutdown_ms;
	g->delay_ms = pg->delay_ms;
	g->is_term_graceful = pg->is_term_graceful;
}

static struct generation *
adopt_generation(struct passport_generation *pg, bool is_same)
{
	struct generation *g = generation_new(pg->number, pg->n_processes);

	g->is_adopted = true;
	g->is_foreign = pg->is_foreign || !is_same;
	adopt_manners(g, pg);
	for (size_t i = 0; i < pg->n_processes; i++) {
		g->slots[i] = pg->processes[i].slot;
		adopt_process(&g->workers[i], &pg->processes[i], g,
		    master.options->worker, g->is_foreign);
	}
	if (pg->is_serving)
		master.serving = g;
	else
		list_append(&master.draining, &g->link);
	return g;
}

static void
adopt_monitors(const struct passport *p, bool is_foreign)
{
	for (size_t i = 0; i < p->n_monitors; i++) {
		struct process *m = xnew(struct process);

		adopt_process(m, &p->monitors[i], master.serving,
		    master.options->monitor, is_foreign);
		if (i == 0 && !m->is_released)
			master.monitor = m;
		else
			list_append(&master.old_monitors, &m->link);
	}
}

static void
adopt_files(struct passport *p)
{
	master.admin.fd = p->admin;
	master.admin.path = p->admin_path;
	p->admin_path = NULL;
	master.run_dir = p->run_dir;
	p->run_dir = NULL;
	if (p->pid_path != NULL)
		pid_file_adopt(p->pid_path, p->pid_file);
	if (p->has_secret)
		secret_adopt(p->secret);
	if (p->binary != NULL)
		snprintf(upgrade.binary, sizeof(upgrade.binary), "%s",
		    p->binary);
	close_one(&p->export);
}

void
upgrade_tell(void)
{
	log_notice(NULL, "upgrade: version %s goes on where %s was",
	    FAIRLEAD_VERSION, upgrade.before);
	if (upgrade.segment == SEGMENT_IMPORTED)
		log_notice(NULL, "upgrade: the segment has another layout; a "
		    "new one goes on with what it says");
	else if (upgrade.segment == SEGMENT_LOST)
		log_error(NULL, "upgrade: what the old segment had is lost");
}

int
upgrade_adopt(int passport)
{
	struct passport *p = passport_read(passport);
	bool is_same;

	if (p == NULL) {
		log_error(NULL, "upgrade: the passport cannot be read");
		return -1;
	}
	snprintf(upgrade.before, sizeof(upgrade.before), "%s",
	    p->version != NULL ? p->version : "another");
	if (adopt_segment(p) < 0)
		return -1;
	is_same = p->segment >= 0;
	adopt_wakes(p, is_same);
	for (size_t i = 0; i < p->n_generations; i++)
		(void)adopt_generation(&p->generations[i], is_same);
	if (master.serving == NULL)
		return -1;
	master.serving->listeners = adopt_sockets(p, false);
	master.admin.tcp = adopt_sockets(p, true);
	adopt_monitors(p, !is_same);
	adopt_files(p);
	master.last_number = p->last_generation;
	master.status_sequence = p->status_sequence;
	passport_free(&p);
	passport_keep(false);
	return 0;
}
