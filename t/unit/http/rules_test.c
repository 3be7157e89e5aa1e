/* t/unit/http/rules_test.c -- hop by hop, Via, Accept, phrases, reasons */
#include "http/rules.h"

#include <stdio.h>

#include "core/base.h"
#include "http/fields.h"
#include "http/reason.h"
#include "support/unit.h"

/* A head of lines "Name: value\n"; Connection is taken to name fields. */
static struct http_field fields[256];

static struct http_head
head_of(const char *lines)
{
	struct http_head h = { .base = lines, .fields = fields,
		.has_names_in_connection = true };
	const char *line = lines, *colon;

	while ((colon = strchr(line, ':')) != NULL) {
		const char *end = strchr(line, '\n');

		fields[h.n_fields++] = (struct http_field){
			.name = (uint32_t)(line - lines),
			.name_len = (uint16_t)(colon - line),
			.value = (uint32_t)(colon + 2 - lines),
			.value_len = (uint32_t)(end - colon - 2),
			.id = (uint8_t)field_id_of(span_of(line,
			    (size_t)(colon - line))),
		};
		h.ids |= HEAD_BIT(fields[h.n_fields - 1].id);
		line = end + 1;
	}
	return h;
}

/* The names that are left, each with a space behind it. */
static const char *
names_left(const struct http_head *h)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!h->fields[i].is_dropped)
			len += (size_t)snprintf(text + len,
			    sizeof(text) - len, "%.*s ",
			    SPAN_ARG(field_name(h, &h->fields[i])));
	return text;
}

/* `left` NULL: refused. */
static const struct {
	const char *lines, *left;
} hops[] = {
	{ "Host: a\nA: b\n", "Host A " },
	{ "Connection: close\nA: b\n", "A " },
	{ "connection: a\nA: b\nB: c\na: d\n", "B " },
	{ "B: c\nA: b\nConnection: x, A ,,b\n", "" },
	{ "Connection: a\nConnection: b\nA: 1\nB: 2\nC: 3\n", "C " },
	{ "Keep-Alive: 5\nProxy-Connection: x\nTE: trailers\nTrailer: x\n"
	    "Transfer-Encoding: chunked\nUpgrade: x\nProxy-Authenticate: x\n"
	    "Proxy-Authorization: x\nAuthorization: y\n", "Authorization " },
	{ "Connection: cookie, date\nCookie: a\nDate: b\n", "" },
	{ "Connection: Via, Forwarded, X-Forwarded-For, x-forwarded-host, "
	    "X-Forwarded-Proto, X-Forwarded-Port\nVia: 1.1 x\nForwarded: x\n"
	    "X-Forwarded-For: 1\nX-Forwarded-Host: h\nX-Forwarded-Proto: p\n"
	    "X-Forwarded-Port: 1\n", "Via Forwarded X-Forwarded-For "
	    "X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port " },
	{ "Connection: host\nHost: a\n", NULL },
	{ "Connection: x, Content-Length\n", NULL },
	{ "Connection: x\nConnection: TRANSFER-ENCODING\n", NULL },
	{ "Connection: \"a\", b c\nA: 1\nB: 2\n", "A B " },
	{ "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a\nA: 64\n", "" },
	{ "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a\nA: 65\n", NULL },
};

START_TEST(hop_by_hop)
{
	struct http_head h = head_of(hops[_i].lines);

	ck_assert_int_eq(head_drop_hop_by_hop(&h), hops[_i].left != NULL);
	if (hops[_i].left != NULL)
		ck_assert_str_eq(names_left(&h), hops[_i].left);
}
END_TEST

START_TEST(hop_by_hop_without_names)
{
	struct http_head h = head_of("Connection: close\nClose: 1\nTE: x\n");

	h.has_names_in_connection = false;
	ck_assert(head_drop_hop_by_hop(&h));
	ck_assert_str_eq(names_left(&h), "Close ");
}
END_TEST

/* A chunked message may announce its trailers. */
START_TEST(trailer_stays_with_chunks)
{
	struct http_head h = head_of("Trailer: X-Sum\nA: b\n");

	h.framing = FRAMING_CHUNKED;
	ck_assert(head_drop_hop_by_hop(&h));
	ck_assert_str_eq(names_left(&h), "Trailer A ");
}
END_TEST

/* Of framing, routing, authentication, and what controls caches. */
static const char *const not_in_trailers[] = {
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "TE",
	"Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection",
	"Proxy-Authenticate", "Proxy-Authorization", "Expect", "Via",
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto",
	"X-Forwarded-Host", "X-Forwarded-Port", "Max-Forwards", "Date",
	"Content-Type", "Cookie", "Set-Cookie", "Cache-Control",
	"Retry-After", "Authorization", "WWW-Authenticate",
	"Authentication-Info", "Proxy-Authentication-Info",
	"Content-Encoding", "Content-Range", "Content-Location",
	"Content-Language", "Range", "If-Match", "If-None-Match",
	"If-Modified-Since", "If-Unmodified-Since", "If-Range", "Age",
	"Expires", "Location", "Vary", "Warning", "Pragma",
	"Accept-Encoding", "Accept-Language", "Accept-Charset", "X-Real-IP",
	"Alt-Svc", "X_Forwarded_For", "x_forwarded_proto",
	"X_Forwarded_Host", "X_FORWARDED_PORT",
};

START_TEST(trailers)
{
	char lines[64];
	struct http_head t;

	(void)snprintf(lines, sizeof(lines), "X-Sum: 1\n%s: x\nA: b\n",
	    not_in_trailers[_i]);
	t = head_of(lines);
	trailers_drop_forbidden(&t);
	ck_assert_str_eq(names_left(&t), "X-Sum A ");
}
END_TEST

static const struct {
	const char *lines;
	unsigned want;
} vias[] = {
	{ "A: 1.1 lb\n", 0 },
	{ "Via: 1.1 lb\n", 1 },
	{ "Via: 1.1 LB\n", 1 },
	{ "Via: HTTP/1.1 \t lb (a comment)\n", 1 },
	{ "Via: 1.0 x, 1.1 lb, 1.1 y,1.1 lb\nVia: 2 lb\n", 3 },
	{ "Via: 1.1 lb2, 1.1 xlb, lb, lb 1.1, 1.1\n", 0 },
	{ "Via: \nVia: ,, ,\n", 0 },
};

START_TEST(via)
{
	struct http_head h = head_of(vias[_i].lines);

	ck_assert_uint_eq(head_via_count(&h, SPAN("lb")), vias[_i].want);
}
END_TEST

static const struct {
	const char *lines;
	enum http_media want;
} accepts[] = {
	{ "Host: a\n", MEDIA_TEXT },
	{ "Accept: */*\n", MEDIA_TEXT },
	{ "Accept: \n", MEDIA_TEXT },
	{ "Accept: text/html\n", MEDIA_HTML },
	{ "Accept: TEXT/HTML ; q=0.1\n", MEDIA_HTML },
	{ "Accept: application/json\n", MEDIA_JSON },
	{ "Accept: application/*\n", MEDIA_JSON },
	{ "Accept: text/*\n", MEDIA_TEXT },
	{ "Accept: image/png\n", MEDIA_TEXT },
	{ "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
	    "image/webp,*/*;q=0.8\n", MEDIA_HTML },
	{ "Accept: application/json, text/plain, */*\n", MEDIA_JSON },
	{ "Accept: text/html;q=0.5, application/json;q=0.51\n", MEDIA_JSON },
	{ "Accept: text/html;q=0.5, */*\n", MEDIA_TEXT },
	{ "Accept: text/html;level=1;q=0.3, application/json;q=0.2\n",
	    MEDIA_HTML },
	{ "Accept: text/html;q=0\n", MEDIA_TEXT },
	{ "Accept: text/html;q=0.000, application/json;Q=0.001\n",
	    MEDIA_JSON },
	{ "Accept: text/html;q=junk, application/json;q=0.1\n", MEDIA_JSON },
	{ "Accept: text/html;q=0.7\nAccept: application/json\n", MEDIA_JSON },
	{ "Accept: text/html;q=\n", MEDIA_TEXT },
	{ "Accept: text/html;q=1.5, application/json;q=1.000\n", MEDIA_HTML },
};

START_TEST(accept_header)
{
	struct http_head h = head_of(accepts[_i].lines);

	ck_assert_int_eq(head_accept(&h), accepts[_i].want);
}
END_TEST

START_TEST(lists)
{
	struct span rest = SPAN(" a ,, b\t,c d , "), element;

	ck_assert(list_next(&rest, &element));
	ck_assert(span_equal(element, SPAN("a")));
	ck_assert(list_next(&rest, &element));
	ck_assert(span_equal(element, SPAN("b")));
	ck_assert(list_next(&rest, &element));
	ck_assert(span_equal(element, SPAN("c d")));
	ck_assert(!list_next(&rest, &element));
	rest = span_of(NULL, 0);
	ck_assert(!list_next(&rest, &element));
}
END_TEST

START_TEST(phrases)
{
	ck_assert_str_eq(status_phrase(200), "OK");
	ck_assert_str_eq(status_phrase(508), "Loop Detected");
	ck_assert_str_eq(status_phrase(0), "");
	ck_assert_str_eq(status_phrase(299), "");
	ck_assert_str_eq(status_phrase(599), "");
	ck_assert_str_eq(status_phrase(600), "");
	ck_assert_str_eq(status_phrase(70000), "");
}
END_TEST

START_TEST(reasons_have_words)
{
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		ck_assert_ptr_nonnull(reasons[i].word);
		ck_assert(reasons[i].status == 0 ||
		    *status_phrase(reasons[i].status) != '\0');
	}
	ck_assert_str_eq(reasons[REASON_JUNK].word, "junk");
	ck_assert_uint_eq(reasons[REASON_JUNK].status, 502);
	ck_assert(reasons[REASON_JUNK].is_charged);
}
END_TEST

/* interfaces.md, failures: what the client gets, who is charged. */
static const struct {
	enum reason why;
	const char *word;
	unsigned status;
	bool is_charged;
} failures[] = {
	{ REASON_CONNECT, "connect", 502, true },
	{ REASON_CONNECT_TIMEOUT, "connect", 504, true },
	{ REASON_STALE, "stale", 502, false },
	{ REASON_RESET_REUSED, "reset_reused", 502, false },
	{ REASON_RESET, "reset", 502, true },
	{ REASON_REFUSED, "refused", 502, false },
	{ REASON_TIMEOUT, "timeout", 504, true },
	{ REASON_JUNK, "junk", 502, true },
	{ REASON_TRUNCATED, "truncated", 0, true },
	{ REASON_NO_BACKEND, "no_backend", 503, false },
	{ REASON_LOCAL, "local", 503, false },
	{ REASON_CLIENT_GONE, "client_gone", 0, false },
	{ REASON_BAD_REQUEST, "bad_request", 400, false },
	{ REASON_HEAD_TOO_LARGE, "head_too_large", 431, false },
	{ REASON_BODY_TOO_LARGE, "body_too_large", 413, false },
	{ REASON_URI_TOO_LONG, "uri_too_long", 414, false },
	{ REASON_CLIENT_TIMEOUT, "client_timeout", 408, false },
	{ REASON_NOT_FOUND, "not_found", 404, false },
	{ REASON_METHOD, "method", 405, false },
	{ REASON_LIMIT, "limit", 429, false },
	{ REASON_LOOP, "loop", 508, false },
	{ REASON_EXPECTATION, "expectation", 417, false },
	{ REASON_VERSION, "version", 505, false },
};

START_TEST(reasons_are_the_table)
{
	const struct reason_row *r = &reasons[failures[_i].why];

	ck_assert_str_eq(r->word, failures[_i].word);
	ck_assert_uint_eq(r->status, failures[_i].status);
	ck_assert_int_eq(r->is_charged, failures[_i].is_charged);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http/rules");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, hop_by_hop, 0, COUNT_OF(hops));
	tcase_add_test(all, hop_by_hop_without_names);
	tcase_add_test(all, trailer_stays_with_chunks);
	tcase_add_loop_test(all, trailers, 0, COUNT_OF(not_in_trailers));
	tcase_add_loop_test(all, via, 0, COUNT_OF(vias));
	tcase_add_loop_test(all, accept_header, 0, COUNT_OF(accepts));
	tcase_add_test(all, lists);
	tcase_add_test(all, phrases);
	tcase_add_test(all, reasons_have_words);
	tcase_add_loop_test(all, reasons_are_the_table, 0, COUNT_OF(failures));
	suite_add_tcase(suite, all);
	return unit_main_rows(suite);
}
