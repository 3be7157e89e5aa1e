/* src/upstream/verdict.h -- what a health check has found */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"
#include "http/reason.h"
#include "shm/segment.h"

struct check_conf;
struct http_head;

/*
 * Results of checks: id and word. They stand in check_record.result and, as
 * the cause of a state, in backend_slot.health: the numbers stay as they are.
 */
#define CHECK_RESULTS(X)						\
	X(NONE,		"-")						\
	X(PASS,		"pass")						\
	X(STATUS,	"status")	/* not one that is expected */	\
	X(HEADER,	"header")	/* a condition does not hold */	\
	X(BODY,		"body")						\
	X(CONNECT,	"connect")					\
	X(TIMEOUT,	"timeout")					\
	X(RESET,	"reset")					\
	X(JUNK,		"junk")						\
	X(TRUNCATED,	"truncated")					\
	X(LOCAL,	"local")	/* ours: says nothing of it */

enum check_result {
#define X(id, word) CHECK_##id,
	CHECK_RESULTS(X)
#undef X
	CHECK_RESULT_COUNT
};

/* "-" for a number that is none. */
const char *check_result_word(uint32_t result);

struct verdict {
	enum check_result result;
	uint32_t took_us;
	char text[CHECK_TEXT_MAX];	/* "status 503" */
};

#define CHECK_BODY_MOST (64u << 10)	/* of a body is looked at */

/* Whether a good head is not enough. */
bool check_wants_body(const struct check_conf *c);

/* Of a response. PASS, with the status as its text, also if the body is yet
 * to be seen. */
void verdict_of_head(struct verdict *v, const struct check_conf *c,
    const struct http_head *h);
/* Behind a head that passed; PASS leaves the text as it is. */
void verdict_of_body(struct verdict *v, const struct check_conf *c,
    struct span body);

/* Of a stream that was reset; `error`: an errno or 0. */
void verdict_of_reason(struct verdict *v, enum reason why, int error);
/* Of a connection that could not be made. */
void verdict_of_connect(struct verdict *v, int error);
void verdict_of_timeout(struct verdict *v, bool is_connected);
