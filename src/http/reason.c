/* src/http/reason.c -- the table of reasons */
#include "http/reason.h"

const struct reason_row reasons[REASON_COUNT] = {
#define X(id, word, status, charged)					\
	[REASON_##id] = { word, status, charged },
	REASONS(X)
#undef X
};
