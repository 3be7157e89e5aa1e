/* src/proc/pid_file.c -- the file that names the master and keeps others out */
#include "proc/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"

#define PID_ROOM	16
#define TRIES		8	/* others start and end at the same time */

static struct {
	char *path;		/* NULL: none */
	int fd;			/* locked */
} held = { .fd = -1 };

/* ---- reading */

/* From the start of the file; 0: no pid. */
static int
read_pid(int fd)
{
	char text[PID_ROOM + 1], *end;
	ssize_t n = pread(fd, text, PID_ROOM, 0);
	long pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	pid = strtol(text, &end, 10);
	return *end != '\n' || pid < 1 || pid > INT_MAX ? 0 : (int)pid;
}

int
pid_file_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), pid;

	if (fd < 0)
		return 0;
	pid = read_pid(fd);
	close(fd);
	return pid;
}

/* ---- where it may be */

/* Ours or root's, and in one that all may write, as /tmp, nobody may remove
 * what is another's. */
static bool
is_safe(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	return (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (st->st_mode & S_ISVTX) != 0;
}

static int
check_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	struct stat st;

	if (slash != NULL)
		snprintf(directory, sizeof(directory), "%.*s",
		    (int)(slash - path) + 1, path);
	if (stat(directory, &st) < 0) {
		log_write_errno(LOG_ERROR, NULL, "pid_file: %s", directory);
		return -1;
	}
	if (is_safe(&st))
		return 0;
	log_error(NULL, "pid_file: others can write to %s and could put any "
	    "pid there; it takes a directory of %s with mode 0755", directory,
	    geteuid() == 0 ? "root" : "this user");
	return -1;
}

/* ---- taking it */

/* A file beside it, with our pid, locked. -1 with errno. */
static int
create(const char *temporary)
{
	char text[PID_ROOM];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int fd;

	if (unlink(temporary) < 0 && errno != ENOENT)
		return -1;
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && write(fd, text, (size_t)n) == n)
		return fd;
	close(fd);
	unlink(temporary);
	return -1;
}

/* Is this descriptor's file the one at the path? */
static bool
is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The one that is there and must have been left behind: whoever replaces it
 * holds its lock. 0; -1 with errno, EAGAIN: it has changed meanwhile. */
static int
replace(const char *temporary, const char *path)
{
	int old = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int result = -1, error;

	if (old < 0) {
		errno = errno == ENOENT ? EAGAIN : errno;
		return -1;
	}
	if (flock(old, LOCK_EX | LOCK_NB) < 0)
		errno = errno == EWOULDBLOCK ? EBUSY : errno;
	else if (!is_at(old, path))
		errno = EAGAIN;
	else
		result = rename(temporary, path);
	error = errno;
	close(old);
	errno = error;
	return result;
}

/* 0, or -1 with errno; EBUSY: another one runs. */
static int
put(const char *temporary, const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		if (link(temporary, path) == 0) {
			unlink(temporary);
			return 0;
		}
		if (errno != EEXIST)
			return -1;
		if (replace(temporary, path) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	return -1;
}

static void
log_failure(const char *path)
{
	if (errno == EBUSY)
		log_error(NULL, "pid_file: %s is held by process %d, which "
		    "runs", path, pid_file_read(path));
	else
		log_write_errno(LOG_ERROR, NULL, "pid_file: %s", path);
}

/* The descriptor, or -1 after logging. */
static int
take(const char *path)
{
	char temporary[PATH_MAX];
	int fd;

	if (check_directory(path) < 0)
		return -1;
	snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	fd = create(temporary);
	if (fd >= 0 && put(temporary, path) == 0)
		return fd;
	log_failure(path);
	if (fd >= 0) {
		unlink(temporary);
		close(fd);
	}
	return -1;
}

int
pid_file_take(const char *path)
{
	int fd = -1;

	if (path != NULL && held.path != NULL && strcmp(path, held.path) == 0)
		return 0;
	if (path != NULL) {
		fd = take(path);
		if (fd < 0)
			return -1;
	}
	pid_file_give();
	if (fd >= 0)
		pid_file_adopt(path, fd);
	return 0;
}

void
pid_file_give(void)
{
	if (held.path == NULL)
		return;
	if (pid_file_read(held.path) == getpid())
		unlink(held.path);
	close(held.fd);
	free(held.path);
	held.path = NULL;
	held.fd = -1;
}

/* ---- across an exec */

int
pid_file_descriptor(void)
{
	return held.fd;
}

const char *
pid_file_path(void)
{
	return held.path;
}

void
pid_file_adopt(const char *path, int fd)
{
	char *copy = xstrdup(path);

	free(held.path);
	held.path = copy;
	held.fd = fd;
}
