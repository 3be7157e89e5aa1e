/* src/conf/dump.h -- the effective configuration and its schema, printed */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct conf;

/*
 * What file and command line come to, defaults filled in, as a file that
 * reads alike: printed once more it is the same, byte by byte. All of it by
 * the tables of conf/schema.h; secrets, too.
 */
void conf_dump(const struct conf *conf, FILE *out);

/*
 * One setting by its path, as in "limits.connections" or
 * "upstreams.web.backends.0.host": items by their name, of lists also by their
 * place from 0. A single value stands there as it is, "null" for one that is
 * not set; blocks and lists are YAML. False: `why` says what is wrong.
 */
#define CONF_WHY_MAX 1024
bool conf_show(const struct conf *conf, const char *path, FILE *out,
    char why[CONF_WHY_MAX]);

/*
 * The JSON Schema (draft-07) of a configuration file, for editors: by the same
 * tables. It takes every good file; of a bad one it knows what types, words,
 * forms and numbers tell.
 */
void conf_print_schema(FILE *out);
