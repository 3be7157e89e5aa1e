/* t/unit/support/conf_file.h -- configuration files made of a test's text */
#pragma once
#include <stddef.h>

#include "core/span.h"

struct conf;
struct options;

/* Fixtures of a test case, unchecked: all files are "t.yaml" in a directory
 * of their own, which becomes the current one. */
void conf_file_setup(void);
void conf_file_teardown(void);

/*
 * What conf_read() makes of t.yaml with this text; `o` may be NULL, its
 * `file` is ignored. With a NULL text there is no file.
 */
struct reading {
	struct conf *conf;	/* NULL: errors */
	char *said;		/* what was printed; heap, "" if nothing */
	size_t errors, warnings;
};

struct reading conf_file_read(struct span text, const struct options *o);
void reading_free(struct reading *r);
