/* t/unit/http1/parse_test.c -- the head parser: every variant, every cut */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../fuzz/outcome.h"
#include "core/base.h"
#include "http1/parse_rows.h"
#include "support/unit.h"

#define REQUEST METHOD_COUNT

/* Readable memory between two pages that are not. */
static struct {
	char *begin, *end;
} room;

static void
setup(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 1 << 16;
	char *map = mmap(NULL, size + 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	room.begin = map + page;
	room.end = room.begin + size;
	ck_assert_int_eq(mprotect(room.begin, size, PROT_READ | PROT_WRITE),
	    0);
}

static void
teardown(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	munmap(room.begin - page, (size_t)(room.end - room.begin) + 2 * page);
	(void)parse_use("scalar");
}

/* The same bytes elsewhere: the next byte, or the one before, faults. */
static struct span
at_end(struct span text)
{
	memcpy(room.end - text.len, text.ptr, text.len);
	return span_of(room.end - text.len, text.len);
}

static struct span
at_begin(struct span text)
{
	memcpy(room.begin, text.ptr, text.len);
	return span_of(room.begin, text.len);
}

static void
checked(struct outcome *o, struct span data, enum method method,
    const struct parse_limits *limits)
{
	const char *wrong = outcome_check(o, data, method, limits);

	if (wrong != NULL)
		ck_abort_msg("%s: \"%.*s\"", wrong, SPAN_ARG(data));
}

/* ---- what the rows say */

static void
check_request(const struct outcome *o, const struct request_row *r,
    unsigned more_fields)
{
	const struct http_head *h = &o->head;

	ck_assert_msg(o->why == r->why, "%s for \"%.*s\"",
	    reasons[o->why].word, SPAN_ARG(r->text));
	if (r->why != REASON_NONE) {
		ck_assert_int_eq(o->status, PARSE_BAD);
		return;
	}
	ck_assert_int_eq(o->status, PARSE_OK);
	ck_assert_uint_eq(h->size, o->data.len);
	ck_assert_uint_eq(h->n_fields, r->n_fields + more_fields);
	ck_assert_int_eq(h->version, r->version);
	ck_assert_int_eq(h->framing, r->framing);
	ck_assert_uint_eq(h->body_len, r->body_len);
	ck_assert_int_eq(h->is_keep_alive, r->is_keep_alive);
	ck_assert_int_eq(h->has_names_in_connection, r->has_names);
	ck_assert_int_eq(h->status, 0);
	ck_assert(h->is_raw);
	ck_assert(span_equal(h->target, span_str(r->target)));
	ck_assert(span_equal(h->host, span_str(r->host)));
	ck_assert_int_eq(h->method, method_of(h->method_text));
	ck_assert_ptr_eq(h->method_text.ptr, h->base);
}

static void
check_response(const struct outcome *o, const struct response_row *r,
    unsigned more_fields)
{
	const struct http_head *h = &o->head;

	ck_assert_msg(o->status == (r->is_bad ? PARSE_BAD : PARSE_OK),
	    "\"%.*s\"", SPAN_ARG(r->text));
	ck_assert_int_eq(o->why, r->is_bad ? REASON_JUNK : REASON_NONE);
	if (r->is_bad)
		return;
	ck_assert_uint_eq(h->size, o->data.len);
	ck_assert_uint_eq(h->n_fields, r->n_fields + more_fields);
	ck_assert_uint_eq(h->status, r->status);
	ck_assert_int_eq(h->framing, r->framing);
	ck_assert_uint_eq(h->body_len, r->body_len);
	ck_assert_int_eq(h->is_keep_alive, r->is_keep_alive);
	ck_assert(span_equal(h->reason_phrase, span_str(r->phrase)));
	ck_assert_int_eq(h->method, METHOD_OTHER);
}

START_TEST(request_rows)
{
	const struct request_row *r = &requests[_i];
	struct outcome o;

	checked(&o, at_end(r->text), REQUEST, &limits_of_rows);
	check_request(&o, r, 0);
	checked(&o, at_begin(r->text), REQUEST, &limits_of_rows);
	check_request(&o, r, 0);
}
END_TEST

START_TEST(response_rows)
{
	const struct response_row *r = &responses[_i];
	struct outcome o;

	checked(&o, at_end(r->text), r->method, &limits_of_rows);
	check_response(&o, r, 0);
	checked(&o, at_begin(r->text), r->method, &limits_of_rows);
	check_response(&o, r, 0);
}
END_TEST

/* ---- cut anywhere: more is wanted, or it is bad and stays bad */

static void
check_cuts(struct span text, enum method method, enum reason why)
{
	enum parse_status before = PARSE_MORE;
	struct outcome o;

	for (size_t n = 0; n < text.len; n++) {
		checked(&o, at_end(span_of(text.ptr, n)), method,
		    &limits_of_rows);
		ck_assert_msg(o.status == before || o.status == PARSE_BAD,
		    "%d after %d at %zu of \"%.*s\"", (int)o.status,
		    (int)before, n, SPAN_ARG(text));
		ck_assert_msg(o.status == PARSE_MORE || o.why == why,
		    "%s at %zu of \"%.*s\"", reasons[o.why].word, n,
		    SPAN_ARG(text));
		before = o.status;
	}
}

START_TEST(request_cuts)
{
	check_cuts(requests[_i].text, REQUEST, requests[_i].why);
}
END_TEST

START_TEST(response_cuts)
{
	check_cuts(responses[_i].text, responses[_i].method,
	    responses[_i].is_bad ? REASON_JUNK : REASON_NONE);
}
END_TEST

/* ---- any alignment, any place in a block, anything around it */

static struct span
surrounded(struct span text, unsigned shift, int fill)
{
	char *at = room.begin + 256 + shift;

	memset(room.begin, fill, 4096);
	memcpy(at, text.ptr, text.len);
	return span_of(at, text.len);
}

static const char fills[] = { 'a', '\r', '\n', ':', ' ', '\0', '\xff' };

START_TEST(request_alignments)
{
	const struct request_row *r = &requests[_i];
	struct outcome o;

	for (unsigned shift = 0; shift < 64; shift++) {
		checked(&o, surrounded(r->text, shift,
		    fills[shift % sizeof(fills)]), REQUEST, &limits_of_rows);
		check_request(&o, r, 0);
	}
}
END_TEST

START_TEST(response_alignments)
{
	const struct response_row *r = &responses[_i];
	struct outcome o;

	for (unsigned shift = 0; shift < 64; shift++) {
		checked(&o, surrounded(r->text, shift,
		    fills[shift % sizeof(fills)]), r->method,
		    &limits_of_rows);
		check_response(&o, r, 0);
	}
}
END_TEST

/* With a field of `len` more bytes behind the first line. */
static struct span
padded(struct span text, size_t len)
{
	static char copy[2048];
	const char *crlf = memmem(text.ptr, text.len, "\r\n", 2);
	size_t first = crlf == NULL ? 0 : (size_t)(crlf - text.ptr) + 2;

	memcpy(copy, text.ptr, first);
	memcpy(copy + first, "P:", 2);
	memset(copy + first + 2, 'p', len);
	memcpy(copy + first + 2 + len, "\r\n", 2);
	memcpy(copy + first + 4 + len, text.ptr + first, text.len - first);
	return span_of(copy, text.len + 4 + len);
}

static struct parse_limits
padded_limits(size_t len)
{
	struct parse_limits limits = limits_of_rows;

	limits.head_bytes += 4 + (uint32_t)len;
	limits.field_count++;
	return limits;
}

START_TEST(request_shifts)
{
	struct outcome o;

	for (size_t len = 0; len < 130; len++) {
		struct parse_limits limits = padded_limits(len);

		checked(&o, at_end(padded(requests[_i].text, len)), REQUEST,
		    &limits);
		check_request(&o, &requests[_i], 1);
	}
}
END_TEST

START_TEST(response_shifts)
{
	struct outcome o;

	for (size_t len = 0; len < 130; len++) {
		struct parse_limits limits = padded_limits(len);

		checked(&o, at_end(padded(responses[_i].text, len)),
		    responses[_i].method, &limits);
		check_response(&o, &responses[_i], 1);
	}
}
END_TEST

/* What follows a head is not looked at. */
START_TEST(body_behind)
{
	static const struct span body = { "\0\xff\r\n\r\nGET / HTTP/1.1", 20 };
	struct outcome o;
	char copy[1024];

	for (unsigned i = 0; i < COUNT_OF(requests); i++) {
		struct span text = requests[i].text;

		if (requests[i].why != REASON_NONE)
			continue;
		memcpy(copy, text.ptr, text.len);
		memcpy(copy + text.len, body.ptr, body.len);
		checked(&o, at_end(span_of(copy, text.len + body.len)),
		    REQUEST, &limits_of_rows);
		ck_assert_int_eq(o.status, PARSE_OK);
		ck_assert_uint_eq(o.head.size, text.len);
	}
}
END_TEST

/* ---- every byte in every place that has rules */

static bool
is_tchar(int c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z')
	    || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_target(int c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

static bool
is_text(int c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

static enum parse_status
status_with(struct span text, unsigned at, int byte)
{
	char copy[256];
	struct outcome o;

	memcpy(copy, text.ptr, text.len);
	copy[at] = (char)byte;
	checked(&o, at_end(span_of(copy, text.len)), REQUEST,
	    &limits_of_rows);
	return o.status;
}

START_TEST(every_byte)
{
	static const struct span text = SPAN("GxT /x HTTP/1.1\r\n"
	    "Host: a\r\nAxA: b\r\nC: dxe\r\n\r\n");

	/* "G T /x": two spaces; "A:A: b": a name and a value */
	ck_assert_int_eq(status_with(text, 1, _i),
	    is_tchar(_i) ? PARSE_OK : PARSE_BAD);
	ck_assert_int_eq(status_with(text, 5, _i),
	    is_target(_i) ? PARSE_OK : PARSE_BAD);
	ck_assert_int_eq(status_with(text, 27, _i),
	    is_tchar(_i) || _i == ':' ? PARSE_OK : PARSE_BAD);
	ck_assert_int_eq(status_with(text, 37, _i),
	    is_text(_i) ? PARSE_OK : PARSE_BAD);
}
END_TEST

/* The same in every place of a block. */
START_TEST(every_byte_in_every_place)
{
	char text[256] = "GET /";
	const unsigned target = 5, name = target + 64 + 20, value = name + 66,
	    len = value + 64 + 4;

	memset(text + target, 't', 64);
	memcpy(text + target + 64, " HTTP/1.1\r\nHost: a\r\n", 20);
	memset(text + name, 'n', 64);
	memcpy(text + name + 64, ": ", 2);
	memset(text + value, 'v', 64);
	memcpy(text + value + 64, "\r\n\r\n", 4);
	for (unsigned i = 0; i < 64; i++) {
		ck_assert_int_eq(status_with(span_of(text, len), target + i,
		    _i), is_target(_i) ? PARSE_OK : PARSE_BAD);
		ck_assert_int_eq(status_with(span_of(text, len), name + i,
		    _i), is_tchar(_i) || (_i == ':' && i > 0) ? PARSE_OK :
		    PARSE_BAD);
		ck_assert_int_eq(status_with(span_of(text, len), value + i,
		    _i), is_text(_i) ? PARSE_OK : PARSE_BAD);
	}
}
END_TEST

/* ---- limits, to the byte */

START_TEST(limits_are_exact)
{
	static const struct span text = SPAN("GET /234567890 HTTP/1.1\r\n"
	    "Host: 678901234567890123\r\nA: 4567890123456789012345\r\n\r\n");
	struct parse_limits limits = { 81, 25, 2 };
	struct outcome o;

	ck_assert_uint_eq(text.len, 80);
	limits.head_bytes = 80;
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.status, PARSE_OK);
	limits.head_bytes = 79;
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_HEAD_TOO_LARGE);
	checked(&o, at_end(span_of(text.ptr, 78)), REQUEST, &limits);
	ck_assert_int_eq(o.status, PARSE_MORE);
	checked(&o, at_end(span_of(text.ptr, 79)), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_HEAD_TOO_LARGE);
	limits = (struct parse_limits){ 80, 24, 2 };
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_HEAD_TOO_LARGE);
	limits = (struct parse_limits){ 80, 22, 2 };
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_URI_TOO_LONG);
	limits = (struct parse_limits){ 80, 25, 1 };
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_HEAD_TOO_LARGE);
	limits = (struct parse_limits){ 20, 25, 1 };
	checked(&o, at_end(text), REQUEST, &limits);
	ck_assert_int_eq(o.why, REASON_URI_TOO_LONG);
}
END_TEST

START_TEST(long_lines_end_early)
{
	struct parse_limits limits = { 4096, 100, 4 };
	char text[256];
	struct outcome o;

	memset(text, 'x', sizeof(text));
	for (size_t n = 0; n < sizeof(text); n++) {
		checked(&o, at_end(span_of(text, n)), REQUEST, &limits);
		ck_assert_int_eq(o.status, n <= 100 ? PARSE_MORE : PARSE_BAD);
	}
	memcpy(text, "GET /", 5);
	for (size_t n = 0; n < sizeof(text); n++) {
		checked(&o, at_end(span_of(text, n)), REQUEST, &limits);
		ck_assert_int_eq(o.why, n <= 100 ? REASON_NONE :
		    REASON_URI_TOO_LONG);
	}
}
END_TEST

/* ---- empty lines */

START_TEST(empty_lines)
{
	static const struct {
		struct span text;
		size_t want;
	} rows[] = {
		{ { "", 0 }, 0 }, { { "\r", 1 }, 0 }, { { "\n", 1 }, 0 },
		{ { "\r\n", 2 }, 2 }, { { "\r\n\r", 3 }, 2 },
		{ { "\r\n\r\nGET", 7 }, 4 }, { { "\r\n\n", 3 }, 2 },
		{ { " \r\n", 3 }, 0 }, { { "GET\r\n", 5 }, 0 },
		{ { "\r\n\r\n\r\n\r\n\r\n", 10 }, 8 },
	};
	struct outcome o;

	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		ck_assert_uint_eq(parse_skip_empty_lines(
		    at_end(rows[i].text)), rows[i].want);
	/* half of one */
	checked(&o, at_end(SPAN("\r")), REQUEST, &limits_of_rows);
	ck_assert_int_eq(o.status, PARSE_MORE);
}
END_TEST

/* ---- variants agree on anything */

static uint64_t seed = 88172645463325252;

static unsigned
chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static struct span
any_row(bool of_requests)
{
	return of_requests ? requests[chance(COUNT_OF(requests))].text :
	    responses[chance(COUNT_OF(responses))].text;
}

static size_t
mutate(char *text, size_t len, bool of_requests)
{
	static const char bytes[] = "\r\n: \t\0\x7f\x80\xff,;/#\"1aZ-";
	size_t at = chance((unsigned)len + 1), n = chance(40);
	struct span other;

	switch (chance(6)) {
	case 0:		/* another byte */
	case 1:
		text[at] = bytes[chance(sizeof(bytes))];
		return at == len ? len + 1 : len;
	case 2:		/* one less */
		if (at == len)
			return len;
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	case 3:		/* some more */
		memmove(text + at + n, text + at, len - at);
		memset(text + at, bytes[chance(sizeof(bytes))], n);
		return len + n;
	case 4:		/* the end of another row */
		other = any_row(of_requests);
		other = span_skip(other, chance((unsigned)other.len));
		memcpy(text + at, other.ptr, other.len);
		return at + other.len;
	default:	/* cut */
		return at;
	}
}

START_TEST(variants_agree)
{
	static char text[4096];
	enum method method = _i == 0 ? REQUEST : METHOD_GET;
	struct outcome o;

	for (unsigned i = 0; i < 100000; i++) {
		struct span row = any_row(_i == 0);
		size_t len = row.len;

		memcpy(text, row.ptr, len);
		for (unsigned k = chance(4); k < 4; k++)
			len = mutate(text, len, _i == 0);
		checked(&o, at_end(span_of(text, len)), method,
		    &limits_of_rows);
	}
}
END_TEST

START_TEST(choice)
{
	const char *fastest = parse_variant_at(0);

	ck_assert_int_eq(unsetenv("FAIRLEAD_SIMD"), 0);
	ck_assert(parse_init());
	ck_assert_str_eq(parse_variant(), fastest);
	ck_assert_int_eq(setenv("FAIRLEAD_SIMD", "scalar", 1), 0);
	ck_assert(parse_init());
	ck_assert_str_eq(parse_variant(), "scalar");
	for (unsigned i = 0; parse_variant_at(i) != NULL; i++) {
		ck_assert_int_eq(setenv("FAIRLEAD_SIMD", parse_variant_at(i),
		    1), 0);
		ck_assert(parse_init());
		ck_assert_str_eq(parse_variant(), parse_variant_at(i));
	}
	ck_assert_int_eq(setenv("FAIRLEAD_SIMD", "mmx", 1), 0);
	ck_assert(!parse_init());
	ck_assert_str_eq(parse_variant(), fastest);
	ck_assert_int_eq(setenv("FAIRLEAD_SIMD", "", 1), 0);
	ck_assert(parse_init());
	ck_assert(!parse_use("mmx"));
	ck_assert_str_eq(parse_variant(), fastest);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1/parse");
	TCase *rows = tcase_create("rows"), *rest = tcase_create("rest");
	TCase *bytes = tcase_create("bytes");	/* for 14-parser-variants */
	int n_requests = COUNT_OF(requests), n_responses = COUNT_OF(responses);

	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_checked_fixture(bytes, setup, teardown);
	tcase_add_checked_fixture(rest, setup, teardown);
	tcase_set_timeout(rest, 300);
	tcase_add_loop_test(rows, request_rows, 0, n_requests);
	tcase_add_loop_test(rows, request_cuts, 0, n_requests);
	tcase_add_loop_test(rows, request_alignments, 0, n_requests);
	tcase_add_loop_test(rows, request_shifts, 0, n_requests);
	tcase_add_loop_test(rows, response_rows, 0, n_responses);
	tcase_add_loop_test(rows, response_cuts, 0, n_responses);
	tcase_add_loop_test(rows, response_alignments, 0, n_responses);
	tcase_add_loop_test(rows, response_shifts, 0, n_responses);
	tcase_add_loop_test(bytes, every_byte, 0, 256);
	tcase_add_loop_test(bytes, every_byte_in_every_place, 0, 256);
	tcase_add_test(rest, body_behind);
	tcase_add_test(rest, limits_are_exact);
	tcase_add_test(rest, long_lines_end_early);
	tcase_add_test(rest, empty_lines);
	tcase_add_loop_test(rest, variants_agree, 0, 2);
	tcase_add_test(rest, choice);
	suite_add_tcase(suite, rows);
	suite_add_tcase(suite, bytes);
	suite_add_tcase(suite, rest);
	return unit_main_rows(suite);
}
