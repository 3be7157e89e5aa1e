/* src/proxy/retry.c -- whether a request may be tried once more */
#include "core/clock.h"
#include "proxy/exchange.h"
#include "upstream/budget.h"

static bool
wants(const struct exchange *x, uint32_t bit)
{
	return (x->retry->when & bit) != 0;
}

/* The whole table of interfaces.md, column "safe to retry". */
bool
retry_is_safe(const struct exchange *x, enum reason why, enum sent sent)
{
	bool is_unseen = sent == SENT_NOTHING;
	bool is_repeatable = method_is_idempotent(x->method);

	switch (why) {
	case REASON_REFUSED:
		return true;
	case REASON_STALE:
	case REASON_LOCAL:
		return is_unseen;
	case REASON_CONNECT:
	case REASON_CONNECT_TIMEOUT:
		return is_unseen && wants(x, RETRY_BIT(CONNECT));
	case REASON_RESET_REUSED:
		return is_unseen || is_repeatable;
	case REASON_RESET:
		return (is_unseen || is_repeatable) &&
		    wants(x, RETRY_BIT(RESET));
	case REASON_TIMEOUT:
		return is_repeatable && wants(x, RETRY_BIT(TIMEOUT));
	case REASON_JUNK:
		return is_repeatable && wants(x, RETRY_BIT(JUNK));
	default:
		return false;
	}
}

static bool
wants_status(const struct exchange *x, unsigned status)
{
	switch (status) {
	case 429: return wants(x, RETRY_BIT(429));
	case 500: return wants(x, RETRY_BIT(500));
	case 502: return wants(x, RETRY_BIT(502));
	case 503: return wants(x, RETRY_BIT(503));
	case 504: return wants(x, RETRY_BIT(504));
	default:  return false;
	}
}

bool
retry_is_charged(const struct exchange *x, unsigned status)
{
	return (status >= 502 && status <= 504) ||
	    (status == 500 && wants(x, RETRY_BIT(500)));
}

/* The connection was at fault, not the backend: a fresh one to the same
 * backend, once, on top of the attempts. */
bool
retry_is_free(const struct exchange *x, enum reason why)
{
	return !x->has_retried_free && (why == REASON_STALE ||
	    why == REASON_RESET_REUSED || why == REASON_REFUSED);
}

/* The request is there to be sent again, and the client has had nothing. */
static bool
can_repeat(const struct exchange *x)
{
	return x->kept != NULL && !x->has_taken_body && !x->has_said_info;
}

static bool
is_left(const struct exchange *x)
{
	return x->n_attempts <= x->retry->attempts &&
	    x->n_attempts < ATTEMPTS_MAX && !aside_is_late(x);
}

/*
 * A backend that refuses has no load from it: such tries take of the budget,
 * so that others are fewer, but go on without. Else a fresh start would be out
 * of it before the breaker has seen enough to leave the backend out.
 */
bool
retry_take(struct exchange *x, enum reason why)
{
	return is_left(x) &&
	    (budget_take(x->upstream) || why == REASON_CONNECT);
}

bool
retry_is_due(struct exchange *x, enum reason why, enum sent sent)
{
	if (!can_repeat(x) || !retry_is_safe(x, why, sent))
		return false;
	if (retry_is_free(x, why))
		return true;
	return why != REASON_STALE && why != REASON_RESET_REUSED &&
	    why != REASON_REFUSED && retry_take(x, why);
}

bool
retry_may_better(const struct exchange *x, const struct http_head *h)
{
	return wants_status(x, h->status) &&
	    method_is_idempotent(x->method) && can_repeat(x) &&
	    x->is_request_done && !x->is_replaying && is_left(x) &&
	    h->framing != FRAMING_TUNNEL &&
	    (h->framing != FRAMING_LENGTH || h->body_len <= HELD_MAX);
}
