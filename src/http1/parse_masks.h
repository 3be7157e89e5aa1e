/* src/http1/parse_masks.h -- what a variant says of 64 bytes */
#pragma once
#include <stdint.h>

/* One bit for each byte, the first byte's is bit 0. */
struct masks {
	uint64_t nontoken;	/* cannot stand in a token (RFC 9110 5.6.2) */
	uint64_t nontarget;	/* not visible ASCII, or "#" */
	uint64_t ctl;		/* controls but HT: end a value or spoil it */
};

/*
 * Tokens by halves of a byte, for table look-ups of 16 bytes: a byte is a
 * tchar if TOKEN_LOW[byte & 15] & TOKEN_HIGH[byte >> 4] is not 0. Bit n of
 * a low entry stands for the bytes from n * 16 to n * 16 + 15.
 */
#define TOKEN_LOW							\
	0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,			\
	0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70
#define TOKEN_HIGH							\
	0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80,			\
	0, 0, 0, 0, 0, 0, 0, 0
