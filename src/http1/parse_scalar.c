/* src/http1/parse_scalar.c -- the reference variant: byte by byte */
#include <stdbool.h>

#include "http1/masks.h"
#include "http1/scan.h"

static const char token_rows[16] = { TOKEN_ROWS };

static bool
is_token(unsigned char c)
{
	unsigned char row = (unsigned char)token_rows[c & 15];

	return c < 0x80 && (row >> (c >> 4) & 1) != 0;
}

static void
classify(const char *at, struct masks *m)
{
	*m = (struct masks){ 0, 0, 0 };
	for (unsigned i = 0; i < 64; i++) {
		unsigned char c = (unsigned char)at[i];
		uint64_t bit = 1ull << i;

		if (!is_token(c))
			m->nontoken |= bit;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			m->ctl |= bit;
		if (c <= 0x20 || c == '#' || c >= 0x7f)
			m->nontarget |= bit;
	}
}

#define VARIANT scalar
#include "http1/scan_body.h"
