/* src/observe/error_log.c -- lines of the error log that the loop never waits
 * for */
#include "observe/error_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "core/log.h"
#include "observe/writer.h"

#define RING		(256u << 10)	/* bytes of lines that may wait */
#define ALERT_WAIT_MS	10

static struct writer *writers[2];	/* of the log and of its mirror, if any */

static bool
put(bool is_mirror, const char *line, size_t len)
{
	return writer_put(writers[is_mirror], line, len);
}

static void
flush(bool is_mirror)
{
	(void)writer_flush(writers[is_mirror], ALERT_WAIT_MS);
}

static const struct log_sink sink = { .put = put, .flush = flush };

int
error_log_start(void)
{
	int saved;

	if (log_fd() >= 0)
		writers[false] = writer_start(log_fd(), RING, 0);
	if (log_is_mirrored())
		writers[true] = writer_start(STDERR_FILENO, RING, 0);
	if ((log_fd() < 0 || writers[false] != NULL) &&
	    (!log_is_mirrored() || writers[true] != NULL)) {
		log_set_sink(&sink);
		return 0;
	}
	saved = errno;
	error_log_stop(0);
	errno = saved;
	return -1;
}

void
error_log_stop(unsigned wait_ms)
{
	log_set_sink(NULL);
	log_add_dropped(writer_stop(&writers[false], wait_ms));
	log_add_dropped(writer_stop(&writers[true], wait_ms));
}
