/* src/proc/status.c -- RUN_DIR/status: who runs, and how the last change went */
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/text.h"
#include "core/memory.h"

/* A character of it; one that is not UTF-8, as in the name of a file, is
 * U+FFFD. Returns its length. */
static size_t
write_character(FILE *f, struct span s)
{
	uint32_t c;
	size_t len;

	if (!text_decode(s, &c, &len)) {
		fputs("\\ufffd", f);
		return 1;
	}
	if (c == '"' || c == '\\')
		fprintf(f, "\\%c", (int)c);
	else if (c < 0x20)
		fprintf(f, "\\u%04x", c);
	else
		fwrite(s.ptr, 1, len, f);
	return len;
}

/* A JSON string (RFC 8259 7). */
static void
write_string(FILE *f, const char *text)
{
	struct span s = span_str(text);

	putc('"', f);
	while (s.len > 0)
		s = span_skip(s, write_character(f, s));
	putc('"', f);
}

static void
write_status(FILE *f, const struct status *s)
{
	fprintf(f, "{\"pid\":%d,\"sequence\":%u,\"generation\":%u,"
	    "\"verdict\":", (int)getpid(), s->sequence, s->generation);
	write_string(f, s->verdict);
	fputs(",\"diagnostics\":[", f);
	for (size_t i = 0; i < s->n_diagnostics; i++) {
		if (i > 0)
			putc(',', f);
		write_string(f, s->diagnostics[i]);
	}
	fputs("]}\n", f);
}

/* A new file: never through a link that somebody put there. */
static FILE *
create(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return NULL;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

int
status_write(const char *run_dir, const struct status *s)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/status", run_dir);
	snprintf(temporary, sizeof(temporary), "%s/status.new", run_dir);
	f = create(temporary);
	if (f == NULL)
		return -1;
	write_status(f, s);
	if (ferror(f)) {
		fclose(f);
		unlink(temporary);
		errno = EIO;
		return -1;
	}
	if (fclose(f) != 0 || rename(temporary, path) < 0) {
		unlink(temporary);
		return -1;
	}
	return 0;
}

void
status_remove(const char *run_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/status", run_dir);
	unlink(path);
}

static bool
take_diagnostics(struct status *s, const json_t *list)
{
	size_t n = json_array_size(list);
	const char **lines = xcalloc(n + 1, sizeof(*lines));

	s->diagnostics = lines;
	for (; s->n_diagnostics < n; s->n_diagnostics++) {
		lines[s->n_diagnostics] = json_string_value(json_array_get(list,
		    s->n_diagnostics));
		if (lines[s->n_diagnostics] == NULL)
			return false;
	}
	return true;
}

static bool
take_status(struct status *s)
{
	json_t *list;
	json_int_t pid, sequence, generation;

	if (json_unpack(s->json, "{s:I, s:I, s:I, s:s, s:o}", "pid", &pid,
	    "sequence", &sequence, "generation", &generation, "verdict",
	    &s->verdict, "diagnostics", &list) < 0 || pid < 1 || pid > INT_MAX)
		return false;
	s->pid = (pid_t)pid;
	s->sequence = (uint32_t)sequence;
	s->generation = (uint32_t)generation;
	return take_diagnostics(s, list);
}

int
status_read(const char *run_dir, struct status *s)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	*s = (struct status){ .sequence = 0 };
	snprintf(path, sizeof(path), "%s/status", run_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0)
		s->json = json_loadfd(fd, 0, NULL);
	close(fd);
	s->owner = st.st_uid;
	if (s->json != NULL && take_status(s))
		return 0;
	status_free(s);
	errno = EBADMSG;
	return -1;
}

void
status_free(struct status *s)
{
	free((void *)(uintptr_t)s->diagnostics);
	s->diagnostics = NULL;
	s->n_diagnostics = 0;
	json_decref(s->json);
	s->json = NULL;
}
