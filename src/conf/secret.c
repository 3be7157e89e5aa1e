/* src/conf/secret.c -- the key of whoever has been given none */
#include "conf/secret.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "core/assert.h"

static uint8_t own[SECRET_OWN];
static bool is_made;

const uint8_t *
secret_own(void)
{
	if (!is_made)
		ASSERT(RAND_bytes(own, sizeof(own)) == 1);
	is_made = true;
	return own;
}

void
secret_take_over(const uint8_t bytes[SECRET_OWN])
{
	memcpy(own, bytes, sizeof(own));
	is_made = true;
}
