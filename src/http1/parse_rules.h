/* src/http1/parse_rules.h -- what the variants of the parser share */
#pragma once
#include "core/base.h"
#include "http1/parse.h"

/* One call of the parser. */
struct parse {
	struct http_head *h;
	const struct parse_limits *limits;
	const char *data;
	size_t len;		/* that may be looked at: up to head_bytes */
	uint32_t seen;		/* bits by field id, of PARSE_RULED */
	uint8_t request_method;	/* that a response answers */
	bool is_request;
	bool is_trailers;	/* fields alone, without rules of their own */
	bool has_close, has_keep_alive, has_unknown_expectation;
	uint8_t why;		/* enum reason, with PARSE_BAD */
};

/* What a variant is. */
struct parser {
	enum parse_status (*request)(struct parse *p);
	enum parse_status (*response)(struct parse *p);
	enum parse_status (*trailers)(struct parse *p);
};
extern const struct parser parser_scalar, parser_sse42, parser_avx2,
    parser_avx512, parser_neon;

/* Fields that parse_field_rule looks at. */
#define PARSE_BIT(id) (1u << FIELD_##id)
#define PARSE_RULED							\
	(PARSE_BIT(HOST) | PARSE_BIT(CONNECTION) |			\
	PARSE_BIT(CONTENT_LENGTH) | PARSE_BIT(TRANSFER_ENCODING) |	\
	PARSE_BIT(EXPECT))

/* PARSE_BAD for `why`; a response is always junk. */
enum parse_status parse_refuse(struct parse *p, enum reason why) COLD;
/* The data end in the line that begins at `line`: PARSE_MORE while it and
 * the head may still grow, else PARSE_BAD for `why`. */
enum parse_status parse_incomplete(struct parse *p, size_t line,
    enum reason why);
/* Any "HTTP/1.x" at `at`, where at least 8 bytes are. */
enum parse_status parse_other_version(struct parse *p, size_t at);
/* The last `len` bytes of the data may begin like `pattern`, where 9 stands
 * for any digit. */
bool parse_may_become(const struct parse *p, size_t at, const char *pattern);

/* A field of PARSE_RULED is complete; false: refused. */
bool parse_field_rule(struct parse *p, const struct http_field *f);
/* The head is complete. */
enum parse_status parse_finish_request(struct parse *p);
enum parse_status parse_finish_response(struct parse *p);
