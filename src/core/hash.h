/* src/core/hash.h -- one hash function (XXH3, 64 bit) */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);
