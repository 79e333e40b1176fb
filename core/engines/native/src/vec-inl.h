/* The vocabulary: what the kernels say instead of instructions.
 *
 * LANES floats make a vec. Everything is a GCC/Clang vector extension; only what those cannot say
 * well (a maximum, an estimate of 1/sqrt) is mapped to an instruction, here and nowhere else.
 * All functions are static: each unit of each instruction set has its own.
 */
#ifndef VEC_INL_H
#define VEC_INL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if LANES > 1 && (defined(__x86_64__) || defined(__i386__))
#include <immintrin.h>
#elif LANES > 1 && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL_FOR(...) _Pragma("clang loop unroll(full)") for (__VA_ARGS__)
#else
#define UNROLL_FOR(...) _Pragma("GCC unroll 16") for (__VA_ARGS__)
#endif
#define RESTRICT __restrict

#if LANES == 1
typedef float vec;
typedef int32_t ivec;
typedef uint32_t uvec;
typedef float vec_at __attribute__((aligned(4)));
#define LANE(x, i) (x)
#else
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES)));
typedef float vec_at __attribute__((vector_size(4 * LANES), aligned(4)));
#define LANE(x, i) ((x)[i])
#endif

/* 32 registers take taller tiles than 16. */
#if defined(__AVX512F__) || (defined(__aarch64__) && LANES > 1)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif

INLINE vec v_load(const float *p) { return *(const vec_at *)p; }
INLINE void v_store(float *p, vec x) { *(vec_at *)p = x; }
INLINE vec v_zero(void) { return (vec){0}; }

#if LANES == 1
INLINE vec v_set(float x) { return x; }
INLINE ivec i_set(int32_t x) { return x; }
INLINE ivec i_lanes(void) { return 0; }
typedef union {
    ivec i;
    vec f;
} Bits;
INLINE vec v_of_bits(ivec x) { return (Bits){.i = x}.f; }
INLINE ivec v_bits(vec x) { return (Bits){.f = x}.i; }
/* Comparisons give all ones or all zeros. */
INLINE ivec v_above(vec a, vec b) { return -(a > b); }
INLINE ivec i_is_zero(ivec a) { return -(a == 0); }
INLINE ivec i_below(ivec a, int b) { return -(a < b); }
INLINE vec v_permute(vec x, ivec index) {
    (void)index;
    return x;
}
#else
INLINE vec v_set(float x) { return x - (vec){0}; }
INLINE ivec i_set(int32_t x) { return x + (ivec){0}; }
INLINE ivec i_lanes(void) {
    ivec r;
    UNROLL_FOR(int i = 0; i < LANES; i++) r[i] = i;
    return r;
}
INLINE vec v_of_bits(ivec x) { return (vec)x; }
INLINE ivec v_bits(vec x) { return (ivec)x; }
INLINE ivec v_above(vec a, vec b) { return a > b; }
INLINE ivec i_is_zero(ivec a) { return a == 0; }
INLINE ivec i_below(ivec a, int b) { return a < b; }
/* result[i] = x[index[i]] */
INLINE vec v_permute(vec x, ivec index) {
#if defined(__GNUC__) && !defined(__clang__)
    return __builtin_shuffle(x, index);
#else
    vec r;
    UNROLL_FOR(int i = 0; i < LANES; i++) r[i] = x[index[i] & (LANES - 1)];
    return r;
#endif
}
/* result[i] = index[i] < LANES ? a[index[i]] : b[index[i] - LANES] */
INLINE vec v_pick(vec a, vec b, ivec index) {
#if defined(__GNUC__) && !defined(__clang__)
    return __builtin_shuffle(a, b, index);
#else
    vec r;
    UNROLL_FOR(int i = 0; i < LANES; i++)
        r[i] = index[i] & LANES ? b[index[i] & (LANES - 1)] : a[index[i] & (LANES - 1)];
    return r;
#endif
}
#endif

INLINE vec v_fma(vec a, vec b, vec c) { return a * b + c; }

/* x as a number of its own, which no compiler puts into a multiply-add: for a product that several
 * sums need, where the multipliers are what limits. */
INLINE vec v_apart(vec x) {
#if (LANES == 16 && defined(__AVX512F__)) || (LANES == 8 && defined(__FMA__))
    __asm__("" : "+v"(x));
#elif LANES == 4 && defined(__aarch64__)
    __asm__("" : "+w"(x));
#endif
    return x;
}

INLINE vec v_select(ivec mask, vec yes, vec no) {
#if LANES == 16 && defined(__AVX512DQ__)
    return (vec)_mm512_mask_mov_ps((__m512)no, _mm512_movepi32_mask((__m512i)mask), (__m512)yes);
#endif
    return v_of_bits((v_bits(yes) & mask) | (v_bits(no) & ~mask));
}

/* A bit for each lane above zero, and the lanes whose bit is set, the others zero. */
INLINE unsigned v_above_zero(vec x) {
#if LANES == 16 && defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_GT_OQ);
#else
    unsigned bits = 0;
    for (int i = 0; i < LANES; i++) bits |= (unsigned)(LANE(x, i) > 0.0f) << i;
    return bits;
#endif
}
INLINE vec v_keep(unsigned bits, vec x) {
#if LANES == 16 && defined(__AVX512F__)
    return (vec)_mm512_maskz_mov_ps((__mmask16)bits, (__m512)x);
#else
    ivec bit = i_set(1);
    for (int i = 1; i < LANES; i++) LANE(bit, i) = 1 << i;
    return v_select(i_is_zero(bit & (int32_t)bits), v_zero(), x);
#endif
}

/* The larger of each pair; where `b` is NaN, so is the result. */
INLINE vec v_max(vec a, vec b) {
#if LANES == 16 && defined(__AVX512F__)
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif LANES == 8 && defined(__AVX__)
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#elif LANES == 4 && defined(__SSE2__)
    return (vec)_mm_max_ps((__m128)a, (__m128)b);
#elif LANES == 4 && defined(__aarch64__)
    return (vec)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#elif LANES == 1
    return a > b ? a : b;
#else
    return v_select(v_above(a, b), a, b);
#endif
}

/* 1 / sqrt(x) for x > 0, to 11 bits at least: one round of Newton's method makes it 22. */
INLINE vec v_rsqrt_estimate(vec x) {
#if LANES == 1
    return 1.0f / sqrtf(x);
#elif LANES == 16 && defined(__AVX512F__)
    return (vec)_mm512_rsqrt14_ps((__m512)x);
#elif LANES == 8 && defined(__AVX__)
    return (vec)_mm256_rsqrt_ps((__m256)x);
#elif LANES == 4 && defined(__SSE2__)
    return (vec)_mm_rsqrt_ps((__m128)x);
#else
    vec y = v_of_bits(i_set(0x5f375a86) - (v_bits(x) >> 1));
    y = y * (1.5f - 0.5f * x * y * y);
    return y * (1.5f - 0.5f * x * y * y);
#endif
}

/* 1 / sqrt(x) for x > 0, to about 22 bits. */
INLINE vec v_rsqrt(vec x) {
    vec y = v_rsqrt_estimate(x);
    return y * (1.5f - (0.5f * x * y) * y);
}

/* The sum of all lanes, in every lane. */
INLINE vec v_total(vec x) {
    UNROLL_FOR(int s = LANES / 2; s > 0; s /= 2) x += v_permute(x, i_lanes() ^ s);
    return x;
}

/* The largest lane, in every lane. */
INLINE vec v_highest(vec x) {
    UNROLL_FOR(int s = LANES / 2; s > 0; s /= 2) x = v_max(v_permute(x, i_lanes() ^ s), x);
    return x;
}

INLINE float v_first(vec x) { return LANE(x, 0); }

/* exp(x) for x <= 0 by a polynomial of degree 4: relative error below 5e-6, at least exp(-87).
 * exp(x) = 2^n 2^f with n = round(x log2 e), |f| <= 1/2. Adding 1.5 * 2^23 rounds to an integer
 * that sits in the low bits, which are shifted into the exponent. NaN stays NaN. */
INLINE vec v_exp(vec x) {
    const vec magic = v_set(12582912.0f), log2e = v_set(1.44269504f);
    x = v_max(v_set(-87.0f), x);
    vec shifted = v_fma(x, log2e, magic);
    vec f = v_fma(x, log2e, magic - shifted);
    vec p = v_set(0.0095701022f);
    p = v_fma(p, f, v_set(0.0559178628f));
    p = v_fma(p, f, v_set(0.2402474433f));
    p = v_fma(p, f, v_set(0.6931217909f));
    p = v_fma(p, f, v_set(0.9999992847f));
    /* Unsigned, since bits shifted out of a signed number are undefined. */
    return v_of_bits((ivec)((uvec)v_bits(p) + ((uvec)v_bits(shifted) << 23)));
}

/* exp by the C library, one call for each stretch of `same` lanes, whose numbers are equal. */
static __attribute__((noinline)) vec v_exp_library(vec x, int same) {
    float a[LANES];
    v_store(a, x);
    for (int i = 0; i < LANES; i += same) {
        float e = expf(a[i]);
        for (int j = i; j < i + same; j++) a[j] = e;
    }
    return v_load(a);
}

#endif
