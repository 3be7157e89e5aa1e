/* t/unit/support/memory_stream.h -- a third http_stream: bytes in memory */
#pragma once
#include "http/stream.h"

/*
 * Records what its sink does with it and says what a test tells it to say.
 * Stands for a client's or a backend's end; owned by the test.
 */
struct memory_stream {
	struct http_stream stream;
	char head[4096];		/* of the last head, as "line\n..." */
	char body[2 * 65536];
	size_t body_len;
	size_t room;			/* bytes it takes before it blocks */
	unsigned n_heads, n_infos, n_resumes;
	unsigned n_trailers;		/* fields behind the body */
	bool has_ended;			/* a head or body came with `end` */
	bool is_released, is_reset, is_dead;
	enum reason reset_why;
};

void memory_stream_init(struct memory_stream *m);

/*
 * A head from text: "GET /path" or "200", then lines "Name: value". The
 * head and its spans live in static memory until the next call.
 */
struct http_head *memory_head(const char *text, enum framing framing,
    uint64_t body_len);

/* Events to the sink. */
void memory_say_head(struct memory_stream *m, const char *text,
    enum framing framing, uint64_t body_len);
size_t memory_say_body(struct memory_stream *m, const char *bytes, bool end);
void memory_say_reset(struct memory_stream *m, enum reason why,
    enum sent sent);
void memory_say_writable(struct memory_stream *m);
