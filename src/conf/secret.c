/* src/conf/secret.c -- what the values of sticky cookies are made with */
#include "conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/schema.h"
#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"

#define STATE_DIR	LOCALSTATEDIR "/lib/fairlead"
#define STATE_FILE	"sticky.secret"
#define NAME_MOST	(PATH_MAX - sizeof("/" STATE_FILE ".XXXXXX"))
#define OTHERS_CAN	(S_IWGRP | S_IRWXO)	/* a group may read it */

static struct {
	char *bytes;		/* NULL: nobody has asked for it */
	bool is_made;		/* no more than this one is used */
} shared;

/* ---- files */

/* A device or a pipe must not keep us. */
static int
open_to_read(const char *path, int flags)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
}

/* NULL: it may hold a secret. */
static const char *
why_not(int fd, struct stat *st)
{
	if (fd < 0 || fstat(fd, st) < 0)
		return strerror(errno);
	if (!S_ISREG(st->st_mode))
		return "it is no regular file; make it one";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "another user owns it; chown it to the one that "
		    "fairlead is started by";
	if ((st->st_mode & OTHERS_CAN) != 0)
		return "others can read or change it; chmod 600 it";
	return NULL;
}

/* From the start of the file, as many as there are; -1 with errno. */
static ssize_t
read_bytes(int fd, char *bytes, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = pread(fd, bytes + len, size - len, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : (ssize_t)len;
}

/* ---- secret_file */

static void
say(char *why, const char *trouble, bool is_missing)
{
	snprintf(why, WHY_MAX, "%s%s", trouble, is_missing ?
	    "; fill it, as by openssl rand -hex 32" : "");
}

static const char *
read_open(int fd, size_t *len, struct arena *arena, char *why)
{
	struct stat st;
	const char *trouble = why_not(fd, &st);
	char *bytes;
	ssize_t n;

	if (trouble == NULL && st.st_size > SECRET_MOST) {
		snprintf(why, WHY_MAX, "it is larger than %d bytes; half a "
		    "line is enough", SECRET_MOST);
		return NULL;
	}
	if (trouble != NULL) {
		say(why, trouble, fd < 0 && errno == ENOENT);
		return NULL;
	}
	bytes = arena_alloc(arena, (size_t)st.st_size + 1);
	n = read_bytes(fd, bytes, (size_t)st.st_size);
	if (n > 0 && bytes[n - 1] == '\n')
		n--;
	if (n < 0)
		snprintf(why, WHY_MAX, "%s", strerror(errno));
	else if (n < SECRET_LEAST)
		snprintf(why, WHY_MAX, "it has %zd bytes; write %d or more", n,
		    SECRET_LEAST);
	*len = (size_t)n;
	return n < SECRET_LEAST ? NULL : bytes;
}

const char *
secret_read(const char *path, size_t *len, struct arena *arena, char *why)
{
	int fd = open_to_read(path, 0);
	const char *bytes = read_open(fd, len, arena, why);

	if (fd >= 0)
		close(fd);
	return bytes;
}

/* ---- the shared one */

static char *
own_page(void)
{
	void *p;

	if (shared.bytes != NULL)
		return shared.bytes;
	p = mmap(NULL, SECRET_MADE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	(void)madvise(p, SECRET_MADE, MADV_DONTDUMP);
	return shared.bytes = p;
}

const char *
secret_shared(void)
{
	if (shared.bytes == NULL)
		ASSERT(RAND_bytes((uint8_t *)own_page(), SECRET_MADE) == 1);
	return shared.bytes;
}

const uint8_t *
secret_made(void)
{
	return shared.is_made ? (const uint8_t *)shared.bytes : NULL;
}

void
secret_adopt(const uint8_t bytes[SECRET_MADE])
{
	memcpy(own_page(), bytes, SECRET_MADE);
	shared.is_made = true;
}

/* ---- keeping it: what follows returns NULL, or what is wrong */

static const char *
take_open(int fd)
{
	char bytes[SECRET_MADE] = "";
	struct stat st;
	const char *trouble = why_not(fd, &st);

	if (trouble != NULL)
		return trouble;
	if (st.st_size != SECRET_MADE)
		return "it is not of the size that it was written with; "
		    "remove it";
	errno = EIO;	/* of one that has become shorter */
	if (read_bytes(fd, bytes, SECRET_MADE) == SECRET_MADE)
		memcpy(shared.bytes, bytes, SECRET_MADE);
	else
		trouble = strerror(errno);
	OPENSSL_cleanse(bytes, SECRET_MADE);
	return trouble;
}

/* What is there. `is_missing`: nothing is. */
static const char *
take(const char *path, bool *is_missing)
{
	int fd = open_to_read(path, O_NOFOLLOW);
	const char *trouble;

	*is_missing = fd < 0 && errno == ENOENT;
	trouble = take_open(fd);
	if (fd >= 0)
		close(fd);
	return trouble;
}

static void
sync_directory(const char *directory)
{
	int fd = open_to_read(directory, O_DIRECTORY);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

/* -1 with errno; EEXIST: another master was faster, and its secret is as
 * good. It is never seen half written, and never replaced. */
static int
put(const char *directory, const char *path)
{
	char temporary[PATH_MAX + 8];
	int fd, result = -1, error;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -1;
	errno = ENOSPC;	/* of a short write */
	if (write(fd, shared.bytes, SECRET_MADE) == SECRET_MADE &&
	    fsync(fd) == 0)
		result = link(temporary, path);
	error = errno;
	close(fd);
	unlink(temporary);
	if (result == 0)
		sync_directory(directory);
	errno = error;
	return result;
}

/* Made if it is not there; nobody else may put files there. */
static const char *
check_directory(const char *directory)
{
	struct stat st;

	if (*directory != '/')
		return "FAIRLEAD_STATE_DIR needs an absolute name";
	if (strlen(directory) > NAME_MOST)
		return strerror(ENAMETOOLONG);
	if ((mkdir(directory, 0700) < 0 && errno != EEXIST) ||
	    stat(directory, &st) < 0)
		return strerror(errno);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others can write to its directory; chmod 700 it";
	return NULL;
}

static const char *
take_or_put(const char *directory, const char *path)
{
	const char *trouble = check_directory(directory);
	bool is_missing;

	if (trouble != NULL)
		return trouble;
	trouble = take(path, &is_missing);
	if (!is_missing || put(directory, path) == 0)
		return is_missing ? NULL : trouble;
	return errno == EEXIST ? take(path, &is_missing) : strerror(errno);
}

static bool
is_needed(const struct conf *conf)
{
	for (size_t i = 0; shared.bytes != NULL && i < conf->n_upstreams; i++)
		if (conf->upstreams[i].is_sticky &&
		    conf->upstreams[i].sticky.secret == shared.bytes)
			return true;
	return false;
}

void
secret_keep(const struct conf *conf)
{
	const char *directory = secure_getenv("FAIRLEAD_STATE_DIR");
	const char *trouble;
	char path[PATH_MAX];

	if (shared.is_made || !is_needed(conf))
		return;
	if (directory == NULL)
		directory = STATE_DIR;
	snprintf(path, sizeof(path), "%s/" STATE_FILE, directory);
	trouble = take_or_put(directory, path);
	shared.is_made = true;
	if (trouble == NULL)
		log_warn(NULL, "sticky: no secret is configured, the one in "
		    "%s is used; several machines that share clients need "
		    "the same secret_file", path);
	else
		log_warn(NULL, "sticky: no secret is configured, and none can "
		    "be kept: %s: %s; cookies are good until this master "
		    "ends, or give a secret_file", path, trouble);
}
