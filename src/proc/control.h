/* src/proc/control.h -- messages and descriptors between master and child */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * One SOCK_SEQPACKET pair a child: a message is a packet of fixed size, with
 * at most CONTROL_FDS descriptors beside it (SCM_RIGHTS). Whatever does not
 * look exactly like that is refused; what it carried is closed. Nothing here
 * blocks.
 */
#define CONTROL_FDS	8
#define CONTROL_DATA	192

enum control_type {
	CONTROL_READY = 1,	/* child: I serve */
	CONTROL_STOP,		/* master: exit now */
	CONTROL_DRAIN,		/* master: finish what runs, then exit */
	CONTROL_DESCRIPTORS,	/* both ways: hand-over (later issues) */
	CONTROL_TYPES
};

struct control_message {
	uint32_t type;		/* enum control_type */
	uint32_t n_fds;
	uint32_t data_len;
	uint32_t reserved;
	char data[CONTROL_DATA];
	int fds[CONTROL_FDS];	/* of the receiver; not on the wire */
};

enum control_result {
	CONTROL_GOT,
	CONTROL_NOTHING,	/* for now */
	CONTROL_GONE,		/* the other side is closed */
	CONTROL_INVALID,	/* refused; errno where it was the system's */
};

/* 0 with both ends non-blocking and close-on-exec, or -1 with errno. */
int control_pair(int fds[2]);

/* Copies of m->fds go along; the sender keeps its own. 0, or -1 with errno:
 * EAGAIN and ETOOMANYREFS mean later, EPIPE that nobody is there. */
int control_send(int fd, const struct control_message *m);

/* Just a type. */
int control_tell(int fd, enum control_type type);

/* On CONTROL_GOT the descriptors in m->fds are the caller's. */
enum control_result control_receive(int fd, struct control_message *m);
