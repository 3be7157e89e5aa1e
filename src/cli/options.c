/* src/cli/options.c -- fairlead's command line */
#include "cli/options.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "conf/conf.h"
#include "core/regex.h"

#define DEFAULT_FILE	SYSCONFDIR "/fairlead/fairlead.yaml"

#define WATCH_MS	2000

enum {
	OPTION_WORKERS = 256,
	OPTION_MODE,
	OPTION_LOG_FILE,
	OPTION_LOG_LEVEL,
	OPTION_RUN_DIR,
	OPTION_COOKIE_NAME,
	OPTION_SHOW,
	OPTION_EXPLAIN,
	OPTION_HEADER,
	OPTION_CLIENT,
	OPTION_SCHEMA,
	OPTION_SIGNAL,
};

static const char short_options[] = ":hVH:p:c:b:s:tTdwi:";

static const struct option long_options[] = {
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ "host",	required_argument,	NULL, 'H' },
	{ "port",	required_argument,	NULL, 'p' },
	{ "config",	required_argument,	NULL, 'c' },
	{ "backend",	required_argument,	NULL, 'b' },
	{ "strategy",	required_argument,	NULL, 's' },
	{ "test",	no_argument,		NULL, 't' },
	{ "dump",	no_argument,		NULL, 'T' },
	{ "schema",	no_argument,		NULL, OPTION_SCHEMA },
	{ "show",	required_argument,	NULL, OPTION_SHOW },
	{ "explain",	required_argument,	NULL, OPTION_EXPLAIN },
	{ "header",	required_argument,	NULL, OPTION_HEADER },
	{ "client",	required_argument,	NULL, OPTION_CLIENT },
	{ "workers",	required_argument,	NULL, OPTION_WORKERS },
	{ "mode",	required_argument,	NULL, OPTION_MODE },
	{ "log-file",	required_argument,	NULL, OPTION_LOG_FILE },
	{ "log-level",	required_argument,	NULL, OPTION_LOG_LEVEL },
	{ "run-dir",	required_argument,	NULL, OPTION_RUN_DIR },
	{ "daemon",	no_argument,		NULL, 'd' },
	{ "watch",	no_argument,		NULL, 'w' },
	{ "interval",	required_argument,	NULL, 'i' },
	{ "signal",	required_argument,	NULL, OPTION_SIGNAL },
	{ "cookie-name", required_argument,	NULL, OPTION_COOKIE_NAME },
	{ NULL,		0,			NULL, 0 },
};

static int
wrong_usage(const char *what, const char *word)
{
	fprintf(stderr, "fairlead: %s%s\nTry 'fairlead --help'.\n", what,
	    word);
	return -1;
}

static int
set_port(struct options *o, const char *text)
{
	char *end;
	unsigned long port;

	port = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || port < 1 ||
	    port > 65535)
		return wrong_usage("--port takes a number from 1 to 65535, "
		    "not ", text);
	o->port = (uint16_t)port;
	return 0;
}

static int
set_interval(struct options *o, const char *text)
{
	char *end;
	unsigned long ms;

	ms = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || ms < 10 ||
	    ms > 3600000)
		return wrong_usage("--interval takes 10 to 3600000 "
		    "milliseconds, not ", text);
	o->interval_ms = (uint32_t)ms;
	return 0;
}

static int
set_mode(struct options *o, const char *text)
{
	if (strcmp(text, "single") != 0)
		return wrong_usage("the only --mode is single, not ", text);
	o->is_single = true;
	return 0;
}

static int
set_signal(struct options *o, const char *text)
{
	static const char *const names[] = {
		"reload", "reopen", "upgrade", "quit", "stop",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(text, names[i]) == 0) {
			o->signal = names[i];
			return 0;
		}
	return wrong_usage("--signal takes reload, reopen, upgrade, quit or "
	    "stop, not ", text);
}

/* 0, -1, or 1: not one of these. */
static int
take_text(struct options *o, int option, const char *text)
{
	switch (option) {
	case 'H':		o->host = text; break;
	case 'c':		o->file = text; break;
	case 's':		o->strategy = text; break;
	case 'b':		o->backends[o->n_backends++] = text; break;
	case OPTION_WORKERS:	o->workers = text; break;
	case OPTION_LOG_FILE:	o->log_file = text; break;
	case OPTION_LOG_LEVEL:	o->log_level = text; break;
	case OPTION_RUN_DIR:	o->run_dir = text; break;
	case OPTION_COOKIE_NAME: o->cookie_name = text; break;
	case OPTION_SHOW:	o->show = text; break;
	case OPTION_EXPLAIN:	o->explain = text; break;
	case OPTION_CLIENT:	o->client = text; break;
	case OPTION_HEADER:	o->headers[o->n_headers++] = text; break;
	case 'p':		return set_port(o, text);
	case 'i':		return set_interval(o, text);
	case OPTION_MODE:	return set_mode(o, text);
	case OPTION_SIGNAL:	return set_signal(o, text);
	default:		return 1;
	}
	return *text == '\0' ? wrong_usage("an option's value is empty", "") :
	    0;
}

/* getopt says only '?'; a long option is then the word behind it. */
static int
refuse(int option, char **argv)
{
	char letter[3] = { '-', (char)optopt, '\0' };
	const char *word = argv[optind - 1];

	if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
		word = letter;
	return wrong_usage(option == ':' ? "a value is missing behind " :
	    "no such option: ", word);
}

static int
take(struct options *o, int option, char **argv)
{
	switch (option) {
	case 'h':	o->help = true; return 0;
	case 'V':	o->version++; return 0;
	case 't':	o->test = true; return 0;
	case 'T':	o->dump = true; return 0;
	case 'd':	o->daemon = true; return 0;
	case 'w':	o->watch = true; return 0;
	case OPTION_SCHEMA: o->schema = true; return 0;
	case ':':
	case '?':	return refuse(option, argv);
	default:	return take_text(o, option, optarg);
	}
}

static int
check_watch(struct options *o)
{
	if (o->interval_ms != 0 && !o->watch)
		return wrong_usage("--interval belongs to --watch", "");
	if (o->watch && o->file == NULL)
		return wrong_usage("--watch needs a file, by -c FILE", "");
	if (o->watch && o->is_single)
		return wrong_usage("--mode single cannot reload, so there is "
		    "nothing to --watch for", "");
	if (o->interval_ms == 0)
		o->interval_ms = WATCH_MS;
	return 0;
}

int
options_parse(struct options *o, int argc, char **argv)
{
	int option;

	o->backends = calloc((size_t)argc + 1, sizeof(*o->backends));
	o->headers = calloc((size_t)argc + 1, sizeof(*o->headers));
	if (o->backends == NULL || o->headers == NULL)
		return wrong_usage("out of memory", "");
	optind = 0;	/* begin anew: tests parse many lines */
	while ((option = getopt_long(argc, argv, short_options, long_options,
	    NULL)) != -1)
		if (take(o, option, argv) < 0)
			return -1;
	if (optind < argc)
		return wrong_usage("not an option: ", argv[optind]);
	if (o->explain == NULL && (o->client != NULL || o->n_headers > 0))
		return wrong_usage("--header and --client belong to "
		    "--explain", "");
	if (o->file == NULL && o->n_backends == 0 &&
	    access(DEFAULT_FILE, F_OK) == 0)
		o->file = DEFAULT_FILE;
	return check_watch(o);
}

void
options_print_help(void)
{
	fputs("fairlead -- an HTTP load balancer\n"
"\n"
"usage: fairlead [-c FILE] [-b HOST:PORT[*WEIGHT]]... [-H ADDR] [-p PORT]\n"
"\n"
"  -b, --backend HOST:PORT[*WEIGHT]\n"
"                        spread requests over this server; give it once for\n"
"                        each; replaces the file's backends\n"
"  -s, --strategy NAME   weighted (default), round-robin, random, sticky,\n"
"                        least-conn, p2c, peak-ewma, hash or first\n"
"      --cookie-name NAME\n"
"                        cookie of sticky (ZZZ_BACKEND_ID)\n"
"  -c, --config FILE     read FILE; without -c and -b, if it exists,\n"
"                        " DEFAULT_FILE "\n"
"  -H, --host ADDR       address to listen on (0.0.0.0)\n"
"  -p, --port PORT       port to listen on (9000)\n"
"      --workers N|auto  worker processes (auto: one for each CPU we may use)\n"
"      --mode single     everything in one process\n"
"      --log-file FILE   error log; - is stderr\n"
"      --log-level LEVEL debug, info (default), notice, warn, error\n"
"      --run-dir DIR     admin socket, status and pid file go here\n"
"                        (" RUNSTATEDIR "/fairlead)\n"
"  -w, --watch           reload when the configuration's files change\n"
"  -i, --interval MS     how often to look, and how long a change must have\n"
"                        been still (2000)\n"
"  -d, --daemon          go to the background once all workers serve\n"
"      --signal NAME     reload, reopen, upgrade, quit or stop\n"
"                        the one that runs, and wait until that is done\n"
"  -t, --test            check the configuration, say what is wrong, and exit\n"
"  -T, --dump            the same, then print what file and command line come\n"
"                        to, defaults filled in, as a file\n"
"      --show KEY        print one setting of that, as limits.connections\n"
"      --schema          print the JSON Schema of the file, for editors\n"
"      --explain REQUEST print which routes 'METHOD URL' meets, which takes it,\n"
"                        and what goes where, or is answered\n"
"      --header FIELD    with --explain: the request has 'Name: value', too\n"
"      --client ADDR     with --explain: it comes from here (127.0.0.1)\n"
"  -h, --help            this text\n"
"  -V, --version         the version; twice: how it was built\n"
"\n"
"Example: fairlead -b 127.0.0.1:9001 -b 127.0.0.1:9002*2\n"
"Manuals: fairlead(8), fairlead.yaml(5)\n", stdout);
}

void
options_print_version(bool long_form)
{
	char pcre2[REGEX_VERSION_MAX];

	puts("fairlead " FAIRLEAD_VERSION);
	if (!long_form)
		return;
	printf("built with: %s\ncompiler: %s\n",
	    *BUILD_OPTIONS != '\0' ? BUILD_OPTIONS : "default options",
	    __VERSION__);
	printf("libyaml %s\n%s\n", yaml_get_version_string(),
	    OpenSSL_version(OPENSSL_VERSION));
	regex_version(pcre2);
	printf("PCRE2 %s\n", pcre2);
	puts("configuration: " DEFAULT_FILE "\n"
	    "run directory: " RUNSTATEDIR "/fairlead");
}
