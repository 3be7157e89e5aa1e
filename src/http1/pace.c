/* src/http1/pace.c -- does a client move bytes fast enough to be waited for */
#include "http1/pace.h"

void
pace_begin(struct pace *p, uint64_t now_ms, uint32_t backlog)
{
	p->mark = p->moved - backlog;
	p->mark_ms = p->last_ms = (uint32_t)now_ms;
}

static uint32_t
round_of(const struct pace_limits *limits)
{
	return limits->round_ms < limits->idle_ms ? limits->round_ms :
	    limits->idle_ms;
}

uint32_t
pace_next(const struct pace *p, uint64_t now_ms,
    const struct pace_limits *limits)
{
	uint32_t now = (uint32_t)now_ms;
	uint32_t in_round = now - p->mark_ms, idle = now - p->last_ms;
	uint32_t to_round = round_of(limits), to_idle = limits->idle_ms;

	/* A round that is over is due, whatever came last. */
	to_round = in_round < to_round ? to_round - in_round : 0;
	to_idle = idle < to_idle ? to_idle - idle : 0;
	return to_round < to_idle ? to_round : to_idle;
}

bool
pace_check(struct pace *p, uint64_t now_ms, uint32_t backlog,
    const struct pace_limits *limits)
{
	uint32_t now = (uint32_t)now_ms, in_round = now - p->mark_ms;
	/* Below 0: more has come into the backlog than has left it. */
	int32_t got = (int32_t)(p->moved - backlog - p->mark);

	if (got > 0 && backlog > 0)
		p->last_ms = now;	/* some time since the last look */
	if (now - p->last_ms >= limits->idle_ms)
		return false;
	if (in_round < round_of(limits))
		return true;
	if (got > 0) {
		if ((uint64_t)got * 1000 < (uint64_t)limits->rate * in_round)
			return false;
		p->mark += (uint32_t)got;
	}
	p->mark_ms = now;
	return true;
}
