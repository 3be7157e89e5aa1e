/* src/net/listener.c -- opening the listening sockets */
#include "net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "net/owner.h"

#define STREAM_SOCKET	(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define DEFER_SECONDS	1	/* one retransmission of the SYN-ACK */

static void
close_keep_errno(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* What accepted sockets inherit, and what must stand before bind. */
static int
set_options(int fd, const struct listener_conf *l)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS) < 0)
		return -1;
	if (l->is_free && set_option(fd, IPPROTO_IP, IP_FREEBIND, 1) < 0)
		return -1;
	if (l->address.sa.sa_family == AF_INET6)
		return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    l->is_ipv6_only);
	return 0;
}

/*
 * One bound TCP socket, or -1. The first of an address is bound without
 * SO_REUSEPORT, which is set behind the bind: with it a second instance of
 * the same user would share the port in silence. SO_REUSEADDR only overrides
 * connections in TIME_WAIT.
 */
static int
bind_socket(const struct listener_conf *l, const struct address *a,
    bool is_first)
{
	int fd = socket(a->sa.sa_family, STREAM_SOCKET, 0);

	if (fd < 0)
		return -1;
	if (set_options(fd, l) < 0 ||
	    (!is_first && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) ||
	    bind(fd, &a->sa, a->len) < 0 ||
	    (is_first && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0))
		close_keep_errno(&fd);
	return fd;
}

static void
log_failure(const struct address *a)
{
	char text[ADDRESS_TEXT_MAX], command[OWNER_COMMAND_MAX];
	int error = errno;
	pid_t owner;

	address_print(a, text);
	owner = error == EADDRINUSE ? owner_find(a, command) : 0;
	if (owner > 0)
		log_error(NULL, "cannot listen on %s: it is in use by process "
		    "%d (%s)", text, (int)owner, command);
	else {
		errno = error;
		log_write_errno(LOG_ERROR, NULL, "cannot listen on %s", text);
	}
}

/* Port 0: all slots must share what the kernel chose for the first. */
static int
learn_port(int fd, struct address *a)
{
	if (a->sa.sa_family == AF_UNIX || address_port(a) != 0)
		return 0;
	return getsockname(fd, &a->sa, &a->len);
}

static int
open_tcp(struct listener_set *set, size_t i, const struct listener_conf *l)
{
	struct address *a = &set->addresses[i];
	int *fds = &set->fds[i * set->n_slots];

	for (size_t s = 0; s < set->n_slots; s++) {
		fds[s] = bind_socket(l, a, s == 0);
		if (fds[s] < 0 || learn_port(fds[s], a) < 0)
			return -1;
	}
	for (size_t s = 0; s < set->n_slots; s++)
		if (listen(fds[s], l->backlog > 0 ? l->backlog : SOMAXCONN) < 0)
			return -1;
	return 0;
}

/* Unix sockets have no SO_REUSEPORT: all slots have the same one. */
static int
open_unix(struct listener_set *set, size_t i)
{
	int fd = listener_open_unix(set->addresses[i].un.sun_path);

	for (size_t s = 0; s < set->n_slots; s++)
		set->fds[i * set->n_slots + s] = fd;
	return fd < 0 ? -1 : 0;
}

static int
open_address(struct listener_set *set, size_t i,
    const struct listener_conf *l)
{
	int result;

	if (set->addresses[i].sa.sa_family == AF_UNIX)
		result = open_unix(set, i);
	else
		result = open_tcp(set, i, l);
	if (result < 0)
		log_failure(&set->addresses[i]);
	return result;
}

struct listener_set *
listener_set_open(const struct listener_conf *wanted, size_t n,
    size_t n_slots)
{
	struct listener_set *set = xnew(struct listener_set);

	set->n_addresses = n;
	set->n_slots = n_slots;
	set->addresses = xcalloc(n, sizeof(*set->addresses));
	for (size_t i = 0; i < n; i++)
		set->addresses[i] = wanted[i].address;
	set->fds = xcalloc(n * n_slots, sizeof(int));
	memset(set->fds, -1, n * n_slots * sizeof(int));
	for (size_t i = 0; i < n; i++) {
		if (open_address(set, i, &wanted[i]) < 0) {
			listener_set_close(&set);
			return NULL;
		}
	}
	return set;
}

void
listener_set_close(struct listener_set **set)
{
	struct listener_set *l = *set;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_addresses * l->n_slots; i++) {
		bool is_copy = i % l->n_slots > 0 && l->fds[i] >= 0 &&
		    l->addresses[i / l->n_slots].sa.sa_family == AF_UNIX;

		if (!is_copy && l->fds[i] >= 0)
			close(l->fds[i]);
	}
	free(l->addresses);
	free(l->fds);
	free(l);
	*set = NULL;
}

void
listener_set_print(const struct listener_set *set, char *out, size_t size)
{
	char text[ADDRESS_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < set->n_addresses && used < size; i++) {
		address_print(&set->addresses[i], text);
		used += (size_t)snprintf(out + used, size - used, "%s%s",
		    i > 0 ? ", " : "", text);
	}
}

/* Is there a socket at this path that nobody serves? */
static bool
is_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;
	bool is_refused;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, STREAM_SOCKET, 0);
	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)un,
	    sizeof(*un)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

static int
bind_unix(int fd, const struct sockaddr_un *un)
{
	mode_t old = umask(0117);	/* bind makes it with mode 0660 */
	int result = bind(fd, (const struct sockaddr *)un, sizeof(*un));

	if (result < 0 && errno == EADDRINUSE) {
		if (is_stale(un) && unlink(un->sun_path) == 0)
			result = bind(fd, (const struct sockaddr *)un,
			    sizeof(*un));
		else
			errno = EADDRINUSE;
	}
	umask(old);
	return result;
}

int
listener_open_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, STREAM_SOCKET, 0);
	if (fd < 0)
		return -1;
	if (bind_unix(fd, &un) < 0 || listen(fd, SOMAXCONN) < 0)
		close_keep_errno(&fd);
	return fd;
}
