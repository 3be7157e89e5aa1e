/* t/unit/core/regex_test.c -- patterns: what they match, and in what time */
#include "core/regex.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/base.h"
#include "core/memory.h"
#include "support/unit.h"

static const struct {
	const char *pattern, *subject;
	bool want;
} matches[] = {
	{ "b", "abc", true }, { "^b", "abc", false }, { "c$", "abc", true },
	{ "", "", true }, { "^$", "", true }, { "a", "", false },
	{ "\\.(php|cgi)$", "/x/y.php", true },
	{ "\\.(php|cgi)$", "/x/y.php/z", false },
	{ "^/v[0-9]+/", "/v12/x", true }, { "^/v[0-9]+/", "/v/x", false },
	{ "(?i)^/ABC", "/abcd", true }, { "^/ABC", "/abcd", false },
	/* The very end, not the one before a line's end. */
	{ "^v$", "v\n", false }, { "^v$", "v", true },
	/* Bytes, not characters. */
	{ "^..$", "\xc3\xa4", true }, { "^\xc3\xa4$", "\xc3\xa4", true },
	{ "^.$", "\xff", true },
	{ "(?<=x)y", "axy", true }, { "(a)(b)\\2\\1$", "abba", true },
	{ "(?C1)a", "a", true }, { "(*NO_JIT)a+b$", "caab", true },
};

START_TEST(a_part_matches)
{
	struct regex_fault fault;
	struct arena *a = arena_new(0);
	struct regex *r = regex_new(a, span_str(matches[_i].pattern), &fault);

	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(regex_pattern(r), matches[_i].pattern);
	ck_assert_int_eq(regex_matches(r, span_str(matches[_i].subject)),
	    matches[_i].want);
	ck_assert_uint_eq(regex_limits_hit(), 0);
	arena_free(&a);
}
END_TEST

static const struct {
	const char *pattern;
	size_t offset;
	const char *text;
} faults[] = {
	{ "(abc", 4, "missing closing parenthesis" },
	{ "a[z-b]", 4, "range out of order in character class" },
	{ "*a", 0, "quantifier does not follow a repeatable item" },
	{ "(*UTF)a", 6, "using UTF is disabled by the application" },
	{ "a\\C", 3, "using \\C is disabled by the application" },
};

START_TEST(a_fault_has_a_place)
{
	struct regex_fault fault;
	struct arena *a = arena_new(0);

	ck_assert_ptr_null(regex_new(a, span_str(faults[_i].pattern),
	    &fault));
	ck_assert_uint_eq(fault.offset, faults[_i].offset);
	ck_assert_str_eq(fault.text, faults[_i].text);
	arena_free(&a);
}
END_TEST

START_TEST(a_pattern_has_an_end)
{
	static char pattern[REGEX_MOST + 1];
	struct regex_fault fault;
	struct arena *a = arena_new(0);

	memset(pattern, 'a', sizeof(pattern));
	ck_assert_ptr_null(regex_new(a, span_of(pattern, sizeof(pattern)),
	    &fault));
	ck_assert_ptr_nonnull(regex_new(a, span_of(pattern,
	    sizeof(pattern) - 1), &fault));
	arena_free(&a);
}
END_TEST

/* ---- bounds */

#define LONG (32u << 10)

static char subject[LONG];

/* Each byte of `bytes` in turn, then "!". */
static struct span
long_subject(const char *bytes)
{
	for (size_t i = 0; i < LONG; i++)
		subject[i] = bytes[i % strlen(bytes)];
	subject[LONG - 1] = '!';
	return span_of(subject, LONG);
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const struct {
	const char *pattern, *bytes;
} costly[] = {
	{ "(a+)+$", "a" }, { "(a|aa)+$", "a" }, { "(?:x|y)+[zw]", "xy" },
	{ "^.*x.*y.*[zw]$", "xy" }, { "x.*y.*[zw]$", "xy" },
	{ "[a-z]+b?[0-9]!", "a" }, { "(.*)(.*)(.*)(.*)[0-9]", "x" },
	{ "^(?:[xy]*[xy]*[xy]*[xy]*)[zw]", "xy" }, { "(.*)\\1z", "xy" },
	{ "(?:.|x)*q", "x" }, { "(x+x+)+y", "x" }, { "a*a*a*a*[bc]", "a" },
};

/* The bounds hold for machine code and for the interpreter, which is asked
 * for in the pattern (and searches in one go then). 40 ms: a slow machine. */
START_TEST(work_is_bounded)
{
	char pattern[100];
	struct regex_fault fault;
	struct arena *a = arena_new(0);
	struct span s = long_subject(costly[_i].bytes);
	struct regex *r = regex_new(a, span_str(costly[_i].pattern), &fault);
	double begun = cpu_ms();

	(void)regex_matches(r, s);
	ck_assert_double_lt(cpu_ms() - begun, 40);
	snprintf(pattern, sizeof(pattern), "(*NO_JIT)^(?:%s)",
	    costly[_i].pattern);
	r = regex_new(a, span_str(pattern), &fault);
	begun = cpu_ms();
	(void)regex_matches(r, s);
	ck_assert_double_lt(cpu_ms() - begun, 40);
	arena_free(&a);
}
END_TEST

START_TEST(a_bound_is_no_match_and_counted)
{
	struct regex_fault fault;
	struct arena *a = arena_new(0);
	struct regex *r = regex_new(a, SPAN("^(a|aa)+$"), &fault);

	ck_assert(!regex_matches(r, long_subject("a")));
	ck_assert_uint_eq(regex_limits_hit(), 1);
	ck_assert(regex_matches(r, SPAN("aaaa")));
	ck_assert_uint_eq(regex_limits_hit(), 1);
	arena_free(&a);
}
END_TEST

/* A long subject is searched piece by piece: wherever it matches. */
START_TEST(long_subjects_match_anywhere)
{
	struct regex_fault fault;
	struct arena *a = arena_new(0);
	struct regex *r = regex_new(a, SPAN("(?<=[ac])[bn]c{0,4}$|n(?=c)"),
	    &fault);
	struct regex *ends = regex_new(a, SPAN("$"), &fault);

	for (size_t len = 100; len <= LONG; len = len * 3 / 2) {
		struct span s = span_of(subject, len);

		memset(subject, 'a', len);
		ck_assert(!regex_matches(r, s));
		ck_assert(regex_matches(ends, s));
		for (size_t at = 0; at + 1 < len; at += 1 + len / 97) {
			subject[at] = 'n';
			subject[at + 1] = 'c';
			ck_assert(regex_matches(r, s));
			subject[at] = subject[at + 1] = 'a';
		}
		subject[len - 1] = 'b';
		ck_assert(regex_matches(r, s));
	}
	ck_assert_uint_eq(regex_limits_hit(), 0);
	arena_free(&a);
}
END_TEST

/* ---- no memory for machine code */

#define DENY_FROM(nr)							\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 3),		\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
	    offsetof(struct seccomp_data, args[2])),			\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),		\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1)

/* As MemoryDenyWriteExecute does it. False: not possible here. */
static bool
deny_machine_code(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		DENY_FROM(SYS_mmap),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		DENY_FROM(SYS_mprotect),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT_OF(filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

START_TEST(without_machine_code_it_matches_too)
{
	char version[REGEX_VERSION_MAX];
	struct regex_fault fault;
	struct arena *a = arena_new(0);
	struct regex *r;

	if (!deny_machine_code())
		return;		/* under qemu */
	r = regex_new(a, SPAN("^v[0-9]+$"), &fault);
	regex_version(version);
	ck_assert_int_eq(regex_jit_is_refused(),
	    strstr(version, "with JIT") != NULL);
	ck_assert(regex_matches(r, SPAN("v12")));
	ck_assert(!regex_matches(r, SPAN("v12x")));
	for (size_t i = 0; i < COUNT_OF(costly); i++) {
		double begun = cpu_ms();

		r = regex_new(a, span_str(costly[i].pattern), &fault);
		(void)regex_matches(r, long_subject(costly[i].bytes));
		ck_assert_double_lt(cpu_ms() - begun, 80);
	}
	arena_free(&a);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/regex");
	TCase *t = tcase_create("regex");

	tcase_add_loop_test(t, a_part_matches, 0, (int)COUNT_OF(matches));
	tcase_add_loop_test(t, a_fault_has_a_place, 0,
	    (int)COUNT_OF(faults));
	tcase_add_test(t, a_pattern_has_an_end);
	tcase_add_loop_test(t, work_is_bounded, 0, (int)COUNT_OF(costly));
	tcase_add_test(t, a_bound_is_no_match_and_counted);
	tcase_add_test(t, long_subjects_match_anywhere);
	tcase_add_test(t, without_machine_code_it_matches_too);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
