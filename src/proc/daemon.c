/* src/proc/daemon.c -- going to the background, and telling how that went */
#include "proc/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base.h"

#define VARIABLE	"FAIRLEAD_DAEMON"	/* "PID DIRECTORY" */

static struct {
	char directory[PATH_MAX];
	bool is_daemon;
	int logs[2];		/* descriptors; may be standard ones */
	int waiting;		/* the pipe to whoever started us; -1: none */
} me = { .waiting = -1 };

/* True if we are a daemon since before an exec, or the child in which one
 * rehearses it: then the directory is kept. */
static bool
was_started(void)
{
	const char *value = getenv(VARIABLE);
	char *end;
	long pid;

	if (value == NULL)
		return false;
	pid = strtol(value, &end, 10);
	if (*end != ' ' || (pid != getpid() && pid != getppid()))
		return false;
	snprintf(me.directory, sizeof(me.directory), "%s", end + 1);
	me.is_daemon = true;
	return true;
}

const char *
daemon_directory(bool wants_daemon)
{
	if (!wants_daemon)
		return NULL;
	if (!was_started() && getcwd(me.directory, sizeof(me.directory)) == NULL)
		return NULL;
	return me.directory;
}

static int
fail(const char *what)
{
	fprintf(stderr, "fairlead: --daemon: %s: %s\n", what, strerror(errno));
	return -1;
}

/* The pipe's end without a byte is the daemon's. */
static NORETURN void
wait_for_start(int from)
{
	char byte;
	ssize_t n;

	do
		n = read(from, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		fputs("fairlead: --daemon: it did not start; the log tells "
		    "more\n", stderr);
	_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The one between ends at once: nobody is the daemon's parent. */
static NORETURN void
leave_between(pid_t pid)
{
	_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* What an exec has to know. */
static void
remember(void)
{
	char value[PATH_MAX + 16];

	snprintf(value, sizeof(value), "%d %s", (int)getpid(), me.directory);
	setenv(VARIABLE, value, 1);
	me.is_daemon = true;
}

int
daemon_start(int log_fd, int access_fd)
{
	int ends[2];
	pid_t pid;

	me.logs[0] = log_fd;
	me.logs[1] = access_fd;
	if (me.is_daemon)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail("pipe");
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (pid > 0) {
		close(ends[1]);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		wait_for_start(ends[0]);
	}
	close(ends[0]);
	setsid();
	pid = fork();
	if (pid != 0)
		leave_between(pid);
	if (chdir("/") < 0)
		return fail("/");
	me.waiting = ends[1];
	remember();
	return 0;
}

static void
leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++)
		if (fd != me.logs[0] && fd != me.logs[1])
			dup2(null, fd);
	if (null >= 0)
		close(null);
}

void
daemon_ready(void)
{
	if (me.waiting < 0)
		return;
	leave_terminal();
	(void)!write(me.waiting, "", 1);	/* it may be gone */
	close(me.waiting);
	me.waiting = -1;
}

void
daemon_child(void)
{
	if (me.is_daemon)
		leave_terminal();
}
