/* t/fuzz/chunked_fuzz.c -- any bytes as a chunked body, cut anywhere */
#include <stdint.h>

#include "chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The first byte says how large the pieces are, the second how much is taken. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *wrong;

	if (len < 2 || len >= CHUNKS_MOST)
		return 0;
	wrong = chunks_check((const char *)bytes + 2, len - 2,
	    1 + (size_t)bytes[0] * 4, 1 + (size_t)bytes[1] * 16);
	if (wrong != NULL) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	return 0;
}
