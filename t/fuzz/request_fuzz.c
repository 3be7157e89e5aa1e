/* t/fuzz/request_fuzz.c -- any bytes as a request's head, in all variants */
#include <stdint.h>
#include <stdlib.h>

#include "outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct parse_limits limits = {
		.head_bytes = 2048, .line_bytes = 512,
		.field_count = OUTCOME_FIELDS,
	};
	struct span data = span_of((const char *)bytes, len);
	struct outcome o;
	const char *wrong;

	wrong = outcome_check(&o, span_skip(data,
	    parse_skip_empty_lines(data)), METHOD_COUNT, &limits);
	if (wrong != NULL) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	return 0;
}
