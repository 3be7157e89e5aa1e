/* src/core/clock.h -- the time, read once per turn of the loop */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC of the last clock_update(), for everything on hot paths. */
extern uint64_t clock_now_ns;
extern uint64_t clock_now_ms;

/* Reads the clock into both; the loop calls it once behind epoll_wait. */
void clock_update(void);

/* Reads the clock now, for measuring. Nanoseconds, CLOCK_MONOTONIC. */
uint64_t clock_read_ns(void);

/*
 * Wall-clock time of the current turn in milliseconds since 1970; follows
 * steps of the system clock within a second.
 */
uint64_t clock_wall_ms(void);

#define CLOCK_HTTP_LEN	29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define CLOCK_RFC3339_LEN 24	/* "2026-11-23T14:05:06.123Z" */

/* The Date of this second (RFC 9110 5.6.7); static storage, cached. */
const char *clock_http_date(void);

/* Writes exactly CLOCK_RFC3339_LEN bytes and a NUL, UTC. */
void clock_rfc3339(uint64_t wall_ms, char out[CLOCK_RFC3339_LEN + 1]);
