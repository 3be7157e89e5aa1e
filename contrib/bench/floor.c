/* contrib/bench/floor.c -- the floor: a relay that knows nothing */
/*
 * floor LISTEN-PORT ORIGIN-PORT [CONNECTIONS]
 *
 * One upstream connection for each client connection, opened before the
 * clients come; epoll_wait, recv, send and nothing else. What this costs, the
 * kernel charges any proxy on epoll.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define FDS 65536

static int other[FDS];		/* the descriptor at the far end; 0: none */
static int spare[FDS];		/* upstream connections not in use */
static int n_spare;
static int epoll_fd;

static struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void
watch(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

static int
connect_origin(int port)
{
	struct sockaddr_in a = loopback(port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || fd >= FDS ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(fd, EPOLLIN | EPOLLET);
	return fd;
}

static int
listen_on(int port)
{
	struct sockaddr_in a = loopback(port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 4096) < 0)
		err(1, "port %d", port);
	watch(fd, EPOLLIN);
	return fd;
}

static void
accept_all(int listen_fd, int origin_port)
{
	int fd, up;

	while ((fd = accept4(listen_fd, NULL, NULL, 0)) >= 0) {
		up = n_spare > 0 ? spare[--n_spare] :
		    connect_origin(origin_port);
		other[fd] = up;
		other[up] = fd;
		watch(fd, EPOLLIN | EPOLLET);
	}
}

static void
relay(int fd)
{
	static char buffer[65536];
	int to = other[fd];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t sent = send(to, buffer + done,
			    (size_t)(n - done), MSG_NOSIGNAL);

			if (sent <= 0)
				return;
			done += sent;
		}
		if (n == (ssize_t)sizeof(buffer))
			relay(fd);
		return;
	}
	if (n == 0 && to != 0) {
		other[fd] = other[to] = 0;
		(void)close(fd);
		(void)close(to);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int listen_fd, origin_port, n;

	if (argc < 3)
		errx(2, "usage: floor LISTEN-PORT ORIGIN-PORT [CONNECTIONS]");
	epoll_fd = epoll_create1(0);
	origin_port = atoi(argv[2]);
	for (int i = argc > 3 ? atoi(argv[3]) : 64; i > 0; i--)
		spare[n_spare++] = connect_origin(origin_port);
	listen_fd = listen_on(atoi(argv[1]));
	for (;;) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listen_fd)
				accept_all(listen_fd, origin_port);
			else
				relay(events[i].data.fd);
		}
	}
}
