/* src/proc/run_dir.c -- RUN_DIR: admin socket, status file, pid file */
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
#include "proc/pid_file.h"
#include "proc/status.h"

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

/* Only the last part: a parent that is missing is somebody's mistake. */
static void
make_run_dir(const char *dir)
{
	if (dir != NULL && mkdir(dir, 0755) < 0 && errno != EEXIST)
		log_write_errno(LOG_DEBUG, NULL, "mkdir %s", dir);
}

/* Without one that the file names it is no error. */
static int
open_socket(struct master *m)
{
	const struct conf *conf = m->options->conf;
	char room[PATH_MAX];
	const char *path = admin_path(conf, room);

	m->owns_run_dir = conf->run_dir != NULL;
	if (path == NULL)
		return 0;
	m->admin_fd = listener_open_unix(path);
	if (m->admin_fd >= 0)
		return 0;
	/* Another instance's directory has its status, too. */
	if (errno == EADDRINUSE)
		m->owns_run_dir = false;
	if (conf->admin_socket != NULL) {
		log_write_errno(LOG_ERROR, NULL, "cannot make the admin "
		    "socket %s", path);
		return -1;
	}
	log_write_errno(LOG_NOTICE, NULL, "the admin socket is off: %s", path);
	return 0;
}

static int
open_address(struct master *m)
{
	const struct listener_conf wanted = {
		.address = m->options->conf->admin_address,
	};
	char text[ADDRESS_TEXT_MAX];

	if (wanted.address.len == 0)
		return 0;
	m->admin = listener_set_open(&wanted, 1, 1);
	if (m->admin == NULL)
		return -1;
	listener_set_print(m->admin, text, sizeof(text));
	log_notice(NULL, "the admin interface is on %s", text);
	return 0;
}

int
run_dir_open(struct master *m)
{
	m->admin_fd = -1;
	make_run_dir(m->options->conf->run_dir);
	return pid_file_take(m->options->conf->pid_file) < 0 ||
	    open_socket(m) < 0 || open_address(m) < 0 ? -1 : 0;
}

void
run_dir_sockets(const struct master *m, int fds[2])
{
	fds[0] = m->admin_fd;
	fds[1] = m->admin != NULL ? m->admin->fds[0] : -1;
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
	listener_set_close(&m->admin);
	if (m->owns_run_dir)
		status_remove(m->options->conf->run_dir);
	pid_file_give();
}
