/* src/worker/cover.h -- which listening sockets this worker accepts on */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct child;

/*
 * No black holes (architecture.md): the kernel goes on giving connections to
 * the socket of a worker that is dead or hung. So each worker accepts on its
 * own sockets, and on those of the places directly before it, as far as
 * nobody there serves: no process, not accepting, or no heartbeat for
 * COVER_STALE_MS. That is looked at every COVER_EVERY_MS. A worker that wakes
 * from being stopped just goes on: for a moment two accept on its sockets,
 * and the one that comes too late gets EAGAIN.
 */
#define COVER_STALE_MS	200
#define COVER_EVERY_MS	50
#define COVER_BATCH	64	/* accepted at most in one event */
#define COVER_PAUSE_MS	100	/* after EMFILE, ENFILE, ENOBUFS, ENOMEM */

/*
 * From here on `on_accept` gets each connection: a non-blocking descriptor
 * that is now its own, the peer's address (valid during the call) and the
 * number of the listening address. It may call cover_stop().
 */
void cover_start(const struct child *self,
    void (*on_accept)(int fd, const struct address *peer, size_t listener));

/* Accepts nothing for COVER_PAUSE_MS: connections wait in the queues. */
void cover_pause(void);

/* Accepts no more; connections wait in the listen queues. Idempotent. */
void cover_stop(void);

/*
 * The same for good, and the descriptors are closed: others have them. On
 * addresses that are retired (net/listener.h) it accepts LISTENER_RETIRE_MS
 * longer; until then cover_is_leaving().
 */
void cover_leave(bool (*is_retired)(size_t address));
bool cover_is_leaving(void);

/* The places that the worker at place `self` of `n` accepts for beside its
 * own: how many directly before it (cyclic) are not alive. */
size_t cover_count(const uint32_t *slots, size_t self, size_t n,
    uint64_t now_ms);
