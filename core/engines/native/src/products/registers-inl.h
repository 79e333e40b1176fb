/* The register kernels, swept over panels of weights: tiles of sums in registers, or one row of
 * sums after the other. */
#ifndef REGISTERS_INL_H
#define REGISTERS_INL_H

#include "products/tile-inl.h"
#include "products/turning-inl.h"
#include "step/adam-inl.h"
#include "step/layers-inl.h"
#include "step/weights-inl.h"

typedef void Tile(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int depth, float *c,
                  ptrdiff_t ldc, int add, Epilogue epilogue, float *side);

/* a b: rows of a are rows of the result. */
#define ACROSS(R, C)                                                                             \
    static void across_##R##x##C(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb,   \
                                 int depth, float *c, ptrdiff_t ldc, int add, Epilogue epilogue, \
                                 float *side) {                                                  \
        tile(R, C, a, lda, 1, b, ldb, depth, c, ldc, add, epilogue, side);                       \
    }
/* a^T b: columns of a are rows of the result. */
#define DOWN(R, C)                                                                             \
    static void down_##R##x##C(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb,   \
                               int depth, float *c, ptrdiff_t ldc, int add, Epilogue epilogue, \
                               float *side) {                                                  \
        (void)epilogue, (void)side;                                                            \
        tile(R, C, a, 1, lda, b, ldb, depth, c, ldc, add, STORE, NULL);                        \
    }

#define NAME_ACROSS(R, C) across_##R##x##C,
#define NAME_DOWN(R, C) down_##R##x##C,

#if PANEL == 4
#define ALL_TILES(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_8(X, 3) UP_TO_6(X, 4)
#else
#define ALL_TILES(X) UP_TO_12(X, 1) UP_TO_6(X, 2)
#endif

ALL_TILES(ACROSS)
ALL_TILES(DOWN)

/* clang-format off */
#if PANEL == 4
#define TABLE(NAME)                                                                   \
    {{NULL}, {NULL, UP_TO_12(NAME, 1)}, {NULL, UP_TO_12(NAME, 2)}, {NULL, UP_TO_8(NAME, 3)}, \
     {NULL, UP_TO_6(NAME, 4)}}
#else
#define TABLE(NAME) {{NULL}, {NULL, UP_TO_12(NAME, 1)}, {NULL, UP_TO_6(NAME, 2)}}
#endif
/* clang-format on */

static Tile *const ACROSS_TILES[PANEL + 1][13] = TABLE(NAME_ACROSS);
static Tile *const DOWN_TILES[PANEL + 1][13] = TABLE(NAME_DOWN);

/* Rows of the next tile of a sweep: as equal as can be, so that none is left short. */
INLINE int next_height(int left, int tall) {
    int n = (left + tall - 1) / tall;
    return (left + n - 1) / n;
}

/* The heights of a tile that is no more than one row, as TALL. */
#if PANEL == 4
static const int ONE_ROW[PANEL + 1] = {0, 1, 1, 1, 1};
#else
static const int ONE_ROW[PANEL + 1] = {0, 1, 1};
#endif

/* c [rows][ldc] (+)= a [rows][lda] times one panel of `width` vectors and `depth` rows. */
static void panel_product(const Plan *p, const float *a, int lda, const float *panel, int width,
                          int depth, float *c, int ldc, int rows, int add, Epilogue epilogue,
                          float *side, int tall) {
    for (int r = 0; r < rows;) {
        int height = next_height(rows - r, tall);
        ACROSS_TILES[width][height](a + (ptrdiff_t)r * lda, lda, panel, width * LANES, depth,
                                    c + (ptrdiff_t)r * ldc, ldc, add, epilogue,
                                    side + (ptrdiff_t)r * ldc);
        p->work.counts[EETUI_PRODUCT_TILES]++;
        r += height;
    }
}

/* c (+)= a W: a projection of the forward pass. */
INLINE void project_panels(const Plan *p, const Matrix *w, const float *a, int lda, float *c,
                           int ldc, int rows, int add, Epilogue epilogue, float *side,
                           const int *tall) {
    for (int g = 0; g < w->groups; g++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, g, k);
            int j = q.first * LANES;
            panel_product(p, a, lda, p->call.params + q.at, q.width, w->used, c + j, ldc, rows, add,
                          epilogue, side + j, tall[q.width]);
        }
}

/* da = dc W^T: the gradient of a projection's input, panel by panel of W^T. */
INLINE void project_back_panels(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                                int lda, int rows, Epilogue epilogue, float *side,
                                const int *tall) {
    float *panel = p->work.transposed;
    int vecs = w->rows / LANES, n = (vecs + PANEL - 1) / PANEL;
    int deep = w->vecs / w->groups * LANES;
    for (int k = 0; k < n; k++) {
        int base = vecs / n, extra = vecs % n;
        int first = k * base + (k < extra ? k : extra), width = base + (k < extra);
        for (int g = 0; g < w->groups; g++) {
            transpose_panel(w, p->call.params, first, width, g, g + 1, panel);
            panel_product(p, dc + g * deep, ldc, panel, width, deep, da + first * LANES, lda, rows,
                          g > 0, epilogue, side + first * LANES, tall[width]);
        }
    }
}

static void tiles_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c,
                          int ldc, int rows, int add, Epilogue epilogue, float *side) {
    project_panels(p, w, a, lda, c, ldc, rows, add, epilogue, side, TALL);
}

static void tiles_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                           int lda, int rows, Epilogue epilogue, float *side) {
    if (turns(w, rows))
        project_back_turning(p, w, dc, ldc, da, lda, rows, epilogue, side);
    else
        project_back_panels(p, w, dc, ldc, da, lda, rows, epilogue, side, TALL);
}

static void rows_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                         int rows, int add, Epilogue epilogue, float *side) {
    project_panels(p, w, a, lda, c, ldc, rows, add, epilogue, side, ONE_ROW);
}

static void rows_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                          int lda, int rows, Epilogue epilogue, float *side) {
    project_back_panels(p, w, dc, ldc, da, lda, rows, epilogue, side, ONE_ROW);
}

/* G (+)= a^T dc row by row of the batch: the sums go to memory and back for every row. */
static void rows_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                          int ldc, int rows, const Update *u) {
    float *g = p->call.grads[p->call.thread];
    int64_t n = (int64_t)w->rows * w->vecs * LANES;
    if (u->first) memset(g + w->at, 0, 4 * (size_t)n);
    for (int k = 0; k < rows; k++)
        for (int s = 0; s < w->groups; s++)
            for (int i = 0; i < panels_of(w); i++) {
                Panel q = panel_of(w, s, i);
                const float *d = dc + (ptrdiff_t)k * ldc + q.first * LANES;
                float *to = g + q.at;
                for (int r = 0; r < w->used; r++) {
                    vec x = v_set(a[(ptrdiff_t)k * lda + r]);
                    for (int j = 0; j < q.width * LANES; j += LANES, to += LANES)
                        v_store(to, v_fma(x, v_load(d + j), v_load(to)));
                }
            }
    if (u->fuse && u->last) fused_update(p, w->at, g + w->at, n, u);
}

/* The gradient of W from its input a [rows][lda] and its output's gradient dc [rows][ldc], and
 * the update of W where it is fused: the gradient then never leaves the first-level cache. */
static void tiles_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                           int ldc, int rows, const Update *u) {
    float scratch[12 * PANEL * LANES] __attribute__((aligned(64)));
    float *g = p->call.grads[p->call.thread];
    int fuse = u->fuse && u->last;
    for (int s = 0; s < w->groups; s++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, s, i);
            for (int r = 0; r < w->used;) {
                int height = next_height(w->used - r, TALL[q.width]), wide = q.width * LANES;
                int64_t at = q.at + (int64_t)r * wide;
                float *to = fuse && u->first ? scratch : g + at;
                DOWN_TILES[q.width][height](a + r, lda, dc + q.first * LANES, ldc, rows, to, wide,
                                            !u->first, STORE, NULL);
                if (fuse) fused_update(p, at, to, (int64_t)height * wide, u);
                r += height;
            }
        }
}

static const Kernels ROWS_KERNELS = {
    .fuses = 1,
    .forward = rows_forward,
    .backward = rows_backward,
    .gradient = rows_gradient,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};

static const Kernels TILES_KERNELS = {
    .fuses = 1,
    .forward = tiles_forward,
    .backward = tiles_backward,
    .gradient = tiles_gradient,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};

#endif
