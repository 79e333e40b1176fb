/* Products in bfloat16 by ordinary vector instructions: the register tiles' own shapes at half
 * their depth, since every lane takes two products at once. Sums and everything else are float32.
 *
 * Forward and backward, the two are neighbouring features of a row: `across` has the rows of
 * activations in bfloat16, one after the other. In a gradient of weights they are neighbouring rows:
 * `down` has a pair of rows after the other. Both are packed in one pass, the input of a projection
 * by its forward product (`down` is kept for the gradient) and a gradient of activations by the
 * backward one. Weights lie in panels of pairs of rows, which every update refreshes.
 *
 * With passes fused and ReLU, hidden units and their gradients leave the tile packed and are never
 * written as float32; a bit for each unit says which way its gradient may go. */
#ifndef BF16_INL_H
#define BF16_INL_H

#include "products/epilogue-inl.h"
#include "products/pairs-inl.h"
#include "products/registers-inl.h"
#include "step/adam-inl.h"
#include "step/layers-inl.h"
#include "step/scratch-inl.h"
#include "step/weights-inl.h"

/* Activations in both forms: across [rows][ld_across], down [rows / 2][ld_down]. A last row without
 * a neighbour has one of zeros. */
typedef struct {
    pair *across, *down;
    int ld_across, ld_down;
} Both;

enum { N_MATRICES = MAX_LAYERS * PER_LAYER + 1 };

typedef struct {
    Both operand;               /* what a product takes, packed */
    Both hidden, d_hidden;      /* what leaves a tile packed */
    pair *kept[N_MATRICES];     /* down of the input of each matrix */
    uint16_t *open[MAX_LAYERS]; /* [rows][vectors] a bit for each hidden unit above zero */
} Bf16;

/* Whether hidden units and their gradients leave the tiles packed. */
INLINE int leaves_packed(const Plan *p) { return p->call.fused && !p->shape.squared; }

INLINE int index_of(const Plan *p, const Matrix *w) {
    return w == &p->layout.head ? N_MATRICES - 1 : (int)(w - p->layout.matrix[0]);
}

INLINE int is_hidden(const Plan *p, const Matrix *w, int kind) {
    return w != &p->layout.head && index_of(p, w) % PER_LAYER == kind;
}

INLINE int ld_across(int width) { return leading(padded(width, 2 * LANES) / 2); }

/* Both forms of a [rows][lda], of which `width` features count: whole vectors. */
static void pack_both(const float *a, int lda, int rows, int width, const Both *to) {
    for (int r = 0; r < rows; r += 2) {
        const float *x = a + (ptrdiff_t)r * lda, *y = r + 1 < rows ? x + lda : NULL;
        pair *across = to->across + (ptrdiff_t)r * to->ld_across;
        pair *down = to->down + (ptrdiff_t)(r / 2) * to->ld_down;
        for (int f = 0; f < width; f += 2 * LANES) {
            int two = f + LANES < width;
            pairs upper = p_join(v_load(x + f), two ? v_load(x + f + LANES) : v_zero());
            pairs lower = y ? p_join(v_load(y + f), two ? v_load(y + f + LANES) : v_zero())
                            : p_set(0);
            pairs first, second;
            p_stack(upper, lower, &first, &second);
            p_store(across + f / 2, upper);
            p_store(across + to->ld_across + f / 2, lower);
            p_store(down + f, first);
            if (two) p_store(down + f + LANES, second);
        }
    }
}

/* s[r][j] = sum over k < depth of the dot products of a[r ar + k ak] and b[k][j]. */
INLINE void dot_sums(vec s[12][PANEL], const int R, const int C, const pair *a, ptrdiff_t ar,
                     ptrdiff_t ak, const pair *b, ptrdiff_t ldb, int depth) {
    UNROLL_FOR(int r = 0; r < R; r++) {
        UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_zero();
    }
    for (int k = 0; k < depth; k++, a += ak, b += ldb) {
        pairs w[PANEL];
        UNROLL_FOR(int j = 0; j < C; j++) w[j] = p_load(b + j * LANES);
        UNROLL_FOR(int r = 0; r < R; r++) {
            pairs x = p_set(a[r * ar]);
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = p_dot(s[r][j], x, w[j]);
        }
    }
}

/* Sums to float32: c (+)=. */
INLINE void dot_tile(const int R, const int C, const pair *a, ptrdiff_t ar, ptrdiff_t ak,
                     const pair *b, ptrdiff_t ldb, int depth, float *c, ptrdiff_t ldc, int add,
                     Epilogue epilogue, float *side) {
    vec s[12][PANEL];
    dot_sums(s, R, C, a, ar, ak, b, ldb, depth);
    if (add)
        UNROLL_FOR(int r = 0; r < R; r++) {
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] += v_load(c + r * ldc + j * LANES);
        }
    UNROLL_FOR(int r = 0; r < R; r++) {
        UNROLL_FOR(int j = 0; j < C; j++) v_store(c + r * ldc + j * LANES, s[r][j]);
    }
    if (epilogue == STORE) return;
    for (int r = 0; r < R; r++)
        for (int j = 0; j < C * LANES; j += LANES)
            store_with(epilogue, c + r * ldc + j, side + r * ldc + j, v_load(c + r * ldc + j));
}

/* Sums to both forms, through ReLU, or if `back` the way that `open` leaves. R is even. */
INLINE void packed_tile(const int R, const int C, const pair *a, ptrdiff_t lda, const pair *b,
                        ptrdiff_t ldb, int depth, pair *across, ptrdiff_t ld_across, pair *down,
                        ptrdiff_t ld_down, uint16_t *open, ptrdiff_t ld_open, int back) {
    vec s[12][PANEL];
    dot_sums(s, R, C, a, lda, 1, b, ldb, depth);
    if (back) {
        UNROLL_FOR(int r = 0; r < R; r++) {
            UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_keep(open[r * ld_open + j], s[r][j]);
        }
    } else {
        UNROLL_FOR(int r = 0; r < R; r++) {
            UNROLL_FOR(int j = 0; j < C; j++) {
                s[r][j] = v_max(v_zero(), s[r][j]);
                open[r * ld_open + j] = (uint16_t)v_above_zero(s[r][j]);
            }
        }
    }
    UNROLL_FOR(int r = 0; r < R; r += 2) {
        UNROLL_FOR(int j = 0; j < C; j++) {
            pairs both = p_join(s[r][j], s[r + 1][j]);
            p_store_halves(across + r * ld_across + j * LANES / 2,
                           across + (r + 1) * ld_across + j * LANES / 2, both);
            p_store(down + r / 2 * ld_down + j * LANES, p_interleave(s[r][j], s[r + 1][j]));
        }
    }
}

typedef void DotTile(const pair *a, ptrdiff_t lda, const pair *b, ptrdiff_t ldb, int depth,
                     float *c, ptrdiff_t ldc, int add, Epilogue epilogue, float *side);
typedef void PackedTile(const pair *a, ptrdiff_t lda, const pair *b, ptrdiff_t ldb, int depth,
                        pair *across, ptrdiff_t ld_across, pair *down, ptrdiff_t ld_down,
                        uint16_t *open, ptrdiff_t ld_open, int back);

/* a b and a^T b, as the register tiles have them, and what leaves packed. */
#define DOT_ACROSS(R, C)                                                                         \
    static void dot_across_##R##x##C(const pair *a, ptrdiff_t lda, const pair *b, ptrdiff_t ldb, \
                                     int depth, float *c, ptrdiff_t ldc, int add,                \
                                     Epilogue epilogue, float *side) {                           \
        dot_tile(R, C, a, lda, 1, b, ldb, depth, c, ldc, add, epilogue, side);                   \
    }
#define DOT_DOWN(R, C)                                                                             \
    static void dot_down_##R##x##C(const pair *a, ptrdiff_t lda, const pair *b, ptrdiff_t ldb,     \
                                   int depth, float *c, ptrdiff_t ldc, int add, Epilogue epilogue, \
                                   float *side) {                                                  \
        (void)epilogue;                                                                            \
        dot_tile(R, C, a, 1, lda, b, ldb, depth, c, ldc, add, STORE, side);                        \
    }
#define PACKED(R, C)                                                                               \
    static void packed_##R##x##C(const pair *a, ptrdiff_t lda, const pair *b, ptrdiff_t ldb,       \
                                 int depth, pair *across, ptrdiff_t ld_across, pair *down,         \
                                 ptrdiff_t ld_down, uint16_t *open, ptrdiff_t ld_open, int back) { \
        packed_tile(R, C, a, lda, b, ldb, depth, across, ld_across, down, ld_down, open, ld_open,  \
                    back);                                                                         \
    }

/* clang-format off */
#define EVEN_TO_6(X, C) X(2, C) X(4, C) X(6, C)
#define EVEN_TO_8(X, C) EVEN_TO_6(X, C) X(8, C)
#define EVEN_TO_12(X, C) EVEN_TO_8(X, C) X(10, C) X(12, C)
#define ODD_TO_6(X, C) X(1, C) X(3, C) X(5, C)
#define ODD_TO_8(X, C) ODD_TO_6(X, C) X(7, C)
#define ODD_TO_12(X, C) ODD_TO_8(X, C) X(9, C) X(11, C)
#if PANEL == 4
#define EVEN_TILES(X) EVEN_TO_12(X, 1) EVEN_TO_12(X, 2) EVEN_TO_8(X, 3) EVEN_TO_6(X, 4)
#define ODD_TILES(X) ODD_TO_12(X, 1) ODD_TO_12(X, 2) ODD_TO_8(X, 3) ODD_TO_6(X, 4)
#else
#define EVEN_TILES(X) EVEN_TO_12(X, 1) EVEN_TO_6(X, 2)
#define ODD_TILES(X) ODD_TO_12(X, 1) ODD_TO_6(X, 2)
#endif
EVEN_TILES(DOT_ACROSS)
ODD_TILES(DOT_ACROSS)
EVEN_TILES(DOT_DOWN)
EVEN_TILES(PACKED)
#define ENTRY_ACROSS(R, C) [C][R] = dot_across_##R##x##C,
#define ENTRY_DOWN(R, C) [C][R] = dot_down_##R##x##C,
#define ENTRY_PACKED(R, C) [C][R] = packed_##R##x##C,
static DotTile *const DOT_ACROSS_TILES[PANEL + 1][13] = {EVEN_TILES(ENTRY_ACROSS) ODD_TILES(ENTRY_ACROSS)};
static DotTile *const DOT_DOWN_TILES[PANEL + 1][13] = {EVEN_TILES(ENTRY_DOWN)};
static PackedTile *const PACKED_TILES[PANEL + 1][13] = {EVEN_TILES(ENTRY_PACKED)};
/* clang-format on */

/* Rows of the next tile of a sweep, an even number of them. */
INLINE int next_even_height(int left, int tall) {
    return 2 * next_height((left + 1) / 2, tall / 2);
}

/* c (+)= the rows of a times one panel of pairs. */
static void dot_panel(const Both *a, ptrdiff_t from, const pair *panel, int width, int depth,
                      float *c, int ldc, int rows, int add, Epilogue epilogue, float *side) {
    for (int r = 0; r < rows;) {
        int height = next_height(rows - r, TALL[width]);
        DOT_ACROSS_TILES[width][height](
            a->across + (ptrdiff_t)r * a->ld_across + from, a->ld_across, panel, width * LANES,
            depth, c + (ptrdiff_t)r * ldc, ldc, add, epilogue, side + (ptrdiff_t)r * ldc);
        r += height;
    }
}

/* The same into both forms, from vector `first` of their columns on. */
static void dot_panel_packed(const Both *a, const pair *panel, int width, int depth, const Both *c,
                             int first, int rows, uint16_t *open, int ld_open, int back) {
    for (int r = 0; r < rows;) {
        int height = next_even_height(rows - r, TALL[width]);
        PACKED_TILES[width][height](
            a->across + (ptrdiff_t)r * a->ld_across, a->ld_across, panel, width * LANES, depth,
            c->across + (ptrdiff_t)r * c->ld_across + first * LANES / 2, c->ld_across,
            c->down + (ptrdiff_t)(r / 2) * c->ld_down + first * LANES, c->ld_down,
            open + (ptrdiff_t)r * ld_open + first, ld_open, back);
        r += height;
    }
}

static void bf16_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                         int rows, int add, Epilogue epilogue, float *side) {
    const Bf16 *own = p->work.kernel;
    int packed = leaves_packed(p), layer = index_of(p, w) / PER_LAYER;
    Both in = own->operand;
    if (packed && is_hidden(p, w, CONTRACT)) {
        in = own->hidden;
    } else {
        in.down = own->kept[index_of(p, w)];
        in.ld_across = ld_across(w->rows);
        in.ld_down = leading(w->rows);
        pack_both(a, lda, rows, w->rows, &in);
    }
    Both out = own->hidden;
    if (packed && is_hidden(p, w, EXPAND)) out.down = own->kept[index_of(p, w) + 1];
    for (int g = 0; g < w->groups; g++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, g, k);
            const pair *panel = p->call.pairs + q.at / 2;
            int j = q.first * LANES;
            if (packed && epilogue == RELU)
                dot_panel_packed(&in, panel, q.width, w->used / 2, &out, q.first, rows,
                                 own->open[layer], w->vecs, 0);
            else
                dot_panel(&in, 0, panel, q.width, w->used / 2, c + j, ldc, rows, add, epilogue,
                          side + j);
        }
}

/* b = a^T for a block of LANES by LANES: pairs of a's rows become pairs of its columns. */
INLINE void transpose_pairs(const pair *a, ptrdiff_t lda, pair *b, ptrdiff_t ldb) {
    vec row[LANES / 2];
    UNROLL_FOR(int k = 0; k < LANES / 2; k++)
        row[k] = v_of_bits((ivec)p_swap_middle(p_load(a + k * lda)));
    UNROLL_FOR(int s = 1; s < LANES / 2; s *= 2) {
        ivec upper = ~i_is_zero(i_lanes() & (2 * s));
        ivec low = (i_lanes() & ~(2 * s)) + (upper & LANES);
        ivec high = (i_lanes() | (2 * s)) + (upper & LANES);
        UNROLL_FOR(int k = 0; k < LANES / 2; k++) {
            if (k & s) continue;
            vec x = row[k], y = row[k + s];
            row[k] = v_pick(x, y, low);
            row[k + s] = v_pick(x, y, high);
        }
    }
    UNROLL_FOR(int k = 0; k < LANES / 2; k++) p_store(b + k * ldb, (pairs)v_bits(row[k]));
}

/* As transpose_panel, in pairs: columns of group g only. */
static void transpose_pairs_panel(const Matrix *w, const pair *weights, int first, int width, int g,
                                  pair *to) {
    for (int i = 0; i < panels_of(w); i++) {
        Panel q = panel_of(w, g, i);
        ptrdiff_t next = q.width * LANES, begin = q.first - g * (w->vecs / w->groups);
        const pair *a = weights + q.at / 2 + first * LANES / 2 * next;
        for (int c = 0; c < q.width; c++)
            for (int r = 0; r < width; r++)
                transpose_pairs(a + r * LANES / 2 * next + c * LANES, next,
                                to + (begin + c) * LANES / 2 * width * LANES + r * LANES,
                                width * LANES);
    }
}

static void bf16_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                          int lda, int rows, Epilogue epilogue, float *side) {
    const Bf16 *own = p->work.kernel;
    int packed = leaves_packed(p), layer = index_of(p, w) / PER_LAYER;
    pair *panel = (pair *)p->work.transposed;
    Both in = own->operand;
    if (packed && is_hidden(p, w, EXPAND)) {
        in = own->d_hidden;
    } else {
        in.ld_across = ld_across(w->vecs * LANES);
        in.ld_down = leading(w->vecs * LANES);
        pack_both(dc, ldc, rows, w->vecs * LANES, &in);
    }
    int vecs = w->rows / LANES, n = (vecs + PANEL - 1) / PANEL;
    int deep = w->vecs / w->groups * LANES;
    for (int k = 0; k < n; k++) {
        int base = vecs / n, extra = vecs % n;
        int first = k * base + (k < extra ? k : extra), width = base + (k < extra);
        for (int g = 0; g < w->groups; g++) {
            transpose_pairs_panel(w, p->call.pairs, first, width, g, panel);
            if (packed && epilogue == RELU_BACK)
                dot_panel_packed(&in, panel, width, deep / 2, &own->d_hidden, first, rows,
                                 own->open[layer], vecs, 1);
            else
                dot_panel(&in, g * deep / 2, panel, width, deep / 2, da + first * LANES, lda, rows,
                          g > 0, epilogue, side + first * LANES);
        }
    }
}

/* The pairs of `height` rows of a panel `wide` floats wide, at `at` of the working copy. */
INLINE void refresh_rows(const Plan *p, int64_t at, int height, int wide) {
    const float *weights = p->call.params + at;
    pair *to = p->call.pairs + at / 2;
    for (int r = 0; r < height; r += 2, weights += 2 * wide, to += wide)
        for (int j = 0; j < wide; j += LANES)
            p_store(to + j, p_interleave(v_load(weights + j), v_load(weights + wide + j)));
}

static void bf16_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                          int ldc, int rows, const Update *u) {
    (void)a, (void)lda, (void)dc, (void)ldc; /* packed by the products before */
    const Bf16 *own = p->work.kernel;
    const pair *left = own->kept[index_of(p, w)];
    const pair *right = own->operand.down;
    if (leaves_packed(p) && is_hidden(p, w, EXPAND)) right = own->d_hidden.down;
    int ld_left = leading(w->rows), ld_right = leading(w->vecs * LANES), depth = (rows + 1) / 2;
    float scratch[12 * PANEL * LANES] __attribute__((aligned(64)));
    float *g = p->call.grads[p->call.thread];
    int fuse = u->fuse && u->last;
    for (int s = 0; s < w->groups; s++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, s, i);
            for (int r = 0; r < w->used;) {
                int height = next_even_height(w->used - r, TALL[q.width]), wide = q.width * LANES;
                int64_t at = q.at + (int64_t)r * wide;
                float *to = fuse && u->first ? scratch : g + at;
                DOT_DOWN_TILES[q.width][height](left + r, ld_left, right + q.first * LANES,
                                                ld_right, depth, to, wide, !u->first, STORE, to);
                if (fuse) {
                    fused_update(p, at, to, (int64_t)height * wide, u);
                    refresh_rows(p, at, height, wide);
                }
                r += height;
            }
        }
}

/* Panels are parted among the threads. */
static void bf16_refresh(const Plan *p) {
    int turn = 0;
    for (int m = 0; m <= p->shape.layers * PER_LAYER; m++) {
        const Matrix *w = m < p->shape.layers * PER_LAYER ? p->layout.matrix[0] + m
                                                          : &p->layout.head;
        for (int g = 0; g < w->groups; g++)
            for (int i = 0; i < panels_of(w); i++) {
                if (turn++ % p->call.threads != p->call.thread) continue;
                Panel q = panel_of(w, g, i);
                refresh_rows(p, q.at, w->rows, q.width * LANES);
            }
    }
}

static Both take_both(Arena *a, int64_t rows, int width) {
    Both b = {.ld_across = ld_across(width), .ld_down = leading(width)};
    b.across = take(a, 4 * rows * b.ld_across);
    b.down = take(a, 2 * rows * b.ld_down);
    return b;
}

static void *bf16_lay_out(const Plan *p, Arena *a) {
    int64_t rows = p->work.max_rows + 2; /* whole pairs, and what a tile of pairs writes beyond */
    int widest = padded(p->shape.V, LANES);
    if (widest < p->shape.ff) widest = p->shape.ff;
    if (widest < 3 * p->shape.heads.da) widest = 3 * p->shape.heads.da;
    void *at = take(a, sizeof(Bf16));
    Bf16 own = {.operand = take_both(a, rows, widest)};
    if (leaves_packed(p)) {
        own.hidden = take_both(a, rows, p->shape.ff);
        own.d_hidden = take_both(a, rows, p->shape.ff);
    }
    for (int m = 0; m <= p->shape.layers * PER_LAYER; m++) {
        const Matrix *w = m < p->shape.layers * PER_LAYER ? p->layout.matrix[0] + m
                                                          : &p->layout.head;
        own.kept[index_of(p, w)] = take(a, 2 * rows * leading(w->rows));
    }
    for (int l = 0; l < p->shape.layers; l++)
        own.open[l] = take(a, 2 * rows * (p->shape.ff / LANES));
    if (at && a->base) *(Bf16 *)at = own;
    return at;
}

extern const Kernels eetui_bf16_kernels;
const Kernels eetui_bf16_kernels = {
    .fuses = 1,
    .pairs = 1,
    .lay_out = bf16_lay_out,
    .refresh = bf16_refresh,
    .forward = bf16_forward,
    .backward = bf16_backward,
    .gradient = bf16_gradient,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};

#endif
