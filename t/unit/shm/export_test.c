/* t/unit/shm/export_test.c -- from a segment to one of another layout */
#include "shm/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/random.h"
#include "shm/segment.h"
#include "support/unit.h"

static int file;
static char long_name[600];

static void
set_up(void)
{
	file = memfd_create("export", MFD_CLOEXEC);
	ck_assert_int_ge(file, 0);
	memset(long_name, 'n', sizeof(long_name) - 1);
	ck_assert_int_eq(segment_create(), 0);
}

static void
tear_down(void)
{
	segment_close();
	close(file);
}

static void
begin_anew(void)
{
	segment_close();
	ck_assert_int_eq(segment_create(), 0);
}

/* Whatever there is, of two upstreams, three backends and two processes. */
static void
fill_process(uint32_t process)
{
	struct process_slot *p = segment_process(process);

	shm_publish(&p->state, SLOT_READY);
	shm_set(&p->requests, process + 100);
	shm_set(&p->accepted, process + 200);
	shm_set(&p->log_dropped, process + 300);
	shm_set(&p->connections, 9);
	shm_set(&segment_upstream_stripe(process)->requests[1], 50);
	shm_set(&segment_upstream_stripe(process)->open[1], 9);
}

static void
fill_stripe(uint32_t process, uint32_t slot)
{
	struct stripe *s = segment_stripe(process, slot);

	shm_set(&s->requests[slot], 1000 + slot);
	shm_set(&s->failures[slot], 10 + slot);
	shm_set(&s->ewma[slot], 77);
	shm_set(&s->latency[slot][3], 5);
	shm_set(&s->latency[slot][LATENCY_CLASSES - 1], 6);
	shm_set(&s->in_flight[slot], 9);
	shm_set(&s->idle[slot], 9);
}

static void
fill_backend(uint32_t slot)
{
	const struct check_record check = { .at_wall_ms = 4, .text = "fine" };
	const struct place_record place = { .family = 2, .port = 80 };
	struct backend_words *w = segment_backend_words(slot);

	w->breaker = slot + 1;
	w->window = slot + 2;
	w->health = slot + 3;
	w->admin = slot + 4;
	segment_tell_check(slot, &check);
	record_init(segment_place_record(slot), sizeof(place));
	record_write(segment_place_record(slot), &place, sizeof(place));
	fill_stripe(2, slot);
	fill_stripe(SEGMENT_MONITOR, slot);
}

static void
fill(void)
{
	segment_upstream("api");
	segment_upstream(long_name);
	segment_upstream_slot(1)->budget = 11;
	segment_upstream_slot(1)->cursor = 12;
	fill_process(2);
	fill_process(SEGMENT_MONITOR);
	ck_assert_int_eq(segment_backend("api|a"), 0);
	ck_assert_int_eq(segment_backend("api|b"), 1);
	ck_assert_int_eq(segment_backend(long_name), 2);
	for (uint32_t i = 0; i < 3; i++)
		fill_backend(i);
}

static void
check_process(uint32_t process)
{
	struct process_slot *p = segment_process(process);

	ck_assert(segment_has_counts(process));
	ck_assert_uint_eq(p->state, SLOT_GONE);
	ck_assert_uint_eq(p->requests, process + 100);
	ck_assert_uint_eq(p->accepted, process + 200);
	ck_assert_uint_eq(p->log_dropped, process + 300);
	ck_assert_uint_eq(p->connections, 0);
}

static void
check_backend(uint32_t slot, uint32_t was)
{
	struct backend_words *w = segment_backend_words(slot);
	uint64_t latency[LATENCY_CLASSES];
	struct check_record check;
	struct place_record place;

	ck_assert_uint_eq(w->breaker, was + 1);
	ck_assert_uint_eq(w->window, was + 2);
	ck_assert_uint_eq(w->health, was + 3);
	ck_assert_uint_eq(w->admin, was + 4);
	ck_assert_uint_eq(segment_requests(slot), 2 * (1000 + was));
	ck_assert_uint_eq(segment_failures(slot), 2 * (10 + was));
	ck_assert_uint_eq(segment_in_flight(slot) + segment_idle(slot), 0);
	ck_assert_uint_eq(segment_stripe(2, slot)->ewma[slot], 77);
	segment_latency(slot, latency);
	ck_assert_uint_eq(latency[3], 10);
	ck_assert_uint_eq(latency[LATENCY_CLASSES - 1], 12);
	ck_assert(record_read(segment_check_record(slot), &check,
	    sizeof(check)));
	ck_assert_str_eq(check.text, "fine");
	ck_assert(record_read(segment_place_record(slot), &place,
	    sizeof(place)));
	ck_assert_uint_eq(place.port, 80);
}

START_TEST(what_must_survive_does)
{
	uint64_t started;

	fill();
	started = segment.header->started_wall_ms -= 1000;
	ck_assert_int_eq(segment_export(file), 0);
	begin_anew();
	ck_assert_int_eq(segment_import(file), 0);
	ck_assert_uint_eq(segment.header->started_wall_ms, started);
	check_process(2);
	check_process(SEGMENT_MONITOR);
	ck_assert(!segment_has_counts(1));
	ck_assert_int_eq(segment_upstream(long_name), 1);
	ck_assert_uint_eq(segment_upstream_slot(1)->budget, 11);
	ck_assert_uint_eq(segment_upstream_slot(1)->cursor, 12);
	ck_assert_uint_eq(segment_first_requests(1), 100);
	ck_assert_uint_eq(segment_upstream_open(1), 0);
	check_backend((uint32_t)segment_backend("api|a"), 0);
	check_backend((uint32_t)segment_backend("api|b"), 1);
	check_backend((uint32_t)segment_backend(long_name), 2);
	ck_assert_int_eq(segment_backend("new"), 3);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

/* A master that has attached knows long names by hash alone. */
START_TEST(names_that_were_cut_survive)
{
	int fd;

	fill();
	fd = dup(segment.fd);
	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	ck_assert_int_eq(segment_export(file), 0);
	begin_anew();
	ck_assert_int_eq(segment_import(file), 0);
	check_backend((uint32_t)segment_backend(long_name), 2);
	ck_assert_int_eq(segment_upstream(long_name), 1);
}
END_TEST

START_TEST(released_names_survive)
{
	const struct segment_use none = { .backends = { 0 } };

	fill();
	segment_keep(&none);
	ck_assert_int_eq(segment_export(file), 0);
	begin_anew();
	ck_assert_int_eq(segment_import(file), 0);
	check_backend((uint32_t)segment_backend("api|b"), 1);
}
END_TEST

/* The second is not longer, and what was behind it is gone. */
START_TEST(a_file_is_used_again)
{
	off_t len;

	fill();
	ck_assert_int_eq(segment_export(file), 0);
	len = lseek(file, 0, SEEK_END);
	begin_anew();
	ck_assert_int_eq(segment_export(file), 0);
	ck_assert_int_lt(lseek(file, 0, SEEK_END), len);
	ck_assert_int_eq(segment_import(file), 0);
	ck_assert_int_eq(segment_import(file), 0);
	ck_assert_uint_eq(segment.n_chunks, 0);
}
END_TEST

START_TEST(what_cannot_be_read_again_is_refused)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(segment_export(ends[1]), -1);
	ck_assert_int_eq(segment_import(ends[0]), -1);
	ck_assert_int_eq(segment_export(-1), -1);
	ck_assert_int_eq(segment_import(-1), -1);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	FILE *full = fopen("/dev/full", "we");

	ck_assert_ptr_nonnull(full);
	fill();
	errno = 0;
	ck_assert_int_eq(segment_export(fileno(full)), -1);
	ck_assert_int_ne(errno, 0);
	fclose(full);
}
END_TEST

/* ---- files that we write ourselves */

static struct {
	unsigned char bytes[1 << 20];
	size_t len;
} text;

static void
add(const void *data, size_t len)
{
	ck_assert_uint_le(text.len + len, sizeof(text.bytes));
	if (len > 0)
		memcpy(text.bytes + text.len, data, len);
	text.len += len;
}

static void
add_record(uint32_t tag, const void *data, uint32_t len)
{
	const struct export_frame frame = { tag, len };

	add(&frame, sizeof(frame));
	add(data, len);
}

static void
begin_text(void)
{
	const uint64_t magic = EXPORT_MAGIC;

	text.len = 0;
	add(&magic, sizeof(magic));
}

static void
add_name(uint32_t tag, const char *name, uint64_t hash)
{
	char record[1000];
	size_t len = strlen(name);

	if (hash == 0)
		hash = hash_bytes(name, len, 0);
	memcpy(record, &hash, sizeof(hash));
	memcpy(record + sizeof(hash), name, len);
	add_record(tag, record, (uint32_t)(sizeof(hash) + len));
}

/* The hash of all records before the end, if there is one. */
static void
seal(void)
{
	uint64_t hash = hash_bytes(text.bytes, 8, 0);
	struct export_frame frame;
	size_t at = 8;

	while (at + sizeof(frame) <= text.len) {
		memcpy(&frame, text.bytes + at, sizeof(frame));
		at += sizeof(frame);
		if (frame.len > text.len - at)
			return;
		if (frame.tag == EXPORT_END) {
			if (frame.len >= sizeof(hash))
				memcpy(text.bytes + at, &hash, sizeof(hash));
			return;
		}
		hash = hash_bytes(&frame, sizeof(frame), hash);
		hash = hash_bytes(text.bytes + at, frame.len, hash);
		at += frame.len;
	}
}

static int
import_text(size_t len)
{
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert_int_eq(pwrite(file, text.bytes, len, 0), (ssize_t)len);
	errno = 0;
	return segment_import(file);
}

static int
end_text(void)
{
	const uint64_t none = 0;

	add_record(EXPORT_END, &none, sizeof(none));
	seal();
	return import_text(text.len);
}

static void
load_text(void)
{
	fill();
	ck_assert_int_eq(segment_export(file), 0);
	text.len = (size_t)pread(file, text.bytes, sizeof(text.bytes), 0);
	begin_anew();
}

/* Of a newer binary: unknown records, and known ones that have grown; of an
 * older one: one that was shorter. */
START_TEST(other_versions_are_understood)
{
	const struct {
		struct export_words words;
		uint64_t more;
	} grown = { { 1, 2, 3, 4 }, 5 };
	const struct export_counts counts = { 2, 30, 31, 32 };

	begin_text();
	add_record(4711, "anything", 8);
	add_record(EXPORT_LATENCY + 1, NULL, 0);
	add_name(EXPORT_BACKEND, "a", 0);
	add_record(EXPORT_WORDS, &grown, sizeof(grown));
	add_record(EXPORT_COUNTS, &counts, 16);
	add_name(EXPORT_BACKEND, "b", 0);
	add_record(EXPORT_WORDS, &grown, 8);
	ck_assert_int_eq(end_text(), 0);
	ck_assert_int_eq(segment_backend("a"), 0);
	ck_assert_int_eq(segment_backend("b"), 1);
	ck_assert_uint_eq(segment_backend_words(0)->admin, 4);
	ck_assert_uint_eq(segment_stripe(2, 0)->requests[0], 30);
	ck_assert_uint_eq(segment_stripe(2, 0)->failures[0], 0);
	ck_assert_uint_eq(segment_backend_words(1)->breaker, 1);
	ck_assert_uint_eq(segment_backend_words(1)->admin, 0);
}
END_TEST

/* Records without a name, of processes and classes that there are not, names
 * that are not their hash's. */
START_TEST(what_makes_no_sense_is_skipped)
{
	const struct export_words words = { 1, 2, 3, 4 };
	const struct export_counts counts = { SEGMENT_MONITOR + 1, 1, 1, 1 };
	const struct export_latency classes[] = {
		{ 0, LATENCY_CLASSES, 1 }, { UINT32_MAX, 0, 1 },
		{ 0, 0, 1ull << 32 },
	};
	const struct export_process process = { UINT64_MAX, 1, 1, 1 };
	const struct export_segment future = { UINT64_MAX, 1 };

	begin_text();
	add_record(EXPORT_SEGMENT, &future, sizeof(future));
	add_record(EXPORT_WORDS, &words, sizeof(words));
	add_record(EXPORT_COUNTS, &counts, sizeof(counts));
	add_record(EXPORT_PROCESS, &process, sizeof(process));
	add_name(EXPORT_BACKEND, "a", 0);
	add_record(EXPORT_COUNTS, &counts, sizeof(counts));
	for (size_t i = 0; i < COUNT_OF(classes); i++)
		add_record(EXPORT_LATENCY, &classes[i], sizeof(classes[i]));
	add_name(EXPORT_BACKEND, "b", 12345);
	add_record(EXPORT_WORDS, &words, sizeof(words));
	add_record(EXPORT_UPSTREAM, "short", 5);
	add_record(EXPORT_UPSTREAM_WORDS, &words, 16);
	ck_assert_int_eq(end_text(), 0);
	ck_assert_uint_le(segment.header->started_ms, clock_now_ms);
	ck_assert_int_eq(segment_backend("a"), 0);
	ck_assert_int_eq(segment_backend("b"), 1);
	ck_assert_uint_eq(segment_backend_words(0)->admin, 0);
	ck_assert_uint_eq(segment_backend_words(1)->admin, 0);
	ck_assert_uint_eq(segment_stripe(0, 0)->latency[0][0], 0);
	ck_assert_int_eq(segment_upstream("short"), 0);
	ck_assert_uint_eq(segment_upstream_slot(0)->budget, 0);
}
END_TEST

START_TEST(more_names_than_room_are_left_out)
{
	const struct export_upstream_words words = { 1, 2 };
	char name[16];

	begin_text();
	for (int i = 0; i < UPSTREAMS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		add_name(EXPORT_UPSTREAM, name, 0);
		add_record(EXPORT_UPSTREAM_WORDS, &words, sizeof(words));
	}
	ck_assert_int_eq(end_text(), 0);
	ck_assert_int_eq(segment_upstream("u1023"), 1023);
	ck_assert_int_eq(segment_upstream("u1024"), -1);
	ck_assert_uint_eq(segment_check(), 0);
}
END_TEST

/* ---- files that are not whole */

static void
must_refuse(size_t len, size_t at)
{
	if (import_text(len) != -1 || errno != EPROTO)
		ck_abort_msg("taken, changed at %zu", at);
	if (segment.n_chunks != 0 || segment_has_counts(2))
		ck_abort_msg("half taken, changed at %zu", at);
}

START_TEST(a_cut_file_is_refused)
{
	load_text();
	for (size_t len = 0; len < text.len; len++)
		must_refuse(len, len);
	ck_assert_int_eq(import_text(text.len), 0);
}
END_TEST

START_TEST(a_file_with_more_behind_is_refused)
{
	load_text();
	text.bytes[text.len] = 0;
	must_refuse(text.len + 1, text.len);
}
END_TEST

START_TEST(any_changed_byte_is_refused)
{
	load_text();
	for (size_t i = 0; i < text.len; i++) {
		text.bytes[i] ^= (unsigned char)(1 + i % 255);
		must_refuse(text.len, i);
		text.bytes[i] ^= (unsigned char)(1 + i % 255);
	}
	ck_assert_int_eq(import_text(text.len), 0);
}
END_TEST

static void
scribble(void)
{
	size_t at = 8 + random_below(text.len - 8);

	switch (random_below(3)) {
	case 0:
		text.bytes[at] = (unsigned char)random_u64();
		break;
	case 1:
		text.bytes[at] ^= (unsigned char)(1 << random_below(8));
		break;
	case 2:
		memset(text.bytes + at, random_below(2) ? 0xff : 0,
		    text.len - at < 8 ? text.len - at : 8);
		break;
	}
}

/* With the right hash again: harmless, whatever it says. */
START_TEST(a_scribbled_file_is_harmless)
{
	static unsigned char good[sizeof(text.bytes)];
	unsigned taken = 0;
	size_t len;

	load_text();
	len = text.len;
	memcpy(good, text.bytes, len);
	for (int i = 0; i < (HAS_SANITIZERS ? 300 : 3000); i++) {
		memcpy(text.bytes, good, len);
		for (uint64_t n = 1 + random_below(4); n > 0; n--)
			scribble();
		seal();
		taken += import_text(len) == 0;
		if (segment_check() != 0)
			ck_abort_msg("not our segment any more");
		begin_anew();
	}
	ck_assert_uint_gt(taken, 50);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/export");
	TCase *t = tcase_create("export");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_must_survive_does);
	tcase_add_test(t, names_that_were_cut_survive);
	tcase_add_test(t, released_names_survive);
	tcase_add_test(t, a_file_is_used_again);
	tcase_add_test(t, what_cannot_be_read_again_is_refused);
	tcase_add_test(t, a_full_disk_is_told);
	tcase_add_test(t, other_versions_are_understood);
	tcase_add_test(t, what_makes_no_sense_is_skipped);
	tcase_add_test(t, more_names_than_room_are_left_out);
	tcase_add_test(t, a_cut_file_is_refused);
	tcase_add_test(t, a_file_with_more_behind_is_refused);
	tcase_add_test(t, any_changed_byte_is_refused);
	tcase_add_test(t, a_scribbled_file_is_harmless);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
