/* The AMX instructions by what they do, or a model of them in C where EETUI_AMX_MODEL is defined:
 * the same numbers to the bit, on any CPU, for checks and not for speed.
 *
 * Tiles are named by literal numbers. The compilers' own functions do not all say that a tile is
 * loaded from memory: TILE_FENCE keeps what was stored before it before it. */
#ifndef AMX_TILES_INL_H
#define AMX_TILES_INL_H

#include "vec-inl.h"

/* All eight tiles whole: 16 rows of 64 bytes. */
static const struct {
    uint8_t palette, start, zero[14];
    uint16_t row_bytes[8], zeros[8];
    uint8_t rows[16];
} WHOLE_TILES = {.palette = 1,
                 .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                 .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

#if !defined(EETUI_AMX_MODEL)

#define TILE_SHAPES() _tile_loadconfig(&WHOLE_TILES)
#define TILE_RELEASE() _tile_release()
#define TILE_FENCE() __asm__ volatile("" ::: "memory")
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, at, bytes) _tile_loadd(t, at, bytes)
#define TILE_STORE(t, at, bytes) _tile_stored(t, at, bytes)
#define TILE_DOT(sums, left, right) _tile_dpbf16ps(sums, left, right)

#else

/* Eight tiles of 16 rows of 64 bytes: other shapes are not used. */
static _Thread_local vec tiles[8][16];
static _Thread_local int tiles_shaped;

#define TILE_SHAPES() ((void)WHOLE_TILES, tiles_shaped = 1)
#define TILE_RELEASE() (tiles_shaped = 0)
#define TILE_FENCE() (void)0
#define TILE_ZERO(t) memset(tiles[t], 0, sizeof tiles[t])
#define TILE_LOAD(t, at, bytes) model_load(tiles[t], at, (bytes) / 4)
#define TILE_STORE(t, at, bytes) model_store(tiles[t], at, (bytes) / 4)
#define TILE_DOT(sums, left, right) model_dot(tiles[sums], tiles[left], tiles[right])

static void model_load(vec *tile, const float *at, ptrdiff_t next) {
    if (!tiles_shaped) __builtin_trap(); /* as the instruction does */
    for (int r = 0; r < 16; r++) tile[r] = v_load(at + r * next);
}

static void model_store(const vec *tile, float *at, ptrdiff_t next) {
    if (!tiles_shaped) __builtin_trap();
    for (int r = 0; r < 16; r++) v_store(at + r * next, tile[r]);
}

/* Numbers too small for a full exponent are zero, going in and coming out, whatever the mode of
 * the CPU. */
INLINE vec without_denormals(vec x) {
    return v_select(i_is_zero(v_bits(x) & 0x7f800000), v_of_bits(v_bits(x) & INT32_MIN), x);
}

/* The halves of pairs as float32. */
INLINE vec lower(ivec pair) { return without_denormals(v_of_bits((ivec)((uvec)pair << 16))); }
INLINE vec upper(ivec pair) {
    return without_denormals(v_of_bits((ivec)((uvec)pair & 0xffff0000u)));
}

/* TDPBF16PS as Intel's manual writes it: for each row the products of the pairs' lower halves and
 * those of the upper ones are summed apart, from zero, and then both are added to the sums. The
 * product of two bfloat16 is exact in float32, so that each step rounds once. */
static void model_dot(vec *sums, const vec *left, const vec *right) {
    vec low_right[16], high_right[16];
    float low_left[16 * 16], high_left[16 * 16];
    for (int k = 0; k < 16; k++) {
        low_right[k] = lower(v_bits(right[k]));
        high_right[k] = upper(v_bits(right[k]));
        v_store(low_left + 16 * k, lower(v_bits(left[k])));
        v_store(high_left + 16 * k, upper(v_bits(left[k])));
    }
    for (int m = 0; m < 16; m++) {
        vec low = v_zero(), high = v_zero();
        for (int k = 0; k < 16; k++) {
            low = v_fma(v_set(low_left[16 * m + k]), low_right[k], low);
            high = v_fma(v_set(high_left[16 * m + k]), high_right[k], high);
            low = without_denormals(low);
            high = without_denormals(high);
        }
        sums[m] = without_denormals(without_denormals(sums[m]) + without_denormals(low + high));
    }
}

#endif
#endif
