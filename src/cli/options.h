/* src/cli/options.h -- fairlead's command line */
#pragma once
#include <stdbool.h>

struct options;

/*
 * Fills `o` (which must be zeroed) from the command line; its strings are
 * argv's, its list of backends lives as long as the process. Without -c and
 * -b the default file is taken if it exists. 0: go on (look at `help`,
 * `version`, `test` and the like). -1: wrong usage, which has been said on
 * stderr. What a value means is not checked here, only that it can be stored.
 */
int options_parse(struct options *o, int argc, char **argv);

void options_print_help(void);			/* on stdout */
void options_print_version(bool long_form);	/* on stdout */
