/* src/shm/export.c -- what a segment hands on to one of another layout */
#include "shm/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/hash.h"
#include "shm/internal.h"
#include "shm/names.h"

struct output {
	FILE *file;
	uint64_t hash;		/* of all that is written */
};

static void
put_bytes(struct output *o, const void *data, size_t len)
{
	o->hash = hash_bytes(data, len, o->hash);
	(void)fwrite(data, 1, len, o->file);	/* ferror() tells */
}

static void
put_record(struct output *o, enum export_tag tag, const void *data,
    size_t len)
{
	const struct export_frame frame = { tag, (uint32_t)len };

	put_bytes(o, &frame, sizeof(frame));
	put_bytes(o, data, len);
}
#define put(o, tag, data) put_record((o), (tag), (data), sizeof(*(data)))

/* A name that is too long for a record is cut, as it is in its slot. */
static void
put_name(struct output *o, enum export_tag tag, const struct names *k,
    uint32_t slot)
{
	char record[EXPORT_RECORD_MOST];
	size_t len = strnlen(k->text[slot], sizeof(record) - sizeof(uint64_t));

	memcpy(record, &k->hash[slot], sizeof(uint64_t));
	memcpy(record + sizeof(uint64_t), k->text[slot], len);
	put_record(o, tag, record, sizeof(uint64_t) + len);
}

static void
put_process(struct output *o, uint32_t process)
{
	struct process_slot *p = segment_process(process);
	struct export_process r = {
		.process = process, .accepted = shm_get(&p->accepted),
		.requests = shm_get(&p->requests),
		.log_dropped = shm_get(&p->log_dropped),
	};

	put(o, EXPORT_PROCESS, &r);
}

static void
put_upstream(struct output *o, uint32_t slot)
{
	struct upstream_slot *u = segment_upstream_slot(slot);
	struct export_upstream_words words = {
		shm_get(&u->cursor), shm_get(&u->budget),
	};

	put_name(o, EXPORT_UPSTREAM, &upstream_names, slot);
	put(o, EXPORT_UPSTREAM_WORDS, &words);
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i)) {
		struct upstream_stripe *s = segment_upstream_stripe(i);
		struct export_upstream_counts r = { .process = i };

		if (!segment_has_counts(i))
			continue;
		r.requests = shm_get(&s->requests[slot]);
		if (r.requests != 0)
			put(o, EXPORT_UPSTREAM_COUNTS, &r);
	}
}

static void
put_latency(struct output *o, uint32_t process, const struct stripe *s,
    uint32_t row)
{
	for (uint32_t k = 0; k < LATENCY_CLASSES; k++) {
		struct export_latency r = { process, k,
			shm_get(&s->latency[row][k]) };

		if (r.count != 0)
			put(o, EXPORT_LATENCY, &r);
	}
}

static void
put_counts(struct output *o, uint32_t process, uint32_t slot)
{
	struct stripe *s = segment_stripe(process, slot);
	uint32_t row = slot % BACKEND_CHUNK;
	struct export_counts r = {
		.process = process, .requests = shm_get(&s->requests[row]),
		.failures = shm_get(&s->failures[row]),
		.ewma = shm_get(&s->ewma[row]),
	};

	if ((r.requests | r.failures | r.ewma) != 0)
		put(o, EXPORT_COUNTS, &r);
	put_latency(o, process, s, row);
}

static void
put_records(struct output *o, uint32_t slot)
{
	struct check_record check;
	struct place_record place;

	if (record_read(segment_check_record(slot), &check, sizeof(check)) &&
	    check.at_wall_ms != 0)
		put(o, EXPORT_CHECK, &check);
	if (record_read(segment_place_record(slot), &place, sizeof(place)) &&
	    place.family != 0)
		put(o, EXPORT_PLACE, &place);
}

static void
put_backend(struct output *o, uint32_t slot)
{
	struct backend_words *w = segment_backend_words(slot);
	struct export_words words = {
		.breaker = shm_get(&w->breaker),
		.window = shm_get(&w->window),
		.health = shm_get(&w->health), .admin = shm_get(&w->admin),
	};

	put_name(o, EXPORT_BACKEND, &backend_names, slot);
	put(o, EXPORT_WORDS, &words);
	put_records(o, slot);
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i))
		if (segment_has_counts(i))
			put_counts(o, i, slot);
}

static void
put_all(struct output *o)
{
	const uint64_t magic = EXPORT_MAGIC;
	struct export_segment s = {
		segment.header->started_ms, segment.header->started_wall_ms,
	};
	uint64_t hash;

	put_bytes(o, &magic, sizeof(magic));
	put(o, EXPORT_SEGMENT, &s);
	for (uint32_t i = 0; i <= SEGMENT_MONITOR; i = segment_next(i))
		if (segment_has_counts(i))
			put_process(o, i);
	for (uint32_t i = 0; i < UPSTREAMS_MAX; i++)
		if (names_use(&upstream_names, i) != SLOT_UNUSED)
			put_upstream(o, i);
	for (uint32_t i = 0; i < segment.n_chunks * BACKEND_CHUNK; i++)
		if (names_use(&backend_names, i) != SLOT_UNUSED)
			put_backend(o, i);
	hash = o->hash;
	put(o, EXPORT_END, &hash);
}

int
segment_export(int fd)
{
	struct output o = { .file = NULL };
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return -1;
	if (lseek(own, 0, SEEK_SET) < 0 || ftruncate(own, 0) < 0 ||
	    (o.file = fdopen(own, "w")) == NULL) {
		(void)close(own);
		return -1;
	}
	put_all(&o);
	if (ferror(o.file)) {
		(void)fclose(o.file);
		return -1;
	}
	return fclose(o.file) == 0 ? 0 : -1;
}
