/* Products by AMX, the tiles of Intel's CPUs: factors in bfloat16, sums in float32.
 *
 * One instruction adds the product of a left tile and a right one to a tile of 16 by 16 sums: 16
 * rows of 16 pairs times 16 rows, one for each pair, of 16 columns. A pair holds two numbers of
 * the depth that is summed over. Which two is free as long as both sides agree: here they lie 16
 * apart and not side by side, so that packing is a shift and a mask of two vectors and no shuffle.
 *
 * Nothing of it outlives a call: weights are packed from the float32 ones, which are where Adam
 * left them, as often as they are used. That takes as long as keeping bfloat16 copies up to date
 * would, and these would push the weights and moments of a wide model out of the cache.
 *
 * In a split, each number is the sum of two in bfloat16, and a product the sum of three. */
#ifndef AMX_INL_H
#define AMX_INL_H

#include "products/amx_tiles-inl.h"
#include "products/registers-inl.h"
#include "step/scratch-inl.h"

enum { TILE = 16, TILE_BYTES = 1024, DEEP = 32 }; /* rows and columns; numbers of depth */

/* Up to 16 rows of one vector: those that there are; beyond them it is zero. */
typedef struct {
    const float *at;
    ptrdiff_t next;
    int rows;
} Rows;

INLINE Rows rows_from(const float *at, ptrdiff_t next, int first, int rows) {
    return (Rows){at + first * next, next, rows - first};
}

/* To bfloat16, which is the upper half of a float32, rounded to nearest. */
INLINE uvec rounded(vec x) { return (uvec)v_bits(x) + 0x8000u; }

INLINE vec upper_half(vec x) { return v_of_bits((ivec)(rounded(x) & 0xffff0000u)); }

INLINE vec pair_of(vec x, vec y) {
    return v_of_bits((ivec)(rounded(x) >> 16 | (rounded(y) & 0xffff0000u)));
}

INLINE vec row_or_zero(Rows x, int r, const int whole) {
    return whole || r < x.rows ? v_load(x.at + r * x.next) : v_zero();
}

/* A tile of pairs of x and y, or if `low` of what rounding them to bfloat16 left over. */
INLINE void pack_half(float *tile, Rows x, Rows y, const int transposed, const int low,
                      const int whole) {
    vec row[TILE];
    UNROLL_FOR(int r = 0; r < TILE; r++) {
        vec a = row_or_zero(x, r, whole), b = row_or_zero(y, r, whole);
        row[r] = low ? pair_of(a - upper_half(a), b - upper_half(b)) : pair_of(a, b);
    }
    if (transposed) transpose_rows(row);
    UNROLL_FOR(int r = 0; r < TILE; r++) v_store(tile + r * LANES, row[r]);
}

/* A tile of pairs, and in a split a second one behind it; returns where the next begins. */
INLINE float *pack_tile(float *tile, Rows x, Rows y, const int transposed, const int split) {
    const int whole = x.rows >= TILE && y.rows >= TILE;
    UNROLL_FOR(int low = 0; low <= split; low++, tile += TILE_BYTES / 4) {
        if (whole)
            pack_half(tile, x, y, transposed, low, 1);
        else
            pack_half(tile, x, y, transposed, low, 0);
    }
    return tile;
}

/* Tiles [rows / 16][width / 32] of a [rows][width], which multiplies from the left. */
INLINE void pack_rows(const float *a, int lda, int rows, int width, float *to, const int split) {
    for (int r = 0; r < rows; r += TILE)
        for (int k = 0; k < width; k += DEEP)
            to = pack_tile(to, rows_from(a + k, lda, r, rows),
                           rows_from(a + k + TILE, lda, r, k + TILE < width ? rows : 0), 0, split);
}

/* Tiles [rows / 32] of one vector of columns of a [rows], which is the depth: a right factor, or if
 * `transposed` a left one, whose rows are these columns. Returns where the next begins. */
INLINE float *pack_depth(const float *a, ptrdiff_t lda, int rows, float *to, const int transposed,
                         const int split) {
    for (int k = 0; k < rows; k += DEEP)
        to = pack_tile(to, rows_from(a, lda, k, rows), rows_from(a, lda, k + TILE, rows),
                       transposed, split);
    return to;
}

#define DOTS(tall, wide)                             \
    do {                                             \
        TILE_DOT(0, 4, 6);                           \
        if (wide > 1) TILE_DOT(1, 4, 7);             \
        if (tall > 1) TILE_DOT(2, 5, 6);             \
        if (tall > 1 && wide > 1) TILE_DOT(3, 5, 7); \
    } while (0)

/* c [16 tall][ldc] = left right, `tall` by `wide` tiles of sums over `depth` tiles. */
INLINE void sum_tiles(const float *left, const float *right, int depth, float *c, ptrdiff_t ldc,
                      const int tall, const int wide, const int split) {
    const ptrdiff_t tile = TILE_BYTES / 4, step = split ? 2 * tile : tile, next = depth * step;
    TILE_FENCE();
    TILE_ZERO(0);
    if (wide > 1) TILE_ZERO(1);
    if (tall > 1) TILE_ZERO(2);
    if (tall > 1 && wide > 1) TILE_ZERO(3);
    for (int k = 0; k < depth; k++, left += step, right += step) {
        TILE_LOAD(4, left, 64);
        if (tall > 1) TILE_LOAD(5, left + next, 64);
        if (split) { /* high by low, high by high, low by high: each changes one side only */
            TILE_LOAD(6, right + tile, 64);
            if (wide > 1) TILE_LOAD(7, right + next + tile, 64);
            DOTS(tall, wide);
        }
        TILE_LOAD(6, right, 64);
        if (wide > 1) TILE_LOAD(7, right + next, 64);
        DOTS(tall, wide);
        if (split) {
            TILE_LOAD(4, left + tile, 64);
            if (tall > 1) TILE_LOAD(5, left + next + tile, 64);
            DOTS(tall, wide);
        }
    }
    TILE_STORE(0, c, 4 * ldc);
    if (wide > 1) TILE_STORE(1, c + TILE, 4 * ldc);
    if (tall > 1) TILE_STORE(2, c + TILE * ldc, 4 * ldc);
    if (tall > 1 && wide > 1) TILE_STORE(3, c + TILE * ldc + TILE, 4 * ldc);
    TILE_FENCE();
}

typedef void SumTiles(const float *left, const float *right, int depth, float *c, ptrdiff_t ldc);

#define SUM_TILES(TALL, WIDE, SPLIT)                                                            \
    static void sum_##TALL##x##WIDE##_##SPLIT(const float *left, const float *right, int depth, \
                                              float *c, ptrdiff_t ldc) {                        \
        sum_tiles(left, right, depth, c, ldc, TALL, WIDE, SPLIT);                               \
    }
SUM_TILES(1, 1, 0)
SUM_TILES(1, 2, 0)
SUM_TILES(2, 1, 0)
SUM_TILES(2, 2, 0)
SUM_TILES(1, 1, 1)
SUM_TILES(1, 2, 1)
SUM_TILES(2, 1, 1)
SUM_TILES(2, 2, 1)

/* By split, height and width. */
static SumTiles *const SUMS[2][3][3] = {
    {{NULL}, {NULL, sum_1x1_0, sum_1x2_0}, {NULL, sum_2x1_0, sum_2x2_0}},
    {{NULL}, {NULL, sum_1x1_1, sum_1x2_1}, {NULL, sum_2x1_1, sum_2x2_1}},
};

INLINE int tiles_of(int n) { return n > TILE ? 2 : 1; }

/* Packed factors of one product. */
typedef struct {
    float *left, *right;
} Packed;

static void *amx_scratch(const Plan *p, Arena *a) {
    Packed *own = take(a, sizeof *own);
    int deep = p->shape.ld_ff > p->shape.ld_qkv ? p->shape.ld_ff : p->shape.ld_qkv;
    deep = padded(deep > p->shape.ld_vocab ? deep : p->shape.ld_vocab, DEEP);
    /* A pair is a float: half the numbers, and in a split as many. */
    int64_t most = (int64_t)padded(p->work.max_rows, DEEP) * deep;
    Packed packed = {.left = take_floats(a, most), .right = take_floats(a, most)};
    if (a->base) *own = packed;
    return own;
}

/* Where a vector of columns of the weights lies; enough for every legal shape. */
enum { MOST_COLUMNS = 3 * 2048 / TILE + 1 };

static int columns_of(const Plan *p, const Matrix *w, Rows *columns) {
    for (int g = 0; g < w->groups; g++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, g, i);
            for (int j = 0; j < q.width; j++)
                columns[q.first + j] = (Rows){p->call.params + q.at + j * LANES, q.width * LANES,
                                              w->rows};
        }
    columns[w->vecs] = (Rows){p->call.params, 0, 0}; /* beyond an odd number of vectors */
    return w->vecs;
}

/* Finish sums that lie in `sums` [][DEEP]. */
static void store_sums(const float *sums, float *c, int ldc, int rows, int width, int add,
                       Epilogue epilogue, float *side) {
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < width; j += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * ldc + j;
            vec x = v_load(sums + r * DEEP + j);
            if (add) x += v_load(c + at);
            store_with(epilogue, c + at, side + at, x);
        }
}

/* c (+)= a W, or if `back` a W^T: two vectors of columns after two. */
INLINE void amx_project(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                        int rows, int add, Epilogue epilogue, float *side, const int back,
                        const int split) {
    const Packed *own = p->work.kernel;
    Rows columns[MOST_COLUMNS];
    float sums[DEEP * DEEP] __attribute__((aligned(64)));
    int vecs = columns_of(p, w, columns);
    int deep = back ? vecs * TILE : w->rows, width = back ? w->rows : vecs * TILE;
    int depth = (deep + DEEP - 1) / DEEP;
    ptrdiff_t next = (ptrdiff_t)depth * TILE_BYTES / 4 << split;
    pack_rows(a, lda, rows, deep, own->left, split);
    for (int j = 0; j < width; j += DEEP) {
        int wide = tiles_of(width - j);
        float *to = own->right;
        for (int i = j; i < j + wide * TILE; i += TILE) {
            if (!back) {
                Rows x = columns[i / TILE];
                to = pack_depth(x.at, x.next, x.rows, to, 0, split);
                continue;
            }
            for (int k = 0; k < vecs; k += 2) {
                Rows x = columns[k], y = columns[k + 1];
                to = pack_tile(to, rows_from(x.at, x.next, i, x.rows),
                               rows_from(y.at, y.next, i, y.rows), 1, split);
            }
        }
        for (int r = 0; r < rows; r += DEEP) {
            int height = rows - r < DEEP ? rows - r : DEEP, tall = tiles_of(height);
            int direct = height == tall * TILE && epilogue == STORE && !add;
            ptrdiff_t at = (ptrdiff_t)r * ldc + j;
            SUMS[split][tall][wide](own->left + r / TILE * next, own->right, depth,
                                    direct ? c + at : sums, direct ? ldc : DEEP);
            p->work.counts[EETUI_PRODUCT_TILES] += tall * wide;
            if (!direct)
                store_sums(sums, c + at, ldc, height, wide * TILE, add, epilogue, side + at);
        }
    }
}

/* G (+)= a^T dc, and the update of W, two tiles of rows after two: their gradients then never
 * leave the first-level cache. */
INLINE void amx_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                         int ldc, int rows, const Update *u, const int split) {
    const Packed *own = p->work.kernel;
    float strip[DEEP * PANEL * TILE] __attribute__((aligned(64)));
    float *g = p->call.grads[p->call.thread], *to = own->left;
    int fuse = u->fuse && u->last, depth = (rows + DEEP - 1) / DEEP;
    ptrdiff_t next = (ptrdiff_t)depth * TILE_BYTES / 4 << split;
    for (int i = 0; i < w->used; i += TILE) to = pack_depth(a + i, lda, rows, to, 1, split);
    for (int s = 0; s < w->groups; s++)
        for (int i = 0; i < panels_of(w); i++) {
            Panel q = panel_of(w, s, i);
            int panel = q.width * TILE;
            to = own->right;
            for (int j = 0; j < panel; j += TILE)
                to = pack_depth(dc + q.first * TILE + j, ldc, rows, to, 0, split);
            for (int r = 0; r < w->used; r += DEEP) {
                int height = w->used - r < DEEP ? w->used - r : DEEP, tall = tiles_of(height);
                int64_t at = q.at + (int64_t)r * panel;
                float *sums = u->first && !fuse ? g + at : strip;
                for (int j = 0; j < panel; j += DEEP)
                    SUMS[split][tall][tiles_of(panel - j)](own->left + r / TILE * next,
                                                           own->right + j / TILE * next, depth,
                                                           sums + j, panel);
                if (!u->first)
                    for (int k = 0; k < height * panel; k += LANES)
                        v_store(g + at + k, v_load(g + at + k) + v_load(strip + k));
                if (fuse)
                    fused_update(p, at, u->first ? strip : g + at, (int64_t)height * panel, u);
            }
        }
}

/* The shapes of the tiles are the thread's from here to amx_leave. */
static void amx_enter(const Plan *p) {
    (void)p;
    TILE_SHAPES();
}

static void amx_leave(const Plan *p) {
    (void)p;
    TILE_RELEASE();
}

#define MAKE_KERNELS(NAME, SPLIT)                                                                 \
    static void NAME##_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c, \
                               int ldc, int rows, int add, Epilogue epilogue, float *side) {      \
        amx_project(p, w, a, lda, c, ldc, rows, add, epilogue, side, 0, SPLIT);                   \
    }                                                                                             \
    static void NAME##_backward(const Plan *p, const Matrix *w, const float *dc, int ldc,         \
                                float *da, int lda, int rows, Epilogue epilogue, float *side) {   \
        amx_project(p, w, dc, ldc, da, lda, rows, 0, epilogue, side, 1, SPLIT);                   \
    }                                                                                             \
    static void NAME##_gradient(const Plan *p, const Matrix *w, const float *a, int lda,          \
                                const float *dc, int ldc, int rows, const Update *u) {            \
        amx_gradient(p, w, a, lda, dc, ldc, rows, u, SPLIT);                                      \
    }                                                                                             \
    static const Kernels NAME##_KERNELS = {                                                       \
        .fuses = 1,                                                                               \
        .lay_out = amx_scratch,                                                                   \
        .enter = amx_enter,                                                                       \
        .leave = amx_leave,                                                                       \
        .forward = NAME##_forward,                                                                \
        .backward = NAME##_backward,                                                              \
        .gradient = NAME##_gradient,                                                              \
        .norm_forward = norm_forward,                                                             \
        .norm_backward = norm_backward,                                                           \
    };

MAKE_KERNELS(AMX, 0)
MAKE_KERNELS(AMX_SPLIT, 1)

#endif
