/* src/http1/parse_avx2.c -- 32 bytes at a time */
#if defined(__x86_64__)
#include <immintrin.h>

#include "http1/masks.h"
#include "http1/scan.h"

static inline uint64_t
bits_of(__m256i v)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(v);
}

static inline __m256i
is_at_most(__m256i v, char limit)
{
	return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(limit)),
	    v);
}

static inline void
classify(const char *at, struct masks *m)
{
	const __m256i rows = _mm256_setr_epi8(TOKEN_ROWS, TOKEN_ROWS);
	const __m256i bits = _mm256_setr_epi8(ROW_BITS, ROW_BITS);
	const __m256i low = _mm256_set1_epi8(15);

	*m = (struct masks){ 0, 0, 0 };
	for (unsigned i = 0; i < 64; i += 32) {
		__m256i v = _mm256_loadu_si256(
		    (const __m256i *)(const void *)(at + i));
		__m256i row = _mm256_shuffle_epi8(rows,
		    _mm256_and_si256(v, low));
		__m256i bit = _mm256_shuffle_epi8(bits,
		    _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
		__m256i nontoken = _mm256_cmpeq_epi8(
		    _mm256_and_si256(row, bit), _mm256_setzero_si256());
		__m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f));
		__m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
		__m256i ctl = _mm256_or_si256(del,
		    _mm256_andnot_si256(tab, is_at_most(v, 0x1f)));
		/* v itself has its top bit set from 0x80 on */
		__m256i nontarget = _mm256_or_si256(
		    _mm256_or_si256(is_at_most(v, 0x20),
		    _mm256_or_si256(del, v)),
		    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('#')));

		m->nontoken |= bits_of(nontoken) << i;
		m->ctl |= bits_of(ctl) << i;
		m->nontarget |= bits_of(nontarget) << i;
	}
}

#define VARIANT avx2
#include "http1/scan_body.h"
#endif
