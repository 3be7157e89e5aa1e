/* src/conf/diag.c -- collecting what is wrong with a configuration */
#include "conf/diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/text.h"
#include "core/memory.h"

#define EXCERPT_MOST	100	/* characters of a line that are shown */
#define LOOK_BACK	4096	/* bytes in which a secret's key is sought */
#define WORD_MOST	64	/* longer words get no suggestion */

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diagnostic {
	enum severity severity;
	struct place at;
	char *text;
	char *notes[DIAG_NOTES];
	size_t n_notes;
};

struct source {
	char *file;
	struct span text;		/* ours */
};

struct diagnostics {
	struct diagnostic *kept[DIAG_MOST];	/* sorted by place */
	size_t n_kept;
	size_t n_of[2];			/* by severity, dropped ones too */
	size_t n_found;			/* errors, repeated ones too */
	struct conf_source *read_from;
	size_t n_read_from;
	struct source *sources;
	uint32_t n_sources;
	struct place *hidden;
	size_t n_hidden, room_hidden;
};

struct diagnostics *
diagnostics_new(void)
{
	return xnew(struct diagnostics);
}

static void
diagnostic_free(struct diagnostic *e)
{
	for (size_t i = 0; i < e->n_notes; i++)
		free(e->notes[i]);
	free(e->text);
	free(e);
}

void
diag_forget(struct diagnostics *d)
{
	for (size_t i = 0; i < d->n_kept; i++)
		diagnostic_free(d->kept[i]);
	d->n_kept = d->n_of[0] = d->n_of[1] = 0;
}

static void
source_free(struct source *s)
{
	free(s->file);
	free((char *)(uintptr_t)s->text.ptr);
}

void
diagnostics_free(struct diagnostics **d)
{
	if (*d == NULL)
		return;
	diag_forget(*d);
	for (uint32_t i = 0; i < (*d)->n_sources; i++)
		source_free(&(*d)->sources[i]);
	for (size_t i = 0; i < (*d)->n_read_from; i++)
		free((char *)(uintptr_t)(*d)->read_from[i].name);
	free((*d)->read_from);
	free((*d)->sources);
	free((*d)->hidden);
	free(*d);
	*d = NULL;
}

uint32_t
diag_source(struct diagnostics *d, const char *file, struct span text)
{
	d->sources = xrealloc(d->sources,
	    (d->n_sources + 1) * sizeof(*d->sources));
	d->sources[d->n_sources] = (struct source){ xstrdup(file), text };
	return d->n_sources++;
}

void
diag_add_source(struct diagnostics *d, const char *name, bool is_pattern)
{
	d->read_from = xrealloc(d->read_from,
	    (d->n_read_from + 1) * sizeof(*d->read_from));
	d->read_from[d->n_read_from++] = (struct conf_source){
		xstrdup(name), is_pattern,
	};
}

const struct conf_source *
diagnostics_sources(const struct diagnostics *d, size_t *n)
{
	*n = d->n_read_from;
	return d->read_from;
}

void
diag_hide(struct diagnostics *d, struct place at)
{
	if (d->n_hidden == d->room_hidden) {
		d->room_hidden = d->room_hidden * 2 + 8;
		d->hidden = xrealloc(d->hidden,
		    d->room_hidden * sizeof(*d->hidden));
	}
	d->hidden[d->n_hidden++] = at;
}

size_t
diagnostics_errors(const struct diagnostics *d)
{
	return d->n_of[SEVERITY_ERROR];
}

size_t
diagnostics_warnings(const struct diagnostics *d)
{
	return d->n_of[SEVERITY_WARNING];
}

size_t
diag_errors_found(const struct diagnostics *d)
{
	return d->n_found;
}

static bool
is_behind(struct place a, struct place b)
{
	if (a.file != b.file)
		return a.file > b.file;
	return a.line != b.line ? a.line > b.line : a.column > b.column;
}

static bool
is_same(struct place a, struct place b)
{
	return a.file == b.file && a.line == b.line && a.column == b.column;
}

bool
diag_wants(const struct diagnostics *d, struct place at)
{
	return d->n_kept < DIAG_MOST ||
	    is_behind(d->kept[DIAG_MOST - 1]->at, at);
}

/* Keeps the order of places; of one place, the order of adding. */
static void
insert(struct diagnostics *d, struct diagnostic *e)
{
	size_t i;

	if (d->n_kept == DIAG_MOST)
		diagnostic_free(d->kept[--d->n_kept]);
	i = d->n_kept++;
	for (; i > 0 && is_behind(d->kept[i - 1]->at, e->at); i--)
		d->kept[i] = d->kept[i - 1];
	d->kept[i] = e;
}

static char *
format_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		return xstrdup("(out of memory)");
	return text;
}

static bool
is_kept(const struct diagnostics *d, const struct diagnostic *e)
{
	for (size_t i = 0; i < d->n_kept; i++)
		if (is_same(d->kept[i]->at, e->at) &&
		    strcmp(d->kept[i]->text, e->text) == 0)
			return true;
	return false;
}

static struct diagnostic *
add(struct diagnostics *d, enum severity severity, struct place at,
    const char *format, va_list args)
{
	struct diagnostic *e;

	d->n_found += severity == SEVERITY_ERROR;
	if (!diag_wants(d, at)) {
		d->n_of[severity]++;
		return NULL;
	}
	e = xnew(struct diagnostic);
	e->severity = severity;
	e->at = at;
	e->text = format_text(format, args);
	if (is_kept(d, e)) {
		diagnostic_free(e);
		return NULL;
	}
	d->n_of[severity]++;
	insert(d, e);
	return e;
}

struct diagnostic *
diag_error(struct diagnostics *d, struct place at, const char *format, ...)
{
	struct diagnostic *e;
	va_list args;

	va_start(args, format);
	e = add(d, SEVERITY_ERROR, at, format, args);
	va_end(args);
	return e;
}

struct diagnostic *
diag_warning(struct diagnostics *d, struct place at, const char *format, ...)
{
	struct diagnostic *e;
	va_list args;

	va_start(args, format);
	e = add(d, SEVERITY_WARNING, at, format, args);
	va_end(args);
	return e;
}

void
diag_note(struct diagnostic *e, const char *format, ...)
{
	va_list args;

	if (e == NULL || e->n_notes == DIAG_NOTES)
		return;
	va_start(args, format);
	e->notes[e->n_notes++] = format_text(format, args);
	va_end(args);
}

const char *
diag_file(const struct diagnostics *d, struct place at)
{
	return at.file < d->n_sources && (at.line != 0 || at.column != 0) ?
	    d->sources[at.file].file : NULL;
}

void
diag_note_place(const struct diagnostics *d, struct diagnostic *e,
    struct place at, const char *format, ...)
{
	const char *file = diag_file(d, at);
	va_list args;
	char *text;

	if (e == NULL)
		return;
	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	if (at.file == e->at.file || file == NULL)
		diag_note(e, "%s in line %u, column %u", text, at.line,
		    at.column);
	else
		diag_note(e, "%s in %s, line %u, column %u", text, file,
		    at.line, at.column);
	free(text);
}

/* Excerpts come in the order of the files, and of the lines of each. */
struct printer {
	FILE *out;
	const struct diagnostics *d;
	uint32_t file;
	struct text_lines lines;	/* of the file */
};

/* The part of a line that is shown; what is hidden in it is set. */
struct excerpt {
	struct span shown;
	size_t from;		/* characters before it */
	bool is_hidden[EXCERPT_MOST];
};

static struct excerpt
excerpt_of(struct span line, size_t at)
{
	struct excerpt x = {
		.from = at > EXCERPT_MOST * 3 / 4 ? at - EXCERPT_MOST / 2 : 0,
	};
	struct span rest = text_skip_chars(line, x.from);

	x.shown = span_of(rest.ptr, text_bytes_of_chars(rest, EXCERPT_MOST));
	return x;
}

/* `width` characters from `column` (from 0) of the line; 0: all. */
static void
hide(struct excerpt *x, size_t column, size_t width)
{
	for (size_t i = 0; i < EXCERPT_MOST; i++)
		if (i + x->from >= column &&
		    (width == 0 || i + x->from < column + width))
			x->is_hidden[i] = true;
}

/* The word before the colon at `at`, which may stand in quotes. */
static struct span
key_before(struct span line, size_t at)
{
	size_t end = at, start;

	while (end > 0 && strchr(" \t\"'", line.ptr[end - 1]) != NULL)
		end--;
	for (start = end; start > 0; start--)
		if (!isalnum((unsigned char)line.ptr[start - 1]) &&
		    line.ptr[start - 1] != '_')
			break;
	return span_of(line.ptr + start, end - start);
}

/* Where the file was not understood, what is behind the name of such a key. */
static void
hide_by_name(struct excerpt *x, struct span line)
{
	size_t end = (size_t)(x->shown.ptr - line.ptr) + x->shown.len;
	size_t i = end > LOOK_BACK ? end - LOOK_BACK : 0;

	for (; i < end; i++) {
		if (line.ptr[i] != ':' ||
		    !schema_has_secret(key_before(line, i)))
			continue;
		while (++i < end && strchr(" \t", line.ptr[i]) != NULL)
			;
		hide(x, text_chars(span_of(line.ptr, i)), 0);
		return;
	}
}

static void
hide_secrets(struct excerpt *x, const struct diagnostics *d, struct place at,
    struct span line)
{
	bool is_known = false;

	for (size_t i = 0; i < d->n_hidden; i++)
		if (d->hidden[i].file == at.file &&
		    d->hidden[i].line == at.line) {
			hide(x, d->hidden[i].column - 1, d->hidden[i].width);
			is_known = true;
		}
	if (!is_known && x->shown.ptr != NULL)
		hide_by_name(x, line);
}

/* A tab is shown as one space, so that the caret stands right; what is no
 * text, or would steer a terminal, as the replacement character. */
static void
print_char(FILE *out, struct span c, bool is_hidden)
{
	if (is_hidden)
		fputc('*', out);
	else if (c.ptr[0] == '\t')
		fputc(' ', out);
	else if (text_check(c).fault != TEXT_GOOD)
		fputs("\xef\xbf\xbd", out);
	else
		fwrite(c.ptr, 1, c.len, out);
}

static void
print_line(FILE *out, uint32_t number, const struct excerpt *x)
{
	struct span rest = x->shown, c;

	fprintf(out, "%5u |%s", number, rest.len == 0 ? "" : " ");
	for (size_t i = 0; rest.len > 0; i++) {
		c = span_of(rest.ptr, text_bytes_of_chars(rest, 1));
		print_char(out, c, x->is_hidden[i]);
		rest = span_skip(rest, c.len);
	}
	fputc('\n', out);
}

static void
print_caret(FILE *out, struct span shown, size_t at, size_t width)
{
	size_t rest = text_chars(shown) > at ? text_chars(shown) - at : 0;

	if (width == 0 || width > rest)
		width = rest;
	fprintf(out, "      | %*s^", (int)at, "");
	while (width-- > 1)
		fputc('~', out);
	fputc('\n', out);
}

static void
print_excerpt(struct printer *p, struct place at)
{
	struct excerpt x;
	struct span line;

	if (p->file != at.file || p->lines.text.ptr == NULL) {
		p->file = at.file;
		p->lines = (struct text_lines){
			.text = p->d->sources[at.file].text
		};
	}
	line = text_line(&p->lines, at.line);
	x = excerpt_of(line, at.column - 1);
	hide_secrets(&x, p->d, at, line);
	print_line(p->out, at.line, &x);
	print_caret(p->out, x.shown, at.column - 1 - x.from, at.width);
}

static void
print_head(FILE *out, const struct diagnostics *d, struct place at)
{
	const char *file = diag_file(d, at);

	if (at.line != 0)
		fprintf(out, "%s:%u:%u: ", file, at.line, at.column);
	else
		fprintf(out, "%s: ", file != NULL ? file : "fairlead");
}

static void
print_one(struct printer *p, const struct diagnostic *e)
{
	print_head(p->out, p->d, e->at);
	fprintf(p->out, "%s: %s\n",
	    e->severity == SEVERITY_ERROR ? "error" : "warning", e->text);
	if (e->at.line != 0)
		print_excerpt(p, e->at);
	for (size_t i = 0; i < e->n_notes; i++)
		fprintf(p->out, "      = note: %s\n", e->notes[i]);
}

static void
print_counts(FILE *out, const struct diagnostics *d)
{
	size_t errors = diagnostics_errors(d);
	size_t warnings = diagnostics_warnings(d);
	const char *file = d->n_sources > 0 ? d->sources[0].file :
	    "command line";

	if (errors + warnings > d->n_kept)
		fprintf(out, "fairlead: %s: %zu more not shown\n", file,
		    errors + warnings - d->n_kept);
	fprintf(out, "fairlead: %s: %zu error%s, %zu warning%s\n", file,
	    errors, errors == 1 ? "" : "s",
	    warnings, warnings == 1 ? "" : "s");
}

/* Best effort: there is nowhere to report that stderr is gone. */
static void
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n) {
		n = write(fd, text, len);
		if (n <= 0)
			return;
	}
}

char *
diagnostics_text(const struct diagnostics *d)
{
	struct printer p = { .d = d };
	char *text = NULL;
	size_t len = 0;

	if (d->n_of[SEVERITY_ERROR] + d->n_of[SEVERITY_WARNING] == 0)
		return NULL;
	p.out = open_memstream(&text, &len);
	if (p.out == NULL)
		return NULL;
	for (size_t i = 0; i < d->n_kept; i++)
		print_one(&p, d->kept[i]);
	print_counts(p.out, d);
	if (fclose(p.out) == 0)
		return text;
	free(text);
	return NULL;
}

void
diagnostics_print(const struct diagnostics *d, int fd)
{
	char *text = diagnostics_text(d);

	if (text != NULL)
		write_all(fd, text, strlen(text));
	free(text);
}

/* One character of the word, at most four bytes and a NUL. */
static size_t
quote_char(char *out, struct span rest)
{
	unsigned char c = (unsigned char)rest.ptr[0];
	size_t len = text_bytes_of_chars(rest, 1);

	if (c == '\n')
		return (size_t)sprintf(out, "\\n");
	/* C0, DEL and, encoded as C2 80 to C2 9F, C1. */
	if (c < 0x20 || c == 0x7f || (c == 0xc2 && len == 2 &&
	    (unsigned char)rest.ptr[1] < 0xa0))
		return (size_t)sprintf(out, "\\x%02x",
		    c == 0xc2 ? (unsigned char)rest.ptr[1] : c);
	memcpy(out, rest.ptr, len);
	out[len] = '\0';
	return len;
}

const char *
quote(char out[QUOTE_MAX], struct span word)
{
	char *end = out;
	size_t n = 0;

	*end = '\0';
	for (; word.len > 0 && n < 60; n++) {
		end += quote_char(end, word);
		word = text_skip_chars(word, 1);
	}
	if (word.len > 0)
		strcpy(end, "...");
	return out;
}

static int
letter(struct span s, size_t i)
{
	return tolower((unsigned char)s.ptr[i]);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One cell of the table: rows run over `a`, columns over `b`. */
static size_t
cell(size_t rows[][WORD_MOST + 1], struct span a, struct span b, size_t i,
    size_t j)
{
	const size_t *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
	bool is_same = letter(a, i - 1) == letter(b, j - 1);
	size_t best;

	best = least(above[j] + 1, rows[i % 3][j - 1] + 1);
	best = least(best, above[j - 1] + (is_same ? 0 : 1));
	if (i > 1 && j > 1 && letter(a, i - 1) == letter(b, j - 2) &&
	    letter(a, i - 2) == letter(b, j - 1))
		best = least(best, two_above[j - 2] + 1);
	return best;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from one
 * to the other; both at most WORD_MOST long. Three rows are enough. */
static size_t
edit_distance(struct span a, struct span b)
{
	size_t rows[3][WORD_MOST + 1];

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		rows[i % 3][0] = i;
		for (size_t j = 1; j <= b.len; j++)
			rows[i % 3][j] = cell(rows, a, b, i, j);
	}
	return rows[a.len % 3][b.len];
}

void
suggest(struct suggestion *s, const char *candidate)
{
	struct span c = span_str(candidate);
	size_t longer = s->word.len > c.len ? s->word.len : c.len;
	size_t distance;

	if (longer > WORD_MOST)
		return;
	distance = edit_distance(s->word, c);
	if (distance > longer / 3)
		return;
	if (s->best == NULL || distance < s->distance) {
		s->best = candidate;
		s->distance = distance;
	}
}
