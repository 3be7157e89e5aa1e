/* src/conf/retry.c -- the words of retries.when (interfaces.md, failures) */
#include <ctype.h>
#include <stdio.h>

#include "conf/internal.h"
#include "core/base.h"

static const char *const words[] = {
#define X(id, word) [RETRY_##id] = word,
	RETRY_WORDS(X)
#undef X
};

/* Failures that have no choice, and why. */
#define ALWAYS "is always tried again, once and free; leave it out"
#define NO_BACKENDS "is no failure of a backend that another could mend"
#define REFUSED "is never tried again: the request is at fault"
static const struct {
	const char *word, *why;
} fixed[] = {
	{ "stale", ALWAYS },
	{ "reset_reused", ALWAYS },
	{ "refused", ALWAYS },
	{ "local", "is always tried again; leave it out" },
	{ "truncated", "is never tried again: the client has a part of the "
	    "response" },
	{ "client_gone", "is never tried again: nobody waits for it" },
	{ "no_backend", NO_BACKENDS },
	{ "queue_timeout", NO_BACKENDS },
	{ "queue_full", NO_BACKENDS },
	{ "bad_request", REFUSED },
	{ "head_too_large", REFUSED },
	{ "body_too_large", REFUSED },
	{ "uri_too_long", REFUSED },
	{ "client_timeout", REFUSED },
	{ "not_found", REFUSED },
	{ "method", REFUSED },
	{ "limit", REFUSED },
};

static bool
is_status(struct span text)
{
	return text.len == 3 && isdigit((unsigned char)text.ptr[0]) &&
	    isdigit((unsigned char)text.ptr[1]) &&
	    isdigit((unsigned char)text.ptr[2]);
}

static const char *
reason_against(struct span text)
{
	for (size_t i = 0; i < COUNT_OF(fixed); i++)
		if (span_equal(text, span_str(fixed[i].word)))
			return fixed[i].why;
	if (is_status(text))
		return "is a status that is never tried again; write 429, "
		    "500, 502, 503 or 504";
	return "is no word for a failure; write connect, reset, timeout, "
	    "junk, 429, 500, 502, 503 or 504";
}

static bool
parse_retry(void *to, struct span text, struct arena *arena UNUSED,
    char *why)
{
	char word[QUOTE_MAX];

	for (uint32_t i = 0; i < RETRY_WORD_COUNT; i++)
		if (span_equal(text, span_str(words[i]))) {
			*(uint32_t *)to = i;
			return true;
		}
	snprintf(why, WHY_MAX, "\"%s\" %s", quote(word, text),
	    reason_against(text));
	return false;
}

static struct span
print_retry(const void *value, struct arena *arena UNUSED)
{
	return span_str(words[*(const uint32_t *)value]);
}

const struct conf_form form_retry = {
	.noun = "word", .size = sizeof(uint32_t),
	.parse = parse_retry, .print = print_retry,
	.pattern = "^(connect|reset|timeout|junk|429|50[0234])$",
};

const char *
retry_word(enum retry_word id)
{
	return words[id];
}

uint32_t
retry_mask(const struct conf_list *list)
{
	const uint32_t *ids = list->items;
	uint32_t mask = 0;

	for (size_t i = 0; i < list->n; i++)
		mask |= 1u << ids[i];
	return mask;
}
