/* contrib/bench/floor.c -- the floor: a relay that knows nothing */
/*
 * floor LISTEN-PORT ORIGIN-PORT [CONNECTIONS]
 *
 * One upstream connection for each client connection, opened before the
 * clients come and used again when they have gone; epoll_wait, recv, send and
 * nothing else. What this costs, the kernel charges any proxy on epoll. It is
 * no proxy: a client that leaves before its answer spoils the connection, and
 * a slow reader holds up everybody.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
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
static int is_upstream[FDS];
static int spare[FDS];		/* upstream connections not in use */
static int n_spare;
static int epoll_fd, listen_fd, origin_port;

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
connect_origin(void)
{
	struct sockaddr_in a = loopback(origin_port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || fd >= FDS ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	is_upstream[fd] = 1;
	watch(fd, EPOLLIN | EPOLLET);
	return fd;
}

static void
listen_on(int port)
{
	struct sockaddr_in a = loopback(port);
	int on = 1;

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on));
	(void)setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on));
	if (bind(listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(listen_fd, 8192) < 0)
		err(1, "port %d", port);
	watch(listen_fd, EPOLLIN);
}

static void
accept_all(void)
{
	int fd, up;

	while ((fd = accept4(listen_fd, NULL, NULL, 0)) >= 0) {
		up = n_spare > 0 ? spare[--n_spare] : connect_origin();
		other[fd] = up;
		other[up] = fd;
		is_upstream[fd] = 0;
		watch(fd, EPOLLIN | EPOLLET);
	}
}

/* The client has gone: its upstream connection is for the next. */
static void
end(int fd)
{
	int client = is_upstream[fd] ? other[fd] : fd;
	int up = is_upstream[fd] ? fd : other[fd];

	other[up] = other[client] = 0;
	if (client != 0)
		(void)close(client);
	if (fd == up)
		(void)close(up);
	else
		spare[n_spare++] = up;
}

static int
send_all(int to, const char *data, ssize_t len)
{
	while (len > 0) {
		ssize_t n = send(to, data, (size_t)len, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

static void
relay(int fd)
{
	static char buffer[65536];
	ssize_t n;

	do {
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN) ||
		    (n > 0 && send_all(other[fd], buffer, n) < 0)) {
			end(fd);
			return;
		}
	} while (n == (ssize_t)sizeof(buffer));
}

static void
turn(void)
{
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, -1);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd == listen_fd)
			accept_all();
		else if (other[fd] != 0 || is_upstream[fd])
			relay(fd);
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: floor LISTEN-PORT ORIGIN-PORT [CONNECTIONS]");
	epoll_fd = epoll_create1(0);
	origin_port = atoi(argv[2]);
	for (int i = argc > 3 ? atoi(argv[3]) : 64; i > 0; i--)
		spare[n_spare++] = connect_origin();
	listen_on(atoi(argv[1]));
	for (;;)
		turn();
}
