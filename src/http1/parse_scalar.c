/* src/http1/parse_scalar.c -- the reference: a byte at a time */
#include "http1/parse_masks.h"
#include "http1/parse_rules.h"

#define NONTOKEN 1u
#define NONTARGET 2u
#define CTL 4u

/* Every byte that is not named here is a tchar. */
static const uint8_t classes[256] = {
	[0x00 ... 0x08] = NONTOKEN | NONTARGET | CTL,
	['\t'] = NONTOKEN | NONTARGET,
	[0x0a ... 0x1f] = NONTOKEN | NONTARGET | CTL,
	[' '] = NONTOKEN | NONTARGET,
	['#'] = NONTARGET,
	['"'] = NONTOKEN, ['('] = NONTOKEN, [')'] = NONTOKEN,
	[','] = NONTOKEN, ['/'] = NONTOKEN, [':'] = NONTOKEN,
	[';'] = NONTOKEN, ['<'] = NONTOKEN, ['='] = NONTOKEN,
	['>'] = NONTOKEN, ['?'] = NONTOKEN, ['@'] = NONTOKEN,
	['['] = NONTOKEN, ['\\'] = NONTOKEN, [']'] = NONTOKEN,
	['{'] = NONTOKEN, ['}'] = NONTOKEN,
	[0x7f] = NONTOKEN | NONTARGET | CTL,
	[0x80 ... 0xff] = NONTOKEN | NONTARGET,
};

static inline struct masks
classify(const char *block)
{
	struct masks m = { 0, 0, 0 };

	for (unsigned i = 0; i < 64; i++) {
		uint64_t c = classes[(unsigned char)block[i]];

		m.nontoken |= (c & 1) << i;
		m.nontarget |= (c >> 1 & 1) << i;
		m.ctl |= (c >> 2 & 1) << i;
	}
	return m;
}

#define PARSER parser_scalar
#include "http1/parse_body.h"
