/* src/net/listener.c -- opening the listening sockets */
#include "net/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "net/activation.h"
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

/* What accepted sockets inherit. */
static int
set_inherited(int fd)
{
	if (set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
		return -1;
	return set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS);
}

/* That, and what must stand before bind. */
static int
set_options(int fd, const struct listener_conf *l)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    set_inherited(fd) < 0)
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

/* How many sockets there are of address i. */
static size_t
count_sockets(const struct listener_set *set, size_t i)
{
	size_t n = 0;

	while (n < set->n_slots && set->fds[i * set->n_slots + n] >= 0)
		n++;
	return n;
}

/* Opens those that are missing, from socket `first` on. */
static int
open_tcp(struct listener_set *set, size_t i, size_t first, size_t n_workers,
    const struct listener_conf *l)
{
	struct address *a = &set->addresses[i];
	int *fds = &set->fds[i * set->n_slots];

	for (size_t s = first; s < n_workers; s++) {
		fds[s] = bind_socket(l, a, s == 0);
		if (fds[s] < 0 || learn_port(fds[s], a) < 0)
			return -1;
	}
	return 0;
}

static void
put_unix(struct listener_set *set, size_t i, int fd)
{
	for (size_t s = 0; s < set->n_slots; s++)
		set->fds[i * set->n_slots + s] = fd;
}

/* Unix sockets have no SO_REUSEPORT: all slots have the same one. */
static int
open_unix(struct listener_set *set, size_t i)
{
	int fd = listener_open_unix(set->addresses[i].un.sun_path);

	put_unix(set, i, fd);
	return fd < 0 ? -1 : 0;
}

static bool
is_unix(const struct listener_set *set, size_t i)
{
	return set->addresses[i].sa.sa_family == AF_UNIX;
}

/* Those that we were started with. 0, or -1 with errno. */
static int
take_activated(struct listener_set *set, size_t i)
{
	int *fds = &set->fds[i * set->n_slots], fd;
	size_t n = count_sockets(set, i);

	while (n < set->n_slots &&
	    (fd = activation_take(&set->addresses[i])) >= 0) {
		set->n_given[i]++;
		if (is_unix(set, i)) {
			put_unix(set, i, fd);
			return 0;
		}
		fds[n++] = fd;
		if (set_inherited(fd) < 0 ||
		    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
			return -1;
	}
	return 0;
}

static int
open_address(struct listener_set *set, size_t i, size_t n_workers,
    const struct listener_conf *l)
{
	int result = take_activated(set, i);
	size_t n = count_sockets(set, i);

	if (result == 0 && !is_unix(set, i))
		result = open_tcp(set, i, n, n_workers, l);
	else if (result == 0 && n == 0)
		result = open_unix(set, i);
	if (result < 0)
		log_failure(&set->addresses[i]);
	return result;
}

/* ---- from one configuration to the next */

#define NOWHERE SIZE_MAX

/* The address of `set` that was wanted by the same words. */
static size_t
find_wanted(const struct listener_set *set, const struct address *wanted)
{
	if (set != NULL)
		for (size_t i = 0; i < set->n_addresses; i++)
			if (address_equal(&set->wanted[i], wanted))
				return i;
	return NOWHERE;
}

static void
take_over(struct listener_set *set, size_t i, const struct listener_set *old,
    size_t from)
{
	set->addresses[i] = old->addresses[from];
	set->n_given[i] = old->n_given[from];
	if (is_unix(set, i)) {
		put_unix(set, i, old->fds[from * old->n_slots]);
		return;
	}
	memcpy(&set->fds[i * set->n_slots], &old->fds[from * old->n_slots],
	    old->n_slots * sizeof(int));
}

/* None of its sockets is open yet. */
static struct listener_set *
set_new(const struct listener_conf *wanted, size_t n, size_t n_slots)
{
	struct listener_set *set = xnew(struct listener_set);

	set->n_addresses = n;
	set->n_slots = n_slots;
	set->addresses = xcalloc(n, sizeof(*set->addresses));
	set->wanted = xcalloc(n, sizeof(*set->wanted));
	set->n_given = xcalloc(n, sizeof(*set->n_given));
	for (size_t i = 0; i < n; i++)
		set->addresses[i] = set->wanted[i] = wanted[i].address;
	set->fds = xcalloc(n * n_slots, sizeof(int));
	memset(set->fds, -1, n * n_slots * sizeof(int));
	return set;
}

/* As many sockets as there are workers, or as an address has already. */
static size_t
count_slots(const struct listener_set *old, const struct listener_conf *wanted,
    size_t n, size_t n_workers)
{
	size_t most = old != NULL && old->n_slots > n_workers ? old->n_slots :
	    n_workers;

	for (size_t i = 0; i < n; i++) {
		size_t given = activation_count(&wanted[i].address);

		most = given > most ? given : most;
	}
	return most;
}

struct listener_set *
listener_set_renew(const struct listener_set *old,
    const struct listener_conf *wanted, size_t n, size_t n_workers)
{
	struct listener_set *set = set_new(wanted, n,
	    count_slots(old, wanted, n, n_workers));

	for (size_t i = 0; i < n; i++) {
		size_t from = find_wanted(old, &wanted[i].address);

		if (from != NOWHERE)
			take_over(set, i, old, from);
	}
	for (size_t i = 0; i < n; i++) {
		if (open_address(set, i, n_workers, &wanted[i]) < 0) {
			listener_set_undo(&set, old);
			return NULL;
		}
	}
	return set;
}

static int
listen_at(const struct listener_set *set, size_t i, int backlog)
{
	size_t n = is_unix(set, i) ? 0 : count_sockets(set, i);

	for (size_t s = 0; s < n; s++)
		if (listen(set->fds[i * set->n_slots + s],
		    backlog > 0 ? backlog : SOMAXCONN) < 0)
			return -1;
	return 0;
}

int
listener_set_listen(const struct listener_set *set,
    const struct listener_conf *wanted)
{
	for (size_t i = 0; i < set->n_addresses; i++)
		if (listen_at(set, i, wanted[i].backlog) < 0) {
			log_failure(&set->addresses[i]);
			return -1;
		}
	return 0;
}

struct listener_set *
listener_set_open(const struct listener_conf *wanted, size_t n,
    size_t n_workers)
{
	struct listener_set *set = listener_set_renew(NULL, wanted, n,
	    n_workers);

	if (set != NULL && listener_set_listen(set, wanted) < 0)
		listener_set_close(&set);
	return set;
}

static bool
has_descriptor(const struct listener_set *set, int fd)
{
	if (set != NULL)
		for (size_t i = 0; i < set->n_addresses * set->n_slots; i++)
			if (set->fds[i] == fd)
				return true;
	return false;
}

/* A Unix socket is there once for all slots. */
static bool
is_copy(const struct listener_set *set, size_t at)
{
	return at % set->n_slots > 0 && is_unix(set, at / set->n_slots);
}

void
listener_set_leave(struct listener_set **set, const struct listener_set *other)
{
	struct listener_set *l = *set;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_addresses * l->n_slots; i++)
		if (l->fds[i] >= 0 && !is_copy(l, i) &&
		    !has_descriptor(other, l->fds[i]))
			close(l->fds[i]);
	free(l->addresses);
	free(l->wanted);
	free(l->n_given);
	free(l->fds);
	free(l);
	*set = NULL;
}

void
listener_set_close(struct listener_set **set)
{
	listener_set_leave(set, NULL);
}

void
listener_set_undo(struct listener_set **set, const struct listener_set *other)
{
	const struct listener_set *l = *set;

	for (size_t i = 0; l != NULL && i < l->n_addresses; i++)
		if (is_unix(l, i) && l->n_given[i] == 0 &&
		    l->fds[i * l->n_slots] >= 0 &&
		    !listener_is_kept(l, i, other))
			(void)unlink(l->addresses[i].un.sun_path);
	listener_set_leave(set, other);
}

bool
listener_is_kept(const struct listener_set *set, size_t address,
    const struct listener_set *other)
{
	return has_descriptor(other, set->fds[address * set->n_slots]);
}

static void
grow_addresses(struct listener_set *set, const struct address *wanted,
    const struct address *actual)
{
	size_t n = ++set->n_addresses;

	set->addresses = xrealloc(set->addresses,
	    n * sizeof(*set->addresses));
	set->wanted = xrealloc(set->wanted, n * sizeof(*set->wanted));
	set->n_given = xrealloc(set->n_given, n * sizeof(*set->n_given));
	set->fds = xrealloc(set->fds, n * set->n_slots * sizeof(int));
	set->addresses[n - 1] = *actual;
	set->wanted[n - 1] = *wanted;
	set->n_given[n - 1] = 0;
	memset(&set->fds[(n - 1) * set->n_slots], -1,
	    set->n_slots * sizeof(int));
}

/* Room for one socket more of each address. */
static void
grow_slots(struct listener_set *set)
{
	size_t n = set->n_slots + 1;
	int *fds = xcalloc(set->n_addresses * n + 1, sizeof(int));

	memset(fds, -1, set->n_addresses * n * sizeof(int));
	for (size_t i = 0; i < set->n_addresses; i++)
		memcpy(&fds[i * n], &set->fds[i * set->n_slots],
		    set->n_slots * sizeof(int));
	free(set->fds);
	set->fds = fds;
	set->n_slots = n;
	for (size_t i = 0; i < set->n_addresses; i++)
		if (is_unix(set, i))
			put_unix(set, i, fds[i * n]);
}

struct listener_set *
listener_set_adopt(struct listener_set *set, int fd,
    const struct address *wanted, const struct address *actual,
    bool is_given)
{
	size_t i, n;

	if (set == NULL)
		set = set_new(NULL, 0, 1);
	i = find_wanted(set, wanted);
	if (i == NOWHERE) {
		i = set->n_addresses;
		grow_addresses(set, wanted, actual);
	}
	set->n_given[i] += is_given;
	if (is_unix(set, i)) {
		put_unix(set, i, fd);
		return set;
	}
	n = count_sockets(set, i);
	if (n == set->n_slots)
		grow_slots(set);
	set->fds[i * set->n_slots + n] = fd;
	return set;
}

/* ---- the end of an address */

/* Of what comes for the socket nothing but the first SYN of a connection is
 * dropped: byte 13 of a TCP header has the flags (RFC 9293 3.1). */
static int
drop_first_syns(int fd)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),	/* SYN, ACK */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(*code),
		.filter = (struct sock_filter *)(uintptr_t)code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
	    sizeof(program));
}

static void
retire_tcp(int fd)
{
	if (set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0) < 0 ||
	    drop_first_syns(fd) < 0)
		log_write_errno(LOG_WARN, NULL, "a listening socket that is "
		    "to be closed goes on taking connections until then");
}

void
listener_retire(const struct listener_set *set, size_t address)
{
	const struct address *a = &set->addresses[address];

	if (a->sa.sa_family == AF_UNIX) {
		if (set->n_given[address] == 0)
			(void)unlink(a->un.sun_path);
		return;
	}
	for (size_t s = set->n_given[address]; s < count_sockets(set, address); s++)
		retire_tcp(set->fds[address * set->n_slots + s]);
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
