/* t/unit/conf/diag_test.c -- order, the cap of 100, suggestions, quoting */
#include "conf/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "support/unit.h"

static char said[1 << 20];

static const char *
print(const struct diagnostics *d)
{
	int fd = memfd_create("said", MFD_CLOEXEC);
	ssize_t n;

	diagnostics_print(d, fd);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n < 0 ? 0 : n] = '\0';
	close(fd);
	return said;
}

static void
set_source(struct diagnostics *d, const char *text)
{
	diag_source(d, "f", span_str(strdup(text)));
}

static struct place
at(uint32_t line, uint32_t column, uint32_t width)
{
	return (struct place){ .line = line, .column = column,
		.width = width };
}

START_TEST(nothing)
{
	struct diagnostics *d = diagnostics_new();

	ck_assert_str_eq(print(d), "");
	diagnostics_free(&d);
	diagnostics_free(&d);
}
END_TEST

/* By place, whatever the order in which they were found. */
START_TEST(order)
{
	struct diagnostics *d = diagnostics_new();

	set_source(d, "ab\ncd\n");
	diag_error(d, at(2, 2, 1), "four");
	diag_warning(d, at(2, 1, 2), "three");
	diag_note(diag_error(d, PLACE_FILE, "two"), "of %s", "it");
	diag_error(d, PLACE_OPTIONS, "one");
	diag_error(d, at(2, 2, 1), "five");
	ck_assert_str_eq(print(d), "fairlead: error: one\n"
	    "f: error: two\n      = note: of it\n"
	    "f:2:1: warning: three\n    2 | cd\n      | ^~\n"
	    "f:2:2: error: four\n    2 | cd\n      |  ^\n"
	    "f:2:2: error: five\n    2 | cd\n      |  ^\n"
	    "fairlead: f: 4 errors, 1 warning\n");
	ck_assert_uint_eq(diagnostics_errors(d), 4);
	ck_assert_uint_eq(diagnostics_warnings(d), 1);
	diagnostics_free(&d);
}
END_TEST

static size_t
count_of(const char *text, const char *piece)
{
	size_t n = 0;

	while ((text = strstr(text, piece)) != NULL) {
		text += strlen(piece);
		n++;
	}
	return n;
}

static struct place
in_file(uint32_t file, struct place at)
{
	at.file = file;
	return at;
}

/* The main file first, then the others; notes name another file. */
START_TEST(sources)
{
	struct diagnostics *d = diagnostics_new();
	struct place one = at(1, 1, 1), two = at(1, 2, 1);
	struct diagnostic *e;

	set_source(d, "ab\ncd\n");
	ck_assert_uint_eq(diag_source(d, "g", span_str(strdup("ef\n"))), 1);
	ck_assert_uint_eq(diag_source(d, "h", span_of(NULL, 0)), 2);
	diag_error(d, in_file(2, PLACE_FILE), "six");
	e = diag_error(d, in_file(1, two), "five");
	diag_note_place(d, e, one, "%s is", "one");
	diag_note_place(d, e, in_file(1, one), "four is");
	diag_error(d, in_file(1, PLACE_FILE), "four");
	e = diag_error(d, at(2, 2, 1), "three");
	diag_note_place(d, e, in_file(1, two), "five is");
	diag_error(d, PLACE_FILE, "two");
	diag_error(d, PLACE_OPTIONS, "one");
	diag_note_place(d, NULL, one, "nothing");
	ck_assert_str_eq(print(d), "fairlead: error: one\n"
	    "f: error: two\n"
	    "f:2:2: error: three\n    2 | cd\n      |  ^\n"
	    "      = note: five is in g, line 1, column 2\n"
	    "g: error: four\n"
	    "g:1:2: error: five\n    1 | ef\n      |  ^\n"
	    "      = note: one is in f, line 1, column 1\n"
	    "      = note: four is in line 1, column 1\n"
	    "h: error: six\n"
	    "fairlead: f: 6 errors, 0 warnings\n");
	diagnostics_free(&d);
}
END_TEST

/* What is read several times is reported once. */
START_TEST(repeated)
{
	struct diagnostics *d = diagnostics_new();

	set_source(d, "ab\n");
	diag_note(diag_error(d, at(1, 1, 1), "x"), "y");
	diag_note(diag_error(d, at(1, 1, 1), "x"), "y");
	diag_error(d, at(1, 2, 1), "x");
	ck_assert_str_eq(print(d), "f:1:1: error: x\n    1 | ab\n"
	    "      | ^\n      = note: y\n"
	    "f:1:2: error: x\n    1 | ab\n      |  ^\n"
	    "fairlead: f: 2 errors, 0 warnings\n");
	diagnostics_free(&d);
}
END_TEST

/* A secret is blanked where it is known to be, else behind its name. */
static const struct {
	const char *line;
	struct place hidden;	/* line 0: none */
	uint32_t at;
	const char *shown, *caret;
} secrets[] = {
	{ "secret: abc", { .line = 1, .column = 9, .width = 3 }, 9,
	  "secret: ***", "        ^" },
	{ "{secret: \303\251b, a: b}", { .line = 1, .column = 10, .width = 2 },
	  17, "{secret: **, a: b}", "                ^" },
	{ "secret: abc", { .line = 1, .column = 9 }, 1, "secret: ***", "^" },
	{ "secret: a b c", { .line = 0 }, 1, "secret: *****", "^" },
	{ "\"secret\" :  abc", { .line = 0 }, 1, "\"secret\" :  ***", "^" },
	{ "{a: b, 'secret':abc}", { .line = 0 }, 5, "{a: b, 'secret':****",
	  "    ^" },
	{ "a: b # secret", { .line = 0 }, 4, "a: b # secret", "   ^" },
	{ "my-secret: a", { .line = 0 }, 1, "my-secret: *", "^" },
	{ "secrets: a", { .line = 0 }, 1, "secrets: a", "^" },
	{ "secret:", { .line = 0 }, 1, "secret:", "^" },
	{ ":", { .line = 0 }, 1, ":", "^" },
};

START_TEST(secret)
{
	struct diagnostics *d = diagnostics_new();
	char want[200];

	set_source(d, secrets[_i].line);
	diag_error(d, at(1, secrets[_i].at, 1), "x");
	if (secrets[_i].hidden.line != 0)
		diag_hide(d, secrets[_i].hidden);
	snprintf(want, sizeof(want), "f:1:%u: error: x\n    1 | %s\n"
	    "      | %s\nfairlead: f: 1 error, 0 warnings\n",
	    secrets[_i].at, secrets[_i].shown, secrets[_i].caret);
	ck_assert_str_eq(print(d), want);
	diagnostics_free(&d);
}
END_TEST

/* Also where only a part of a long line is shown. */
START_TEST(secret_in_long_line)
{
	struct diagnostics *d = diagnostics_new();
	char text[1000];
	size_t len = (size_t)sprintf(text, "{secret: ");

	memset(text + len, 's', 400);
	strcpy(text + len + 400, ", a: b}");
	set_source(d, text);
	diag_hide(d, at(1, 10, 400));
	diag_error(d, at(1, 412, 1), "x");
	ck_assert_ptr_null(strstr(print(d), "ss"));
	ck_assert_ptr_nonnull(strstr(said, "**, a: b}\n"));
	diagnostics_free(&d);
}
END_TEST

/* The first hundred of the file, though found backwards. */
START_TEST(cap)
{
	struct diagnostics *d = diagnostics_new();

	set_source(d, "");
	for (uint32_t line = 250; line > 0; line--)
		diag_note(diag_error(d, at(line, 1, 1), "x"), "y");
	ck_assert(!diag_wants(d, at(101, 1, 1)));
	ck_assert(diag_wants(d, at(99, 1, 1)));
	diag_note(diag_error(d, at(300, 1, 1), "z"), "y");
	print(d);
	ck_assert_uint_eq(count_of(said, "error: x"), 100);
	ck_assert_ptr_nonnull(strstr(said, "f:1:1: error: x"));
	ck_assert_ptr_nonnull(strstr(said, "f:100:1: error: x"));
	ck_assert_ptr_nonnull(strstr(said, "fairlead: f: 151 more not shown\n"
	    "fairlead: f: 251 errors, 0 warnings\n"));
	ck_assert_uint_eq(diagnostics_errors(d), 251);
	diag_forget(d);
	ck_assert_uint_eq(diagnostics_errors(d), 0);
	ck_assert_str_eq(print(d), "");
	diagnostics_free(&d);
}
END_TEST

static const struct {
	const char *word, *best;
} suggestions[] = {
	{ "backends", "backends" }, { "bakends", "backends" },
	{ "bcakends", "backends" }, { "backendss", "backends" },
	{ "bakcedns", "backends" }, { "backe", NULL },
	{ "BACKENDS", "backends" }, { "prot", "port" }, { "por", "port" },
	{ "pt", NULL }, { "hots", "host" },
	{ "ports", "port" }, { "", NULL }, { "x", NULL },
	{ "wieght", "weight" }, { "wight", "weight" }, { "wt", NULL },
	{ "client-head", "client_head" }, { "cilent_haed", "client_head" },
};

START_TEST(nearest)
{
	static const char *const candidates[] = { "backends", "host", "port",
	    "weight", "client_head", "client_body" };
	struct suggestion s = { .word = span_str(suggestions[_i].word) };

	for (size_t i = 0; i < COUNT_OF(candidates); i++)
		suggest(&s, candidates[i]);
	ck_assert_pstr_eq(s.best, suggestions[_i].best);
}
END_TEST

/* Neither the word nor the table may be overrun. */
START_TEST(long_words)
{
	char word[200], candidate[200];

	memset(word, 'a', sizeof(word));
	memset(candidate, 'a', sizeof(candidate));
	for (size_t a = 60; a < 70; a++)
		for (size_t b = 60; b < 70; b++) {
			struct suggestion s = { .word = span_of(word, a) };

			candidate[b] = '\0';
			suggest(&s, candidate);
			ck_assert((s.best != NULL) == (a <= 64 && b <= 64));
			candidate[b] = 'a';
		}
}
END_TEST

static const struct {
	struct span word;
	const char *quoted;
} quoted[] = {
	{ SPAN(""), "" }, { SPAN("a b"), "a b" },
	{ SPAN("a\nb\tc"), "a\\nb\\x09c" }, { SPAN("\033[1m"), "\\x1b[1m" },
	{ SPAN("\xc3\xa9\x7f"), "\xc3\xa9\\x7f" },
	{ SPAN("\xc2\x9b" "1m"), "\\x9b1m" },
	{ SPAN("a\0b"), "a\\x00b" },
	{ SPAN("123456789 123456789 123456789 123456789 123456789 123456789 "),
	  "123456789 123456789 123456789 123456789 123456789 123456789 " },
	{ SPAN("123456789 123456789 123456789 123456789 123456789 123456789 x"),
	  "123456789 123456789 123456789 123456789 123456789 123456789 ..." },
};

START_TEST(quoting)
{
	char out[QUOTE_MAX];

	ck_assert_str_eq(quote(out, quoted[_i].word), quoted[_i].quoted);
}
END_TEST

/* The widest: sixty characters of four bytes each. */
START_TEST(quoting_fits)
{
	char word[4 * 100], out[QUOTE_MAX + 1];

	for (size_t i = 0; i < sizeof(word); i += 4)
		memcpy(word + i, "\xf0\x9f\x98\x80", 4);
	out[QUOTE_MAX] = '#';
	quote(out, span_of(word, sizeof(word)));
	ck_assert_uint_eq(strlen(out), 243);
	memset(word, 1, sizeof(word));
	quote(out, span_of(word, sizeof(word)));
	ck_assert_uint_eq(strlen(out), 243);
	ck_assert_int_eq(out[QUOTE_MAX], '#');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: diagnostics");
	TCase *tc = tcase_create("diagnostics");

	tcase_add_test(tc, nothing);
	tcase_add_test(tc, order);
	tcase_add_test(tc, sources);
	tcase_add_test(tc, repeated);
	tcase_add_loop_test(tc, secret, 0, COUNT_OF(secrets));
	tcase_add_test(tc, secret_in_long_line);
	tcase_add_test(tc, cap);
	tcase_add_loop_test(tc, nearest, 0, COUNT_OF(suggestions));
	tcase_add_test(tc, long_words);
	tcase_add_loop_test(tc, quoting, 0, COUNT_OF(quoted));
	tcase_add_test(tc, quoting_fits);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
