/* src/conf/form.c -- values with a form of their own: addresses, networks */
#include <stdio.h>

#include "conf/schema.h"
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
