/* src/worker/handover.h -- connections on their way to another process */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

/*
 * What goes through a channel (a SOCK_SEQPACKET pair) between two workers of
 * one machine, which after an upgrade may be of two versions. A message is a
 * packet; its descriptors come beside it (SCM_RIGHTS). How it begins and what
 * an answer is stay the same for ever; the rest is known by `version`, and who
 * does not know it refuses it by `id`: a version that changes it should go on
 * reading the one before. Nothing here blocks.
 */
#define HANDOVER_MAGIC		0x4f484c46u	/* "FLHO" */
#define HANDOVER_VERSION	1
#define HANDOVER_MAX		(128u << 10)	/* bytes of a message */
#define HANDOVER_FDS		2

enum handover_kind {
	HANDOVER_TAKEN = 1,	/* answers: it is mine */
	HANDOVER_REFUSED,	/* it stays yours */
	HANDOVER_CONNECTION,	/* one at rest; its descriptor */
	HANDOVER_TUNNEL,	/* the same; the client's, the backend's */
};

struct handover_head {
	uint32_t magic;
	uint16_t version, kind;
	uint32_t size;			/* of the message */
	uint32_t reserved;
	uint64_t id;			/* the giver's; an answer has it, too */
};
_Static_assert(sizeof(struct handover_head) == 24, "known to all versions");

struct handover_address {
	uint16_t len;			/* 0: none */
	char bytes[126];		/* of its struct sockaddr */
};

#define HANDOVER_NEVER	UINT64_MAX

struct handover_connection {
	struct handover_head head;
	struct handover_address listener, client;
	uint64_t age_left_ms;		/* HANDOVER_NEVER: no limit */
	uint64_t wait_left_ms;		/* for the next request */
	uint32_t requests;
	uint32_t reserved;
};

#define HANDOVER_POOLED		1
#define HANDOVER_UNLOGGED	2
#define HANDOVER_CLIENT_ENDED	4
#define HANDOVER_BACKEND_ENDED	8

struct handover_tunnel {
	struct handover_connection connection;
	struct handover_address from;	/* the client, behind the proxies */
	uint64_t age_ns, bytes_in, bytes_out;
	uint32_t connected_us, head_us;
	uint32_t slot;
	uint16_t status, attempts, flags;
	/* What lies behind, in this order. */
	uint16_t upstream_len, route_len, backend_len;
	uint32_t request_len, response_len;
};

void handover_put_address(struct handover_address *to,
    const struct address *a);
bool handover_get_address(struct address *a,
    const struct handover_address *from);	/* false: it is none */

/* Fills the head's magic, version and size. */
void handover_begin(struct handover_head *h, enum handover_kind kind,
    size_t size, uint64_t id);
/* `h` and what is behind it, and duplicates of the descriptors. 0, or -1 with
 * errno: EPIPE: nobody is there (any more); others: later. */
int handover_send(int channel, const struct handover_head *h, const int *fds,
    size_t n_fds);
/* An answer to a message; the same results. */
int handover_answer(int channel, uint64_t id, bool is_taken);

enum handover_result {
	HANDOVER_GOT,
	HANDOVER_NOTHING,	/* for now */
	HANDOVER_GONE,		/* the other side is closed, all was read */
	HANDOVER_INVALID,	/* not what this channel is for */
};

struct handover {
	const struct handover_head *head;	/* valid until the next call */
	int fds[HANDOVER_FDS];
	size_t n_fds;		/* fewer than were sent: there is no room */
};

/* On HANDOVER_GOT the descriptors are the caller's. */
enum handover_result handover_receive(int channel, struct handover *in);
void handover_close_fds(struct handover *in);
