/* Tiles of sums of bfloat16 products: the register tiles' own shapes at half their depth, since every
 * lane takes two products at once, or at a quarter of it in blocks of 2 by 2. What a product takes and
 * what leaves a tile packed is here too. */
#ifndef BF16_TILES_INL_H
#define BF16_TILES_INL_H

#include "products/epilogue-inl.h"
#include "products/pairs-inl.h"
#include "products/registers-inl.h"

/* Activations in both forms: across [rows][ld_across], down [rows / 2][ld_down]. A last row without
 * a neighbour has one of zeros. */
typedef struct {
    pair *across, *down;
    int ld_across, ld_down;
} Both;

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

#if defined(P_BLOCKS)

/* Two steps of the depth, or `one` and zeros. s[r] and s[r + 1] hold the sums of two rows in blocks of
 * 2 by 2, those of the lower and the upper columns of each vector; an odd last row stands twice. */
INLINE void add_blocks(vec s[12][PANEL], const int R, const int C, const pair *a, ptrdiff_t ar,
                       ptrdiff_t ak, const pair *b, ptrdiff_t ldb, const int one) {
    pairs x[6];
    UNROLL_FOR(int r = 0; r < R; r += 2) {
        const pair *row = a + r * ar, *below = r + 1 < R ? row + ar : row;
        x[r / 2] = (pairs){row[0], one ? 0 : row[ak], below[0], one ? 0 : below[ak]};
    }
    UNROLL_FOR(int j = 0; j < C; j++) {
        vec w = v_of_bits((ivec)p_load(b + j * LANES));
        vec next = one ? v_zero() : v_of_bits((ivec)p_load(b + ldb + j * LANES));
        pairs lower = (pairs)v_bits(take_turns(w, next, 0));
        pairs upper = (pairs)v_bits(take_turns(w, next, 1));
        UNROLL_FOR(int r = 0; r < R; r += 2) {
            s[r][j] = p_block(s[r][j], x[r / 2], lower);
            s[r + 1][j] = p_block(s[r + 1][j], x[r / 2], upper);
        }
    }
}

/* s[r][j] = sum over k < depth of the dot products of a[r ar + k ak] and b[k][j]. */
INLINE void dot_sums(vec s[12][PANEL], const int R, const int C, const pair *a, ptrdiff_t ar,
                     ptrdiff_t ak, const pair *b, ptrdiff_t ldb, int depth) {
    UNROLL_FOR(int r = 0; r < (R + 1) / 2 * 2; r++) {
        UNROLL_FOR(int j = 0; j < C; j++) s[r][j] = v_zero();
    }
    int k = 0;
    for (; k + 2 <= depth; k += 2, a += 2 * ak, b += 2 * ldb)
        add_blocks(s, R, C, a, ar, ak, b, ldb, 0);
    if (k < depth) add_blocks(s, R, C, a, ar, ak, b, ldb, 1);
    UNROLL_FOR(int r = 0; r < R; r += 2) {
        UNROLL_FOR(int j = 0; j < C; j++) {
            vec lower = s[r][j], upper = s[r + 1][j];
            s[r][j] = join_halves(lower, upper, 0);
            s[r + 1][j] = join_halves(lower, upper, 1);
        }
    }
}

#else

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

#endif

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

#endif
