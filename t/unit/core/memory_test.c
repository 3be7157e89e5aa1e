/* t/unit/core/memory_test.c -- the heap, arenas and slabs */
#include "core/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/random.h"
#include "support/unit.h"

#if HAS_SANITIZERS
#include <sanitizer/asan_interface.h>
#endif

#define PIECES 2000
#define OBJECTS 3000
#define STEPS 100000

/* Check writes down every assertion that it passes, which is slow. */
#define MUST(cond)							\
	do {								\
		if (!(cond))						\
			ck_abort_msg("%s, at %zu", #cond, i);		\
	} while (0)

static bool
is_all(const void *p, unsigned char byte, size_t len)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

/* ---- the heap */

START_TEST(the_heap_gives_what_is_asked)
{
	char *copy = xstrdup("text"), *zeroed = xcalloc(100, 7), *p;

	ck_assert_str_eq(copy, "text");
	ck_assert(is_all(zeroed, 0, 700));
	copy = xrealloc(copy, 1 << 20);
	ck_assert_str_eq(copy, "text");
	free(copy);
	free(zeroed);
	ck_assert_ptr_nonnull(p = xmalloc(0));
	ck_assert_ptr_nonnull(p = xrealloc(p, 0));
	free(p);
	ck_assert_ptr_nonnull(p = xcalloc(0, 0));
	free(p);
}
END_TEST

/* ---- arenas */

static struct piece {
	unsigned char *at;
	size_t len;
	unsigned char byte;
} pieces[PIECES];

static const size_t firsts[] = { 0, 1, 256, 4096, 1 << 20 };

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
	struct arena *a = arena_new(firsts[_i]);
	size_t used = 0;

	for (size_t i = 0; i < PIECES; i++) {
		struct piece *p = &pieces[i];

		p->len = random_below(1ull << random_below(14));
		p->byte = (unsigned char)random_u64();
		p->at = arena_alloc(a, p->len);
		used += (p->len + 15) & ~(size_t)15;
		MUST((uintptr_t)p->at % 16 == 0);
		MUST(is_all(p->at, 0, p->len));
		memset(p->at, p->byte, p->len);
	}
	for (size_t i = 0; i < PIECES; i++)
		MUST(is_all(pieces[i].at, pieces[i].byte, pieces[i].len));
	ck_assert_uint_eq(arena_used(a), used);
	arena_free(&a);
	ck_assert_ptr_null(a);
	arena_free(&a);
}
END_TEST

START_TEST(strings_end_with_nul)
{
	struct arena *a = arena_new(0);

	ck_assert_str_eq(arena_str(a, span_of("text and more", 4)), "text");
	ck_assert_str_eq(arena_str(a, span_of(NULL, 0)), "");
	ck_assert_mem_eq(arena_str(a, SPAN("a\0b")), "a\0b", 4);
	arena_free(&a);
}
END_TEST

static char ended[4];

static void
note_end(void *object)
{
	strcat(ended, object);
}

START_TEST(what_ends_with_an_arena)
{
	struct arena *a = arena_new(0);

	arena_at_end(a, note_end, arena_str(a, SPAN("a")));
	arena_at_end(a, note_end, arena_str(a, SPAN("b")));
	ck_assert_str_eq(ended, "");
	arena_free(&a);
	ck_assert_str_eq(ended, "ba");
}
END_TEST

static const size_t impossible[] = {
	SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 100, SIZE_MAX / 2 + 2,
};

/* It ends the process, rather than search for a size without end. */
START_TEST(an_impossible_size_ends_the_process)
{
	struct arena *a = arena_new(0);

	log_open(-1, false);
	(void)arena_alloc(a, impossible[_i]);
	arena_free(&a);
}
END_TEST

/* ---- slabs */

static const struct {
	size_t size, keep;
} sizes[] = {
	{ 1, 0 }, { 16, 16 }, { 24, 0 }, { 64, 40 }, { 320, 24 },
	{ 512, 0 }, { 1000, 1000 }, { 40000, 64 },
};

static struct slab slab;
static unsigned char *taken[OBJECTS], *given[STEPS];
static size_t n_taken, n_given;

static unsigned char
mark_of(const void *object)
{
	return (unsigned char)((uintptr_t)object >> 4 ^
	    (uintptr_t)object >> 12);
}

/* The last one given is the next one taken. */
static void
take(size_t i)
{
	unsigned char *object = slab_take(&slab);

	if (n_given > 0)
		MUST(object == given[--n_given]);
	MUST((uintptr_t)object % (slab.size % 64 == 0 ? 64 : 16) == 0);
	memset(object, mark_of(object), slab.size);
	taken[n_taken++] = object;
}

static void
give(size_t i)
{
	size_t which = random_below(n_taken);
	unsigned char *object = taken[which];

	MUST(is_all(object, mark_of(object), slab.size));
	taken[which] = taken[--n_taken];
	given[n_given++] = object;
	slab_give(&slab, object);
	/* Behind the first word, what is to be kept is as it was. */
	MUST(slab.keep < 8 ||
	    is_all(object + 8, mark_of(object), slab.keep - 8));
}

static void
start_slab(int row)
{
	slab_init(&slab, sizes[row].size, sizes[row].keep);
	ck_assert_uint_ge(slab.size, sizes[row].size);
	ck_assert_uint_ge(slab.keep, sizes[row].keep);
	slab_give(&slab, NULL);
}

START_TEST(last_in_is_first_out)
{
	size_t objects = sizes[_i].size > 1000 ? 100 : OBJECTS;

	start_slab(_i);
	for (size_t i = 0; i < STEPS; i++) {
		if (n_taken == 0 || (n_taken < objects &&
		    random_below(2) == 0))
			take(i);
		else
			give(i);
		MUST(slab.in_use == n_taken);
		MUST(slab.total == n_taken + n_given);
	}
	for (size_t i = 0; i < n_taken; i++)
		MUST(is_all(taken[i], mark_of(taken[i]), slab.size));
	slab_fini(&slab);
	ck_assert_uint_eq(slab.total, 0);
	n_taken = n_given = 0;
	take(0);	/* a slab that is ended may be used again */
	slab_fini(&slab);
}
END_TEST

static bool
is_mapped(void *object)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *start = (char *)object - (uintptr_t)object % page;
	unsigned char in_core;

	return mincore(start, page, &in_core) == 0 || errno != ENOMEM;
}

static size_t
count_mapped(unsigned char **objects, size_t n)
{
	size_t mapped = 0;

	for (size_t i = 0; i < n; i++)
		mapped += is_mapped(objects[i]);
	return mapped;
}

START_TEST(trimming_gives_back_what_is_free)
{
	unsigned char *kept;
	size_t most, trimmed;

	start_slab(_i);
	for (size_t i = 0; i < OBJECTS; i++)
		take(i);
	ck_assert_uint_eq(slab_trim(&slab), 0);
	kept = taken[0];
	taken[0] = taken[--n_taken];
	most = n_taken;
	while (n_taken > 0)
		give(n_taken);
	/* Until now a stale pointer may be read. */
	ck_assert_uint_eq(count_mapped(given, most), most);
	trimmed = slab_trim(&slab);
	if (OBJECTS * slab.size > 256 << 10)
		ck_assert_uint_gt(trimmed, 0);
	ck_assert_uint_eq(slab_trim(&slab), 0);
	ck_assert_uint_eq(slab.in_use, 1);
	ck_assert_uint_eq(slab.total, 1 + count_mapped(given, most));
	ck_assert(is_all(kept, mark_of(kept), slab.size));
	n_given = 0;
	for (size_t i = 0; i < OBJECTS; i++) {
		taken[i] = slab_take(&slab);
		memset(taken[i], mark_of(taken[i]), slab.size);
	}
	for (size_t i = 0; i < OBJECTS; i++)
		MUST(is_all(taken[i], mark_of(taken[i]), slab.size));
	ck_assert(is_all(kept, mark_of(kept), slab.size));
	slab_fini(&slab);
}
END_TEST

#if HAS_SANITIZERS
START_TEST(free_memory_is_poisoned)
{
	struct arena *a = arena_new(0);
	char *p = arena_alloc(a, 24), *object;

	ck_assert(!__asan_address_is_poisoned(p + 23));
	ck_assert(__asan_address_is_poisoned(p + 24));
	ck_assert(__asan_address_is_poisoned(p + 32));
	arena_free(&a);
	start_slab(3);
	object = slab_take(&slab);
	ck_assert(!__asan_address_is_poisoned(object + 63));
	ck_assert(__asan_address_is_poisoned(object + 64));
	slab_give(&slab, object);
	ck_assert(!__asan_address_is_poisoned(object + 39));
	ck_assert(__asan_address_is_poisoned(object + 40));
	slab_fini(&slab);
}
END_TEST
#endif

static Suite *
suite(void)
{
	Suite *s = suite_create("core/memory");
	TCase *t = tcase_create("memory");

	tcase_add_test(t, the_heap_gives_what_is_asked);
	tcase_add_loop_test(t, pieces_are_zeroed_aligned_and_apart, 0,
	    (int)COUNT_OF(firsts));
	tcase_add_test(t, strings_end_with_nul);
	tcase_add_test(t, what_ends_with_an_arena);
	tcase_add_loop_test_raise_signal(t,
	    an_impossible_size_ends_the_process, SIGABRT, 0,
	    (int)COUNT_OF(impossible));
	tcase_add_loop_test(t, last_in_is_first_out, 0,
	    (int)COUNT_OF(sizes));
	tcase_add_loop_test(t, trimming_gives_back_what_is_free, 0,
	    (int)COUNT_OF(sizes));
#if HAS_SANITIZERS
	tcase_add_test(t, free_memory_is_poisoned);
#endif
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
