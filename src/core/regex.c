/* src/core/regex.c -- regular expressions (PCRE2, on bytes) */
#include "core/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <time.h>

#include "core/assert.h"
#include "core/base.h"
#include "core/memory.h"

#define OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |			\
	PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |		\
	PCRE2_USE_OFFSET_LIMIT)

/* From one place in the subject: (a+)+$ needs some 0.2 ms to reach it. */
#define STEPS_MOST	10000
#define DEPTH_MOST	10000
#define HEAP_MOST	1024		/* KiB */
#define STACK_FIRST	(32u << 10)	/* of machine code */
#define STACK_MOST	(1u << 20)

/*
 * The steps are counted anew from each place, so that many places times few
 * steps would still be long. So a long subject is searched some places at a
 * time, and between these the CPU time is looked at (not the clock on the
 * wall: who is kept from running has not used anything up).
 */
#define PLACES_LEAST	32
#define PLACES_BYTES	(64u << 10)	/* places times length, about */
#define CPU_MOST_NS	5000000u

struct regex {
	pcre2_code *code;
	const char *pattern;
	bool is_whole;		/* to be searched in one go */
};

/* One a process: it is used by one match after the other. */
static struct {
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	uint64_t limits_hit;
	bool can_jit, is_refused;
} me;

static void
start(void)
{
	uint32_t can_jit = 0;

	if (me.data != NULL)
		return;
	(void)pcre2_config(PCRE2_CONFIG_JIT, &can_jit);
	me.can_jit = can_jit != 0;
	me.compile = pcre2_compile_context_create(NULL);
	me.match = pcre2_match_context_create(NULL);
	me.data = pcre2_match_data_create(1, NULL);
	ASSERT(me.compile != NULL && me.match != NULL && me.data != NULL);
	(void)pcre2_set_max_pattern_length(me.compile, REGEX_MOST);
	(void)pcre2_set_match_limit(me.match, STEPS_MOST);
	(void)pcre2_set_depth_limit(me.match, DEPTH_MOST);
	(void)pcre2_set_heap_limit(me.match, HEAP_MOST);
	if (!me.can_jit)
		return;
	/* Without one, code runs on 32 KiB of ours. */
	me.stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
	pcre2_jit_stack_assign(me.match, NULL, me.stack);
}

/* A search that begins anew elsewhere would find other things: "^" is
 * anchored, \G and verbs as (*COMMIT) ask where it began. */
static bool
is_whole(const pcre2_code *code, struct span pattern)
{
	uint32_t options = 0;

	(void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0 ||
	    memmem(pattern.ptr, pattern.len, "\\G", 2) != NULL ||
	    memmem(pattern.ptr, pattern.len, "(*", 2) != NULL;
}

static void
end(void *object)
{
	struct regex *r = object;

	pcre2_code_free(r->code);
}

static void
explain(struct regex_fault *fault, int error, size_t offset)
{
	fault->offset = offset;
	(void)pcre2_get_error_message(error, (PCRE2_UCHAR *)fault->text,
	    sizeof(fault->text));
}

struct regex *
regex_new(struct arena *a, struct span pattern, struct regex_fault *fault)
{
	pcre2_code *code;
	struct regex *r;
	size_t offset;
	int error;

	start();
	code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, OPTIONS,
	    &error, &offset, me.compile);
	if (code == NULL) {
		explain(fault, error, offset);
		return NULL;
	}
	if (me.can_jit && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) ==
	    PCRE2_ERROR_NOMEMORY)
		me.is_refused = true;
	r = arena_new_of(a, struct regex);
	r->code = code;
	r->pattern = arena_str(a, pattern);
	r->is_whole = is_whole(code, pattern);
	arena_at_end(a, end, r);
	return r;
}

const char *
regex_pattern(const struct regex *r)
{
	return r->pattern;
}

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* From all places in [from, last]. */
static int
search(const struct regex *r, struct span s, size_t from, size_t last)
{
	(void)pcre2_set_offset_limit(me.match, last);
	return pcre2_match(r->code, (PCRE2_SPTR)s.ptr, s.len, from, 0,
	    me.data, me.match);
}

static int
search_long(const struct regex *r, struct span s)
{
	size_t places = PLACES_BYTES / s.len + PLACES_LEAST;
	uint64_t begun = cpu_ns();
	int result;

	for (size_t from = 0; from <= s.len; from += places) {
		result = search(r, s, from, from + places - 1);
		if (result != PCRE2_ERROR_NOMATCH)
			return result;
		if (cpu_ns() - begun > CPU_MOST_NS)
			return PCRE2_ERROR_MATCHLIMIT;
	}
	return PCRE2_ERROR_NOMATCH;
}

bool
regex_matches(const struct regex *r, struct span s)
{
	int result;

	if (s.len == 0)
		s = SPAN("");
	if (r->is_whole || s.len * s.len <= PLACES_BYTES)
		result = search(r, s, 0, PCRE2_UNSET);
	else
		result = search_long(r, s);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		me.limits_hit++;
	return result >= 0;
}

uint64_t
regex_limits_hit(void)
{
	return me.limits_hit;
}

bool
regex_jit_is_refused(void)
{
	return me.is_refused;
}

void
regex_version(char out[REGEX_VERSION_MAX])
{
	uint32_t can_jit = 0;
	char version[REGEX_VERSION_MAX - 16];

	(void)pcre2_config(PCRE2_CONFIG_VERSION, version);
	(void)pcre2_config(PCRE2_CONFIG_JIT, &can_jit);
	snprintf(out, REGEX_VERSION_MAX, "%s %s JIT", version,
	    can_jit != 0 ? "with" : "without");
}
