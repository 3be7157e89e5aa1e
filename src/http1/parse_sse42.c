/* src/http1/parse_sse42.c -- 16 bytes at a time */
#if defined(__x86_64__)
#include <immintrin.h>

#include "http1/masks.h"
#include "http1/scan.h"

static inline uint64_t
bits_of(__m128i v)
{
	return (uint64_t)(uint16_t)_mm_movemask_epi8(v);
}

static inline __m128i
is_at_most(__m128i v, char limit)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(limit)), v);
}

static inline void
classify(const char *at, struct masks *m)
{
	const __m128i rows = _mm_setr_epi8(TOKEN_ROWS);
	const __m128i bits = _mm_setr_epi8(ROW_BITS);
	const __m128i low = _mm_set1_epi8(15);

	*m = (struct masks){ 0, 0, 0 };
	for (unsigned i = 0; i < 64; i += 16) {
		__m128i v = _mm_loadu_si128(
		    (const __m128i *)(const void *)(at + i));
		__m128i row = _mm_shuffle_epi8(rows, _mm_and_si128(v, low));
		__m128i bit = _mm_shuffle_epi8(bits,
		    _mm_and_si128(_mm_srli_epi16(v, 4), low));
		__m128i nontoken = _mm_cmpeq_epi8(_mm_and_si128(row, bit),
		    _mm_setzero_si128());
		__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
		__m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
		__m128i ctl = _mm_or_si128(del,
		    _mm_andnot_si128(tab, is_at_most(v, 0x1f)));
		/* v itself has its top bit set from 0x80 on */
		__m128i nontarget = _mm_or_si128(
		    _mm_or_si128(is_at_most(v, 0x20), _mm_or_si128(del, v)),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));

		m->nontoken |= bits_of(nontoken) << i;
		m->ctl |= bits_of(ctl) << i;
		m->nontarget |= bits_of(nontarget) << i;
	}
}

#define VARIANT sse42
#include "http1/scan_body.h"
#endif
