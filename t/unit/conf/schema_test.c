/* t/unit/conf/schema_test.c -- the tables are sound; --keys lists them */
#include "conf/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "core/base.h"
#include "core/memory.h"
#include "support/unit.h"

static const struct value_form *
form_of(const struct conf_key *k)
{
	return k->type == CONF_SIZE ? &value_size :
	    k->type == CONF_RATE ? &value_rate :
	    k->type == CONF_PERCENTAGE ? &value_percentage :
	    k->type == CONF_DURATION ? &value_duration : &value_integer;
}

static const char *
type_name(const struct conf_key *k)
{
	static const char *const names[] = {
		[CONF_STRING] = "string", [CONF_INTEGER] = "integer",
		[CONF_SIZE] = "size", [CONF_RATE] = "rate",
		[CONF_DURATION] = "duration",
		[CONF_PERCENTAGE] = "percentage",
		[CONF_CHOICE] = "choice", [CONF_BLOCK] = "block",
		[CONF_LIST] = "list", [CONF_MAP] = "map",
		[CONF_BOOLEAN] = "boolean", [CONF_VALUES] = "list",
	};

	return k->type == CONF_VALUE ? k->form->noun : names[k->type];
}

/* What an upstream has like the top level stands there in the manual. */
static bool
is_of_top(const struct conf_section *section, const struct conf_key *k)
{
	const struct conf_key *top = schema_find(&conf_root, span_str(k->name));

	return section == &conf_upstream && top != NULL &&
	    top->section == k->section && top->offset == k->offset;
}

/* Conditions and fields have their keys in the manual once. */
static bool
was_listed(const struct conf_section *section)
{
	static const struct conf_section *seen[64];
	size_t i = 0;

	for (; seen[i] != NULL; i++)
		if (seen[i] == section)
			return true;
	seen[i] = section;
	return false;
}

/* PATH type default min max word since, a tab between, - for none: t/conf_man.t
 * compares them with the manual. */
static void
list_keys(const struct conf_section *section, const char *prefix)
{
	char path[200], min[VALUE_MAX], max[VALUE_MAX];

	for (const struct conf_key *k = section->keys; k->name != NULL; k++) {
		bool is_ranged = k->max != 0 && k->type != CONF_LIST;

		if (is_of_top(section, k))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", prefix,
		    *prefix != '\0' ? "." : "", k->name);
		printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", path, type_name(k),
		    k->def != NULL ? k->def : "-",
		    is_ranged ? value_print(form_of(k), k->min, min) : "-",
		    is_ranged ? value_print(form_of(k), k->max, max) : "-",
		    k->word != NULL ? k->word : "-", k->since);
		if (k->section != NULL && !was_listed(k->section))
			list_keys(k->section, path);
	}
}

static void
check_number(const struct conf_key *k, size_t target_size)
{
	uint64_t room = k->size == 8 ? UINT64_MAX :
	    (UINT64_C(1) << (8 * k->size)) - 1;

	ck_assert(k->size == 2 || k->size == 4 || k->size == 8);
	ck_assert_uint_le(k->offset + k->size, target_size);
	ck_assert_uint_gt(k->max, 0);
	ck_assert_uint_le(k->max, room);
	ck_assert_uint_le(k->min, k->max);
	/* A word's value is no number that somebody could write. */
	if (k->word != NULL && k->word_value >= k->min &&
	    k->word_value <= k->max)
		ck_assert_uint_eq(k->word_value, 0);
}

/* schema.h says what its author has to give. */
static void
check_form(const struct conf_form *form, size_t size)
{
	ck_assert_ptr_nonnull(form->noun);
	ck_assert_ptr_nonnull(form->parse);
	ck_assert_msg(form->print != NULL, "the form %s cannot print itself",
	    form->noun);
	ck_assert_uint_gt(size, 0);
	ck_assert_uint_eq(form->size, size);
}

/* What -T has to know: schema.h says by what a key shows that it was given. */
static bool
shows_if_given(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_STRING:
	case CONF_VALUES:
	case CONF_LIST:
	case CONF_MAP:
	case CONF_BLOCK:
		return true;
	case CONF_VALUE:
	case CONF_BOOLEAN:
	case CONF_CHOICE:
		return k->is_required || k->def != NULL || k->place != 0;
	default:
		return k->is_required || k->def != NULL || k->place != 0 ||
		    (k->min > 0 && (k->word == NULL || k->word_value > 0));
	}
}

static void
check_section(const struct conf_section *section)
{
	const struct conf_key *k;

	for (k = section->keys; k->name != NULL; k++) {
		ck_assert_msg(shows_if_given(k), "nothing shows whether \"%s\" "
		    "of %s was given", k->name, section->name);
		if (k->type == CONF_VALUES || k->type == CONF_LIST ||
		    k->type == CONF_MAP)
			ck_assert_uint_eq(k->size, sizeof(struct conf_list));
		ck_assert_ptr_eq(schema_find(section, span_str(k->name)), k);
		ck_assert_ptr_nonnull(k->help);
		ck_assert_int_eq(k->help[strlen(k->help) - 1], '.');
		ck_assert_uint_gt(strlen(k->help), 15);
		ck_assert_ptr_nonnull(k->since);
		if (k->section != NULL)
			check_section(k->section);
		else if (k->type == CONF_VALUE)
			check_form(k->form, k->size);
		else if (k->type == CONF_VALUES)
			check_form(k->form, k->form->size);
		else if (k->type == CONF_BOOLEAN)
			ck_assert_uint_eq(k->size, sizeof(bool));
		else if (k->type == CONF_CHOICE)
			ck_assert_ptr_nonnull(k->choices);
		else if (k->type != CONF_STRING)
			check_number(k, section->size);
		if (k->place != 0)
			ck_assert_uint_le(k->place + sizeof(struct place),
			    section->size);
	}
}

START_TEST(tables_are_sound)
{
	check_section(&conf_root);
}
END_TEST

/* The ends of each range can be written, and what is beyond cannot. */
static void
check_range(const struct conf_key *k, struct file_conf *f)
{
	const struct value_form *form = form_of(k);
	char text[VALUE_MAX], why[WHY_MAX];

	value_print(form, k->max, text);
	ck_assert(schema_set(k, f, span_str(text), NULL, why));
	value_print(form, k->max + 1, text);
	ck_assert(!schema_set(k, f, span_str(text), NULL, why));
	value_print(form, k->min, text);
	ck_assert(schema_set(k, f, span_str(text), NULL, why));
	if (k->min > 0)
		ck_assert(!schema_set(k, f, SPAN("0"), NULL, why));
}

static void
check_ranges(const struct conf_section *section)
{
	union {
		struct file_conf file;
		struct backend_file backend;
		struct listener_file listener;
		struct route_file route;
		struct test_file test;
		struct field_file field;
	} room = { .file = { .workers = 0 } };

	for (const struct conf_key *k = section->keys; k->name != NULL; k++)
		if (k->section != NULL)
			check_ranges(k->section);
		else if (k->max != 0 && k->type != CONF_LIST)
			check_range(k, &room.file);
}

START_TEST(ranges)
{
	check_ranges(&conf_root);
}
END_TEST

START_TEST(no_such_key)
{
	ck_assert_ptr_null(schema_find(&conf_root, SPAN("")));
	ck_assert_ptr_null(schema_find(&conf_root, SPAN("backend")));
	ck_assert_ptr_null(schema_find(&conf_root, SPAN("backendss")));
	ck_assert_ptr_null(schema_find(&conf_root, SPAN("host")));
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite;
	TCase *tc;

	if (argc > 1 && strcmp(argv[1], "--keys") == 0) {
		list_keys(&conf_root, "");
		return EXIT_SUCCESS;
	}
	suite = suite_create("conf: schema");
	tc = tcase_create("schema");
	tcase_add_test(tc, tables_are_sound);
	tcase_add_test(tc, ranges);
	tcase_add_test(tc, no_such_key);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
