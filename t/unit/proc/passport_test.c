/* t/unit/proc/passport_test.c -- reading what another binary has written */
#include "proc/passport.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"

/* 127.0.0.1:80 as a little-endian machine's kernel has it; "unix" here is not
 * tried: its bytes are the same everywhere. */
#define HEX_IN	"02000050" "7f000001" "0000000000000000"

static const char whole[] =
    "passport 1\n"
    "version 9.9\n"
    "binary /a path/with spaces\n"
    "numbers 7 12\n"
    "of-tomorrow 1 2 3\n"
    "run-dir /run/x\n"
    "segment 5 6\n"
    "wake 0 8\n"
    "wake 99999 9\n"
    "listen 20 " HEX_IN " " HEX_IN "\n"
    "listen 24 " HEX_IN " " HEX_IN " given\n"
    "admin-listen 21 " HEX_IN " " HEX_IN "\n"
    "admin 22 /run/x/admin sock\n"
    "pid-file 23 /run/x.pid\n"
    "generation 7 1 600000\n"
    "stop 1000 2000 1\n"
    "log error 40 /var/log/a b.log\n"
    "log access 1 \n"
    "worker 0 0 1 1000 30 1 0 0\n"
    "worker 3 1 0 1001 31 1 0 0 and more\n"
    "generation 6 0 0\n"
    "worker 4 0 0 900 -1 1 1 0\n"
    "generation 5 0 0 1\n"
    "worker 4 0 0 901 33 1 1 0\n"
    "monitor 256 0 2 1002 32 1 0 0\n"
    "secret "
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    "end\n"
    "behind the end\n";

static struct passport *
read_text(const char *text, size_t len)
{
	int fd = memfd_create("passport", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	return passport_read(fd);
}

START_TEST(all_of_it_is_taken)
{
	struct passport *p = read_text(whole, sizeof(whole) - 1);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->version, "9.9");
	ck_assert_str_eq(p->binary, "/a path/with spaces");
	ck_assert_str_eq(p->run_dir, "/run/x");
	ck_assert_uint_eq(p->last_generation, 7);
	ck_assert_uint_eq(p->status_sequence, 12);
	ck_assert_int_eq(p->segment, 5);
	ck_assert_int_eq(p->export, 6);
	ck_assert_int_eq(p->wakes[0], 8);
	ck_assert_int_eq(p->wakes[1], -1);
	ck_assert_int_eq(p->admin, 22);
	ck_assert_str_eq(p->admin_path, "/run/x/admin sock");
	ck_assert_int_eq(p->pid_file, 23);
	ck_assert_str_eq(p->pid_path, "/run/x.pid");
	ck_assert(p->has_secret);
	ck_assert_uint_eq(p->secret[31], 0x1f);
	passport_free(&p);
	ck_assert_ptr_null(p);
}
END_TEST

START_TEST(sockets_and_processes_are_lists)
{
	struct passport *p = read_text(whole, sizeof(whole) - 1);
	const struct passport_generation *g = p->generations;

	ck_assert_uint_eq(p->n_sockets, 3);
	ck_assert(!p->sockets[0].is_admin && p->sockets[2].is_admin);
	ck_assert(!p->sockets[0].is_given && p->sockets[1].is_given);
	ck_assert_int_eq(p->sockets[0].fd, 20);
	ck_assert_int_eq(p->sockets[0].actual.sa.sa_family, AF_INET);
	ck_assert_uint_eq(address_port(&p->sockets[0].actual), 80);
	ck_assert_uint_eq(p->n_generations, 3);
	ck_assert(g[0].is_serving && !g[1].is_serving);
	ck_assert_uint_eq(g[0].drain_ms, 600000);
	ck_assert(g[0].has_stop && !g[1].has_stop);
	ck_assert_uint_eq(g[0].shutdown_ms, 1000);
	ck_assert_uint_eq(g[0].delay_ms, 2000);
	ck_assert(g[0].is_term_graceful);
	ck_assert_int_eq(g[0].error.fd, 40);
	ck_assert_str_eq(g[0].error.path, "/var/log/a b.log");
	ck_assert_int_eq(g[0].access.fd, 1);
	ck_assert_ptr_null(g[0].access.path);
	ck_assert_int_eq(g[1].error.fd, -1);
	ck_assert_uint_eq(g[0].n_processes, 2);
	ck_assert_uint_eq(g[0].processes[1].slot, 3);
	ck_assert_uint_eq(g[0].processes[1].place, 1);
	ck_assert_int_eq(g[0].processes[1].pid, 1001);
	ck_assert(g[1].processes[0].is_dismissed);
	ck_assert_int_eq(g[1].processes[0].control_fd, -1);
	ck_assert(!g[0].is_foreign && !g[1].is_foreign && g[2].is_foreign);
	ck_assert_uint_eq(p->n_monitors, 1);
	ck_assert_uint_eq(p->monitors[0].restarts, 2);
	passport_free(&p);
}
END_TEST

/* "end" and its line's end are the last bytes that matter. */
START_TEST(half_a_passport_is_none)
{
	size_t least = (size_t)(strstr(whole, "end\n") + 3 - whole);

	for (size_t len = 0; len < least; len++)
		ck_assert_ptr_null(read_text(whole, len));
}
END_TEST

static const char *const bad[] = {
	"", "end\n",
	"passport 0\ngeneration 1 1 0\nend\n",
	"passport 1\nend\n",				/* nobody serves */
	"passport 1\nworker 0 0 0 1000 3 1 0 0\ngeneration 1 1 0\nend\n",
	"passport 1\ngeneration 1 1 0\nworker 256 0 0 1000 3 1 0 0\nend\n",
	"passport 1\ngeneration 1 1 0\nworker 0 256 0 1000 3 1 0 0\nend\n",
	"passport 1\ngeneration 1 1 0\nworker 0 0 0 1 3 1 0 0\nend\n",
	"passport 1\ngeneration 1 1 0\nworker 0 0 0 -1 3 1 0 0\nend\n",
	"passport 1\ngeneration 1 1 0\nworker 0 0 0\nend\n",
	"passport 1\ngeneration 1 1\nend\n",
	"passport 1\nlog error 3 /x\ngeneration 1 1 0\nend\n",
	"passport 1\ngeneration 1 1 0\nlog error /x\nend\n",
	"passport 1\ngeneration 1 1 0\nstop 1 2\nend\n",
	"passport 1\ngeneration 1 1 0\nlisten 3 02 02\nend\n",
	"passport 1\ngeneration 1 1 0\nlisten 3 0200005 02000050\nend\n",
	"passport 1\ngeneration 1 1 0\nlisten 3 xx000050 02000050\nend\n",
	"passport 1\ngeneration 1 1 0\nlisten 3\nend\n",
	"passport 1\ngeneration 1 1 0\nadmin 3\nend\n",
	"passport 1\ngeneration 1 1 0\nsecret 00\nend\n",
	"passport 1\ngeneration 1 1 0\nsegment five six\nend\n",
};

START_TEST(what_makes_no_sense_is_refused)
{
	ck_assert_ptr_null(read_text(bad[_i], strlen(bad[_i])));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc/passport");
	TCase *t = tcase_create("read");
	SRunner *r = srunner_create(s);
	int failed;

	log_open(-1, false);
	tcase_add_test(t, all_of_it_is_taken);
	tcase_add_test(t, sockets_and_processes_are_lists);
	tcase_add_test(t, half_a_passport_is_none);
	tcase_add_loop_test(t, what_makes_no_sense_is_refused, 0,
	    sizeof(bad) / sizeof(*bad));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
