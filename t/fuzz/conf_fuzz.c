/* t/fuzz/conf_fuzz.c -- any bytes as a configuration */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file that has no name elsewhere, and the name by which it can be read. */
static int
open_file(char name[64])
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	snprintf(name, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void
read_with(const struct options *o, int null)
{
	struct diagnostics *d = diagnostics_new();
	struct conf *conf = conf_read(o, d);

	if ((conf == NULL) != (diagnostics_errors(d) > 0))
		abort();
	diagnostics_print(d, null);
	diagnostics_free(&d);
	conf_free(&conf);
}

/* The first line is a -b option, all of it a file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[64];
	static int fd = -1, null = -1;
	char word[128];
	const char *backends[] = { word };
	struct options file = { .file = name };
	struct options line = { .backends = backends, .n_backends = 1,
		.host = word, .strategy = word, .workers = word };

	if (fd < 0) {
		fd = open_file(name);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	}
	if (ftruncate(fd, 0) < 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	read_with(&file, null);
	snprintf(word, sizeof(word), "%.*s", (int)(size < 120 ? size : 120),
	    (const char *)data);
	word[strcspn(word, "\n")] = '\0';
	read_with(&line, null);
	return 0;
}
