/* Weights in panels: in and out of the state's order, and transposed. */
#ifndef WEIGHTS_INL_H
#define WEIGHTS_INL_H

#include "step/plan-inl.h"

/* A panel of a matrix: its first vector of columns, its width and its first float. */
typedef struct {
    int first, width;
    int64_t at;
} Panel;

/* Widths that differ by one at most, so that no panel is left thin. */
INLINE int panels_of(const Matrix *w) { return (w->vecs / w->groups + PANEL - 1) / PANEL; }

/* Panel i of group g; there are panels_of(w) in each group. */
INLINE Panel panel_of(const Matrix *w, int g, int i) {
    int vecs = w->vecs / w->groups, n = panels_of(w);
    int base = vecs / n, extra = vecs % n;
    Panel q = {.first = g * vecs + i * base + (i < extra ? i : extra), .width = base + (i < extra)};
    q.at = w->at + (int64_t)q.first * LANES * w->rows;
    return q;
}

/* The row of a padded matrix that holds row i of the state's. */
INLINE int place_of(int i, int seg, int room) { return i / seg * room + i % seg; }

/* Copy one row of the state to or from a row of whole vectors, segment by segment. */
INLINE void spread_row(const Matrix *w, float *RESTRICT state, float *RESTRICT wide, int out) {
    int segments = w->out / w->out_seg / w->parts, part = w->vecs * LANES / w->parts;
    for (int q = 0; q < w->parts; q++)
        for (int s = 0; s < segments; s++) {
            float *a = state + (q * segments + s) * w->out_seg;
            float *b = wide + q * part + s * w->out_room;
            memcpy(out ? a : b, out ? b : a, 4 * (size_t)w->out_seg);
        }
}

static void move_matrix(const Matrix *w, float *state, float *working, int out) {
    float wide[WIDEST_ROW];
    int width = w->vecs * LANES;
    memset(wide, 0, 4 * (size_t)width);
    for (int i = 0; i < w->in; i++) {
        float *row = state + w->state + (int64_t)i * w->out;
        int place = place_of(i, w->in_seg, w->in_room);
        if (!out) spread_row(w, row, wide, 0);
        for (int g = 0; g < w->groups; g++)
            for (int k = 0; k < panels_of(w); k++) {
                Panel q = panel_of(w, g, k);
                float *a = wide + q.first * LANES;
                float *b = working + q.at + (int64_t)place * q.width * LANES;
                for (int j = 0; j < q.width * LANES; j += LANES)
                    out ? v_store(a + j, v_load(b + j)) : v_store(b + j, v_load(a + j));
            }
        if (out) spread_row(w, row, wide, 1);
    }
}

static void move_rows(float *state, float *working, int rows, int d, int dv, int out) {
    for (int i = 0; i < rows; i++) {
        float *a = state + (int64_t)i * d, *b = working + (int64_t)i * dv;
        memcpy(out ? a : b, out ? b : a, 4 * (size_t)d);
    }
}

/* Copy all weights (or moments, or gradients) from the state's order to the working one, or back
 * if `out`. The padding of a working copy must be zero. */
static void move_weights(const Plan *p, float *state, float *working, int out) {
    move_rows(state, working + p->layout.tokens, p->shape.V, p->shape.d, p->shape.dv, out);
    move_rows(state + (int64_t)p->shape.V * p->shape.d, working + p->layout.places, p->shape.T,
              p->shape.d, p->shape.dv, out);
    for (int l = 0; l < p->shape.layers; l++)
        for (int k = 0; k < PER_LAYER; k++)
            move_matrix(&p->layout.matrix[l][k], state, working, out);
    move_matrix(&p->layout.head, state, working, out);
}

#if LANES == 1
INLINE void transpose_rows(vec *row) { (void)row; }

INLINE void transpose_block(const float *a, ptrdiff_t lda, float *b, ptrdiff_t ldb) {
    (void)lda, (void)ldb;
    *b = *a;
}
#else
/* A transposition goes block by block of four lanes: first within the blocks, then whole blocks. So
 * every stage is a shuffle with a constant pattern, which is cheaper than one that reads its pattern
 * from a register.
 *
 * In each block, the lower or upper two lanes of a and b in turn. */
INLINE vec take_turns(vec a, vec b, const int upper) {
    ivec lane = i_lanes() & 3;
    return v_pick(a, b, (i_lanes() & ~3) + (lane >> 1) + 2 * upper + (lane & 1) * LANES);
}

/* In each block, the lower or upper two lanes of a, then of b. */
INLINE vec join_halves(vec a, vec b, const int upper) {
    ivec lane = i_lanes() & 3;
    return v_pick(a, b, (i_lanes() & ~3) + (lane & 1) + 2 * upper + (lane >> 1) * LANES);
}

/* Every other block of a, then of b. */
INLINE vec every_other(vec a, vec b, const int odd) {
    return v_pick(a, b, ((i_lanes() & ~3) * 2) + (i_lanes() & 3) + 4 * odd);
}

/* Row i becomes block i of every row: `step` vectors from one row to the next. */
INLINE void transpose_blocks(vec *row, const int step) {
#if LANES == 8
    vec a = row[0], b = row[step];
    row[0] = every_other(a, b, 0);
    row[step] = every_other(a, b, 1);
#elif LANES == 16
    vec even[2], odd[2];
    UNROLL_FOR(int k = 0; k < 2; k++) {
        even[k] = every_other(row[2 * k * step], row[(2 * k + 1) * step], 0);
        odd[k] = every_other(row[2 * k * step], row[(2 * k + 1) * step], 1);
    }
    UNROLL_FOR(int k = 0; k < 2; k++) {
        row[2 * k * step] = every_other(even[0], even[1], k);
        row[(2 * k + 1) * step] = every_other(odd[0], odd[1], k);
    }
#else
    (void)row, (void)step;
#endif
}

/* Transpose LANES vectors in place. */
INLINE void transpose_rows(vec *row) {
    UNROLL_FOR(int i = 0; i < LANES; i += 4) {
        vec low[2], high[2];
        UNROLL_FOR(int k = 0; k < 2; k++) {
            low[k] = take_turns(row[i + 2 * k], row[i + 2 * k + 1], 0);
            high[k] = take_turns(row[i + 2 * k], row[i + 2 * k + 1], 1);
        }
        UNROLL_FOR(int k = 0; k < 2; k++) {
            row[i + k] = join_halves(low[0], low[1], k);
            row[i + 2 + k] = join_halves(high[0], high[1], k);
        }
    }
    UNROLL_FOR(int k = 0; k < 4; k++) transpose_blocks(row + k, 4);
}

/* b = a^T for a block of LANES by LANES. */
INLINE void transpose_block(const float *a, ptrdiff_t lda, float *b, ptrdiff_t ldb) {
    vec row[LANES];
    UNROLL_FOR(int i = 0; i < LANES; i++) row[i] = v_load(a + i * lda);
    transpose_rows(row);
    UNROLL_FOR(int i = 0; i < LANES; i++) v_store(b + i * ldb, row[i]);
}
#endif

/* transposed [out][width * LANES] = the rows of W from vector `first` on, transposed: a panel of W^T.
 * Columns of groups `from` to `to` only. */
static void transpose_panel(const Matrix *w, const float *working, int first, int width, int from,
                            int to, float *transposed) {
    for (int g = from; g < to; g++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, g, k);
            const float *a = working + q.at + (int64_t)first * LANES * q.width * LANES;
            float *b = transposed
                       + (int64_t)(q.first - from * (w->vecs / w->groups)) * LANES * width * LANES;
            for (int c = 0; c < q.width; c++)
                for (int r = 0; r < width; r++)
                    transpose_block(a + (int64_t)r * LANES * q.width * LANES + c * LANES,
                                    q.width * LANES, b + c * LANES * width * LANES + r * LANES,
                                    width * LANES);
        }
}

#endif
