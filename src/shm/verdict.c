/* src/shm/verdict.c -- how the last change of the configuration went */
#include "shm/verdict.h"

#include "shm/internal.h"

static struct record *
record_of_verdict(void)
{
	return segment_at(segment.upstreams + UPSTREAMS_BYTES);
}

static void
put_lines(struct verdict_record *r, const char *const *lines, size_t n)
{
	r->n_lines = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(lines[i]) + 1;

		if (len > sizeof(r->text) - r->kept_len)
			return;
		memcpy(r->text + r->kept_len, lines[i], len);
		r->kept_len += len;
		r->n_kept++;
	}
}

void
verdict_tell(const struct conf_verdict *v)
{
	struct verdict_record r = {
		.generation = v->generation, .sequence = v->sequence,
		.loaded_wall_ms = v->loaded_wall_ms,
	};

	memcpy(r.sha256, v->sha256, sizeof(r.sha256));
	memcpy(r.word, v->word, strnlen(v->word, sizeof(r.word) - 1));
	put_lines(&r, v->lines, v->n_lines);
	record_init(record_of_verdict(), sizeof(r));
	record_write(record_of_verdict(), &r, sizeof(r));
}

/* Others may have scribbled on it: every text ends inside. */
bool
verdict_read(struct verdict_record *r)
{
	if (!record_read(record_of_verdict(), r, sizeof(*r)) ||
	    r->sequence == 0)
		return false;
	r->word[sizeof(r->word) - 1] = '\0';
	r->text[sizeof(r->text) - 1] = '\0';
	if (r->kept_len > sizeof(r->text))
		r->kept_len = 0;
	return true;
}

const char *
verdict_next(const struct verdict_record *r, const char *line)
{
	const char *next = line == NULL ? r->text : line + strlen(line) + 1;

	return next < r->text + r->kept_len ? next : NULL;
}
