/* t/unit/http/head_test.c -- names, finding, dropping, adding, copying */
#include "http/head.h"

#include <ctype.h>
#include <stdlib.h>

#include "core/base.h"
#include "support/unit.h"

static const struct {
	const char *name;
	enum field_id id;
} names[] = {
#define X(id, name) { name, FIELD_##id },
	FIELD_NAMES(X)
#undef X
};

/* The name in memory of just its size, so that a sanitizer sees more. */
static enum field_id
id_of_copy(const char *name, size_t len)
{
	char *copy = malloc(len + (len == 0));
	enum field_id id;

	memcpy(copy, name, len);
	id = field_id_of(span_of(copy, len));
	free(copy);
	return id;
}

START_TEST(names_are_known)
{
	const char *name = names[_i].name;
	size_t len = strlen(name);
	char upper[32];

	ck_assert_int_eq(id_of_copy(name, len), names[_i].id);
	for (size_t i = 0; i <= len; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	ck_assert_int_eq(id_of_copy(upper, len), names[_i].id);
	upper[0] = name[0];
	ck_assert_int_eq(id_of_copy(upper, len), names[_i].id);
}
END_TEST

/* Each other byte in each place makes it another name. */
START_TEST(other_names_are_not)
{
	const char *name = names[_i].name;
	size_t len = strlen(name);
	char other[32];

	for (size_t i = 0; i < len; i++) {
		memcpy(other, name, len);
		for (int c = 0; c < 256; c++) {
			if (tolower(c) == name[i])
				continue;
			other[i] = (char)c;
			ck_assert_msg(field_id_of(span_of(other, len)) !=
			    names[_i].id, "%.*s", (int)len, other);
		}
	}
	ck_assert_int_ne(id_of_copy(name, len - 1), names[_i].id);
	ck_assert_int_ne(id_of_copy(name, 0), names[_i].id);
}
END_TEST

START_TEST(lengths_out_of_the_table)
{
	char name[64];

	memset(name, 'x', sizeof(name));
	for (size_t len = 0; len < sizeof(name); len++)
		ck_assert_int_eq(id_of_copy(name, len), FIELD_OTHER);
}
END_TEST

START_TEST(methods)
{
	static const struct {
		struct span token;
		enum method method;
	} rows[] = {
#define X(id) { { #id, sizeof(#id) - 1 }, METHOD_##id },
		METHODS(X)
#undef X
		{ { "get", 3 }, METHOD_OTHER }, { { "", 0 }, METHOD_OTHER },
		{ { "GETS", 4 }, METHOD_OTHER }, { { "PURGE", 5 },
		METHOD_OTHER }, { { "POS", 3 }, METHOD_OTHER },
		{ { "PROPFIND", 8 }, METHOD_OTHER },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_int_eq(method_of(rows[i].token), rows[i].method);
	ck_assert(method_is_idempotent(METHOD_GET));
	ck_assert(method_is_idempotent(METHOD_PUT));
	ck_assert(!method_is_idempotent(METHOD_POST));
	ck_assert(!method_is_idempotent(METHOD_PATCH));
	ck_assert(!method_is_idempotent(METHOD_CONNECT));
	ck_assert(!method_is_idempotent(METHOD_OTHER));
}
END_TEST

/* GET /t with "Via: 1", "A: 2", "Via: 3". */
static const char raw[] =
    "GET /t HTTP/1.1\r\nVia: 1\r\nA: 2\r\nVia: 3\r\n\r\n";
static struct http_field fields[3];
static struct http_extra extras[HEAD_EXTRAS_MAX];

static struct http_head
sample(void)
{
	static const struct http_field parsed[3] = {
		{ 17, 22, 1, 3, FIELD_VIA, false },
		{ 25, 28, 1, 1, FIELD_OTHER, false },
		{ 31, 36, 1, 3, FIELD_VIA, false },
	};

	memcpy(fields, parsed, sizeof(fields));
	return (struct http_head){ .base = raw, .fields = fields,
		.ids = HEAD_BIT(FIELD_VIA) | HEAD_BIT(FIELD_OTHER),
		.n_fields = 3, .is_raw = true, .fields_end = 39, .size = 41,
		.method_text = { raw, 3 }, .target = { raw + 4, 2 },
		.extras = extras };
}

START_TEST(find_and_drop)
{
	struct http_head h = sample();

	ck_assert_uint_eq(sizeof(raw) - 1, h.size);
	ck_assert_ptr_eq(head_find(&h, FIELD_VIA), &fields[0]);
	ck_assert(span_equal(field_value(&h, &fields[2]), SPAN("3")));
	fields[0].is_dropped = true;
	ck_assert_ptr_eq(head_find(&h, FIELD_VIA), &fields[2]);
	head_drop(&h, FIELD_VIA);
	ck_assert_ptr_null(head_find(&h, FIELD_VIA));
	ck_assert_ptr_null(head_find(&h, FIELD_HOST));
	ck_assert(!fields[1].is_dropped);
}
END_TEST

START_TEST(add)
{
	struct http_head h = sample();

	for (unsigned i = 0; i < HEAD_EXTRAS_MAX; i++)
		head_add(&h, SPAN("B"), span_of(raw, i));
	ck_assert_uint_eq(h.n_extras, HEAD_EXTRAS_MAX);
	ck_assert_uint_eq(extras[3].value.len, 3);
}
END_TEST

START_TEST(add_too_many)
{
	struct http_head h = sample();

	h.n_extras = HEAD_EXTRAS_MAX;
	head_add(&h, SPAN("B"), SPAN("1"));
}
END_TEST

START_TEST(copy)
{
	struct http_head h = sample(), c;
	struct span elsewhere = SPAN("/elsewhere");
	char *to = malloc(head_copy_size(&h));

	head_add(&h, SPAN("B"), SPAN("1"));
	h.host = elsewhere;
	fields[1].is_dropped = true;
	head_copy(&c, &h, to);
	memset(fields, 0, sizeof(fields));
	ck_assert_ptr_eq(c.fields, to);
	ck_assert_ptr_ne(c.base, raw);
	ck_assert_int_eq(memcmp(c.base, raw, h.size), 0);
	ck_assert_ptr_eq(c.target.ptr, c.base + 4);
	ck_assert_ptr_eq(c.method_text.ptr, c.base);
	ck_assert_ptr_eq(c.host.ptr, elsewhere.ptr);
	ck_assert(c.fields[1].is_dropped);
	ck_assert(span_equal(field_value(&c, &c.fields[2]), SPAN("3")));
	ck_assert_uint_eq(c.n_extras, 0);
	ck_assert_ptr_null(c.extras);
	free(to);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http/head");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, names_are_known, 0, COUNT_OF(names));
	tcase_add_loop_test(all, other_names_are_not, 0, COUNT_OF(names));
	tcase_add_test(all, lengths_out_of_the_table);
	tcase_add_test(all, methods);
	tcase_add_test(all, find_and_drop);
	tcase_add_test(all, add);
	tcase_add_test_raise_signal(all, add_too_many, 6);	/* SIGABRT */
	tcase_add_test(all, copy);
	suite_add_tcase(suite, all);
	return unit_main(suite);
}
