/* src/conf/listener.c -- listeners of a file and of the command line */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

static bool
is_ipv6(const struct address *a)
{
	return a->sa.sa_family == AF_INET6;
}

/* Any address of its family. */
static bool
is_wildcard(const struct address *a)
{
	return is_ipv6(a) ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) :
	    a->sa.sa_family == AF_INET && a->in.sin_addr.s_addr == INADDR_ANY;
}

static bool
takes_ipv4(const struct listener_file *l)
{
	return l->address.sa.sa_family == AF_INET ||
	    (is_ipv6(&l->address) && is_wildcard(&l->address) &&
	    !l->is_ipv6_only);
}

/* The kernel would not bind both, or one of them would never be reached. */
static bool
is_conflict(const struct listener_file *a, const struct listener_file *b)
{
	bool is_same_family = a->address.sa.sa_family ==
	    b->address.sa.sa_family;

	if (address_equal(&a->address, &b->address))
		return address_port(&a->address) != 0 ||
		    a->address.sa.sa_family == AF_UNIX;
	if (address_port(&a->address) != address_port(&b->address) ||
	    address_port(&a->address) == 0)
		return false;
	if (is_same_family)
		return is_wildcard(&a->address) || is_wildcard(&b->address);
	return takes_ipv4(a) && takes_ipv4(b) &&
	    (is_wildcard(&a->address) || is_wildcard(&b->address));
}

static void
check_conflicts(const struct listener_file *all, size_t n,
    struct diagnostics *d)
{
	char word[ADDRESS_TEXT_MAX];
	struct diagnostic *e;

	for (size_t i = 0; i + 1 < n; i++) {
		if (!is_conflict(&all[i], &all[n - 1]))
			continue;
		address_print(&all[i].address, word);
		e = diag_error(d, all[n - 1].address_at, "this address is in "
		    "use by another listener");
		diag_note_place(d, e, all[i].address_at, "%s is", word);
		return;
	}
}

/* Those that were reported as no listeners go. */
static void
check_file(struct file_conf *f, struct diagnostics *d)
{
	struct listener_file *l = f->listeners.items;
	size_t n = 0;

	if (f->listeners.n > LISTENERS_MOST) {
		diag_error(d, f->listeners_at, "more than %d listeners",
		    LISTENERS_MOST);
		return;
	}
	if (f->listeners.n == 0)
		diag_error(d, f->listeners_at, "no listeners; list one with "
		    "an \"address\", or leave the key out");
	for (size_t i = 0; i < f->listeners.n; i++) {
		if (l[i].address_at.line == 0)
			continue;
		if (l[i].is_ipv6_only && !is_ipv6(&l[i].address))
			diag_error(d, l[i].ipv6_only_at, "\"ipv6_only\" "
			    "is for IPv6 addresses; leave it out here");
		l[n++] = l[i];
		check_conflicts(l, n, d);
	}
	f->listeners.n = n;
}

/* -H and -p; without them 0.0.0.0:9000. */
static void
replace(struct file_conf *f, const struct options *o, struct arena *arena,
    struct diagnostics *d)
{
	const char *host = o->host != NULL ? o->host : "0.0.0.0";
	uint16_t port = o->port != 0 ? o->port : 9000;
	struct listener_file *l = arena_new_of(arena, struct listener_file);
	char text[16], word[QUOTE_MAX];

	schema_defaults(schema_find(&conf_root, SPAN("listeners"))->section, l);
	f->listeners = (struct conf_list){ l, 1 };
	snprintf(text, sizeof(text), "*:%u", port);
	if (strcmp(host, "*") == 0 ?
	    address_parse(&l->address, span_str(text)) :
	    address_parse_host(&l->address, span_str(host), port))
		return;
	diag_error(d, PLACE_OPTIONS, "-H: \"%s\" is no address; write one in "
	    "numbers, as in 127.0.0.1 or ::1, or * for all",
	    quote(word, span_str(host)));
}

void
merge_listeners(struct file_conf *f, const struct options *o,
    struct arena *arena, struct diagnostics *d)
{
	if (f->listeners_at.line != 0)
		check_file(f, d);
	if (f->listeners_at.line == 0 || o->host != NULL || o->port != 0)
		replace(f, o, arena, d);
}

static void
take_one(struct listener_conf *l, const struct listener_file *f)
{
	l->address = f->address;
	l->backlog = (int)f->backlog;
	l->is_ipv6_only = f->is_ipv6_only;
	l->is_free = f->is_free;
	l->trusted.at = f->trusted.items;
	l->trusted.n = f->trusted.n;
}

void
take_listeners(struct conf *conf, const struct file_conf *f)
{
	const struct listener_file *items = f->listeners.items;

	conf->listeners = arena_alloc(conf->arena,
	    f->listeners.n * sizeof(*conf->listeners));
	conf->n_listeners = f->listeners.n;
	for (size_t i = 0; i < f->listeners.n; i++)
		take_one(&conf->listeners[i], &items[i]);
}

/* ---- the admin interface */

static void
check_admin_address(const struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	const struct listener_file admin = { .address = f->admin_address };
	char word[ADDRESS_TEXT_MAX];
	struct diagnostic *e;

	if (f->admin_address.sa.sa_family == AF_UNIX) {
		diag_error(d, f->admin_address_at, "\"address\" takes an "
		    "address with a port; write a path under \"socket\"");
		return;
	}
	if (is_wildcard(&f->admin_address))
		diag_warning(d, f->admin_address_at, "whoever reaches this "
		    "machine reaches the admin interface; 127.0.0.1 is safer");
	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct listener_file l = {
			.address = conf->listeners[i].address,
			.is_ipv6_only = conf->listeners[i].is_ipv6_only,
		};

		if (!is_conflict(&l, &admin))
			continue;
		address_print(&l.address, word);
		e = diag_error(d, f->admin_address_at, "this address is in "
		    "use by a listener");
		diag_note(e, "that listener is on %s", word);
		return;
	}
}

void
take_admin(struct conf *conf, const struct file_conf *f,
    struct diagnostics *d)
{
	struct sockaddr_un un;

	if (f->admin_socket != NULL &&
	    strlen(f->admin_socket) >= sizeof(un.sun_path))
		diag_error(d, f->admin_socket_at, "the path of a socket has "
		    "at most %zu bytes", sizeof(un.sun_path) - 1);
	conf->admin_socket = f->admin_socket;
	conf->is_admin_socket_off = f->admin_socket == NULL &&
	    f->admin_socket_at.line != 0;
	if (f->admin_address_at.line == 0)
		return;
	check_admin_address(conf, f, d);
	conf->admin_address = f->admin_address;
}
