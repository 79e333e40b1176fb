/* The peak of a core: chains of multiply-adds that do not wait for each other, and nothing else. */
#ifndef PEAK_INL_H
#define PEAK_INL_H

#include "vec-inl.h"

/* Enough to fill two units of four or five cycles, few enough for a CPU with 16 registers. */
enum { CHAINS = 12 };

/* Runs them for `rounds` rounds; gives how many floating-point operations that were. */
static int64_t multiply_adds(int64_t rounds) {
    vec sum[CHAINS], factor = v_set(0.5f), term = v_set(0.25f);
    UNROLL_FOR(int i = 0; i < CHAINS; i++) sum[i] = v_set((float)i);
    for (int64_t k = 0; k < rounds; k++)
        UNROLL_FOR(int i = 0; i < CHAINS; i++) sum[i] = v_fma(sum[i], factor, term);
    vec total = v_zero();
    UNROLL_FOR(int i = 0; i < CHAINS; i++) total += sum[i];
    volatile float kept = v_first(total); /* so that nothing is dropped */
    (void)kept;
    return 2 * CHAINS * LANES * rounds;
}

#endif
