/* src/conf/form.c -- values with a form of their own: addresses, networks */
#include <ctype.h>
#include <stdio.h>

#include "conf/internal.h"
#include "core/cidr.h"

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

const struct conf_form form_address = {
	"address", sizeof(struct address), parse_address
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

const struct conf_form form_network = {
	"network", sizeof(struct cidr), parse_network
};

static void
keep_string(void *to, struct span text, struct arena *arena)
{
	*(const char **)to = arena_str(arena, text);
}

/* A name, or "*." and a name; kept in lower case. */
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
	kept = arena_str(arena, text);
	for (char *c = kept; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	*(const char **)to = kept;
	return true;
}

const struct conf_form form_host = { "host", sizeof(char *), parse_host };

static bool
parse_path(void *to, struct span text, struct arena *arena, char *why)
{
	char word[QUOTE_MAX];

	if (text.len > 0 && text.ptr[0] == '/' &&
	    memchr(text.ptr, '?', text.len) == NULL &&
	    memchr(text.ptr, '#', text.len) == NULL) {
		keep_string(to, text, arena);
		return true;
	}
	quote(word, text);
	if (text.len == 0 || text.ptr[0] != '/')
		snprintf(why, WHY_MAX, "\"%s\" is no path; a path begins with "
		    "\"/\"", word);
	else
		snprintf(why, WHY_MAX, "\"%s\" is more than a path; leave out "
		    "what begins with \"?\" or \"#\"", word);
	return false;
}

const struct conf_form form_path = { "path", sizeof(char *), parse_path };

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

const struct conf_form form_token = { "word", sizeof(char *), parse_token };

static bool
parse_template(void *to, struct span text, struct arena *arena, char *why)
{
	return template_parse(to, span_of(arena_str(arena, text), text.len),
	    arena, why);
}

const struct conf_form form_template = {
	"text", sizeof(struct template), parse_template
};
