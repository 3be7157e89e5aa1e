/* src/core/clock.c -- the time, read once per turn of the loop */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base.h"

uint64_t clock_now_ns;
uint64_t clock_now_ms;

/* Wall minus monotonic, looked up anew each second. */
static struct {
	uint64_t offset_ms;
	uint64_t until_ms;		/* monotonic */
	uint64_t date_s;
	char date[CLOCK_HTTP_LEN + 1];
} wall;

static uint64_t
read_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
clock_update(void)
{
	clock_now_ns = read_ns(CLOCK_MONOTONIC);
	clock_now_ms = clock_now_ns / 1000000;
}

uint64_t
clock_read_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_ms(void)
{
	if (unlikely(clock_now_ms >= wall.until_ms)) {
		if (clock_now_ns == 0)
			clock_update();
		wall.offset_ms = read_ns(CLOCK_REALTIME) / 1000000 -
		    clock_now_ms;
		wall.until_ms = clock_now_ms + 500;
	}
	return clock_now_ms + wall.offset_ms;
}

static COLD void
print_date(uint64_t second)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)second;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)snprintf(wall.date, sizeof(wall.date),
	    "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday,
	    (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
	    ((unsigned)tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
	    (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	wall.date_s = second;
}

const char *
clock_http_date(void)
{
	uint64_t second = clock_wall_ms() / 1000;

	if (unlikely(second != wall.date_s))
		print_date(second);
	return wall.date;
}

void
clock_rfc3339(uint64_t wall_ms, char out[CLOCK_RFC3339_LEN + 1])
{
	time_t t = (time_t)(wall_ms / 1000);
	char text[64];
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)snprintf(text, sizeof(text),
	    "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	    ((unsigned)tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_mon % 12 + 1, (unsigned)tm.tm_mday % 100,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100, (unsigned)(wall_ms % 1000));
	memcpy(out, text, CLOCK_RFC3339_LEN + 1);
}
