/* src/proc/status.c -- RUN_DIR/status: who runs, and how the last change went */
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A JSON string (RFC 8259 7). */
static void
write_string(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			putc(c, f);
	}
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
