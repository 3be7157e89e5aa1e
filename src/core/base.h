/* src/core/base.h -- the few macros that every folder uses */
#pragma once
#include <stddef.h>

#define UNUSED		__attribute__((unused))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define NORETURN	__attribute__((noreturn))
#define HOT		__attribute__((hot))
#define COLD		__attribute__((cold, noinline))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define COUNT_OF(a)	(sizeof(a) / sizeof((a)[0]))
#define CACHE_LINE	64

/* The struct of type `type` that embeds `ptr` as its member `member`. */
#define container_of(ptr, type, member) __extension__ ({		\
	const __typeof__(((type *)0)->member) *ptr_ = (ptr);		\
	(type *)(void *)((char *)(void *)(unsigned long)ptr_ -		\
	    offsetof(type, member)); })
