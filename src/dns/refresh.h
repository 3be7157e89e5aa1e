/* src/dns/refresh.h -- names of backends, kept in step with DNS */
#pragma once

struct conf;

/*
 * The monitor's part of run-time DNS. Each name of the configuration is asked
 * again when the TTL of its last answer is over, taken as 1 s at least and
 * 5 min at most, and what it leads to is published in the segment (seats.h).
 *
 * A failure changes nothing at first, be it an error, silence, or that there
 * is no such name any more: the last addresses stay for resolver.stale beyond
 * their TTL, while the name is asked again every few seconds. Then its
 * backends are unresolved, as those of a name without an answer from the
 * start.
 *
 * Needs the loop and the segment with the configuration's slots.
 */
#define TTL_LEAST_S	1
#define TTL_MOST_S	300

/*
 * `on_first`: once, from the loop, when each name has had an answer, be it
 * bad, or when FIRST_MOST_MS are over; from within if there are no names.
 */
#define FIRST_MOST_MS	5000
void refresh_start(const struct conf *conf, void (*on_first)(void));
void refresh_stop(void);	/* also what was not started */
