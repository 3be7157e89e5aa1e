/* src/core/list.h -- doubly linked list, embedded in its members */
#pragma once
#include <stdbool.h>

#include "core/base.h"

/* A head or a member; a member that is in no list points to itself. */
struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts `member` first. It must be in no list. */
static inline void
list_push(struct list *head, struct list *member)
{
	member->next = head->next;
	member->prev = head;
	head->next->prev = member;
	head->next = member;
}

/* Puts `member` last. It must be in no list. */
static inline void
list_append(struct list *head, struct list *member)
{
	list_push(head->prev, member);
}

static inline void
list_remove(struct list *member)
{
	member->prev->next = member->next;
	member->next->prev = member->prev;
	list_init(member);
}

/* All members of `from` go to the empty list `to`, in order. */
static inline void
list_move_all(struct list *from, struct list *to)
{
	if (list_is_empty(from)) {
		list_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#define list_first(head, type, member)					\
	container_of((head)->next, type, member)
#define list_last(head, type, member)					\
	container_of((head)->prev, type, member)
/* Safe against removal of `it` itself, not of the one behind it. */
#define list_each(it, after, head)					\
	for ((it) = (head)->next, (after) = (it)->next; (it) != (head);	\
	    (it) = (after), (after) = (it)->next)
