/* src/conf/form.c -- values with a form of their own: addresses, networks */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/internal.h"
#include "core/cidr.h"
#include "core/regex.h"

static struct span
keep(const char *text, size_t len, struct arena *arena)
{
	return span_of(arena_str(arena, span_of(text, len)), len);
}

static bool
parse_address(void *to, struct span text, struct arena *arena UNUSED,
    char *why)
{
	char word[QUOTE_MAX];

	if (address_parse(to, text))
		return true;
	quote(word, text);
	if (memchr(text.ptr, ':', text.len) == NULL)
		snprintf(why, WHY_MAX, "\"%s\" has no port; write it as in "
		    "0.0.0.0:80, [::]:80 or *:80", word);
	else
		snprintf(why, WHY_MAX, "\"%s\" is no address; write one in "
		    "numbers with a port, as in 0.0.0.0:80, [::]:80 or *:80, "
		    "or unix:/run/x.sock", word);
	return false;
}

static struct span
print_address(const void *value, struct arena *arena)
{
	char text[ADDRESS_TEXT_MAX];

	return keep(text, address_print(value, text), arena);
}

const struct conf_form form_address = {
	.noun = "address", .size = sizeof(struct address),
	.parse = parse_address, .print = print_address,
	.pattern = "^(unix:.+|" ADDRESS_IP ")$",
};

#define DNS_PORT	53

static bool
parse_server(void *to, struct span text, struct arena *arena UNUSED,
    char *why)
{
	struct address *a = to;
	char word[QUOTE_MAX];

	if (address_parse_host(a, text, DNS_PORT))
		return true;
	if (address_parse(a, text) && a->sa.sa_family != AF_UNIX &&
	    text.ptr[0] != '*' && address_port(a) != 0)
		return true;
	snprintf(why, WHY_MAX, "\"%s\" is no address of a name server; write "
	    "one in numbers, as in 192.0.2.53, 192.0.2.53:5353 or "
	    "[2001:db8::53]:53", quote(word, text));
	return false;
}

const struct conf_form form_server = {
	.noun = "address", .size = sizeof(struct address),
	.parse = parse_server, .print = print_address,
	.pattern = "^([0-9.]+(:[0-9]+)?|\\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\\]?|"
	    "\\[[0-9A-Fa-f:.]+\\]:[0-9]+)$",
};

static bool
parse_network(void *to, struct span text, struct arena *arena UNUSED,
    char *why)
{
	struct cidr *c = to;
	struct address net = { .len = sizeof(net.in6) };
	char word[QUOTE_MAX], meant[ADDRESS_TEXT_MAX];
	const char *slash;
	bool has_host_bits;
	size_t len;

	if (cidr_parse(c, text, &has_host_bits))
		return true;
	quote(word, text);
	if (!has_host_bits) {
		snprintf(why, WHY_MAX, "\"%s\" is no network; write an address "
		    "and a prefix, as in 10.0.0.0/8 or 2001:db8::/32", word);
		return false;
	}
	slash = memchr(text.ptr, '/', text.len);
	net.in6.sin6_family = AF_INET6;
	net.in6.sin6_addr = c->net;
	len = address_print_host(&net, meant);
	snprintf(why, WHY_MAX, "\"%s\" sets bits behind its prefix; the "
	    "network is %.*s%.*s", word, (int)len, meant,
	    (int)(text.ptr + text.len - slash), slash);
	return false;
}

static struct span
print_network(const void *value, struct arena *arena)
{
	const struct cidr *c = value;
	struct address net = { .len = sizeof(net.in6) };
	char text[ADDRESS_TEXT_MAX + 8];
	size_t len;
	bool is_ipv4;

	net.in6.sin6_family = AF_INET6;
	net.in6.sin6_addr = c->net;
	is_ipv4 = c->bits >= 96 && IN6_IS_ADDR_V4MAPPED(&c->net);
	len = address_print_host(&net, text);
	len += (size_t)snprintf(text + len, 8, "/%d",
	    c->bits - (is_ipv4 ? 96 : 0));
	return keep(text, len, arena);
}

const struct conf_form form_network = {
	.noun = "network", .size = sizeof(struct cidr),
	.parse = parse_network, .print = print_network,
	.pattern = "^([0-9.]+|\\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\\]?)"
	    "(/[0-9]{1,3})?$",
};

static void
keep_string(void *to, struct span text, struct arena *arena)
{
	*(const char **)to = arena_str(arena, text);
}

static struct span
print_string(const void *value, struct arena *arena UNUSED)
{
	return span_str(*(const char *const *)value);
}

/* A name, or "*." and a name; kept in lower case. */
/* As requests are compared: without the dot at the end, IPv6 in brackets. */
static char *
keep_host(struct span text, struct arena *arena)
{
	char *kept;

	if (text.ptr[text.len - 1] == '.')
		text.len--;
	if (text.ptr[0] == '[' || memchr(text.ptr, ':', text.len) == NULL)
		return arena_str(arena, text);
	kept = arena_alloc(arena, text.len + 3);
	(void)snprintf(kept, text.len + 3, "[%.*s]", SPAN_ARG(text));
	return kept;
}

static bool
parse_host(void *to, struct span text, struct arena *arena, char *why)
{
	struct span name = text;
	struct address a;
	char word[QUOTE_MAX], *kept;

	if (name.len > 2 && memcmp(name.ptr, "*.", 2) == 0)
		name = span_skip(name, 2);
	if (!host_is_name(name) &&
	    (name.len != text.len || !address_parse_host(&a, text, 0))) {
		snprintf(why, WHY_MAX, "\"%s\" is no host name; write one "
		    "without a port, as in www.example.com or *.example.com",
		    quote(word, text));
		return false;
	}
	*(const char **)to = kept = keep_host(text, arena);
	for (; *kept != '\0'; kept++)
		*kept = (char)tolower((unsigned char)*kept);
	return true;
}

const struct conf_form form_host = {
	.noun = "host", .size = sizeof(char *),
	.parse = parse_host, .print = print_string,
	.pattern = "^((\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*\\.?|"
	    "\\[?[0-9A-Fa-f:.]+\\]?)$",
};

/* "/." or "/.." at the start of `s`, as a whole segment. */
static bool
is_dot_segment(struct span s)
{
	size_t n = 1;

	while (n < s.len && n < 3 && s.ptr[n] == '.')
		n++;
	return n > 1 && (n == s.len || s.ptr[n] == '/');
}

/* At the start of `s`: %XX in the one form that normalised paths have, with
 * large digits, of what needs it (RFC 3986 2.3, 6.2.2). */
static bool
is_normal_escape(struct span s)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high, *low;
	int c;

	if (s.len < 3 || !isxdigit((unsigned char)s.ptr[1]) ||
	    !isxdigit((unsigned char)s.ptr[2]))
		return true;	/* no escape: it stays as it is */
	high = strchr(digits, s.ptr[1]);
	low = strchr(digits, s.ptr[2]);
	if (high == NULL || low == NULL)
		return false;
	c = (int)(high - digits) << 4 | (int)(low - digits);
	return c == '\0' || strchr(LETTER_CHARACTERS "-._~", c) == NULL;
}

/* Whether a request's path, as it is compared, can be like that. */
static bool
is_normal_path(struct span s)
{
	for (; s.len > 0; s = span_skip(s, 1))
		if ((s.ptr[0] == '/' && is_dot_segment(s)) ||
		    (s.ptr[0] == '%' && !is_normal_escape(s)) ||
		    (unsigned char)s.ptr[0] <= ' ' ||
		    (unsigned char)s.ptr[0] >= 0x7f)
			return false;
	return true;
}

static bool
parse_path(void *to, struct span text, struct arena *arena, char *why)
{
	char word[QUOTE_MAX];

	quote(word, text);
	if (text.len == 0 || text.ptr[0] != '/')
		snprintf(why, WHY_MAX, "\"%s\" is no path; a path begins with "
		    "\"/\"", word);
	else if (memchr(text.ptr, '?', text.len) != NULL ||
	    memchr(text.ptr, '#', text.len) != NULL)
		snprintf(why, WHY_MAX, "\"%s\" is more than a path; leave out "
		    "what begins with \"?\" or \"#\"", word);
	else if (!is_normal_path(text))
		snprintf(why, WHY_MAX, "no request has the path \"%s\"; they "
		    "are compared without \".\" and \"..\", and only what "
		    "needs it is written %%XX, with large digits", word);
	else {
		keep_string(to, text, arena);
		return true;
	}
	return false;
}

const struct conf_form form_path = {
	.noun = "path", .size = sizeof(char *),
	.parse = parse_path, .print = print_string,
	.pattern = "^(?!.*/\\.{1,2}(/|$))/([!\"$&->@-~]|%(?!2[DE]|3[0-9]|"
	    "[46][1-9A-F]|[57][0-9A]|5F|7E)[0-9A-F]{2})*$",
};

/* For include: a name of a file, which may have "*", "?" and "[...]". */
static bool
parse_pattern(void *to, struct span text, struct arena *arena, char *why)
{
	if (text.len > 0) {
		*(const char **)to = arena_str(arena, text);
		return true;
	}
	snprintf(why, WHY_MAX, "\"include\" takes names of files, as in "
	    "conf.d/*.yaml");
	return false;
}

const struct conf_form form_pattern = {
	.noun = "pattern", .size = sizeof(char *),
	.parse = parse_pattern, .print = print_string,
	.pattern = "^.+$",
};

static bool
parse_token(void *to, struct span text, struct arena *arena, char *why)
{
	const char *kept = arena_str(arena, text);
	char word[QUOTE_MAX];

	*(const char **)to = kept;
	if (*kept != '\0' && kept[strspn(kept, TOKEN_CHARACTERS)] == '\0')
		return true;
	snprintf(why, WHY_MAX, "\"%s\" is no word of HTTP; such a word has "
	    "letters, digits, \"-\" and a few marks, and no blanks",
	    quote(word, text));
	return false;
}

const struct conf_form form_token = {
	.noun = "word", .size = sizeof(char *),
	.parse = parse_token, .print = print_string,
	.pattern = "^" TOKEN_PATTERN "$",
};

/* Three digits at the start of `s`, from 100 to 599. */
static bool
take_status(struct span *s, uint16_t *status)
{
	*status = 0;
	for (size_t i = 0; i < 3; i++) {
		if (i >= s->len || !isdigit((unsigned char)s->ptr[i]))
			return false;
		*status = (uint16_t)(*status * 10 + s->ptr[i] - '0');
	}
	*s = span_skip(*s, 3);
	return *status >= 100 && *status <= 599;
}

static bool
parse_status(void *to, struct span text, struct arena *arena UNUSED,
    char *why)
{
	struct status_range *r = to;
	struct span rest = text;
	char word[QUOTE_MAX];

	if (take_status(&rest, &r->first)) {
		r->last = r->first;
		if (rest.len == 0)
			return true;
		rest = span_skip(rest, 1);
		if (rest.ptr[-1] == '-' && take_status(&rest, &r->last) &&
		    rest.len == 0 && r->first <= r->last)
			return true;
	}
	snprintf(why, WHY_MAX, "\"%s\" is no status and no range of them; "
	    "write one from 100 to 599, or two, as in 200-399",
	    quote(word, text));
	return false;
}

static struct span
print_status(const void *value, struct arena *arena)
{
	const struct status_range *r = value;
	char text[16];
	int len = r->first == r->last ?
	    snprintf(text, sizeof(text), "%u", r->first) :
	    snprintf(text, sizeof(text), "%u-%u", r->first, r->last);

	return keep(text, (size_t)len, arena);
}

const struct conf_form form_status = {
	.noun = "status", .size = sizeof(struct status_range),
	.parse = parse_status, .print = print_status,
	.pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$",
};

/* It ends with the arena, machine code and all. */
static bool
parse_regex(void *to, struct span text, struct arena *arena, char *why)
{
	struct regex_fault fault;
	char word[QUOTE_MAX];

	*(struct regex **)to = regex_new(arena, text, &fault);
	if (*(struct regex **)to != NULL)
		return true;
	snprintf(why, WHY_MAX, "\"%s\" is no regular expression: %s",
	    quote(word, text), fault.text);
	return false;
}

static size_t
regex_fault_at(struct span text)
{
	struct regex_fault fault = { .offset = 0 };
	struct arena *scratch = arena_new(0);

	(void)regex_new(scratch, text, &fault);
	arena_free(&scratch);
	return fault.offset;
}

static struct span
print_regex(const void *value, struct arena *arena UNUSED)
{
	return span_str(regex_pattern(*(struct regex *const *)value));
}

const struct conf_form form_regex = {
	.noun = "pattern", .size = sizeof(struct regex *),
	.parse = parse_regex, .print = print_regex, .fault = regex_fault_at,
};

static bool
parse_text(struct template *to, struct span text, enum template_use use,
    struct arena *arena, char *why)
{
	if (template_parse(to, span_of(arena_str(arena, text), text.len),
	    use, arena, why))
		return true;
	to->n = 0;
	return false;
}

static bool
parse_template(void *to, struct span text, struct arena *arena, char *why)
{
	return parse_text(to, text, USE_REQUEST, arena, why);
}

static struct span
print_template(const void *value, struct arena *arena)
{
	return template_print(value, arena);
}

/* Plain text, "$${", and the variables that a use knows. */
#define TEMPLATE_PART(bad, names) "([^$" bad "]|\\$(?!\\{)|\\$\\$\\{|" \
	"\\$\\{(request\\." TOKEN_PATTERN names ")\\})*"
#define TEMPLATE_PATTERN(names) "^" TEMPLATE_PART("\\x00", names) "$"
#define X(id, name, uses) uses##_NAME(name)
#define USE_ALWAYS_NAME(name) "|" name
#define USE_LOG_NAME(name)
#define USE_LATE_NAME(name)
static const char request_pattern[] = TEMPLATE_PATTERN(VARIABLES(X));
#undef USE_LATE_NAME
#define USE_LATE_NAME(name) "|" name
static const char response_pattern[] = TEMPLATE_PATTERN("|response\\."
	TOKEN_PATTERN VARIABLES(X));
#undef USE_LOG_NAME
#define USE_LOG_NAME(name) "|" name
/* ACCESS_FIELDS_MAX + 1 of them; each character can be taken in one way. */
#define FIELD_BEGIN "\\{(request|response)\\."
#define TOO_MANY_FIELDS "(?!(([^$]|\\$\\$|\\$(?!\\$|" FIELD_BEGIN "))*\\$" \
	FIELD_BEGIN "){33})"
/* One line that speaks of the request, or a word. */
static const char format_pattern[] = "^(timing|combined|json|"
	"(?=.*\\$\\{)" TOO_MANY_FIELDS
	TEMPLATE_PART("\\x00-\\x08\\x0a-\\x1f\\x7f",
	"|response\\." TOKEN_PATTERN VARIABLES(X)) ")$";
#undef X

const struct conf_form form_template = {
	.noun = "text", .size = sizeof(struct template),
	.parse = parse_template, .print = print_template,
	.pattern = request_pattern, .expands = true,
};

static bool
parse_late_template(void *to, struct span text, struct arena *arena,
    char *why)
{
	return parse_text(to, text, USE_RESPONSE, arena, why);
}

const struct conf_form form_late_template = {
	.noun = "text", .size = sizeof(struct template),
	.parse = parse_late_template, .print = print_template,
	.pattern = response_pattern, .expands = true,
};

/* ---- the form of the access log */

static const char *const format_words[] = {
	[ACCESS_TIMING] = "timing", [ACCESS_COMBINED] = "combined",
	[ACCESS_JSON] = "json",
};

static bool
refuse_format(struct span text, char *why)
{
	struct suggestion near = { .word = text };
	char word[QUOTE_MAX];

	for (size_t i = 0; i < COUNT_OF(format_words); i++)
		suggest(&near, format_words[i]);
	quote(word, text);
	if (near.best != NULL)
		snprintf(why, WHY_MAX, "\"%s\" is no format; did you mean "
		    "\"%s\"?", word, near.best);
	else
		snprintf(why, WHY_MAX, "\"%s\" is no format; there are: "
		    "timing, combined, json, or a text with variables, as in "
		    "\"${client} ${status}\"", word);
	return false;
}

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* It is one line, and what it takes is bounded. */
static bool
check_format(const struct template *t, char *why)
{
	size_t n_fields = 0, len = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct template_piece *p = &t->at[i];

		n_fields += p->variable >= VARIABLE_FIELD;
		len += p->variable == VARIABLE_NONE ? p->text.len : 0;
		if (is_printable(p->text))
			continue;
		snprintf(why, WHY_MAX, "a format is one line; it cannot hold "
		    "line ends or control characters other than tabs");
		return false;
	}
	if (n_fields <= ACCESS_FIELDS_MAX && len <= ACCESS_TEXT_MAX)
		return true;
	snprintf(why, WHY_MAX, "a format has at most %d header fields and %d "
	    "bytes of other text", ACCESS_FIELDS_MAX, ACCESS_TEXT_MAX);
	return false;
}

static bool
parse_word(struct access_format *f, struct span text)
{
	for (size_t i = 0; i < COUNT_OF(format_words); i++)
		if (span_equal(text, span_str(format_words[i]))) {
			f->form = (enum access_form)i;
			return true;
		}
	return false;
}

static bool
parse_format(void *to, struct span text, struct arena *arena, char *why)
{
	struct access_format *f = to;
	bool has_variable = false;

	if (parse_word(f, text))
		return true;
	if (!parse_text(&f->line, text, USE_LOG, arena, why))
		return false;
	f->form = ACCESS_TEMPLATE;
	for (size_t i = 0; i < f->line.n; i++) {
		enum variable v = f->line.at[i].variable;

		has_variable |= v != VARIABLE_NONE;
		f->n_response += v == VARIABLE_RESPONSE_FIELD;
	}
	if (has_variable)
		return check_format(&f->line, why);
	/* The word may come from the environment. */
	return (f->line.n == 1 && parse_word(f, f->line.at[0].text)) ||
	    refuse_format(text, why);
}

static struct span
print_format(const void *value, struct arena *arena)
{
	const struct access_format *f = value;

	return f->form == ACCESS_TEMPLATE ? print_template(&f->line, arena) :
	    span_str(format_words[f->form]);
}

const struct conf_form form_format = {
	.noun = "text", .size = sizeof(struct access_format),
	.parse = parse_format, .print = print_format,
	.pattern = format_pattern,
	.expands = true,
};
