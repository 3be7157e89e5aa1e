/* src/shm/import.c -- taking over from a segment of another layout */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/hash.h"
#include "shm/export.h"
#include "shm/internal.h"
#include "shm/names.h"

/* No layout has cut a shorter name than this. */
#define CUT_LEAST 200

struct input {
	FILE *file;
	uint64_t hash;		/* of all before the record */
	struct export_frame frame;
	char bytes[EXPORT_RECORD_MOST + 1];	/* and a NUL */
	int upstream, backend;	/* whose records follow; -1: of none */
};

/* ---- records, whatever is in them */

static bool
get_bytes(struct input *in, void *data, size_t len)
{
	return fread(data, 1, len, in->file) == len;
}

static void
hash_record(struct input *in)
{
	in->hash = hash_bytes(&in->frame, sizeof(in->frame), in->hash);
	in->hash = hash_bytes(in->bytes, in->frame.len, in->hash);
}

static bool
next_record(struct input *in)
{
	if (!get_bytes(in, &in->frame, sizeof(in->frame)) ||
	    in->frame.len > EXPORT_RECORD_MOST ||
	    !get_bytes(in, in->bytes, in->frame.len))
		return false;
	in->bytes[in->frame.len] = '\0';
	return true;
}

static bool
begin(struct input *in)
{
	uint64_t magic;

	rewind(in->file);
	in->upstream = in->backend = -1;
	if (!get_bytes(in, &magic, sizeof(magic)) || magic != EXPORT_MAGIC)
		return false;
	in->hash = hash_bytes(&magic, sizeof(magic), 0);
	return true;
}

/* Its first `len` bytes, or what there is and then zeroes. */
static void
take_bytes(const struct input *in, void *data, size_t len)
{
	size_t there = in->frame.len < len ? in->frame.len : len;

	memset(data, 0, len);
	memcpy(data, in->bytes, there);
}
#define take(in, data) take_bytes((in), (data), sizeof(*(data)))

static bool
is_end(const struct input *in)
{
	uint64_t hash;

	take(in, &hash);
	return in->frame.tag == EXPORT_END && hash == in->hash &&
	    fgetc(in->file) == EOF;
}

/* Before anything of it is believed. */
static bool
is_whole(struct input *in)
{
	if (!begin(in))
		return false;
	while (next_record(in)) {
		if (in->frame.tag == EXPORT_END)
			return is_end(in);
		hash_record(in);
	}
	return false;
}

/* ---- what we know */

static void
take_segment(struct input *in)
{
	struct export_segment r;

	take(in, &r);
	if (r.started_ms > clock_now_ms || r.started_wall_ms == 0)
		return;
	segment.header->started_ms = r.started_ms;
	segment.header->started_wall_ms = r.started_wall_ms;
}

static void
take_process(struct input *in)
{
	struct export_process r;
	struct process_slot *p;

	take(in, &r);
	if (r.process > SEGMENT_MONITOR)
		return;
	p = segment_process((uint32_t)r.process);
	shm_set(&p->accepted, r.accepted);
	shm_set(&p->requests, r.requests);
	shm_set(&p->log_dropped, r.log_dropped);
	shm_publish(&p->state, SLOT_GONE);
}

/* A name and its hash, which cannot be told of one that was cut. NULL: they
 * do not belong together. */
static const char *
take_name(const struct input *in, uint64_t *hash)
{
	const char *name = in->bytes + sizeof(*hash);

	take(in, hash);
	if (in->frame.len < sizeof(*hash) || *hash == 0)
		return NULL;
	if (*hash != name_hash(name) && strlen(name) < CUT_LEAST)
		return NULL;
	return name;
}

static void
take_upstream(struct input *in)
{
	uint64_t hash;
	const char *name = take_name(in, &hash);

	in->upstream = name == NULL ? -1 : table_upstream(name, hash);
}

static void
take_backend(struct input *in)
{
	uint64_t hash;
	const char *name = take_name(in, &hash);

	in->backend = name == NULL ? -1 : table_backend(name, hash);
}

static void
take_upstream_words(struct input *in)
{
	struct export_upstream_words r;
	struct upstream_slot *u;

	if (in->upstream < 0)
		return;
	take(in, &r);
	u = segment_upstream_slot((uint32_t)in->upstream);
	shm_set(&u->cursor, r.cursor);
	shm_set(&u->budget, r.budget);
}

static void
take_upstream_counts(struct input *in)
{
	struct export_upstream_counts r;

	take(in, &r);
	if (in->upstream >= 0 && r.process <= SEGMENT_MONITOR)
		shm_set(&segment_upstream_stripe((uint32_t)r.process)->
		    requests[in->upstream], r.requests);
}

static void
take_words(struct input *in)
{
	struct export_words r;
	struct backend_words *w;

	if (in->backend < 0)
		return;
	take(in, &r);
	w = segment_backend_words((uint32_t)in->backend);
	shm_set(&w->breaker, r.breaker);
	shm_set(&w->window, r.window);
	shm_set(&w->health, r.health);
	shm_set(&w->admin, r.admin);
}

static void
take_check(struct input *in)
{
	struct check_record r;

	take(in, &r);
	if (in->backend >= 0)
		segment_tell_check((uint32_t)in->backend, &r);
}

static void
take_place(struct input *in)
{
	struct place_record r;
	struct record *to;

	if (in->backend < 0)
		return;
	take(in, &r);
	to = segment_place_record((uint32_t)in->backend);
	record_init(to, sizeof(r));
	record_write(to, &r, sizeof(r));
}

static struct stripe *
stripe_for(const struct input *in, uint64_t process)
{
	if (in->backend < 0 || process > SEGMENT_MONITOR)
		return NULL;
	return segment_stripe((uint32_t)process, (uint32_t)in->backend);
}

static void
take_counts(struct input *in)
{
	uint32_t row = (uint32_t)in->backend % BACKEND_CHUNK;
	struct export_counts r;
	struct stripe *s;

	take(in, &r);
	s = stripe_for(in, r.process);
	if (s == NULL)
		return;
	shm_set(&s->requests[row], r.requests);
	shm_set(&s->failures[row], r.failures);
	shm_set(&s->ewma[row], r.ewma);
}

static void
take_latency(struct input *in)
{
	uint32_t row = (uint32_t)in->backend % BACKEND_CHUNK;
	struct export_latency r;
	struct stripe *s;

	take(in, &r);
	s = stripe_for(in, r.process);
	if (s != NULL && r.class < LATENCY_CLASSES && r.count <= UINT32_MAX)
		shm_set(&s->latency[row][r.class], (uint32_t)r.count);
}

static void (*const takes[])(struct input *in) = {
	[EXPORT_SEGMENT] = take_segment,
	[EXPORT_PROCESS] = take_process,
	[EXPORT_UPSTREAM] = take_upstream,
	[EXPORT_UPSTREAM_WORDS] = take_upstream_words,
	[EXPORT_UPSTREAM_COUNTS] = take_upstream_counts,
	[EXPORT_BACKEND] = take_backend,
	[EXPORT_WORDS] = take_words,
	[EXPORT_CHECK] = take_check,
	[EXPORT_PLACE] = take_place,
	[EXPORT_COUNTS] = take_counts,
	[EXPORT_LATENCY] = take_latency,
};

static void
take_all(struct input *in)
{
	if (!begin(in))
		return;
	while (next_record(in) && in->frame.tag != EXPORT_END)
		if (in->frame.tag < COUNT_OF(takes))
			takes[in->frame.tag](in);
}

/* What can be read twice, and is not endless. */
static FILE *
open_file(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	FILE *file;
	int own;

	if (len < 0)
		return NULL;
	if (len > EXPORT_FILE_MOST) {
		errno = EFBIG;
		return NULL;
	}
	if ((own = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return NULL;
	file = fdopen(own, "r");
	if (file == NULL)
		(void)close(own);
	return file;
}

int
segment_import(int fd)
{
	struct input in = { .file = open_file(fd) };
	bool is_ours;

	if (in.file == NULL)
		return -1;
	is_ours = is_whole(&in);
	if (is_ours)
		take_all(&in);
	(void)fclose(in.file);
	errno = EPROTO;
	return is_ours ? 0 : -1;
}
