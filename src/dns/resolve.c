/* src/dns/resolve.c -- names of backends become addresses, once, at start */
#include "dns/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "dns/internal.h"

struct helper {
	pid_t pid;		/* 0: not started */
	int fd;			/* its pipe; -1: it has ended */
	struct answer part;	/* what has come of the next answer */
	size_t part_len;
};

struct resolving {
	struct name *names;	/* each once */
	size_t n;
	struct helper helpers[HELPERS_MOST];
	size_t n_helpers;
	uint64_t deadline_ms;
};

static uint64_t
read_ms(void)
{
	return clock_read_ns() / 1000000;
}

static bool
needs_name(const struct backend_conf *b)
{
	return b->address.len == 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text,
	    ((const struct name *)b)->text);
}

static size_t
count_names(const struct conf *conf)
{
	size_t n = 0;

	for (size_t u = 0; u < conf->n_upstreams; u++)
		for (size_t b = 0; b < conf->upstreams[u].n_backends; b++)
			n += needs_name(&conf->upstreams[u].backends[b]);
	return n;
}

/* Sorted, each once. */
static void
collect_names(struct resolving *r, const struct conf *conf)
{
	size_t n = 0;

	r->names = xcalloc(count_names(conf) + 1, sizeof(*r->names));
	for (size_t u = 0; u < conf->n_upstreams; u++) {
		const struct upstream_conf *up = &conf->upstreams[u];

		for (size_t b = 0; b < up->n_backends; b++)
			if (needs_name(&up->backends[b]))
				r->names[n++].text = up->backends[b].host;
	}
	qsort(r->names, n, sizeof(*r->names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || compare_names(&r->names[r->n - 1],
		    &r->names[i]) != 0)
			r->names[r->n++] = r->names[i];
}

static const struct name *
find_name(const struct resolving *r, const char *text)
{
	struct name key = { .text = text };

	return bsearch(&key, r->names, r->n, sizeof(*r->names),
	    compare_names);
}

static void
helper_start(struct resolving *r, size_t h)
{
	struct helper *helper = &r->helpers[h];
	int fds[2];

	helper->fd = -1;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_write_errno(LOG_WARN, NULL, "resolving: pipe");
		return;
	}
	helper->pid = fork();
	if (helper->pid == 0)
		helper_run(r->names, r->n, h, r->n_helpers, fds[1]);
	close(fds[1]);
	if (helper->pid < 0) {
		log_write_errno(LOG_WARN, NULL, "resolving: fork");
		helper->pid = 0;
		close(fds[0]);
		return;
	}
	helper->fd = fds[0];
}

static void
helper_stop(struct helper *helper)
{
	if (helper->fd >= 0)
		close(helper->fd);
	helper->fd = -1;
	if (helper->pid == 0)
		return;
	kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper->pid = 0;
}

/* Reads what has come, an answer at most; false: nothing more will. */
static bool
helper_read(struct resolving *r, size_t h)
{
	struct helper *helper = &r->helpers[h];
	char *part = (char *)&helper->part;
	ssize_t n;

	n = read(helper->fd, part + helper->part_len,
	    sizeof(helper->part) - helper->part_len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	helper->part_len += (size_t)n;
	if (helper->part_len < sizeof(helper->part))
		return true;
	helper->part_len = 0;
	if (answer_take(&helper->part, r->names, r->n, h, r->n_helpers))
		return true;
	log_warn(NULL, "resolving: a helper answered nonsense");
	return false;
}

/* Waits for any of them; false: none is left, or the time is up. */
static bool
wait_for_helpers(struct resolving *r, struct pollfd fds[HELPERS_MOST])
{
	uint64_t now = read_ms();
	size_t n_open = 0;
	int n;

	for (size_t h = 0; h < r->n_helpers; h++) {
		fds[h] = (struct pollfd){ .fd = r->helpers[h].fd,
			.events = POLLIN };
		n_open += fds[h].fd >= 0;
	}
	if (n_open == 0 || now >= r->deadline_ms)
		return false;
	n = poll(fds, r->n_helpers, (int)(r->deadline_ms - now));
	if (n < 0)
		memset(fds, 0, HELPERS_MOST * sizeof(*fds));
	return n >= 0 || errno == EINTR;
}

static void
run_helpers(struct resolving *r)
{
	struct pollfd fds[HELPERS_MOST];

	r->n_helpers = r->n < HELPERS_MOST ? r->n : HELPERS_MOST;
	for (size_t h = 0; h < r->n_helpers; h++)
		helper_start(r, h);
	while (wait_for_helpers(r, fds))
		for (size_t h = 0; h < r->n_helpers; h++)
			if (fds[h].revents != 0 && !helper_read(r, h))
				helper_stop(&r->helpers[h]);
	for (size_t h = 0; h < r->n_helpers; h++)
		helper_stop(&r->helpers[h]);
}

static void
set_port(struct address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

static void
warn_unresolved(const struct upstream_conf *u, const struct backend_conf *b,
    const struct name *name)
{
	struct log_context ctx = { .doing = "resolving a backend",
		.upstream = u->name, .backend = b->host };

	log_warn(&ctx, "%s", !name->is_done ? "no answer" :
	    name->status != 0 ? gai_strerror(name->status) : "no address");
}

/* One backend per address; itself, if there is none. */
static size_t
expand_backend(const struct resolving *r, const struct upstream_conf *u,
    const struct backend_conf *b, struct backend_conf *out)
{
	const struct name *name;

	*out = *b;
	if (!needs_name(b))
		return 1;
	name = find_name(r, b->host);
	if (name->n_found == 0) {
		warn_unresolved(u, b, name);
		return 1;
	}
	for (size_t i = 0; i < name->n_found; i++) {
		out[i] = *b;
		out[i].address = name->found[i];
		set_port(&out[i].address, b->port);
	}
	return name->n_found;
}

static void
expand_upstream(const struct resolving *r, struct upstream_conf *u,
    struct arena *arena)
{
	struct backend_conf *all;
	size_t n = 0;

	for (size_t i = 0; i < u->n_backends; i++)
		n += needs_name(&u->backends[i]) ?
		    find_name(r, u->backends[i].host)->n_found + 1 : 1;
	all = arena_alloc(arena, n * sizeof(*all));
	n = 0;
	for (size_t i = 0; i < u->n_backends; i++)
		n += expand_backend(r, u, &u->backends[i], &all[n]);
	u->backends = all;
	u->n_backends = n;
}

void
resolve_backends(struct conf *conf, uint32_t timeout_ms)
{
	struct resolving r = { .deadline_ms = read_ms() + timeout_ms };

	if (count_names(conf) == 0)
		return;
	collect_names(&r, conf);
	run_helpers(&r);
	for (size_t u = 0; u < conf->n_upstreams; u++)
		expand_upstream(&r, &conf->upstreams[u], conf->arena);
	for (size_t i = 0; i < r.n; i++)
		free(r.names[i].found);
	free(r.names);
}
