/* src/admin/report.h -- what the admin pages say, read from the segment */
#pragma once
#include <stdbool.h>

struct backend_conf;
struct conf;
struct json;
struct upstream_conf;

void report_status(struct json *j, const struct conf *conf);
void report_upstreams(struct json *j, const struct conf *conf);
/* One of a list of backends. */
void report_backend(struct json *j, const struct backend_conf *b,
    const struct upstream_conf *u);
/* interfaces.md: at least half of the workers accept, the generation is
 * ready, no stop has begun. */
bool report_is_ready(void);
