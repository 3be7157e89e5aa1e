/* src/net/owner.c -- /proc/net/tcp and /proc/PID/fd, for one error message */
#include "net/owner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_STATE_LISTEN 0x0a

/* Reads "0100007F" or four such words: addresses are printed as they lie in
 * memory, ports in host order. */
static bool
parse_local(const char *text, struct address *a)
{
	unsigned port, w[4];

	memset(a, 0, sizeof(*a));
	if (sscanf(text, "%8x:%x", &w[0], &port) == 2) {
		a->sa.sa_family = AF_INET;
		a->len = sizeof(a->in);
		a->in.sin_addr.s_addr = w[0];
		a->in.sin_port = htons((uint16_t)port);
		return true;
	}
	if (sscanf(text, "%8x%8x%8x%8x:%x", &w[0], &w[1], &w[2], &w[3],
	    &port) != 5)
		return false;
	a->sa.sa_family = AF_INET6;
	a->len = sizeof(a->in6);
	memcpy(&a->in6.sin6_addr, w, sizeof(w));
	a->in6.sin6_port = htons((uint16_t)port);
	return true;
}

static bool
is_any(const struct address *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool
is_same_host(const struct address *a, const struct address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

static bool
is_in_conflict(const struct address *a, const struct address *b)
{
	return address_port(a) == address_port(b) &&
	    (is_any(a) || is_any(b) || is_same_host(a, b));
}

/* The inode of a listening socket in conflict with `a`; 0: none. */
static unsigned long
find_inode(const char *table, const struct address *a)
{
	FILE *f = fopen(table, "re");
	char line[512], local[64];
	unsigned long inode, found = 0;
	struct address other;
	unsigned state;

	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " %*d: %63s %*s %x %*s %*s %*s %*d %*d %lu",
		    local, &state, &inode) == 3 &&
		    state == TCP_STATE_LISTEN && parse_local(local, &other) &&
		    is_in_conflict(a, &other))
			found = inode;
	fclose(f);
	return found;
}

static bool
has_descriptor(const char *pid, const char *link)
{
	char path[300], target[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	if (d == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target,
		    sizeof(target) - 1);

		if (n > 0) {
			target[n] = '\0';
			found = strcmp(target, link) == 0;
		}
	}
	closedir(d);
	return found;
}

/* /proc lists processes by rising pid: the first is the eldest, as a rule. */
static pid_t
find_holder(unsigned long inode)
{
	char link[64];
	struct dirent *e;
	pid_t found = 0;
	DIR *d = opendir("/proc");

	if (d == NULL)
		return 0;
	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	while (found == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    has_descriptor(e->d_name, link))
			found = (pid_t)strtol(e->d_name, NULL, 10);
	closedir(d);
	return found;
}

static void
read_command(pid_t pid, char command[OWNER_COMMAND_MAX])
{
	char path[64];
	FILE *f;

	strcpy(command, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(command, OWNER_COMMAND_MAX, f) != NULL)
		command[strcspn(command, "\n")] = '\0';
	fclose(f);
}

pid_t
owner_find(const struct address *a, char command[OWNER_COMMAND_MAX])
{
	unsigned long inode;
	pid_t pid;

	if (a->sa.sa_family == AF_UNIX)
		return 0;
	inode = find_inode("/proc/net/tcp", a);
	if (inode == 0)
		inode = find_inode("/proc/net/tcp6", a);
	pid = inode == 0 ? 0 : find_holder(inode);
	if (pid > 0)
		read_command(pid, command);
	return pid;
}
