/* The gradient of a projection's input for few rows: no panel of W^T is written. Blocks of W are
 * transposed in registers as their turn comes, while the multipliers are at work on the one before.
 * The sums are those of the register tiles, to the last bit.
 *
 * The code is long, and each number of rows has its own: it pays where many blocks go through it. */
#ifndef TURNING_INL_H
#define TURNING_INL_H

#include "products/tile-inl.h"
#include "step/weights-inl.h"

/* A block takes LANES registers, and each row one for its sums. */
enum { FEW_ROWS = REGISTERS == 32 ? 12 : 0, MANY_BLOCKS = 9 };

/* R rows of one vector of da, the `first`, from the groups' columns of W. */
INLINE void turning_tile(const int R, const Plan *p, const Matrix *w, int first, const float *dc,
                         ptrdiff_t ldc, float *da, ptrdiff_t lda, Epilogue epilogue, float *side) {
    for (int g = 0; g < w->groups; g++) {
        vec s[12][PANEL];
        UNROLL_FOR(int r = 0; r < R; r++) s[r][0] = v_zero();
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, g, i);
            ptrdiff_t wide = q.width * LANES;
            const float *panel = p->call.params + q.at + first * LANES * wide;
            const float *x = dc + q.first * LANES;
            for (int c = 0; c < q.width; c++, panel += LANES, x += LANES) {
                vec row[LANES];
                UNROLL_FOR(int k = 0; k < LANES; k++) row[k] = v_load(panel + k * wide);
                transpose_rows(row);
                UNROLL_FOR(int k = 0; k < LANES; k++) {
                    UNROLL_FOR(int r = 0; r < R; r++)
                        s[r][0] = v_fma(v_set(x[r * ldc + k]), row[k], s[r][0]);
                }
            }
        }
        store_tile(s, R, 1, da, lda, g > 0, epilogue, side);
    }
}

typedef void Turning(const Plan *p, const Matrix *w, int first, const float *dc, ptrdiff_t ldc,
                     float *da, ptrdiff_t lda, Epilogue epilogue, float *side);

#define TURNING(R, C)                                                                   \
    static void turning_##R(const Plan *p, const Matrix *w, int first, const float *dc, \
                            ptrdiff_t ldc, float *da, ptrdiff_t lda, Epilogue epilogue, \
                            float *side) {                                              \
        turning_tile(R, p, w, first, dc, ldc, da, lda, epilogue, side);                 \
    }
#define NAME_TURNING(R, C) turning_##R,

UP_TO_12(TURNING, 1)
static Turning *const TURNINGS[] = {NULL, UP_TO_12(NAME_TURNING, 1)};

/* Whether so many rows are few for this matrix. */
INLINE int turns(const Matrix *w, int rows) {
    return rows <= FEW_ROWS && w->rows / LANES * w->vecs >= MANY_BLOCKS;
}

static void project_back_turning(const Plan *p, const Matrix *w, const float *dc, int ldc,
                                 float *da, int lda, int rows, Epilogue epilogue, float *side) {
    for (int j = 0; j < w->rows; j += LANES) {
        TURNINGS[rows](p, w, j / LANES, dc, ldc, da + j, lda, epilogue, side + j);
        p->work.counts[EETUI_PRODUCT_TILES]++;
    }
}

#endif
