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
	{ NULL, 0, false },
};

static const struct conf_key backend_keys[] = {
	{ .name = "host", .type = CONF_STRING, .is_required = true,
	  FIELD(backend_file, host), PLACE(backend_file, host_at),
	  .help = "Name or address of the server." },
	{ .name = "port", .type = CONF_INTEGER, .is_required = true,
	  .min = 1, .max = 65535,
	  FIELD(backend_file, port),
	  .help = "Its TCP port." },
	{ .name = "weight", .type = CONF_INTEGER, .def = "1",
	  .min = 0, .max = WEIGHT_MOST,
	  FIELD(backend_file, weight), PLACE(backend_file, weight_at),
	  .help = "Its share of the requests; 0 drains it." },
	{ .name = NULL },
};

const struct conf_section conf_backend = {
	"a backend", backend_keys, sizeof(struct backend_file), NULL
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
	{ .name = "response_head", .type = CONF_SIZE, .def = "32k",
	  .min = 1 * KIB, .max = 64 * KIB,	/* HEAD_BYTES_MAX */
	  FIELD(file_conf, limits.response_head),
	  .help = "Bytes of a response's head." },
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
	"\"limits\"", limits_keys, sizeof(struct file_conf), NULL
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
	"\"timeouts\"", timeouts_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key keep_alive_keys[] = {
	{ .name = "idle", .type = CONF_INTEGER, .def = "256",
	  .min = 1, .max = 1000000, FIELD(upstream_file, pool_idle),
	  .help = "Idle connections kept to each backend." },
	{ .name = "idle_timeout", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(upstream_file, idle_ms),
	  .help = "Time that one of them may be idle." },
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
	  .help = "Name of the cookie." },
	{ .name = "secret", .type = CONF_STRING, .is_secret = true,
	  FIELD(upstream_file, sticky.secret), PLACE(upstream_file, sticky_secret_at),
	  .help = "Key of its values, the same on all machines." },
	{ .name = "path", .type = CONF_STRING, .def = "/",
	  FIELD(upstream_file, sticky.path), PLACE(upstream_file, sticky_path_at),
	  .help = "Path that the cookie is for." },
	{ .name = "domain", .type = CONF_STRING,
	  FIELD(upstream_file, sticky.domain), PLACE(upstream_file, sticky_domain_at),
	  .help = "Domain that the cookie is for." },
	{ .name = "max_age", .type = CONF_DURATION, .def = "off",
	  .word = "off", .max = 365ull * DAY,
	  FIELD(upstream_file, sticky.max_age_ms),
	  .help = "Life of the cookie." },
	{ .name = "on_down", .type = CONF_CHOICE, .def = "other",
	  .choices = when_down, FIELD(upstream_file, sticky.fails_when_down),
	  .help = "What happens when the backend is out." },
	{ .name = NULL },
};

static const struct conf_section sticky_section = {
	"\"sticky\"", sticky_keys, sizeof(struct upstream_file), NULL
};

/*
 * What an upstream has, and what stands at the top level for the upstream
 * "default": there struct file_conf begins with its struct upstream_file.
 */
#define UPSTREAM_ROWS(must)						\
	{ .name = "backends", .type = CONF_LIST, .is_required = (must),	\
	  .section = &conf_backend,					\
	  FIELD(upstream_file, backends),				\
	  PLACE(upstream_file, backends_at),				\
	  .help = "The servers that requests are spread over." },	\
	{ .name = "strategy", .type = CONF_CHOICE, .def = "weighted",	\
	  .choices = strategies, FIELD(upstream_file, strategy),	\
	  PLACE(upstream_file, strategy_at),				\
	  .help = "How a backend is chosen for a request." },		\
	{ .name = "sticky", .type = CONF_BLOCK,				\
	  .section = &sticky_section,					\
	  .help = "The cookie of the strategy sticky." },		\
	{ .name = "keep_alive", .type = CONF_BLOCK,			\
	  .section = &keep_alive_section,				\
	  .help = "Connections to backends that wait for the next "	\
	  "request." },							\
	{ .name = "retries", .type = CONF_BLOCK, .word = "off",		\
	  .section = &retries_section, FIELD(upstream_file, retries),	\
	  .help = "Further tries of a request that failed." }

static const struct conf_key retries_keys[] = {
	{ .name = "attempts", .type = CONF_INTEGER, .def = "2",
	  .min = 0, .max = 7,			/* ATTEMPTS_MAX - 1 */
	  FIELD(upstream_file, retries),
	  .help = "How many, beyond the first." },
	{ .name = NULL },
};

static const struct conf_section retries_section = {
	"\"retries\"", retries_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key upstream_timeouts_keys[] = {
	{ .name = "connect", .type = CONF_DURATION, .def = "5s",
	  .min = 1, .max = HOUR, FIELD(upstream_file, timeouts.connect),
	  .help = "Time in which a connection must be made." },
	{ .name = "response_head", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.response_head),
	  .help = "Time in which a whole response head must arrive." },
	{ .name = "between_bytes", .type = CONF_DURATION, .def = "60s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.between_bytes),
	  .help = "Time between two reads of a response body." },
	{ .name = "send", .type = CONF_DURATION, .def = "30s",
	  .min = 1, .max = DAY, FIELD(upstream_file, timeouts.send),
	  .help = "Time between two writes to a backend." },
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
	  .help = "How long its backends are waited for." },
	{ .name = NULL },
};

const struct conf_section conf_upstream = {
	"an upstream", upstream_keys, sizeof(struct upstream_file), NULL
};

static const struct conf_key listener_keys[] = {
	{ .name = "address", .type = CONF_VALUE, .is_required = true,
	  .form = &form_address,
	  FIELD(listener_file, address), PLACE(listener_file, address_at),
	  .help = "Where connections are accepted." },
	{ .name = "backlog", .type = CONF_INTEGER, .def = "auto",
	  .word = "auto", .min = 1, .max = 1000000,
	  FIELD(listener_file, backlog),
	  .help = "Connections that may wait to be accepted." },
	{ .name = "ipv6_only", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(listener_file, is_ipv6_only),
	  PLACE(listener_file, ipv6_only_at),
	  .help = "Whether an IPv6 address leaves IPv4 to others." },
	{ .name = "freebind", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(listener_file, is_free),
	  .help = "Whether the machine may lack the address yet." },
	{ .name = "trusted_proxies", .type = CONF_VALUES,
	  .form = &form_network, FIELD(listener_file, trusted),
	  .help = "Networks whose X-Forwarded-* fields are believed." },
	{ .name = NULL },
};

static const struct conf_section listener_section = {
	"a listener", listener_keys, sizeof(struct listener_file), NULL
};

static const struct conf_key test_keys[] = {
	{ .name = "equal", .type = CONF_STRING,
	  FIELD(test_file, equal), PLACE(test_file, equal_at),
	  .help = "What it must be." },
	{ .name = "present", .type = CONF_BOOLEAN,
	  FIELD(test_file, is_present), PLACE(test_file, present_at),
	  .help = "Whether it must be there." },
	{ .name = "regex", .type = CONF_VALUE, .form = &form_regex,
	  FIELD(test_file, regex), PLACE(test_file, regex_at),
	  .help = "A regular expression that some part of it matches." },
	{ .name = NULL },
};

static const struct conf_section test_section = {
	"a condition", test_keys, sizeof(struct test_file), "equal"
};

static const struct conf_key match_keys[] = {
	{ .name = "host", .type = CONF_VALUES, .form = &form_host,
	  FIELD(route_file, match.hosts),
	  .help = "Names of the server, \"*.\" in front for those below." },
	{ .name = "path", .type = CONF_VALUES, .form = &form_path,
	  FIELD(route_file, match.paths), .help = "Whole paths." },
	{ .name = "path_prefix", .type = CONF_VALUES, .form = &form_path,
	  FIELD(route_file, match.prefixes),
	  .help = "Paths that all below them match." },
	{ .name = "path_regex", .type = CONF_VALUES, .form = &form_regex,
	  FIELD(route_file, match.regexes),
	  .help = "Regular expressions that some part of a path matches." },
	{ .name = "method", .type = CONF_VALUES, .form = &form_token,
	  FIELD(route_file, match.methods), .help = "Methods." },
	{ .name = "header", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, headers), .help = "Conditions on fields." },
	{ .name = "query", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, queries), .help = "Conditions on parameters." },
	{ .name = "cookie", .type = CONF_MAP, .section = &test_section,
	  FIELD(route_file, cookies), .help = "Conditions on cookies." },
	{ .name = "client", .type = CONF_VALUES, .form = &form_network,
	  FIELD(route_file, match.clients),
	  .help = "Networks of the client." },
	{ .name = "listener", .type = CONF_VALUE, .form = &form_address,
	  FIELD(route_file, listener), PLACE(route_file, listener_at),
	  .help = "The address that the connection came to." },
	{ .name = NULL },
};

static const struct conf_section match_section = {
	"\"match\"", match_keys, sizeof(struct route_file), NULL
};

static const struct conf_key field_keys[] = {
	{ .name = "value", .type = CONF_VALUE, .is_required = true,
	  .form = &form_template,
	  FIELD(field_file, value), PLACE(field_file, value_at),
	  .help = "Its value." },
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
	  .help = "Its value." },
	{ .name = NULL },
};

static const struct conf_section late_field_section = {
	"a field", late_field_keys, sizeof(struct field_file), "value"
};

#define EDIT_ROWS(member, fields)					\
	{ .name = "set", .type = CONF_MAP, .section = &(fields),	\
	  FIELD(route_file, member.set),				\
	  .help = "Fields in place of any of the same name." },		\
	{ .name = "add", .type = CONF_MAP, .section = &(fields),	\
	  FIELD(route_file, member.add),				\
	  .help = "Fields beside those of the same name." },		\
	{ .name = "remove", .type = CONF_VALUES, .form = &form_token,	\
	  FIELD(route_file, member.remove),				\
	  PLACE(route_file, member.remove_at),				\
	  .help = "Fields that go." },					\
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
	  .help = "The status." },
	{ .name = "body", .type = CONF_VALUE, .form = &form_template,
	  FIELD(route_file, body), PLACE(route_file, body_at),
	  .help = "The content." },
	{ .name = "content_type", .type = CONF_STRING,
	  .def = "text/plain", FIELD(route_file, content_type),
	  PLACE(route_file, content_type_at),
	  .help = "The type of the content." },
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
	  .help = "Where to." },
	{ .name = "status", .type = CONF_CHOICE, .def = "308",
	  .choices = redirects, FIELD(route_file, redirect_status),
	  .help = "The status." },
	{ .name = NULL },
};

static const struct conf_section redirect_section = {
	"\"redirect\"", redirect_keys, sizeof(struct route_file), NULL
};

static const struct conf_key share_keys[] = {
	{ .name = "weight", .type = CONF_INTEGER, .is_required = true,
	  .min = 0, .max = WEIGHT_MOST,
	  FIELD(share_file, weight), PLACE(share_file, weight_at),
	  .help = "Its share of the requests." },
	{ .name = NULL },
};

static const struct conf_section share_section = {
	"a share", share_keys, sizeof(struct share_file), "weight"
};

static const struct conf_key split_keys[] = {
	{ .name = "key", .type = CONF_VALUE, .form = &form_template,
	  FIELD(route_file, split_key), PLACE(route_file, split_key_at),
	  .help = "What requests of one upstream have in common." },
	{ .name = "upstreams", .type = CONF_MAP, .is_required = true,
	  .section = &share_section,
	  FIELD(route_file, shares), PLACE(route_file, shares_at),
	  .help = "The upstreams and their shares." },
	{ .name = NULL },
};

static const struct conf_section split_section = {
	"\"split\"", split_keys, sizeof(struct route_file), NULL
};

/* Without defaults: what is not there is the upstream's. */
static const struct conf_key route_timeouts_keys[] = {
	{ .name = "connect", .type = CONF_DURATION,
	  .min = 1, .max = HOUR, FIELD(route_file, timeouts.connect),
	  .help = "Time in which a connection must be made." },
	{ .name = "response_head", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.response_head),
	  .help = "Time in which a whole response head must arrive." },
	{ .name = "between_bytes", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.between_bytes),
	  .help = "Time between two reads of a response body." },
	{ .name = "send", .type = CONF_DURATION,
	  .min = 1, .max = DAY, FIELD(route_file, timeouts.send),
	  .help = "Time between two writes to a backend." },
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
	  .help = "How many, beyond the first." },
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
	  .help = "Bytes of a request's body." },
	{ .name = NULL },
};

static const struct conf_section route_limits_section = {
	"\"limits\" of a route", route_limits_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_access_keys[] = {
	{ .name = "sample", .type = CONF_PERCENTAGE, .max = SAMPLE_ALL,
	  FIELD(route_file, sample), PLACE(route_file, sample_at),
	  .help = "How many of its requests that go well have a line." },
	{ .name = NULL },
};

static const struct conf_section route_access_section = {
	"\"access_log\" of a route", route_access_keys,
	sizeof(struct route_file), NULL
};

static const struct conf_key route_keys[] = {
	{ .name = "name", .type = CONF_STRING,
	  FIELD(route_file, name), PLACE(route_file, name_at),
	  .help = "Its name in messages." },
	{ .name = "match", .type = CONF_BLOCK, .section = &match_section,
	  .help = "What it asks of a request." },
	{ .name = "upstream", .type = CONF_STRING,
	  FIELD(route_file, upstream), PLACE(route_file, upstream_at),
	  .help = "The upstream that requests go to." },
	{ .name = "split", .type = CONF_BLOCK, .section = &split_section,
	  PLACE(route_file, split_at),
	  .help = "Several upstreams, each with its share." },
	{ .name = "respond", .type = CONF_BLOCK, .section = &respond_section,
	  PLACE(route_file, respond_at), .help = "An answer of our own." },
	{ .name = "redirect", .type = CONF_BLOCK,
	  .section = &redirect_section,
	  PLACE(route_file, redirect_at), .help = "Another place." },
	{ .name = "request_headers", .type = CONF_BLOCK,
	  .section = &request_edit_section,
	  .help = "Changes of the request's fields." },
	{ .name = "response_headers", .type = CONF_BLOCK,
	  .section = &response_edit_section,
	  .help = "Changes of the response's fields." },
	{ .name = "upgrade", .type = CONF_VALUES, .word = "off",
	  .form = &form_token,
	  FIELD(route_file, upgrade), PLACE(route_file, upgrade_at),
	  .help = "Protocols that may be asked for." },
	{ .name = "strip_prefix", .type = CONF_VALUE, .form = &form_path,
	  FIELD(route_file, strip_prefix),
	  PLACE(route_file, strip_prefix_at),
	  .help = "What the path loses on its way to the backend." },
	{ .name = "replace_path", .type = CONF_VALUE,
	  .form = &form_template, FIELD(route_file, replace_path),
	  PLACE(route_file, replace_path_at),
	  .help = "The path that the backend gets." },
	{ .name = "timeouts", .type = CONF_BLOCK,
	  .section = &route_timeouts_section,
	  PLACE(route_file, timeouts_at),
	  .help = "How long backends are waited for." },
	{ .name = "retries", .type = CONF_BLOCK, .word = "off",
	  .word_value = RETRIES_OFF, .section = &route_retries_section,
	  FIELD(route_file, retries), PLACE(route_file, retries_at),
	  .help = "Further tries of a request that failed." },
	{ .name = "limits", .type = CONF_BLOCK,
	  .section = &route_limits_section, PLACE(route_file, limits_at),
	  .help = "What its requests may bring." },
	{ .name = "access_log", .type = CONF_BLOCK, .word = "off",
	  .word_value = 1, .section = &route_access_section,
	  FIELD(route_file, access_is_off),
	  .help = "Which of its requests leave a line." },
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
	  .help = "What is worth a line." },
	{ .name = "file", .type = CONF_STRING, FIELD(file_conf, log.file),
	  .help = "Where lines are appended." },
	{ .name = "format", .type = CONF_CHOICE, .def = "text",
	  .choices = log_forms, FIELD(file_conf, log.form),
	  .help = "What a line looks like." },
	{ .name = NULL },
};

static const struct conf_section log_section = {
	"\"log\"", log_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key admin_keys[] = {
	{ .name = "socket", .type = CONF_STRING, .word = "off",
	  FIELD(file_conf, admin_socket), PLACE(file_conf, admin_socket_at),
	  .help = "Unix socket of the admin interface." },
	{ .name = "address", .type = CONF_VALUE, .form = &form_address,
	  FIELD(file_conf, admin_address),
	  PLACE(file_conf, admin_address_at),
	  .help = "Address where it is served, too." },
	{ .name = NULL },
};

static const struct conf_section admin_section = {
	"\"admin\"", admin_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key access_keys[] = {
	{ .name = "file", .type = CONF_STRING, .is_required = true,
	  FIELD(file_conf, access.file), .help = "Where lines are appended." },
	{ .name = "format", .type = CONF_VALUE, .def = "timing",
	  .form = &form_format, FIELD(file_conf, access.format),
	  .help = "What a line looks like." },
	{ .name = "sample", .type = CONF_PERCENTAGE, .def = "100%",
	  .max = SAMPLE_ALL, FIELD(file_conf, access.sample),
	  .help = "How many of the requests that go well have one." },
	{ .name = NULL },
};

static const struct conf_section access_section = {
	"\"access_log\"", access_keys, sizeof(struct file_conf), NULL
};

static const struct conf_key root_keys[] = {
	UPSTREAM_ROWS(false),
	{ .name = "include", .type = CONF_VALUES, .form = &form_pattern,
	  FIELD(file_conf, include),
	  .help = "Files whose keys are merged into this one's." },
	{ .name = "upstreams", .type = CONF_MAP, .section = &conf_upstream,
	  FIELD(file_conf, upstreams), PLACE(file_conf, upstreams_at),
	  .help = "Groups of backends, by name." },
	{ .name = "routes", .type = CONF_LIST, .section = &route_section,
	  FIELD(file_conf, routes), PLACE(file_conf, routes_at),
	  .help = "What happens to which requests." },
	{ .name = "listeners", .type = CONF_LIST,
	  .section = &listener_section,
	  FIELD(file_conf, listeners), PLACE(file_conf, listeners_at),
	  .help = "The addresses that we accept on." },
	{ .name = "log", .type = CONF_BLOCK, .section = &log_section,
	  .help = "The error log." },
	{ .name = "access_log", .type = CONF_BLOCK, .word = "off",
	  .word_value = 1, .section = &access_section,
	  FIELD(file_conf, access_is_off),
	  .help = "A line for each request." },
	{ .name = "admin", .type = CONF_BLOCK, .section = &admin_section,
	  .help = "Where the admin interface is." },
	{ .name = "via", .type = CONF_STRING, .def = "fairlead",
	  .word = "off", FIELD(file_conf, via), PLACE(file_conf, via_at),
	  .help = "Our pseudonym in Via." },
	{ .name = "max_hops", .type = CONF_INTEGER, .def = "10",
	  .min = 1, .max = 100, FIELD(file_conf, max_hops),
	  .help = "How often a request may have passed us." },
	{ .name = "forwarded", .type = CONF_BOOLEAN, .def = "false",
	  FIELD(file_conf, sends_forwarded),
	  .help = "Whether Forwarded is sent beside X-Forwarded-*." },
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
	NULL, root_keys, sizeof(struct file_conf), NULL
};

