/* src/http1/masks.h -- what a variant says of 64 bytes */
#pragma once
#include <stdint.h>

struct masks {
	uint64_t nontoken, ctl, nontarget;
};

/*
 * tchar as two look-ups by nibble: bit (c >> 4) of TOKEN_ROWS[c & 15], for
 * c below 0x80.
 */
#define TOKEN_ROWS							\
	(char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc,	\
	(char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,	\
	(char)0xf8, (char)0xf8, (char)0xf4, (char)0x54,	\
	(char)0xd0, (char)0x54, (char)0xf4, (char)0x70
#define ROW_BITS							\
	0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, (char)0x80,		\
	0, 0, 0, 0, 0, 0, 0, 0
