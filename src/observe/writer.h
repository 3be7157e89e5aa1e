/* src/observe/writer.h -- lines that one thread writes, so that none waits */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The loop puts lines into a ring of fixed size; a thread of the process
 * writes all that is there by one write(2), when a quarter is full or the
 * writer's delay has passed; with a delay of 0, at once. A disk that is full
 * or a pipe that nobody reads keeps only the thread: when the ring is full
 * lines are dropped and counted. Lines are never torn in the ring; several
 * processes may append to one file (O_APPEND), or write to one pipe, where
 * lines of up to 4,096 bytes stay whole (PIPE_BUF).
 */
struct writer;

/*
 * Starts the thread, behind fork. The descriptor stays the caller's, blocking
 * or not; `ring` is a power of two of bytes. NULL with errno.
 */
struct writer *writer_start(int fd, size_t ring, unsigned delay_ms);

/* A whole line with its end. False: there was no room, it is counted. One
 * thread calls this. */
bool writer_put(struct writer *w, const char *line, size_t len);

/* Another descriptor from the next write on. */
void writer_reopen(struct writer *w, int fd);

/* Waits until all is written, at most `wait_ms`. False: it is not. */
bool writer_flush(struct writer *w, unsigned wait_ms);

uint64_t writer_dropped(const struct writer *w);

/*
 * Writes what is left, at most `wait_ms` long; then the thread is given up:
 * the process should end soon. Returns how many lines were left, which are
 * lost. Clears *w; 0 if it is NULL.
 */
uint64_t writer_stop(struct writer **w, unsigned wait_ms);
