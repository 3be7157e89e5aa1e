/* src/conf/secret.h -- the key of whoever has been given none */
#pragma once
#include <stdint.h>

#define SECRET_OWN 32

/*
 * Random bytes, made when they are first asked for and the same as long as
 * this process lives: what was signed under one configuration holds under the
 * next.
 */
const uint8_t *secret_own(void);

/* These from now on: of the program whose work this one goes on with. */
void secret_take_over(const uint8_t bytes[SECRET_OWN]);
