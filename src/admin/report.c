/* src/admin/report.c -- what the admin pages say, read from the segment */
#include "admin/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/json.h"
#include "conf/conf.h"
#include "core/clock.h"
#include "observe/latency.h"
#include "shm/segment.h"
#include "shm/verdict.h"
#include "upstream/address.h"
#include "upstream/ewma.h"
#include "upstream/health.h"
#include "upstream/standing.h"
#include "upstream/strategy.h"
#include "upstream/upstream.h"
#include "upstream/verdict.h"

#define BEAT_STALE_MS 200
#define SHA256_LEN 32

static bool
is_accepting(uint32_t slot)
{
	struct process_slot *p = segment_process(slot);

	return shm_get(&p->state) == SLOT_READY &&
	    shm_get(&p->beat_ms) + BEAT_STALE_MS > clock_now_ms;
}

/* Of the generation that serves, or of one that still drains. */
static bool
is_listed(uint32_t slot)
{
	struct process_slot *p = segment_process(slot);

	return shm_get(&p->generation) ==
	    shm_get(&segment.header->generation) ||
	    shm_get(&p->state) == SLOT_STARTING ||
	    shm_get(&p->state) == SLOT_READY ||
	    shm_get(&p->state) == SLOT_DRAINING;
}

bool
report_is_ready(void)
{
	struct segment_header *h = segment.header;
	uint32_t generation = shm_get(&h->generation), n = 0, live = 0;

	for (uint32_t i = 0; i < segment_slots(); i++) {
		if (shm_get(&segment_process(i)->generation) != generation)
			continue;
		n++;
		live += is_accepting(i);
	}
	return shm_get(&h->is_stopping) == 0 && n > 0 && live * 2 >= n &&
	    shm_get(&h->ready_generation) == generation;
}

static const char *
state_word(uint32_t state)
{
	static const char *const words[] = {
		[SLOT_FREE] = "free", [SLOT_STARTING] = "starting",
		[SLOT_READY] = "ready", [SLOT_DRAINING] = "draining",
		[SLOT_DEAD] = "dead", [SLOT_GONE] = "gone",
	};

	return state <= SLOT_GONE ? words[state] : "unknown";
}

static void
put_time(struct json *j, const char *key, uint64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN + 1];

	clock_rfc3339(wall_ms, text);
	json_put_string(j, key, text);
}

static void
put_hash(struct json *j, const uint8_t *sha256)
{
	char hex[2 * SHA256_LEN + 1];

	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	json_put_string(j, "sha256", hex);
}

static void
put_errors(struct json *j, const struct verdict_record *r)
{
	const char *line = NULL;
	char more[32];

	json_open(j, "errors", '[');
	while ((line = verdict_next(r, line)) != NULL)
		json_put_string(j, NULL, line);
	(void)snprintf(more, sizeof(more), "and %u more",
	    r->n_lines - r->n_kept);
	if (r->n_lines > r->n_kept)
		json_put_string(j, NULL, more);
	json_close(j, ']');
}

/* Without a word of the master we serve what we were started with. */
static void
read_verdict(struct verdict_record *r, const struct conf *conf)
{
	if (verdict_read(r))
		return;
	*r = (struct verdict_record){
		.word = "applied",
		.loaded_wall_ms = segment.header->started_wall_ms,
	};
	memcpy(r->sha256, conf->sha256, sizeof(r->sha256));
}

static void
put_config(struct json *j, const struct conf *conf)
{
	struct verdict_record r;

	read_verdict(&r, conf);
	json_open(j, "config", '{');
	if (conf->file == NULL) {
		json_put_null(j, "file");
		json_put_null(j, "sha256");
	} else {
		json_put_string(j, "file", conf->file);
		put_hash(j, r.sha256);
	}
	put_time(j, "loaded", r.loaded_wall_ms);
	json_put_string(j, "verdict", r.word);
	put_errors(j, &r);
	json_close(j, '}');
}

static void
put_worker(struct json *j, uint32_t slot)
{
	struct process_slot *p = segment_process(slot);

	json_open(j, NULL, '{');
	json_put_number(j, "slot", slot);
	json_put_number(j, "pid", (uint64_t)shm_get(&p->pid));
	json_put_number(j, "generation", shm_get(&p->generation));
	json_put_string(j, "state", state_word(shm_get(&p->state)));
	json_put_number(j, "connections", shm_get(&p->connections));
	json_put_number(j, "requests", shm_get(&p->requests));
	json_put_number(j, "restarts", shm_get(&p->restarts));
	json_put_number(j, "log_dropped", shm_get(&p->log_dropped));
	json_close(j, '}');
}

void
report_status(struct json *j, const struct conf *conf)
{
	struct process_slot *m = segment_process(SEGMENT_MONITOR);

	json_open(j, NULL, '{');
	json_put_string(j, "version", FAIRLEAD_VERSION);
	json_put_number(j, "pid", (uint64_t)(conf->workers == 0 ? getpid() :
	    getppid()));
	put_time(j, "started", segment.header->started_wall_ms);
	json_put_number(j, "generation", shm_get(&segment.header->generation));
	json_put_bool(j, "ready", report_is_ready());
	put_config(j, conf);
	json_open(j, "workers", '[');
	for (uint32_t i = 0; i < segment_slots(); i++)
		if (is_listed(i))
			put_worker(j, i);
	json_close(j, ']');
	json_open(j, "monitor", '{');
	json_put_number(j, "pid", (uint64_t)getpid());
	json_put_number(j, "restarts", shm_get(&m->restarts));
	json_put_number(j, "log_dropped", shm_get(&m->log_dropped));
	json_close(j, '}');
	json_close(j, '}');
}

/* Rounded up: what grows from little is not nothing. */
static uint32_t
effective_weight(const struct standing *s, const struct upstream_conf *u)
{
	uint32_t weight = u->strategy == STRATEGY_ROUND_ROBIN &&
	    s->weight > 0 ? 1 : s->weight;

	if (!standing_is_eligible(s))
		return 0;
	return (weight * standing_ramp(s, u, clock_now_ms) + 999) / 1000;
}

/* Of the state: why, and since when. */
static void
put_cause(struct json *j, const struct backend_conf *b,
    const struct standing *s)
{
	uint64_t word = shm_get(&segment_backend_words(b->slot)->health);

	if (s->state == BACKEND_DOWN)
		json_put_string(j, "reason",
		    check_result_word(health_unpack(word).cause));
	else
		json_put_null(j, "reason");
	put_time(j, "since", s->since_ms == 0 ?
	    segment.header->started_wall_ms :
	    clock_wall_ms() - (clock_now_ms - s->since_ms));
}

static void
put_last_check(struct json *j, const struct backend_conf *b)
{
	struct check_record r;

	if (!record_read(segment_check_record(b->slot), &r, sizeof(r)) ||
	    r.at_wall_ms == 0) {
		json_put_null(j, "last_check");
		return;
	}
	r.text[sizeof(r.text) - 1] = '\0';
	json_open(j, "last_check", '{');
	put_time(j, "at", r.at_wall_ms);
	json_put_string(j, "result", check_result_word(r.result));
	json_put_thousandths(j, "ms", r.took_us);
	json_put_string(j, "text", r.text);
	json_close(j, '}');
}

/* Milliseconds; `us` below 0 is nothing yet. */
static void
put_ms(struct json *j, const char *key, double us)
{
	if (us < 0)
		json_put_null(j, key);
	else
		json_put_thousandths(j, key, (uint64_t)(us + 0.5));
}

/* As the worker has it that thinks worst of it; -1: none knows. */
static double
worst_ewma(uint32_t backend)
{
	uint64_t value, worst = 0;

	for (uint32_t i = 0; i < segment_slots(); i++) {
		if (!segment_has_counts(i))
			continue;
		value = ewma_value(shm_get(&segment_stripe(i, backend)->
		    ewma[backend % BACKEND_CHUNK]), clock_now_ms);
		worst = value > worst ? value : worst;
	}
	return worst == 0 ? -1 : (double)worst / (1 << EWMA_FRACTION);
}

static void
put_latency(struct json *j, uint32_t backend)
{
	uint64_t counts[LATENCY_CLASSES];

	segment_latency(backend, counts);
	json_open(j, "latency_ms", '{');
	put_ms(j, "ewma", worst_ewma(backend));
	put_ms(j, "p50", latency_percentile(counts, 0.5));
	put_ms(j, "p99", latency_percentile(counts, 0.99));
	json_close(j, '}');
}

void
report_backend(struct json *j, const struct backend_conf *b,
    const struct upstream_conf *u)
{
	char name[BACKEND_NAME_MAX], text[ADDRESS_TEXT_MAX];
	struct standing s;
	struct address a;

	if (backend_is_spare(b))
		return;
	(void)backend_find_address(b, &a);
	backend_print_place(b, &a, name);
	standing_read(&s, b);
	json_open(j, NULL, '{');
	json_put_string(j, "name", name);
	json_put_string(j, "host", b->host);
	if (a.len > 0)
		address_print(&a, text);
	if (a.len > 0)
		json_put_string(j, "address", text);
	else
		json_put_null(j, "address");
	json_put_number(j, "port", a.len > 0 ? address_port(&a) : b->port);
	json_put_number(j, "weight", b->weight);
	json_put_number(j, "effective_weight", effective_weight(&s, u));
	json_put_string(j, "state", backend_state_word(s.state));
	put_cause(j, b, &s);
	json_put_number(j, "in_flight", segment_in_flight(b->slot));
	json_put_number(j, "requests", segment_requests(b->slot));
	json_put_number(j, "failures", segment_failures(b->slot));
	json_put_number(j, "idle", segment_idle(b->slot));
	put_last_check(j, b);
	put_latency(j, b->slot);
	json_close(j, '}');
}

void
report_upstreams(struct json *j, const struct conf *conf)
{
	json_open(j, NULL, '{');
	json_open(j, "upstreams", '[');
	for (size_t i = 0; i < conf->n_upstreams; i++) {
		const struct upstream_conf *u = &conf->upstreams[i];

		json_open(j, NULL, '{');
		json_put_string(j, "name", u->name);
		json_put_string(j, "strategy", strategies[u->strategy].name);
		json_open(j, "backends", '[');
		for (size_t k = 0; k < u->n_backends; k++)
			report_backend(j, &u->backends[k], u);
		json_close(j, ']');
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}
