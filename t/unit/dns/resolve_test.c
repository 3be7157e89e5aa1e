/* t/unit/dns/resolve_test.c -- names become backends, by helpers that end */
#include "dns/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "dns/internal.h"
#include "support/unit.h"

#define NAMES_MOST 64
#define FDS_MOST 64

static struct conf conf;
static struct upstream_conf upstream;
static struct backend_conf backends[NAMES_MOST];
static unsigned *calls;		/* shared with the helpers */
static bool was_open[FDS_MOST];	/* Check's own pipe is among them */

/*
 * In place of the system's: "N.test" has N addresses, "none.test" fails,
 * "hang.test" never answers, "crash.test" ends the helper, "noisy.test" does
 * not speak the language of the pipe.
 */
static void
misbehave(const char *name)
{
	if (strcmp(name, "hang.test") == 0)
		for (;;)
			pause();
	if (strcmp(name, "crash.test") == 0)
		raise(SIGKILL);
	if (strcmp(name, "noisy.test") == 0)
		for (int fd = 3; fd < FDS_MOST; fd++)
			if (!was_open[fd] && write(fd,
			    "This is not an answer, is it?...", 32) > 0)
				break;
}

static struct addrinfo *
make_address(const char *text, struct addrinfo *next)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai));
	struct address *a = calloc(1, sizeof(*a));

	address_parse_host(a, span_str(text), 0);
	ai->ai_family = a->sa.sa_family;
	ai->ai_addr = &a->sa;
	ai->ai_next = next;
	return ai;
}

int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	int n = atoi(name);
	char text[32];

	ck_assert_ptr_null(service);
	ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
	__atomic_add_fetch(calls, 1, __ATOMIC_RELAXED);
	misbehave(name);
	*list = NULL;
	if (strcmp(name, "none.test") == 0)
		return EAI_NONAME;
	if (strcmp(name, "twice.test") == 0)
		*list = make_address("127.0.1.1",
		    make_address("127.0.1.1", NULL));
	if (strcmp(name, "six.test") == 0)
		*list = make_address("::1", make_address("127.0.0.1", NULL));
	for (; n > 0; n--) {
		snprintf(text, sizeof(text), "127.0.0.%d", n);
		*list = make_address(text, *list);
	}
	return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list != NULL; list = next) {
		next = list->ai_next;
		free(container_of(list->ai_addr, struct address, sa));
		free(list);
	}
}

static void
setup(void)
{
	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(calls, MAP_FAILED);
	for (int fd = 0; fd < FDS_MOST; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	log_open(-1, false);
	memset(&conf, 0, sizeof(conf));
	memset(backends, 0, sizeof(backends));
	conf.arena = arena_new(4096);
	conf.upstreams = &upstream;
	conf.n_upstreams = 1;
	upstream = (struct upstream_conf){ .name = "default",
		.backends = backends };
}

/* No helper is left behind, running or dead. */
static void
teardown(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	arena_free(&conf.arena);
	munmap(calls, sizeof(*calls));
}

static void
add(const char *host, uint16_t port, const char *address)
{
	struct backend_conf *b = &backends[upstream.n_backends++];

	b->host = host;
	b->port = port;
	b->weight = 5;
	if (address != NULL)
		address_parse_host(&b->address, span_str(address), port);
}

/* "127.0.0.1:80 -:81": the addresses in order. */
static void
check_backends(const char *want)
{
	char all[4096] = "", one[ADDRESS_TEXT_MAX];
	size_t len = 0;

	for (size_t i = 0; i < upstream.n_backends; i++) {
		const struct backend_conf *b = &upstream.backends[i];

		snprintf(one, sizeof(one), "-:%u", b->port);
		if (b->address.len > 0)
			address_print(&b->address, one);
		ck_assert_uint_eq(b->weight, 5);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
		    i > 0 ? " " : "", one);
	}
	ck_assert_str_eq(all, want);
}

START_TEST(addresses_need_nobody)
{
	add("127.0.0.1", 80, "127.0.0.1");
	resolve_backends(&conf, 0);
	ck_assert_ptr_eq(upstream.backends, backends);
	ck_assert_uint_eq(*calls, 0);
}
END_TEST

START_TEST(expands_in_place)
{
	add("10.0.0.1", 79, "10.0.0.1");
	add("3.test", 80, NULL);
	add("six.test", 81, NULL);
	add("::2", 82, "::2");
	resolve_backends(&conf, 60000);
	check_backends("10.0.0.1:79 127.0.0.1:80 127.0.0.2:80 127.0.0.3:80 "
	    "[::1]:81 127.0.0.1:81 [::2]:82");
	ck_assert_str_eq(upstream.backends[2].host, "3.test");
}
END_TEST

START_TEST(asks_once_for_a_name)
{
	add("1.test", 80, NULL);
	add("1.test", 81, NULL);
	add("twice.test", 82, NULL);
	resolve_backends(&conf, 60000);
	check_backends("127.0.0.1:80 127.0.0.1:81 127.0.1.1:82");
	ck_assert_uint_eq(*calls, 2);
}
END_TEST

START_TEST(failure_is_no_error)
{
	add("none.test", 80, NULL);
	add("0.test", 81, NULL);
	add("1.test", 82, NULL);
	resolve_backends(&conf, 60000);
	check_backends("-:80 -:81 127.0.0.1:82");
}
END_TEST

START_TEST(many_names)
{
	static char names[NAMES_MOST][16];
	char want[4096] = "";
	size_t len = 0;

	for (int i = 0; i < NAMES_MOST; i++) {
		snprintf(names[i], sizeof(names[i]), "1.%d.test", i);
		add(names[i], 80, NULL);
		len += (size_t)snprintf(want + len, sizeof(want) - len,
		    "%s127.0.0.1:80", i > 0 ? " " : "");
	}
	resolve_backends(&conf, 60000);
	check_backends(want);
	ck_assert_uint_eq(*calls, NAMES_MOST);
}
END_TEST

START_TEST(many_addresses_are_cut)
{
	add("200.test", 80, NULL);
	resolve_backends(&conf, 60000);
	ck_assert_uint_eq(upstream.n_backends, ANSWERS_MOST);
}
END_TEST

/* Those behind it in the same helper are lost, the others are kept. */
START_TEST(bad_helper)
{
	static const char *const bad[] = { "hang.test", "crash.test",
	    "noisy.test" };
	uint64_t before = clock_read_ns();

	add("1.test", 80, NULL);
	add(bad[_i], 81, NULL);
	add("2.test", 82, NULL);
	resolve_backends(&conf, strcmp(bad[_i], "hang.test") == 0 ? 300 :
	    60000);
	check_backends("127.0.0.1:80 -:81 127.0.0.1:82 127.0.0.2:82");
	if (strcmp(bad[_i], "hang.test") == 0)
		ck_assert_uint_ge(clock_read_ns() - before, 299000000);
}
END_TEST

/* Handlers and masks of the caller do not keep a helper alive. */
START_TEST(signals_do_not_matter)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGCHLD, SIG_IGN);
	add("1.test", 80, NULL);
	resolve_backends(&conf, 60000);
	check_backends("127.0.0.1:80");
}
END_TEST

#define OURS	.magic = ANSWER_MAGIC, .name = 1

/* What helper 1 of 2 may say, one thing wrong in each row. */
static const struct {
	struct answer answer;
	bool is_good;
} answers[] = {
	{ { OURS, .kind = ANSWER_IPV4, .bytes = { 127, 0, 0, 1 } }, true },
	{ { OURS, .kind = ANSWER_IPV6, .bytes = { [15] = 1 } }, true },
	{ { OURS, .kind = ANSWER_END }, true },
	{ { OURS, .kind = ANSWER_END, .status = EAI_AGAIN }, true },
	{ { .magic = 1, .name = 1, .kind = ANSWER_END }, false },
	{ { .magic = ANSWER_MAGIC, .name = 0, .kind = ANSWER_END }, false },
	{ { .magic = ANSWER_MAGIC, .name = 2, .kind = ANSWER_END }, false },
	{ { .magic = ANSWER_MAGIC, .name = 3, .kind = ANSWER_END }, false },
	{ { .magic = ANSWER_MAGIC, .name = UINT32_MAX, .kind = ANSWER_END },
	  false },
	{ { OURS, .kind = 0 }, false },
	{ { OURS, .kind = ANSWER_END + 1 }, false },
	{ { OURS, .kind = ANSWER_IPV4, .status = 1 }, false },
	{ { OURS, .kind = ANSWER_IPV4, .bytes = { [4] = 1 } }, false },
	{ { OURS, .kind = ANSWER_END, .bytes = { 1 } }, false },
};

START_TEST(answers_are_checked)
{
	struct name names[3] = { { .text = "a" }, { .text = "b" },
	    { .text = "c" } };

	ck_assert(answer_take(&answers[_i].answer, names, 3, 1, 2) ==
	    answers[_i].is_good);
	free(names[1].found);
}
END_TEST

START_TEST(nothing_behind_the_end)
{
	struct answer end = { OURS, .kind = ANSWER_END };
	struct name names[3] = { { .text = "a" }, { .text = "b" },
	    { .text = "c" } };

	ck_assert(answer_take(&end, names, 3, 1, 2));
	ck_assert(!answer_take(&end, names, 3, 1, 2));
	end.kind = ANSWER_IPV4;
	ck_assert(!answer_take(&end, names, 3, 1, 2));
}
END_TEST

START_TEST(addresses_are_bounded)
{
	struct answer a = { OURS, .kind = ANSWER_IPV4 };
	struct name names[3] = { { .text = "a" }, { .text = "b" },
	    { .text = "c" } };

	for (uint8_t i = 0; i < ANSWERS_MOST; i++) {
		a.bytes[0] = i;
		ck_assert(answer_take(&a, names, 3, 1, 2));
	}
	a.bytes[0] = ANSWERS_MOST;
	ck_assert(!answer_take(&a, names, 3, 1, 2));
	free(names[1].found);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns: resolve");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, addresses_need_nobody);
	tcase_add_test(tc, expands_in_place);
	tcase_add_test(tc, asks_once_for_a_name);
	tcase_add_test(tc, failure_is_no_error);
	tcase_add_test(tc, many_names);
	tcase_add_test(tc, many_addresses_are_cut);
	tcase_add_loop_test(tc, bad_helper, 0, 3);
	tcase_add_test(tc, signals_do_not_matter);
	suite_add_tcase(suite, tc);
	tc = tcase_create("answers");
	tcase_add_loop_test(tc, answers_are_checked, 0, COUNT_OF(answers));
	tcase_add_test(tc, nothing_behind_the_end);
	tcase_add_test(tc, addresses_are_bounded);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
