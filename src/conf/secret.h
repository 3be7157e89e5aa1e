/* src/conf/secret.h -- what the values of sticky cookies are made with */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct arena;
struct conf;

#define SECRET_LEAST	16	/* bytes that are hard enough to guess */
#define SECRET_MOST	4096	/* of a file */
#define SECRET_MADE	32

/*
 * Where the configuration has no secret there is one for all such upstreams,
 * SECRET_MADE bytes. It stays at one place for as long as the process lives,
 * which configurations refer to, and which core dumps leave out. At first it
 * is random, and known to nobody: to read a configuration leaves no trace.
 */
const char *secret_shared(void);

/*
 * For a master, before it forks what serves `conf`: if an upstream of it needs
 * the shared secret, that becomes the one of STATE_DIR/sticky.secret, which is
 * written if it is not there. What cannot be had is logged; the secret then
 * ends with the master. That is done, and said, once, however many
 * configurations follow.
 */
void secret_keep(const struct conf *conf);

/* For a master that becomes another program: what secret_keep() came to, or
 * NULL. The other one adopts it before its first secret_keep(). */
const uint8_t *secret_made(void);
void secret_adopt(const uint8_t bytes[SECRET_MADE]);

/*
 * The bytes of a file, without one newline at its end: at least SECRET_LEAST,
 * *len of them, in the arena. NULL: `why` (WHY_MAX bytes of conf/schema.h) says
 * what is wrong with the file, and what to do.
 */
const char *secret_read(const char *path, size_t *len, struct arena *arena,
    char *why);
