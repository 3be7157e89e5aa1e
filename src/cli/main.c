/* src/cli/main.c -- fairlead: options, configuration, log, then the master */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/explain.h"
#include "cli/options.h"
#include "cli/signal.h"
#include "conf/conf.h"
#include "conf/dump.h"
#include "core/log.h"
#include "core/regex.h"
#include "net/activation.h"
#include "proc/daemon.h"
#include "proc/logs.h"
#include "proc/master.h"
#include "proc/title.h"
#include "proc/upgrade.h"
#include "proc/watch_file.h"
#include "worker/worker.h"

enum { EXIT_USAGE = 2 };

/* File scope: children end inside main's frame, sanitizers look from here. */
static struct options options;
static struct conf *conf;

static const char *
config_name(void)
{
	return options.file != NULL ? options.file : "command line";
}

/* 0 with `conf`, or -1; what is wrong has been printed either way. */
static int
read_conf(void)
{
	struct diagnostics *d = diagnostics_new();
	const struct conf_source *sources;
	size_t n;

	conf = conf_read(&options, d);
	sources = diagnostics_sources(d, &n);
	if (options.watch)
		watch_file_set(sources, n);
	if (diagnostics_errors(d) + diagnostics_warnings(d) > 0)
		diagnostics_print(d, STDERR_FILENO);
	diagnostics_free(&d);
	return conf == NULL ? -1 : 0;
}

static int
set_log_level(void)
{
	if (options.log_level == NULL ||
	    (log_level_parse(&log_threshold, span_str(options.log_level)) &&
	    log_threshold != LOG_ALERT))	/* errors are always told */
		return 0;
	fprintf(stderr, "fairlead: \"%s\" is no log level; there are debug, "
	    "info, notice, warn and error\n", options.log_level);
	return -1;
}

static int
serve(int passport, int argc, char **argv)
{
	struct master_options o = {
		.conf = conf, .config_name = config_name(),
		.options = &options,
		.worker = &worker_role, .monitor = &monitor_role,
		.argc = argc, .argv = argv, .passport = passport,
	};
	int status, logs[2] = { -1, -1 };

	if (conf != NULL)
		logs_given(conf, logs);
	if (options.daemon && daemon_start(logs[0], logs[1]) < 0)
		return EXIT_FAILURE;
	if (regex_jit_is_refused())
		log_warn(NULL, "regular expressions are interpreted: the "
		    "system has no memory for machine code");
	if (options.is_single || (conf != NULL && conf->workers == 0))
		return master_run_single(&o, single_main);
	status = master_run(&o);
	conf = NULL;	/* the master had it */
	return status;
}

/* What is not written, as to a full disk, is a failure. */
static int
end_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	fprintf(stderr, "fairlead: standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

static int
show(void)
{
	char why[CONF_WHY_MAX];

	if (conf_show(conf, options.show, stdout, why))
		return end_output();
	fprintf(stderr, "fairlead: --show: %s\n", why);
	return EXIT_FAILURE;
}

/* -t, -T, --show, --explain. */
static int
print_conf(void)
{
	if (options.show != NULL)
		return show();
	if (options.explain != NULL)
		return explain(conf, &options) < 0 ? EXIT_USAGE :
		    end_output();
	conf_print_ok(conf, STDERR_FILENO);
	if (!options.dump)
		return EXIT_SUCCESS;
	conf_dump(conf, stdout);
	return end_output();
}

/* The binary before us has told that this would go well, and there is no way
 * back: without a configuration its workers go on alone. */
static int
run_upgraded(int passport, int argc, char **argv)
{
	if (read_conf() < 0)
		log_error(NULL, "upgrade: the configuration has just become "
		    "unreadable");
	else {
		log_threshold = (enum log_level)conf->log.level;
		log_set_form((enum log_form)conf->log.form);
	}
	return serve(passport, argc, argv);
}

static int
run(int argc, char **argv)
{
	int status, passport = -1;
	enum upgrade_part part = upgrade_part(&passport);

	if (part == UPGRADE_ADOPT)
		return run_upgraded(passport, argc, argv);
	if (read_conf() < 0)
		return EXIT_FAILURE;
	if (part == UPGRADE_REHEARSE)
		return upgrade_rehearse(passport, conf);
	if (options.test || options.dump || options.show != NULL ||
	    options.explain != NULL)
		return print_conf();
	log_threshold = (enum log_level)conf->log.level;
	log_set_form((enum log_form)conf->log.form);
	status = serve(-1, argc, argv);
	log_open(-1, false);
	return status;
}

/* What we open must not become somebody's standard output, and one that
 * nobody reads must not end us. */
static void
keep_standard_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd >= 0)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
}

/* Of libcrypto only what digests need, else it makes tables of all that it
 * has, reads its own configuration and tidies up at the end: 2 of the 18 ms
 * that a start takes. Whoever builds TLS asks for more of it. */
static void
start_crypto(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
	    OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
	    NULL);
}

int
main(int argc, char **argv)
{
	int status;

	keep_standard_descriptors();
	start_crypto();
	argv = title_init(argc, argv);
	upgrade_started_as(argv[0]);
	if (options_parse(&options, argc, argv) < 0 || set_log_level() < 0)
		return EXIT_USAGE;
	if (options.help) {
		options_print_help();
		return EXIT_SUCCESS;
	}
	if (options.version > 0) {
		options_print_version(options.version > 1);
		return EXIT_SUCCESS;
	}
	if (options.schema) {
		conf_print_schema(stdout);
		return end_output();
	}
	log_open(STDERR_FILENO, false);
	activation_open();
	options.directory = daemon_directory(options.daemon);
	if (options.signal != NULL)
		return send_signal(&options);
	status = run(argc, argv);
	conf_free(&conf);
	return status;
}
