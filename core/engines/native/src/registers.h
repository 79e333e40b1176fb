/* The register kernels: tiles of sums in registers, swept over panels of weights. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "adam.h"
#include "layers.h"
#include "weights.h"

INLINE void finish(Post post, float *c, float *side, vec s) {
    if (post == RELU || post == RELU2) {
        s = v_max(v_zero(), s);
        if (post == RELU2) {
            v_store(side, s);
            s = s * s;
        }
    } else if (post == RELU_BACK) {
        s = v_select(v_above(v_load(side), v_zero()), s, v_zero());
    } else if (post == RELU2_BACK) {
        vec forward = v_load(side);
        s = s * (forward + forward);
    }
    v_store(c, s);
}

/* c[r][j] (+)= sum over k < depth of a[r ar + k ak] b[k][j], R rows by C vectors in registers. */
INLINE void tile(const int R, const int C, const float *a, ptrdiff_t ar, ptrdiff_t ak,
                 const float *b, ptrdiff_t ldb, int depth, float *c, ptrdiff_t ldc, int add,
                 Post post, float *side) {
    vec s[12][4];
    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int j = 0; j < C; j++) s[r][j] = v_zero();
    for (int k = 0; k < depth; k++) {
        vec w[4];
        UNROLL for (int j = 0; j < C; j++) w[j] = v_load(b + j * LANES);
        UNROLL for (int r = 0; r < R; r++) {
            vec x = v_set(a[r * ar]);
            UNROLL for (int j = 0; j < C; j++) s[r][j] = v_fma(x, w[j], s[r][j]);
        }
        a += ak;
        b += ldb;
    }
    if (add)
        UNROLL for (int r = 0; r < R; r++)
            UNROLL for (int j = 0; j < C; j++) s[r][j] += v_load(c + r * ldc + j * LANES);
    if (post == STORE) {
        UNROLL for (int r = 0; r < R; r++)
            UNROLL for (int j = 0; j < C; j++) v_store(c + r * ldc + j * LANES, s[r][j]);
    } else if (post == RELU) {
        UNROLL for (int r = 0; r < R; r++)
            UNROLL for (int j = 0; j < C; j++)
                v_store(c + r * ldc + j * LANES, v_max(v_zero(), s[r][j]));
    } else {
        UNROLL for (int r = 0; r < R; r++)
            UNROLL for (int j = 0; j < C; j++) v_store(c + r * ldc + j * LANES, s[r][j]);
        for (int r = 0; r < R; r++)
            for (int j = 0; j < C * LANES; j += LANES) {
                float *at = c + r * ldc + j;
                finish(post, at, side + r * ldc + j, v_load(at));
            }
    }
}

typedef void Tile(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int depth,
                  float *c, ptrdiff_t ldc, int add, Post post, float *side);

/* a b: rows of a are rows of the result. */
#define ACROSS(R, C)                                                                           \
    static void across_##R##x##C(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, \
                                 int depth, float *c, ptrdiff_t ldc, int add, Post post,       \
                                 float *side) {                                                \
        tile(R, C, a, lda, 1, b, ldb, depth, c, ldc, add, post, side);                         \
    }
/* a^T b: columns of a are rows of the result. */
#define DOWN(R, C)                                                                           \
    static void down_##R##x##C(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, \
                               int depth, float *c, ptrdiff_t ldc, int add, Post post,       \
                               float *side) {                                                \
        (void)post, (void)side;                                                              \
        tile(R, C, a, 1, lda, b, ldb, depth, c, ldc, add, STORE, NULL);                      \
    }

#define UP_TO_6(X, C) X(1, C) X(2, C) X(3, C) X(4, C) X(5, C) X(6, C)
#define UP_TO_8(X, C) UP_TO_6(X, C) X(7, C) X(8, C)
#define UP_TO_12(X, C) UP_TO_8(X, C) X(9, C) X(10, C) X(11, C) X(12, C)
#define NAME_ACROSS(R, C) across_##R##x##C,
#define NAME_DOWN(R, C) down_##R##x##C,

#if PANEL == 4
#define ALL_TILES(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_8(X, 3) UP_TO_6(X, 4)
#else
#define ALL_TILES(X) UP_TO_12(X, 1) UP_TO_6(X, 2)
#endif

ALL_TILES(ACROSS)
ALL_TILES(DOWN)

#if PANEL == 4
#define TABLE(NAME)                                                                   \
    {{NULL}, {NULL, UP_TO_12(NAME, 1)}, {NULL, UP_TO_12(NAME, 2)}, {NULL, UP_TO_8(NAME, 3)}, \
     {NULL, UP_TO_6(NAME, 4)}}
#else
#define TABLE(NAME) {{NULL}, {NULL, UP_TO_12(NAME, 1)}, {NULL, UP_TO_6(NAME, 2)}}
#endif

static Tile *const ACROSS_TILES[PANEL + 1][13] = TABLE(NAME_ACROSS);
static Tile *const DOWN_TILES[PANEL + 1][13] = TABLE(NAME_DOWN);

/* Rows of the next tile of a sweep: as equal as can be, so that none is left short. */
INLINE int next_height(int left, int tall) {
    int n = (left + tall - 1) / tall;
    return (left + n - 1) / n;
}

/* c [rows][ldc] (+)= a [rows][lda] times one panel of `width` vectors and `depth` rows. */
static void panel_product(const Plan *p, const float *a, int lda, const float *panel, int width,
                          int depth, float *c, int ldc, int rows, int add, Post post,
                          float *side) {
    int tall = p->tiles ? TALL[width] : 1;
    for (int r = 0; r < rows;) {
        int height = next_height(rows - r, tall);
        ACROSS_TILES[width][height](a + (ptrdiff_t)r * lda, lda, panel, width * LANES, depth,
                                    c + (ptrdiff_t)r * ldc, ldc, add, post,
                                    side + (ptrdiff_t)r * ldc);
        r += height;
    }
}

/* c (+)= a W: a projection of the forward pass. */
static void product_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c,
                            int ldc, int rows, int add, Post post, float *side) {
    for (int g = 0; g < w->groups; g++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, g, k);
            int j = q.first * LANES;
            panel_product(p, a, lda, p->p + q.at, q.width, w->used, c + j, ldc, rows, add, post,
                          side + j);
        }
}

/* da = dc W^T: the gradient of a projection's input, panel by panel of W^T. */
static void product_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                             int lda, int rows, Post post, float *side) {
    int vecs = w->rows / LANES, n = (vecs + PANEL - 1) / PANEL;
    int deep = w->vecs / w->groups * LANES;
    for (int k = 0; k < n; k++) {
        int base = vecs / n, extra = vecs % n;
        int first = k * base + (k < extra ? k : extra), width = base + (k < extra);
        for (int g = 0; g < w->groups; g++) {
            turn_panel(w, p->p, first, width, g, g + 1, p->turned);
            panel_product(p, dc + g * deep, ldc, p->turned, width, deep, da + first * LANES, lda,
                          rows, g > 0, post, side + first * LANES);
        }
    }
}

/* G (+)= a^T dc row by row of the batch: the sums go to memory and back for every row. */
static void gradient_by_rows(const Matrix *w, const float *a, int lda, const float *dc, int ldc,
                             int rows, float *g, int add) {
    if (!add) memset(g + w->at, 0, 4 * (size_t)w->rows * w->vecs * LANES);
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
}

/* The gradient of W from its input a [rows][lda] and its output's gradient dc [rows][ldc], and
 * the update of W where it is fused: the gradient then never leaves the first-level cache. */
static void product_gradient(const Plan *p, const Matrix *w, const float *a, int lda,
                             const float *dc, int ldc, int rows, const Update *u) {
    float scratch[12 * PANEL * LANES] __attribute__((aligned(64)));
    float *g = p->g[p->thread];
    int fuse = u->fuse && u->last;
    if (!p->tiles) {
        gradient_by_rows(w, a, lda, dc, ldc, rows, g, !u->first);
        if (fuse)
            adam_vectors(p->p + w->at, p->m + w->at, p->v + w->at, g + w->at,
                         (int64_t)w->rows * w->vecs * LANES, u->coefficient);
        return;
    }
    for (int s = 0; s < w->groups; s++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, s, i);
            for (int r = 0; r < w->used;) {
                int height = next_height(w->used - r, TALL[q.width]), wide = q.width * LANES;
                int64_t at = q.at + (int64_t)r * wide;
                float *to = fuse && u->first ? scratch : g + at;
                DOWN_TILES[q.width][height](a + r, lda, dc + q.first * LANES, ldc, rows, to, wide,
                                            !u->first, STORE, NULL);
                if (fuse)
                    adam_vectors(p->p + at, p->m + at, p->v + at, to, (int64_t)height * wide,
                                 u->coefficient);
                r += height;
            }
        }
}

static const Kernels REGISTER_KERNELS = {
    .fuses = 1,
    .forward = product_forward,
    .backward = product_backward,
    .gradient = product_gradient,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};

#endif
