/* src/http1/parse_neon.c -- 16 bytes at a time, on aarch64 */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "http1/parse_masks.h"
#include "http1/parse_rules.h"

struct flags {
	uint8x16_t nontoken, nontarget, ctl;	/* 0xff or 0 */
};

static inline struct flags
classify16(const char *at)
{
	static const uint8_t token_low[] = { TOKEN_LOW };
	static const uint8_t token_high[] = { TOKEN_HIGH };
	uint8x16_t b = vld1q_u8((const uint8_t *)at);
	uint8x16_t token = vandq_u8(
	    vqtbl1q_u8(vld1q_u8(token_low), vandq_u8(b, vdupq_n_u8(0x0f))),
	    vqtbl1q_u8(vld1q_u8(token_high), vshrq_n_u8(b, 4)));
	uint8x16_t del = vceqq_u8(b, vdupq_n_u8(0x7f));
	uint8x16_t below_space = vcltq_u8(b, vdupq_n_u8(' '));
	uint8x16_t not_visible = vorrq_u8(vcltq_u8(b, vdupq_n_u8(0x21)),
	    vcgtq_u8(b, vdupq_n_u8(0x7e)));

	return (struct flags){
		vceqzq_u8(token),
		vorrq_u8(not_visible, vceqq_u8(b, vdupq_n_u8('#'))),
		vorrq_u8(del, vbicq_u8(below_space,
		    vceqq_u8(b, vdupq_n_u8('\t')))),
	};
}

/* One bit of each of 64 flags: weighted, then added up in pairs. */
static inline uint64_t
bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
	static const uint8_t weights[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128
	};
	uint8x16_t w = vld1q_u8(weights);
	uint8x16_t ab = vpaddq_u8(vandq_u8(a, w), vandq_u8(b, w));
	uint8x16_t cd = vpaddq_u8(vandq_u8(c, w), vandq_u8(d, w));
	uint8x16_t sum = vpaddq_u8(ab, cd);

	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

static inline struct masks
classify(const char *block)
{
	struct flags a = classify16(block), b = classify16(block + 16);
	struct flags c = classify16(block + 32), d = classify16(block + 48);

	return (struct masks){
		bits_of(a.nontoken, b.nontoken, c.nontoken, d.nontoken),
		bits_of(a.nontarget, b.nontarget, c.nontarget, d.nontarget),
		bits_of(a.ctl, b.ctl, c.ctl, d.ctl),
	};
}

#define PARSER parser_neon
#include "http1/parse_body.h"
#endif
