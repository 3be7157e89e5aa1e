/* t/unit/conf/property_test.c -- what must hold for every text */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "conf/dump.h"
#include "conf/schema.h"
#include "core/assert.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define HEAD	"backends: [{host: 127.0.0.1, port: 9001}]\n"
#define MIB	(1u << 20)

/* Words that each type has an opinion on; all can be written plain. */
static const char *const words[] = {
	"0", "1", "5", "64", "65", "080", "010", "-1", "+1", "1.5", "1e3",
	"0x10", "1_0", "22:22", "99999999999999999999", "off", "on", "auto",
	"true", "no", "5s", "5 s", "1m30s", "30s1m", "1h1h", "10m", "31d",
	"500ms", "0s", "5S", "s", "32k", "32K", "32KB", "64KiB", "1g", "0B",
	"200KiB", "3000g", "nobody", "a b", "weighted", "round-robin",
	"random", "sticky", "Weighted", "2024-01-01", "1.10", "=", ".inf",
	"false", "default", "127.0.0.1:80", "10.0.0.0/8", "/x", "info", "json",
	"other", "308",
};

/* Every row of the schema that takes a single value, with the way there. */
#define PATH_MOST	8
#define ROWS_MOST	500

static struct row {
	const struct conf_key *path[PATH_MOST];
	size_t n;
} rows[ROWS_MOST];
static size_t n_rows;

static void
collect(const struct conf_section *section, struct row way)
{
	for (const struct conf_key *k = section->keys; k->name != NULL; k++) {
		struct row row = way;

		ASSERT(row.n < PATH_MOST && n_rows < ROWS_MOST);
		row.path[row.n++] = k;
		if (k->section != NULL)
			collect(k->section, row);
		else
			rows[n_rows++] = row;
	}
}

/* Something good for a key that must be there. */
static const char *
good_value(const struct conf_key *k)
{
	if (k->type == CONF_LIST)
		return "[{host: 127.0.0.1, port: 1}]";
	if (k->type == CONF_INTEGER)
		return "1";
	return k->form == &form_address ? "127.0.0.1:1" : "x";
}

static bool
is_in_way(const struct row *row, const struct conf_key *k)
{
	for (size_t i = 0; i < row->n; i++)
		if (strcmp(row->path[i]->name, k->name) == 0)
			return true;
	return false;
}

/* What an item needs besides the key that leads on. */
static void
print_needed(FILE *out, const struct row *row, const struct conf_key *parent,
    int indent)
{
	const struct conf_key *k;
	bool has_action = strcmp(parent->name, "routes") != 0;

	for (k = parent->section->keys; k->name != NULL; k++)
		if (k->is_required && !is_in_way(row, k))
			fprintf(out, "%*s%s: %s\n", indent, "", k->name,
			    good_value(k));
	for (size_t i = 0; i < row->n; i++)
		has_action = has_action || strstr("upstream respond redirect "
		    "split", row->path[i]->name) != NULL;
	if (!has_action)
		fprintf(out, "%*supstream: default\n", indent, "");
}

/* A file that has the key, one line each, and `word` as its value. */
static void
print_file(FILE *out, const struct row *row, const char *quote,
    const char *word)
{
	int indent = 0;

	if (row->n == 1 || strcmp(row->path[0]->name, "backends") != 0)
		fputs(HEAD, out);
	for (size_t i = 0; i + 1 < row->n; i++) {
		const struct conf_key *k = row->path[i];

		fprintf(out, "%*s%s:\n", indent, "", k->name);
		indent += 2;
		if (k->type == CONF_LIST || k->type == CONF_MAP)
			fprintf(out, "%*s%s\n", indent, "",
			    k->type == CONF_LIST ? "-" : "default2:");
		if (k->type != CONF_BLOCK)
			indent += 2;
		print_needed(out, row, k, indent);
	}
	fprintf(out, "%*s%s: %s%s%s\n", indent, "",
	    row->path[row->n - 1]->name, quote, word, quote);
}

static struct reading
read_value(const struct row *row, const char *quote, const char *word)
{
	char text[1000] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(out);
	print_file(out, row, quote, word);
	ck_assert_int_eq(fclose(out), 0);
	return conf_file_read(span_str(text), NULL);
}

/* All of the model that a key can set. */
static char *
dump_of(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	conf_dump(conf, out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* Behind "t.yaml:LINE:COLUMN": what is wrong inside a value is a column
 * further in quotes. */
static const char *
skip_column(const char *line)
{
	const char *at = line + strcspn(line, ":\n");

	if (strncmp(line, "t.yaml:", 7) == 0)
		at += 1 + strspn(at + 1, "0123456789:");
	return at;
}

/* The lines of messages without the excerpts, which show the quotes. */
static void
check_same_words(const char *a, const char *b)
{
	size_t len;

	for (; *a != '\0' || *b != '\0'; a += len, b += len) {
		while (*a == ' ' && a[6] != '=')
			a += strcspn(a, "\n") + 1;
		while (*b == ' ' && b[6] != '=')
			b += strcspn(b, "\n") + 1;
		a = skip_column(a);
		b = skip_column(b);
		len = strcspn(a, "\n");
		ck_assert_msg(len == strcspn(b, "\n") &&
		    memcmp(a, b, len) == 0, "plain: %s\nquoted: %s", a, b);
		len += a[len] == '\n';
	}
}

static void
check_same(const struct reading *plain, const struct reading *quoted)
{
	char *a, *b;

	ck_assert_uint_eq(plain->errors, quoted->errors);
	ck_assert_uint_eq(plain->warnings, quoted->warnings);
	check_same_words(plain->said, quoted->said);
	if (plain->conf == NULL)
		return;
	a = dump_of(plain->conf);
	b = dump_of(quoted->conf);
	ck_assert_str_eq(a, b);
	free(a);
	free(b);
}

/* Each word in one kind of quotes for a row, in the other for the next; under
 * sanitizers each row takes other words than its neighbours. */
START_TEST(quotes_change_nothing)
{
	const size_t step = HAS_SANITIZERS ? 5 : 1;

	for (size_t w = (size_t)_i % step; w < COUNT_OF(words); w += step) {
		const char *quote = (w + (size_t)_i) % 2 == 0 ? "'" : "\"";
		struct reading plain = read_value(&rows[_i], "", words[w]);
		struct reading quoted = read_value(&rows[_i], quote, words[w]);

		check_same(&plain, &quoted);
		reading_free(&plain);
		reading_free(&quoted);
	}
}
END_TEST

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *
repeat(const char *head, const char *piece, size_t n, const char *tail,
    size_t *len)
{
	size_t head_len = strlen(head), piece_len = strlen(piece);
	char *text = malloc(head_len + n * piece_len + strlen(tail) + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, head, head_len);
	for (size_t i = 0; i < n; i++)
		memcpy(text + head_len + i * piece_len, piece, piece_len);
	strcpy(text + head_len + n * piece_len, tail);
	*len = head_len + n * piece_len + strlen(tail);
	return text;
}

/* Hostile texts, as a piece repeated `n` times (0: to 16 MiB). */
static const struct {
	const char *name, *head, *piece;
	size_t n;
	const char *tail;
	const char *says;	/* NULL: must be good */
} hostile[] = {
	{ "brackets", "", "[", 200000, "", "nested deeper" },
	{ "braces", "", "{a: ", 200000, "", "nested deeper" },
	{ "dashes", "", "- ", 200000, "", "nested deeper" },
	{ "questions", "", "? ", 200000, "", "nested deeper" },
	{ "brackets behind a key", HEAD "user: ", "[", 200000, "",
	  "nested deeper" },
	{ "comments", HEAD, "# comment\n", 0, "", NULL },
	{ "empty lines", HEAD, "\n", 0, "", NULL },
	{ "empty lines CRLF", HEAD, "\r\n", 0, "", NULL },
	{ "spaces", HEAD, " ", 0, "\n", NULL },
	{ "tabs", HEAD "user: x", "\t", 0, "\n", NULL },
	{ "items", "", "- a\n", 0, "", "has more than" },
	{ "keys", "", "a: b\n", 0, "", "has more than" },
	{ "flow items", "[", "a, ", 0, "]", "has more than" },
	{ "aliases", "a: &a b\nc: [", "*a, ", 0, "]", "has more than" },
	{ "laughs", "x0: &a [x,x,x,x,x,x,x,x,x,x]\nx1: &a [*a,*a,*a,*a,*a]\n"
	  "x2: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n",
	  "x: &c [*b,*b,*b]\nx: &b [*c,*c,*c]\n", 20, "",
	  "values that aliases stand for" },
	{ "stairs", "a: &a []\n", "a: &b [*a]\na: &a [*b]\n", 1000, "",
	  "nested deeper" },
	{ "anchored items", "[", "&a a, ", 0, "]", "anchors" },
	{ "undefined aliases", "a:", "\n- *a", 100000, "", "more not shown" },
	{ "broken aliases", "a: &a [*a]\nb:", "\n- *a", 100000, "",
	  "has more than" },
	{ "duplicates", HEAD, "a: b\n", 100000, "", "more not shown" },
	{ "unknown keys", HEAD "limits:\n", "  conections: 1\n", 100000, "",
	  "more not shown" },
	{ "bad items", "backends:\n", "  - x\n", 100000, "",
	  "more not shown" },
	{ "same backends", "backends:\n", "  - {host: a, port: 1}\n", 60000,
	  "", "more not shown" },
	{ "plain word", HEAD "user: ", "x", 0, "\n", "too long" },
	{ "quoted word", HEAD "user: \"", "x", 0, "\"\n", "too long" },
	{ "open quote", HEAD "user: \"", "x", 0, "", "never closed" },
	{ "folded word", HEAD "user: \"", "x\n ", 0, "\"\n", "too long" },
	{ "block text", HEAD "user: |\n", "  x\n", 0, "", "too long" },
	{ "long key", "\"", "x", 0, "\": 1\n", "error: " },
	{ "wrong bytes", HEAD "user: ", "\xff", 0, "\n", "is no UTF-8" },
	{ "control characters", HEAD "user: ", "\x01", 0, "\n",
	  "is not allowed" },
	{ "characters", HEAD "# ", "\xc3\xa9", 0, "\n", NULL },
	{ "wrong at the end", HEAD "# ", "\xc3\xa9", 0, "\xff\n",
	  "is no UTF-8" },
	{ "anchors", HEAD "user: ", "&a ", 0, "x\n", "error: " },
	{ "tags", HEAD "user: ", "!!str ", 0, "x\n", "error: " },
	{ "colons", HEAD "user: ", "a: ", 0, "x\n", "error: " },
	{ "documents", HEAD, "---\n", 0, "", "second document" },
	{ "directives", "", "%A\n", 0, "", "error: " },
	{ "byte order marks", "", "\xef\xbb\xbf", 0, HEAD, "error: " },
};

/* CPU seconds that any of them may take. */
#define MOST_SECONDS	(HAS_SANITIZERS ? 20.0 : 2.0)

START_TEST(hostile_is_quick)
{
	size_t piece = strlen(hostile[_i].piece), len;
	size_t n = hostile[_i].n > 0 ? hostile[_i].n :
	    (16 * MIB - 200) / piece;
	char *text = repeat(hostile[_i].head, hostile[_i].piece, n,
	    hostile[_i].tail, &len);
	double before = cpu_seconds();
	struct reading r = conf_file_read(span_of(text, len), NULL);
	double took = cpu_seconds() - before;

	ck_assert_msg(took < MOST_SECONDS, "%s: %.3f s of CPU",
	    hostile[_i].name, took);
	if (hostile[_i].says == NULL)
		ck_assert_msg(r.conf != NULL, "%s: %s", hostile[_i].name,
		    r.said);
	else
		ck_assert_msg(strstr(r.said, hostile[_i].says) != NULL,
		    "%s: %.2000s", hostile[_i].name, r.said);
	ck_assert_uint_lt(strlen(r.said), 100000);
	reading_free(&r);
	free(text);
}
END_TEST

START_TEST(too_large)
{
	size_t len;
	char *text = repeat(HEAD, "#\n", 8 * MIB, "", &len);
	struct reading r = conf_file_read(span_of(text, len), NULL);

	ck_assert_str_eq(r.said, "t.yaml: error: the file is larger than "
	    "16 MiB\nfairlead: t.yaml: 1 error, 0 warnings\n");
	reading_free(&r);
	free(text);
}
END_TEST

/* A file means the same with a byte order mark, and with other line ends. */
static const char *const spellings[] = {
	"backends:\n- host: 127.0.0.1\n  port: 9001\nuser: x\n",
	"\xef\xbb\xbf" "backends:\n- host: 127.0.0.1\n  port: 9001\nuser: x",
	"backends:\r\n- host: 127.0.0.1\r\n  port: 9001\r\nuser: x\r\n",
	"backends:\r- host: 127.0.0.1\r  port: 9001\ruser: x\r",
	"%YAML 1.2\n---\nbackends:\n- host: 127.0.0.1\n  port: 9001\n"
	"user: x\n...\n",
	"{\"backends\":[{\"host\":\"127.0.0.1\",\"port\":9001}],"
	"\"user\":\"x\"}",
};

START_TEST(spellings_agree)
{
	struct reading r = conf_file_read(span_str(spellings[_i]), NULL);

	ck_assert_str_eq(r.said, "");
	ck_assert_uint_eq(r.conf->upstreams[0].n_backends, 1);
	ck_assert_uint_eq(r.conf->upstreams[0].backends[0].port, 9001);
	ck_assert_str_eq(r.conf->user, "x");
	reading_free(&r);
}
END_TEST

/* A thousand backends are nothing out of the ordinary. */
START_TEST(thousand_backends)
{
	char *text = malloc(100000);
	size_t len = (size_t)sprintf(text, "backends:\n");
	struct reading r;

	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len,
		    "  - {host: 10.0.%d.%d, port: 80, weight: %d}\n",
		    i / 250, i % 250, i);
	r = conf_file_read(span_of(text, len), NULL);
	ck_assert_str_eq(r.said, "");
	ck_assert_uint_eq(r.conf->upstreams[0].n_backends, 1000);
	ck_assert_uint_eq(r.conf->upstreams[0].backends[999].weight, 999);
	reading_free(&r);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: properties");
	TCase *tc = tcase_create("every text");

	tcase_set_timeout(tc, 60);
	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	collect(&conf_root, (struct row){ .n = 0 });
	tcase_add_loop_test(tc, quotes_change_nothing, 0, (int)n_rows);
	tcase_add_loop_test(tc, hostile_is_quick, 0, COUNT_OF(hostile));
	tcase_add_test(tc, too_large);
	tcase_add_loop_test(tc, spellings_agree, 0, COUNT_OF(spellings));
	tcase_add_test(tc, thousand_backends);
	suite_add_tcase(suite, tc);
	return unit_main_rows(suite);
}
