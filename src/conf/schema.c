/* src/conf/schema.c -- every key: its name, type, range, default and help */
#include "conf/schema.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"
#include "core/assert.h"
#include "core/memory.h"

#define SECOND	1000u
#define MINUTE	(60u * SECOND)
#define HOUR	(60u * MINUTE)
#define DAY	(24u * HOUR)
#define KIB	1024u
#define MIB	(1024u * KIB)
#define GIB	(1024u * MIB)
#define TIB	(1024ull * 1024 * MIB)

#define FIELD(type, member)						\
	.offset = offsetof(struct type, member),			\
	.size = sizeof(((struct type *)0)->member)
#define PLACE(type, member)						\
	.place = offsetof(struct type, member)

static const struct conf_choice strategies[] = {
	{ "weighted", STRATEGY_WEIGHTED, true },
	{ "round-robin", STRATEGY_ROUND_ROBIN, true },
	{ "random", STRATEGY_RANDOM, true },
	{ "sticky", STRATEGY_STICKY, true },
	{ NULL, 0, false },
};

static const struct conf_key backend_keys[] = {
	{ .name = "host", .type = CONF_STRING, .is_required = true,
	  FIELD(backend_file, host), PLACE(backend_file, host_at),
	  .help = "Name or address of the server." },
	{ .name = "port", .type = CONF_INTEGER, .is_required = true,
	  .min = 1, .max = 65535,
	  FIELD(backend_file, port), PLACE(backend_file, port_at),
	  .help = "Its TCP port." },
	{ .name = "weight", .type = CONF_INTEGER, .def = "1",
	  .min = 0, .max = WEIGHT_MOST,
	  FIELD(backend_file, weight), PLACE(backend_file, weight_at),
	  .help = "Its share of the requests; 0 drains it." },
	{ .name = NULL },
};

const struct conf_section conf_backend = {
	"a backend", backend_keys, sizeof(struct backend_file)
};

static const struct conf_key limits_keys[] = {
	{ .name = "connections", .type = CONF_INTEGER, .def = "65536",
	  .min = 1, .max = 10000000,
	  FIELD(file_conf, limits.connections),
	  .help = "Client connections of one worker." },
	{ .name = "request_head", .type = CONF_SIZE, .def = "32k",
	  .min = 1 * KIB, .max = 64 * KIB,	/* HEAD_BYTES_MAX */
	  FIELD(file_conf, limits.request_head),
	  .help = "Bytes of a request's head." },
	{ .name = "header_count", .type = CONF_INTEGER, .def = "128",
	  .min = 1, .max = 256,		/* HEAD_FIELDS_MAX */
	  FIELD(file_conf, limits.header_count),
	  .help = "Fields of a head." },
	{ .name = "request_body", .type = CONF_SIZE, .def = "off",
	  .word = "off", .max = TIB,
	  FIELD(file_conf, limits.request_body),
	  .help = "Bytes of a request's body." },
	{ .name = "requests_per_connection", .type = CONF_INTEGER,
	  .def = "10000", .word = "off", .max = 1000000000,
	  FIELD(file_conf, limits.requests_per_connection),
	  .help = "Requests after which a client connection is closed." },
	{ .name = "connection_age", .type = CONF_DURATION, .def = "1h",
	  .word = "off", .max = 30 * DAY,
	  FIELD(file_conf, limits.connection_age_ms),
	  .help = "Age at which a client connection is closed." },
	{ .name = "min_rate", .type = CONF_RATE, .def = "100B/s",
	  .word = "off", .max = GIB, FIELD(file_conf, limits.min_rate),
	  .help = "Bytes a second that a client has to take or to send." },
	{ .name = NULL },
};

static const struct conf_section limits_section = {
	"\"limits\"", limits_keys, sizeof(struct file_conf)
};

static const struct conf_key timeouts_keys[] = {
	{ .name = "client_head", .type = CONF_DURATION, .def = "15s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.client_head),
	  .help = "Time in which a whole request head must arrive." },
	{ .name = "client_body", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.client_body),
	  .help = "Time between two reads of a request body." },
	{ .name = "keep_alive", .type = CONF_DURATION, .def = "75s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.keep_alive),
	  .help = "Time that a client connection may be idle." },
	{ .name = "send", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.send),
	  .help = "Time between two writes to a client." },
	{ .name = "tunnel", .type = CONF_DURATION, .def = "1h",
	  .min = 1, .max = 30 * DAY, FIELD(file_conf, timeouts.tunnel),
	  .help = "Time that a tunnel may be idle." },
	{ .name = NULL },
};

static const struct conf_section timeouts_section = {
	"\"timeouts\"", timeouts_keys, sizeof(struct file_conf)
};

static const struct conf_key keep_alive_keys[] = {
	{ .name = "idle", .type = CONF_INTEGER, .def = "256",
	  .min = 1, .max = 1000000, FIELD(file_conf, pool_idle),
	  .help = "Idle connections kept to each backend." },
	{ .name = "idle_timeout", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(file_conf, idle_ms),
	  .help = "Time that one of them may be idle." },
	{ .name = NULL },
};

static const struct conf_section keep_alive_section = {
	"\"keep_alive\"", keep_alive_keys, sizeof(struct file_conf)
};

static const struct conf_choice when_down[] = {
	{ "other", 0, true },
	{ "fail", 1, true },
	{ NULL, 0, false },
};

static const struct conf_key sticky_keys[] = {
	{ .name = "cookie", .type = CONF_STRING, .def = "ZZZ_BACKEND_ID",
	  FIELD(file_conf, sticky.cookie), PLACE(file_conf, sticky_cookie_at),
	  .help = "Name of the cookie." },
	{ .name = "secret", .type = CONF_STRING,
	  FIELD(file_conf, sticky.secret), PLACE(file_conf, sticky_secret_at),
	  .help = "Key of its values, the same on all machines." },
	{ .name = "path", .type = CONF_STRING, .def = "/",
	  FIELD(file_conf, sticky.path), PLACE(file_conf, sticky_path_at),
	  .help = "Path that the cookie is for." },
	{ .name = "domain", .type = CONF_STRING,
	  FIELD(file_conf, sticky.domain), PLACE(file_conf, sticky_domain_at),
	  .help = "Domain that the cookie is for." },
	{ .name = "max_age", .type = CONF_DURATION, .def = "off",
	  .word = "off", .max = 365ull * DAY,
	  FIELD(file_conf, sticky.max_age_ms),
	  .help = "Life of the cookie." },
	{ .name = "on_down", .type = CONF_CHOICE, .def = "other",
	  .choices = when_down, FIELD(file_conf, sticky.fails_when_down),
	  .help = "What happens when the backend is out." },
	{ .name = NULL },
};

static const struct conf_section sticky_section = {
	"\"sticky\"", sticky_keys, sizeof(struct file_conf)
};

static const struct conf_key root_keys[] = {
	{ .name = "backends", .type = CONF_LIST, .section = &conf_backend,
	  FIELD(file_conf, backends), PLACE(file_conf, backends_at),
	  .help = "The servers that requests are spread over." },
	{ .name = "strategy", .type = CONF_CHOICE, .def = "weighted",
	  .choices = strategies,
	  FIELD(file_conf, strategy), PLACE(file_conf, strategy_at),
	  .help = "How a backend is chosen for a request." },
	{ .name = "sticky", .type = CONF_BLOCK, .section = &sticky_section,
	  .help = "The cookie of the strategy sticky." },
	{ .name = "keep_alive", .type = CONF_BLOCK,
	  .section = &keep_alive_section,
	  .help = "Connections to backends that wait for the next request." },
	{ .name = "workers", .type = CONF_INTEGER, .def = "auto",
	  .word = "auto", .word_value = WORKERS_AUTO,
	  .min = 1, .max = WORKERS_MOST, FIELD(file_conf, workers),
	  .help = "Worker processes." },
	{ .name = "user", .type = CONF_STRING, FIELD(file_conf, user),
	  .help = "User that the workers run as." },
	{ .name = "shutdown_timeout", .type = CONF_DURATION, .def = "30s",
	  .min = 0, .max = DAY, FIELD(file_conf, shutdown_timeout_ms),
	  .help = "How long QUIT waits." },
	{ .name = "drain_timeout", .type = CONF_DURATION, .def = "10m",
	  .word = "off", .max = 30 * DAY, FIELD(file_conf, drain_timeout_ms),
	  .help = "How long an old generation may live after a reload." },
	{ .name = "limits", .type = CONF_BLOCK, .section = &limits_section,
	  .help = "What clients may use." },
	{ .name = "timeouts", .type = CONF_BLOCK, .section = &timeouts_section,
	  .help = "How long clients are waited for." },
	{ .name = NULL },
};

const struct conf_section conf_root = {
	NULL, root_keys, sizeof(struct file_conf)
};

const struct conf_key *
schema_find(const struct conf_section *section, struct span name)
{
	const struct conf_key *k;

	for (k = section->keys; k->name != NULL; k++)
		if (span_equal(span_str(k->name), name))
			return k;
	return NULL;
}

void
schema_defaults(const struct conf_section *section, void *target)
{
	const struct conf_key *k;
	char why[WHY_MAX];

	for (k = section->keys; k->name != NULL; k++) {
		if (k->type == CONF_BLOCK)
			schema_defaults(k->section, target);
		else if (k->type == CONF_STRING)
			*(const char **)(void *)((char *)target + k->offset) =
			    k->def;
		else if (k->def != NULL)
			ASSERT(schema_set(k, target, span_str(k->def), NULL,
			    why));
	}
}

static void
store(const struct conf_key *key, void *target, uint64_t value)
{
	void *member = (char *)target + key->offset;

	switch (key->size) {
	case sizeof(uint16_t):
		*(uint16_t *)member = (uint16_t)value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		ASSERT(key->size == sizeof(uint64_t));
		*(uint64_t *)member = value;
	}
}

/* "weighted, round-robin" */
static void
list_choices(const struct conf_choice *choices, char *out, size_t size)
{
	const struct conf_choice *c;
	size_t len = 0;

	*out = '\0';
	for (c = choices; c->name != NULL && len < size; c++)
		if (c->is_built)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
			    len > 0 ? ", " : "", c->name);
}

static bool
refuse_choice(const struct conf_key *key, struct span text, char why[WHY_MAX])
{
	struct suggestion near = { .word = text };
	const struct conf_choice *c;
	char word[QUOTE_MAX], all[WHY_MAX / 2];

	for (c = key->choices; c->name != NULL; c++)
		if (c->is_built)
			suggest(&near, c->name);
	list_choices(key->choices, all, sizeof(all));
	quote(word, text);
	if (near.best != NULL)
		snprintf(why, WHY_MAX, "\"%s\" is no %s; did you mean \"%s\"?",
		    word, key->name, near.best);
	else
		snprintf(why, WHY_MAX, "\"%s\" is no %s; there are: %s", word,
		    key->name, all);
	return false;
}

static bool
set_choice(const struct conf_key *key, void *target, struct span text,
    char why[WHY_MAX])
{
	const struct conf_choice *c;
	char all[WHY_MAX / 2];

	for (c = key->choices; c->name != NULL; c++) {
		if (!span_equal(span_str(c->name), text))
			continue;
		if (c->is_built) {
			store(key, target, c->value);
			return true;
		}
		list_choices(key->choices, all, sizeof(all));
		snprintf(why, WHY_MAX, "the %s \"%s\" is not built yet; "
		    "there are: %s", key->name, c->name, all);
		return false;
	}
	return refuse_choice(key, text, why);
}

static bool
set_string(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX])
{
	if (text.len == 0) {
		snprintf(why, WHY_MAX, "\"%s\" cannot be empty", key->name);
		return false;
	}
	*(const char **)(void *)((char *)target + key->offset) =
	    arena_str(arena, text);
	return true;
}

static const struct value_form *
form_of(enum conf_type type)
{
	switch (type) {
	case CONF_SIZE:
		return &value_size;
	case CONF_RATE:
		return &value_rate;
	case CONF_DURATION:
		return &value_duration;
	default:
		return &value_integer;
	}
}

static bool
set_number(const struct conf_key *key, void *target, struct span text,
    char why[WHY_MAX])
{
	const struct value_form *form = form_of(key->type);
	char word[QUOTE_MAX], min[VALUE_MAX], max[VALUE_MAX];
	uint64_t value;

	if (key->word != NULL && span_equal(span_str(key->word), text)) {
		store(key, target, key->word_value);
		return true;
	}
	if (!value_parse(form, text, key->word, &value, why, WHY_MAX))
		return false;
	if (value < key->min || (key->max != 0 && value > key->max)) {
		snprintf(why, WHY_MAX, "\"%s\" is out of range; \"%s\" takes "
		    "%s to %s", quote(word, text), key->name,
		    value_print(form, key->min, min),
		    value_print(form, key->max, max));
		return false;
	}
	store(key, target, value);
	return true;
}

bool
schema_set(const struct conf_key *key, void *target, struct span text,
    struct arena *arena, char why[WHY_MAX])
{
	switch (key->type) {
	case CONF_STRING:
		return set_string(key, target, text, arena, why);
	case CONF_CHOICE:
		return set_choice(key, target, text, why);
	default:
		return set_number(key, target, text, why);
	}
}
