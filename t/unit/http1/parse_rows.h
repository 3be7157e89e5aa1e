/* t/unit/http1/parse_rows.h -- heads and what the parser must say of them */
#pragma once
#include "http1/parse.h"

#define TEXT(literal) { "" literal, sizeof(literal) - 1 }
#define L "\r\n"
#define H "Host: a" L

/* A request; `why` is REASON_NONE for a good one. */
struct request_row {
	struct span text;
	enum reason why;
	const char *host;
	const char *target;
	unsigned n_fields;
	enum http_version version;
	enum framing framing;
	uint64_t body_len;
	bool is_keep_alive;
	bool has_names;
};

#define ANY(text, host, target, n, version, ...)			\
	{ TEXT(text L), REASON_NONE, host, target, n, version, __VA_ARGS__ }
#define GET(text, host, target, n)					\
	ANY(text, host, target, n, HTTP_1_1, FRAMING_NONE, 0, true, false)
#define SENDS(text, n, len)						\
	ANY("POST /u HTTP/1.1" L H text, "a", "/u", n, HTTP_1_1,	\
	    FRAMING_LENGTH, len, true, false)
#define SAYS(version, text, n, keep, names)				\
	ANY("GET / HTTP/1." #version L H text, "a", "/", n,		\
	    HTTP_1_##version, FRAMING_NONE, 0, keep, names)
#define BAD(reason, lines) { .text = TEXT(lines), .why = REASON_##reason }
/* A bad field in a request that is good but for it. */
#define FIELD(reason, text) BAD(reason, "GET / HTTP/1.1" L H text L L)
#define HOST(text) BAD(BAD_REQUEST, "GET / HTTP/1.1" L text L L)

static const struct request_row requests[] = {
	/* targets and hosts */
	GET("GET / HTTP/1.1" L H, "a", "/", 1),
	GET("GET /?q=1&r=%20 HTTP/1.1" L "host:a.b:80" L, "a.b:80",
	    "/?q=1&r=%20", 1),
	GET("GET //x/../y;z=[]{}|\\^`\"<> HTTP/1.1" L H, "a",
	    "//x/../y;z=[]{}|\\^`\"<>", 1),
	GET("HEAD / HTTP/1.1" L "HOST:  [::1]:8080 \t" L, "[::1]:8080", "/",
	    1),
	GET("DELETE / HTTP/1.1" L "Host: [fe80::1:2]" L, "[fe80::1:2]", "/",
	    1),
	GET("BREW-IT!#$%&'*+.^_`|~ / HTTP/1.1" L H, "a", "/", 1),
	GET("get / HTTP/1.1" L H, "a", "/", 1),
	GET("GET / HTTP/1.1" L "Host: a-b_c~%41!$&'()*+,;=:" L,
	    "a-b_c~%41!$&'()*+,;=:", "/", 1),
	GET("GET / HTTP/1.1" L "Host: 192.0.2.1:65535" L, "192.0.2.1:65535",
	    "/", 1),
	GET("OPTIONS * HTTP/1.1" L H, "a", "*", 1),
	GET("OPTIONS /x HTTP/1.1" L H, "a", "/x", 1),
	GET("GET http://b.c/d HTTP/1.1" L H, "b.c", "http://b.c/d", 1),
	GET("GET HTTP://b:81 HTTP/1.1" L H, "b:81", "HTTP://b:81", 1),
	GET("GET https://[::2]?q HTTP/1.1" L H, "[::2]", "https://[::2]?q",
	    1),
	GET("OPTIONS http://b HTTP/1.1" L H, "b", "http://b", 1),
	ANY("GET / HTTP/1.0" L, "", "/", 0, HTTP_1_0, FRAMING_NONE, 0, false,
	    false),
	ANY("GET / HTTP/1.2" L H, "a", "/", 1, HTTP_1_1, FRAMING_NONE, 0,
	    true, false),
	ANY("GET / HTTP/1.9" L H, "a", "/", 1, HTTP_1_1, FRAMING_NONE, 0,
	    true, false),
	/* fields */
	GET("GET / HTTP/1.1" L H "A:" L, "a", "/", 2),
	GET("GET / HTTP/1.1" L H "A: " L "B:\t \t" L, "a", "/", 3),
	GET("GET / HTTP/1.1" L "A: b c\td  \t" L H, "a", "/", 2),
	GET("GET / HTTP/1.1" L H "A: \x80\xff\xc3\xa9" L, "a", "/", 2),
	GET("GET / HTTP/1.1" L H "A::b:c" L, "a", "/", 2),
	GET("GET / HTTP/1.1" L H "!#$%&'*+-.^_`|~09azAZ: 1" L, "a", "/", 2),
	GET("GET / HTTP/1.1" L H "X-Forwarded-For: 1" L "Via: 1.1 x" L
	    "Cookie: a=b; c=\"d\"" L "Accept: */*" L, "a", "/", 5),
	GET("GET /0123456789012345678901234567890123456789012345678901234567"
	    "890123456789 HTTP/1.1" L H "User-Agent: 0123456789012345678901234"
	    "56789012345678901234567890123456789012345678901234567890123456789"
	    L, "a", "/01234567890123456789012345678901234567890123456789012345"
	    "67890123456789", 2),
	/* bodies */
	SENDS("Content-Length: 0" L, 2, 0),
	SENDS("content-length:5 " L, 2, 5),
	SENDS("Content-Length: 007" L, 2, 7),
	SENDS("CONTENT-LENGTH: 9223372036854775807" L, 2, INT64_MAX),
	/* persistence */
	SAYS(1, "Connection: close" L, 2, false, false),
	SAYS(1, "Connection: keep-alive" L, 2, true, false),
	SAYS(1, "Connection: Keep-Alive , CLOSE" L, 2, false, false),
	SAYS(1, "Connection:" L, 2, true, false),
	SAYS(1, "Connection: ,," L, 2, true, false),
	SAYS(1, "Connection: x-a" L, 2, true, true),
	SAYS(1, "Connection: x-a,close" L "Connection: b" L, 3, false, true),
	SAYS(1, "Connection: closed" L, 2, true, true),
	SAYS(0, "Connection: keep-alive" L, 2, true, false),
	SAYS(0, "Connection: close, keep-alive" L, 2, false, false),
	SAYS(0, "Connection: upgrade" L, 2, false, false),
	SAYS(0, "", 1, false, false),

	/* request lines */
	BAD(BAD_REQUEST, " GET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "\tGET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, L "GET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "\nGET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "\0GET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "G\0ET / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "G(T / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "G\xc3T / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET\t/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET  / HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /  HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\tHTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.1 " L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.1\t" L H L),
	BAD(BAD_REQUEST, "GET / x HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET / " L H L),
	BAD(BAD_REQUEST, "GET /" L H L),
	BAD(BAD_REQUEST, "GET" L H L),
	BAD(BAD_REQUEST, "GET  HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.1\n" H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.1\r" H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.1\r\r\n" H L),
	BAD(BAD_REQUEST, "GET /\r HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\n HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\0 HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\x7f HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\x80 HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\xff HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /\x01 HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET /a#b HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET # HTTP/1.1" L H L),
	/* targets */
	BAD(BAD_REQUEST, "GET * HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "OPTIONS ** HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET a HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET ?a HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET a:80 HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http:/a HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http:// HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http:///a HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://?a HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://u@b/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://u:p@b/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://b:x/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://b\\c/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET ftp://b/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET ws://b/ HTTP/1.1" L H L),
	BAD(BAD_REQUEST, "GET http://b/ HTTP/1.1" L L),
	BAD(METHOD, "CONNECT a:443 HTTP/1.1" L H L),
	BAD(METHOD, "CONNECT / HTTP/1.1" L H L),
	/* versions */
	BAD(VERSION, "GET / HTTP/2.0" L H L),
	BAD(VERSION, "GET / HTTP/0.9" L H L),
	BAD(VERSION, "GET / HTTP/3.1" L H L),
	BAD(VERSION, "PRI * HTTP/2.0" L L "SM" L L),
	BAD(BAD_REQUEST, "GET / http/1.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.10" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/11.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/01.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1,1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1." L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/1.x" L H L),
	BAD(BAD_REQUEST, "GET / HTTQ/1.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP 1.1" L H L),
	BAD(BAD_REQUEST, "GET / HTTP/-1.1" L H L),
	BAD(BAD_REQUEST, "GET / \0TTP/1.1" L H L),
	/* lines */
	FIELD(BAD_REQUEST, "A: b\nC: d"),
	FIELD(BAD_REQUEST, "A: b\rC: d"),
	FIELD(BAD_REQUEST, "A: b\r"),
	FIELD(BAD_REQUEST, "A: b" L " c"),
	FIELD(BAD_REQUEST, "A: b" L "\tc"),
	FIELD(BAD_REQUEST, "A: b" L " " L "C: d"),
	BAD(BAD_REQUEST, "GET / HTTP/1.1" L " " H L),
	FIELD(BAD_REQUEST, "A : b"),
	FIELD(BAD_REQUEST, "A\t: b"),
	FIELD(BAD_REQUEST, " A: b"),
	FIELD(BAD_REQUEST, ": b"),
	FIELD(BAD_REQUEST, ":"),
	FIELD(BAD_REQUEST, "A"),
	FIELD(BAD_REQUEST, "A b: c"),
	FIELD(BAD_REQUEST, "A(b): c"),
	FIELD(BAD_REQUEST, "A\"b: c"),
	FIELD(BAD_REQUEST, "A,b: c"),
	FIELD(BAD_REQUEST, "A/b: c"),
	FIELD(BAD_REQUEST, "A;b: c"),
	FIELD(BAD_REQUEST, "A=b: c"),
	FIELD(BAD_REQUEST, "A@b: c"),
	FIELD(BAD_REQUEST, "A[b]: c"),
	FIELD(BAD_REQUEST, "A\\b: c"),
	FIELD(BAD_REQUEST, "A{b}: c"),
	FIELD(BAD_REQUEST, "A<b>: c"),
	FIELD(BAD_REQUEST, "A?b: c"),
	FIELD(BAD_REQUEST, "A\0b: c"),
	FIELD(BAD_REQUEST, "A\x7f: c"),
	FIELD(BAD_REQUEST, "A\x80: c"),
	FIELD(BAD_REQUEST, "\xef\xbb\xbf""A: c"),
	FIELD(BAD_REQUEST, "A: b\0c"),
	FIELD(BAD_REQUEST, "A: \x01"),
	FIELD(BAD_REQUEST, "A: b\x08"),
	FIELD(BAD_REQUEST, "A: \x0b"),
	FIELD(BAD_REQUEST, "A: \x0c" "b"),
	FIELD(BAD_REQUEST, "A: b\x1f"),
	FIELD(BAD_REQUEST, "A: \x7f"),
	BAD(BAD_REQUEST, "GET / HTTP/1.1" L H "\n"),
	BAD(BAD_REQUEST, "GET / HTTP/1.1" L H "\r\r\n"),
	/* Host */
	BAD(BAD_REQUEST, "GET / HTTP/1.1" L L),
	BAD(BAD_REQUEST, "GET / HTTP/1.3" L L),
	HOST(H "Host: a"),
	HOST(H "hOST: b"),
	BAD(BAD_REQUEST, "GET / HTTP/1.0" L H H L),
	HOST("Host:"),
	HOST("Host: "),
	HOST("Host: a b"),
	HOST("Host: a/b"),
	HOST("Host: a\tb"),
	HOST("Host: u@a"),
	HOST("Host: a#"),
	HOST("Host: a?"),
	HOST("Host: a\\b"),
	HOST("Host: \"a\""),
	HOST("Host: <a>"),
	HOST("Host: a%4"),
	HOST("Host: a%"),
	HOST("Host: a%zz"),
	HOST("Host: \xc3\xa9"),
	HOST("Host: :80"),
	HOST("Host: a:b"),
	HOST("Host: a:80:80"),
	HOST("Host: a:65536"),
	HOST("Host: a:000080"),
	HOST("Host: ["),
	HOST("Host: []"),
	HOST("Host: [::1"),
	HOST("Host: ::1"),
	HOST("Host: [::1]x"),
	HOST("Host: [::1]:x"),
	HOST("Host: [::g]"),
	HOST("Host: [1.2.3.4]"),
	HOST("Host: [fe80::1%25eth0]"),
	HOST("Host: [v1.x]"),
	HOST("Host: [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"),
	/* Content-Length */
	FIELD(BAD_REQUEST, "Content-Length:"),
	FIELD(BAD_REQUEST, "Content-Length: "),
	FIELD(BAD_REQUEST, "Content-Length: x"),
	FIELD(BAD_REQUEST, "Content-Length: -1"),
	FIELD(BAD_REQUEST, "Content-Length: +1"),
	FIELD(BAD_REQUEST, "Content-Length: 1 1"),
	FIELD(BAD_REQUEST, "Content-Length: 1,1"),
	FIELD(BAD_REQUEST, "Content-Length: 1, 1"),
	FIELD(BAD_REQUEST, "Content-Length: 1;x"),
	FIELD(BAD_REQUEST, "Content-Length: 1."),
	FIELD(BAD_REQUEST, "Content-Length: 0x1"),
	FIELD(BAD_REQUEST, "Content-Length: 1e1"),
	FIELD(BAD_REQUEST, "Content-Length: \"1\""),
	FIELD(BAD_REQUEST, "Content-Length: \xb9"),
	FIELD(BAD_REQUEST, "Content-Length: 9223372036854775808"),
	FIELD(BAD_REQUEST, "Content-Length: 18446744073709551616"),
	FIELD(BAD_REQUEST, "Content-Length: 92233720368547758070"),
	FIELD(BAD_REQUEST, "Content-Length: 1" L "Content-Length: 1"),
	FIELD(BAD_REQUEST, "Content-Length: 1" L "content-length: 2"),
	BAD(BAD_REQUEST, "GET / HTTP/1.0" L "Content-Length: 1" L
	    "Content-Length: 1" L L),
	/* Transfer-Encoding */
	FIELD(BAD_REQUEST, "Transfer-Encoding:"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: identity"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: gzip"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: gzip, chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked, chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked,"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: ,chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked;a=b"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: \"chunked\""),
	FIELD(BAD_REQUEST, "Transfer-Encoding: xchunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked x"),
	FIELD(BAD_REQUEST, "Transfer-Encoding : chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: \x0b" "chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked" L
	    "Transfer-Encoding: chunked"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked" L
	    "transfer-encoding: identity"),
	FIELD(BAD_REQUEST, "Transfer-Encoding: chunked" L
	    "Content-Length: 1"),
	FIELD(BAD_REQUEST, "Content-Length: 0" L
	    "Transfer-Encoding: chunked"),
	BAD(BAD_REQUEST, "POST / HTTP/1.0" L H
	    "Transfer-Encoding: chunked" L L),
	/* Expect */
	FIELD(EXPECTATION, "Expect: 200-ok"),
	FIELD(EXPECTATION, "Expect: 100-continue, x"),
	FIELD(EXPECTATION, "Expect:"),
	/* limits: see limits_of_rows */
	BAD(URI_TOO_LONG, "GET /0123456789012345678901234567890123456789012345"
	    "678901234567890123456789012345678901234567890123456789012345678"
	    "901234567890123456789012345678901234567890123456789012345678 HTT"
	    "P/1.1" L H L),
	FIELD(HEAD_TOO_LARGE, "A: 012345678901234567890123456789012345678901234"
	    "567890123456789012345678901234567890123456789012345678901234567"
	    "890123456789012345678901234567890123456789012345678901234567890"),
	FIELD(HEAD_TOO_LARGE, "A:1" L "B:2" L "C:3" L "D:4" L "E:5" L "F:6" L
	    "G:7" L "H:8"),
};

/* A response; `is_bad` ones are all junk. */
struct response_row {
	struct span text;
	bool is_bad;
	enum method method;
	unsigned status;
	const char *phrase;
	unsigned n_fields;
	enum framing framing;
	uint64_t body_len;
	bool is_keep_alive;
};

#define OK(method, line, text, n, ...)					\
	{ TEXT("HTTP/1." line L text L), false, METHOD_##method, n,	\
	    __VA_ARGS__ }
#define JUNK(lines) { .text = TEXT(lines), .is_bad = true }
#define JUNK_FIELD(text) JUNK("HTTP/1.1 200 OK" L text L L)
#define LENGTH(n) "Content-Length: " #n L
#define CHUNKED "Transfer-Encoding: chunked" L

static const struct response_row responses[] = {
	OK(GET, "1 200 OK", LENGTH(5), 200, "OK", 1, FRAMING_LENGTH, 5, true),
	OK(GET, "1 200 OK", LENGTH(0), 200, "OK", 1, FRAMING_LENGTH, 0, true),
	OK(GET, "1 200 OK", "", 200, "OK", 0, FRAMING_CLOSE, 0, false),
	OK(GET, "1 200 ", LENGTH(1), 200, "", 1, FRAMING_LENGTH, 1, true),
	OK(GET, "1 200", LENGTH(1), 200, "", 1, FRAMING_LENGTH, 1, true),
	OK(GET, "1 404 Not \t\x80 Found!", LENGTH(1), 404,
	    "Not \t\x80 Found!", 1, FRAMING_LENGTH, 1, true),
	OK(GET, "1 599 x", LENGTH(1), 599, "x", 1, FRAMING_LENGTH, 1, true),
	OK(GET, "1 200  two", LENGTH(1), 200, " two", 1, FRAMING_LENGTH, 1,
	    true),
	OK(GET, "0 200 OK", LENGTH(5), 200, "OK", 1, FRAMING_LENGTH, 5, false),
	OK(GET, "0 200 OK", LENGTH(5) "Connection: Keep-Alive" L, 200, "OK",
	    2, FRAMING_LENGTH, 5, true),
	OK(GET, "2 200 OK", LENGTH(5), 200, "OK", 1, FRAMING_LENGTH, 5, true),
	OK(GET, "1 200 OK", LENGTH(5) "Connection: close" L, 200, "OK", 2,
	    FRAMING_LENGTH, 5, false),
	OK(GET, "1 200 OK", CHUNKED, 200, "OK", 1, FRAMING_CHUNKED, 0, true),
	OK(GET, "1 200 OK", "Connection: keep-alive" L, 200, "OK", 1,
	    FRAMING_CLOSE, 0, false),
	OK(HEAD, "1 200 OK", LENGTH(5), 200, "OK", 1, FRAMING_NONE, 5, true),
	OK(HEAD, "1 200 OK", CHUNKED, 200, "OK", 1, FRAMING_NONE, 0, true),
	OK(HEAD, "1 200 OK", "", 200, "OK", 0, FRAMING_NONE, 0, true),
	OK(GET, "1 304 x", LENGTH(5), 304, "x", 1, FRAMING_NONE, 5, true),
	OK(GET, "1 304 x", CHUNKED, 304, "x", 1, FRAMING_NONE, 0, true),
	OK(GET, "1 304 x", "", 304, "x", 0, FRAMING_NONE, 0, true),
	OK(GET, "1 204 x", "", 204, "x", 0, FRAMING_NONE, 0, true),
	OK(GET, "1 204 x", LENGTH(0), 204, "x", 1, FRAMING_NONE, 0, true),
	OK(GET, "1 204 x", LENGTH(5), 204, "x", 1, FRAMING_NONE, 5, false),
	OK(GET, "1 100 Continue", "", 100, "Continue", 0, FRAMING_NONE, 0,
	    true),
	OK(GET, "1 103 x", "Link: </a>" L, 103, "x", 1, FRAMING_NONE, 0, true),
	OK(GET, "1 205 x", LENGTH(0), 205, "x", 1, FRAMING_NONE, 0, true),
	OK(GET, "1 205 x", "", 205, "x", 0, FRAMING_NONE, 0, false),
	OK(GET, "1 426 x", LENGTH(0) "Upgrade: h2c" L, 426, "x", 2,
	    FRAMING_LENGTH, 0, true),
	OK(POST, "1 200 OK", "Host: what is this" L "Expect: x" L LENGTH(3),
	    200, "OK", 3, FRAMING_LENGTH, 3, true),

	JUNK("HTTP/1.1  200 OK" L L),
	JUNK("HTTP/1.1\t200 OK" L L),
	JUNK("HTTP/1.1 20 OK" L L),
	JUNK("HTTP/1.1 2000 OK" L L),
	JUNK("HTTP/1.1 20x OK" L L),
	JUNK("HTTP/1.1 099 OK" L L),
	JUNK("HTTP/1.1 000 OK" L L),
	JUNK("HTTP/1.1 600 OK" L L),
	JUNK("HTTP/1.1 999 OK" L L),
	JUNK("HTTP/1.1 +20 OK" L L),
	JUNK("HTTP/1.1 -20 OK" L L),
	JUNK("HTTP/1.1 200\tOK" L L),
	JUNK("HTTP/1.1 200OK" L L),
	JUNK("HTTP/1.1 200 O\0K" L L),
	JUNK("HTTP/1.1 200 O\x7fK" L L),
	JUNK("HTTP/1.1 200 O\rK" L L),
	JUNK("HTTP/1.1 200 OK\n" L),
	JUNK("HTTP/1.1 200 OK\n\n"),
	JUNK("HTTP/1.1 200\n" L),
	JUNK("HTTP/1.1 " L L),
	JUNK("HTTP/1.1 200 OK\r\r\n" L),
	JUNK("HTTP/2.0 200 OK" L L),
	JUNK("HTTP/0.9 200 OK" L L),
	JUNK("HTTP/2 200 OK" L L),
	JUNK("http/1.1 200 OK" L L),
	JUNK("ICY 200 OK, and on it goes" L L),
	JUNK(L "HTTP/1.1 200 OK" L L),
	JUNK(" HTTP/1.1 200 OK" L L),
	JUNK("<html><body>hello</body></html>" L L),
	JUNK("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" L L),
	JUNK("GET / HTTP/1.1" L H L),
	JUNK_FIELD("A"),
	JUNK_FIELD("A b: c"),
	JUNK_FIELD("A : b"),
	JUNK_FIELD(": b"),
	JUNK_FIELD(" A: b"),
	JUNK_FIELD("A: b" L " c"),
	JUNK_FIELD("A: b\nC: d"),
	JUNK_FIELD("A: b\0"),
	JUNK_FIELD("A: b\rc"),
	JUNK_FIELD("A: \x1b[0m"),
	JUNK_FIELD("Content-Length: "),
	JUNK_FIELD("Content-Length: -1"),
	JUNK_FIELD("Content-Length: 1, 1"),
	JUNK_FIELD("Content-Length: 9223372036854775808"),
	JUNK_FIELD("Content-Length: 1" L "Content-Length: 1"),
	JUNK_FIELD("Content-Length: 1" L "Content-Length: 2"),
	JUNK_FIELD("Content-Length: 1" L "Transfer-Encoding: chunked"),
	JUNK_FIELD("Transfer-Encoding: chunked" L "Content-Length: 1"),
	JUNK_FIELD("Transfer-Encoding: gzip"),
	JUNK_FIELD("Transfer-Encoding: gzip, chunked"),
	JUNK_FIELD("Transfer-Encoding: chunked" L "Transfer-Encoding: chunked"),
	JUNK("HTTP/1.0 200 OK" L CHUNKED L),
	JUNK("HTTP/1.1 204 x" L CHUNKED L),
	JUNK("HTTP/1.1 100 x" L CHUNKED L),
	JUNK("HTTP/1.1 304 x" L CHUNKED LENGTH(5) L),
	JUNK("HTTP/1.1 205 x" L LENGTH(5) L),
	JUNK("HTTP/1.1 205 x" L CHUNKED L),
	JUNK_FIELD("A:1" L "B:2" L "C:3" L "D:4" L "E:5" L "F:6" L "G:7" L
	    "H:8" L "I:9"),
};

/* Rows that are to be too large are so for these. */
static const struct parse_limits limits_of_rows = {
	.head_bytes = 512, .line_bytes = 160, .field_count = 8,
};

#undef TEXT
#undef L
#undef H
#undef ANY
#undef GET
#undef SENDS
#undef SAYS
#undef BAD
#undef FIELD
#undef HOST
#undef OK
#undef JUNK
#undef JUNK_FIELD
#undef LENGTH
#undef CHUNKED
