/* t/unit/shm/record_test.c -- records in two copies */
#include "shm/segment.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

#define VERSIONS 20000u
#define WORDS 4000	/* long enough that the writer passes a reader */

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
}

static struct record *
record_of(uint32_t len)
{
	uint64_t offset = record_make(len);

	ck_assert_uint_ne(offset, 0);
	return segment_at(offset);
}

static const uint32_t lens[] = { 1, 7, 8, 63, 64, 65, 200, 4096 };

START_TEST(what_is_written_is_read)
{
	uint32_t len = lens[_i];
	struct record *r = record_of(len), *next = record_of(len);
	char in[4096], out[4097];

	memset(out, '.', sizeof(out));
	ck_assert(record_read(r, out, len));
	for (uint32_t i = 0; i < len; i++)
		ck_assert_int_eq(out[i], 0);	/* before the first write */
	for (int version = 1; version < 5; version++) {
		memset(in, version, sizeof(in));
		record_write(r, in, len);
		ck_assert(record_read(r, out, len));
		ck_assert_mem_eq(in, out, len);
		ck_assert_int_eq(out[len], '.');
	}
	ck_assert(record_read(next, out, len));
	ck_assert_int_eq(out[len - 1], 0);	/* its neighbour is untouched */
}
END_TEST

/* Another length, or a scribbled one, writes and reads nothing. */
START_TEST(a_wrong_size_does_nothing)
{
	struct record *r = record_of(100);
	char in[1000], out[1000];

	memset(in, 'a', sizeof(in));
	memset(out, '.', sizeof(out));
	record_write(r, in, 100);
	record_write(r, in, 1000);
	ck_assert(!record_read(r, out, 1000));
	shm_set(&r->half_size, UINT32_MAX);
	record_write(r, in, 100);
	ck_assert(!record_read(r, out, 100));
	ck_assert_int_eq(out[0], '.');
	ck_assert_uint_eq(r->current, 1);
}
END_TEST

static void
write_versions(struct record *r)
{
	uint64_t words[WORDS];

	for (uint64_t v = 1; v <= VERSIONS; v++) {
		for (int i = 0; i < WORDS; i++)
			words[i] = v;
		record_write(r, words, sizeof(words));
	}
}

/* All words of one version, none older than the last one seen. */
static uint64_t
read_whole(const struct record *r, uint64_t last)
{
	uint64_t words[WORDS];

	if (!record_read(r, words, sizeof(words)))
		return last;
	ck_assert_uint_ge(words[0], last);
	for (int i = 1; i < WORDS; i++)
		if (words[i] != words[0])
			ck_abort_msg("word %d is of another version", i);
	return words[0];
}

START_TEST(a_reader_beside_a_writer_sees_whole_versions)
{
	struct record *r = record_of(WORDS * 8);
	uint64_t last = 0;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		write_versions(r);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		for (int i = 0; i < 100; i++)
			last = read_whole(r, last);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(read_whole(r, last), VERSIONS);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/record");
	TCase *t = tcase_create("record");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_loop_test(t, what_is_written_is_read, 0,
	    sizeof(lens) / sizeof(lens[0]));
	tcase_add_test(t, a_wrong_size_does_nothing);
	tcase_add_test(t, a_reader_beside_a_writer_sees_whole_versions);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
