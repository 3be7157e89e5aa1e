/* t/unit/core/stash_test.c -- the byte queue beside a naive buffer */
#include "core/stash.h"

#include <string.h>

#include "core/base.h"
#include "core/random.h"
#include "support/unit.h"

#define STEPS 20000

static char bytes[STASH_MAX];		/* what is put in */
static char naive[STASH_MAX];		/* what should be in there */
static size_t naive_len;
static struct stash stash;

static void
set_up(void)
{
	stash_module_init();
	stash_module_init();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)random_u64();
}

static bool
is_as_naive(void)
{
	struct span got = stash_span(&stash);

	return stash_len(&stash) == naive_len &&
	    span_equal(got, span_of(naive, naive_len));
}

static struct span
some_bytes(void)
{
	size_t len = random_below(1ull << random_below(18));

	if (len > sizeof(bytes))
		len = sizeof(bytes);
	return span_of(bytes + random_below(sizeof(bytes) - len + 1), len);
}

static void
naive_append(struct span data)
{
	memcpy(naive + naive_len, data.ptr, data.len);
	naive_len += data.len;
}

static void
append(void)
{
	struct span data = some_bytes();
	size_t most = random_below(2) == 0 ? SIZE_MAX :
	    random_below(STASH_MAX * 2);
	size_t limit = most < STASH_MAX ? most : STASH_MAX;
	bool fits = data.len == 0 || naive_len + data.len <= limit;

	if (stash_append(&stash, data, most) != fits)
		ck_abort_msg("%zu more than %zu", data.len, naive_len);
	if (fits)
		naive_append(data);
}

static void
fill_room(void)
{
	struct span data = some_bytes();
	size_t part = random_below(data.len + 1);
	char *room = stash_room(&stash, data.len);

	if ((room == NULL) != (naive_len + data.len > STASH_MAX))
		ck_abort_msg("room for %zu more", data.len);
	if (room == NULL || part == 0)
		return;
	memcpy(room, data.ptr, part);
	stash_added(&stash, part);
	naive_append(span_of(data.ptr, part));
}

static void
drop(void)
{
	size_t len = random_below(4) == 0 ? naive_len :
	    random_below(naive_len + 1);

	stash_drop(&stash, len);
	naive_len -= len;
	memmove(naive, naive + len, naive_len);
}

START_TEST(holds_what_a_naive_buffer_holds)
{
	for (int i = 0; i < STEPS; i++) {
		switch (random_below(5)) {
		case 0:
		case 1:	append(); break;
		case 2:	fill_room(); break;
		default: drop(); break;
		}
		if (!is_as_naive())
			ck_abort_msg("differs at step %d", i);
		if (block_bytes_in_use() != stash.size)
			ck_abort_msg("a block is lost at step %d", i);
	}
	stash_clear(&stash);
	ck_assert_uint_eq(block_bytes_in_use(), 0);
}
END_TEST

static const struct {
	size_t len;
	uint32_t size;
} rows[] = {
	{ 1, 512 }, { 512, 512 }, { 513, 2048 }, { 2048, 2048 },
	{ 2049, 8192 }, { 8192, 8192 }, { 8193, 32768 }, { 32768, 32768 },
	{ 32769, 131072 }, { 131072, 131072 },
};

START_TEST(the_least_class_is_taken)
{
	size_t len = rows[_i].len;
	unsigned class;
	void *block;

	ck_assert(stash_append(&stash, span_of(bytes, len), SIZE_MAX));
	ck_assert_uint_eq(stash.size, rows[_i].size);
	stash_drop(&stash, len);
	ck_assert_ptr_null(stash.block);
	block = block_take(len, &class);
	memset(block, 'x', len);
	ck_assert_uint_eq(block_bytes_in_use(), rows[_i].size);
	block_give(block, class);
	ck_assert_ptr_eq(block_take(len, &class), block);
	block_give(block, class);
	ck_assert_uint_eq(block_bytes_in_use(), 0);
}
END_TEST

START_TEST(what_is_refused_changes_nothing)
{
	struct stash before;

	ck_assert(stash_append(&stash, span_of(bytes, 100), 100));
	before = stash;
	ck_assert(!stash_append(&stash, span_of(bytes, 1), 100));
	ck_assert(!stash_append(&stash, span_of(bytes, 1), 50));
	ck_assert(!stash_append(&stash, span_of(bytes, SIZE_MAX), SIZE_MAX));
	ck_assert_ptr_null(stash_room(&stash, STASH_MAX - 99));
	ck_assert_ptr_null(stash_room(&stash, SIZE_MAX));
	ck_assert_mem_eq(&stash, &before, sizeof(stash));
	ck_assert_mem_eq(stash_span(&stash).ptr, bytes, 100);
}
END_TEST

/* Room that is there already is used before a larger block is taken. */
START_TEST(dropped_room_is_used_again)
{
	char *block;

	ck_assert(stash_append(&stash, span_of(bytes, 512), SIZE_MAX));
	block = stash.block;
	stash_drop(&stash, 500);
	ck_assert(stash_append(&stash, span_of(bytes, 500), SIZE_MAX));
	ck_assert_ptr_eq(stash.block, block);
	ck_assert_mem_eq(stash_span(&stash).ptr, bytes + 500, 12);
	ck_assert_mem_eq(stash_span(&stash).ptr + 12, bytes, 500);
}
END_TEST

/* NULL means too much, and nothing is not too much. */
START_TEST(there_is_room_for_nothing)
{
	ck_assert_ptr_nonnull(stash_room(&stash, 0));
	ck_assert_uint_eq(stash_len(&stash), 0);
	stash_clear(&stash);
	ck_assert_uint_eq(block_bytes_in_use(), 0);
}
END_TEST

START_TEST(an_empty_one_holds_nothing)
{
	ck_assert_uint_eq(stash_len(&stash), 0);
	ck_assert(stash_append(&stash, span_of(NULL, 0), 0));
	stash_drop(&stash, 0);
	stash_clear(&stash);
	ck_assert_ptr_null(stash.block);
	ck_assert_uint_eq(block_bytes_in_use(), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/stash");
	TCase *t = tcase_create("stash");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, holds_what_a_naive_buffer_holds);
	tcase_add_loop_test(t, the_least_class_is_taken, 0,
	    (int)COUNT_OF(rows));
	tcase_add_test(t, what_is_refused_changes_nothing);
	tcase_add_test(t, dropped_room_is_used_again);
	tcase_add_test(t, there_is_room_for_nothing);
	tcase_add_test(t, an_empty_one_holds_nothing);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
