/* t/unit/core/log_test.c -- lines of the error log */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/unit.h"

#define LINE_BYTES 4096

static int ends[2];	/* of a pipe: what is written can be read */
static char got[16 * LINE_BYTES];
static struct address v4, v6, path;

static void
set_up(void)
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	log_open(ends[1], false);
	log_threshold = LOG_DEBUG;
	ck_assert(address_parse(&v4, SPAN("192.0.2.7:51234")));
	ck_assert(address_parse(&v6, SPAN("[2001:db8::1]:51234")));
	ck_assert(address_parse(&path, SPAN("unix:/run/x")));
}

/* All that has been written since. */
static size_t
read_log(int fd)
{
	ssize_t n = read(fd, got, sizeof(got) - 1);

	if (n < 0)
		n = 0;
	got[n] = '\0';
	return (size_t)n;
}

/* The line but its time, whose digits are shown as 9. */
static const char *
line_behind_time(void)
{
	static const char form[] = "9999-99-99T99:99:99.999Z ";
	const char *end = form + sizeof(form) - 1;

	ck_assert_uint_gt(strlen(got), sizeof(form));
	for (const char *f = form, *g = got; f < end; f++, g++) {
		if (*f == '9')
			ck_assert(*g >= '0' && *g <= '9');
		else
			ck_assert_int_eq(*g, *f);
	}
	return got + sizeof(form) - 1;
}

static const struct {
	enum log_level level;
	struct log_context ctx;
	const char *text;
	int error;
	const char *want;	/* %d: the pid */
} rows[] = {
	{ LOG_ERROR, { 42, 3, "connecting to the backend", &v4, "api",
	  "10.0.0.11:8080" }, "connect", ECONNREFUSED,
	  "error %d #42.3: connect: Connection refused while connecting to "
	  "the backend, client 192.0.2.7, upstream api, "
	  "backend 10.0.0.11:8080\n" },
	{ LOG_ALERT, { .connection = 0 }, "text", 0, "alert %d: text\n" },
	{ LOG_WARN, { .connection = 7 }, "text", 0, "warn %d #7: text\n" },
	{ LOG_WARN, { .exchange = 7 }, "text", 0, "warn %d: text\n" },
	{ LOG_NOTICE, { .connection = UINT64_MAX, .exchange = UINT64_MAX },
	  "text", 0, "notice %d #18446744073709551615."
	  "18446744073709551615: text\n" },
	{ LOG_INFO, { .doing = "reading" }, "text", 0,
	  "info %d: text while reading\n" },
	{ LOG_DEBUG, { .client = &v6 }, "text", 0,
	  "debug %d: text, client 2001:db8::1\n" },
	{ LOG_DEBUG, { .client = &path }, "text", 0,
	  "debug %d: text, client unix:\n" },
	{ LOG_INFO, { .upstream = "u" }, "", 0, "info %d: , upstream u\n" },
	{ LOG_INFO, { .backend = "b" }, "x", 0, "info %d: x, backend b\n" },
	{ LOG_INFO, { .doing = NULL }, "open", ENOENT,
	  "info %d: open: No such file or directory\n" },
	/* Nothing that a peer sent breaks a line or moves a terminal. */
	{ LOG_INFO, { .doing = NULL }, "a\nb\r\t\x1b[2J\x7f\x80\xff~ ", 0,
	  "info %d: a\\x0ab\\x0d\\x09\\x1b[2J\\x7f\\x80\\xff~ \n" },
	{ LOG_INFO, { .doing = "d\n", .upstream = "u\n", .backend = "b\n" },
	  "", 0, "info %d:  while d\\x0a, upstream u\\x0a, "
	  "backend b\\x0a\n" },
	{ LOG_INFO, { .doing = NULL }, "%s%n \"\\", 0,
	  "info %d: %s%n \"\\\n" },
};

/* `form` with the pid for its first %d; other percent signs stay. */
static const char *
with_pid(const char *form)
{
	static char text[1024];
	const char *at = strstr(form, "%d");

	snprintf(text, sizeof(text), "%.*s%d%s", (int)(at - form), form,
	    (int)getpid(), at + 2);
	return text;
}

START_TEST(lines_have_their_form)
{
	errno = rows[_i].error;
	if (rows[_i].error != 0)
		log_write_errno(rows[_i].level, &rows[_i].ctx, "%s",
		    rows[_i].text);
	else
		log_write(rows[_i].level, &rows[_i].ctx, "%s",
		    rows[_i].text);
	ck_assert_int_eq(errno, rows[_i].error);
	read_log(ends[0]);
	ck_assert_str_eq(line_behind_time(), with_pid(rows[_i].want));
}
END_TEST

/* interfaces.md, Logs. */
static const struct {
	enum log_level level;
	struct log_context ctx;
	const char *text;
	int error;
	const char *want;	/* behind the time; %d: the pid */
} json_rows[] = {
	{ LOG_ERROR, { 42, 3, "connecting to the backend", &v4, "api",
	  "10.0.0.11:8080" }, "connect", ECONNREFUSED,
	  "\"level\":\"error\",\"pid\":%d,\"connection\":42,"
	  "\"exchange\":3,\"message\":\"connect: Connection refused\","
	  "\"doing\":\"connecting to the backend\","
	  "\"client\":\"192.0.2.7\",\"upstream\":\"api\","
	  "\"backend\":\"10.0.0.11:8080\"}\n" },
	{ LOG_ALERT, { .connection = 0 }, "text", 0,
	  "\"level\":\"alert\",\"pid\":%d,\"message\":\"text\"}\n" },
	{ LOG_WARN, { .connection = 7 }, "text", 0, "\"level\":\"warn\","
	  "\"pid\":%d,\"connection\":7,\"message\":\"text\"}\n" },
	{ LOG_WARN, { .exchange = 7 }, "text", 0,
	  "\"level\":\"warn\",\"pid\":%d,\"message\":\"text\"}\n" },
	{ LOG_NOTICE, { .connection = UINT64_MAX, .exchange = UINT64_MAX },
	  "", 0, "\"level\":\"notice\",\"pid\":%d,"
	  "\"connection\":18446744073709551615,"
	  "\"exchange\":18446744073709551615,\"message\":\"\"}\n" },
	{ LOG_INFO, { .client = &v6, .backend = "b" }, "x", 0,
	  "\"level\":\"info\",\"pid\":%d,\"message\":\"x\","
	  "\"client\":\"2001:db8::1\",\"backend\":\"b\"}\n" },
	{ LOG_DEBUG, { .client = &path, .upstream = "" }, "x", 0,
	  "\"level\":\"debug\",\"pid\":%d,\"message\":\"x\","
	  "\"client\":\"unix:\",\"upstream\":\"\"}\n" },
	{ LOG_INFO, { .doing = NULL }, "a\nb\r\t\x1b[2J\x7f\x80\xff~ ", 0,
	  "\"level\":\"info\",\"pid\":%d,\"message\":\"a\\u000ab\\u000d"
	  "\\u0009\\u001b[2J\\u007f\\u0080\\u00ff~ \"}\n" },
	{ LOG_INFO, { .doing = "\"", .upstream = "\\", .backend = "\n" },
	  "%s%n \"\\/", 0, "\"level\":\"info\",\"pid\":%d,"
	  "\"message\":\"%s%n \\u0022\\u005c/\","
	  "\"doing\":\"\\u0022\",\"upstream\":\"\\u005c\","
	  "\"backend\":\"\\u000a\"}\n" },
	/* Overlong, halves of characters, surrogates: only ever bytes. */
	{ LOG_INFO, { .doing = NULL }, "\xc0\xaf\xe2\x82\xed\xa0\x80", 0,
	  "\"level\":\"info\",\"pid\":%d,\"message\":\"\\u00c0\\u00af"
	  "\\u00e2\\u0082\\u00ed\\u00a0\\u0080\"}\n" },
};

static const char *
json_behind_time(void)
{
	static const char start[] = "{\"timestamp\":\"";
	size_t skip = sizeof(start) - 1 + CLOCK_RFC3339_LEN;

	ck_assert_uint_gt(strlen(got), skip + 2);
	ck_assert_mem_eq(got, start, sizeof(start) - 1);
	ck_assert_mem_eq(got + skip - 1, "Z\",", 3);
	return got + skip + 2;
}

START_TEST(json_has_its_form)
{
	log_set_form(LOG_JSON);
	errno = json_rows[_i].error;
	if (json_rows[_i].error != 0)
		log_write_errno(json_rows[_i].level, &json_rows[_i].ctx,
		    "%s", json_rows[_i].text);
	else
		log_write(json_rows[_i].level, &json_rows[_i].ctx, "%s",
		    json_rows[_i].text);
	read_log(ends[0]);
	ck_assert_str_eq(json_behind_time(), with_pid(json_rows[_i].want));
}
END_TEST

/* Every value as long as it gets, of each byte: it ends as it should, and
 * strings are closed. The errno of a message is kept. */
static void
check_long_json(int byte)
{
	static char text[5001];
	struct log_context ctx = { UINT64_MAX, UINT64_MAX, text, &v6, text,
		text };
	unsigned quotes = 0;
	size_t len;

	log_set_form(LOG_JSON);
	memset(text, byte, 5000);
	errno = ECONNREFUSED;
	log_write_errno(LOG_NOTICE, &ctx, "%s", text);
	len = read_log(ends[0]);
	ck_assert_uint_le(len, LINE_BYTES);
	ck_assert_ptr_eq(strchr(got, '\n'), got + len - 1);
	ck_assert_mem_eq(got + len - 3, "\"}\n", 3);
	ck_assert_ptr_nonnull(strstr(got, ": Connection refused\",\"doing\""));
	for (const char *at = got; *at != '\0'; at++) {
		quotes += *at == '"';
		ck_assert(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
		if (*at == '\\')
			ck_assert_uint_eq(strspn(at + 1, "u") +
			    strspn(at + 2, "0123456789abcdef"), 5);
	}
	ck_assert_uint_eq(quotes, 10 * 2 + 7 * 2);
}

START_TEST(too_long_json_is_whole)
{
	for (int byte = _i * 32; byte < _i * 32 + 32; byte++)
		if (byte != 0)
			check_long_json(byte);
}
END_TEST

START_TEST(a_context_may_be_missing)
{
	log_write(LOG_INFO, NULL, "%d of %s", 3, "four");
	read_log(ends[0]);
	ck_assert_str_eq(line_behind_time(),
	    with_pid("info %d: 3 of four\n"));
}
END_TEST

/* Whatever is too long: one line, no half of an escape, at most 4,096. */
static const struct {
	char byte;
	size_t len;
} longs[] = {
	{ 'a', 1000 }, { 'a', 2047 }, { 'a', 2048 }, { 'a', 5000 },
	{ 'a', 100000 }, { '\n', 900 }, { '\n', 1000 }, { '\n', 1015 },
	{ '\n', 1016 }, { '\n', 1017 }, { '\n', 1018 }, { '\n', 1019 },
	{ '\n', 5000 },
};

START_TEST(long_lines_are_cut)
{
	char *text = malloc(longs[_i].len + 1);
	size_t len, run;

	ck_assert_ptr_nonnull(text);
	memset(text, longs[_i].byte, longs[_i].len);
	text[longs[_i].len] = '\0';
	log_write(LOG_INFO, NULL, "%s", text);
	len = read_log(ends[0]);
	ck_assert_uint_le(len, LINE_BYTES);
	ck_assert_int_eq(got[len - 1], '\n');
	ck_assert_ptr_eq(strchr(got, '\n'), got + len - 1);
	run = strspn(strstr(got, ": ") + 2,
	    longs[_i].byte == 'a' ? "a" : "\\x0a");
	ck_assert_ptr_eq(strstr(got, ": ") + 2 + run, got + len - 1);
	if (longs[_i].byte != 'a')
		ck_assert_uint_eq(run % 4, 0);
	ck_assert_uint_eq(log_dropped(), 0);
	free(text);
}
END_TEST

/* A text is cut first, so that a long one does not hide whose it is. */
START_TEST(a_long_text_leaves_room_for_its_context)
{
	struct log_context ctx = { .client = &v4, .upstream = "api" };

	log_write(LOG_INFO, &ctx, "%010000d", 1);
	read_log(ends[0]);
	ck_assert_ptr_nonnull(strstr(got,
	    "000, client 192.0.2.7, upstream api\n"));
}
END_TEST

START_TEST(all_too_long_is_one_line)
{
	static char text[5001];
	struct log_context ctx = { 1, 1, text, &v4, text, text };
	size_t len;

	memset(text, '\x01', 5000);
	log_write(LOG_INFO, &ctx, "%s", text);
	len = read_log(ends[0]);
	ck_assert_uint_le(len, LINE_BYTES);
	ck_assert_uint_ge(len, LINE_BYTES - 4);
	ck_assert_ptr_eq(strchr(got, '\n'), got + len - 1);
}
END_TEST

START_TEST(what_is_above_the_threshold_is_not_written)
{
	int made = 0;

	log_threshold = (enum log_level)_i;
	for (int level = LOG_ALERT; level <= LOG_DEBUG; level++)
		log_at((enum log_level)level, NULL, "%d", ++made);
	ck_assert_int_eq(made, _i + 1);	/* not even its arguments */
	log_write(LOG_DEBUG, NULL, "x");
	log_write_errno(LOG_DEBUG, NULL, "x");
	read_log(ends[0]);
	for (const char *at = got; (at = strchr(at, '\n')) != NULL; at++)
		made--;
	ck_assert_int_eq(made, _i == LOG_DEBUG ? -2 : 0);
}
END_TEST

START_TEST(level_names_come_back)
{
	static const struct span none[] = {
		SPAN(""), SPAN("Error"), SPAN("err"), SPAN("errors"),
		SPAN("error "),
	};
	enum log_level level;

	for (int i = LOG_ALERT; i <= LOG_DEBUG; i++) {
		ck_assert(log_level_parse(&level,
		    span_str(log_level_name((enum log_level)i))));
		ck_assert_int_eq((int)level, i);
	}
	for (size_t i = 0; i < COUNT_OF(none); i++)
		ck_assert(!log_level_parse(&level, none[i]));
}
END_TEST

/* It does not wait for whoever should read it. */
START_TEST(what_cannot_be_written_is_counted)
{
	uint64_t n = 0;

	while (log_dropped() == 0 && n++ < 1000000)
		log_info(NULL, "%0500d", 1);
	ck_assert_uint_eq(log_dropped(), 1);
	errno = ENOENT;
	log_info(NULL, "%0500d", 1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_eq(log_dropped(), 2);
	while (read_log(ends[0]) > 0)
		;
	log_info(NULL, "again");
	ck_assert_uint_eq(log_dropped(), 2);
	read_log(ends[0]);
	ck_assert_ptr_nonnull(strstr(got, "again\n"));
}
END_TEST

static const struct {
	bool is_open, mirror;
} targets[] = {
	{ true, false }, { true, true }, { false, true }, { false, false },
};

START_TEST(a_mirror_gets_each_line)
{
	int mirror[2];

	ck_assert_int_eq(pipe2(mirror, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(mirror[1], STDERR_FILENO), STDERR_FILENO);
	log_open(targets[_i].is_open ? ends[1] : -1, targets[_i].mirror);
	log_info(NULL, "text");
	ck_assert_int_eq(read_log(ends[0]) > 0, targets[_i].is_open);
	ck_assert_int_eq(read_log(mirror[0]) > 0, targets[_i].mirror);
	ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

START_TEST(a_mirror_is_text)
{
	int mirror[2];

	ck_assert_int_eq(pipe2(mirror, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(mirror[1], STDERR_FILENO), STDERR_FILENO);
	log_open(ends[1], true);
	log_set_form(LOG_JSON);
	log_info(NULL, "text");
	read_log(ends[0]);
	ck_assert_str_eq(json_behind_time(), with_pid("\"level\":\"info\","
	    "\"pid\":%d,\"message\":\"text\"}\n"));
	read_log(mirror[0]);
	ck_assert_str_eq(line_behind_time(), with_pid("info %d: text\n"));
}
END_TEST

/* A pipe that blocks and is full, or whose reader has gone. */
START_TEST(it_never_waits)
{
	char byte;

	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	while (log_dropped() == 0)
		log_info(NULL, "%0500d", 1);
	ck_assert_int_gt(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	log_info(NULL, "x");
	ck_assert_uint_eq(log_dropped(), 2);
}
END_TEST

/* ---- a sink */

static char taken[8192];
static bool is_full;
static unsigned flushes;

static bool
take(bool is_mirror, const char *line, size_t len)
{
	if (is_full)
		return false;
	ck_assert(!is_mirror);
	strncat(taken, line, len);
	return true;
}

static void
count_flush(bool is_mirror UNUSED)
{
	flushes++;
}

static const struct log_sink sink = { .put = take, .flush = count_flush };

START_TEST(a_sink_gets_lines)
{
	log_set_sink(&sink);
	log_error(NULL, "one");
	ck_assert_uint_eq(read_log(ends[0]), 0);
	ck_assert_ptr_nonnull(strstr(taken, ": one\n"));
	is_full = true;
	log_error(NULL, "two");
	ck_assert_uint_eq(log_dropped(), 1);
	log_add_dropped(2);
	ck_assert_uint_eq(log_dropped(), 3);
	ck_assert_uint_eq(flushes, 0);
	log_set_sink(NULL);
	log_error(NULL, "three");
	read_log(ends[0]);
	ck_assert_str_eq(line_behind_time(), with_pid("error %d: three\n"));
}
END_TEST

START_TEST(alerts_are_written_at_once)
{
	log_set_sink(&sink);
	log_alert(NULL, "one");
	ck_assert_uint_eq(flushes, 1);
	read_log(ends[0]);
	ck_assert_str_eq(line_behind_time(), with_pid("alert %d: one\n"));
	ck_assert_str_eq(taken, "");
	while (write(ends[1], taken, sizeof(taken)) > 0)
		;
	log_alert(NULL, "two");		/* cannot be: then as others */
	ck_assert_ptr_nonnull(strstr(taken, ": two\n"));
	is_full = true;
	log_alert(NULL, "three");
	ck_assert_uint_eq(log_dropped(), 1);
}
END_TEST

START_TEST(stderr_is_not_mirrored_to_itself)
{
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_open(STDERR_FILENO, true);
	log_info(NULL, "text");
	read_log(ends[0]);
	ck_assert_ptr_eq(strchr(got, '\n'), strrchr(got, '\n'));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("core/log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_loop_test(t, lines_have_their_form, 0,
	    (int)COUNT_OF(rows));
	tcase_add_loop_test(t, json_has_its_form, 0,
	    (int)COUNT_OF(json_rows));
	tcase_add_loop_test(t, too_long_json_is_whole, 0, 8);
	tcase_add_test(t, a_context_may_be_missing);
	tcase_add_loop_test(t, long_lines_are_cut, 0, (int)COUNT_OF(longs));
	tcase_add_test(t, a_long_text_leaves_room_for_its_context);
	tcase_add_test(t, all_too_long_is_one_line);
	tcase_add_loop_test(t, what_is_above_the_threshold_is_not_written,
	    LOG_ALERT, LOG_DEBUG + 1);
	tcase_add_test(t, level_names_come_back);
	tcase_add_test(t, what_cannot_be_written_is_counted);
	tcase_add_loop_test(t, a_mirror_gets_each_line, 0,
	    (int)COUNT_OF(targets));
	tcase_add_test(t, a_mirror_is_text);
	tcase_add_test(t, it_never_waits);
	tcase_add_test(t, a_sink_gets_lines);
	tcase_add_test(t, alerts_are_written_at_once);
	tcase_add_test(t, stderr_is_not_mirrored_to_itself);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
