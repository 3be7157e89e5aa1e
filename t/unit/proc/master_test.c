/* t/unit/proc/master_test.c -- a master with stub children, seen by its log */
#include "proc/master.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/log.h"
#include "event/loop.h"
#include "shm/segment.h"

#define WORKERS 2

static struct listener_conf listener;
static struct conf conf;
static struct options options;
static char run_dir[] = "/tmp/fairlead-master-XXXXXX";
static FILE *lines;	/* the log's other end */
static pid_t master_pid;

/* ---- children that only listen to orders */

static const char *const order_names[] = {
	[ORDER_STOP] = "stop", [ORDER_DRAIN] = "drain",
	[ORDER_MASTER_GONE] = "gone", [ORDER_GO] = "go",
	[ORDER_HEIR] = "heir",
};

static struct child *me;

static void
on_order(const struct order *order)
{
	log_notice(NULL, "told: %s", order_names[order->type]);
	if (order->type == ORDER_DRAIN && me->slot == SEGMENT_MONITOR)
		child_release(me);
	if (order->type != ORDER_GO && order->type != ORDER_HEIR)
		loop_stop();
}

static int
child_main(struct child *self)
{
	me = self;
	if (child_start(self, on_order) < 0)
		return 1;
	child_ready(self);
	log_notice(NULL, "serving %u", self->slot);
	loop_run();
	loop_fini();
	return 0;
}

/* Hears nothing and does not leave. */
static int
deaf_main(struct child *self)
{
	if (child_start(self, on_order) < 0)
		return 1;
	child_ready(self);
	log_notice(NULL, "serving %u", self->slot);
	for (;;)
		pause();
}

static int
failing_main(struct child *self UNUSED)
{
	return 1;
}

static const struct role worker = { "worker", child_main };
static const struct role deaf = { "worker", deaf_main };
static const struct role failing = { "worker", failing_main };
static const struct role monitor = { "monitor", child_main };

/* ---- the master, in a process of its own */

static void
start(const struct role *role, bool is_single)
{
	struct master_options o = {
		.conf = &conf, .config_name = "test", .worker = role,
		.monitor = &monitor, .options = &options, .passport = -1,
	};
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	master_pid = fork();
	ck_assert_int_ge(master_pid, 0);
	if (master_pid == 0) {
		close(fds[0]);
		/* The log that it is to have is its standard error. */
		dup2(fds[1], STDERR_FILENO);
		close(fds[1]);
		log_open(STDERR_FILENO, false);
		exit(is_single ? master_run_single(&o, child_main) :
		    master_run(&o));
	}
	close(fds[1]);
	lines = fdopen(fds[0], "r");
}

/* Reads on to a line with this text: the pid that wrote it; 0: end. */
static pid_t
await(const char *text)
{
	char line[4096];
	int pid;

	while (fgets(line, sizeof(line), lines) != NULL)
		if (strstr(line, text) != NULL) {
			ck_assert_int_eq(sscanf(line, "%*s %*s %d", &pid), 1);
			return pid;
		}
	return 0;
}

/* Its exit status; its end and that of all its children, by the log's end. */
static int
end_of_master(void)
{
	int status;

	ck_assert_int_eq(waitpid(master_pid, &status, 0), master_pid);
	while (await("") != 0)
		continue;
	fclose(lines);
	return status;
}

static bool
exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return access(path, F_OK) == 0;
}

static void
setup(void)
{
	strcpy(run_dir + strlen(run_dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(run_dir));
	ck_assert(address_parse_host(&listener.address, SPAN("127.0.0.1"), 0));
	conf = (struct conf){
		.listeners = &listener, .n_listeners = 1, .workers = WORKERS,
		.run_dir = run_dir, .shutdown_timeout_ms = 60000,
		.log = { .file = "stderr", .level = LOG_INFO },
	};
}

/* What a killed master, or one that is root no more, has to leave behind. */
static void
remove_left(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	(void)unlink(path);
}

static void
teardown(void)
{
	remove_left("admin.sock");
	remove_left("status");
	ck_assert_int_eq(rmdir(run_dir), 0);
}

START_TEST(a_signal_ends_it_and_all_its_children)
{
	start(&worker, false);
	ck_assert_int_eq(await("ready: 2 workers, listening on 127.0.0.1:"),
	    master_pid);
	ck_assert(exists("status") && exists("admin.sock"));
	kill(master_pid, _i);
	ck_assert_int_eq(end_of_master(), 0);
	ck_assert(!exists("status") && !exists("admin.sock"));
}
END_TEST

START_TEST(a_killed_child_is_replaced)
{
	const char *serving = _i == 0 ? "serving 0" : "serving 256";
	pid_t first, second;

	start(&worker, false);
	first = await(serving);
	kill(first, SIGKILL);
	ck_assert_int_eq(await("died by signal 9"), master_pid);
	second = await(serving);
	ck_assert_int_ne(second, 0);
	ck_assert_int_ne(second, first);
	kill(master_pid, SIGTERM);
	ck_assert_int_eq(end_of_master(), 0);
}
END_TEST

START_TEST(a_deaf_worker_is_killed_at_the_end)
{
	start(&deaf, false);
	(void)await("ready:");
	kill(master_pid, SIGTERM);
	ck_assert_int_eq(end_of_master(), 0);
}
END_TEST

START_TEST(shutdown_timeout_ends_a_drain)
{
	conf.shutdown_timeout_ms = 1;
	start(&deaf, false);
	(void)await("ready:");
	kill(master_pid, SIGQUIT);
	ck_assert_int_eq(await("shutdown_timeout is over"), master_pid);
	ck_assert_int_eq(end_of_master(), 0);
}
END_TEST

START_TEST(children_notice_the_masters_death)
{
	start(&worker, false);
	(void)await("ready:");
	kill(master_pid, SIGKILL);
	for (int i = 0; i < WORKERS + 1; i++)
		ck_assert_int_ne(await("told: gone"), 0);
	ck_assert(WIFSIGNALED(end_of_master()));
}
END_TEST

START_TEST(a_start_that_fails_is_the_end)
{
	start(&failing, false);
	ck_assert_int_eq(await("start-up failed"), master_pid);
	ck_assert_int_eq(WEXITSTATUS(end_of_master()), EXIT_FAILURE);
}
END_TEST

START_TEST(too_many_workers_are_refused)
{
	conf.workers = SEGMENT_SLOTS + 1;
	start(&worker, false);
	ck_assert_int_eq(WEXITSTATUS(end_of_master()), EXIT_FAILURE);
}
END_TEST

START_TEST(one_process_obeys_the_same_signals)
{
	start(&worker, true);
	ck_assert_int_eq(await("ready: single process, listening on"),
	    master_pid);
	kill(master_pid, _i);
	ck_assert_int_eq(end_of_master(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/master");
	TCase *t = tcase_create("life");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_signal_ends_it_and_all_its_children, SIGINT,
	    SIGQUIT + 1);
	tcase_add_loop_test(t, a_signal_ends_it_and_all_its_children, SIGTERM,
	    SIGTERM + 1);
	tcase_add_loop_test(t, a_killed_child_is_replaced, 0, 2);
	tcase_add_test(t, a_deaf_worker_is_killed_at_the_end);
	tcase_add_test(t, shutdown_timeout_ends_a_drain);
	tcase_add_test(t, children_notice_the_masters_death);
	tcase_add_test(t, a_start_that_fails_is_the_end);
	tcase_add_test(t, too_many_workers_are_refused);
	tcase_add_loop_test(t, one_process_obeys_the_same_signals, SIGINT,
	    SIGQUIT + 1);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
