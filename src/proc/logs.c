/* src/proc/logs.c -- opening the log files, again and again */
#include "proc/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/log.h"
#include "core/memory.h"
#include "proc/control.h"

#define LOG_FLAGS	(O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)

/* The words are descriptors that we have: /dev/stdout could not be opened
 * where it is a socket. -1: it is a name. */
static int
given_descriptor(const char *file, int dash)
{
	if (strcmp(file, "-") == 0)
		return dash;
	if (strcmp(file, "stdout") == 0)
		return STDOUT_FILENO;
	return strcmp(file, "stderr") == 0 ? STDERR_FILENO : -1;
}

/* A FIFO may have no reader yet, or one that sleeps, which must not keep us.
 * The descriptor, or -1 with errno. */
static int
open_to_append(const char *file)
{
	struct stat st;

	if (stat(file, &st) == 0 && S_ISFIFO(st.st_mode))
		return open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return open(file, LOG_FLAGS, 0640);
}

/* We may be somewhere else when it is opened again. */
static char *
absolute(const char *file, const char *directory)
{
	char here[PATH_MAX], *path;

	if (*file == '/')
		return xstrdup(file);
	if (directory == NULL)
		directory = getcwd(here, sizeof(here));
	if (directory == NULL || asprintf(&path, "%s/%s", directory, file) < 0)
		return xstrdup(file);
	return path;
}

static int
open_file(struct log_file *f, const char *file, const char *directory)
{
	char *path = absolute(file, directory);

	f->fd = open_to_append(path);
	if (f->fd >= 0) {
		f->path = path;
		return 0;
	}
	free(path);
	return -1;
}

/* logs/lb-<timestamp>.log under the start directory, or stderr. */
static void
open_default(struct log_file *f, const char *directory)
{
	char name[64], *logs = absolute("logs", directory);
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(name, sizeof(name), "logs/lb-%Y%m%d-%H%M%S.log", &tm);
	if ((mkdir(logs, 0755) < 0 && errno != EEXIST) ||
	    open_file(f, name, directory) < 0)
		f->fd = STDERR_FILENO;
	free(logs);
}

static int
open_same(struct log_file *f, const struct log_file *before)
{
	if (before->path != NULL)
		return open_file(f, before->path, NULL);
	f->fd = before->fd;
	return 0;
}

static int
open_error_log(struct logs *l, const struct conf *conf,
    const struct logs *before, const char *directory)
{
	const char *file = conf->log.file;

	if (file == NULL && before != NULL)
		return open_same(&l->error, &before->error);
	if (file == NULL) {
		open_default(&l->error, directory);
		return 0;
	}
	l->error.fd = given_descriptor(file, STDERR_FILENO);
	return l->error.fd >= 0 ? 0 : open_file(&l->error, file, directory);
}

static int
open_access_log(struct logs *l, const char *file, const char *directory)
{
	if (file == NULL)
		return 0;
	l->access.fd = given_descriptor(file, STDOUT_FILENO);
	return l->access.fd >= 0 ? 0 : open_file(&l->access, file, directory);
}

static int
say_why(char why[LOGS_WHY_MAX], const char *key, const char *file)
{
	snprintf(why, LOGS_WHY_MAX, "%s: %s: %s", key,
	    file != NULL ? file : "the one before", strerror(errno));
	return -1;
}

void
logs_given(const struct conf *conf, int fds[2])
{
	fds[0] = conf->log.file == NULL ? -1 :
	    given_descriptor(conf->log.file, STDERR_FILENO);
	fds[1] = conf->access.file == NULL ? -1 :
	    given_descriptor(conf->access.file, STDOUT_FILENO);
}

int
logs_open(struct logs *l, const struct conf *conf, const struct logs *before,
    const char *directory, char why[LOGS_WHY_MAX])
{
	*l = (struct logs){ .error.fd = -1, .access.fd = -1 };
	if (open_error_log(l, conf, before, directory) < 0)
		return say_why(why, "log", conf->log.file);
	if (open_access_log(l, conf->access.file, directory) < 0) {
		say_why(why, "access_log", conf->access.file);
		logs_close(l);
		return -1;
	}
	l->is_mirrored = conf->log.file == NULL &&
	    l->error.fd != STDERR_FILENO && isatty(STDERR_FILENO);
	return 0;
}

static void
close_file(struct log_file *f)
{
	if (f->path != NULL && f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct log_file){ .fd = -1 };
}

void
logs_close(struct logs *l)
{
	close_file(&l->error);
	close_file(&l->access);
}

void
logs_use(const struct logs *l, const struct conf *conf)
{
	log_threshold = (enum log_level)conf->log.level;
	log_set_form((enum log_form)conf->log.form);
	log_open(l->error.fd, l->is_mirrored);
}

static bool
reopen(struct log_file *f)
{
	int fd;

	if (f->path == NULL || f->fd < 0)
		return false;
	fd = open_to_append(f->path);
	if (fd < 0 || dup3(fd, f->fd, O_CLOEXEC) < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot reopen %s", f->path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	return true;
}

unsigned
logs_reopen(struct logs *l)
{
	unsigned which = 0;

	if (reopen(&l->error))
		which |= CONTROL_ERROR_LOG;
	if (reopen(&l->access))
		which |= CONTROL_ACCESS_LOG;
	return which;
}
