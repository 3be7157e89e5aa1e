/*
 * t/unit/shm/kill_test.c -- a writer that dies before any of its stores
 *
 * The folder is built once more in here with a hook before every store, which
 * the product does not have; so nothing of it is taken from the library.
 */
#define SEGMENT_STORE_HOOK
#include "shm/segment.c"
#include "shm/attach.c"
#include "shm/names.c"
#include "shm/process.c"
#include "shm/record.c"
#include "shm/stripe.c"
#include "shm/table.c"
#include "shm/verdict.c"
#include "shm/wipe.c"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "support/unit.h"

#define BEFORE 254	/* backends made before; the chunk ends at 256 */
#define BACKENDS 259	/* and at the end */
#define UPSTREAMS 3
#define WRITER 7	/* process slot */
#define EXCHANGES 3
#define VERSIONS 5	/* of the record; odd words, so that the last is cut */
#define RECORD_LEN (9 * 8 + 3)

/* What the writer has promised, told outside of the segment. */
static struct journal {
	uint64_t record;	/* its offset */
	unsigned stores;	/* of a whole run */
	int backends, upstreams;	/* returned to the caller */
	uint64_t requests;		/* counted on backend 0 */
	int version_begun, version_done;
} *journal;

static unsigned stores, die_at;

static void
before_store(void)
{
	if (++stores == die_at)
		raise(SIGKILL);
}

/* Check writes down every assertion that it passes, which is slow: in loops
 * over slots only those that fail are made. */
#define MUST(cond)							\
	do {								\
		if (!(cond))						\
			ck_abort_msg("%s, at %d", #cond, (int)i);	\
	} while (0)

static const char *
name_of(int i)
{
	static char name[320];

	/* Some are cut in their slots. */
	snprintf(name, sizeof(name), "api|host%d|%0*d", i,
	    i % 2 == 0 ? 280 : 4, i);
	return name;
}

static void
add_backends(int to)
{
	for (int i = journal->backends; i < to; i++) {
		MUST(segment_backend(name_of(i)) == i);
		journal->backends = i + 1;
	}
}

static void
add_upstreams(int to)
{
	for (int i = journal->upstreams; i < to; i++) {
		MUST(segment_upstream(name_of(i)) == i);
		journal->upstreams = i + 1;
	}
}

static void
write_version(int version)
{
	char data[RECORD_LEN];

	memset(data, version, sizeof(data));
	journal->version_begun = version;
	record_write(segment_at(journal->record), data, sizeof(data));
	journal->version_done = version;
}

static void
run_exchange(uint32_t backend)
{
	struct stripe *s = segment_stripe(WRITER, backend);
	uint32_t row = backend % BACKEND_CHUNK;

	shm_add(&s->in_flight[row], 1);
	shm_add(&s->requests[row], 1);
	if (backend == 0)
		journal->requests++;
	shm_add(&s->in_flight[row], (uint32_t)-1);
	shm_set(&s->idle[row], 1);
}

/* All that is stored anywhere: by a master, then by a worker. */
static void
write_all(void)
{
	struct process_slot *p = segment_process(WRITER);

	shm_publish(&p->state, SLOT_STARTING);
	add_upstreams(UPSTREAMS);
	add_backends(BACKENDS);
	write_version(1);
	shm_publish(&p->state, SLOT_READY);
	shm_set(&p->connections, 1);
	for (int i = 0; i < EXCHANGES; i++) {
		run_exchange(0);
		run_exchange(BACKENDS - 1);
	}
	for (int v = 2; v <= VERSIONS; v++)
		write_version(v);
	segment_append(200000);
	segment_clear_gauges(WRITER);
}

/* Runs it in a child that dies before store number `at`; 0: not at all. */
static void
run_writer(unsigned at)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		die_at = at;
		segment_store_hook = before_store;
		write_all();
		journal->stores = stores;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (at == 0)
		ck_assert_int_eq(status, 0);
	else
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
set_up(void)
{
	journal = mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(journal, MAP_FAILED);
}

static void
begin(void)
{
	*journal = (struct journal){ .backends = 0 };
	ck_assert_int_eq(segment_create(), 0);
	journal->record = record_make(RECORD_LEN);
	write_version(0);
	add_backends(BEFORE);
	add_upstreams(1);
}

/* As a new master would find it: nothing known but the descriptor. */
static void
attach_anew(void)
{
	int fd = dup(segment.fd);

	segment_close();
	ck_assert_int_eq(segment_attach(fd), 0);
}

static bool
is_whole(const char *text, size_t size, uint64_t hash, int i)
{
	const char *name = name_of(i);

	return hash == name_hash(name) && strnlen(text, size) < size &&
	    strncmp(text, name, size - 1) == 0;
}

/* What was promised is there; what is there is whole. */
static void
check_slots(void)
{
	for (int i = 0; i < (int)segment.n_chunks * BACKEND_CHUNK; i++) {
		struct backend_slot *b = segment_backend_slot((uint32_t)i);

		MUST(b->in_use == 1 || i >= journal->backends);
		MUST(b->in_use == 0 || i <= journal->backends);
		MUST(b->in_use == 0 || is_whole(b->identity,
		    sizeof(b->identity), b->identity_hash, i));
	}
	for (int i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream_slot *u = segment_upstream_slot((uint32_t)i);

		MUST(u->in_use == 1 || i >= journal->upstreams);
		MUST(u->in_use == 0 || i <= journal->upstreams);
		MUST(u->in_use == 0 || is_whole(u->name, sizeof(u->name),
		    u->identity_hash, i));
	}
}

static void
check_header(void)
{
	const struct segment_header *h = segment.header;

	ck_assert_uint_le(h->used, h->size);
	ck_assert_uint_le(h->size, segment_file_size(segment.fd));
	ck_assert_uint_le(known_end(), h->used);
	ck_assert_uint_ge(segment.n_chunks * BACKEND_CHUNK,
	    (unsigned)journal->backends);
	ck_assert_uint_eq(segment_check(), 0);
}

static void
check_record(void)
{
	char data[RECORD_LEN];

	ck_assert(record_read(segment_at(journal->record), data,
	    sizeof(data)));
	ck_assert_int_ge(data[0], journal->version_done);
	ck_assert_int_le(data[0], journal->version_begun);
	for (size_t i = 1; i < sizeof(data); i++)
		ck_assert_int_eq(data[i], data[0]);
}

/* The sums are of whole words, and a cleared stripe counts nothing. */
static void
check_counters(void)
{
	uint32_t n = segment.n_chunks * BACKEND_CHUNK;
	uint32_t out[2 * BACKEND_CHUNK];

	ck_assert_uint_ge(segment_requests(0), journal->requests);
	ck_assert_uint_le(segment_requests(0), journal->requests + 1);
	segment_sum_in_flight(0, n, out);
	for (uint32_t i = 0; i < n; i++) {
		MUST(out[i] <= 1 && out[i] == segment_in_flight(i));
		MUST(segment_idle(i) <= 1);
	}
	segment_clear_gauges(WRITER);
	for (uint32_t i = 0; i < n; i++)
		MUST(segment_in_flight(i) + segment_idle(i) == 0);
	ck_assert_uint_ge(segment_requests(0), journal->requests);
	ck_assert_uint_eq(segment_process(WRITER)->connections, 0);
}

/* The next writer does all of it on what the dead one has left. */
static void
check_next_writer(void)
{
	uint64_t requests = segment_requests(0);

	journal->requests = 0;
	write_all();
	ck_assert_int_eq(journal->backends, BACKENDS);
	ck_assert_int_eq(journal->upstreams, UPSTREAMS);
	ck_assert_uint_eq(segment.n_chunks, 2);
	ck_assert_uint_eq(segment_requests(0), requests + EXCHANGES);
	ck_assert_int_eq(journal->version_done, VERSIONS);
	check_slots();
	check_header();
	check_record();
}

static void
die_and_check(unsigned at)
{
	begin();
	run_writer(at);
	attach_anew();
	check_slots();
	check_header();
	check_record();
	check_counters();
	check_next_writer();
	segment_close();
}

START_TEST(a_whole_run_leaves_it_valid)
{
	die_and_check(0);
	/* Texts, hashes, gauges: if it were few, the hook would be missing. */
	ck_assert_uint_gt(journal->stores, 300);
}
END_TEST

START_TEST(a_death_before_any_store_leaves_it_valid)
{
	unsigned n;

	begin();
	run_writer(0);
	n = journal->stores;
	segment_close();
	for (unsigned at = 1; at <= n; at++)
		die_and_check(at);
}
END_TEST

/* ---- slots that change hands: a chunk full of names, and new ones */

#define FREED_FIRST	200
#define FREED_NEXT	5
#define FREED_UPSTREAM	1
#define NEW_NAME	2000	/* name_of() */

static void
fill(uint32_t slot)
{
	struct backend_words *w = segment_backend_words(slot);
	struct stripe *s = segment_stripe(WRITER, slot);
	const struct check_record check = { .at_wall_ms = 1, .text = "fine" };
	const struct place_record place = { .port = 80 };
	uint32_t row = slot % BACKEND_CHUNK;

	w->breaker = w->window = w->health = w->admin = slot + 1;
	w->suspect = slot + 1;
	s->in_flight[row] = s->idle[row] = s->open[row] = s->trials[row] = 1;
	s->requests[row] = s->failures[row] = s->ewma[row] = slot + 1;
	s->latency[row][0] = s->latency[row][LATENCY_CLASSES - 1] = 1;
	segment_tell_check(slot, &check);
	record_init(segment_place_record(slot), sizeof(place));
	record_write(segment_place_record(slot), &place, sizeof(place));
}

static void
fill_upstream(uint32_t slot)
{
	struct upstream_stripe *s = segment_upstream_stripe(WRITER);

	segment_upstream_slot(slot)->budget = 9;
	s->requests[slot] = 9;
	s->waiting[slot] = s->open[slot] = s->idle[slot] = 9;
	s->in_flight[slot] = 9;
}

static bool
is_filled(uint32_t slot)
{
	struct backend_words *w = segment_backend_words(slot);
	struct check_record check;

	return segment_requests(slot) == slot + 1 &&
	    segment_trials(slot) == 1 && w->breaker == slot + 1 &&
	    w->admin == slot + 1 && record_read(segment_check_record(slot),
	    &check, sizeof(check)) && check.at_wall_ms == 1;
}

static bool
is_all_zero(const void *at, size_t bytes)
{
	const char *byte = at;

	for (size_t i = 0; i < bytes; i++)
		if (byte[i] != 0)
			return false;
	return true;
}

static bool
is_wiped(uint32_t slot)
{
	uint64_t latency[LATENCY_CLASSES];
	struct stripe *s = segment_stripe(WRITER, slot);

	segment_latency(slot, latency);
	return is_all_zero(latency, sizeof(latency)) &&
	    is_all_zero(segment_backend_words(slot),
	    sizeof(struct backend_words)) &&
	    is_all_zero(segment_check_record(slot),
	    sizeof(struct backend_records)) && segment_in_flight(slot) +
	    segment_idle(slot) + segment_open(slot) + segment_trials(slot) +
	    segment_requests(slot) + segment_failures(slot) +
	    s->ewma[slot % BACKEND_CHUNK] == 0;
}

static bool
is_upstream_wiped(uint32_t slot)
{
	return segment_upstream_slot(slot)->budget == 0 &&
	    segment_first_requests(slot) + segment_waiting(slot) +
	    segment_upstream_open(slot) == 0;
}

static void
begin_full(void)
{
	*journal = (struct journal){ .backends = 0 };
	ck_assert_int_eq(segment_create(), 0);
	shm_publish(&segment_process(WRITER)->state, SLOT_READY);
	add_backends(BACKEND_CHUNK);
	add_upstreams(UPSTREAMS_MAX);
	for (uint32_t i = 0; i < BACKEND_CHUNK; i++)
		fill(i);
	fill_upstream(FREED_UPSTREAM);
}

/* Gives back what only the old configuration has, one reload at a time. */
static void
keep_all_but(bool frees_next)
{
	struct segment_use use;

	memset(&use, 0xff, sizeof(use));
	use.backends[FREED_FIRST / 64] &= ~(1ull << FREED_FIRST % 64);
	use.upstreams[0] &= ~(1ull << FREED_UPSTREAM);
	if (frees_next)
		use.backends[0] &= ~(1ull << FREED_NEXT);
	segment_keep(&use);
}

/* Names in the order of their slots' release. */
static void
change_hands(void)
{
	keep_all_but(false);
	keep_all_but(true);
	journal->backends = segment_backend(name_of(NEW_NAME));
	journal->backends = segment_backend(name_of(NEW_NAME + 1));
	journal->upstreams = segment_upstream(name_of(NEW_NAME));
	journal->stores = stores;
}

static void
run_change(unsigned at)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		die_at = at;
		segment_store_hook = before_store;
		change_hands();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(at == 0 ? status == 0 : WIFSIGNALED(status));
}

/* The old one's, whole, or nobody's, or the new one's and empty. */
static void
check_changed(uint32_t i, int new_name)
{
	struct backend_slot *b = segment_backend_slot(i);

	if (b->in_use == SLOT_UNUSED)
		return;
	if (is_whole(b->identity, sizeof(b->identity), b->identity_hash,
	    (int)i)) {
		MUST(is_filled(i));
		MUST(b->generation == 1);
		return;
	}
	MUST(is_whole(b->identity, sizeof(b->identity), b->identity_hash,
	    new_name));
	MUST(b->in_use == SLOT_USED && b->generation == 2);
	MUST(is_wiped(i));
}

static void
check_others(void)
{
	for (uint32_t i = 0; i < BACKEND_CHUNK; i++) {
		if (i == FREED_FIRST || i == FREED_NEXT)
			continue;
		MUST(segment_backend_slot(i)->in_use == SLOT_USED);
		MUST(is_filled(i));
	}
}

/* Dirty or not, whoever comes next finds them empty. */
static void
check_next_owner(void)
{
	for (int i = NEW_NAME; i < NEW_NAME + 2; i++) {
		int slot = segment_backend(name_of(i));

		MUST(slot == FREED_FIRST || slot == FREED_NEXT);
		MUST(is_wiped((uint32_t)slot));
	}
	ck_assert_int_eq(segment_upstream(name_of(NEW_NAME)), FREED_UPSTREAM);
	ck_assert(is_upstream_wiped(FREED_UPSTREAM));
	ck_assert_uint_eq(segment.n_chunks, 1);
	ck_assert_uint_eq(segment_check(), 0);
}

static void
die_changing_hands(unsigned at)
{
	begin_full();
	run_change(at);
	attach_anew();
	ck_assert_uint_eq(segment_check(), 0);
	check_changed(FREED_FIRST, NEW_NAME);
	check_changed(FREED_NEXT, NEW_NAME + 1);
	check_others();
	keep_all_but(true);
	check_next_owner();
	segment_close();
}

START_TEST(a_death_while_slots_change_hands_leaves_them_whole)
{
	unsigned n;

	die_changing_hands(0);
	ck_assert_int_eq(journal->backends, FREED_NEXT);
	ck_assert_int_eq(journal->upstreams, FREED_UPSTREAM);
	n = journal->stores;
	ck_assert_uint_gt(n, 100);
	for (unsigned at = 1; at <= n; at++)
		die_changing_hands(at);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shm/kill");
	TCase *t = tcase_create("kill");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, a_whole_run_leaves_it_valid);
	tcase_add_test(t, a_death_before_any_store_leaves_it_valid);
	tcase_add_test(t, a_death_while_slots_change_hands_leaves_them_whole);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
