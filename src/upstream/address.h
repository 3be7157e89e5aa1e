/* src/upstream/address.h -- where a backend is now, and what it is called */
#pragma once
#include <stdbool.h>

#include "core/address.h"

struct backend_conf;

/*
 * The address in the configuration, or of a name the one that the monitor has
 * found for this seat of it (dns/seats.h). False: there is none now.
 */
bool backend_find_address(const struct backend_conf *b, struct address *a);

/*
 * The name of a backend in logs, reports and cookies, the same on all
 * machines: "HOST:PORT" (backend_print_name), but for an address of a name,
 * which is "HOST@ADDRESS:PORT". `a` may be NULL, or have len 0: it is nowhere.
 */
#define BACKEND_NAME_MAX 512
void backend_print_place(const struct backend_conf *b,
    const struct address *a, char out[BACKEND_NAME_MAX]);

/*
 * A seat of a name that has no address, and that need not be spoken of, since
 * other seats have one, or the first stands for all.
 */
bool backend_is_spare(const struct backend_conf *b);
