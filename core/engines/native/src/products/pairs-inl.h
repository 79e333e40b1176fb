/* The vocabulary of bfloat16: a lane of 32 bits holds a pair of numbers. With AVX-512 BF16 one
 * instruction adds both products of two pairs to a float32 (VDPBF16PS), with Arm's BF16 four products
 * to each of 2 by 2 (BFMMLA).
 *
 * Rounded to nearest, ties to even; a number that is not finite stays what it is. */
#ifndef PAIRS_INL_H
#define PAIRS_INL_H

#include "vec-inl.h"

typedef uint32_t pair; /* the first number in the lower half */
typedef uvec pairs;
#if LANES == 1
typedef uint32_t pairs_at;
#else
typedef uint32_t pairs_at __attribute__((vector_size(4 * LANES), aligned(4)));
#endif

INLINE pairs p_load(const pair *p) { return *(const pairs_at *)p; }
INLINE void p_store(pair *p, pairs x) { *(pairs_at *)p = x; }
/* The lower half of the pairs to one place, the upper one to another. */
INLINE void p_store_halves(pair *low, pair *high, pairs x) {
#if LANES == 16 && defined(__AVX512BF16__)
    _mm256_storeu_si256((__m256i *)low, _mm512_castsi512_si256((__m512i)x));
    _mm256_storeu_si256((__m256i *)high, _mm512_extracti64x4_epi64((__m512i)x, 1));
    return;
#endif
    pair both[LANES];
    p_store(both, x);
    memcpy(low, both, 2 * LANES);
    memcpy(high, both + LANES / 2, 2 * LANES);
}

INLINE pairs p_set(pair x) { return (pairs){0} + x; }

#if LANES == 16 && defined(__AVX512BF16__)

/* sum + both products of each lane's pairs. */
INLINE vec p_dot(vec sum, pairs a, pairs b) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

/* The numbers of a, then those of b, in their order. */
INLINE pairs p_join(vec a, vec b) { return (pairs)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a); }

/* Pairs of what stands in a's and b's lane, and the same of what p_join made of two rows. */
INLINE pairs p_interleave(vec a, vec b) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9,
                                           24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
                                           16, 0);
    return (pairs)_mm512_permutexvar_epi16(order, (__m512i)p_join(a, b));
}

/* (a, b) and (c, d) in neighbouring lanes become (a, c) and (b, d). */
INLINE pairs p_swap_middle(pairs x) {
    const __m512i order = _mm512_set4_epi32(0x0f0e0b0a, 0x0d0c0908, 0x07060302, 0x05040100);
    return (pairs)_mm512_shuffle_epi8((__m512i)x, order);
}

#else

INLINE uvec bf16_bits(vec x) {
    uvec bits = (uvec)v_bits(x);
    uvec finite = (uvec)(i_below(v_bits(x) & 0x7fffffff, 0x7f800000));
    return (bits + ((0x7fffu + ((bits >> 16) & 1)) & finite)) >> 16;
}

INLINE pairs p_interleave(vec a, vec b) { return bf16_bits(a) | bf16_bits(b) << 16; }

/* sum [2][2] += a [2][4] b [2][4]^T, one row after the other. */
#define P_BLOCKS
INLINE vec p_block(vec sum, pairs a, pairs b) {
    return (vec)vbfmmlaq_f32((float32x4_t)sum, (bfloat16x8_t)a, (bfloat16x8_t)b);
}

INLINE pairs p_join(vec a, vec b) {
    ivec even = (i_lanes() * 2) & (LANES - 1);
    ivec first = i_below(i_lanes(), LANES / 2);
    vec low = v_select(first, v_permute(a, even), v_permute(b, even));
    vec high = v_select(first, v_permute(a, even + 1), v_permute(b, even + 1));
    return p_interleave(low, high);
}

INLINE pairs p_swap_middle(pairs x) {
    uvec other = (uvec)v_bits(v_permute(v_of_bits((ivec)x), i_lanes() ^ 1));
    uvec odd = (uvec)~i_is_zero(i_lanes() & 1);
    return (((other >> 16) | (x & 0xffff0000u)) & odd) | (((x & 0xffffu) | other << 16) & ~odd);
}

#endif

/* Rows of 2 LANES numbers, as p_join has them, become pairs of what stands above each other. */
INLINE void p_stack(pairs a, pairs b, pairs *low, pairs *high) {
#if LANES == 16 && defined(__AVX512BF16__)
    const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9,
                                           40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1,
                                           32, 0);
    const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    *low = (pairs)_mm512_permutex2var_epi16((__m512i)a, first, (__m512i)b);
    *high = (pairs)_mm512_permutex2var_epi16((__m512i)a, second, (__m512i)b);
#else
    pairs even = (a & 0xffffu) | b << 16, odd = (a >> 16) | (b & 0xffff0000u);
    vec x = v_of_bits((ivec)even), y = v_of_bits((ivec)odd);
    ivec lane = (i_lanes() >> 1) + (~i_is_zero(i_lanes() & 1) & LANES);
    *low = (pairs)v_bits(v_pick(x, y, lane));
    *high = (pairs)v_bits(v_pick(x, y, lane + LANES / 2));
#endif
}

#endif
