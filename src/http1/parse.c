/* src/http1/parse.c -- the meaning of a head, and the choice of a variant */
#include "http1/parse.h"

#include <stdlib.h>

#include "core/base.h"
#include "http/fields.h"
#include "http1/scan.h"

#define EMPTY_LINES_MAX 4

static const struct scan_variant *variant = &scan_scalar;

/* ---- the choice */

static bool
can_run(const struct scan_variant *v UNUSED)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (v == &scan_sse42)
		return __builtin_cpu_supports("sse4.2");
	if (v == &scan_avx2)
		return __builtin_cpu_supports("avx2") &&
		    __builtin_cpu_supports("bmi");
#endif
	return true;
}

bool
parse_init(void)
{
	static const struct scan_variant *const all[] = {	/* best last */
		&scan_scalar,
#if defined(__x86_64__)
		&scan_sse42, &scan_avx2,
#elif defined(__aarch64__)
		&scan_neon,
#endif
	};
	const char *wanted = getenv("FAIRLEAD_SIMD");
	bool found = wanted == NULL || *wanted == '\0';

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (can_run(all[i]))
			variant = all[i];
	for (size_t i = 0; !found && i < COUNT_OF(all); i++) {
		if (strcmp(wanted, all[i]->name) != 0 || !can_run(all[i]))
			continue;
		variant = all[i];
		found = true;
	}
	return found;
}

const char *
parse_variant(void)
{
	return variant->name;
}

size_t
parse_skip_empty_lines(struct span data)
{
	size_t n = 0;

	while (n + 1 < data.len && n < 2 * EMPTY_LINES_MAX &&
	    data.ptr[n] == '\r' && data.ptr[n + 1] == '\n')
		n += 2;
	return n;
}

/* ---- what the fields of either kind of head say */

struct facts {
	unsigned hosts, lengths, encodings;
	bool is_length_bad, is_chunked;
	bool has_close, has_keep_alive;
	bool has_unbuilt;		/* Upgrade, Expect */
};

/* RFC 9110 8.6: digits only, and no more than an off_t holds. */
static bool
parse_length(struct span value, uint64_t *length)
{
	uint64_t n = 0;

	if (value.len == 0 || value.len > 19)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(value.ptr[i] - '0');
	}
	*length = n;
	return n <= INT64_MAX;
}

static void
read_connection(struct http_head *h, struct facts *f, struct span list)
{
	struct span option;

	while (list_next(&list, &option)) {
		if (span_equal_nocase(option, SPAN("close")))
			f->has_close = true;
		else if (span_equal_nocase(option, SPAN("keep-alive")))
			f->has_keep_alive = true;
		else
			h->has_names_in_connection = true;
	}
}

static void
read_field(struct http_head *h, struct facts *f, const struct http_field *field)
{
	struct span value = field_value(h, field);

	switch (field->id) {
	case FIELD_HOST:
		f->hosts++;
		h->host = value;
		break;
	case FIELD_CONTENT_LENGTH:
		f->lengths++;
		if (!parse_length(value, &h->body_len))
			f->is_length_bad = true;
		break;
	case FIELD_TRANSFER_ENCODING:
		f->encodings++;
		f->is_chunked = span_equal_nocase(value, SPAN("chunked"));
		break;
	case FIELD_CONNECTION:
		read_connection(h, f, value);
		break;
	case FIELD_UPGRADE:
	case FIELD_EXPECT:
		f->has_unbuilt = true;
		break;
	default:
		break;
	}
}

static void
read_fields(struct http_head *h, struct facts *f)
{
	*f = (struct facts){ 0 };
	h->has_names_in_connection = false;
	h->body_len = 0;
	h->host = span_of(NULL, 0);
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id != FIELD_OTHER)
			read_field(h, f, &h->fields[i]);
	h->is_keep_alive = !f->has_close &&
	    (h->version != HTTP_1_0 || f->has_keep_alive);
}

/* ---- requests */

/* A host, perhaps with a port: RFC 3986 3.2.2 without user information. */
static bool
is_authority(struct span s)
{
	static const char allowed[] = "-._~!$&'()*+,;=:%[]";

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z')) &&
		    memchr(allowed, c, sizeof(allowed) - 1) == NULL)
			return false;
	}
	return true;
}

static size_t
scheme_len(struct span target)
{
	if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0)
		return 7;
	if (target.len > 8 && strncasecmp(target.ptr, "https://", 8) == 0)
		return 8;
	return 0;
}

/* RFC 9112 3.2: origin, absolute and asterisk form. */
static bool
read_target(struct http_head *h)
{
	struct span rest = h->target;
	size_t len;

	if (likely(rest.ptr[0] == '/'))
		return true;
	if (rest.ptr[0] == '*')
		return rest.len == 1 && h->method == METHOD_OPTIONS;
	len = scheme_len(rest);
	if (len == 0)
		return false;
	rest = span_skip(rest, len);
	len = 0;
	while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
		len++;
	h->host = span_of(rest.ptr, len);	/* it wins over Host */
	return len > 0;
}

static bool
is_host_good(const struct http_head *h, const struct facts *f)
{
	if (f->hosts > 1 || (f->hosts == 0 && h->version != HTTP_1_0))
		return false;
	return is_authority(h->host);
}

static enum reason
judge_request(struct http_head *h, const struct facts *f)
{
	bool is_host_field_good = is_host_good(h, f);

	if (h->method == METHOD_CONNECT)
		return REASON_METHOD;
	if (!is_host_field_good || !read_target(h) || !is_authority(h->host))
		return REASON_BAD_REQUEST;
	if (f->lengths > 1 || f->is_length_bad)
		return REASON_BAD_REQUEST;
	if (f->encodings > 0 && (f->encodings > 1 || f->lengths > 0 ||
	    !f->is_chunked || h->version == HTTP_1_0))
		return REASON_BAD_REQUEST;
	if (f->encodings > 0 || f->has_unbuilt)
		return REASON_NOT_IMPLEMENTED;
	return REASON_NONE;
}

enum parse_status
parse_request(struct http_head *h, struct span data,
    const struct parse_limits *limits, enum reason *why)
{
	enum parse_status status;
	struct facts f;

	*why = REASON_NONE;
	h->status = 0;
	h->reason_phrase = span_of(NULL, 0);
	status = variant->request(h, data, limits, why);
	if (unlikely(status != PARSE_OK))
		return status;
	h->method = (uint8_t)method_of(h->method_text);
	read_fields(h, &f);
	h->framing = f.lengths > 0 ? FRAMING_LENGTH : FRAMING_NONE;
	*why = judge_request(h, &f);
	return *why == REASON_NONE ? PARSE_OK : PARSE_BAD;
}

/* ---- responses */

static bool
has_no_body(unsigned status, enum method asked)
{
	return asked == METHOD_HEAD || status < 200 || status == 204 ||
	    status == 205 || status == 304;
}

/* RFC 9112 6.3 */
static enum framing
response_framing(const struct http_head *h, const struct facts *f,
    enum method asked)
{
	if (has_no_body(h->status, asked))
		return FRAMING_NONE;
	if (f->encodings > 0)
		return FRAMING_CHUNKED;
	return f->lengths > 0 ? FRAMING_LENGTH : FRAMING_CLOSE;
}

static bool
is_response_good(const struct http_head *h, const struct facts *f)
{
	if (h->status < 100 || h->status > 599)
		return false;
	if (f->lengths > 1 || f->is_length_bad)
		return false;
	return f->encodings == 0 || (f->encodings == 1 && f->lengths == 0 &&
	    f->is_chunked && h->version != HTTP_1_0);
}

enum parse_status
parse_response(struct http_head *h, struct span data, enum method asked,
    const struct parse_limits *limits, enum reason *why)
{
	enum parse_status status;
	struct facts f;

	*why = REASON_NONE;
	h->method = METHOD_OTHER;
	h->method_text = h->target = span_of(NULL, 0);
	status = variant->response(h, data, limits, why);
	if (unlikely(status != PARSE_OK))
		return status;
	read_fields(h, &f);
	h->framing = (uint8_t)response_framing(h, &f, asked);
	if (unlikely(!is_response_good(h, &f))) {
		*why = REASON_JUNK;
		return PARSE_BAD;
	}
	if (h->framing == FRAMING_CLOSE)
		h->is_keep_alive = false;
	return PARSE_OK;
}
