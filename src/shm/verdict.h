/* src/shm/verdict.h -- how the last change of the configuration went */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERDICT_WORD_MAX	16
#define VERDICT_TEXT_MAX	8192

/*
 * The master tells it to the monitor, which shows it, by a record of the
 * segment: of the configuration that serves its generation, hash and when it
 * began to serve, and of the last attempt at another one the verdict and what
 * was wrong.
 */
struct verdict_record {
	uint32_t generation;
	uint32_t sequence;	/* of RUN_DIR/status; 0: nothing was told */
	uint64_t loaded_wall_ms;
	uint8_t sha256[32];
	char word[VERDICT_WORD_MAX];
	uint32_t n_lines;	/* there were so many */
	uint32_t n_kept;	/* of them in `text`, each with its NUL */
	uint64_t kept_len;
	char text[VERDICT_TEXT_MAX];
};

struct conf_verdict {
	uint32_t generation, sequence;
	uint64_t loaded_wall_ms;
	const uint8_t *sha256;
	const char *word;
	const char *const *lines;
	size_t n_lines;
};

/* Master. A line that does not fit is left out, and so are all behind it. */
void verdict_tell(const struct conf_verdict *v);
/* Any process. False: nothing was told yet, or it changes right now. */
bool verdict_read(struct verdict_record *r);
/* Of a record that was read the line behind `line`, NULL: the first; NULL
 * behind the last. */
const char *verdict_next(const struct verdict_record *r, const char *line);
