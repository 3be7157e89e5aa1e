/* src/http1/parse_rules.c -- what a good head is, beyond its lines */
#include "http1/parse_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/fields.h"

enum parse_status
parse_refuse(struct parse *p, enum reason why)
{
	p->why = (uint8_t)(p->is_request ? why : REASON_JUNK);
	return PARSE_BAD;
}

enum parse_status
parse_incomplete(struct parse *p, size_t line, enum reason why)
{
	size_t len = p->len - line;

	if (len > 0 && p->data[p->len - 1] == '\r')
		len--;
	if (p->len >= p->limits->head_bytes || len > p->limits->line_bytes)
		return parse_refuse(p, why);
	return PARSE_MORE;
}

/* ---- version */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
parse_may_become(const struct parse *p, size_t at, const char *pattern)
{
	for (; at < p->len && *pattern != '\0'; at++, pattern++)
		if (*pattern == '9' ? !is_digit(p->data[at]) :
		    p->data[at] != *pattern)
			return false;
	return true;
}

enum parse_status
parse_other_version(struct parse *p, size_t at)
{
	const char *v = p->data + at;

	if (memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
	    !is_digit(v[7]))
		return parse_refuse(p, REASON_BAD_REQUEST);
	if (v[5] != '1')
		return parse_refuse(p, REASON_VERSION);
	p->h->version = v[7] == '0' ? HTTP_1_0 : HTTP_1_1;
	return PARSE_OK;
}

/* ---- host (RFC 3986 3.2.2) */

/* unreserved and sub-delims; what is escaped is not here */
static const bool is_reg_name[256] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
	['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true, ['!'] = true,
	['$'] = true, ['&'] = true, ['\''] = true, ['('] = true, [')'] = true,
	['*'] = true, ['+'] = true, [','] = true, [';'] = true, ['='] = true,
};

static bool
is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static inline bool
is_reg_name4(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return is_reg_name[p[0]] & is_reg_name[p[1]] & is_reg_name[p[2]] &
	    is_reg_name[p[3]];
}

static size_t
reg_name_len(struct span s)
{
	size_t i = 0;

	for (;;) {
		while (s.len - i >= 4 && is_reg_name4(s.ptr + i))
			i += 4;
		while (i < s.len && is_reg_name[(unsigned char)s.ptr[i]])
			i++;
		if (s.len - i < 3 || s.ptr[i] != '%' ||
		    !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2]))
			return i;
		i += 3;
	}
}

/* "[::1]" with its brackets, which is all of IP-literal that is in use. */
static size_t
ip_literal_len(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	const char *close = memchr(s.ptr, ']', s.len);
	size_t len;

	if (close == NULL)
		return 0;
	len = (size_t)(close - s.ptr) - 1;
	if (len >= sizeof(text))
		return 0;
	memcpy(text, s.ptr + 1, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &a) == 1 ? len + 2 : 0;
}

/* ":8080"; the digits may be missing */
static bool
is_port(struct span s)
{
	unsigned port = 0;

	if (s.len > 6 || s.ptr[0] != ':')
		return false;
	for (size_t i = 1; i < s.len; i++) {
		if (!is_digit(s.ptr[i]))
			return false;
		port = port * 10 + (unsigned)(s.ptr[i] - '0');
	}
	return port <= UINT16_MAX;
}

static bool
is_authority(struct span s)
{
	size_t len;

	if (s.len == 0)
		return false;
	len = s.ptr[0] == '[' ? ip_literal_len(s) : reg_name_len(s);
	return len > 0 && (len == s.len || is_port(span_skip(s, len)));
}

/* ---- fields */

static bool
take_host(struct parse *p, struct span value)
{
	if (!p->is_request)
		return true;
	if ((p->seen & PARSE_BIT(HOST)) != 0 || !is_authority(value))
		return false;
	p->h->host = value;
	return true;
}

static bool
take_length(struct parse *p, struct span value)
{
	uint64_t n = 0;

	if ((p->seen & PARSE_BIT(CONTENT_LENGTH)) != 0 || value.len == 0)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.ptr[i]) || n > INT64_MAX / 10)
			return false;
		n = n * 10 + (uint64_t)(value.ptr[i] - '0');
	}
	p->h->body_len = n;
	return n <= INT64_MAX;
}

static bool
take_coding(struct parse *p, struct span value)
{
	return (p->seen & PARSE_BIT(TRANSFER_ENCODING)) == 0 &&
	    span_equal_nocase(value, SPAN("chunked"));
}

static bool
take_expect(struct parse *p, struct span value)
{
	bool is_known = span_equal_nocase(value, SPAN("100-continue"));

	if (!is_known)
		p->has_unknown_expectation = true;
	p->h->expects_continue = is_known;
	return true;
}

static void
take_connection(struct parse *p, struct span value)
{
	struct span option;

	while (list_next(&value, &option))
		if (span_equal_nocase(option, SPAN("close")))
			p->has_close = true;
		else if (span_equal_nocase(option, SPAN("keep-alive")))
			p->has_keep_alive = true;
		else if (span_equal_nocase(option, SPAN("upgrade")))
			p->h->has_upgrade_option = true;
		else
			p->h->has_names_in_connection = true;
}

bool
parse_field_rule(struct parse *p, const struct http_field *f)
{
	struct span value = field_value(p->h, f);
	bool is_good = true;

	if (unlikely(p->is_trailers))
		return true;
	switch (f->id) {
	case FIELD_EXPECT:
		is_good = take_expect(p, value);
		break;
	case FIELD_HOST:
		is_good = take_host(p, value);
		break;
	case FIELD_CONTENT_LENGTH:
		is_good = take_length(p, value);
		break;
	case FIELD_TRANSFER_ENCODING:
		is_good = take_coding(p, value);
		break;
	case FIELD_CONNECTION:
		take_connection(p, value);
		break;
	default:
		break;
	}
	p->seen |= 1u << f->id;
	return is_good;
}

/* ---- heads */

static bool
has(const struct parse *p, uint32_t bits)
{
	return (p->seen & bits) != 0;
}

/* RFC 9112 6.1 and 6.3: where the end could be disputed. False: refused. */
static bool
take_framing(struct parse *p)
{
	struct http_head *h = p->h;

	if (unlikely(has(p, PARSE_BIT(TRANSFER_ENCODING)))) {
		h->framing = FRAMING_CHUNKED;
		return h->version != HTTP_1_0 &&
		    !has(p, PARSE_BIT(CONTENT_LENGTH));
	}
	if (has(p, PARSE_BIT(CONTENT_LENGTH)))
		h->framing = FRAMING_LENGTH;
	return true;
}

static void
take_persistence(struct parse *p)
{
	p->h->is_keep_alive = !p->has_close &&
	    (p->h->version != HTTP_1_0 || p->has_keep_alive);
}

/* "http://" or "https://": its length, or 0. */
static size_t
scheme_len(struct span target)
{
	if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0)
		return 7;
	if (target.len > 8 && strncasecmp(target.ptr, "https://", 8) == 0)
		return 8;
	return 0;
}

/* RFC 9112 3.2.2: its authority stands in place of Host. */
static bool
take_absolute_form(struct http_head *h)
{
	size_t scheme = scheme_len(h->target);
	struct span rest = span_skip(h->target, scheme);
	size_t len = 0;

	while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
		len++;
	h->host = span_of(rest.ptr, len);
	return scheme > 0 && is_authority(h->host);
}

static bool
take_target(struct http_head *h)
{
	if (likely(h->target.ptr[0] == '/'))
		return true;
	if (h->target.len == 1 && h->target.ptr[0] == '*')
		return h->method == METHOD_OPTIONS;
	return take_absolute_form(h);
}

/* RFC 9110 10.1.1: of HTTP/1.0 clients it means nothing. */
static bool
take_expectation(struct parse *p)
{
	struct http_head *h = p->h;

	if (likely(!has(p, PARSE_BIT(EXPECT))))
		return true;
	if (h->version != HTTP_1_0 && p->has_unknown_expectation)
		return false;
	if (h->version == HTTP_1_0 || h->framing == FRAMING_NONE) {
		head_drop(h, FIELD_EXPECT);
		h->expects_continue = false;
	}
	return true;
}

enum parse_status
parse_finish_request(struct parse *p)
{
	struct http_head *h = p->h;

	if (unlikely(!has(p, PARSE_BIT(HOST)) && h->version != HTTP_1_0))
		return parse_refuse(p, REASON_BAD_REQUEST);
	if (unlikely(!take_target(h) || !take_framing(p)))
		return parse_refuse(p, REASON_BAD_REQUEST);
	if (unlikely(!take_expectation(p)))
		return parse_refuse(p, REASON_EXPECTATION);
	take_persistence(p);
	return PARSE_OK;
}

/* 1xx and 204 must have neither; a length is harmless but not passed on. */
static bool
take_bodiless(struct parse *p)
{
	struct http_head *h = p->h;
	bool has_length = h->framing == FRAMING_LENGTH && h->body_len > 0;

	if (h->framing == FRAMING_CHUNKED)
		return false;
	if (h->framing == FRAMING_LENGTH)
		head_drop(h, FIELD_CONTENT_LENGTH);
	h->framing = FRAMING_NONE;
	h->is_keep_alive = h->is_keep_alive && !has_length;
	return true;
}

/* 205 has no content (RFC 9110 15.3.6), but nothing forbids the framing. */
static bool
take_reset_content(struct http_head *h)
{
	if (h->framing == FRAMING_CHUNKED || h->body_len > 0)
		return false;
	if (h->framing == FRAMING_NONE)
		h->is_keep_alive = false;
	h->framing = FRAMING_NONE;
	return true;
}

static bool
take_response_body(struct parse *p)
{
	struct http_head *h = p->h;

	if (unlikely(h->status < 200 || h->status == 204))
		return take_bodiless(p);
	if (h->status == 304 || p->request_method == METHOD_HEAD) {
		h->framing = FRAMING_NONE;
		return true;
	}
	if (unlikely(h->status == 205))
		return take_reset_content(h);
	if (h->framing == FRAMING_NONE) {
		h->framing = FRAMING_CLOSE;
		h->is_keep_alive = false;
	}
	return true;
}

enum parse_status
parse_finish_response(struct parse *p)
{
	if (unlikely(!take_framing(p)))
		return parse_refuse(p, REASON_JUNK);
	take_persistence(p);
	if (unlikely(!take_response_body(p)))
		return parse_refuse(p, REASON_JUNK);
	return PARSE_OK;
}
