/* t/fuzz/response_fuzz.c -- any bytes as a response's head, in all variants */
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
	static const enum method methods[] = { METHOD_GET, METHOD_HEAD };
	struct span data = span_of((const char *)bytes, len);
	struct outcome o;
	const char *wrong;

	for (unsigned i = 0; i < 2; i++) {
		wrong = outcome_check(&o, data, methods[i], &limits);
		if (wrong != NULL) {
			fprintf(stderr, "%s\n", wrong);
			abort();
		}
	}
	return 0;
}
