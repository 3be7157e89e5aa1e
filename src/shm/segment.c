/* src/shm/segment.c -- the shared segment: making, mapping, growing */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/random.h"
#include "shm/internal.h"

#define FILE_STEP (64u << 10)	/* the file's size is a multiple of it */

struct segment segment = { .fd = -1 };

#ifdef SEGMENT_STORE_HOOK
void (*segment_store_hook)(void);
#endif

uint64_t
segment_file_size(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < 0)
		return 0;
	if ((uint64_t)st.st_size > SEGMENT_SPACE)
		return SEGMENT_SPACE;
	return (uint64_t)st.st_size;
}

int
segment_map(int fd)
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
segment_unmap(void)
{
	if (segment.base != NULL)
		(void)munmap(segment.base, SEGMENT_SPACE);
	segment = (struct segment){ .fd = -1 };
	table_forget();
	processes_forget();
}

void
segment_close(void)
{
	int fd = segment.fd;

	segment_unmap();
	if (fd >= 0)
		(void)close(fd);
}

/* The file may be larger than we made it: any process can grow it, and then
 * the seal would refuse our smaller size. */
static int
grow_to(uint64_t size)
{
	size = ALIGN_UP(size, FILE_STEP);
	if (size <= segment.size)
		return 0;
	if (segment_file_size(segment.fd) < size &&
	    ftruncate(segment.fd, (off_t)size) < 0)
		return -1;
	segment.size = size;
	shm_publish(&segment.header->size, size);
	return 0;
}

uint64_t
segment_append(size_t size)
{
	uint64_t offset = segment.used;
	uint64_t end;

	if (size > SEGMENT_SPACE - offset) {
		errno = ENOSPC;
		return 0;
	}
	end = ALIGN_UP(offset + size, CACHE_LINE);
	if (grow_to(end) < 0)
		return 0;
	segment.used = end;
	shm_publish(&segment.header->used, end);
	return offset;
}

void *
segment_at(uint64_t offset)
{
	ASSERT(offset >= sizeof(struct segment_header) &&
	    offset < SEGMENT_SPACE && offset % CACHE_LINE == 0);
	return segment.base + offset;
}

static void
header_init(struct segment_header *h)
{
	h->layout = SEGMENT_LAYOUT;
	h->header_size = sizeof(*h);
	h->slots = SEGMENT_SLOTS;
	h->slots_seen = SLOTS_AT_FIRST;
	h->process_slot_size = sizeof(struct process_slot);
	h->backend_slot_size = sizeof(struct backend_slot);
	h->stripe_size = sizeof(struct stripe);
	h->started_ms = clock_now_ms;
	h->started_wall_ms = clock_wall_ms();
	h->upstreams_offset = segment.upstreams;
	h->magic = SEGMENT_MAGIC;
}

static int
create_in(int fd)
{
	uint64_t header = ALIGN_UP(sizeof(struct segment_header), CACHE_LINE);

	if (ftruncate(fd, FILE_STEP) < 0 || segment_map(fd) < 0)
		return -1;
	segment.size = FILE_STEP;
	segment.used = header;
	segment.header->size = FILE_STEP;
	segment.upstreams = segment_append(FIXED_BYTES);
	if (segment.upstreams == 0)
		return -1;
	header_init(segment.header);
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
}
_Static_assert(sizeof(struct segment_header) <= FILE_STEP, "it fits at once");

int
segment_create(void)
{
	int saved, fd = memfd_create("fairlead",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	clock_update();
	random_seed();
	if (create_in(fd) == 0)
		return 0;
	saved = errno;
	segment_unmap();
	(void)close(fd);
	errno = saved;
	return -1;
}
