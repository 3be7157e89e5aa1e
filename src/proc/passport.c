/* src/proc/passport.c -- writing and reading what an upgrade hands on */
#include "proc/passport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/secret.h"
#include "core/memory.h"
#include "net/listener.h"
#include "proc/internal.h"
#include "proc/pid_file.h"
#include "proc/upgrade.h"
#include "proc/wake.h"

#define FORM	1	/* of the lines; +1 never: words are added */
#define MANY	100000	/* more of anything is no passport */

/* ---- writing */

static void
put_hex(FILE *f, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", ((const uint8_t *)bytes)[i]);
}

/* As the kernel has it, which is the same for all of us. */
static void
put_address(FILE *f, const struct address *a)
{
	putc(' ', f);
	put_hex(f, &a->sa, a->len);
}

static void
put_sockets(FILE *f, const char *word, const struct listener_set *set)
{
	for (size_t i = 0; set != NULL && i < set->n_addresses; i++) {
		for (size_t s = 0; s < set->n_slots; s++) {
			int fd = set->fds[i * set->n_slots + s];

			if (fd < 0 || (s > 0 && fd ==
			    set->fds[i * set->n_slots]))
				continue;
			fprintf(f, "%s %d", word, fd);
			put_address(f, &set->wanted[i]);
			put_address(f, &set->addresses[i]);
			fputs(s < set->n_given[i] ? " given\n" : "\n", f);
		}
	}
}

static void
put_process(FILE *f, const char *word, const struct process *p)
{
	if (p->pid != 0)
		fprintf(f, "%s %u %u %u %d %d %d %d %d\n", word, p->slot,
		    p->place, p->restarts, (int)p->pid, p->control.fd,
		    p->is_ready, p->is_dismissed, p->is_released);
}

static void
put_log(FILE *f, const char *which, const struct log_file *l)
{
	if (l->fd >= 0)
		fprintf(f, "log %s %d %s\n", which, l->fd,
		    l->path != NULL ? l->path : "");
}

static void
put_generation(FILE *f, const struct generation *g)
{
	fprintf(f, "generation %u %d %u %d\n", g->number,
	    g == master.serving, g->drain_ms, g->is_foreign);
	fprintf(f, "stop %u %u %d\n", g->shutdown_ms, g->delay_ms,
	    g->is_term_graceful);
	put_log(f, "error", &g->logs.error);
	put_log(f, "access", &g->logs.access);
	for (size_t i = 0; i < g->n_workers; i++)
		put_process(f, "worker", &g->workers[i]);
}

static void
put_processes(FILE *f)
{
	struct list *it, *after;

	put_generation(f, master.serving);
	list_each(it, after, &master.draining)
		put_generation(f, container_of(it, struct generation, link));
	if (master.monitor != NULL)
		put_process(f, "monitor", master.monitor);
	list_each(it, after, &master.old_monitors)
		put_process(f, "monitor", container_of(it, struct process,
		    link));
}

static void
put_descriptors(FILE *f)
{
	fprintf(f, "segment %d %d\n", segment.fd, upgrade_export());
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++)
		fprintf(f, "wake %u %d\n", i, wake_descriptor(i));
	put_sockets(f, "listen", master.serving->listeners);
	put_sockets(f, "admin-listen", master.admin.tcp);
	if (master.admin.fd >= 0)
		fprintf(f, "admin %d %s\n", master.admin.fd,
		    master.admin.path);
	if (pid_file_descriptor() >= 0)
		fprintf(f, "pid-file %d %s\n", pid_file_descriptor(),
		    pid_file_path());
}

static void
put_all(FILE *f)
{
	const uint8_t *secret = secret_made();

	fprintf(f, "passport %d\nversion %s\nbinary %s\n", FORM,
	    FAIRLEAD_VERSION, upgrade_binary());
	fprintf(f, "numbers %u %u\n", master.last_number,
	    master.status_sequence);
	if (master.run_dir != NULL)
		fprintf(f, "run-dir %s\n", master.run_dir);
	put_descriptors(f);
	put_processes(f);
	if (secret != NULL) {
		fputs("secret ", f);
		put_hex(f, secret, SECRET_MADE);
		putc('\n', f);
	}
	fputs("end\n", f);
}

int
passport_write(int fd)
{
	int copy = dup(fd);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");

	if (f == NULL) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	put_all(f);
	if (fclose(f) == 0)
		return 0;
	return -1;
}

/* ---- reading */

struct reader {
	struct passport *p;
	bool has_begun, has_ended;
};

static bool
take_hex(const char *text, void *out, size_t n)
{
	uint8_t *bytes = out;
	unsigned byte;

	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		bytes[i] = (uint8_t)byte;
	}
	return true;
}

static bool
take_address(struct address *a, const char *hex)
{
	size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > sizeof(a->un) ||
	    n / 2 < sizeof(sa_family_t))
		return false;
	memset(a, 0, sizeof(*a));
	a->len = (socklen_t)(n / 2);
	return take_hex(hex, &a->sa, n / 2);
}

#define HEX_MOST 256
#define HEX_FORM "255s"

static bool
read_socket(struct reader *r, const char *rest, bool is_admin)
{
	struct passport *p = r->p;
	char wanted[HEX_MOST], actual[HEX_MOST], given[8] = "";
	struct passport_socket s = { .is_admin = is_admin };

	if (sscanf(rest, "%d %" HEX_FORM " %" HEX_FORM " %7s", &s.fd, wanted,
	    actual, given) < 3 || !take_address(&s.wanted, wanted) ||
	    !take_address(&s.actual, actual) || p->n_sockets >= MANY)
		return false;
	s.is_given = strcmp(given, "given") == 0;
	p->sockets = xrealloc(p->sockets, (p->n_sockets + 1) * sizeof(s));
	p->sockets[p->n_sockets++] = s;
	return true;
}

static bool
read_listen(struct reader *r, const char *rest)
{
	return read_socket(r, rest, false);
}

static bool
read_admin_listen(struct reader *r, const char *rest)
{
	return read_socket(r, rest, true);
}

static bool
add_process(const char *rest, struct passport_process **all, size_t *n)
{
	int pid, ready, dismissed, released;
	struct passport_process p;

	if (sscanf(rest, "%u %u %u %d %d %d %d %d", &p.slot, &p.place,
	    &p.restarts, &pid, &p.control_fd, &ready, &dismissed,
	    &released) != 8 || pid <= 1 || p.slot > SEGMENT_MONITOR ||
	    p.place >= SEGMENT_SLOTS || *n >= MANY)
		return false;
	p.pid = pid;
	p.is_ready = ready != 0;
	p.is_dismissed = dismissed != 0;
	p.is_released = released != 0;
	*all = xrealloc(*all, (*n + 1) * sizeof(p));
	(*all)[(*n)++] = p;
	return true;
}

/* What a line behind its own is about; NULL: there was none. */
static struct passport_generation *
last_generation(const struct reader *r)
{
	size_t n = r->p->n_generations;

	return n == 0 ? NULL : &r->p->generations[n - 1];
}

static bool
read_stop(struct reader *r, const char *rest)
{
	struct passport_generation *g = last_generation(r);
	int is_graceful;

	if (g == NULL || sscanf(rest, "%u %u %d", &g->shutdown_ms,
	    &g->delay_ms, &is_graceful) != 3)
		return false;
	g->is_term_graceful = is_graceful != 0;
	g->has_stop = true;
	return true;
}

static bool
read_log(struct reader *r, const char *rest)
{
	struct passport_generation *g = last_generation(r);
	struct passport_log *l;
	char which[8];
	int fd, path = 0;

	if (g == NULL || sscanf(rest, "%7s %d %n", which, &fd, &path) != 2 ||
	    path == 0)
		return false;
	l = strcmp(which, "access") == 0 ? &g->access : &g->error;
	free(l->path);
	l->path = rest[path] != '\0' ? xstrdup(rest + path) : NULL;
	l->fd = fd;
	return true;
}

static bool
read_worker(struct reader *r, const char *rest)
{
	struct passport_generation *g = last_generation(r);

	return g != NULL &&
	    add_process(rest, &g->processes, &g->n_processes) &&
	    g->processes[g->n_processes - 1].slot < SEGMENT_SLOTS;
}

static bool
read_monitor(struct reader *r, const char *rest)
{
	return add_process(rest, &r->p->monitors, &r->p->n_monitors);
}

static bool
read_generation(struct reader *r, const char *rest)
{
	struct passport *p = r->p;
	struct passport_generation g = { .error.fd = -1, .access.fd = -1 };
	int is_serving, is_foreign = 0;	/* newer */

	if (sscanf(rest, "%u %d %u %d", &g.number, &is_serving, &g.drain_ms,
	    &is_foreign) < 3 || p->n_generations >= MANY)
		return false;
	g.is_serving = is_serving != 0;
	g.is_foreign = is_foreign != 0;
	p->generations = xrealloc(p->generations,
	    (p->n_generations + 1) * sizeof(g));
	p->generations[p->n_generations++] = g;
	return true;
}

static bool
read_passport(struct reader *r, const char *rest)
{
	r->has_begun = atoi(rest) >= FORM;
	return r->has_begun;
}

static bool
read_version(struct reader *r, const char *rest)
{
	free(r->p->version);
	r->p->version = xstrdup(rest);
	return true;
}

static bool
read_binary(struct reader *r, const char *rest)
{
	free(r->p->binary);
	r->p->binary = xstrdup(rest);
	return true;
}

static bool
read_run_dir(struct reader *r, const char *rest)
{
	free(r->p->run_dir);
	r->p->run_dir = xstrdup(rest);
	return true;
}

static bool
read_numbers(struct reader *r, const char *rest)
{
	return sscanf(rest, "%u %u", &r->p->last_generation,
	    &r->p->status_sequence) == 2;
}

static bool
read_segment(struct reader *r, const char *rest)
{
	return sscanf(rest, "%d %d", &r->p->segment, &r->p->export) == 2;
}

static bool
read_wake(struct reader *r, const char *rest)
{
	unsigned slot;
	int fd;

	if (sscanf(rest, "%u %d", &slot, &fd) != 2)
		return false;
	if (slot <= SEGMENT_MONITOR)
		r->p->wakes[slot] = fd;
	return true;
}

/* A descriptor and a path, which may have spaces. */
static bool
take_file(const char *rest, int *fd, char **path)
{
	const char *space = strchr(rest, ' ');

	if (space == NULL || sscanf(rest, "%d", fd) != 1)
		return false;
	free(*path);
	*path = xstrdup(space + 1);
	return true;
}

static bool
read_admin(struct reader *r, const char *rest)
{
	return take_file(rest, &r->p->admin, &r->p->admin_path);
}

static bool
read_pid_file(struct reader *r, const char *rest)
{
	return take_file(rest, &r->p->pid_file, &r->p->pid_path);
}

static bool
read_secret(struct reader *r, const char *rest)
{
	r->p->has_secret = strlen(rest) == 2 * sizeof(r->p->secret) &&
	    take_hex(rest, r->p->secret, sizeof(r->p->secret));
	return r->p->has_secret;
}

static bool
read_end(struct reader *r, const char *rest UNUSED)
{
	r->has_ended = true;
	return true;
}

static const struct {
	const char *word;
	bool (*read)(struct reader *r, const char *rest);
} words[] = {
	{ "passport", read_passport }, { "version", read_version },
	{ "binary", read_binary }, { "numbers", read_numbers },
	{ "segment", read_segment }, { "wake", read_wake },
	{ "listen", read_listen }, { "admin-listen", read_admin_listen },
	{ "admin", read_admin }, { "pid-file", read_pid_file },
	{ "generation", read_generation }, { "worker", read_worker },
	{ "stop", read_stop }, { "log", read_log },
	{ "monitor", read_monitor }, { "secret", read_secret },
	{ "run-dir", read_run_dir }, { "end", read_end },
};

static bool
read_line(struct reader *r, char *line)
{
	char *rest = line + strcspn(line, " ");

	if (*rest != '\0')
		*rest++ = '\0';
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i].word, line) == 0)
			return words[i].read(r, rest);
	return true;
}

static bool
read_lines(struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	bool is_good = true;
	ssize_t n;

	while (is_good && !r->has_ended && (n = getline(&line, &room, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		is_good = read_line(r, line);
	}
	free(line);
	return is_good && r->has_begun && r->has_ended &&
	    r->p->n_generations > 0;
}

struct passport *
passport_read(int fd)
{
	struct passport *p = xnew(struct passport);
	struct reader r = { .p = p };
	FILE *f = fdopen(fd, "r");

	p->segment = p->export = p->pid_file = p->admin = -1;
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++)
		p->wakes[i] = -1;
	if (f != NULL)
		rewind(f);
	if (f == NULL || !read_lines(&r, f))
		passport_free(&p);
	if (f != NULL)
		fclose(f);
	return p;
}

void
passport_free(struct passport **passport)
{
	struct passport *p = *passport;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_generations; i++) {
		free(p->generations[i].processes);
		free(p->generations[i].error.path);
		free(p->generations[i].access.path);
	}
	free(p->generations);
	free(p->monitors);
	free(p->sockets);
	free(p->version);
	free(p->binary);
	free(p->pid_path);
	free(p->admin_path);
	free(p->run_dir);
	explicit_bzero(p->secret, sizeof(p->secret));
	free(p);
	*passport = NULL;
}

/* ---- over an exec */

static void
set_kept(int fd, bool keep)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

static void
keep_sockets(const struct listener_set *set, bool keep)
{
	for (size_t i = 0; set != NULL && i < set->n_addresses * set->n_slots;
	    i++)
		set_kept(set->fds[i], keep);
}

static void
keep_generation(const struct generation *g, bool keep)
{
	for (size_t i = 0; i < g->n_workers; i++)
		set_kept(g->workers[i].control.fd, keep);
	if (g->logs.error.path != NULL)
		set_kept(g->logs.error.fd, keep);
	if (g->logs.access.path != NULL)
		set_kept(g->logs.access.fd, keep);
}

void
passport_keep(bool keep)
{
	struct list *it, *after;

	set_kept(segment.fd, keep);
	set_kept(upgrade_export(), keep);
	set_kept(pid_file_descriptor(), keep);
	set_kept(master.admin.fd, keep);
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i++)
		set_kept(wake_descriptor(i), keep);
	keep_sockets(master.serving->listeners, keep);
	keep_sockets(master.admin.tcp, keep);
	keep_generation(master.serving, keep);
	list_each(it, after, &master.draining)
		keep_generation(container_of(it, struct generation, link),
		    keep);
	if (master.monitor != NULL)
		set_kept(master.monitor->control.fd, keep);
	list_each(it, after, &master.old_monitors)
		set_kept(container_of(it, struct process, link)->control.fd,
		    keep);
}
