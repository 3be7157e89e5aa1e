/* src/dns/answer.c -- what a resolving helper says, written and checked */
#include "dns/internal.h"

#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/memory.h"

static void
put(int fd, const struct answer *a)
{
	/* Shorter than PIPE_BUF: whole or not at all. */
	if (write(fd, a, sizeof(*a)) != (ssize_t)sizeof(*a))
		_exit(1);
}

static void
put_address(int fd, uint32_t name, const struct addrinfo *ai)
{
	struct answer a = { .magic = ANSWER_MAGIC, .name = name };
	const struct sockaddr_in *in = (const void *)ai->ai_addr;
	const struct sockaddr_in6 *in6 = (const void *)ai->ai_addr;

	if (ai->ai_family == AF_INET) {
		a.kind = ANSWER_IPV4;
		memcpy(a.bytes, &in->sin_addr, sizeof(in->sin_addr));
	} else if (ai->ai_family == AF_INET6) {
		a.kind = ANSWER_IPV6;
		memcpy(a.bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else {
		return;
	}
	put(fd, &a);
}

static void
resolve_name(int fd, uint32_t index, const char *text)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL, *ai;
	struct answer end = { .magic = ANSWER_MAGIC, .name = index,
		.kind = ANSWER_END };
	int n = 0;

	end.status = getaddrinfo(text, NULL, &hints, &list);
	if (end.status != 0)
		list = NULL;
	for (ai = list; ai != NULL && n < ANSWERS_MOST; ai = ai->ai_next, n++)
		put_address(fd, index, ai);
	if (list != NULL)
		freeaddrinfo(list);
	put(fd, &end);
}

/* The caller's handlers and mask are not for us, and its end is ours. */
static void
leave_caller(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void
helper_run(const struct name *names, size_t n, size_t h, size_t n_helpers,
    int fd)
{
	leave_caller();
	for (size_t i = h; i < n; i += n_helpers)
		resolve_name(fd, (uint32_t)i, names[i].text);
	_exit(0);
}

static void
address_from(struct address *a, const struct answer *from)
{
	memset(a, 0, sizeof(*a));
	if (from->kind == ANSWER_IPV4) {
		a->len = sizeof(a->in);
		a->in.sin_family = AF_INET;
		memcpy(&a->in.sin_addr, from->bytes, sizeof(a->in.sin_addr));
	} else {
		a->len = sizeof(a->in6);
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_addr, from->bytes,
		    sizeof(a->in6.sin6_addr));
	}
}

/* The zeros that the form asks for. */
static bool
is_padded(const struct answer *a)
{
	static const uint8_t zeros[sizeof(a->bytes)];
	size_t used = a->kind == ANSWER_IPV6 ? 16 :
	    a->kind == ANSWER_IPV4 ? 4 : 0;

	return memcmp(a->bytes + used, zeros, sizeof(zeros) - used) == 0 &&
	    (a->kind == ANSWER_END || a->status == 0);
}

static bool
is_valid(const struct answer *a, const struct name *names, size_t n,
    size_t h, size_t n_helpers)
{
	return a->magic == ANSWER_MAGIC && a->kind >= ANSWER_IPV4 &&
	    a->kind <= ANSWER_END && a->name < n && a->name % n_helpers == h &&
	    !names[a->name].is_done && is_padded(a);
}

static void
add_address(struct name *name, const struct answer *a)
{
	struct address found;

	address_from(&found, a);
	for (size_t i = 0; i < name->n_found; i++)
		if (address_equal(&name->found[i], &found))
			return;
	if (name->found == NULL)
		name->found = xcalloc(ANSWERS_MOST, sizeof(*name->found));
	name->found[name->n_found++] = found;
}

bool
answer_take(const struct answer *a, struct name *names, size_t n, size_t h,
    size_t n_helpers)
{
	struct name *name;

	if (!is_valid(a, names, n, h, n_helpers))
		return false;
	name = &names[a->name];
	if (a->kind == ANSWER_END) {
		name->is_done = true;
		name->status = a->status;
		return true;
	}
	if (name->n_found == ANSWERS_MOST)
		return false;
	add_address(name, a);
	return true;
}
