/* t/fuzz/chunk_line.h -- a chunk's line by the grammar, and its size */
#pragma once
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS_MOST 4096

#define TCHAR "[-!#$%&'*+.^_`|~0-9A-Za-z]"
#define BLANK "[ \t]*"
#define QUOTED "\"([^\"\\]|\\\\.)*\""

static bool
is_chunk_line(const char *line, size_t len)
{
	static regex_t grammar;
	static bool is_ready;
	char text[CHUNKS_MOST + 1];

	if (!is_ready && regcomp(&grammar, "^[0-9A-Fa-f]+(" BLANK ";" BLANK
	    TCHAR "+(" BLANK "=" BLANK "(" TCHAR "+|" QUOTED "))?)*$",
	    REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	is_ready = true;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') ||
		    line[i] == 0x7f)
			return false;
	memcpy(text, line, len);
	text[len] = '\0';
	return regexec(&grammar, text, 0, NULL, 0) == 0;
}

/* False: too large. */
static bool
chunk_size(const char *line, uint64_t *size)
{
	char digit[2] = "";

	for (*size = 0; strchr("0123456789abcdefABCDEF", *line) != NULL &&
	    *line != '\0'; line++) {
		digit[0] = *line;
		if (*size > INT64_MAX / 16)
			return false;
		*size = *size * 16 + strtoull(digit, NULL, 16);
	}
	return true;
}
