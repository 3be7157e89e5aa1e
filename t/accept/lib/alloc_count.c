/* t/accept/lib/alloc_count.c -- counts what a process asks its allocator for */
/*
 * LD_PRELOADed; ALLOC_COUNT names a file that all processes map. In it each
 * process has a row from its start or fork on: its id and a count for each of
 * the names below, in that order, all as 64-bit numbers (the script of item 3
 * reads them). The calls go on to whoever would have served them, jemalloc or
 * libc; what those call inside themselves is not seen, but for their mmap.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROWS 64
#define EARLY 65536		/* bytes for dlsym, should it ask while we do */

enum { MALLOC, CALLOC, REALLOC, FREE, ALIGNED, MMAP, MUNMAP, NAMES };

struct row {
	uint64_t pid;
	uint64_t counts[NAMES];
};

static struct row *rows;	/* shared; NULL: nobody wants to know */
static struct row *mine;
static char early[EARLY] __attribute__((aligned(16)));
static size_t early_used;

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
} next;

static void
take_row(void)
{
	uint64_t pid = (uint64_t)getpid();

	for (size_t i = 0; i < ROWS; i++) {
		uint64_t nobody = 0;

		if (__atomic_compare_exchange_n(&rows[i].pid, &nobody, pid, 0,
		    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			mine = &rows[i];
			return;
		}
	}
	mine = NULL;		/* more processes than anybody looks at */
}

static void
count(int name)
{
	if (mine != NULL)
		__atomic_fetch_add(&mine->counts[name], 1, __ATOMIC_RELAXED);
}

static void
find(const char *name, void *to)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(to, &found, sizeof(found));
}

/* At the first call: libraries are started, and ask, before us. */
static void
find_all(void)
{
	static int is_finding;

	if (next.munmap != NULL || is_finding)
		return;
	is_finding = 1;
	find("malloc", &next.malloc);
	find("calloc", &next.calloc);
	find("realloc", &next.realloc);
	find("free", &next.free);
	find("posix_memalign", &next.posix_memalign);
	find("aligned_alloc", &next.aligned_alloc);
	find("mmap", &next.mmap);
	find("munmap", &next.munmap);
	is_finding = 0;
}

__attribute__((constructor)) static void
start(void)
{
	const char *file = getenv("ALLOC_COUNT");
	int fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
	void *map;

	find_all();
	if (fd < 0)
		return;
	map = next.mmap(NULL, ROWS * sizeof(struct row),
	    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	rows = map;
	take_row();
	(void)pthread_atfork(NULL, NULL, take_row);
}

/* Never given back. */
static void *
early_alloc(size_t size)
{
	void *p = early + early_used;

	size = (size + 15) & ~(size_t)15;
	if (size > sizeof(early) - early_used)
		abort();
	early_used += size;
	return p;
}

static int
is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + EARLY;
}

void *
malloc(size_t size)
{
	find_all();
	count(MALLOC);
	return next.malloc == NULL ? early_alloc(size) : next.malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	find_all();
	count(CALLOC);
	return next.calloc == NULL ? early_alloc(n * size) :
	    next.calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	void *p;

	find_all();
	count(REALLOC);
	if (!is_early(old) && next.realloc != NULL)
		return next.realloc(old, size);
	p = next.malloc == NULL ? early_alloc(size) : next.malloc(size);
	if (old != NULL && p != NULL) {
		size_t most = (size_t)(early + EARLY - (char *)old);

		memcpy(p, old, size < most ? size : most);
	}
	return p;
}

void
free(void *p)
{
	find_all();
	count(FREE);
	if (!is_early(p) && next.free != NULL)
		next.free(p);
}

int
posix_memalign(void **to, size_t alignment, size_t size)
{
	find_all();
	count(ALIGNED);
	return next.posix_memalign == NULL ? ENOMEM :
	    next.posix_memalign(to, alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	find_all();
	count(ALIGNED);
	return next.aligned_alloc == NULL ? NULL :
	    next.aligned_alloc(alignment, size);
}

void *
mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	find_all();
	count(MMAP);
	return next.mmap(at, size, protection, flags, fd, offset);
}

int
munmap(void *at, size_t size)
{
	find_all();
	count(MUNMAP);
	return next.munmap(at, size);
}
