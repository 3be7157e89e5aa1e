/* src/shm/internal.h -- what only this folder sees */
#pragma once
#include "core/assert.h"
#include "shm/segment.h"

#define BACKEND_CHUNK_BYTES (BACKEND_CHUNK * sizeof(struct backend_slot))
#define STRIPE_CHUNK_BYTES						\
	((SEGMENT_SLOTS + 1) * sizeof(struct stripe))
