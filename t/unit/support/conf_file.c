/* t/unit/support/conf_file.c -- configuration files made of a test's text */
#include "support/conf_file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

static char directory[] = "/tmp/fairlead-conf-XXXXXX";

void
conf_file_setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

void
conf_file_teardown(void)
{
	unlink("t.yaml");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void
write_file(struct span text)
{
	FILE *f = fopen("t.yaml", "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text.ptr, 1, text.len, f), text.len);
	ck_assert_int_eq(fclose(f), 0);
}

static char *
what_is_printed(const struct diagnostics *d)
{
	int fd = memfd_create("said", MFD_CLOEXEC);
	off_t len;
	char *said;

	ck_assert_int_ge(fd, 0);
	diagnostics_print(d, fd);
	len = lseek(fd, 0, SEEK_END);
	said = calloc(1, (size_t)len + 1);
	ck_assert_ptr_nonnull(said);
	ck_assert_int_eq(pread(fd, said, (size_t)len, 0), len);
	close(fd);
	return said;
}

struct reading
conf_file_read(struct span text, const struct options *given)
{
	struct options o = { .file = NULL };
	struct diagnostics *d = diagnostics_new();
	struct reading r;

	if (given != NULL)
		o = *given;
	o.file = NULL;
	if (text.ptr != NULL) {
		write_file(text);
		o.file = "t.yaml";
	}
	r.conf = conf_read(&o, d);
	r.said = what_is_printed(d);
	r.errors = diagnostics_errors(d);
	r.warnings = diagnostics_warnings(d);
	diagnostics_free(&d);
	return r;
}

void
reading_free(struct reading *r)
{
	conf_free(&r->conf);
	free(r->said);
}
