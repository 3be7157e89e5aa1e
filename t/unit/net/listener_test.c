/* t/unit/net/listener_test.c -- sockets for all slots, and a second start */
#include "net/listener.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"

#define SLOTS 4

static const int backlogs[2] = { 0, 16 };

static struct address
address_of(const char *host)
{
	struct address a;

	ck_assert(address_parse_host(&a, span_str(host), 0));
	return a;
}

static struct listener_set *
open_addresses(const struct address *a, size_t n, size_t n_slots)
{
	struct listener_conf l[2] = { { .backlog = 0 } };

	for (size_t i = 0; i < n; i++) {
		l[i].address = a[i];
		l[i].backlog = backlogs[i];
	}
	return listener_set_open(l, n, n_slots);
}

static struct listener_set *
open_set(const char *host)
{
	struct address a = address_of(host);

	return open_addresses(&a, 1, SLOTS);
}

static bool
has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct address a = address_of("::1");
	bool has = fd >= 0 && bind(fd, &a.sa, a.len) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

/* A connection with a byte to read (TCP_DEFER_ACCEPT waits for that). */
static int
connect_to(const struct address *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &a->sa, a->len), 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	return fd;
}

START_TEST(all_slots_share_a_port_and_get_connections)
{
	struct listener_set *set = open_set("127.0.0.1");
	struct pollfd p[SLOTS];
	int client, got, seen = 0;

	ck_assert_ptr_nonnull(set);
	ck_assert_uint_ne(address_port(&set->addresses[0]), 0);
	for (int s = 0; s < SLOTS; s++)
		p[s] = (struct pollfd){ set->fds[s], POLLIN, 0 };
	/* The kernel spreads by hash: each slot gets one before long. */
	for (int i = 0; i < 10000 && seen != (1 << SLOTS) - 1; i++) {
		client = connect_to(&set->addresses[0]);
		ck_assert_int_gt(poll(p, SLOTS, -1), 0);
		for (int s = 0; s < SLOTS; s++) {
			if (p[s].revents == 0)
				continue;
			got = accept(set->fds[s], NULL, NULL);
			ck_assert_int_ge(got, 0);
			close(got);
			seen |= 1 << s;
		}
		close(client);
	}
	ck_assert_int_eq(seen, (1 << SLOTS) - 1);
	listener_set_close(&set);
	ck_assert_ptr_null(set);
}
END_TEST

/* Opens the address of `set` again and returns what was logged. */
static void
open_again(const struct listener_set *set, char *text, size_t size)
{
	int fds[2];
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	log_open(fds[1], false);
	ck_assert_ptr_null(open_addresses(set->addresses, 1, 2));
	log_open(-1, false);
	n = read(fds[0], text, size - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	close(fds[0]);
	close(fds[1]);
}

static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "::1" };

START_TEST(a_second_start_is_refused_by_name)
{
	struct listener_set *set;
	char text[4096], address[ADDRESS_TEXT_MAX], pid[32];

	if (strchr(hosts[_i], ':') != NULL && !has_ipv6())
		return;
	set = open_set(hosts[_i]);
	ck_assert_ptr_nonnull(set);
	open_again(set, text, sizeof(text));
	address_print(&set->addresses[0], address);
	ck_assert_msg(strstr(text, address) != NULL, "%s", text);
	snprintf(pid, sizeof(pid), "process %d (", (int)getpid());
	ck_assert_msg(strstr(text, pid) != NULL, "%s", text);
	listener_set_close(&set);
}
END_TEST

START_TEST(after_a_stop_the_address_is_free_again)
{
	struct listener_set *set = open_set("127.0.0.1"), *again;
	int client = connect_to(&set->addresses[0]), server;
	struct pollfd p[SLOTS];
	struct address a;

	for (int s = 0; s < SLOTS; s++)
		p[s] = (struct pollfd){ set->fds[s], POLLIN, 0 };
	ck_assert_int_eq(poll(p, SLOTS, -1), 1);
	for (int s = 0; s < SLOTS; s++) {
		server = accept(set->fds[s], NULL, NULL);
		if (server >= 0)
			close(server);	/* first: TIME_WAIT is ours */
	}
	close(client);
	a = set->addresses[0];
	listener_set_close(&set);
	again = open_addresses(&a, 1, SLOTS);
	ck_assert_ptr_nonnull(again);
	listener_set_close(&again);
}
END_TEST

START_TEST(a_failure_closes_what_was_open)
{
	struct listener_set *set = open_set("127.0.0.1");
	struct address both[2] = { address_of("127.0.0.1") };
	int before = dup(0), after;	/* the lowest that is free */

	close(before);
	both[1] = set->addresses[0];
	ck_assert_ptr_null(open_addresses(both, 2, SLOTS));
	after = dup(0);
	ck_assert_int_eq(after, before);
	close(after);
	listener_set_close(&set);
}
END_TEST

START_TEST(names_are_listed_and_cut)
{
	struct address two[2];
	struct listener_set set = { .n_addresses = 2, .addresses = two };
	char text[64];

	ck_assert(address_parse(&two[0], SPAN("127.0.0.1:80")));
	ck_assert(address_parse(&two[1], SPAN("[::1]:81")));
	listener_set_print(&set, text, sizeof(text));
	ck_assert_str_eq(text, "127.0.0.1:80, [::1]:81");
	listener_set_print(&set, text, 9);
	ck_assert_str_eq(text, "127.0.0.");
}
END_TEST

/* ---- Unix sockets */

static char dir[] = "/tmp/fairlead-listener-XXXXXX";
static char path[64];

static void
make_dir(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
}

static void
remove_dir(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(a_stale_socket_is_replaced_a_served_one_is_not)
{
	struct stat st;
	int fd = listener_open_unix(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_int_eq(listener_open_unix(path), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	close(fd);
	fd = listener_open_unix(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(a_file_in_the_way_is_left_alone)
{
	struct stat st;
	FILE *f = fopen(path, "w");

	fclose(f);
	ck_assert_int_eq(listener_open_unix(path), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	ck_assert_int_eq(stat(path, &st), 0);
}
END_TEST

START_TEST(a_long_path_is_refused)
{
	char name[300];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(listener_open_unix(name), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(ipv4_is_left_to_others)
{
	struct listener_conf l = { .is_ipv6_only = true };
	struct listener_set *six, *four;

	if (!has_ipv6())
		return;
	l.address = address_of("::");
	six = listener_set_open(&l, 1, SLOTS);
	ck_assert_ptr_nonnull(six);
	l.is_ipv6_only = false;
	l.address = address_of("0.0.0.0");
	l.address.in.sin_port = six->addresses[0].in6.sin6_port;
	four = listener_set_open(&l, 1, SLOTS);
	ck_assert_ptr_nonnull(four);
	listener_set_close(&four);
	listener_set_close(&six);
}
END_TEST

START_TEST(an_address_may_be_missing)
{
	struct listener_conf l = { .address = address_of("192.0.2.77") };
	struct listener_set *set;

	log_open(-1, false);
	ck_assert_ptr_null(listener_set_open(&l, 1, 1));
	l.is_free = true;
	set = listener_set_open(&l, 1, 1);
	ck_assert_ptr_nonnull(set);
	listener_set_close(&set);
}
END_TEST

START_TEST(slots_share_one_unix_socket)
{
	struct address a;
	struct listener_set *set;
	char text[80];

	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert(address_parse(&a, span_str(text)));
	set = open_addresses(&a, 1, SLOTS);
	ck_assert_ptr_nonnull(set);
	for (int s = 1; s < SLOTS; s++)
		ck_assert_int_eq(set->fds[s], set->fds[0]);
	listener_set_close(&set);
}
END_TEST

/* ---- from one configuration to the next */

static struct listener_set *
renew(const struct listener_set *old, const struct address *a, size_t n,
    size_t n_workers)
{
	struct listener_conf l[2] = { { .backlog = 0 } };
	struct listener_set *set;

	for (size_t i = 0; i < n; i++)
		l[i].address = a[i];
	set = listener_set_renew(old, l, n, n_workers);
	ck_assert_ptr_nonnull(set);
	ck_assert_int_eq(listener_set_listen(set, l), 0);
	return set;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static size_t
count_open(const struct listener_set *set, size_t address)
{
	size_t n = 0;

	while (n < set->n_slots && set->fds[address * set->n_slots + n] >= 0)
		n++;
	return n;
}

static const struct {
	size_t before, after, want;
} counts[] = { { 2, 2, 2 }, { 1, 4, 4 }, { 4, 1, 4 }, { 4, 2, 4 } };

START_TEST(an_address_that_stays_keeps_its_sockets)
{
	struct address a = address_of("127.0.0.1");	/* port 0 */
	struct listener_set *old = renew(NULL, &a, 1, counts[_i].before);
	struct listener_set *set = renew(old, &a, 1, counts[_i].after);
	size_t n = count_open(old, 0);

	ck_assert(address_equal(&set->addresses[0], &old->addresses[0]));
	ck_assert_uint_eq(count_open(set, 0), counts[_i].want);
	ck_assert_mem_eq(set->fds, old->fds, n * sizeof(int));
	ck_assert(listener_is_kept(old, 0, set));
	listener_set_leave(&old, set);
	for (size_t i = 0; i < counts[_i].want; i++)
		ck_assert(is_open(set->fds[i]));
	listener_set_close(&set);
}
END_TEST

START_TEST(an_address_that_goes_is_closed)
{
	struct address a = address_of("127.0.0.1"), b = address_of("127.0.0.2");
	struct address both[2] = { a, b };
	struct listener_set *old = renew(NULL, both, 2, SLOTS), *set;
	int gone = old->fds[0];

	set = renew(old, &b, 1, SLOTS);
	ck_assert(!listener_is_kept(old, 0, set));
	ck_assert(listener_is_kept(old, 1, set));
	listener_set_leave(&old, set);
	ck_assert(!is_open(gone));
	ck_assert(is_open(set->fds[0]));
	listener_set_close(&set);
}
END_TEST

START_TEST(what_cannot_be_opened_changes_nothing)
{
	struct address a = address_of("127.0.0.1");
	struct listener_set *old = renew(NULL, &a, 1, 2);
	struct listener_conf l[2] = { { .address = a },
	    { .address = address_of("192.0.2.77") } };
	int before = dup(0), after;

	close(before);
	log_open(-1, false);
	ck_assert_ptr_null(listener_set_renew(old, l, 2, SLOTS));
	after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
	ck_assert(is_open(old->fds[0]) && is_open(old->fds[1]));
	listener_set_close(&old);
}
END_TEST

static int
connect_now(const struct address *a, int ms)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, &a->sa, a->len) < 0 && errno == EINPROGRESS &&
	    poll(&p, 1, ms) == 1)
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	else if (p.revents == 0)
		error = ETIMEDOUT;
	close(fd);
	return error;
}

/* Who was there before gets in, with his first byte or without it. */
START_TEST(a_retired_address_lets_nobody_in_but_loses_nobody)
{
	struct address a = address_of("127.0.0.1");
	struct listener_set *set = renew(NULL, &a, 1, 1);
	const struct address *at = &set->addresses[0];
	struct pollfd p = { .fd = set->fds[0], .events = POLLIN };
	int client = connect_to(at), silent, got;

	silent = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(silent, &at->sa, at->len), 0);
	listener_retire(set, 0);
	ck_assert_int_eq(connect_now(at, 50), ETIMEDOUT);
	ck_assert_int_eq(write(silent, "x", 1), 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		got = accept(set->fds[0], NULL, NULL);
		ck_assert_int_ge(got, 0);
		close(got);
	}
	close(client);
	close(silent);
	listener_set_close(&set);
}
END_TEST

START_TEST(a_retired_path_is_gone)
{
	struct address a;
	struct listener_set *set;
	char text[80];
	int client;

	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert(address_parse(&a, span_str(text)));
	set = renew(NULL, &a, 1, SLOTS);
	client = connect_to(&a);
	listener_retire(set, 0);
	ck_assert_int_lt(access(path, F_OK), 0);
	ck_assert_int_ge(accept(set->fds[0], NULL, NULL), 0);
	close(client);
	listener_set_close(&set);
}
END_TEST

START_TEST(a_path_that_nobody_used_is_gone)
{
	struct address both[2];
	struct listener_set *old, *set;
	char text[80];

	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert(address_parse(&both[0], span_str(text)));
	both[1] = address_of("127.0.0.1");
	set = renew(NULL, both, 2, SLOTS);
	listener_set_undo(&set, NULL);
	ck_assert_int_lt(access(path, F_OK), 0);
	old = renew(NULL, both, 2, SLOTS);
	set = renew(old, both, 2, SLOTS);
	listener_set_undo(&set, old);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_set_undo(&old, NULL);
}
END_TEST

/* As a passport tells it: a socket a line. */
START_TEST(another_binary_has_the_same_set)
{
	struct address both[2] = { address_of("127.0.0.1"),
	    address_of("127.0.0.2") };
	struct listener_set *old = renew(NULL, both, 2, 3), *set = NULL, *next;

	for (size_t i = 0; i < 2; i++)
		for (size_t s = 0; s < 3; s++)
			set = listener_set_adopt(set,
			    old->fds[i * old->n_slots + s], &old->wanted[i],
			    &old->addresses[i], false);
	ck_assert_uint_eq(set->n_addresses, 2);
	ck_assert_uint_eq(set->n_slots, 3);
	ck_assert_mem_eq(set->fds, old->fds, 6 * sizeof(int));
	next = renew(set, both, 2, 2);
	ck_assert_mem_eq(next->fds, old->fds, 6 * sizeof(int));
	listener_set_leave(&next, set);
	listener_set_leave(&set, old);
	listener_set_close(&old);
}
END_TEST

START_TEST(a_unix_socket_is_adopted_once_for_all)
{
	struct address a, b = address_of("127.0.0.1");
	struct listener_set *set = NULL;
	char text[80];

	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert(address_parse(&a, span_str(text)));
	set = listener_set_adopt(set, 100, &a, &a, false);
	for (int fd = 101; fd < 104; fd++)
		set = listener_set_adopt(set, fd, &b, &b, false);
	ck_assert_uint_eq(set->n_slots, 3);
	for (int s = 0; s < 3; s++) {
		ck_assert_int_eq(set->fds[s], 100);
		ck_assert_int_eq(set->fds[3 + s], 101 + s);
	}
	memset(set->fds, -1, 6 * sizeof(int));
	listener_set_close(&set);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net/listener");
	TCase *t = tcase_create("tcp"), *u = tcase_create("unix");
	SRunner *r = srunner_create(s);
	int failed;

	log_open(-1, false);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, all_slots_share_a_port_and_get_connections);
	tcase_add_loop_test(t, a_second_start_is_refused_by_name, 0, 3);
	tcase_add_test(t, after_a_stop_the_address_is_free_again);
	tcase_add_test(t, a_failure_closes_what_was_open);
	tcase_add_test(t, names_are_listed_and_cut);
	tcase_add_loop_test(t, an_address_that_stays_keeps_its_sockets, 0,
	    sizeof(counts) / sizeof(*counts));
	tcase_add_test(t, an_address_that_goes_is_closed);
	tcase_add_test(t, what_cannot_be_opened_changes_nothing);
	tcase_add_test(t, a_retired_address_lets_nobody_in_but_loses_nobody);
	tcase_add_test(t, another_binary_has_the_same_set);
	tcase_add_test(u, a_retired_path_is_gone);
	tcase_add_test(u, a_path_that_nobody_used_is_gone);
	tcase_add_test(u, a_unix_socket_is_adopted_once_for_all);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(u, make_dir, remove_dir);
	tcase_add_test(u, a_stale_socket_is_replaced_a_served_one_is_not);
	tcase_add_test(u, a_file_in_the_way_is_left_alone);
	tcase_add_test(u, a_long_path_is_refused);
	tcase_add_test(u, ipv4_is_left_to_others);
	tcase_add_test(u, an_address_may_be_missing);
	tcase_add_test(u, slots_share_one_unix_socket);
	suite_add_tcase(s, u);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
