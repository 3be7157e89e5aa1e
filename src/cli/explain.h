/* src/cli/explain.h -- fairlead --explain */
#pragma once

struct conf;
struct options;

/*
 * Prints to stdout what becomes of the request options->explain, "METHOD URL",
 * with options->headers, from options->client. Names are not resolved: each
 * backend counts as found (which changes `conf`). 0; -1 after saying on stderr
 * what is wrong with the options.
 */
int explain(struct conf *conf, const struct options *options);
