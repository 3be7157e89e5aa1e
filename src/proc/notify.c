/* src/proc/notify.c -- what the service manager is told (sd_notify) */
#include "proc/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "event/loop.h"

#define MESSAGE_MOST	1024
#define SEND_MS		500	/* a manager that does not read */

enum { SOCKET, USEC, PID, N_VARIABLES };
static const char *const names[N_VARIABLES] = {
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
};

static struct {
	int fd;				/* -1: none */
	bool is_failing;		/* that has been said, too */
	char *values[N_VARIABLES];	/* NULL: not given */
	struct sockaddr_un to;
	socklen_t to_len;		/* 0: nobody asks */
	bool is_stopping;		/* that has been said */
	uint64_t watchdog_ms;		/* between two signs of life; 0: off */
	bool (*is_well)(void);
	struct timer watchdog;
} me = { .fd = -1 };

/* ---- who asks */

/* A path, or with "@" before it a name that is no file's. */
static void
take_socket(const char *name)
{
	size_t len = name == NULL ? 0 : strlen(name);

	if (len == 0)
		return;
	if ((*name != '/' && *name != '@') || len >= sizeof(me.to.sun_path)) {
		log_warn(NULL, "NOTIFY_SOCKET: \"%s\" is no Unix socket; the "
		    "service manager is told nothing", name);
		return;
	}
	me.to.sun_family = AF_UNIX;
	memcpy(me.to.sun_path, name, len);
	me.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (*name == '@')
		me.to.sun_path[0] = '\0';
}

/* Connected while we may: a single process is root no more afterwards. 0, or
 * -1 with errno. */
static int
connect_manager(void)
{
	static const struct timeval most = { .tv_usec = SEND_MS * 1000 };

	if (me.fd >= 0)
		close(me.fd);
	me.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (me.fd < 0 || setsockopt(me.fd, SOL_SOCKET, SO_SNDTIMEO, &most,
	    sizeof(most)) < 0)
		return -1;
	return connect(me.fd, (const struct sockaddr *)&me.to, me.to_len);
}

/* It may be meant for another process, as a shell that started us. */
static void
take_watchdog(const char *usec, const char *pid)
{
	if (usec == NULL || (pid != NULL && atol(pid) != getpid()))
		return;
	me.watchdog_ms = strtoull(usec, NULL, 10) / 1000 / 2;
}

void
notify_open(void)
{
	notify_close();
	for (int i = 0; i < N_VARIABLES; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL)
			me.values[i] = xstrdup(value);
		unsetenv(names[i]);
	}
	take_socket(me.values[SOCKET]);
	if (me.to_len > 0)
		(void)connect_manager();	/* sending says why not */
	take_watchdog(me.values[USEC], me.values[PID]);
}

void
notify_close(void)
{
	for (int i = 0; i < N_VARIABLES; i++)
		free(me.values[i]);
	if (me.is_well != NULL)
		loop_timer_fini(&me.watchdog);
	if (me.fd >= 0)
		close(me.fd);
	memset(&me, 0, sizeof(me));
	me.fd = -1;
}

void
notify_keep(bool keep)
{
	for (int i = 0; i < N_VARIABLES; i++)
		if (!keep)
			unsetenv(names[i]);
		else if (me.values[i] != NULL)
			setenv(names[i], me.values[i], 1);
}

/* ---- telling */

/* Waits a little where it matters, not for the next sign of life. One that
 * was started anew has a new socket. */
static void
send_message(const char *text, int flags)
{
	size_t len = strlen(text);
	ssize_t n = send(me.fd, text, len, MSG_NOSIGNAL | flags);

	if (n < 0 && (errno == ECONNREFUSED || errno == ENOTCONN))
		n = connect_manager() < 0 ? -1 :
		    send(me.fd, text, len, MSG_NOSIGNAL | flags);
	if (n < 0 && !me.is_failing)
		log_write_errno(LOG_WARN, NULL, "cannot tell the service "
		    "manager");
	me.is_failing = n < 0;
}

/* A status is one line. */
static void
append_status(char *text, size_t size, const char *format, va_list args)
{
	size_t used = strlen(text);

	if (format == NULL)
		return;
	used += (size_t)snprintf(text + used, size - used, "%sSTATUS=",
	    used > 0 ? "\n" : "");
	vsnprintf(text + used, size - used, format, args);
	for (char *c = text + used; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
}

static void
tell(const char *what, const char *status, va_list args)
{
	char text[MESSAGE_MOST];

	if (me.to_len == 0)
		return;
	snprintf(text, sizeof(text), "%s", what);
	append_status(text, sizeof(text), status, args);
	send_message(text, 0);
}

#define TELL(what, status)						\
	do {								\
		va_list args;						\
									\
		va_start(args, status);					\
		tell((what), (status), args);				\
		va_end(args);						\
	} while (0)

void
notify_ready(const char *status, ...)
{
	TELL("READY=1", status);
}

void
notify_stopping(const char *status, ...)
{
	if (!me.is_stopping)
		TELL("STOPPING=1", status);
	me.is_stopping = true;
}

void
notify_status(const char *status, ...)
{
	TELL("", status);
}

/* systemd 253 takes a reload for done that does not say when it began. */
void
notify_reloading(void)
{
	char text[MESSAGE_MOST];

	if (me.to_len == 0)
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(clock_read_ns() / 1000));
	send_message(text, 0);
}

void
notify_extend(unsigned ms)
{
	char text[MESSAGE_MOST];

	if (me.to_len == 0)
		return;
	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%llu",
	    ms * 1000ull);
	send_message(text, 0);
}

/* ---- the watchdog */

static void
on_watchdog(struct timer *t)
{
	if (me.is_well())
		send_message("WATCHDOG=1", MSG_DONTWAIT);
	loop_timer_set(t, clock_now_ms + me.watchdog_ms);
}

void
notify_watch(bool (*is_well)(void))
{
	if (me.to_len == 0 || me.watchdog_ms == 0)
		return;
	me.is_well = is_well;
	timer_init(&me.watchdog, on_watchdog);
	on_watchdog(&me.watchdog);
}
