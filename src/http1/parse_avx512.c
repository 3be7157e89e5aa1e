/* src/http1/parse_avx512.c -- 64 bytes at a time */
#if defined(__x86_64__)
#include <immintrin.h>

#include "http1/parse_masks.h"
#include "http1/parse_rules.h"

#define TOKEN 1
#define TARGET 2
#define CTL 4
#define BOTH (TOKEN | TARGET)

/* What each byte below 0x80 is; space and HT are nothing of it. */
static const _Alignas(64) uint8_t classes[128] = {
	[0x00 ... 0x08] = CTL, [0x0a ... 0x1f] = CTL, [0x7f] = CTL,
	['!'] = BOTH, ['"'] = TARGET, ['#'] = TOKEN, ['$' ... '\''] = BOTH,
	['('] = TARGET, [')'] = TARGET, ['*'] = BOTH, ['+'] = BOTH,
	[','] = TARGET, ['-'] = BOTH, ['.'] = BOTH, ['/'] = TARGET,
	['0' ... '9'] = BOTH, [':' ... '@'] = TARGET, ['A' ... 'Z'] = BOTH,
	['[' ... ']'] = TARGET, ['^' ... 'z'] = BOTH, ['{'] = TARGET,
	['|'] = BOTH, ['}'] = TARGET, ['~'] = BOTH,
};

/*
 * The look-up is by the low seven bits. What it says of bytes from 0x80 on is
 * put right in the masks: to look up under a mask would wait for it.
 */
static inline struct masks
classify64(__m512i b)
{
	__m512i c = _mm512_permutex2var_epi8(_mm512_load_si512(classes), b,
	    _mm512_load_si512(classes + 64));
	uint64_t high = _mm512_movepi8_mask(b);

	return (struct masks){
		high | _mm512_testn_epi8_mask(c, _mm512_set1_epi8(TOKEN)),
		high | _mm512_testn_epi8_mask(c, _mm512_set1_epi8(TARGET)),
		~high & _mm512_test_epi8_mask(c, _mm512_set1_epi8(CTL)),
	};
}

static inline struct masks
classify(const char *block)
{
	return classify64(_mm512_loadu_si512(block));
}

/* A load under a mask does not fault where the mask is not set. */
static inline struct masks
classify_first(const char *block, size_t n)
{
	uint64_t all = _bzhi_u64(UINT64_MAX, (unsigned)n);
	struct masks m = classify64(_mm512_maskz_loadu_epi8(all, block));

	return (struct masks){
		m.nontoken & all, m.nontarget & all, m.ctl & all
	};
}

#define HAS_CLASSIFY_FIRST
#define PARSER parser_avx512
#include "http1/parse_body.h"
#endif
