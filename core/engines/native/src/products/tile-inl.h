/* A tile of sums in registers, and the heights that there are. */
#ifndef TILE_INL_H
#define TILE_INL_H

#include "products/epilogue-inl.h"
#include "step/layout-inl.h"

/* c[r][j] (+)= s[r][j], R rows by C vectors. */
INLINE void store_tile(vec s[12][PANEL], const int R, const int C, float *c, ptrdiff_t ldc, int add,
                       Epilogue epilogue, float *side) {
    if (add)
        UNROLL_FOR(int r = 0; r < R; r++) {
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] += v_load(c + r * ldc + j * LANES);
        }
    if (epilogue == RELU)
        UNROLL_FOR(int r = 0; r < R; r++) {
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_max(v_zero(), s[r][j]);
        }
    UNROLL_FOR(int r = 0; r < R; r++) {
        UNROLL_FOR(int j = 0; j < C; j++) v_store(c + r * ldc + j * LANES, s[r][j]);
    }
    if (epilogue == STORE || epilogue == RELU) return;
    for (int r = 0; r < R; r++)
        for (int j = 0; j < C * LANES; j += LANES)
            store_with(epilogue, c + r * ldc + j, side + r * ldc + j, v_load(c + r * ldc + j));
}

/* c[r][j] (+)= sum over k < depth of a[r ar + k ak] b[k][j], R rows by C vectors in registers. */
INLINE void tile(const int R, const int C, const float *a, ptrdiff_t ar, ptrdiff_t ak,
                 const float *b, ptrdiff_t ldb, int depth, float *c, ptrdiff_t ldc, int add,
                 Epilogue epilogue, float *side) {
    vec s[12][PANEL];
    UNROLL_FOR(int r = 0; r < R; r++) {
        UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_zero();
    }
    for (int k = 0; k < depth; k++) {
        vec w[PANEL];
        UNROLL_FOR(int j = 0; j < C; j++) w[j] = v_load(b + j * LANES);
        UNROLL_FOR(int r = 0; r < R; r++) {
            vec x = v_set(a[r * ar]);
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_fma(x, w[j], s[r][j]);
        }
        a += ak;
        b += ldb;
    }
    store_tile(s, R, C, c, ldc, add, epilogue, side);
}

#define UP_TO_6(X, C) X(1, C) X(2, C) X(3, C) X(4, C) X(5, C) X(6, C)
#define UP_TO_8(X, C) UP_TO_6(X, C) X(7, C) X(8, C)
#define UP_TO_12(X, C) UP_TO_8(X, C) X(9, C) X(10, C) X(11, C) X(12, C)

#endif
