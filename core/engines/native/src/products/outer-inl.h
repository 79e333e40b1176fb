/* The matrix units' algorithm in vector registers: every product is a sum of outer products, each
 * of a column of one matrix and a row of the other, added up in a square tile.
 *
 * A tile is one vector wide and 16 rows tall (8 where there are 16 registers): with AVX-512 it is
 * the 16 by 16 numbers of an SME2 tile. As there, the columns must lie in memory as rows do, so the
 * left matrix of a projection is transposed first; for a gradient of weights both lie right. */
#ifndef OUTER_INL_H
#define OUTER_INL_H

#include "products/registers-inl.h"
#include "step/scratch-inl.h"

enum { SIDE = REGISTERS / 2 };

/* c[r][] (+)= sum over k < depth of column[k][r] row[k][], for the first `height` rows. */
INLINE void outer_sum(const float *column, ptrdiff_t next_column, const float *row,
                      ptrdiff_t next_row, int depth, float *c, ptrdiff_t ldc, int height, int add,
                      Epilogue epilogue, float *side) {
    vec s[SIDE];
    UNROLL_FOR(int r = 0; r < SIDE; r++) s[r] = v_zero();
    for (int k = 0; k < depth; k++, column += next_column, row += next_row) {
        vec x = v_load(row);
        UNROLL_FOR(int r = 0; r < SIDE; r++) s[r] = v_fma(v_set(column[r]), x, s[r]);
    }
    float tile[SIDE * LANES] __attribute__((aligned(64)));
    UNROLL_FOR(int r = 0; r < SIDE; r++) v_store(tile + r * LANES, s[r]);
    for (int r = 0; r < height; r++) {
        vec x = v_load(tile + r * LANES);
        if (add) x += v_load(c + r * ldc);
        store_with(epilogue, c + r * ldc, side + r * ldc, x);
    }
}

/* The columns of a [rows][lda], SIDE rows after SIDE rows: packed [][width][SIDE], zero beyond. */
static void pack_columns(const float *a, int lda, int rows, int width, float *packed) {
    for (int r = 0; r < rows; r += SIDE, packed += (ptrdiff_t)width * SIDE) {
        int height = rows - r < SIDE ? rows - r : SIDE;
        if (height < SIDE) memset(packed, 0, 4 * (size_t)width * SIDE);
        if (height == SIDE && LANES > 1 && SIDE % LANES == 0) {
            for (int f = 0; f < width; f += LANES)
                for (int i = 0; i < SIDE; i += LANES)
                    transpose_block(a + (ptrdiff_t)(r + i) * lda + f, lda,
                                    packed + (ptrdiff_t)f * SIDE + i, SIDE);
        } else {
            for (int i = 0; i < height; i++)
                for (int f = 0; f < width; f++)
                    packed[(ptrdiff_t)f * SIDE + i] = a[(ptrdiff_t)(r + i) * lda + f];
        }
    }
}

/* c (+)= the packed rows times one panel of `width` vectors and `depth` rows. */
static void outer_panel(const Plan *p, const float *packed, ptrdiff_t next, const float *panel,
                        int width, int depth, float *c, int ldc, int rows, int add,
                        Epilogue epilogue, float *side) {
    for (int r = 0; r < rows; r += SIDE, packed += next)
        for (int j = 0; j < width * LANES; j += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * ldc + j;
            outer_sum(packed, SIDE, panel + j, width * LANES, depth, c + at, ldc,
                      rows - r < SIDE ? rows - r : SIDE, add, epilogue, side + at);
            p->work.counts[EETUI_PRODUCT_TILES]++;
        }
}

static void outer_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c,
                          int ldc, int rows, int add, Epilogue epilogue, float *side) {
    float *packed = p->work.kernel;
    pack_columns(a, lda, rows, w->rows, packed);
    for (int g = 0; g < w->groups; g++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, g, k);
            int j = q.first * LANES;
            outer_panel(p, packed, (ptrdiff_t)w->rows * SIDE, p->call.params + q.at, q.width,
                        w->used, c + j, ldc, rows, add, epilogue, side + j);
        }
}

static void outer_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                           int lda, int rows, Epilogue epilogue, float *side) {
    float *packed = p->work.kernel;
    int vecs = w->rows / LANES, deep = w->vecs * LANES;
    pack_columns(dc, ldc, rows, deep, packed);
    for (int first = 0; first < vecs; first += PANEL) {
        int width = vecs - first < PANEL ? vecs - first : PANEL;
        transpose_panel(w, p->call.params, first, width, 0, w->groups, p->work.transposed);
        outer_panel(p, packed, (ptrdiff_t)deep * SIDE, p->work.transposed, width, deep,
                    da + first * LANES, lda, rows, 0, epilogue, side + first * LANES);
    }
}

/* Both matrices lie right for this one; the last argument of outer_sum is not used by STORE. */
static void outer_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                           int ldc, int rows, const Update *u) {
    float *g = p->call.grads[p->call.thread];
    for (int s = 0; s < w->groups; s++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, s, i);
            int wide = q.width * LANES;
            for (int r = 0; r < w->used; r += SIDE) {
                int height = w->used - r < SIDE ? w->used - r : SIDE;
                int64_t at = q.at + (int64_t)r * wide;
                for (int j = 0; j < wide; j += LANES)
                    outer_sum(a + r, lda, dc + q.first * LANES + j, ldc, rows, g + at + j, wide,
                              height, !u->first, STORE, g);
                if (u->fuse && u->last) fused_update(p, at, g + at, (int64_t)height * wide, u);
            }
        }
}

static void *outer_scratch(const Plan *p, Arena *a) {
    int deep = p->shape.ld_ff > p->shape.ld_qkv ? p->shape.ld_ff : p->shape.ld_qkv;
    deep = deep > p->shape.ld_vocab ? deep : p->shape.ld_vocab;
    return take_floats(a, (int64_t)padded(p->work.max_rows, SIDE) * deep);
}

static const Kernels OUTER_KERNELS = {
    .fuses = 1,
    .lay_out = outer_scratch,
    .forward = outer_forward,
    .backward = outer_backward,
    .gradient = outer_gradient,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};

#endif
