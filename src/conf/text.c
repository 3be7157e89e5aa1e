/* src/conf/text.c -- the file as characters and lines, as libyaml counts */
#include "conf/text.h"

#include "core/base.h"

static bool
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character at the start of `s`; a stray byte is one. */
static size_t
char_len(struct span s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t want = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	size_t len = 1;

	while (len < want && len < s.len && is_tail((unsigned char)s.ptr[len]))
		len++;
	return len;
}

size_t
text_bytes_of_chars(struct span s, size_t n)
{
	size_t bytes = 0;

	while (n-- > 0 && bytes < s.len)
		bytes += char_len(span_skip(s, bytes));
	return bytes;
}

struct span
text_skip_chars(struct span s, size_t n)
{
	size_t bytes = text_bytes_of_chars(s, n);

	return bytes == 0 ? s : span_skip(s, bytes);	/* s.ptr may be NULL */
}

size_t
text_chars(struct span s)
{
	size_t n = 0;

	for (; s.len > 0; n++)
		s = span_skip(s, char_len(s));
	return n;
}

struct span
text_skip_bom(struct span s)
{
	if (s.len >= 3 && memcmp(s.ptr, "\xef\xbb\xbf", 3) == 0)
		return span_skip(s, 3);
	return s;
}

/* Bytes of the line end at the start of `s`; 0: there is none. */
static size_t
break_len(struct span s)
{
	if (s.ptr[0] == '\n')
		return 1;
	if (s.ptr[0] == '\r')
		return s.len > 1 && s.ptr[1] == '\n' ? 2 : 1;
	if (s.len >= 2 && memcmp(s.ptr, "\xc2\x85", 2) == 0)
		return 2;
	if (s.len >= 3 && (memcmp(s.ptr, "\xe2\x80\xa8", 3) == 0 ||
	    memcmp(s.ptr, "\xe2\x80\xa9", 3) == 0))
		return 3;
	return 0;
}

/* What ends lines begins with one of these. */
static bool
may_break(char c)
{
	return c == '\n' || c == '\r' || c == '\xc2' || c == '\xe2';
}

static struct span
next_line(struct text_lines *l)
{
	struct span rest = span_skip(l->text, l->at);
	size_t end, len = 0;

	for (end = 0; end < rest.len; end++)
		if (may_break(rest.ptr[end]) &&
		    (len = break_len(span_skip(rest, end))) > 0)
			break;
	l->at += end + len;
	l->line++;
	return span_of(rest.ptr, end);
}

struct span
text_line(struct text_lines *l, uint32_t number)
{
	struct text_lines before;
	struct span line = span_of(NULL, 0);

	if (l->text.len == 0)
		return line;
	if (l->line == 0)
		l->at = l->text.len - text_skip_bom(l->text).len;
	do {
		before = *l;
		line = next_line(l);
	} while (l->line < number && l->at < l->text.len);
	if (l->line == number)
		*l = before;	/* the same line may be asked for again */
	else
		line = span_of(NULL, 0);
	return line;
}

bool
text_has_line(struct text_lines *l, uint32_t number)
{
	return text_line(l, number).ptr != NULL;
}

static bool
is_allowed(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	    (c >= 0x20 && c <= 0x7e) ||
	    c == 0x85 || (c >= 0xa0 && c <= 0xd7ff) ||
	    (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

bool
text_decode(struct span s, uint32_t *c, size_t *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)s.ptr[0];
	size_t want = first < 0x80 ? 1 : first < 0xe0 ? 2 :
	    first < 0xf0 ? 3 : 4;

	*len = char_len(s);
	if (*len != want || (first >= 0x80 && first < 0xc0) || first > 0xf4)
		return false;
	*c = want == 1 ? first : first & (0x7fu >> want);
	for (size_t i = 1; i < want; i++)
		*c = *c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	return *c >= least[want] && *c <= 0x10ffff &&
	    (*c < 0xd800 || *c > 0xdfff);
}

static struct text_bad
bad_at(struct span text, size_t at, enum text_fault fault, uint32_t code)
{
	struct text_lines l = { .text = span_of(text.ptr, at) };
	struct text_bad bad = { .fault = fault, .code = code };
	struct span line = next_line(&l);

	/* A break at the very end leaves us in the line behind it. */
	while (l.at < at)
		line = next_line(&l);
	if (line.ptr + line.len != text.ptr + at)
		line = next_line(&l);
	bad.line = l.line;
	bad.column = (uint32_t)text_chars(line) + 1;
	return bad;
}

struct text_bad
text_check(struct span text)
{
	struct span body = text_skip_bom(text);
	uint32_t c = 0;
	size_t len;

	for (size_t i = 0; i < body.len; i += len) {
		unsigned char byte = (unsigned char)body.ptr[i];

		len = 1;
		if (likely(byte >= 0x20 && byte < 0x7f))
			continue;
		if (!text_decode(span_skip(body, i), &c, &len))
			return bad_at(body, i, TEXT_NOT_UTF8, byte);
		if (!is_allowed(c))
			return bad_at(body, i, TEXT_CONTROL, c);
	}
	return (struct text_bad){ .fault = TEXT_GOOD };
}
