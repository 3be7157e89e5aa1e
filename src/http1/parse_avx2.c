/* src/http1/parse_avx2.c -- 32 bytes at a time */
#if defined(__x86_64__)
#include <immintrin.h>

#include "http1/parse_masks.h"
#include "http1/parse_rules.h"

struct masks32 {
	uint32_t nontoken, nontarget, ctl;
};

static inline uint32_t
bits_of(__m256i v)
{
	return (uint32_t)_mm256_movemask_epi8(v);
}

static const uint8_t token_low[] = { TOKEN_LOW };
static const uint8_t token_high[] = { TOKEN_HIGH };

/* 16 bytes in both halves, for look-ups. */
static inline __m256i
load_twice(const uint8_t *table)
{
	return _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const void *)table));
}

static inline struct masks32
classify32(const char *at)
{
	const __m256i low = load_twice(token_low);
	const __m256i high = load_twice(token_high);
	__m256i b = _mm256_loadu_si256((const void *)at);
	__m256i half = _mm256_and_si256(_mm256_srli_epi16(b, 4),
	    _mm256_set1_epi8(0x0f));
	/* A look-up of a byte from 0x80 on is 0. */
	__m256i token = _mm256_and_si256(_mm256_shuffle_epi8(low, b),
	    _mm256_shuffle_epi8(high, half));
	__m256i del = _mm256_cmpeq_epi8(b, _mm256_set1_epi8(0x7f));
	__m256i hash = _mm256_cmpeq_epi8(b, _mm256_set1_epi8('#'));
	__m256i tab = _mm256_cmpeq_epi8(b, _mm256_set1_epi8('\t'));
	__m256i below_space = _mm256_cmpeq_epi8(b,
	    _mm256_min_epu8(b, _mm256_set1_epi8(0x1f)));
	/* Signed: bytes from 0x80 on are below as well. */
	__m256i to_space = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), b);

	return (struct masks32){
		bits_of(_mm256_cmpeq_epi8(token, _mm256_setzero_si256())),
		bits_of(_mm256_or_si256(to_space,
		    _mm256_or_si256(del, hash))),
		bits_of(_mm256_or_si256(del,
		    _mm256_andnot_si256(tab, below_space))),
	};
}

static inline struct masks
classify(const char *block)
{
	struct masks32 a = classify32(block), b = classify32(block + 32);

	return (struct masks){
		a.nontoken | (uint64_t)b.nontoken << 32,
		a.nontarget | (uint64_t)b.nontarget << 32,
		a.ctl | (uint64_t)b.ctl << 32,
	};
}

#define PARSER parser_avx2
#include "http1/parse_body.h"
#endif
