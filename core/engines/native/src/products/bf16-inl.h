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

#include "products/bf16_tiles-inl.h"
#include "step/adam-inl.h"
#include "step/layers-inl.h"
#include "step/scratch-inl.h"
#include "step/weights-inl.h"

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
    UNROLL_FOR(int k = 0; k < LANES / 2; k += 2) {
        vec x = row[k], y = row[k + 1];
        row[k] = join_halves(x, y, 0);
        row[k + 1] = join_halves(x, y, 1);
    }
    UNROLL_FOR(int k = 0; k < 2; k++) transpose_blocks(row + k, 2);
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

/* The fused update of these rows by their gradients, and their pairs. */
INLINE void update_rows(const Plan *p, int64_t at, const float *g, int height, int wide,
                        const Update *u) {
    const AdamLanes lanes = adam_lanes(u->coefficient);
    float *weights = p->call.params + at, *m = p->call.m + at, *v = p->call.v + at;
    pair *to = p->call.pairs + at / 2;
    for (int r = 0; r < height; r += 2, to += wide)
        for (int j = 0; j < wide; j += LANES) {
            vec row[2];
            UNROLL_FOR(int k = 0; k < 2; k++) {
                int64_t i = (r + k) * wide + j;
                row[k] = adam_vector(&lanes, weights + i, m + i, v + i, v_load(g + i));
            }
            p_store(to + j, p_interleave(row[0], row[1]));
        }
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
                if (fuse) update_rows(p, at, to, height, wide, u);
                r += height;
            }
        }
}

/* Panels are parted among the threads. */
static void bf16_refresh(const Plan *p) {
    int turn = 0;
    for (int m = 0; m <= p->shape.layers * PER_LAYER; m++) {
        const Matrix *w = m < p->shape.layers * PER_LAYER ? block_matrix(p, m) : &p->layout.head;
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
        const Matrix *w = m < p->shape.layers * PER_LAYER ? block_matrix(p, m) : &p->layout.head;
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
