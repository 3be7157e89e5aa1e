/* src/proxy/aside.c -- deadlines, and a response that is kept back */
#include "core/clock.h"
#include "core/memory.h"
#include "proxy/exchange.h"

static struct slab asides;

void
aside_module_init(void)
{
	slab_init(&asides, sizeof(struct aside), 0);
}

/* ---- deadlines */

static bool
is_past(uint64_t at_ms)
{
	return at_ms != 0 && at_ms <= clock_now_ms;
}

bool
aside_is_late(const struct exchange *x)
{
	return x->aside != NULL && is_past(x->aside->total_at);
}

/* The earlier of the two. */
static void
arm(struct aside *a)
{
	uint64_t at = a->try_at;

	if (at == 0 || (a->total_at != 0 && a->total_at < at))
		at = a->total_at;
	if (at != 0)
		loop_timer_set(&a->timer, at);
	else
		timer_stop(&a->timer);
}

static void
on_timer(struct timer *t)
{
	struct aside *a = container_of(t, struct aside, timer);

	if (is_past(a->total_at)) {
		a->total_at = a->try_at = 0;
		exchange_total_is_over(a->exchange);
	} else if (is_past(a->try_at)) {
		a->try_at = 0;
		exchange_try_is_over(a->exchange);
	} else {
		arm(a);
	}
}

static void
on_push(struct deferred *d)
{
	exchange_push_held(container_of(d, struct aside, push)->exchange);
}

static bool
on_turn(struct waiter *w, bool is_over)
{
	struct aside *a = container_of(w, struct aside, waiter);

	/* It may have several turns in one wait. */
	a->queue_us = a->queued_us +
	    (uint32_t)(clock_now_ms - w->since_ms) * 1000 + 1;
	return exchange_turn(a->exchange, is_over);
}

static struct aside *
aside_of(struct exchange *x)
{
	struct aside *a = x->aside;

	if (a != NULL)
		return a;
	a = x->aside = slab_take(&asides);
	timer_init(&a->timer, on_timer);
	deferred_init(&a->push, on_push);
	a->waiter = (struct waiter){ .on_turn = on_turn };
	a->queue_us = a->queued_us = 0;
	a->exchange = x;
	a->try_at = 0;
	a->total_at = x->retry->total_ms == 0 ? 0 :
	    x->start_ns / 1000000 + x->retry->total_ms;
	a->block = NULL;
	a->body = (struct stash){ 0 };
	return a;
}

void
aside_begin_try(struct exchange *x)
{
	struct aside *a = aside_of(x);

	a->try_at = x->retry->try_ms == 0 ? 0 :
	    clock_now_ms + x->retry->try_ms;
	arm(a);
}

bool
aside_wait(struct exchange *x)
{
	struct aside *a = aside_of(x);

	a->try_at = 0;
	a->queued_us = a->queue_us;
	if (!queue_join(x->upstream, &a->waiter))
		return false;
	arm(a);		/* timeouts.total */
	return true;
}

void
aside_end_try(struct exchange *x)
{
	x->aside->try_at = 0;
	arm(x->aside);
}

void
aside_drop(struct exchange *x)
{
	aside_forget(x);
	queue_leave(&x->aside->waiter);
	loop_timer_fini(&x->aside->timer);
	slab_give(&asides, x->aside);
	x->aside = NULL;
}

/* ---- the response */

void
aside_keep_head(struct exchange *x, const struct http_head *h)
{
	struct aside *a = aside_of(x);
	unsigned class;

	aside_forget(x);
	a->block = block_take(head_copy_size(h), &class);
	a->block_class = (uint8_t)class;
	head_copy(&a->head, h, a->block);
	a->backend = x->backend;
	a->is_whole = false;
}

bool
aside_keep_body(struct exchange *x, struct span data)
{
	return stash_append(&x->aside->body, data, HELD_MAX);
}

void
aside_push_later(struct exchange *x)
{
	loop_defer(&x->aside->push);
}

void
aside_forget(struct exchange *x)
{
	struct aside *a = x->aside;

	if (a->block != NULL)
		block_give(a->block, a->block_class);
	a->block = NULL;
	stash_clear(&a->body);
	loop_undefer(&a->push);
}
