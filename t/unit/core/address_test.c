/* t/unit/core/address_test.c -- addresses there and back */
#include "core/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "core/random.h"
#include "support/unit.h"

#define MANY 20000

static struct address
parsed(const char *text)
{
	struct address a;

	ck_assert_msg(address_parse(&a, span_str(text)), "%s", text);
	return a;
}

static const struct {
	const char *text, *printed, *host;
	sa_family_t family;
	uint16_t port;
} good[] = {
	{ "127.0.0.1:80", NULL, "127.0.0.1", AF_INET, 80 },
	{ "0.0.0.0:1", NULL, "0.0.0.0", AF_INET, 1 },
	{ "255.255.255.255:65535", NULL, "255.255.255.255", AF_INET, 65535 },
	{ "1.2.3.4:00080", "1.2.3.4:80", "1.2.3.4", AF_INET, 80 },
	{ "[::1]:8080", NULL, "::1", AF_INET6, 8080 },
	{ "[::]:80", NULL, "::", AF_INET6, 80 },
	{ "*:80", "[::]:80", "::", AF_INET6, 80 },
	{ "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443", "2001:db8::1",
	  AF_INET6, 443 },
	{ "[1111:2222:3333:4444:5555:6666:7777:8888]:65535", NULL,
	  "1111:2222:3333:4444:5555:6666:7777:8888", AF_INET6, 65535 },
	{ "[::ffff:192.0.2.7]:80", "192.0.2.7:80", "192.0.2.7", AF_INET6,
	  80 },
	{ "unix:/run/x.sock", NULL, "unix:", AF_UNIX, 0 },
};

START_TEST(what_is_parsed_is_printed)
{
	const char *want = good[_i].printed != NULL ? good[_i].printed :
	    good[_i].text;
	struct address a = parsed(good[_i].text);
	char out[ADDRESS_TEXT_MAX];
	size_t len;

	ck_assert_int_eq(a.sa.sa_family, good[_i].family);
	ck_assert_uint_eq(address_port(&a), good[_i].port);
	ck_assert_uint_eq(address_print(&a, out), strlen(want));
	ck_assert_str_eq(out, want);
	len = address_print_host(&a, out);
	ck_assert_uint_eq(len, strlen(good[_i].host));
	ck_assert_mem_eq(out, good[_i].host, len);
}
END_TEST

static const struct span bad[] = {
	SPAN(""), SPAN(":"), SPAN(":80"), SPAN("*"), SPAN("*:"),
	SPAN("80"), SPAN("1.2.3.4"), SPAN("1.2.3.4:"), SPAN("1.2.3.4:0"),
	SPAN("1.2.3.4:65536"), SPAN("1.2.3.4:99999"), SPAN("1.2.3.4:000080"),
	SPAN("1.2.3.4:-1"), SPAN("1.2.3.4:+80"), SPAN("1.2.3.4: 80"),
	SPAN("1.2.3.4:8o"), SPAN("1.2.3:80"), SPAN("1.2.3.4.5:80"),
	SPAN("1.2.3.256:80"), SPAN("01.2.3.4:80"), SPAN(" 1.2.3.4:80"),
	SPAN("localhost:80"), SPAN("::1"), SPAN("::1:80"), SPAN("[::1]"),
	SPAN("[::1:80"), SPAN("[]:80"), SPAN("[:80"), SPAN("]:80"),
	SPAN("[[::1]]:80"), SPAN("[::1]80"), SPAN("[::g]:80"),
	SPAN("[fe80::1%lo]:80"), SPAN("[1.2.3.4]:80"), SPAN("[*]:80"),
	SPAN("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80"),
	SPAN("1.2.3.4\0:80"), SPAN("1.2.3.4\0x:80"), SPAN("[::1\0]:80"),
	SPAN("unix:"), SPAN("unix"), SPAN("unix:/a\0b"), SPAN("unix:\0a"),
};

START_TEST(what_is_no_address_is_refused)
{
	struct address a;

	ck_assert_msg(!address_parse(&a, bad[_i]), "%s", bad[_i].ptr);
}
END_TEST

START_TEST(every_ipv4_and_ipv6_comes_back)
{
	char text[ADDRESS_TEXT_MAX], out[ADDRESS_TEXT_MAX];
	char host[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	for (int i = 0; i < MANY; i++) {
		bool is_v4 = random_below(2) == 0;
		unsigned port = (unsigned)random_below(65535) + 1;
		struct address a;

		/* Some zeroes, so that there are runs of them to shorten. */
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = random_below(2) == 0 ? 0 :
			    (unsigned char)random_u64();
		bytes[0] |= 1;
		inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, host,
		    sizeof(host));
		snprintf(text, sizeof(text), is_v4 ? "%s:%u" : "[%s]:%u",
		    host, port);
		if (!address_parse(&a, span_str(text)) ||
		    address_print(&a, out) != strlen(text) ||
		    strcmp(out, text) != 0 || address_port(&a) != port)
			ck_abort_msg("%s came back as %s", text, out);
	}
}
END_TEST

START_TEST(every_octet_is_printed)
{
	struct address a = parsed("0.0.0.0:1");
	char want[32], out[ADDRESS_TEXT_MAX];
	size_t len;

	for (unsigned i = 0; i < 256; i++) {
		a.in.sin_addr.s_addr = htonl(i << 24 | (255 - i) << 16 |
		    i << 8 | (255 - i));
		snprintf(want, sizeof(want), "%u.%u.%u.%u", i, 255 - i, i,
		    255 - i);
		len = address_print_host(&a, out);
		if (len != strlen(want) || memcmp(out, want, len) != 0)
			ck_abort_msg("%.*s is %s", (int)len, out, want);
	}
}
END_TEST

/* The longest path has 107 bytes and its NUL. */
START_TEST(paths_of_any_length_come_back)
{
	char text[5 + 109] = "unix:/", out[ADDRESS_TEXT_MAX];
	struct address a;

	for (size_t len = 1; len <= 107; len++) {
		text[5 + len - 1] = len == 1 ? '/' : 'p';
		a = parsed(text);
		ck_assert_uint_eq(a.len, offsetof(struct sockaddr_un,
		    sun_path) + len + 1);
		ck_assert_uint_eq(address_print(&a, out), 5 + len);
		ck_assert_str_eq(out, text);
	}
	text[5 + 107] = 'p';
	ck_assert(!address_parse(&a, span_str(text)));
}
END_TEST

/* As accept(2) tells it of a client that is bound to no path. */
START_TEST(a_socket_without_a_path_is_printed)
{
	struct address a = { .len = sizeof(sa_family_t),
		.un.sun_family = AF_UNIX };
	char out[ADDRESS_TEXT_MAX];

	memset(a.un.sun_path, 'x', sizeof(a.un.sun_path));
	ck_assert_uint_eq(address_print(&a, out), 5);
	ck_assert_str_eq(out, "unix:");
}
END_TEST

static const struct {
	const char *host;
	bool is_good;
} hosts[] = {
	{ "192.0.2.1", true }, { "::1", true }, { "[::1]", true },
	{ "::ffff:1.2.3.4", true }, { "", false }, { "[]", false },
	{ "[", false }, { "[::1", false }, { "::1]", false },
	{ "[192.0.2.1]", false }, { "192.0.2.1:80", false },
	{ "host", false }, { "*", false }, { "unix:/x", false },
};

START_TEST(hosts_have_no_port)
{
	struct address a;

	ck_assert_int_eq(address_parse_host(&a, span_str(hosts[_i].host),
	    4711), hosts[_i].is_good);
	if (hosts[_i].is_good)
		ck_assert_uint_eq(address_port(&a), 4711);
}
END_TEST

static const char *const different[] = {
	"1.2.3.4:80", "1.2.3.4:81", "1.2.3.5:80", "[::1]:80", "[::1]:81",
	"[::2]:80", "[::ffff:1.2.3.4]:80", "unix:/a", "unix:/b", "unix:/ab",
};

START_TEST(only_the_same_are_equal)
{
	for (size_t i = 0; i < COUNT_OF(different); i++) {
		struct address a = parsed(different[_i]);
		struct address b = parsed(different[i]);

		ck_assert_int_eq(address_equal(&a, &b), (size_t)_i == i);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/address");
	TCase *t = tcase_create("address");

	tcase_add_loop_test(t, what_is_parsed_is_printed, 0,
	    (int)COUNT_OF(good));
	tcase_add_loop_test(t, what_is_no_address_is_refused, 0,
	    (int)COUNT_OF(bad));
	tcase_add_test(t, every_ipv4_and_ipv6_comes_back);
	tcase_add_test(t, every_octet_is_printed);
	tcase_add_test(t, paths_of_any_length_come_back);
	tcase_add_test(t, a_socket_without_a_path_is_printed);
	tcase_add_loop_test(t, hosts_have_no_port, 0, (int)COUNT_OF(hosts));
	tcase_add_loop_test(t, only_the_same_are_equal, 0,
	    (int)COUNT_OF(different));
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
