/* t/unit/shm/segment_test.c -- making, attaching and growing the segment */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "support/unit.h"

static void
set_up(void)
{
	ck_assert_int_eq(segment_create(), 0);
	ck_assert_int_eq(segment_upstream("api"), 0);
	ck_assert_int_eq(segment_backend("api|b1|127.0.0.1:80"), 0);
}

static void
add_backends(int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "api|b%d", i);
		ck_assert_int_eq(segment_backend(name), i);
	}
}

/* How a child ended that ran `act`: its exit status, or 128 and the signal. */
static int
ends_of(int (*act)(void))
{
	struct rlimit no_core = { 0, 0 };
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		log_open(-1, false);	/* a broken promise is meant */
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

START_TEST(appended_bytes_are_zero_aligned_and_apart)
{
	uint64_t a = segment_append(1), b = segment_append(200000);
	const char *bytes = segment_at(b);

	ck_assert_uint_ne(a, 0);
	ck_assert_uint_eq(a % 64, 0);
	ck_assert_uint_eq(b, a + 64);
	for (int i = 0; i < 200000; i++)
		ck_assert_int_eq(bytes[i], 0);
	ck_assert_uint_eq(segment.header->used, segment.used);
	ck_assert_uint_eq(segment.header->size, segment.size);
}
END_TEST

START_TEST(too_much_is_refused_and_nothing_changes)
{
	uint64_t used = segment.used;

	ck_assert_uint_eq(segment_append(SIZE_MAX), 0);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_eq(segment_append(SEGMENT_SPACE), 0);
	ck_assert_uint_eq(segment_append(SEGMENT_SPACE - used + 1), 0);
	ck_assert_uint_eq(segment.used, used);
	ck_assert_uint_eq(segment_append(SEGMENT_SPACE - used), used);
	ck_assert_uint_eq(segment_append(1), 0);
}
END_TEST

static int
try_to_spoil(void)
{
	if (ftruncate(segment.fd, 4096) == 0 || errno != EPERM)
		return 1;
	if (fcntl(segment.fd, F_ADD_SEALS, F_SEAL_GROW) == 0 ||
	    errno != EPERM)
		return 2;
	return ftruncate(segment.fd,
	    (off_t)segment.size + (16 << 20)) == 0 ? 0 : 3;
}

/* A child may make the file larger: appending passes over that. */
START_TEST(no_process_can_shrink_or_freeze_it)
{
	ck_assert_int_eq(ends_of(try_to_spoil), 0);
	ck_assert_uint_ne(segment_append(1000), 0);
	ck_assert_uint_ne(segment_append(32 << 20), 0);
}
END_TEST

START_TEST(a_core_dump_leaves_it_out)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long from, to, base = (unsigned long)segment.base;
	char line[512];
	bool is_here = false, is_left_out = false;

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_here = from <= base && base < to;
		else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			is_left_out = strstr(line, " dd") != NULL;
	}
	fclose(smaps);
	ck_assert(is_left_out);
}
END_TEST

static int wake_up[2];

static int
use_backend_299(void)
{
	char byte;

	if (segment.n_chunks != 1 || read(wake_up[0], &byte, 1) != 1)
		return 1;
	if (strcmp(segment_backend_slot(299)->identity, "api|b299") != 0)
		return 2;
	if (segment_stripe(5, 299)->in_flight[299 % BACKEND_CHUNK] != 0)
		return 3;
	shm_publish(&segment_process(5)->state, SLOT_READY);
	shm_add(&segment_stripe(5, 299)->in_flight[299 % BACKEND_CHUNK], 7);
	return 0;
}

START_TEST(growth_appears_in_a_child_forked_before)
{
	pid_t pid;
	int status;

	ck_assert_int_eq(pipe2(wake_up, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(use_backend_299());
	add_backends(1, 300);
	ck_assert_int_eq(write(wake_up[1], "", 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(segment_in_flight(299), 7);
	close(wake_up[0]);
	close(wake_up[1]);
}
END_TEST

/* As after an exec: nothing is mapped, and the old place is taken. */
static int
attach_elsewhere(void)
{
	char *old = segment.base;
	int fd = dup(segment.fd);

	segment_close();
	if (mmap(old, SEGMENT_SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != old)
		return 1;
	if (segment_attach(fd) != 0 || segment.base == old)
		return 2;
	if (segment_backend("api|b1|127.0.0.1:80") != 0 ||
	    segment_backend("api|b280") != 280 ||
	    segment_upstream("api") != 0)
		return 3;
	if (segment_upstream("web") != 1 || segment_backend("web|1") != 290)
		return 4;
	atomic_fetch_add(&segment_upstream_slot(0)->cursor, 5);
	return segment_check() == 0 ? 0 : 5;
}

START_TEST(attached_elsewhere_it_is_the_same)
{
	uint64_t cursor = segment_upstream_slot(0)->cursor;

	add_backends(1, 290);
	ck_assert_int_eq(ends_of(attach_elsewhere), 0);
	ck_assert_uint_eq(segment_upstream_slot(0)->cursor, cursor + 5);
	ck_assert_str_eq(segment_upstream_slot(1)->name, "web");
	ck_assert_str_eq(segment_backend_slot(290)->identity, "web|1");
}
END_TEST

/* A sealed copy of the segment, one word of it replaced. */
static int
spoilt_copy(size_t offset, size_t size, uint64_t value, size_t file_size)
{
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, segment.base, segment.size),
	    (ssize_t)segment.size);
	ck_assert_int_eq(pwrite(fd, &value, size, (off_t)offset),
	    (ssize_t)size);
	ck_assert_int_eq(ftruncate(fd, (off_t)file_size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

#define WORD(member)							\
	offsetof(struct segment_header, member),			\
	    sizeof(((struct segment_header *)0)->member)
#define WORD_AT_0(member)						\
	offsetof(struct segment_header, member),			\
	    sizeof(((struct segment_header *)0)->member[0])
static const struct {
	size_t offset, size;
	uint64_t value;
} spoilt[] = {
	{ WORD(magic), SEGMENT_MAGIC + 1 },
	{ WORD(layout), SEGMENT_LAYOUT + 1 },
	{ WORD(header_size), sizeof(struct segment_header) - 8 },
	{ WORD(slots), SEGMENT_SLOTS * 2 },
	{ WORD(process_slot_size), 0 },
	{ WORD(backend_slot_size), sizeof(struct backend_slot) * 2 },
	{ WORD(stripe_size), 64 },
	{ WORD(size), SEGMENT_SPACE },
	{ WORD(size), UINT64_MAX },
	{ WORD(used), 0 },
	{ WORD(used), sizeof(struct segment_header) },
	{ WORD(used), SEGMENT_SPACE },
	{ WORD(used), UINT64_MAX - 63 },
	{ WORD(upstreams_offset), 0 },
	{ WORD(upstreams_offset), 64 },
	{ WORD(upstreams_offset), 3 },
	{ WORD(upstreams_offset), SEGMENT_SPACE - 64 },
	{ WORD(upstreams_offset), UINT64_MAX - 63 },
	{ WORD(n_backend_chunks), 2 },
	{ WORD(n_backend_chunks), CHUNKS_MAX + 1 },
	{ WORD(n_backend_chunks), UINT32_MAX },
	{ WORD_AT_0(backend_chunks), 0 },
	{ WORD_AT_0(backend_chunks), SEGMENT_SPACE },
	{ WORD_AT_0(backend_chunks), UINT64_MAX - 63 },
	{ WORD_AT_0(stripe_chunks), 0 },
	{ WORD_AT_0(stripe_chunks), UINT64_MAX - 63 },
};

static void
refuses(int fd)
{
	errno = 0;
	ck_assert_int_eq(segment_attach(fd), -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_ptr_null(segment.base);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);	/* still ours */
	close(fd);
}

START_TEST(attach_refuses_a_wrong_word)
{
	int fd = spoilt_copy(spoilt[_i].offset, spoilt[_i].size,
	    spoilt[_i].value, segment.size);

	segment_close();
	refuses(fd);
}
END_TEST

START_TEST(attach_takes_an_unspoilt_copy)
{
	int fd = spoilt_copy(WORD(magic), SEGMENT_MAGIC, segment.size);

	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
	ck_assert_int_eq(segment_backend("api|b1|127.0.0.1:80"), 0);
}
END_TEST

START_TEST(attach_refuses_a_shorter_file)
{
	static const size_t sizes[] = { 0, 64, 65536 };
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = spoilt_copy(WORD(magic), SEGMENT_MAGIC, sizes[i]);
	segment_close();
	for (int i = 0; i < 3; i++)
		refuses(fds[i]);
}
END_TEST

START_TEST(attach_refuses_damaged_names)
{
	const char *slot = (const char *)segment_backend_slot(0);
	size_t at = (size_t)(slot - segment.base);
	int text = spoilt_copy(at + offsetof(struct backend_slot, identity),
	    1, 'x', segment.size);
	int hash = spoilt_copy(at + offsetof(struct backend_slot,
	    identity_hash), 8, 0, segment.size);

	segment_close();
	refuses(text);
	refuses(hash);
}
END_TEST

START_TEST(attach_refuses_what_can_shrink_or_is_no_memfd)
{
	int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ends[2];

	ck_assert_int_eq(write(fd, segment.base, segment.size),
	    (ssize_t)segment.size);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	segment_close();
	refuses(fd);
	refuses(ends[0]);
	close(ends[1]);
}
END_TEST

static void
scribble(void)
{
	struct segment_header *h = segment.header;

	h->magic = 1;
	h->used = UINT64_MAX;
	h->size = 0;
	h->upstreams_offset = 7;
	h->n_backend_chunks = UINT32_MAX;
	h->backend_chunks[0] = UINT64_MAX - 63;
	h->stripe_chunks[0] = 1;
}

/* The master goes on by its own copy and can put everything right. */
START_TEST(the_master_does_not_believe_what_is_scribbled)
{
	struct backend_slot *b = segment_backend_slot(0);
	struct upstream_slot *u = segment_upstream_slot(0);

	scribble();
	memset(b->identity, 'x', sizeof(b->identity));
	b->in_use = 0;
	u->identity_hash ^= 1;
	ck_assert_int_eq(segment_backend("api|b1|127.0.0.1:80"), 0);
	ck_assert_int_eq(segment_upstream("api"), 0);
	ck_assert_ptr_eq(segment_backend_slot(0), b);
	ck_assert_uint_eq(segment_check(), 9);
	ck_assert_uint_eq(segment_check(), 0);
	ck_assert_str_eq(b->identity, "api|b1|127.0.0.1:80");
	ck_assert_uint_eq(b->in_use, 1);
	add_backends(1, 257);
	ck_assert_uint_eq(segment_check(), 0);
	ck_assert_uint_eq(segment.header->n_backend_chunks, 2);
}
END_TEST

static int
use_unknown_chunk(void)
{
	return segment_backend_slot(256)->in_use != 0;
}

START_TEST(a_chunk_outside_the_file_is_never_touched)
{
	struct segment_header *h = segment.header;
	static const uint64_t offsets[][2] = {
		{ 0, 0 }, { 64, 65536 }, { SEGMENT_SPACE, SEGMENT_SPACE },
		{ UINT64_MAX - 63, UINT64_MAX - 63 },
	};

	ck_assert_int_eq(ends_of(use_unknown_chunk), 128 + SIGABRT);
	h->n_backend_chunks = UINT32_MAX;
	for (size_t i = 0; i < 4; i++) {
		h->backend_chunks[1] = offsets[i][0];
		h->stripe_chunks[1] = offsets[i][1];
		ck_assert_int_eq(ends_of(use_unknown_chunk), 128 + SIGABRT);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/segment");
	TCase *t = tcase_create("segment");

	tcase_add_checked_fixture(t, set_up, segment_close);
	tcase_add_test(t, appended_bytes_are_zero_aligned_and_apart);
	tcase_add_test(t, too_much_is_refused_and_nothing_changes);
	tcase_add_test(t, no_process_can_shrink_or_freeze_it);
	tcase_add_test(t, a_core_dump_leaves_it_out);
	tcase_add_test(t, growth_appears_in_a_child_forked_before);
	tcase_add_test(t, attached_elsewhere_it_is_the_same);
	tcase_add_loop_test(t, attach_refuses_a_wrong_word, 0,
	    sizeof(spoilt) / sizeof(spoilt[0]));
	tcase_add_test(t, attach_takes_an_unspoilt_copy);
	tcase_add_test(t, attach_refuses_a_shorter_file);
	tcase_add_test(t, attach_refuses_damaged_names);
	tcase_add_test(t, attach_refuses_what_can_shrink_or_is_no_memfd);
	tcase_add_test(t, the_master_does_not_believe_what_is_scribbled);
	tcase_add_test(t, a_chunk_outside_the_file_is_never_touched);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
