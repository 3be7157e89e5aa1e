/* src/http1/parse.c -- the parser's door: choosing a variant, calling it */
#include "http1/parse.h"

#include <stdlib.h>

#include "http1/parse_rules.h"

static bool
can_always(void)
{
	return true;
}

#if defined(__x86_64__)
/*
 * It is the first choice by bench/parser on a Zen 4 EPYC: against AVX2 1.44 and
 * 1.30 GB/s with a head of 79 bytes, 3.00 and 2.86 with 397, 5.71 and 4.76 with
 * 1542; its least ratio to scalar was above AVX2's greatest in all three. Only
 * with VBMI: with look-ups by 16 bytes instead, heads of 400 bytes gained 0 to
 * 3 in a hundred, which is the noise, and the older processors that have no
 * VBMI are known to lower their clock for such vectors (not measured). The
 * compiler's function also asks whether the system saves the registers.
 */
static bool
can_avx512(void)
{
	return __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("bmi2");
}

static bool
can_avx2(void)
{
	return __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool
can_sse42(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#endif

/* The fastest first; the last runs everywhere. */
static const struct variant {
	const char *name;
	const struct parser *parser;
	bool (*can_run)(void);
} variants[] = {
#if defined(__x86_64__)
	{ "avx512", &parser_avx512, can_avx512 },
	{ "avx2", &parser_avx2, can_avx2 },
	{ "sse42", &parser_sse42, can_sse42 },
#elif defined(__aarch64__)
	{ "neon", &parser_neon, can_always },
#endif
	{ "scalar", &parser_scalar, can_always },
};

static const struct variant *in_use = &variants[COUNT_OF(variants) - 1];

bool
parse_use(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(variants); i++) {
		if (strcmp(variants[i].name, name) != 0)
			continue;
		if (!variants[i].can_run())
			return false;
		in_use = &variants[i];
		return true;
	}
	return false;
}

bool
parse_init(void)
{
	const char *wanted = getenv("FAIRLEAD_SIMD");

	(void)parse_use(parse_variant_at(0));
	return wanted == NULL || *wanted == '\0' || parse_use(wanted);
}

const char *
parse_variant(void)
{
	return in_use->name;
}

const char *
parse_variant_at(unsigned i)
{
	for (size_t k = 0; k < COUNT_OF(variants); k++)
		if (variants[k].can_run() && i-- == 0)
			return variants[k].name;
	return NULL;
}

/* All of *h but the memory that the caller lends. */
static void
clear_head(struct http_head *h, const char *base)
{
	struct http_field *fields = h->fields;
	struct http_extra *extras = h->extras;

	*h = (struct http_head){ .base = base, .fields = fields,
		.extras = extras, .is_raw = true };
}

static struct parse
parse_of(struct http_head *h, struct span data,
    const struct parse_limits *limits)
{
	clear_head(h, data.ptr);
	return (struct parse){ .h = h, .limits = limits, .data = data.ptr,
		.len = data.len < limits->head_bytes ? data.len :
		    limits->head_bytes };
}

enum parse_status
parse_request(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why)
{
	struct parse p = parse_of(h, data, limits);
	enum parse_status status;

	p.is_request = true;
	status = in_use->parser->request(&p);
	if (unlikely(status == PARSE_BAD))
		*why = (enum reason)p.why;
	return status;
}

enum parse_status
parse_response(struct http_head *h, struct span data,
    enum method request_method, const struct parse_limits *limits,
    enum reason *why)
{
	struct parse p = parse_of(h, data, limits);
	enum parse_status status;

	p.request_method = (uint8_t)request_method;
	status = in_use->parser->response(&p);
	if (unlikely(status == PARSE_BAD))
		*why = (enum reason)p.why;
	return status;
}

enum parse_status
parse_trailers(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why)
{
	struct parse p = parse_of(h, data, limits);
	enum parse_status status;

	p.is_request = p.is_trailers = true;
	status = in_use->parser->trailers(&p);
	if (unlikely(status == PARSE_BAD))
		*why = (enum reason)p.why;
	return status;
}

size_t
parse_skip_empty_lines(struct span data)
{
	size_t at = 0;

	while (at < 2 * PARSE_EMPTY_LINES && data.len - at >= 2 &&
	    data.ptr[at] == '\r' && data.ptr[at + 1] == '\n')
		at += 2;
	return at;
}
