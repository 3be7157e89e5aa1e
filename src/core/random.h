/* src/core/random.h -- fast random numbers, not for secrets */
#pragma once
#include <stdint.h>

/* Seeds this process's generator (wyrand) from getrandom(2); after fork. */
void random_seed(void);
uint64_t random_u64(void);
/* Uniform in [0, below), below > 0 (Lemire's multiplication, unbiased). */
uint64_t random_below(uint64_t below);
