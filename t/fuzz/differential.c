/* t/fuzz/differential.c -- all variants of the parser against the scalar one */
/*
 * differential [-n EXECUTIONS] [-t SECONDS] [-s SEED] FILE...
 *
 * Heads of parse_rows.h and of the files are changed by chance and given to
 * every variant that can run here, until each has had EXECUTIONS (10^8) of them
 * or SECONDS (600) are over. They lie in any alignment, often against a page
 * that cannot be read, at either end. Exit 1 at the first difference; what was
 * parsed is shown then. No sanitizer: the count is the point.
 */
#include <err.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../unit/http1/parse_rows.h"
#include "core/base.h"
#include "outcome.h"

#define SEEDS 16384
#define ROOM 8192u		/* readable, between two pages that are not */
#define LEN_MAX 2304u
#define TRAILERS (METHOD_COUNT + 1)

/* The good ones stand here GOOD times, or nearly all would be refused. */
#define GOOD 12
static struct span seeds[SEEDS];
static unsigned n_seeds;
static char *room;
static uint64_t chance_state;
static uint64_t counts[PARSE_BAD + 1];

static const struct parse_limits limits[] = {
	{ .head_bytes = 2048, .line_bytes = 1024,
	  .field_count = OUTCOME_FIELDS },
	{ .head_bytes = 512, .line_bytes = 160, .field_count = 8 },
};

static unsigned
chance(unsigned n)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (unsigned)((chance_state >> 32) * n >> 32);
}

/* ---- seeds */

static bool
is_response(struct span text)
{
	return text.len > 5 && memcmp(text.ptr, "HTTP/", 5) == 0;
}

static void
add_seed(struct span text)
{
	struct outcome o;
	unsigned times = 1;

	outcome_of(&o, text, is_response(text) ? METHOD_GET : METHOD_COUNT,
	    &limits[0]);
	if (o.status == PARSE_OK)
		times = GOOD;
	if (n_seeds + times > SEEDS || text.len > LEN_MAX)
		errx(2, "too many seeds, or too large a one");
	while (times-- > 0)
		seeds[n_seeds++] = text;
}

static void
add_file(const char *name)
{
	char text[LEN_MAX + 1], *copy;
	FILE *f = fopen(name, "re");
	size_t len;

	if (f == NULL)
		err(2, "%s", name);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	copy = malloc(len + 1);
	if (copy == NULL)
		err(2, "malloc");
	memcpy(copy, text, len);
	add_seed(span_of(copy, len));
}

static void
add_rows(void)
{
	for (unsigned i = 0; i < COUNT_OF(requests); i++)
		add_seed(requests[i].text);
	for (unsigned i = 0; i < COUNT_OF(responses); i++)
		add_seed(responses[i].text);
}

static void
make_room(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, ROOM + 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED ||
	    mprotect(map + page, ROOM, PROT_READ | PROT_WRITE) < 0)
		err(2, "mmap");
	room = map + page;
}

/* ---- changes, in place: the text may grow up to LEN_MAX */

static char
any_byte(void)
{
	static const char special[] = "\r\n: \t\0\x1f\x7f\x80\xff#/\"(,;1aZ_-";

	switch (chance(4)) {
	case 0:		return special[chance(sizeof(special) - 1)];
	case 1:		return (char)chance(256);
	default:	return (char)('a' + chance(26));
	}
}

static size_t
insert_run(char *text, size_t len, size_t at)
{
	size_t n = 1 + chance(80);

	if (len + n > LEN_MAX)
		return len;
	memmove(text + at + n, text + at, len - at);
	memset(text + at, chance(2) == 0 ? 'x' : any_byte(), n);
	return len + n;
}

static size_t
splice(char *text, size_t at)
{
	struct span other = seeds[chance(n_seeds)];

	if (other.len > 0)
		other = span_skip(other, chance((unsigned)other.len));
	if (at + other.len > LEN_MAX)
		return at;
	memcpy(text + at, other.ptr, other.len);
	return at + other.len;
}

static size_t
change(char *text, size_t len)
{
	size_t at = chance((unsigned)len + 1);

	switch (chance(16)) {
	case 0:
		return at;
	case 1:
		return splice(text, at);
	case 2:
		if (at == len)
			return len;
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		return insert_run(text, len, at);
	default:
		if (at < len)
			text[at] = any_byte();
		return len;
	}
}

/* Somewhere in the room: at its end, its begin, or between. */
static struct span
place(const char *text, size_t len)
{
	char *at = room;
	unsigned where = chance(8);

	if (where < 5)
		at = room + ROOM - len;
	else if (where < 7)
		at = room + chance(ROOM - (unsigned)len + 1);
	memcpy(at, text, len);
	return span_of(at, len);
}

/* What it is to be taken for; *data loses what does not belong to it. */
static unsigned
any_method(struct span *data, bool of_response)
{
	const char *line;

	if (chance(8) == 0) {
		line = memchr(data->ptr, '\n', data->len);
		if (line != NULL)
			*data = span_skip(*data,
			    (size_t)(line + 1 - data->ptr));
		return TRAILERS;
	}
	if (chance(32) == 0)
		of_response = !of_response;
	if (!of_response)
		return METHOD_COUNT;
	return chance(4) == 0 ? METHOD_HEAD : METHOD_GET;
}

static struct span
next_input(unsigned *method)
{
	static char text[LEN_MAX];
	struct span data, seed = seeds[chance(n_seeds)];
	size_t len = seed.len;

	memcpy(text, seed.ptr, len);
	for (unsigned n = chance(4); n > 0; n--)
		len = change(text, len);
	data = place(text, len);
	*method = any_method(&data, is_response(seed));
	return data;
}

/* ---- comparing */

static void
parse_any(struct outcome *o, struct span data, unsigned method,
    const struct parse_limits *l)
{
	memset(&o->head, 0xa5, sizeof(o->head));
	o->data = data;
	if (method != TRAILERS) {
		outcome_parse(o, data, (enum method)method, l);
		return;
	}
	o->why = REASON_NONE;
	o->head.fields = o->fields;
	o->status = parse_trailers(&o->head, data, l, &o->why);
}

static void
show(const char *name, const char *wrong, struct span data, unsigned method)
{
	printf("%s and scalar differ in %s, method %u, at %p:\n", name, wrong,
	    method, (const void *)data.ptr);
	for (size_t i = 0; i < data.len; i++)
		printf("%02x%c", (unsigned char)data.ptr[i],
		    i % 32 == 31 || i + 1 == data.len ? '\n' : ' ');
}

static bool
agree(struct span data, unsigned method, const struct parse_limits *l)
{
	static struct outcome want, other;
	const char *name, *wrong;

	(void)parse_use("scalar");
	parse_any(&want, data, method, l);
	counts[want.status]++;
	for (unsigned i = 0; (name = parse_variant_at(i)) != NULL; i++) {
		if (strcmp(name, "scalar") == 0)
			continue;
		(void)parse_use(name);
		parse_any(&other, data, method, l);
		wrong = outcome_difference(&other, &want);
		if (wrong != NULL) {
			show(name, wrong, data, method);
			return false;
		}
	}
	return true;
}

static bool
run_some(unsigned n)
{
	struct span data;
	unsigned method;

	while (n-- > 0) {
		data = next_input(&method);
		if (!agree(data, method, &limits[chance(8) == 0]))
			return false;
	}
	return true;
}

static uint64_t
run(uint64_t n, time_t seconds, bool *is_equal)
{
	time_t end = time(NULL) + seconds;
	uint64_t done;

	*is_equal = true;
	for (done = 0; done < n && *is_equal && time(NULL) < end; done += 10000)
		*is_equal = run_some(10000);
	return done;
}

int
main(int argc, char **argv)
{
	uint64_t n = 100000000, seed = 1, done;
	time_t seconds = 600;
	const char *name;
	bool is_equal;
	int option;

	while ((option = getopt(argc, argv, "n:t:s:")) != -1)
		switch (option) {
		case 'n':	n = strtoull(optarg, NULL, 10); break;
		case 't':	seconds = atol(optarg); break;
		case 's':	seed = strtoull(optarg, NULL, 10); break;
		default:	return 2;
		}
	chance_state = (seed + 1) * 0x9e3779b97f4a7c15;
	add_rows();
	for (; optind < argc; optind++)
		add_file(argv[optind]);
	make_room();
	done = run(n, seconds, &is_equal);
	for (unsigned i = 0; (name = parse_variant_at(i)) != NULL; i++)
		if (strcmp(name, "scalar") != 0)
			printf("%s %" PRIu64 " executions, %" PRIu64 " good, %"
			    PRIu64 " cut, %" PRIu64 " refused\n", name, done,
			    counts[PARSE_OK], counts[PARSE_MORE],
			    counts[PARSE_BAD]);
	return is_equal ? 0 : 1;
}
