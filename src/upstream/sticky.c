/* src/upstream/sticky.c -- cookies that name backends (semantics.md (e)) */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "upstream/internal.h"

/* RFC 4648 5, without padding; 16 bytes give STICKY_LEN characters. */
static void
print_base64url(char out[STICKY_LEN + 1], const uint8_t bytes[16])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < 16; i++) {
		bits = bits << 8 | bytes[i];
		for (n += 8; n >= 6; n -= 6)
			out[at++] = digits[bits >> (n - 6) & 63];
	}
	out[at++] = digits[bits << (6 - n) & 63];
	ASSERT(at == STICKY_LEN);
	out[at] = '\0';
}

/* HMAC-SHA256 of the upstream's and the backend's name, cut to 128 bits. */
static void
name_backend(struct backend *b, const struct upstream *u)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char identity[512];
	int n = snprintf(identity, sizeof(identity), "%s|%s", u->name,
	    b->name);

	ASSERT(n > 0 && HMAC(EVP_sha256(), u->sticky->secret,
	    (int)u->sticky->secret_len, (const uint8_t *)identity,
	    (size_t)n < sizeof(identity) ? (size_t)n : sizeof(identity) - 1,
	    digest, &len) != NULL && len >= 16);
	print_base64url(b->cookie, digest);
}

static char *
print_set_cookie(const struct backend *b, const struct sticky_conf *sc)
{
	char age[32] = "", *text;
	size_t size;

	if (sc->max_age_ms > 0)
		(void)snprintf(age, sizeof(age), "; Max-Age=%llu",
		    (unsigned long long)sc->max_age_ms / 1000);
	size = strlen(sc->cookie) + strlen(sc->path) + STICKY_LEN +
	    (sc->domain == NULL ? 0 : strlen(sc->domain)) + 96;
	text = xmalloc(size);
	(void)snprintf(text, size, "%s=%s; Path=%s%s%s%s; HttpOnly; "
	    "SameSite=Lax", sc->cookie, b->cookie, sc->path,
	    sc->domain == NULL ? "" : "; Domain=",
	    sc->domain == NULL ? "" : sc->domain, age);
	return text;
}

void
sticky_init(struct upstream *u)
{
	if (u->sticky == NULL)
		return;
	for (uint32_t i = 0; i < u->n_backends; i++) {
		name_backend(&u->backends[i], u);
		u->backends[i].set_cookie = print_set_cookie(&u->backends[i],
		    u->sticky);
	}
}

void
sticky_fini(struct upstream *u)
{
	for (uint32_t i = 0; i < u->n_backends; i++)
		free(u->backends[i].set_cookie);
}

/* In place: a response may be about to send it. */
void
sticky_rename(struct backend *b)
{
	const struct sticky_conf *sc = b->upstream->sticky;

	if (b->set_cookie == NULL)
		return;
	name_backend(b, b->upstream);
	memcpy(b->set_cookie + strlen(sc->cookie) + 1, b->cookie, STICKY_LEN);
}

/* Draining backends (weight 0) are still honoured. */
struct backend *
upstream_named(struct upstream *u, struct span value)
{
	struct backend *found = NULL;

	if (value.len != STICKY_LEN)
		return NULL;
	for (uint32_t i = 0; i < u->n_backends; i++)
		if (CRYPTO_memcmp(u->backends[i].cookie, value.ptr,
		    STICKY_LEN) == 0)
			found = &u->backends[i];
	return found;
}
