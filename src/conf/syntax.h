/* src/conf/syntax.h -- libyaml's complaints in words that help */
#pragma once
#include <yaml.h>

#include "conf/diag.h"

/*
 * Reports why the parser stopped, alone: everything before is forgotten, for
 * it may be wrong because of it.
 */
void syntax_explain(const yaml_parser_t *parser, struct span text,
    struct diagnostics *d);
