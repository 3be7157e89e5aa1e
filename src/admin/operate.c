/* src/admin/operate.c -- what an operator changes at run time */
#include "admin/operate.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "admin/json.h"
#include "admin/report.h"
#include "conf/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/uri.h"
#include "shm/segment.h"
#include "upstream/address.h"
#include "upstream/health.h"
#include "upstream/standing.h"

/* ---- whom it is about */

/* The part of *path up to the next "/", which goes, too. */
static struct span
next_part(struct span *path)
{
	const char *slash = path->len == 0 ? NULL :
	    memchr(path->ptr, '/', path->len);
	struct span part = *path;

	if (slash != NULL)
		part.len = (size_t)(slash - path->ptr);
	*path = span_skip(*path, part.len + (slash != NULL));
	return part;
}

static const struct upstream_conf *
find_upstream(const struct conf *conf, struct span name)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		if (span_equal(name, span_str(conf->upstreams[i].name)))
			return &conf->upstreams[i];
	return NULL;
}

static bool
is_named(const struct operand *o, const struct backend_conf *b)
{
	char name[BACKEND_NAME_MAX];
	struct address a;

	backend_print_name(b, name);
	if (strcmp(name, o->name) == 0)
		return true;
	if (!backend_find_address(b, &a))
		return false;
	backend_print_place(b, &a, name);
	return strcmp(name, o->name) == 0;
}

#define EACH_BACKEND(o, b)						\
	for (const struct backend_conf *b = (o)->upstream->backends;	\
	    b < (o)->upstream->backends + (o)->upstream->n_backends; b++) \
		if (is_named((o), b))

static bool
has_backend(const struct operand *o)
{
	EACH_BACKEND(o, b)
		return true;
	return false;
}

bool
operand_find(struct operand *o, const struct conf *conf, struct span path,
    const char **why)
{
	static const struct span prefix = { "/v1/upstreams/", 14 };
	struct span upstream, middle, name;

	*why = NULL;
	if (path.len < prefix.len || path.len >= sizeof(o->room) ||
	    memcmp(path.ptr, prefix.ptr, prefix.len) != 0)
		return false;
	path = span_skip(path, prefix.len);
	upstream = next_part(&path);
	middle = next_part(&path);
	if (!span_equal(middle, SPAN("backends")) || path.len == 0)
		return false;
	o->upstream = find_upstream(conf, upstream);
	*why = "no such upstream";
	if (o->upstream == NULL)
		return false;
	name = uri_part_decode(path, o->room);
	memmove(o->room, name.ptr, name.len);
	o->room[name.len] = '\0';
	o->name = o->room;
	*why = "no such backend";
	return has_backend(o);
}

uint64_t
operand_in_flight(const struct operand *o)
{
	uint64_t n = 0;

	EACH_BACKEND(o, b)
		n += segment_in_flight(b->slot);
	return n;
}

void
operand_report(const struct operand *o, struct json *j)
{
	json_open(j, NULL, '{');
	json_put_string(j, "upstream", o->upstream->name);
	json_open(j, "backends", '[');
	EACH_BACKEND(o, b)
		report_backend(j, b, o->upstream);
	json_close(j, ']');
	json_close(j, '}');
}

/* ---- what it says */

/* What is asked for; a member that is absent stays as it is. */
struct order {
	bool has_state, has_weight, drops_weight;
	enum admin_state state;
	uint16_t weight;
};

static bool
take_state(struct order *o, const json_t *value, char *why)
{
	static const char *const words[] = {
		[ADMIN_READY] = "ready", [ADMIN_DRAIN] = "drain",
		[ADMIN_MAINTENANCE] = "maintenance",
	};
	const char *text = json_string_value(value);

	for (unsigned i = 0; text != NULL && i < COUNT_OF(words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		o->has_state = true;
		o->state = (enum admin_state)i;
		return true;
	}
	(void)snprintf(why, OPERATE_WHY_MAX, "\"admin\" takes \"drain\", "
	    "\"maintenance\" or \"ready\"");
	return false;
}

static bool
take_weight(struct order *o, const json_t *value, char *why)
{
	json_int_t weight = json_integer_value(value);

	if (json_is_null(value)) {
		o->drops_weight = true;
		return true;
	}
	if (json_is_integer(value) && weight >= 0 && weight <= WEIGHT_MOST) {
		o->has_weight = true;
		o->weight = (uint16_t)weight;
		return true;
	}
	(void)snprintf(why, OPERATE_WHY_MAX, "\"weight\" takes a whole "
	    "number of 0 to %d, or null for that of the configuration",
	    WEIGHT_MOST);
	return false;
}

static bool
take_member(struct order *o, const char *key, const json_t *value, char *why)
{
	if (strcmp(key, "admin") == 0)
		return take_state(o, value, why);
	if (strcmp(key, "weight") == 0)
		return take_weight(o, value, why);
	(void)snprintf(why, OPERATE_WHY_MAX, "unknown member \"%.60s\"; there "
	    "are \"admin\" and \"weight\"", key);
	return false;
}

static bool
take_object(struct order *o, json_t *root, char *why)
{
	const char *key;
	json_t *value;

	if (json_object_size(root) == 0) {
		(void)snprintf(why, OPERATE_WHY_MAX, "an object with "
		    "\"admin\" or \"weight\" is needed");
		return false;
	}
	json_object_foreach(root, key, value)
		if (!take_member(o, key, value, why))
			return false;
	return true;
}

static bool
read_order(struct order *o, struct span content, char *why)
{
	json_error_t error;
	json_t *root = json_loadb(content.ptr == NULL ? "" : content.ptr,
	    content.len, JSON_REJECT_DUPLICATES, &error);
	bool is_good;

	*o = (struct order){ .has_state = false };
	if (root == NULL) {
		(void)snprintf(why, OPERATE_WHY_MAX, "line %d, column %d: "
		    "%.120s", error.line, error.column, error.text);
		return false;
	}
	is_good = take_object(o, root, why);
	json_decref(root);
	return is_good;
}

/* ---- doing it */

static void
log_order(const struct operand *o, const struct order *order)
{
	const struct log_context ctx = {
		.upstream = o->upstream->name, .backend = o->name,
	};

	if (order->has_state)
		log_notice(&ctx, "set to %s by the admin interface",
		    order->state == ADMIN_READY ? "ready" :
		    order->state == ADMIN_DRAIN ? "drain" : "maintenance");
	if (order->has_weight)
		log_notice(&ctx, "set to weight %u by the admin interface",
		    order->weight);
	if (order->drops_weight)
		log_notice(&ctx, "set back to its weight by the admin "
		    "interface");
}

static void
obey(const struct order *order, const struct backend_conf *b)
{
	struct backend_words *words = segment_backend_words(b->slot);
	struct admin_word word = admin_unpack(shm_get(&words->admin));

	if (order->has_state && order->state != word.state) {
		word.state = order->state;
		word.since_ms = clock_now_ms;
	}
	if (order->has_weight)
		word.weight = order->weight;
	word.has_weight = (word.has_weight || order->has_weight) &&
	    !order->drops_weight;
	shm_set(&words->admin, admin_pack(word));
}

bool
operate(const struct operand *o, struct span content,
    char why[OPERATE_WHY_MAX])
{
	struct order order;

	if (!read_order(&order, content, why))
		return false;
	EACH_BACKEND(o, b)
		obey(&order, b);
	atomic_fetch_add_explicit(&segment_upstream_slot(o->upstream->slot)->
	    eligibility, 1, memory_order_release);
	log_order(o, &order);
	return true;
}
