/* t/unit/proc/notify_test.c -- messages to the service manager */
#include "proc/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "event/loop.h"
#include "support/unit.h"

static char dir[] = "/tmp/fairlead-notify-XXXXXX";
static char path[64];
static int manager;

static int
bind_manager(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(un.sun_path, name, len);
	if (*name == '@')
		un.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, (socklen_t)(
	    offsetof(struct sockaddr_un, sun_path) + len)), 0);
	return fd;
}

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	manager = bind_manager(path);
	setenv("NOTIFY_SOCKET", path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
teardown(void)
{
	notify_close();
	close(manager);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* The next message; "" if there is none. */
static const char *
told(void)
{
	static char text[2048];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

START_TEST(says_what_it_should)
{
	notify_open();
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	notify_ready("%d workers", 3);
	ck_assert_str_eq(told(), "READY=1\nSTATUS=3 workers");
	notify_ready(NULL);
	ck_assert_str_eq(told(), "READY=1");
	notify_status("two\nlines");
	ck_assert_str_eq(told(), "STATUS=two lines");
	notify_stopping(NULL);
	ck_assert_str_eq(told(), "STOPPING=1");
	notify_stopping("again");
	notify_extend(1500);
	ck_assert_str_eq(told(), "EXTEND_TIMEOUT_USEC=1500000");
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(says_when_a_reload_began)
{
	unsigned long long us, before = clock_read_ns() / 1000;
	int end = 0;

	notify_open();
	notify_reloading();
	ck_assert_int_eq(sscanf(told(), "RELOADING=1\nMONOTONIC_USEC=%llu%n",
	    &us, &end), 1);
	ck_assert_uint_ge(us, before);
	ck_assert_uint_le(us, clock_read_ns() / 1000);
}
END_TEST

START_TEST(takes_abstract_names)
{
	char name[64];

	close(manager);
	snprintf(name, sizeof(name), "@fairlead-notify-%d", (int)getpid());
	manager = bind_manager(name);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_open();
	notify_ready(NULL);
	ck_assert_str_eq(told(), "READY=1");
}
END_TEST

START_TEST(finds_a_new_manager)
{
	notify_open();
	close(manager);
	unlink(path);
	notify_ready(NULL);	/* nobody */
	manager = bind_manager(path);
	notify_ready(NULL);
	ck_assert_str_eq(told(), "READY=1");
}
END_TEST

START_TEST(a_long_status_is_cut)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	notify_open();
	notify_status("%s", text);
	ck_assert_uint_eq(strlen(told()), 1023);
}
END_TEST

static const char *const nobody[] = {
	NULL, "", "relative", "vsock:2:1234", "/no/such/socket",
	"/tmp/a-name-that-is-longer-than-any-socket-may-have/"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

START_TEST(nobody_is_no_trouble)
{
	if (nobody[_i] == NULL)
		unsetenv("NOTIFY_SOCKET");
	else
		setenv("NOTIFY_SOCKET", nobody[_i], 1);
	setenv("WATCHDOG_USEC", "10000", 1);
	notify_open();
	notify_ready("x");
	notify_reloading();
	notify_extend(1);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(is_kept_over_an_exec)
{
	setenv("WATCHDOG_USEC", "7", 1);
	notify_open();
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	notify_keep(true);
	notify_keep(false);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	notify_keep(true);
	ck_assert_str_eq(getenv("NOTIFY_SOCKET"), path);
	ck_assert_str_eq(getenv("WATCHDOG_USEC"), "7");
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
	notify_open();
	notify_ready(NULL);
	ck_assert_str_eq(told(), "READY=1");
}
END_TEST

/* ---- the watchdog */

static int well_times;
static struct timer end;

/* Well thrice, then not. */
static bool
is_well(void)
{
	return well_times++ < 3;
}

static void
on_end(struct timer *t UNUSED)
{
	loop_stop();
}

static int
run_watchdog(const char *pid)
{
	int n = 0;

	setenv("WATCHDOG_USEC", "20000", 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	well_times = 0;
	ck_assert_int_eq(loop_init(), 0);
	notify_open();
	notify_watch(is_well);
	timer_init(&end, on_end);
	clock_update();
	loop_timer_set(&end, clock_now_ms + 150);
	loop_run();
	notify_close();
	loop_timer_fini(&end);
	loop_fini();
	while (strcmp(told(), "WATCHDOG=1") == 0)
		n++;
	return n;
}

START_TEST(barks_while_all_is_well)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	ck_assert_int_eq(run_watchdog(NULL), 3);
	ck_assert_int_ge(well_times, 5);
	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(run_watchdog(pid), 3);
	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(run_watchdog("1"), 0);	/* not ours */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc: notify");
	TCase *t = tcase_create("notify");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, says_what_it_should);
	tcase_add_test(t, says_when_a_reload_began);
	tcase_add_test(t, takes_abstract_names);
	tcase_add_test(t, finds_a_new_manager);
	tcase_add_test(t, a_long_status_is_cut);
	tcase_add_loop_test(t, nobody_is_no_trouble, 0, COUNT_OF(nobody));
	tcase_add_test(t, is_kept_over_an_exec);
	tcase_add_test(t, barks_while_all_is_well);
	suite_add_tcase(s, t);
	return unit_main(s);
}
