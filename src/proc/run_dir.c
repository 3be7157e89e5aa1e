/* src/proc/run_dir.c -- RUN_DIR: the admin socket and the status file */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/log.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/status.h"

/* Where it is: named, or admin.sock in RUN_DIR. NULL: nowhere. */
static const char *
admin_path(const struct conf *conf, char path[PATH_MAX])
{
	if (conf->admin_socket != NULL)
		return conf->admin_socket;
	if (conf->run_dir == NULL)
		return NULL;
	snprintf(path, PATH_MAX, "%s/admin.sock", conf->run_dir);
	return path;
}

/* Only the last part: a parent that is missing is somebody's mistake. */
static void
make_run_dir(const char *dir)
{
	if (dir != NULL && mkdir(dir, 0755) < 0 && errno != EEXIST)
		log_write_errno(LOG_DEBUG, NULL, "mkdir %s", dir);
}

void
run_dir_open(struct master *m)
{
	const struct conf *conf = m->options->conf;
	char room[PATH_MAX];
	const char *path = admin_path(conf, room);

	m->admin_fd = -1;
	make_run_dir(conf->run_dir);
	if (path == NULL)
		return;
	m->admin_fd = listener_open_unix(path);
	/* Another instance's directory has its status, too. */
	m->owns_run_dir = conf->run_dir != NULL &&
	    (m->admin_fd >= 0 || errno != EADDRINUSE);
	if (m->admin_fd < 0)
		log_write_errno(LOG_NOTICE, NULL, "the admin socket is off: "
		    "%s", path);
}

void
run_dir_tell(struct master *m, const char *verdict)
{
	struct status s = {
		.sequence = ++m->status_sequence,
		.generation = m->generation,
		.verdict = verdict,
	};

	if (m->owns_run_dir && status_write(m->options->conf->run_dir, &s) < 0)
		log_write_errno(LOG_DEBUG, NULL, "cannot write the status to "
		    "%s", m->options->conf->run_dir);
}

void
run_dir_close(struct master *m)
{
	char room[PATH_MAX];

	if (m->admin_fd >= 0) {
		unlink(admin_path(m->options->conf, room));
		close(m->admin_fd);
		m->admin_fd = -1;
	}
	if (m->owns_run_dir)
		status_remove(m->options->conf->run_dir);
}
