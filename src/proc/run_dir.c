/* src/proc/run_dir.c -- RUN_DIR: admin socket, status file, pid file */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/pid_file.h"
#include "proc/status.h"
#include "shm/verdict.h"

/* Where it is: named, or admin.sock in RUN_DIR. NULL: nowhere. */
static const char *
admin_path(const struct conf *conf, char path[PATH_MAX])
{
	if (conf->admin_socket != NULL)
		return conf->admin_socket;
	if (conf->run_dir == NULL || conf->is_admin_socket_off)
		return NULL;
	snprintf(path, PATH_MAX, "%s/admin.sock", conf->run_dir);
	return path;
}

/* Another instance's directory is not ours to write to: what it listens on we
 * cannot listen on. */
void
run_dir_own(void)
{
	master.owns_run_dir = master.run_dir != NULL;
}

/* Only the last part: a parent that is missing is somebody's mistake. */
void
run_dir_make(const struct conf *conf)
{
	if (conf == NULL)
		return;		/* where it was before an upgrade */
	free(master.run_dir);
	master.run_dir = conf->run_dir != NULL ? xstrdup(conf->run_dir) : NULL;
	if (conf->run_dir != NULL && mkdir(conf->run_dir, 0755) < 0 &&
	    errno != EEXIST)
		log_write_errno(LOG_DEBUG, NULL, "mkdir %s", conf->run_dir);
}

/* ---- the admin interface's sockets */

/* Without one that the file names it is no error. */
static int
open_socket(struct admin_sockets *a, const struct conf *conf,
    const char *path)
{
	a->fd = listener_open_unix(path);
	if (a->fd >= 0) {
		a->path = xstrdup(path);
		return 0;
	}
	/* Another instance's directory has its status, too. */
	if (errno == EADDRINUSE && conf->admin_socket == NULL)
		master.owns_run_dir = false;
	if (conf->admin_socket != NULL) {
		log_write_errno(LOG_ERROR, NULL, "cannot make the admin "
		    "socket %s", path);
		return -1;
	}
	log_write_errno(LOG_NOTICE, NULL, "the admin socket is off: %s", path);
	return 0;
}

static int
open_path(struct admin_sockets *a, const struct conf *conf,
    const struct admin_sockets *old)
{
	char room[PATH_MAX];
	const char *path = admin_path(conf, room);

	if (path == NULL)
		return 0;
	if (old->path == NULL || strcmp(old->path, path) != 0)
		return open_socket(a, conf, path);
	a->path = xstrdup(path);
	a->fd = old->fd;
	return 0;
}

static int
open_address(struct admin_sockets *a, const struct conf *conf,
    const struct admin_sockets *old)
{
	const struct listener_conf wanted = { .address = conf->admin_address };
	char text[ADDRESS_TEXT_MAX];

	if (wanted.address.len == 0)
		return 0;
	a->tcp = listener_set_renew(old->tcp, &wanted, 1, 1);
	if (a->tcp == NULL || listener_set_listen(a->tcp, &wanted) < 0)
		return -1;
	if (old->tcp != NULL && listener_is_kept(old->tcp, 0, a->tcp))
		return 0;
	listener_set_print(a->tcp, text, sizeof(text));
	log_notice(NULL, "the admin interface is on %s", text);
	return 0;
}

int
admin_open(struct admin_sockets *a, const struct conf *conf,
    const struct admin_sockets *old)
{
	*a = (struct admin_sockets){ .fd = -1 };
	if (open_path(a, conf, old) == 0 && open_address(a, conf, old) == 0)
		return 0;
	admin_close(a, old);
	return -1;
}

void
admin_close(struct admin_sockets *a, const struct admin_sockets *other)
{
	if (a->fd >= 0 && (other == NULL || other->fd != a->fd)) {
		unlink(a->path);
		close(a->fd);
	}
	free(a->path);
	listener_set_leave(&a->tcp, other == NULL ? NULL : other->tcp);
	*a = (struct admin_sockets){ .fd = -1 };
}

const struct admin_sockets *
admin_of(const struct generation *g)
{
	return g == master.coming ? &master.coming_admin : &master.admin;
}

void
admin_descriptors(const struct admin_sockets *a, int fds[2])
{
	fds[0] = a->fd;
	fds[1] = a->tcp != NULL ? a->tcp->fds[0] : -1;
}

/* ---- the status file */

/* What was told last, for who is only to see that something was done. */
static struct {
	const char *verdict;
	const char **lines;
	size_t n;
} told;

static void
forget_told(void)
{
	for (size_t i = 0; i < told.n; i++)
		free((void *)(uintptr_t)told.lines[i]);
	free(told.lines);
	told.lines = NULL;
	told.n = 0;
}

static void
keep_told(const char *verdict, const char *const *lines, size_t n)
{
	const char **copy = xcalloc(n + 1, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(lines[i]);
	forget_told();
	told.verdict = verdict;
	told.lines = copy;
	told.n = n;
}

static void
tell_monitor(const struct status *s)
{
	static const uint8_t unknown[32];
	const struct generation *g = master.serving;
	const struct conf *conf = g != NULL ? g->conf : master.options->conf;
	const struct conf_verdict v = {
		.generation = s->generation, .sequence = s->sequence,
		.loaded_wall_ms = g != NULL ? g->since_wall_ms :
		    clock_wall_ms(),
		.sha256 = conf != NULL ? conf->sha256 : unknown,
		.word = s->verdict,
		.lines = s->diagnostics, .n_lines = s->n_diagnostics,
	};

	verdict_tell(&v);
}

void
run_dir_tell_again(void)
{
	const struct status s = {
		.sequence = ++master.status_sequence,
		.generation = master.serving != NULL ?
		    master.serving->number : 1,
		.verdict = told.verdict,
		.diagnostics = told.lines, .n_diagnostics = told.n,
	};

	tell_monitor(&s);
	if (master.owns_run_dir && status_write(master.run_dir, &s) < 0)
		log_write_errno(LOG_DEBUG, NULL, "cannot write the status to "
		    "%s", master.run_dir);
}

void
run_dir_tell(const char *verdict, const char *const *diagnostics, size_t n)
{
	keep_told(verdict, diagnostics, n);
	run_dir_tell_again();
}

void
run_dir_close(void)
{
	admin_close(&master.admin, NULL);
	admin_close(&master.coming_admin, NULL);
	if (master.owns_run_dir)
		status_remove(master.run_dir);
	pid_file_give();
	forget_told();
	free(master.run_dir);
	master.run_dir = NULL;
}
