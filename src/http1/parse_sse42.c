/* src/http1/parse_sse42.c -- 16 bytes at a time */
#if defined(__x86_64__)
#include <immintrin.h>

#include "http1/parse_masks.h"
#include "http1/parse_rules.h"

static inline uint64_t
bits_of(__m128i v)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(v);
}

static const uint8_t token_low[] = { TOKEN_LOW };
static const uint8_t token_high[] = { TOKEN_HIGH };

static inline __m128i
load16(const void *at)
{
	return _mm_loadu_si128(at);
}

static inline struct masks
classify16(const char *at)
{
	const __m128i low = load16(token_low), high = load16(token_high);
	__m128i b = load16(at);
	__m128i half = _mm_and_si128(_mm_srli_epi16(b, 4),
	    _mm_set1_epi8(0x0f));
	/* A look-up of a byte from 0x80 on is 0. */
	__m128i token = _mm_and_si128(_mm_shuffle_epi8(low, b),
	    _mm_shuffle_epi8(high, half));
	__m128i del = _mm_cmpeq_epi8(b, _mm_set1_epi8(0x7f));
	__m128i hash = _mm_cmpeq_epi8(b, _mm_set1_epi8('#'));
	__m128i tab = _mm_cmpeq_epi8(b, _mm_set1_epi8('\t'));
	__m128i below_space = _mm_cmpeq_epi8(b,
	    _mm_min_epu8(b, _mm_set1_epi8(0x1f)));
	/* Signed: bytes from 0x80 on are below as well. */
	__m128i to_space = _mm_cmpgt_epi8(_mm_set1_epi8(0x21), b);

	return (struct masks){
		bits_of(_mm_cmpeq_epi8(token, _mm_setzero_si128())),
		bits_of(_mm_or_si128(to_space, _mm_or_si128(del, hash))),
		bits_of(_mm_or_si128(del, _mm_andnot_si128(tab, below_space))),
	};
}

static inline struct masks
classify(const char *block)
{
	struct masks m = classify16(block);

	for (unsigned i = 16; i < 64; i += 16) {
		struct masks next = classify16(block + i);

		m.nontoken |= next.nontoken << i;
		m.nontarget |= next.nontarget << i;
		m.ctl |= next.ctl << i;
	}
	return m;
}

#define PARSER parser_sse42
#include "http1/parse_body.h"
#endif
