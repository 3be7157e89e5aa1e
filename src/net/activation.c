/* src/net/activation.c -- listening sockets that whoever started us has opened */
#include "net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/address.h"
#include "core/log.h"
#include "core/memory.h"

#define FIRST	3		/* descriptor */
#define MOST	4096		/* descriptors; more is no count */

struct inherited {
	int fd;			/* -1: taken */
	char *name;
	struct address address;
};

static struct {
	struct inherited *all;
	size_t n;
} sockets;

/* ---- the environment */

/* LISTEN_FDS; 0: none, or meant for another process. */
static int
count_given(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	long n;

	if (fds == NULL || pid == NULL || atol(pid) != getpid())
		return 0;
	n = strtol(fds, NULL, 10);
	return n < 0 || n > MOST ? 0 : (int)n;
}

void
activation_open(void)
{
	const char *given = getenv("LISTEN_FDNAMES");
	char *names = xstrdup(given != NULL ? given : ""), *rest = names;
	int n = count_given();

	for (int i = 0; i < n; i++) {
		const char *name = strsep(&rest, ":");

		activation_add(FIRST + i, name == NULL || *name == '\0' ?
		    "unknown" : name);
	}
	free(names);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
}

/* ---- the sockets */

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* NULL: it will do. */
static const char *
why_not(int fd, struct address *a)
{
	int flags = fcntl(fd, F_GETFL);

	a->len = sizeof(a->un);
	if (flags < 0 || option(fd, SO_TYPE) != SOCK_STREAM ||
	    getsockname(fd, &a->sa, &a->len) < 0)
		return "it is no stream socket";
	if (option(fd, SO_ACCEPTCONN) != 1)
		return "it does not listen";
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return strerror(errno);
	return NULL;
}

/* As address_parse() has it, with the NUL behind the path. */
static void
end_path(struct address *a)
{
	if (a->sa.sa_family != AF_UNIX)
		return;
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strnlen(a->un.sun_path, sizeof(a->un.sun_path) - 1) + 1);
}

void
activation_add(int fd, const char *name)
{
	struct address a;
	const char *why;

	memset(&a, 0, sizeof(a));
	why = why_not(fd, &a);
	if (why != NULL) {
		log_warn(NULL, "socket activation: descriptor %d (%s) is not "
		    "used: %s", fd, name, why);
		close(fd);
		return;
	}
	end_path(&a);
	sockets.all = xrealloc(sockets.all,
	    (sockets.n + 1) * sizeof(*sockets.all));
	sockets.all[sockets.n++] = (struct inherited){
		.fd = fd, .name = xstrdup(name), .address = a,
	};
}

static bool
is_for(const struct inherited *s, const struct address *a)
{
	return s->fd >= 0 && address_equal(&s->address, a);
}

size_t
activation_count(const struct address *a)
{
	size_t n = 0;

	for (size_t i = 0; i < sockets.n; i++)
		n += is_for(&sockets.all[i], a);
	return n;
}

int
activation_take(const struct address *a)
{
	for (size_t i = 0; i < sockets.n; i++)
		if (is_for(&sockets.all[i], a)) {
			int fd = sockets.all[i].fd;

			sockets.all[i].fd = -1;
			return fd;
		}
	return -1;
}

void
activation_log_rest(void)
{
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < sockets.n; i++) {
		if (sockets.all[i].fd < 0)
			continue;
		address_print(&sockets.all[i].address, text);
		log_warn(NULL, "socket activation: %s (%s) is no listener of "
		    "the configuration; nobody accepts there", text,
		    sockets.all[i].name);
	}
}

void
activation_close(void)
{
	for (size_t i = 0; i < sockets.n; i++) {
		if (sockets.all[i].fd >= 0)
			close(sockets.all[i].fd);
		free(sockets.all[i].name);
	}
	free(sockets.all);
	sockets.all = NULL;
	sockets.n = 0;
}
