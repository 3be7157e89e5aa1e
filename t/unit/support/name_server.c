/* t/unit/support/name_server.c -- a small name server on loopback */
#include "support/name_server.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

#define MESSAGE_MOST	65535
#define UDP_MOST	512
#define QUESTION_AT	12

static struct {
	pid_t pid;
	unsigned *count, *phase;	/* shared */
	const struct zone_row *zone;
	int udp, tcp;
} server;

struct message {
	uint8_t bytes[MESSAGE_MOST];
	size_t len;
};

static void
put16(struct message *m, unsigned value)
{
	m->bytes[m->len++] = (uint8_t)(value >> 8);
	m->bytes[m->len++] = (uint8_t)value;
}

static void
put_name(struct message *m, const char *name)
{
	int n = dn_comp(name, m->bytes + m->len, 256, NULL, NULL);

	ck_assert_int_gt(n, 0);
	m->len += (size_t)n;
}

static void
put_data(struct message *m, const struct zone_row *row)
{
	unsigned priority, weight, port;
	char target[256];

	switch (row->type) {
	case RECORD_A:
		inet_pton(AF_INET, row->data, m->bytes + m->len);
		m->len += 4;
		break;
	case RECORD_AAAA:
		inet_pton(AF_INET6, row->data, m->bytes + m->len);
		m->len += 16;
		break;
	case RECORD_CNAME:
		put_name(m, row->data);
		break;
	case RECORD_SRV:
		ck_assert_int_eq(sscanf(row->data, "%u %u %u %255s",
		    &priority, &weight, &port, target), 4);
		put16(m, priority);
		put16(m, weight);
		put16(m, port);
		put_name(m, strcmp(target, ".") == 0 ? "" : target);
		break;
	}
}

static void
put_row(struct message *m, const struct zone_row *row)
{
	size_t len_at;

	put_name(m, row->name);
	put16(m, row->type);
	put16(m, ns_c_in);
	put16(m, row->ttl_s >> 16);
	put16(m, row->ttl_s & 0xffff);
	len_at = m->len;
	put16(m, 0);
	put_data(m, row);
	ns_put16((unsigned)(m->len - len_at - 2), m->bytes + len_at);
}

/* Its records of this type, an alias's target's too; how many. */
static unsigned
put_rows(struct message *m, const char *name, unsigned type, bool *exists)
{
	unsigned n = 0;

	for (const struct zone_row *r = server.zone; r->name != NULL; r++) {
		if (strcasecmp(r->name, name) != 0 || (r->phase != 0 &&
		    r->phase != __atomic_load_n(server.phase,
		    __ATOMIC_RELAXED)))
			continue;
		*exists = true;
		if (r->type == type || r->type == RECORD_CNAME) {
			put_row(m, r);
			n++;
		}
		if (r->type == RECORD_CNAME && type != RECORD_CNAME)
			n += put_rows(m, r->data, type, exists);
	}
	return n;
}

static bool
begins(const char *name, const char *label)
{
	size_t len = strlen(label);

	return strncmp(name, label, len) == 0 && name[len] == '.';
}

static unsigned
code_for(const char *name)
{
	return begins(name, "servfail") ? ns_r_servfail :
	    begins(name, "refused") ? ns_r_refused : 0;
}

static void
spoil(struct message *m, const char *name)
{
	if (begins(name, "garbage"))
		for (size_t i = 2; i < m->len; i++)
			m->bytes[i] = (uint8_t)(i * 151 + 7);
	if (begins(name, "short"))
		m->len = 5;
	if (begins(name, "foreign"))
		m->bytes[0] ^= 0xff;
}

/* False: nothing is said. */
static bool
answer(struct message *m, bool is_udp)
{
	char name[256];
	bool exists = false, is_cut;
	unsigned type, n, code;
	int name_len = dn_expand(m->bytes, m->bytes + m->len,
	    m->bytes + QUESTION_AT, name, sizeof(name));

	if (name_len < 0 || begins(name, "silent"))
		return false;
	type = ns_get16(m->bytes + QUESTION_AT + name_len);
	m->len = QUESTION_AT + (size_t)name_len + 4;
	memset(m->bytes + 6, 0, 6);
	n = put_rows(m, name, type, &exists);
	is_cut = is_udp && (m->len > UDP_MOST || begins(name, "cut") ||
	    begins(name, "lone"));
	code = code_for(name);
	if (code == 0 && !exists && !begins(name, "empty"))
		code = ns_r_nxdomain;
	if (is_cut) {
		m->len = QUESTION_AT + (size_t)name_len + 4;
		n = 0;
	}
	m->bytes[2] = (uint8_t)(0x81 | (is_cut ? 2 : 0));
	m->bytes[3] = (uint8_t)(0x80 | code);
	ns_put16(n, m->bytes + 6);
	spoil(m, name);
	return true;
}

static void
serve_udp(struct message *m)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(server.udp, m->bytes, UDP_MOST, 0,
	    (struct sockaddr *)&from, &from_len);

	if (n < QUESTION_AT + 5)
		return;
	__atomic_add_fetch(server.count, 1, __ATOMIC_RELAXED);
	m->len = (size_t)n;
	if (answer(m, true))
		(void)sendto(server.udp, m->bytes, m->len, 0,
		    (struct sockaddr *)&from, from_len);
}

static void
serve_tcp(struct message *m)
{
	int fd = accept(server.tcp, NULL, NULL);
	uint8_t len[2];

	if (fd < 0)
		return;
	if (recv(fd, len, 2, MSG_WAITALL) == 2 &&
	    recv(fd, m->bytes, ns_get16(len), MSG_WAITALL) ==
	    (ssize_t)ns_get16(len) && m->bytes[QUESTION_AT + 1] != 'l') {
		m->len = ns_get16(len);
		if (answer(m, false)) {
			ns_put16((unsigned)m->len, len);
			/* In pieces: whoever reads must come again. */
			(void)!write(fd, len, 1);
			(void)!write(fd, len + 1, 1);
			(void)!write(fd, m->bytes, m->len / 2);
			(void)!write(fd, m->bytes + m->len / 2,
			    m->len - m->len / 2);
		}
	}
	close(fd);
}

static void
serve(void)
{
	static struct message m;
	struct pollfd fds[2] = {
		{ .fd = server.udp, .events = POLLIN },
		{ .fd = server.tcp, .events = POLLIN },
	};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0)
			serve_udp(&m);
		if (fds[1].revents != 0)
			serve_tcp(&m);
	}
}

static int
open_socket(int type, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (bind(fd, (struct sockaddr *)&a, len) < 0) {
		close(fd);
		return -1;
	}
	(void)getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

uint16_t
name_server_start(const struct zone_row *zone)
{
	uint16_t port;

	server.zone = zone;
	server.count = mmap(NULL, 2 * sizeof(*server.count),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	server.phase = server.count + 1;
	name_server_set_phase(1);
	do {	/* until the port is free for both */
		port = 0;
		server.udp = open_socket(SOCK_DGRAM, &port);
		server.tcp = open_socket(SOCK_STREAM, &port);
		if (server.tcp < 0)
			close(server.udp);
	} while (server.tcp < 0);
	ck_assert_int_eq(listen(server.tcp, 16), 0);
	server.pid = fork();
	if (server.pid == 0)
		serve();
	ck_assert_int_gt(server.pid, 0);
	return port;
}

unsigned
name_server_count(void)
{
	return __atomic_load_n(server.count, __ATOMIC_RELAXED);
}

void
name_server_set_phase(unsigned phase)
{
	__atomic_store_n(server.phase, phase, __ATOMIC_RELAXED);
}

void
name_server_stop(void)
{
	if (server.pid == 0)
		return;
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	close(server.udp);
	close(server.tcp);
	munmap(server.count, 2 * sizeof(*server.count));
	server.pid = 0;
}
