/* src/http1/parse_neon.c -- 16 bytes at a time on aarch64 */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "http1/masks.h"
#include "http1/scan.h"

/* The top bit of each byte, as movemask has it. */
static inline uint64_t
bits_of(uint8x16_t v)
{
	static const uint8_t weights[16] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128
	};
	uint8x16_t set = vandq_u8(vld1q_u8(weights),
	    vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(v), 7)));

	return (uint64_t)vaddv_u8(vget_low_u8(set)) |
	    (uint64_t)vaddv_u8(vget_high_u8(set)) << 8;
}

static const char token_rows[16] = { TOKEN_ROWS };
static const uint8_t row_bits[16] = { 1, 2, 4, 8, 16, 32, 64, 128 };

static inline void
classify(const char *at, struct masks *m)
{
	const uint8x16_t rows = vld1q_u8((const uint8_t *)token_rows);
	const uint8x16_t bits = vld1q_u8(row_bits);

	*m = (struct masks){ 0, 0, 0 };
	for (unsigned i = 0; i < 64; i += 16) {
		uint8x16_t v = vld1q_u8(
		    (const uint8_t *)(const void *)(at + i));
		uint8x16_t row = vqtbl1q_u8(rows, vandq_u8(v,
		    vdupq_n_u8(15)));
		uint8x16_t bit = vqtbl1q_u8(bits, vshrq_n_u8(v, 4));
		uint8x16_t nontoken = vceqzq_u8(vandq_u8(row, bit));
		uint8x16_t del = vceqq_u8(v, vdupq_n_u8(0x7f));
		uint8x16_t tab = vceqq_u8(v, vdupq_n_u8('\t'));
		uint8x16_t ctl = vorrq_u8(del, vbicq_u8(vcleq_u8(v,
		    vdupq_n_u8(0x1f)), tab));
		uint8x16_t nontarget = vorrq_u8(vorrq_u8(vcleq_u8(v,
		    vdupq_n_u8(0x20)), vcgeq_u8(v, vdupq_n_u8(0x7f))),
		    vceqq_u8(v, vdupq_n_u8('#')));

		m->nontoken |= bits_of(nontoken) << i;
		m->ctl |= bits_of(ctl) << i;
		m->nontarget |= bits_of(nontarget) << i;
	}
}

#define VARIANT neon
#include "http1/scan_body.h"
#endif
