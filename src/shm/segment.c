/* src/shm/segment.c -- the shared segment: making, mapping, growing */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "shm/internal.h"

#define PAGE 4096u
#define ALIGN_UP(n, a) (((n) + (a) - 1) & ~(uint64_t)((a) - 1))

struct segment segment = { .fd = -1 };

#ifdef SEGMENT_STORE_HOOK
void (*segment_store_hook)(void);
#endif

static int
map_file(int fd)
{
	void *base = mmap(NULL, SEGMENT_SPACE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (base == MAP_FAILED)
		return -1;
	(void)madvise(base, SEGMENT_SPACE, MADV_DONTDUMP);
	segment.fd = fd;
	segment.base = base;
	segment.header = base;
	return 0;
}

void
segment_close(void)
{
	if (segment.base != NULL)
		(void)munmap(segment.base, SEGMENT_SPACE);
	if (segment.fd >= 0)
		(void)close(segment.fd);
	segment = (struct segment){ .fd = -1 };
}

/* The file grows in steps of 64 KiB; never shrinks (it is sealed so). */
static int
grow_to(uint64_t size)
{
	size = ALIGN_UP(size, 16 * PAGE);
	if (size <= segment.size)
		return 0;
	if (size > SEGMENT_SPACE) {
		errno = ENOSPC;
		return -1;
	}
	if (ftruncate(segment.fd, (off_t)size) < 0)
		return -1;
	segment.size = size;
	shm_publish(&segment.header->size, size);
	return 0;
}

uint64_t
segment_append(size_t size)
{
	uint64_t offset = segment.used;
	uint64_t end = ALIGN_UP(offset + size, CACHE_LINE);

	if (grow_to(end) < 0)
		return 0;
	segment.used = end;
	shm_publish(&segment.header->used, end);
	return offset;
}

void *
segment_at(uint64_t offset)
{
	ASSERT(offset > 0 && offset < SEGMENT_SPACE);
	return segment.base + offset;
}

static void
header_init(struct segment_header *h)
{
	h->layout = SEGMENT_LAYOUT;
	h->header_size = sizeof(*h);
	h->slots = SEGMENT_SLOTS;
	h->process_slot_size = sizeof(struct process_slot);
	h->backend_slot_size = sizeof(struct backend_slot);
	h->stripe_size = sizeof(struct stripe);
	h->started_ms = clock_now_ms;
	h->started_wall_ms = clock_wall_ms();
	atomic_thread_fence(memory_order_release);
	h->magic = SEGMENT_MAGIC;	/* last: a reader sees all or nothing */
}

static int
create_in(int fd)
{
	uint64_t size = ALIGN_UP(sizeof(struct segment_header), 16 * PAGE);
	uint64_t upstreams;

	if (ftruncate(fd, (off_t)size) < 0 || map_file(fd) < 0)
		return -1;
	segment.size = size;
	segment.used = ALIGN_UP(sizeof(struct segment_header), CACHE_LINE);
	segment.header->size = size;
	segment.header->used = segment.used;
	upstreams = segment_append(UPSTREAMS_MAX *
	    sizeof(struct upstream_slot));
	if (upstreams == 0)
		return -1;
	segment.header->upstreams_offset = upstreams;
	header_init(segment.header);
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
}

int
segment_create(void)
{
	int saved, fd = memfd_create("fairlead",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	clock_update();
	if (create_in(fd) == 0)
		return 0;
	saved = errno;
	if (segment.fd < 0)
		(void)close(fd);
	segment_close();
	errno = saved;
	return -1;
}

static bool
are_offsets_sane(const struct segment_header *h, uint64_t size)
{
	uint32_t n = shm_get(&h->n_backend_chunks);

	if (shm_get(&h->used) > size || shm_get(&h->size) > size ||
	    n > COUNT_OF(h->backend_chunks))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (h->backend_chunks[i] > size - BACKEND_CHUNK_BYTES ||
		    h->stripe_chunks[i] > size - STRIPE_CHUNK_BYTES)
			return false;
	return h->upstreams_offset <=
	    size - UPSTREAMS_MAX * sizeof(struct upstream_slot);
}

static bool
is_ours(const struct segment_header *h, uint64_t size)
{
	return h->magic == SEGMENT_MAGIC && h->layout == SEGMENT_LAYOUT &&
	    h->header_size == sizeof(*h) && h->slots == SEGMENT_SLOTS &&
	    h->process_slot_size == sizeof(struct process_slot) &&
	    h->backend_slot_size == sizeof(struct backend_slot) &&
	    h->stripe_size == sizeof(struct stripe) &&
	    are_offsets_sane(h, size);
}

int
segment_attach(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < (off_t)sizeof(struct segment_header) ||
	    (uint64_t)size > SEGMENT_SPACE) {
		errno = EPROTO;
		return -1;
	}
	if (map_file(fd) < 0)
		return -1;
	if (!is_ours(segment.header, (uint64_t)size)) {
		(void)munmap(segment.base, SEGMENT_SPACE);
		segment = (struct segment){ .fd = -1 };
		errno = EPROTO;
		return -1;
	}
	segment.size = (uint64_t)size;
	segment.used = shm_get(&segment.header->used);
	segment.n_chunks = shm_get(&segment.header->n_backend_chunks);
	return 0;
}

struct process_slot *
segment_process(uint32_t process)
{
	ASSERT(process <= SEGMENT_MONITOR);
	return &segment.header->processes[process];
}
