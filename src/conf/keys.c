/* src/conf/keys.c -- every key: its name, type, range, default and help */
#include "conf/schema.h"
#include "conf/value.h"

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
	{ "least-conn", STRATEGY_LEAST_CONN, true },
	{ "p2c", STRATEGY_P2C, true },
	{ "peak-ewma", STRATEGY_PEAK_EWMA, true },
	{ "hash", STRATEGY_HASH, true },
	{ "first", STRATEGY_FIRST, true },
	{ NULL, 0, false },
};

static const struct conf_choice resolve_kinds[] = {
	{ "address", 0, true },
	{ "srv", 1, true },
	{ NULL, 0, false },
};

/* With or without "https://": a name, an IPv4 or an IPv6 address. */
#define LABEL_PATTERN "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
#define HOST_PATTERN "^([Hh][Tt][Tt][Pp][Ss]://)?(" 			\
	"(" LABEL_PATTERN "\\.)*(?!([0-9]+|0[Xx][0-9A-Fa-f]*)\\.?$)"	\
	LABEL_PATTERN "\\.?|([0-9]{1,3}\\.){3}[0-9]{1,3}|"		\
	"\\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\\]?)$"

static const struct conf_key backend_keys[] = {
	{ .name = "host", .type = CONF_STRING, .is_required = true,
	  FIELD(backend_file, host), PLACE(backend_file, host_at),
	  .pattern = HOST_PATTERN,
	  .help = "Name or IP address of the server, without a port. Each "
	  "address of a name serves; it is asked for again when DNS says "
	  "so.",
	  .since = "0.1.0" },
	{ .name = "port", .type = CONF_INTEGER, .unless = "resolve",
	  .min = 1, .max = 65535,
	  FIELD(backend_file, port),
	  .help = "TCP port of the server; under \"resolve: srv\" DNS "
	  "says it.",
	  .since = "0.1.0" },
	{ .name = "resolve", .type = CONF_CHOICE, .def = "address",
	  .choices = resolve_kinds, FIELD(backend_file, is_srv),
	  PLACE(backend_file, resolve_at),
	  .help = "What DNS is asked for the name: addresses (A, AAAA), or "
	  "SRV records, with port, weight and priority.",
	  .since = "0.1.0" },
	{ .name = "addresses", .type = CONF_INTEGER, .def = "8",
	  .min = 1, .max = 64,			/* ANSWERS_MOST */
	  FIELD(backend_file, addresses),
	  .help = "Addresses of the name that serve at most; room for them "
	  "is kept.",
	  .since = "0.1.0" },
	{ .name = "weight", .type = CONF_INTEGER, .def = "1",
	  .min = 0, .max = WEIGHT_MOST,
	  FIELD(backend_file, weight), PLACE(backend_file, weight_at),
	  .help = "Share of the requests, compared with the other "
	  "backends: 2 gets twice as many as 1, and 0 drains the backend.",
	  .since = "0.1.0" },
	{ .name = "backup", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(backend_file, is_backup),
	  .help = "Whether it serves only while none of the others can.",
	  .since = "0.1.0" },
	{ .name = "max_connections", .type = CONF_INTEGER, .def = "off",
	  .word = "off", .min = 1, .max = 1000000,
	  FIELD(backend_file, max_connections),
	  .help = "Connections to it over all workers, idle ones too; "
	  "requests beyond them wait in \"queue\". \"off\" is any number.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

const struct conf_section conf_backend = {
	"a backend", backend_keys, sizeof(struct backend_file), NULL
};

static const struct conf_key limits_keys[] = {
	{ .name = "connections", .type = CONF_INTEGER, .def = "65536",
	  .min = 1, .max = 10000000,
	  FIELD(file_conf, limits.connections),
	  .help = "Client connections that one worker holds at once.",
	  .since = "0.1.0" },
	{ .name = "request_head", .type = CONF_SIZE, .def = "32k",
	  .min = 1 * KIB, .max = 64 * KIB,	/* HEAD_BYTES_MAX */
	  FIELD(file_conf, limits.request_head),
	  .help = "Size of a request's head, from its line to the empty "
	  "one; a larger one is answered with 431.",
	  .since = "0.1.0" },
	{ .name = "response_head", .type = CONF_SIZE, .def = "32k",
	  .min = 1 * KIB, .max = 64 * KIB,	/* HEAD_BYTES_MAX */
	  FIELD(file_conf, limits.response_head),
	  .help = "Size of a response's head; a larger one becomes 502.",
	  .since = "0.1.0" },
	{ .name = "header_count", .type = CONF_INTEGER, .def = "128",
	  .min = 1, .max = 256,		/* HEAD_FIELDS_MAX */
	  FIELD(file_conf, limits.header_count),
	  .help = "Fields that a head may have.",
	  .since = "0.1.0" },
	{ .name = "request_body", .type = CONF_SIZE, .def = "off",
	  .word = "off", .max = TIB,
	  FIELD(file_conf, limits.request_body),
	  .help = "Size of a request's body; a larger one is answered with "
	  "413. \"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = "requests_per_connection", .type = CONF_INTEGER,
	  .def = "10000", .word = "off", .max = 1000000000,
	  FIELD(file_conf, limits.requests_per_connection),
	  .help = "Requests after which a client connection is closed. "
	  "\"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = "connection_age", .type = CONF_DURATION, .def = "1h",
	  .word = "off", .max = 30 * DAY,
	  FIELD(file_conf, limits.connection_age_ms),
	  .help = "Age at which a client connection is closed after the "
	  "request under way. \"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = "min_rate", .type = CONF_RATE, .def = "100B/s",
	  .word = "off", .max = GIB, FIELD(file_conf, limits.min_rate),
	  .help = "Bytes a second that a client has to take or to send "
	  "while there is something to move; slower ones are ended. "
	  "\"off\" is any rate.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section limits_section = {
	"\"limits\"", limits_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key timeouts_keys[] = {
	{ .name = "client_head", .type = CONF_DURATION, .def = "15s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.client_head),
	  .help = "Time in which a whole request head must arrive.",
	  .since = "0.1.0" },
	{ .name = "client_body", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.client_body),
	  .help = "Time between two parts of a request body.",
	  .since = "0.1.0" },
	{ .name = "keep_alive", .type = CONF_DURATION, .def = "75s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.keep_alive),
	  PLACE(file_conf, keep_alive_at),
	  .help = "Time that a client connection may wait for its next "
	  "request.",
	  .since = "0.1.0" },
	{ .name = "send", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(file_conf, timeouts.send),
	  .help = "Time in which a client must take some of what is sent "
	  "to it.",
	  .since = "0.1.0" },
	{ .name = "tunnel", .type = CONF_DURATION, .def = "1h",
	  .min = 1, .max = 30 * DAY, FIELD(file_conf, timeouts.tunnel),
	  .help = "Time that a tunnel, as of a WebSocket, may be idle both "
	  "ways.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section timeouts_section = {
	"\"timeouts\"", timeouts_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key keep_alive_keys[] = {
	{ .name = "idle", .type = CONF_INTEGER, .def = "256",
	  .min = 1, .max = 1000000, FIELD(upstream_file, pool_idle),
	  .help = "Idle connections that are kept to each backend, over "
	  "all workers.",
	  .since = "0.1.0" },
	{ .name = "idle_timeout", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(upstream_file, idle_ms),
	  .help = "Time after which an idle connection to a backend is "
	  "closed.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section keep_alive_section = {
	"\"keep_alive\"", keep_alive_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_choice when_down[] = {
	{ "other", 0, true },
	{ "fail", 1, true },
	{ NULL, 0, false },
};

static const struct conf_key sticky_keys[] = {
	{ .name = "cookie", .type = CONF_STRING, .def = "ZZZ_BACKEND_ID",
	  FIELD(upstream_file, sticky.cookie), PLACE(upstream_file, sticky_cookie_at),
	  .pattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
	  .help = "Name of the cookie that says which backend a client "
	  "stays with.",
	  .since = "0.1.0" },
	{ .name = "secret", .type = CONF_STRING, .is_secret = true,
	  FIELD(upstream_file, sticky.secret), PLACE(upstream_file, sticky_secret_at),
	  .pattern = "^(?![\\x00-\\x7f]{0,15}$)[^\\x00]+$",
	  .help = "Key that the cookie's values are made with, at least 16 "
	  "characters and the same on all machines that share clients. "
	  "Without one, this machine makes one and keeps it.",
	  .since = "0.1.0" },
	{ .name = "secret_file", .type = CONF_STRING,
	  FIELD(upstream_file, sticky.secret_file),
	  PLACE(upstream_file, sticky_secret_file_at),
	  .excludes = "secret",
	  .help = "A file that has the secret, at least 16 bytes, and that "
	  "others cannot read. A newline at its end does not count.",
	  .since = "0.1.0" },
	{ .name = "path", .type = CONF_STRING, .def = "/",
	  FIELD(upstream_file, sticky.path), PLACE(upstream_file, sticky_path_at),
	  .pattern = "^/[A-Za-z0-9!#$%&'*+.^_`|~()/=@:-]*$",
	  .help = "Path that the cookie is for.",
	  .since = "0.1.0" },
	{ .name = "domain", .type = CONF_STRING,
	  FIELD(upstream_file, sticky.domain), PLACE(upstream_file, sticky_domain_at),
	  .pattern = "^[A-Za-z0-9.-]+$",
	  .help = "Domain that the cookie is for; by default the host of "
	  "the request alone.",
	  .since = "0.1.0" },
	{ .name = "max_age", .type = CONF_DURATION, .def = "off",
	  .word = "off", .max = 365ull * DAY,
	  FIELD(upstream_file, sticky.max_age_ms),
	  .help = "How long browsers keep the cookie. \"off\" is as long "
	  "as they run.",
	  .since = "0.1.0" },
	{ .name = "on_down", .type = CONF_CHOICE, .def = "other",
	  .choices = when_down, FIELD(upstream_file, sticky.fails_when_down),
	  .help = "What becomes of a client whose backend is out: another "
	  "one takes it, or its requests fail with 503.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section sticky_section = {
	"\"sticky\"", sticky_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key test_keys[] = {
	{ .name = "equal", .type = CONF_STRING,
	  FIELD(test_file, equal), PLACE(test_file, equal_at),
	  .is_one_of = true,
	  .help = "The text that the value has to be.",
	  .since = "0.1.0" },
	{ .name = "present", .type = CONF_BOOLEAN,
	  FIELD(test_file, is_present), PLACE(test_file, present_at),
	  .is_one_of = true,
	  .help = "Whether it has to be there, or must not be.",
	  .since = "0.1.0" },
	{ .name = "regex", .type = CONF_VALUE, .form = &form_regex,
	  FIELD(test_file, regex), PLACE(test_file, regex_at),
	  .is_one_of = true,
	  .help = "A regular expression that some part of the value has to "
	  "match.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section test_section = {
	"a condition", test_keys, sizeof(struct test_file), "equal"
};

/* The same of a response: keys are listed by section (schema_test --keys). */
static const struct conf_section check_test_section = {
	"a condition", test_keys, sizeof(struct test_file), "equal"
};

static const struct conf_choice check_types[] = {
	{ "http", CHECK_HTTP, true },
	{ "tcp", CHECK_TCP, true },
	{ NULL, 0, false },
};

static const struct conf_choice check_methods[] = {
	{ "GET", CHECK_GET, true },
	{ "HEAD", CHECK_HEAD, true },
	{ "OPTIONS", CHECK_OPTIONS, true },
	{ NULL, 0, false },
};

static const struct conf_key check_header_keys[] = {
	{ .name = "value", .type = CONF_STRING, .is_required = true,
	  FIELD(check_header_file, value), PLACE(check_header_file, value_at),
	  .pattern = "^[^\\x00-\\x08\\x0a-\\x1f\\x7f]+$",
	  .help = "Value of the field.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section check_header_section = {
	"a field of a check", check_header_keys,
	sizeof(struct check_header_file), "value"
};

static const struct conf_key check_body_keys[] = {
	{ .name = "contains", .type = CONF_STRING,
	  FIELD(upstream_file, check.conf.body),
	  PLACE(upstream_file, check.contains_at),
	  .excludes = "regex",
	  .help = "Text that some part of the body has to be.",
	  .since = "0.1.0" },
	{ .name = "regex", .type = CONF_VALUE, .form = &form_regex,
	  FIELD(upstream_file, check.conf.body_regex),
	  PLACE(upstream_file, check.regex_at),
	  .help = "A regular expression that some part of the body has to "
	  "match.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section check_body_section = {
	"\"expect_body\"", check_body_keys, sizeof(struct upstream_file),
	"contains"
};

static const struct conf_key check_keys[] = {
	{ .name = "type", .type = CONF_CHOICE, .def = "http",
	  .choices = check_types, FIELD(upstream_file, check.conf.type),
	  .help = "What a check is: a request, or with \"tcp\" just a "
	  "connection that is made.",
	  .since = "0.1.0" },
	{ .name = "path", .type = CONF_STRING,
	  FIELD(upstream_file, check.conf.path),
	  PLACE(upstream_file, check.path_at),
	  .pattern = "^/[!\"$-~]*$",
	  .help = "Path that is asked for, also with a query; by default "
	  "\"/\".",
	  .since = "0.1.0" },
	{ .name = "method", .type = CONF_CHOICE, .def = "GET",
	  .choices = check_methods, FIELD(upstream_file, check.conf.method),
	  PLACE(upstream_file, check.method_at),
	  .help = "Method of the request.",
	  .since = "0.1.0" },
	{ .name = "host", .type = CONF_STRING,
	  FIELD(upstream_file, check.conf.host),
	  PLACE(upstream_file, check.host_at),
	  .pattern = "^[A-Za-z0-9._:\\[\\]-]+$",
	  .help = "Host of the request; by default the backend's own, as "
	  "it is written, with its port.",
	  .since = "0.1.0" },
	{ .name = "headers", .type = CONF_MAP,
	  .section = &check_header_section,
	  FIELD(upstream_file, check.headers),
	  PLACE(upstream_file, check.headers_at),
	  .help = "Further header fields of the request by name.",
	  .since = "0.1.0" },
	{ .name = "expect_status", .type = CONF_VALUES,
	  .form = &form_status, FIELD(upstream_file, check.statuses),
	  PLACE(upstream_file, check.statuses_at),
	  .help = "Statuses of a good response, one by one or as in "
	  "200-399. By default this is 200-399 if a path is given, else "
	  "200-499.",
	  .since = "0.1.0" },
	{ .name = "expect_header", .type = CONF_MAP,
	  .section = &check_test_section,
	  FIELD(upstream_file, check.fields),
	  PLACE(upstream_file, check.fields_at),
	  .help = "Conditions on the header fields of a good response by "
	  "name; all must hold.",
	  .since = "0.1.0" },
	{ .name = "expect_body", .type = CONF_BLOCK,
	  .section = &check_body_section,
	  PLACE(upstream_file, check.body_at),
	  .help = "Text that is in the first 64 KiB of a good response's "
	  "body, or a regular expression that matches there.",
	  .since = "0.1.0" },
	{ .name = "port", .type = CONF_INTEGER,
	  .min = 1, .max = 65535, FIELD(upstream_file, check.conf.port),
	  .help = "Port that is checked, where it is not the backend's own.",
	  .since = "0.1.0" },
	{ .name = "interval", .type = CONF_DURATION, .def = "5s",
	  .min = 10, .max = HOUR,
	  FIELD(upstream_file, check.conf.interval_ms),
	  PLACE(upstream_file, check.interval_at),
	  .help = "Time from one check of a backend to the next.",
	  .since = "0.1.0" },
	{ .name = "timeout", .type = CONF_DURATION, .def = "2s",
	  .min = 1, .max = HOUR,
	  FIELD(upstream_file, check.conf.timeout_ms),
	  PLACE(upstream_file, check.timeout_at),
	  .help = "Time in which a check must have succeeded.",
	  .since = "0.1.0" },
	{ .name = "rise", .type = CONF_INTEGER, .def = "2",
	  .min = 1, .max = 1000, FIELD(upstream_file, check.conf.rise),
	  .help = "Checks in a row that must succeed before a backend that "
	  "is down is up again.",
	  .since = "0.1.0" },
	{ .name = "fall", .type = CONF_INTEGER, .def = "3",
	  .min = 1, .max = 1000, FIELD(upstream_file, check.conf.fall),
	  .help = "Checks in a row that must fail before a backend is "
	  "down.",
	  .since = "0.1.0" },
	{ .name = "fast", .type = CONF_DURATION, .def = "1s",
	  .min = 10, .max = HOUR, FIELD(upstream_file, check.conf.fast_ms),
	  .help = "The interval while it is open whether a backend is up "
	  "or down, if it is shorter.",
	  .since = "0.1.0" },
	{ .name = "down", .type = CONF_DURATION, .def = "5s",
	  .min = 10, .max = HOUR, FIELD(upstream_file, check.conf.down_ms),
	  .help = "The interval while a backend is down; it doubles with "
	  "each check that fails, up to 30s.",
	  .since = "0.1.0" },
	{ .name = "jitter", .type = CONF_PERCENTAGE, .def = "10%",
	  .max = 5000, FIELD(upstream_file, check.conf.jitter),
	  .help = "How much longer or shorter than that an interval may "
	  "be, by chance.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section check_section = {
	"\"health_check\"", check_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_choice hash_keys[] = {
	{ "client", HASH_CLIENT, true },
	{ "uri", HASH_URI, true },
	{ "path", HASH_PATH, true },
	{ "query", HASH_QUERY, true },
	{ "header", HASH_HEADER, true },
	{ "cookie", HASH_COOKIE, true },
	{ NULL, 0, false },
};

static const struct conf_key hash_rows[] = {
	{ .name = "key", .type = CONF_CHOICE, .def = "client",
	  .choices = hash_keys, FIELD(upstream_file, hash.key),
	  PLACE(upstream_file, hash_key_at),
	  .help = "What of a request decides: the address of the client, the "
	  "URI with its query, the path alone, or the parameter of the query, "
	  "the header field or the cookie called \"name\".",
	  .since = "0.1.0" },
	{ .name = "name", .type = CONF_STRING,
	  FIELD(upstream_file, hash.name), PLACE(upstream_file, hash_name_at),
	  .help = "Name of the parameter, header field or cookie.",
	  .since = "0.1.0" },
	{ .name = "bounded_load", .type = CONF_PERCENTAGE, .def = "off",
	  .word = "off", .min = 10000, .max = 100000,
	  FIELD(upstream_file, hash.bounded_load),
	  .help = "What a backend may have in flight, compared with its "
	  "share of all; beyond it the next one of the key serves. \"off\" "
	  "is any.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section hash_section = {
	"\"hash\"", hash_rows, sizeof(struct upstream_file), NULL
};

/*
 * What an upstream has, and what stands at the top level for the upstream
 * "default": there struct file_conf begins with its struct upstream_file.
 */
#define UPSTREAM_ROWS(must)						\
	{ .name = "backends", .type = CONF_LIST, .is_required = (must),	\
	  .section = &conf_backend, .min = 1,				\
	  FIELD(upstream_file, backends),				\
	  PLACE(upstream_file, backends_at),				\
	  .help = "The servers that requests are spread over.",		\
	  .since = "0.1.0" },						\
	{ .name = "strategy", .type = CONF_CHOICE, .def = "weighted",	\
	  .choices = strategies, FIELD(upstream_file, strategy),	\
	  PLACE(upstream_file, strategy_at),				\
	  .help = "How a backend is chosen for a request.",		\
	  .since = "0.1.0" },						\
	{ .name = "hash", .type = CONF_BLOCK, .section = &hash_section,	\
	  PLACE(upstream_file, hash_at),				\
	  .help = "What the strategy \"hash\" hashes.",			\
	  .since = "0.1.0" },						\
	{ .name = "sticky", .type = CONF_BLOCK, .word = "off",		\
	  .word_value = 1, .section = &sticky_section,			\
	  FIELD(upstream_file, sticky.is_off),				\
	  PLACE(upstream_file, sticky_at),				\
	  .help = "The cookie that binds a client to the backend that "	\
	  "it was given first, under any strategy. \"off\" is none.",	\
	  .since = "0.1.0" },						\
	{ .name = "keep_alive", .type = CONF_BLOCK,			\
	  .section = &keep_alive_section,				\
	  .help = "Connections to backends that wait for the next "	\
	  "request.",							\
	  .since = "0.1.0" },						\
	{ .name = "retries", .type = CONF_BLOCK, .word = "off",		\
	  .section = &retries_section, FIELD(upstream_file, retries),	\
	  .help = "Further tries, on other backends, of a request "	\
	  "that failed and may be sent again. \"off\" is none.",	\
	  .since = "0.1.0" },						\
	{ .name = "circuit_breaker", .type = CONF_BLOCK,		\
	  .section = &breaker_section, .word = "off", .word_value = 1,	\
	  FIELD(upstream_file, breaker.is_off),				\
	  .help = "When a backend that fails is left out for a while. "	\
	  "\"off\" is never.",						\
	  .since = "0.1.0" },						\
	{ .name = "max_connections", .type = CONF_INTEGER,		\
	  .def = "off", .word = "off", .min = 1, .max = 1000000,	\
	  FIELD(upstream_file, max_connections),			\
	  .help = "Connections to all backends together, over all "	\
	  "workers, idle ones too. \"off\" is any number.",		\
	  .since = "0.1.0" },						\
	{ .name = "queue", .type = CONF_BLOCK,				\
	  .section = &queue_section, .word = "off",			\
	  FIELD(upstream_file, queue_size),				\
	  .help = "Requests that wait for a connection under "		\
	  "\"max_connections\". \"off\" answers them with 503.",	\
	  .since = "0.1.0" },						\
	{ .name = "slow_start", .type = CONF_DURATION, .def = "off",	\
	  .word = "off", .max = DAY,					\
	  FIELD(upstream_file, slow_start_ms),				\
	  .help = "Time over which a backend that returns comes to "	\
	  "its whole share. \"off\" is at once.",			\
	  .since = "0.1.0" },						\
	{ .name = "fail_open", .type = CONF_PERCENTAGE, .def = "1%",	\
	  .word = "off", .max = 10000,					\
	  FIELD(upstream_file, fail_open),				\
	  .help = "While less than this share of the backends is well, "	\
	  "all serve, for the trouble may be ours. \"off\" answers "	\
	  "with 503 when none is.",					\
	  .since = "0.1.0" },						\
	{ .name = "health_check", .type = CONF_BLOCK, .word = "off",	\
	  .word_value = 1, .section = &check_section,			\
	  FIELD(upstream_file, check.conf.is_off),			\
	  .help = "How it is found out which backends can serve, "	\
	  "beside the requests that they get. \"off\": not at all.",	\
	  .since = "0.1.0" }

#define WHEN_HELP "Failures that another try follows: connect, reset, " \
	"timeout, junk, 429, 500, 502, 503, 504. All but connect only of " \
	"requests whose method is idempotent."
static const struct conf_key retries_keys[] = {
	{ .name = "attempts", .type = CONF_INTEGER, .def = "2",
	  .min = 0, .max = 7,			/* ATTEMPTS_MAX - 1 */
	  FIELD(upstream_file, retries),
	  .help = "Tries of a request beyond the first.",
	  .since = "0.1.0" },
	{ .name = "budget", .type = CONF_PERCENTAGE, .def = "20%",
	  .word = "off",
	  .min = 1, .max = SHARE_ONE,
	  FIELD(upstream_file, budget),
	  .help = "Share of the requests to this upstream that may be tried "
	  "again, over all workers; some few may beyond it. \"off\" is no "
	  "limit.",
	  .since = "0.1.0" },
	{ .name = "when", .type = CONF_VALUES, .form = &form_retry,
	  FIELD(upstream_file, when), PLACE(upstream_file, when_at),
	  .help = WHEN_HELP " By default these are connect and reset.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section retries_section = {
	"\"retries\"", retries_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key queue_keys[] = {
	{ .name = "size", .type = CONF_INTEGER, .def = "1000",
	  .min = 1, .max = 1000000, FIELD(upstream_file, queue_size),
	  .help = "Requests that wait at a time, over all workers.",
	  .since = "0.1.0" },
	{ .name = "timeout", .type = CONF_DURATION, .def = "5s",
	  .min = 1, .max = HOUR, FIELD(upstream_file, queue_ms),
	  .help = "How long one of them waits before it is answered with "
	  "503.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section queue_section = {
	"\"queue\"", queue_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key breaker_keys[] = {
	{ .name = "failures", .type = CONF_INTEGER, .def = "5",
	  .word = "off", .min = 1, .max = 100,
	  FIELD(upstream_file, breaker.failures),
	  .help = "Failures in a row after which a backend is left out.",
	  .since = "0.1.0" },
	{ .name = "ratio", .type = CONF_PERCENTAGE, .def = "50%",
	  .word = "off", .min = 1, .max = 10000,
	  FIELD(upstream_file, breaker.ratio),
	  .help = "Share of the requests in \"window\" that may fail, of "
	  "at least \"requests\".",
	  .since = "0.1.0" },
	{ .name = "requests", .type = CONF_INTEGER, .def = "20",
	  .min = 1, .max = 100000,
	  FIELD(upstream_file, breaker.requests),
	  .help = "Requests in \"window\" from which on \"ratio\" counts.",
	  .since = "0.1.0" },
	{ .name = "window", .type = CONF_DURATION, .def = "10s",
	  .min = SECOND, .max = HOUR,
	  FIELD(upstream_file, breaker.window_ms),
	  .help = "Time over which \"ratio\" is taken.",
	  .since = "0.1.0" },
	{ .name = "open", .type = CONF_DURATION, .def = "10s",
	  .min = 1, .max = DAY, FIELD(upstream_file, breaker.open_ms),
	  .help = "How long a backend is left out the first time; each "
	  "further time soon after takes twice as long.",
	  .since = "0.1.0" },
	{ .name = "open_max", .type = CONF_DURATION, .def = "5m",
	  .min = 1, .max = 7ull * DAY,
	  FIELD(upstream_file, breaker.open_most_ms),
	  .help = "How long a backend is left out at most.",
	  .since = "0.1.0" },
	{ .name = "trials", .type = CONF_INTEGER, .def = "1",
	  .min = 1, .max = 1000, FIELD(upstream_file, breaker.trials),
	  .help = "Requests at a time, over all workers, that a backend gets "
	  "then.",
	  .since = "0.1.0" },
	{ .name = "successes", .type = CONF_INTEGER, .def = "2",
	  .min = 1, .max = 100, FIELD(upstream_file, breaker.successes),
	  .help = "Trials that have to go well before it serves as before.",
	  .since = "0.1.0" },
	{ .name = "max_ejected", .type = CONF_PERCENTAGE, .def = "50%",
	  .min = 0, .max = 10000,
	  FIELD(upstream_file, breaker.max_ejected),
	  .help = "Share of the upstream's backends that may be left out at "
	  "a time; one may always.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section breaker_section = {
	"\"circuit_breaker\"", breaker_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key upstream_timeouts_keys[] = {
	{ .name = "connect", .type = CONF_DURATION, .def = "5s",
	  .min = 1, .max = HOUR, FIELD(upstream_file, timeouts.connect),
	  .help = "Time in which a connection to a backend must be made.",
	  .since = "0.1.0" },
	{ .name = "response_head", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.response_head),
	  .help = "Time in which the whole head of a response must arrive "
	  "once the request is sent.",
	  .since = "0.1.0" },
	{ .name = "between_bytes", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.between_bytes),
	  .help = "Time between two parts of a response body.",
	  .since = "0.1.0" },
	{ .name = "send", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.send),
	  .help = "Time in which a backend must take some of what is sent "
	  "to it.",
	  .since = "0.1.0" },
	{ .name = "try", .type = CONF_DURATION, .def = "off", .word = "off",
	  .min = 1, .max = DAY, FIELD(upstream_file, try_ms),
	  .help = "Time in which one try must bring the head of a response, "
	  "its connecting included. \"off\" is no limit but the others.",
	  .since = "0.1.0" },
	{ .name = "total", .type = CONF_DURATION, .def = "off", .word = "off",
	  .min = 1, .max = DAY, FIELD(upstream_file, total_ms),
	  .help = "Time for a request and its response as a whole, with all "
	  "tries. \"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section upstream_timeouts_section = {
	"\"timeouts\" of an upstream", upstream_timeouts_keys,
	sizeof(struct upstream_file), NULL
};

static const struct conf_key upstream_keys[] = {
	UPSTREAM_ROWS(true),
	{ .name = "timeouts", .type = CONF_BLOCK,
	  .section = &upstream_timeouts_section,
	  .help = "How long the backends of this upstream are waited for.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

const struct conf_section conf_upstream = {
	"an upstream", upstream_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key listener_keys[] = {
	{ .name = "address", .type = CONF_VALUE, .is_required = true,
	  .form = &form_address,
	  FIELD(listener_file, address), PLACE(listener_file, address_at),
	  .help = "Where connections are accepted: an IP address with a "
	  "port, \"*:80\" for IPv4 and IPv6, or unix: and a path.",
	  .since = "0.1.0" },
	{ .name = "backlog", .type = CONF_INTEGER, .def = "auto",
	  .word = "auto", .min = 1, .max = 1000000,
	  FIELD(listener_file, backlog),
	  .help = "Connections that may wait to be accepted. \"auto\" is "
	  "as many as the system allows.",
	  .since = "0.1.0" },
	{ .name = "ipv6_only", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(listener_file, is_ipv6_only),
	  PLACE(listener_file, ipv6_only_at),
	  .help = "Whether an IPv6 address leaves the same port of IPv4 to "
	  "others.",
	  .since = "0.1.0" },
	{ .name = "freebind", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(listener_file, is_free),
	  .help = "Whether the address is bound also while the machine "
	  "does not have it, as on a standby.",
	  .since = "0.1.0" },
	{ .name = "trusted_proxies", .type = CONF_VALUES,
	  .form = &form_network, FIELD(listener_file, trusted),
	  .help = "Networks of the proxies in front of us, whose "
	  "X-Forwarded-* fields are believed.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section listener_section = {
	"a listener", listener_keys, sizeof(struct listener_file), NULL
};

static const struct conf_key match_keys[] = {
	{ .name = "host", .type = CONF_VALUES, .form = &form_host,
	  FIELD(route_file, match.hosts),
	  .help = "Names of the server, one of which the request asks for; "
	  "\"*.\" in front means any below.",
	  .since = "0.1.0" },
	{ .name = "path", .type = CONF_VALUES, .form = &form_path,
	  FIELD(route_file, match.paths),
	  .help = "Paths, one of which the whole path of the request has "
	  "to be.",
	  .since = "0.1.0" },
	{ .name = "path_prefix", .type = CONF_VALUES, .form = &form_path,
	  FIELD(route_file, match.prefixes),
	  .help = "Paths, one of which the request's path has to be or to "
	  "lie below.",
	  .since = "0.1.0" },
	{ .name = "path_regex", .type = CONF_VALUES, .form = &form_regex,
	  FIELD(route_file, match.regexes),
	  .help = "Regular expressions, one of which some part of the path "
	  "has to match.",
	  .since = "0.1.0" },
	{ .name = "method", .type = CONF_VALUES, .form = &form_token,
	  FIELD(route_file, match.methods),
	  .help = "Methods, one of which the request has to have.",
	  .since = "0.1.0" },
	{ .name = "header", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, headers),
	  .help = "Conditions on header fields by name; all must hold.",
	  .since = "0.1.0" },
	{ .name = "query", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, queries),
	  .help = "Conditions on parameters of the query by name; all must "
	  "hold.",
	  .since = "0.1.0" },
	{ .name = "cookie", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, cookies),
	  .help = "Conditions on cookies by name; all must hold.",
	  .since = "0.1.0" },
	{ .name = "client", .type = CONF_VALUES, .form = &form_network,
	  FIELD(route_file, match.clients),
	  .help = "Networks, in one of which the client has to be; behind "
	  "trusted proxies it is the one that they name.",
	  .since = "0.1.0" },
	{ .name = "listener", .type = CONF_VALUE, .form = &form_address,
	  FIELD(route_file, listener), PLACE(route_file, listener_at),
	  .help = "Address of the listener that the connection has to come "
	  "from.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section match_section = {
	"\"match\"", match_keys, sizeof(struct route_file), NULL
};

static const struct conf_key field_keys[] = {
	{ .name = "value", .type = CONF_VALUE, .is_required = true,
	  .form = &form_template,
	  FIELD(field_file, value), PLACE(field_file, value_at),
	  .help = "Value of the field, with variables such as ${client}.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section field_section = {
	"a field", field_keys, sizeof(struct field_file), "value"
};

/* Of a response: variables may speak of it. */
static const struct conf_key late_field_keys[] = {
	{ .name = "value", .type = CONF_VALUE, .is_required = true,
	  .form = &form_late_template,
	  FIELD(field_file, value), PLACE(field_file, value_at),
	  .help = "Value of the field, with variables such as ${status}.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section late_field_section = {
	"a field", late_field_keys, sizeof(struct field_file), "value"
};

#define EDIT_ROWS(member, fields)					\
	{ .name = "set", .type = CONF_MAP, .section = &(fields),	\
	  FIELD(route_file, member.set),				\
	  .help = "Fields that take the place of any of the same "	\
	  "name.",							\
	  .since = "0.1.0" },						\
	{ .name = "add", .type = CONF_MAP, .section = &(fields),	\
	  FIELD(route_file, member.add),				\
	  .help = "Fields that are added beside those of the same "	\
	  "name.",							\
	  .since = "0.1.0" },						\
	{ .name = "remove", .type = CONF_VALUES, .form = &form_token,	\
	  FIELD(route_file, member.remove),				\
	  PLACE(route_file, member.remove_at),				\
	  .help = "Names of fields that are taken out, before "		\
	  "others are set.",						\
	  .since = "0.1.0" },						\
	{ .name = NULL }

static const struct conf_key request_edit_keys[] = {
	EDIT_ROWS(request, field_section)
};
static const struct conf_key response_edit_keys[] = {
	EDIT_ROWS(response, late_field_section)
};

static const struct conf_section request_edit_section = {
	"\"request_headers\"", request_edit_keys, sizeof(struct route_file), NULL
};
static const struct conf_section response_edit_section = {
	"\"response_headers\"", response_edit_keys, sizeof(struct route_file), NULL
};

static const struct conf_key respond_keys[] = {
	{ .name = "status", .type = CONF_INTEGER, .def = "200",
	  .min = 200, .max = 599, FIELD(route_file, respond_status),
	  .help = "Status of the answer.",
	  .since = "0.1.0" },
	{ .name = "body", .type = CONF_VALUE, .form = &form_template,
	  FIELD(route_file, body), PLACE(route_file, body_at),
	  .help = "Content of the answer, with variables such as ${path}.",
	  .since = "0.1.0" },
	{ .name = "content_type", .type = CONF_STRING,
	  .def = "text/plain", FIELD(route_file, content_type),
	  PLACE(route_file, content_type_at),
	  .pattern = "^[ -~]+$",
	  .help = "Type of the content: the answer's Content-Type.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section respond_section = {
	"\"respond\"", respond_keys, sizeof(struct route_file), NULL
};

static const struct conf_choice redirects[] = {
	{ "301", 301, true }, { "302", 302, true }, { "303", 303, true },
	{ "307", 307, true }, { "308", 308, true }, { NULL, 0, false },
};

static const struct conf_key redirect_keys[] = {
	{ .name = "to", .type = CONF_VALUE, .is_required = true,
	  .form = &form_template, FIELD(route_file, to),
	  PLACE(route_file, to_at),
	  .help = "Where the client is sent, with variables such as "
	  "${host} and ${request_uri}.",
	  .since = "0.1.0" },
	{ .name = "status", .type = CONF_CHOICE, .def = "308",
	  .choices = redirects, FIELD(route_file, redirect_status),
	  .help = "Status of the redirection.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section redirect_section = {
	"\"redirect\"", redirect_keys, sizeof(struct route_file), NULL
};

static const struct conf_key share_keys[] = {
	{ .name = "weight", .type = CONF_INTEGER, .is_required = true,
	  .min = 0, .max = WEIGHT_MOST,
	  FIELD(share_file, weight), PLACE(share_file, weight_at),
	  .help = "Share of the requests, compared with the other "
	  "upstreams; with 0 it gets none.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section share_section = {
	"a share", share_keys, sizeof(struct share_file), "weight"
};

static const struct conf_key split_keys[] = {
	{ .name = "key", .type = CONF_VALUE, .form = &form_template,
	  FIELD(route_file, split_key), PLACE(route_file, split_key_at),
	  .help = "Text with variables; requests for which it is the same "
	  "get the same upstream. Without it each request draws.",
	  .since = "0.1.0" },
	{ .name = "upstreams", .type = CONF_MAP, .is_required = true,
	  .section = &share_section,
	  FIELD(route_file, shares), PLACE(route_file, shares_at),
	  .min = 1,
	  .help = "Names of the upstreams, each with its share.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section split_section = {
	"\"split\"", split_keys, sizeof(struct route_file), NULL
};

/* Without defaults: what is not there is the upstream's. */
static const struct conf_key route_timeouts_keys[] = {
	{ .name = "connect", .type = CONF_DURATION,
	  .min = 1, .max = HOUR, FIELD(route_file, timeouts.connect),
	  .help = "Time in which a connection to a backend must be made.",
	  .since = "0.1.0" },
	{ .name = "response_head", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.response_head),
	  .help = "Time in which the whole head of a response must arrive "
	  "once the request is sent.",
	  .since = "0.1.0" },
	{ .name = "between_bytes", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.between_bytes),
	  .help = "Time between two parts of a response body.",
	  .since = "0.1.0" },
	{ .name = "send", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.send),
	  .help = "Time in which a backend must take some of what is sent "
	  "to it.",
	  .since = "0.1.0" },
	{ .name = "try", .type = CONF_DURATION, .word = "off",
	  .word_value = TIMEOUT_OFF,
	  .min = 1, .max = DAY, FIELD(route_file, try_ms),
	  .help = "Time in which one try must bring the head of a response, "
	  "its connecting included. \"off\" is no limit but the others.",
	  .since = "0.1.0" },
	{ .name = "total", .type = CONF_DURATION, .word = "off",
	  .word_value = TIMEOUT_OFF,
	  .min = 1, .max = DAY, FIELD(route_file, total_ms),
	  .help = "Time for a request and its response as a whole, with all "
	  "tries. \"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section route_timeouts_section = {
	"\"timeouts\" of a route", route_timeouts_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_retries_keys[] = {
	{ .name = "attempts", .type = CONF_INTEGER,
	  .min = 0, .max = 7,			/* ATTEMPTS_MAX - 1 */
	  FIELD(route_file, retries), PLACE(route_file, attempts_at),
	  .help = "Tries of a request beyond the first.",
	  .since = "0.1.0" },
	{ .name = "when", .type = CONF_VALUES, .form = &form_retry,
	  FIELD(route_file, when), PLACE(route_file, when_at),
	  .help = WHEN_HELP,
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section route_retries_section = {
	"\"retries\" of a route", route_retries_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_limits_keys[] = {
	{ .name = "request_body", .type = CONF_SIZE,
	  .word = "off", .max = TIB,
	  FIELD(route_file, body_limit), PLACE(route_file, body_limit_at),
	  .help = "Size of a request's body; a larger one is answered with "
	  "413. \"off\" is no limit.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section route_limits_section = {
	"\"limits\" of a route", route_limits_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_access_keys[] = {
	{ .name = "sample", .type = CONF_PERCENTAGE, .max = SAMPLE_ALL,
	  FIELD(route_file, sample), PLACE(route_file, sample_at),
	  .help = "Share of the route's requests that go well and leave a "
	  "line; others always do.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section route_access_section = {
	"\"access_log\" of a route", route_access_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_keys[] = {
	{ .name = "name", .type = CONF_STRING,
	  FIELD(route_file, name), PLACE(route_file, name_at),
	  .help = "Name of the route in messages, logs and ${route}; by "
	  "default its place in the list.",
	  .since = "0.1.0" },
	{ .name = "match", .type = CONF_BLOCK, .section = &match_section,
	  .help = "What a request has to be for this route; all that is "
	  "given must hold. Without it the route takes all.",
	  .since = "0.1.0" },
	{ .name = "upstream", .type = CONF_STRING,
	  FIELD(route_file, upstream), PLACE(route_file, upstream_at),
	  .is_one_of = true,
	  .help = "Name of the upstream that the requests go to.",
	  .since = "0.1.0" },
	{ .name = "split", .type = CONF_BLOCK, .section = &split_section,
	  PLACE(route_file, split_at),
	  .is_one_of = true,
	  .help = "Several upstreams, each of which gets its share of the "
	  "requests.",
	  .since = "0.1.0" },
	{ .name = "respond", .type = CONF_BLOCK, .section = &respond_section,
	  PLACE(route_file, respond_at), .is_one_of = true,
	  .help = "An answer of our own; no backend is asked.",
	  .since = "0.1.0" },
	{ .name = "redirect", .type = CONF_BLOCK,
	  .section = &redirect_section,
	  PLACE(route_file, redirect_at), .is_one_of = true,
	  .help = "A redirection to another place.",
	  .since = "0.1.0" },
	{ .name = "request_headers", .type = CONF_BLOCK,
	  .section = &request_edit_section,
	  .help = "Changes of the request's header fields before the "
	  "backend gets them.",
	  .since = "0.1.0" },
	{ .name = "response_headers", .type = CONF_BLOCK,
	  .section = &response_edit_section,
	  .help = "Changes of the response's header fields before the "
	  "client gets them.",
	  .since = "0.1.0" },
	{ .name = "upgrade", .type = CONF_VALUES, .word = "off",
	  .form = &form_token,
	  FIELD(route_file, upgrade), PLACE(route_file, upgrade_at),
	  .help = "Protocols that a request may ask to change to. By "
	  "default this is websocket, \"off\" is none.",
	  .since = "0.1.0" },
	{ .name = "strip_prefix", .type = CONF_VALUE, .form = &form_path,
	  FIELD(route_file, strip_prefix),
	  PLACE(route_file, strip_prefix_at),
	  .excludes = "replace_path",
	  .help = "What the path begins with and loses on its way to the "
	  "backend.",
	  .since = "0.1.0" },
	{ .name = "replace_path", .type = CONF_VALUE,
	  .form = &form_template, FIELD(route_file, replace_path),
	  PLACE(route_file, replace_path_at),
	  .help = "Path that the backend gets in place of the client's, "
	  "with variables.",
	  .since = "0.1.0" },
	{ .name = "timeouts", .type = CONF_BLOCK,
	  .section = &route_timeouts_section,
	  PLACE(route_file, timeouts_at),
	  .help = "How long backends are waited for, where it differs from "
	  "the upstream's.",
	  .since = "0.1.0" },
	{ .name = "retries", .type = CONF_BLOCK, .word = "off",
	  .word_value = RETRIES_OFF, .section = &route_retries_section,
	  FIELD(route_file, retries), PLACE(route_file, retries_at),
	  .help = "Further tries of a request that failed, where it "
	  "differs from the upstream's. \"off\" is none.",
	  .since = "0.1.0" },
	{ .name = "limits", .type = CONF_BLOCK,
	  .section = &route_limits_section, PLACE(route_file, limits_at),
	  .help = "What the requests of this route may bring, where it "
	  "differs from the general limits.",
	  .since = "0.1.0" },
	{ .name = "access_log", .type = CONF_BLOCK, .word = "off",
	  .word_value = 1, .section = &route_access_section,
	  FIELD(route_file, access_is_off),
	  .help = "Which requests of this route leave a line in the access "
	  "log. \"off\" is none.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section route_section = {
	"a route", route_keys, sizeof(struct route_file), NULL
};

static const struct conf_choice log_levels[] = {
	{ "debug", LOG_DEBUG, true },
	{ "info", LOG_INFO, true },
	{ "notice", LOG_NOTICE, true },
	{ "warn", LOG_WARN, true },
	{ "error", LOG_ERROR, true },
	{ NULL, 0, false },
};

static const struct conf_choice log_forms[] = {
	{ "text", LOG_TEXT, true },
	{ "json", LOG_JSON, true },
	{ NULL, 0, false },
};

static const struct conf_key log_keys[] = {
	{ .name = "level", .type = CONF_CHOICE, .def = "info",
	  .choices = log_levels, FIELD(file_conf, log.level),
	  .help = "How much is logged: lines of this level and of those "
	  "above it.",
	  .since = "0.1.0" },
	{ .name = "file", .type = CONF_STRING, FIELD(file_conf, log.file),
	  .help = "File that the lines are appended to; \"stderr\" and "
	  "\"stdout\" stand for themselves.",
	  .since = "0.1.0" },
	{ .name = "format", .type = CONF_CHOICE, .def = "text",
	  .choices = log_forms, FIELD(file_conf, log.form),
	  .help = "What a line looks like: text, or one JSON object.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section log_section = {
	"\"log\"", log_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key admin_keys[] = {
	{ .name = "socket", .type = CONF_STRING, .word = "off",
	  FIELD(file_conf, admin_socket), PLACE(file_conf, admin_socket_at),
	  .pattern = "^[^\\x00]{1,107}$",
	  .help = "Path of the Unix socket that answers the administrator. "
	  "\"off\" is none.",
	  .since = "0.1.0" },
	{ .name = "address", .type = CONF_VALUE, .form = &form_address,
	  FIELD(file_conf, admin_address),
	  PLACE(file_conf, admin_address_at),
	  .pattern = "^(" ADDRESS_IP ")$",
	  .help = "IP address and port where the same is served, too.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section admin_section = {
	"\"admin\"", admin_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key access_keys[] = {
	{ .name = "file", .type = CONF_STRING, .is_required = true,
	  FIELD(file_conf, access.file),
	  .help = "File that the lines are appended to; \"-\" is standard "
	  "output.",
	  .since = "0.1.0" },
	{ .name = "format", .type = CONF_VALUE, .def = "timing",
	  .form = &form_format, FIELD(file_conf, access.format),
	  .help = "What a line looks like: timing, combined, json, or a "
	  "text with variables.",
	  .since = "0.1.0" },
	{ .name = "sample", .type = CONF_PERCENTAGE, .def = "100%",
	  .max = SAMPLE_ALL, FIELD(file_conf, access.sample),
	  .help = "Share of the requests that go well and have a line; "
	  "others always do.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section access_section = {
	"\"access_log\"", access_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key resolver_keys[] = {
	{ .name = "servers", .type = CONF_VALUES, .form = &form_server,
	  FIELD(file_conf, name_servers),
	  .help = "Name servers to ask instead of those of "
	  "/etc/resolv.conf: addresses, with a port unless it is 53.",
	  .since = "0.1.0" },
	{ .name = "timeout", .type = CONF_DURATION, .def = "5s",
	  .min = 10, .max = MINUTE, FIELD(file_conf, resolver.timeout_ms),
	  .help = "Time for a question, over all tries and servers.",
	  .since = "0.1.0" },
	{ .name = "stale", .type = CONF_DURATION, .def = "1h",
	  .min = 0, .max = 30 * DAY, FIELD(file_conf, resolver.stale_ms),
	  .help = "How long the last addresses of a name go on serving "
	  "when DNS does not answer, or says that there is no such name.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

static const struct conf_section resolver_section = {
	"\"resolver\"", resolver_keys, sizeof(struct file_conf), NULL
};

static const struct conf_choice sigterm_ways[] = {
	{ "fast", 0, true },
	{ "graceful", 1, true },
	{ NULL, 0, false },
};

static const struct conf_key root_keys[] = {
	UPSTREAM_ROWS(false),
	{ .name = "include", .type = CONF_VALUES, .form = &form_pattern,
	  FIELD(file_conf, include),
	  .help = "Files, also by patterns such as conf.d/*.yaml, whose "
	  "lists and maps are merged into this one's.",
	  .since = "0.1.0" },
	{ .name = "upstreams", .type = CONF_MAP, .section = &conf_upstream,
	  FIELD(file_conf, upstreams), PLACE(file_conf, upstreams_at),
	  .help = "Groups of backends by name. Without routes, requests go "
	  "to the one called default.",
	  .since = "0.1.0" },
	{ .name = "routes", .type = CONF_LIST, .section = &route_section,
	  FIELD(file_conf, routes), PLACE(file_conf, routes_at),
	  .help = "What happens to which requests: the first route that "
	  "matches decides.",
	  .since = "0.1.0" },
	{ .name = "listeners", .type = CONF_LIST,
	  .section = &listener_section, .min = 1, .max = LISTENERS_MOST,
	  FIELD(file_conf, listeners), PLACE(file_conf, listeners_at),
	  .help = "Addresses that connections are accepted on; without "
	  "this, 0.0.0.0:9000.",
	  .since = "0.1.0" },
	{ .name = "log", .type = CONF_BLOCK, .section = &log_section,
	  .help = "The error log: what fairlead itself has to say.",
	  .since = "0.1.0" },
	{ .name = "access_log", .type = CONF_BLOCK, .word = "off",
	  .word_value = 1, .section = &access_section,
	  FIELD(file_conf, access_is_off),
	  .help = "A line for each request. Without this, or with \"off\", "
	  "there is none.",
	  .since = "0.1.0" },
	{ .name = "admin", .type = CONF_BLOCK, .section = &admin_section,
	  .help = "Where the administrator's interface is.",
	  .since = "0.1.0" },
	{ .name = "via", .type = CONF_STRING, .def = "fairlead",
	  .word = "off", FIELD(file_conf, via), PLACE(file_conf, via_at),
	  .pattern = "^[A-Za-z0-9!#$%&'*+.^_`|~:\\[\\]-]{1,56}$",
	  .help = "Name by which we call ourselves in Via. \"off\" leaves "
	  "Via as it is.",
	  .since = "0.1.0" },
	{ .name = "max_hops", .type = CONF_INTEGER, .def = "10",
	  .min = 1, .max = 100, FIELD(file_conf, max_hops),
	  .help = "How often a request may have passed us, by its Via, "
	  "before it is refused with 508.",
	  .since = "0.1.0" },
	{ .name = "forwarded", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(file_conf, sends_forwarded),
	  .help = "Whether Forwarded (RFC 7239) is sent to backends beside "
	  "X-Forwarded-*.",
	  .since = "0.1.0" },
	{ .name = "workers", .type = CONF_INTEGER, .def = "auto",
	  .word = "auto", .word_value = WORKERS_AUTO,
	  .min = 1, .max = WORKERS_MOST, FIELD(file_conf, workers),
	  .help = "How many worker processes there are. \"auto\" is one "
	  "for each CPU that we may use.",
	  .since = "0.1.0" },
	{ .name = "user", .type = CONF_STRING, FIELD(file_conf, user),
	  .help = "User that the workers run as when fairlead is started "
	  "by root.",
	  .since = "0.1.0" },
	{ .name = "shutdown_timeout", .type = CONF_DURATION, .def = "30s",
	  .min = 0, .max = DAY, FIELD(file_conf, shutdown_timeout_ms),
	  .help = "How long a stop by SIGQUIT waits for requests that are "
	  "under way.",
	  .since = "0.1.0" },
	{ .name = "drain_timeout", .type = CONF_DURATION, .def = "10m",
	  .word = "off", .max = 30 * DAY, FIELD(file_conf, drain_timeout_ms),
	  PLACE(file_conf, drain_timeout_at),
	  .help = "How long workers of an older configuration may live "
	  "after a reload. \"off\" is as long as they need.",
	  .since = "0.1.0" },
	{ .name = "drain_delay", .type = CONF_DURATION, .def = "0s",
	  .min = 0, .max = HOUR, FIELD(file_conf, drain_delay_ms),
	  .help = "How long a graceful stop goes on accepting while /readyz "
	  "already says no.",
	  .since = "0.1.0" },
	{ .name = "sigterm", .type = CONF_CHOICE, .def = "fast",
	  .choices = sigterm_ways, FIELD(file_conf, sigterm_is_graceful),
	  .help = "What SIGTERM means: stop now, or as SIGQUIT does, for "
	  "containers.",
	  .since = "0.1.0" },
	{ .name = "pid_file", .type = CONF_STRING, .word = "off",
	  FIELD(file_conf, pid_file), PLACE(file_conf, pid_file_at),
	  .help = "File with the master's process id, which keeps a second "
	  "start out. \"off\" is none.",
	  .since = "0.1.0" },
	{ .name = "resolver", .type = CONF_BLOCK,
	  .section = &resolver_section,
	  .help = "How names of backends are looked up.",
	  .since = "0.1.0" },
	{ .name = "limits", .type = CONF_BLOCK, .section = &limits_section,
	  .help = "What clients may use.",
	  .since = "0.1.0" },
	{ .name = "timeouts", .type = CONF_BLOCK, .section = &timeouts_section,
	  .help = "How long clients are waited for.",
	  .since = "0.1.0" },
	{ .name = NULL },
};

const struct conf_section conf_root = {
	NULL, root_keys, sizeof(struct file_conf), NULL
};

