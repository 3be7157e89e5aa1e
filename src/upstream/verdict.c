/* src/upstream/verdict.c -- judging what a health check has found */
#include "upstream/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "core/regex.h"
#include "http/head.h"
#include "net/conn.h"

const char *
check_result_word(uint32_t result)
{
	static const char *const words[] = {
#define X(id, word) [CHECK_##id] = word,
		CHECK_RESULTS(X)
#undef X
	};

	return words[result < CHECK_RESULT_COUNT ? result : CHECK_NONE];
}

static void PRINTF(3, 4)
set(struct verdict *v, enum check_result result, const char *format, ...)
{
	va_list args;

	v->result = result;
	va_start(args, format);
	(void)vsnprintf(v->text, sizeof(v->text), format, args);
	va_end(args);
}

/* ---- responses */

static bool
is_expected(const struct check_conf *c, unsigned status)
{
	for (size_t i = 0; i < c->n_statuses; i++)
		if (status >= c->statuses[i].first &&
		    status <= c->statuses[i].last)
			return true;
	return false;
}

static bool
suits(const struct test_conf *t, struct span value)
{
	if (t->kind == TEST_REGEX)
		return regex_matches(t->regex, value);
	return t->kind == TEST_EQUAL && span_equal(value, span_str(t->value));
}

/* As a route's conditions: of several fields of a name one is enough. */
static bool
holds(const struct test_conf *t, const struct http_head *h)
{
	bool found = false, is_suited = false;

	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (!span_equal_nocase(field_name(h, f), span_str(t->name)))
			continue;
		found = true;
		is_suited = is_suited || suits(t, field_value(h, f));
	}
	return t->kind == TEST_PRESENT ? found :
	    t->kind == TEST_ABSENT ? !found : is_suited;
}

void
verdict_of_head(struct verdict *v, const struct check_conf *c,
    const struct http_head *h)
{
	if (!is_expected(c, h->status)) {
		set(v, CHECK_STATUS, "status %u", h->status);
		return;
	}
	for (size_t i = 0; i < c->fields.n; i++)
		if (!holds(&c->fields.at[i], h)) {
			set(v, CHECK_HEADER, "header %s is not as expected",
			    c->fields.at[i].name);
			return;
		}
	set(v, CHECK_PASS, "%u", h->status);
}

bool
check_wants_body(const struct check_conf *c)
{
	return c->body != NULL || c->body_regex != NULL;
}

void
verdict_of_body(struct verdict *v, const struct check_conf *c,
    struct span body)
{
	bool is_good;

	if (body.len == 0)
		body = SPAN("");
	is_good = c->body_regex != NULL ? regex_matches(c->body_regex, body) :
	    memmem(body.ptr, body.len, c->body, strlen(c->body)) != NULL;
	if (!is_good)
		set(v, CHECK_BODY, "the body is not as expected");
}

/* ---- none */

static void
set_errno(struct verdict *v, enum check_result result, int error)
{
	const char *word = check_result_word(result);

	if (error == 0)
		set(v, result, "%s", word);
	else
		set(v, result, "%s: %s", word, strerror(error));
}

void
verdict_of_connect(struct verdict *v, int error)
{
	set_errno(v, conn_is_local_error(error) ? CHECK_LOCAL :
	    CHECK_CONNECT, error);
}

void
verdict_of_timeout(struct verdict *v, bool is_connected)
{
	set(v, CHECK_TIMEOUT, is_connected ? "timeout" :
	    "timeout while connecting");
}

void
verdict_of_reason(struct verdict *v, enum reason why, int error)
{
	switch (why) {
	case REASON_CONNECT:
	case REASON_LOCAL:
		verdict_of_connect(v, error);
		break;
	case REASON_CONNECT_TIMEOUT:
	case REASON_TIMEOUT:
		verdict_of_timeout(v, why == REASON_TIMEOUT);
		break;
	case REASON_STALE:
	case REASON_RESET:
	case REASON_RESET_REUSED:
		if (error == 0)
			set(v, CHECK_RESET, "connection closed");
		else
			set_errno(v, CHECK_RESET, error);
		break;
	case REASON_TRUNCATED:
		set(v, CHECK_TRUNCATED, "the body broke off");
		break;
	default:
		set(v, CHECK_JUNK, "malformed response");
		break;
	}
}
