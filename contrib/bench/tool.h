/* contrib/bench/tool.h -- what the clients and origins of the bench share */
#pragma once
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static inline uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* These end the program rather than return NULL. */
static inline void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(1, "calloc");
	return p;
}

static inline void *
xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (p == NULL)
		err(1, "realloc");
	return p;
}

/* So long ago, as the log writes times. */
static inline void
print_time(FILE *to, uint64_t us_ago)
{
	char text[32];
	struct timespec t;
	uint64_t us;
	time_t seconds;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 - us_ago;
	seconds = (time_t)(us / 1000000);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S",
	    gmtime_r(&seconds, &tm));
	fprintf(to, "%s.%03uZ", text, (unsigned)(us / 1000 % 1000));
}

/* A line of --failures: local port, how, status, milliseconds, when it began,
 * and its number on the connection. `to` NULL: nobody asks. */
static inline void
print_failure(FILE *to, int fd, const char *how, unsigned status, uint64_t us,
    unsigned number)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	if (to == NULL)
		return;
	(void)getsockname(fd, (struct sockaddr *)&a, &len);
	fprintf(to, "%u %s %u %.3f ", ntohs(a.sin_port), how, status,
	    (double)us / 1000);
	print_time(to, us);
	fprintf(to, " %u\n", number);
}
