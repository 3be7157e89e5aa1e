/* src/proc/control.h -- messages and descriptors between master and child */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * One SOCK_SEQPACKET pair a child: a message is a packet of fixed size, with
 * at most CONTROL_FDS descriptors beside it (SCM_RIGHTS). Whatever does not
 * look exactly like that is refused; what it carried is closed. Only that
 * descriptors are missing, the last ones or all, is no reason: a process at its
 * limit has to hear what it is told, too. Nothing here blocks.
 */
#define CONTROL_FDS	8
#define CONTROL_DATA	192

enum control_type {
	CONTROL_READY = 1,	/* child: I serve, or could */
	CONTROL_RELEASED,	/* monitor: another one may begin */
	CONTROL_STOP,		/* master: exit now */
	CONTROL_GO,		/* master: accept */
	/* Master: finish what runs, then exit. With struct control_drain and a
	 * descriptor for each heir: the channel to it. */
	CONTROL_DRAIN,
	CONTROL_HEIR,		/* master: the other end of one */
	/* Master: logs anew: a descriptor each for what data[0] has a bit. */
	CONTROL_LOGS,
	CONTROL_TYPES
};

#define CONTROL_ERROR_LOG	1
#define CONTROL_ACCESS_LOG	2

struct control_drain {
	uint32_t limit_ms;
	uint8_t retired[CONTROL_DATA - sizeof(uint32_t)];
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
