/* t/unit/shm/verdict_test.c -- how the last change went, told by a record */
#include "shm/verdict.h"

#include <string.h>
#include <unistd.h>

#include "shm/segment.h"
#include "support/unit.h"

static const uint8_t hash[32] = { 1, 2, 3 };
static struct verdict_record got;

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
}

static void
tell(uint32_t sequence, const char *const *lines, size_t n)
{
	verdict_tell(&(struct conf_verdict){
		.generation = 3, .sequence = sequence,
		.loaded_wall_ms = 1700000000000, .sha256 = hash,
		.word = "rejected", .lines = lines, .n_lines = n,
	});
}

START_TEST(nothing_was_told)
{
	ck_assert(!verdict_read(&got));
}
END_TEST

START_TEST(what_is_told_is_read)
{
	const char *lines[] = { "a.yaml:1:2: error: x", "", "  listen: ^" };
	const char *line = NULL;

	tell(5, lines, 3);
	ck_assert(verdict_read(&got));
	ck_assert_uint_eq(got.generation, 3);
	ck_assert_uint_eq(got.sequence, 5);
	ck_assert_uint_eq(got.loaded_wall_ms, 1700000000000);
	ck_assert_mem_eq(got.sha256, hash, 32);
	ck_assert_str_eq(got.word, "rejected");
	ck_assert_uint_eq(got.n_lines, 3);
	ck_assert_uint_eq(got.n_kept, 3);
	for (int i = 0; i < 3; i++) {
		line = verdict_next(&got, line);
		ck_assert_ptr_nonnull(line);
		ck_assert_str_eq(line, lines[i]);
	}
	ck_assert_ptr_null(verdict_next(&got, line));
	tell(6, NULL, 0);
	ck_assert(verdict_read(&got));
	ck_assert_ptr_null(verdict_next(&got, NULL));
}
END_TEST

/* The first fills all but three bytes: "ab" fits behind it, "abc" not. */
static const struct {
	const char *second;
	uint32_t kept;
} ends[] = { { "ab", 2 }, { "abc", 1 } };

START_TEST(what_does_not_fit_is_counted)
{
	static char first[VERDICT_TEXT_MAX - 3];
	const char *lines[] = { first, ends[_i].second, "" };

	memset(first, 'x', sizeof(first) - 1);
	tell(1, lines, ends[_i].kept == 2 ? 3 : 2);
	ck_assert(verdict_read(&got));
	ck_assert_uint_eq(got.n_kept, ends[_i].kept);
	ck_assert_uint_eq(got.n_lines, ends[_i].kept + 1);
	ck_assert_str_eq(verdict_next(&got, NULL), first);
	if (ends[_i].kept == 2)
		ck_assert_str_eq(verdict_next(&got,
		    verdict_next(&got, NULL)), "ab");
}
END_TEST

START_TEST(a_long_word_is_cut)
{
	verdict_tell(&(struct conf_verdict){ .sequence = 1, .sha256 = hash,
	    .word = "sixteen letters!" });
	ck_assert(verdict_read(&got));
	ck_assert_str_eq(got.word, "sixteen letters");
}
END_TEST

/* Whoever reads stays inside, whatever has been written. */
START_TEST(a_scribbled_record_ends)
{
	const char *const one[] = { "x" };
	struct record *r;
	const char *line = NULL;
	size_t n = 0;

	tell(1, one, 1);
	r = segment_at(segment.used - RECORD_BYTES(sizeof(got)));
	memset(r + 1, 0xff, 2 * ((sizeof(got) + 63) & ~63ul));
	ck_assert(verdict_read(&got));
	ck_assert_uint_eq(strlen(got.word), VERDICT_WORD_MAX - 1);
	ck_assert_ptr_null(verdict_next(&got, NULL));
	got.kept_len = sizeof(got.text);
	while ((line = verdict_next(&got, line)) != NULL)
		n++;
	ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(it_outlives_an_attach)
{
	int fd;

	tell(7, NULL, 0);
	fd = dup(segment.fd);
	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	ck_assert(verdict_read(&got));
	ck_assert_uint_eq(got.sequence, 7);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/verdict");
	TCase *t = tcase_create("verdict");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_test(t, nothing_was_told);
	tcase_add_test(t, what_is_told_is_read);
	tcase_add_loop_test(t, what_does_not_fit_is_counted, 0, 2);
	tcase_add_test(t, a_long_word_is_cut);
	tcase_add_test(t, a_scribbled_record_ends);
	tcase_add_test(t, it_outlives_an_attach);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
