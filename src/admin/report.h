/* src/admin/report.h -- what the admin pages say, read from the segment */
#pragma once
#include <stdbool.h>

struct conf;
struct json;

void report_status(struct json *j, const struct conf *conf);
void report_upstreams(struct json *j, const struct conf *conf);
/* interfaces.md: at least half of the workers accept, the generation is
 * ready, no stop has begun. */
bool report_is_ready(const struct conf *conf);
