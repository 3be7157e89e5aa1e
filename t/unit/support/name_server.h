/* t/unit/support/name_server.h -- a small name server on loopback */
#pragma once
#include <stdint.h>

/*
 * A child process that answers by UDP and TCP on one port of 127.0.0.1.
 * What it says is in the zone, rows of which one name may have many; other
 * names do not exist. The first label of a name may ask for trouble:
 *   silent	no answer at all
 *   servfail, refused	the code
 *   empty	no error, and no records
 *   garbage	the right id, then noise
 *   short	five bytes
 *   foreign	somebody else's id
 *   cut	truncated by UDP, and whole by TCP
 *   lone	truncated, and TCP is closed at once
 */
enum record_type { RECORD_A = 1, RECORD_CNAME = 5, RECORD_AAAA = 28,
	RECORD_SRV = 33 };

struct zone_row {
	const char *name;
	enum record_type type;
	uint32_t ttl_s;
	const char *data;	/* "127.0.0.1"; a name; "PRIORITY WEIGHT PORT
				 * NAME" */
	unsigned phase;		/* there in this one alone; 0: in all */
};

/* The zone ends with a NULL name. Ends with the test's process. */
uint16_t name_server_start(const struct zone_row *zone);
/* Questions that have come so far. */
unsigned name_server_count(void);
/* From now on; it is 1 at first. */
void name_server_set_phase(unsigned phase);
void name_server_stop(void);
