/* src/net/owner.h -- who listens on an address, as far as /proc tells */
#pragma once
#include <sys/types.h>

#include "core/address.h"

#define OWNER_COMMAND_MAX 64

/*
 * The lowest pid that holds a listening TCP socket in conflict with `a`, and
 * its command; 0 if none is found (another user's, another namespace, a
 * socket not yet listening). Reads all of /proc: for error messages.
 */
pid_t owner_find(const struct address *a, char command[OWNER_COMMAND_MAX]);
