/* t/unit/conf/template_test.c -- variables, where they can stand, and the
 * access log that is made of them */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "support/conf_file.h"
#include "support/unit.h"

#define BACKENDS "backends: [{host: 127.0.0.1, port: 1}]\n"

/* Where a text stands, and the use that decides what it may say. */
static const struct {
	const char *name, *file;
	enum template_use use;
} places[] = {
	{ "respond.body", BACKENDS "routes: [{respond: {body: \"%s\"}}]\n",
	    USE_REQUEST },
	{ "redirect.to", BACKENDS "routes: [{redirect: {to: \"%s\"}}]\n",
	    USE_REQUEST },
	{ "request_headers", BACKENDS "routes: [{upstream: default, "
	    "request_headers: {set: {X-A: \"%s\"}}}]\n", USE_REQUEST },
	{ "response_headers", BACKENDS "routes: [{upstream: default, "
	    "response_headers: {add: {X-A: \"%s\"}}}]\n", USE_RESPONSE },
	{ "access_log.format", BACKENDS "access_log: {file: \"-\", "
	    "format: \"%s\"}\n", USE_LOG },
};

static const struct {
	const char *text;
	unsigned uses;
} known[] = {
#define X(id, name, uses) { "a ${" name "} b", uses },
	VARIABLES(X)
#undef X
	{ "${request.X-A}", USE_ALWAYS }, { "${response.x-a!}", USE_LATE },
	{ "$${status} ${path}${path}", USE_ALWAYS },
};

START_TEST(each_stands_where_it_is_known)
{
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		char text[512], why[128];
		struct reading r;
		bool is_good = (known[_i].uses & places[i].use) != 0;

		snprintf(text, sizeof(text), places[i].file, known[_i].text);
		r = conf_file_read(span_str(text), NULL);
		ck_assert_msg((r.errors == 0) == is_good, "%s in %s: %s",
		    known[_i].text, places[i].name, r.said);
		snprintf(why, sizeof(why), "is not known yet here; it can "
		    "stand in %saccess_log.format\n", known[_i].uses == USE_LATE ?
		    "response_headers and in " : "");
		ck_assert_msg(is_good || strstr(r.said, why) != NULL, "%s",
		    r.said);
		reading_free(&r);
	}
}
END_TEST

/* A value in place of %s, and what must be said of it. */
static const struct {
	const char *file, *value, *said;
} bad[] = {
	{ "respond", "${status}", "\"${status}\" is not known yet here; it can "
	    "stand in response_headers and in access_log.format" },
	{ "respond", "${statu}", "there is no variable \"${statu}\"; write "
	    "\"$${\" for a plain \"${\"" },
	{ "format", "${statu}", "there is no variable \"${statu}\"; did you "
	    "mean \"${status}\"?" },
	{ "format", "${Status}", "there is no variable \"${Status}\"; did you "
	    "mean \"${status}\"?" },
	{ "format", "${t_had}", "there is no variable \"${t_had}\"; did you "
	    "mean \"${t_head}\"?" },
	{ "format", "${}", "there is no variable \"${}\"; write \"$${\" for a "
	    "plain \"${\"" },
	{ "format", "${request.}", "there is no variable \"${request.}\"; " },
	{ "format", "${request.A B}", "there is no variable "
	    "\"${request.A B}\"; " },
	{ "format", "${response.A:}", "there is no variable "
	    "\"${response.A:}\"; " },
	{ "format", "${client", "\"${\" lacks its \"}\"; " },
	{ "format", "timng", "\"timng\" is no format; did you mean "
	    "\"timing\"?" },
	{ "format", "combind", "\"combind\" is no format; did you mean "
	    "\"combined\"?" },
	{ "format", "%h %l", "\"%h %l\" is no format; there are: timing, "
	    "combined, json, or a text with variables, as in \"${client} "
	    "${status}\"" },
	{ "format", "${client}\\n", "a format is one line; it cannot hold line "
	    "ends or control characters other than tabs" },
	{ "format", "\\x7f${client}", "a format is one line; " },
	{ "format", "$${client}", "\"$${client}\" is no format; there are: " },
	{ "format", "[client]", "\"[client]\" is no format; there are: " },
	{ "sample", "10", "\"10\" lacks its %; write 10%" },
	{ "sample", "ten", "\"ten\" is no percentage; write a number with at "
	    "most two decimals and %, as in 20%" },
	{ "sample", "1.234%", "\"1.234%\" is no percentage; " },
	{ "sample", "101%", "\"101%\" is out of range; \"sample\" takes 0% to "
	    "100%" },
	{ "sample", "100.01%", "\"100.01%\" is out of range; " },
	{ "sample", "off", "\"off\" is no percentage; " },
	{ "route", "on", "\"access_log\" takes a map of keys or off, not a "
	    "single value" },
	{ "route", "{sampel: 1%}", "unknown key \"sampel\" in \"access_log\" "
	    "of a route; did you mean \"sample\"?" },
	{ "route", "{file: x}", "unknown key \"file\" in \"access_log\" of a "
	    "route; it belongs in " },
	{ "route", "{sample: 1%%}", "\"1%%\" is no percentage; " },
};

static void
file_of(char *text, size_t size, const char *kind, const char *value)
{
	bool is_route = strcmp(kind, "route") == 0;

	if (strcmp(kind, "respond") == 0)
		snprintf(text, size, places[0].file, value);
	else
		snprintf(text, size, is_route ? BACKENDS "access_log: {file: "
		    "x}\nroutes: [{upstream: default, access_log: %s}]\n" :
		    BACKENDS "access_log: {file: x, %s: \"%s\"}\n",
		    is_route ? value : kind, value);
}

START_TEST(what_is_wrong_is_named)
{
	char text[512], want[300];
	struct reading r;

	file_of(text, sizeof(text), bad[_i].file, bad[_i].value);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_msg(r.errors == 1, "%s: %s", text, r.said);
	snprintf(want, sizeof(want), " error: %s", bad[_i].said);
	ck_assert_msg(strstr(r.said, want) != NULL, "%s\nnot: %s", r.said,
	    want);
	reading_free(&r);
}
END_TEST

START_TEST(a_format_is_bounded)
{
	static char text[8192];
	struct reading r;

	for (int n = ACCESS_FIELDS_MAX; n <= ACCESS_FIELDS_MAX + 1; n++) {
		strcpy(text, BACKENDS "access_log: {file: x, format: \"");
		for (int i = 0; i < n; i++)
			strcat(text, i % 2 ? "${request.a}" : "${response.b}");
		strcat(text, "\"}\n");
		r = conf_file_read(span_str(text), NULL);
		ck_assert((n > ACCESS_FIELDS_MAX) == (strstr(r.said, "a format "
		    "has at most 32 header fields and 4096 bytes of other "
		    "text") != NULL));
		reading_free(&r);
	}
	snprintf(text, sizeof(text), BACKENDS "access_log: {file: x, "
	    "format: \"${client}%4097s\"}\n", "x");
	r = conf_file_read(span_str(text), NULL);
	ck_assert_uint_eq(r.errors, 1);
	reading_free(&r);
}
END_TEST

static const struct {
	const char *text;
	uint32_t value;
} samples[] = {
	{ "0", 0 }, { "0%", 0 }, { "0.01%", 1 }, { "0.1%", 10 },
	{ "1%", 100 }, { "12.5%", 1250 }, { "99.99%", 9999 },
	{ "100%", SAMPLE_ALL }, { "100.00%", SAMPLE_ALL },
};

START_TEST(samples_are_read)
{
	char text[512];
	struct reading r;

	snprintf(text, sizeof(text), BACKENDS "access_log: {file: x, "
	    "sample: %s}\nroutes:\n"
	    "  - {match: {path: /a}, upstream: default}\n"
	    "  - {match: {path: /b}, upstream: default, access_log: off}\n"
	    "  - {match: {path: /c}, upstream: default, access_log: {}}\n"
	    "  - {upstream: default, access_log: {sample: 0.5%%}}\n",
	    samples[_i].text);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_msg(r.conf != NULL && r.warnings == 0, "%s", r.said);
	ck_assert_uint_eq(r.conf->access.sample, samples[_i].value);
	ck_assert_uint_eq(r.conf->routes[0].log_sample, samples[_i].value);
	ck_assert_uint_eq(r.conf->routes[1].log_sample, SAMPLE_OFF);
	ck_assert_uint_eq(r.conf->routes[2].log_sample, samples[_i].value);
	ck_assert_uint_eq(r.conf->routes[3].log_sample, 50);
	reading_free(&r);
}
END_TEST

START_TEST(no_log_to_sample)
{
	struct reading r = conf_file_read(SPAN(BACKENDS
	    "routes: [{upstream: default, access_log: {sample: 1%}}]\n"),
	    NULL);

	ck_assert_uint_eq(r.errors, 0);
	ck_assert_ptr_nonnull(strstr(r.said, "warning: route \"route 1\" "
	    "samples an access log that this file does not have\n"));
	reading_free(&r);
}
END_TEST

static const struct {
	const char *text;
	enum access_form form;
	size_t n;
	uint32_t n_response;
} formats[] = {
	{ "timing", ACCESS_TIMING, 0, 0 },
	{ "combined", ACCESS_COMBINED, 0, 0 },
	{ "json", ACCESS_JSON, 0, 0 },
	{ "${client}", ACCESS_TEMPLATE, 1, 0 },
	{ "a ${client}\\t\\u00e9${request.A}${response.A} ${response.B}",
	    ACCESS_TEMPLATE, 7, 2 },
	{ "$${client} ${client}", ACCESS_TEMPLATE, 4, 0 },
	{ "${env:FORMAT}", ACCESS_JSON, 1, 0 },
	{ "${env:FORMAT} ${client}", ACCESS_TEMPLATE, 3, 0 },
};

START_TEST(formats_are_read)
{
	char text[256];
	struct reading r;

	setenv("FORMAT", "json", 1);
	file_of(text, sizeof(text), "format", formats[_i].text);
	r = conf_file_read(span_str(text), NULL);
	ck_assert_msg(r.conf != NULL, "%s", r.said);
	ck_assert_uint_eq(r.conf->access.format.form, formats[_i].form);
	ck_assert_uint_eq(r.conf->access.format.line.n, formats[_i].n);
	ck_assert_uint_eq(r.conf->access.format.n_response,
	    formats[_i].n_response);
	ck_assert_uint_eq(r.conf->access.sample, SAMPLE_ALL);
	reading_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf: template");
	TCase *tc = tcase_create("template");

	tcase_add_unchecked_fixture(tc, conf_file_setup, conf_file_teardown);
	tcase_add_loop_test(tc, each_stands_where_it_is_known, 0,
	    COUNT_OF(known));
	tcase_add_loop_test(tc, what_is_wrong_is_named, 0, COUNT_OF(bad));
	tcase_add_test(tc, a_format_is_bounded);
	tcase_add_loop_test(tc, samples_are_read, 0, COUNT_OF(samples));
	tcase_add_test(tc, no_log_to_sample);
	tcase_add_loop_test(tc, formats_are_read, 0, COUNT_OF(formats));
	suite_add_tcase(suite, tc);
	return unit_main_rows(suite);
}
