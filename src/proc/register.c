/* src/proc/register.c -- a configuration's slots in the shared segment */
#include "proc/register.h"

#include <stdio.h>

#include "conf/conf.h"
#include "core/log.h"
#include "shm/segment.h"

/* The hash of a slot is of the whole identity: room for the longest name. */
#define IDENTITY_ROOM 2048

static int
register_backend(const struct upstream_conf *u, struct backend_conf *b)
{
	char identity[IDENTITY_ROOM], address[ADDRESS_TEXT_MAX];
	int slot;

	if (b->address.len > 0)
		address_print(&b->address, address);
	else
		snprintf(address, sizeof(address), "unresolved:%u", b->port);
	snprintf(identity, sizeof(identity), "%s|%s|%s", u->name, b->host,
	    address);
	slot = segment_backend(identity);
	if (slot < 0) {
		log_write_errno(LOG_ERROR, NULL, "no room for backend %s of "
		    "upstream %s in the shared segment", b->host, u->name);
		return -1;
	}
	b->slot = (uint32_t)slot;
	return 0;
}

static int
register_upstream(struct upstream_conf *u)
{
	int slot = segment_upstream(u->name);

	if (slot < 0) {
		log_write_errno(LOG_ERROR, NULL, "no room for upstream %s in "
		    "the shared segment", u->name);
		return -1;
	}
	u->slot = (uint32_t)slot;
	for (size_t i = 0; i < u->n_backends; i++)
		if (register_backend(u, &u->backends[i]) < 0)
			return -1;
	return 0;
}

int
segment_register_conf(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_upstreams; i++)
		if (register_upstream(&conf->upstreams[i]) < 0)
			return -1;
	return 0;
}
