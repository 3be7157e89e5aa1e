/* src/conf/env.h -- ${env:NAME} in values */
#pragma once
#include <stdbool.h>

#include "core/memory.h"
#include "core/span.h"

/*
 * What the environment says for NAME, which lives as long as the environment
 * is left alone. False: `why` (WHY_MAX bytes of conf/schema.h) says what is
 * wrong.
 */
bool env_find(struct span name, struct span *value, char *why);

/*
 * Puts the environment's words in the places of their names; "$${env:" stands
 * for "${env:". *text is left alone if there is nothing to do, else it lies in
 * the arena. What was put in is not looked at again. False: `why` as above,
 * and *bad is the part of the text that it is about.
 */
bool env_expand(struct span *text, struct arena *arena, struct span *bad,
    char *why);

/* What is expanded to `text`: "$${env:" for each "${env:". */
struct span env_escape(struct span text, struct arena *arena);
