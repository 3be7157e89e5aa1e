/* contrib/bench/parser.c -- how fast each variant of the parser is */
/*
 * parser [MIB]: GB/s (10^9 bytes in a second of CPU time) of parse_request
 * over heads of three sizes, for each variant that can run here, and its ratio
 * to scalar in the same round: the median of seven rounds, least and most. In
 * a round each variant parses MIB (64), in small slices and by turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base.h"
#include "http1/parse.h"

#define ROUNDS 7
#define SLICES 64
#define VARIANTS 8
#define FIELDS 32
#define L "\r\n"

/* Of a probe, of a browser, and of one with cookies. */
static const struct span heads[] = {
	SPAN("GET /health HTTP/1.1" L
	    "Host: api.example" L "User-Agent: Probe/1.0" L
	    "Accept: */*" L L),
	SPAN("GET /api/v2/orders/8812442/items?page=3&sort=-created_at "
	    "HTTP/1.1" L "Host: shop.example.com" L
	    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
	    "Gecko/20100101 Firefox/128.0" L
	    "Accept: text/html,application/xhtml+xml,*/*;q=0.8" L
	    "Accept-Language: en-US,en;q=0.5" L
	    "Accept-Encoding: gzip, deflate, br, zstd" L
	    "Referer: https://shop.example.com/account/orders" L
	    "DNT: 1" L "Sec-GPC: 1" L "Connection: keep-alive" L L),
	SPAN("GET /products/outdoor/tents?colour=green&persons=2&"
	    "utm_source=newsletter&utm_medium=email&utm_campaign=spring-sale "
	    "HTTP/1.1" L "Host: www.shop.example.com" L
	    "Connection: keep-alive" L "Cache-Control: max-age=0" L
	    "sec-ch-ua: \"Chromium\";v=\"126\", \"Google Chrome\";v=\"126\", "
	    "\"Not.A/Brand\";v=\"8\"" L "sec-ch-ua-mobile: ?0" L
	    "sec-ch-ua-platform: \"Windows\"" L
	    "Upgrade-Insecure-Requests: 1" L
	    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
	    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
	    "Safari/537.36" L
	    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
	    "image/avif,image/webp,image/apng,*/*;q=0.8,"
	    "application/signed-exchange;v=b3;q=0.7" L
	    "Sec-Fetch-Site: same-origin" L "Sec-Fetch-Mode: navigate" L
	    "Sec-Fetch-User: ?1" L "Sec-Fetch-Dest: document" L
	    "Referer: https://www.shop.example.com/products/outdoor" L
	    "Accept-Encoding: gzip, deflate, br, zstd" L
	    "Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7" L
	    "Cookie: session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIx"
	    "MjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
	    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c; "
	    "_ga=GA1.2.1234567890.1700000000; _gid=GA1.2.987654321.1700000000; "
	    "consent=necessary%2Cstatistics%2Cmarketing; cart=3f2a9c1e-77b1-"
	    "4d55-9d8e-0a6c2f6b9e11; recently_viewed=11873%2C22910%2C33871"
	    "%2C41290%2C50012; ab_test_checkout=variant-b; locale=de_DE; "
	    "csrf=q8Zk2mXw7Rt5Yv1Bn4Jd9Lf3Hs6Gp0Ca" L
	    "X-Requested-With: XMLHttpRequest" L
	    "If-Modified-Since: Tue, 24 Nov 2026 08:47:30 GMT" L
	    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
	    "-01" L "If-None-Match: W/\"5f3c-1a2b3c4d5e6f\"" L L),
};

static const struct parse_limits limits = {
	.head_bytes = 16384, .line_bytes = 8192, .field_count = FIELDS,
};

/* Not the time that others take from us on a shared machine. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* GB/s of the variant in use. */
static double
measure(struct span head, uint64_t bytes)
{
	uint64_t begin, ns, times = bytes / head.len + 1;
	struct http_field fields[FIELDS];
	struct http_head h = { .fields = fields };
	enum reason why;

	begin = cpu_ns();
	for (uint64_t i = 0; i < times; i++)
		if (parse_request(&h, head, &limits, &why) != PARSE_OK)
			abort();
	ns = cpu_ns() - begin;
	return (double)(times * head.len) / (double)ns;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
tell(size_t len, const char *name, double *speeds, double *ratios)
{
	qsort(speeds, ROUNDS, sizeof(*speeds), compare);
	qsort(ratios, ROUNDS, sizeof(*ratios), compare);
	printf("%5zu bytes  %-7s %6.2f GB/s (%.2f to %.2f)  "
	    "%5.2f of scalar (%.2f to %.2f)\n", len, name, speeds[ROUNDS / 2],
	    speeds[0], speeds[ROUNDS - 1], ratios[ROUNDS / 2], ratios[0],
	    ratios[ROUNDS - 1]);
}

/* The variants take turns: all of them see a machine's moods. */
static void
run_round(struct span text, unsigned n, uint64_t bytes, double *speeds)
{
	double ns[VARIANTS] = { 0 };

	for (unsigned slice = 0; slice < SLICES; slice++)
		for (unsigned i = 0; i < n; i++) {
			(void)parse_use(parse_variant_at(i));
			ns[i] += 1 / measure(text, bytes / SLICES);
		}
	for (unsigned i = 0; i < n; i++)
		speeds[i] = SLICES / ns[i];
}

static void
run(struct span text, uint64_t bytes)
{
	double speeds[VARIANTS][ROUNDS], ratios[VARIANTS][ROUNDS];
	double of_round[VARIANTS];
	unsigned n = 0;

	while (parse_variant_at(n) != NULL)
		n++;
	for (unsigned round = 0; round < ROUNDS; round++) {
		run_round(text, n, bytes, of_round);
		for (unsigned i = 0; i < n; i++) {
			speeds[i][round] = of_round[i];
			ratios[i][round] = of_round[i] / of_round[n - 1];
		}
	}
	for (unsigned i = 0; i < n; i++)
		tell(text.len, parse_variant_at(i), speeds[i], ratios[i]);
}

int
main(int argc, char **argv)
{
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 64;

	for (unsigned i = 0; i < COUNT_OF(heads); i++)
		run(heads[i], mib << 20);
	return 0;
}
