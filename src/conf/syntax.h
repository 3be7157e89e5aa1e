/* src/conf/syntax.h -- libyaml's complaints in words that help */
#pragma once
#include <yaml.h>

#include "conf/diag.h"

/*
 * Reports why the parser stopped, alone: everything before is forgotten, for
 * it may be wrong because of it. `file` is the number of the text's source.
 */
void syntax_explain(const yaml_parser_t *parser, struct span text,
    uint32_t file, struct diagnostics *d);
