/* t/fuzz/chunks.h -- the chunk reader beside a naive one, cut anywhere */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_line.h"
#include "http1/body.h"

enum chunks_verdict {
	CHUNKS_MORE,
	CHUNKS_BAD,
	CHUNKS_TRAILERS,	/* the section is not empty, or not all there */
	CHUNKS_END,
};

struct chunks {
	enum chunks_verdict verdict;
	char content[CHUNKS_MOST];
	size_t len, used;
};

/* ---- a naive reader: whole lines, by the grammar of RFC 9112 7.1.1 */

static void
chunks_naive(struct chunks *c, const char *p, size_t n)
{
	const char *end = p + n, *lf, *at = p;
	uint64_t size;

	c->len = 0;
	for (;;) {
		c->used = (size_t)(at - p);
		lf = memchr(at, '\n', (size_t)(end - at));
		c->verdict = CHUNKS_MORE;
		if (lf == NULL)
			return;
		c->verdict = CHUNKS_BAD;
		if (lf == at || lf[-1] != '\r' ||
		    !is_chunk_line(at, (size_t)(lf - at) - 1) ||
		    !chunk_size(at, &size))
			return;
		at = lf + 1;
		if (size == 0)
			break;
		c->verdict = CHUNKS_MORE;
		if (size > (uint64_t)(end - at))
			size = (uint64_t)(end - at);
		memcpy(c->content + c->len, at, size);
		c->len += size;
		at += size;
		if (end - at < 2)
			return;
		c->verdict = CHUNKS_BAD;
		if (at[0] != '\r' || at[1] != '\n')
			return;
		at += 2;
	}
	c->verdict = CHUNKS_TRAILERS;
	c->used = (size_t)(at - p);
	if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
		c->verdict = CHUNKS_END;
		c->used += 2;
	}
}

/* ---- ours, given `piece` bytes more each time, taking at most `most` */

static enum chunks_verdict
chunks_end(struct chunks *c, const char *p, size_t n)
{
	if (n - c->used < 2 || memcmp(p + c->used, "\r\n", 2) != 0)
		return CHUNKS_TRAILERS;
	c->used += 2;
	return CHUNKS_END;
}

static void
chunks_ours(struct chunks *c, const char *p, size_t n, size_t piece,
    size_t most)
{
	struct http_head h = { .framing = FRAMING_CHUNKED };
	size_t there = piece < n ? piece : n, skip;
	struct body b;
	struct span data;
	bool end;

	body_begin(&b, &h, 0);
	c->len = c->used = 0;
	for (;;) {
		switch (body_next(&b, span_of(p + c->used, there - c->used),
		    &skip, &data, &end)) {
		case BODY_DATA:
			c->used += skip;
			if (data.len > most) {
				data.len = most;
				end = false;
			}
			memcpy(c->content + c->len, data.ptr, data.len);
			c->len += data.len;
			c->used += data.len + body_took(&b, data.len, end);
			break;
		case BODY_MORE:
			c->used += skip;
			c->verdict = CHUNKS_MORE;
			if (there == n)
				return;
			there = n - there < piece ? n : there + piece;
			break;
		case BODY_TRAILERS:
			c->used += skip;
			c->verdict = chunks_end(c, p, n);
			return;
		case BODY_END:
			c->verdict = CHUNKS_END;
			return;
		case BODY_BAD:
			c->verdict = CHUNKS_BAD;
			return;
		}
	}
}

/* What is wrong, or NULL. `n` is less than CHUNKS_MOST. */
static const char *
chunks_check(const char *p, size_t n, size_t piece, size_t most)
{
	static struct chunks naive, ours;

	chunks_naive(&naive, p, n);
	chunks_ours(&ours, p, n, piece, most);
	/* A line that is not all there may be bad already. */
	if (naive.verdict == CHUNKS_MORE && ours.verdict == CHUNKS_BAD &&
	    naive.len == ours.len)
		return NULL;
	if (naive.verdict != ours.verdict)
		return "another verdict";
	if (naive.verdict >= CHUNKS_TRAILERS && naive.used != ours.used)
		return "another end";
	if (naive.verdict != CHUNKS_BAD && (naive.len != ours.len ||
	    memcmp(naive.content, ours.content, ours.len) != 0))
		return "another content";
	return NULL;
}
