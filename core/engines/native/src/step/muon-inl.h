/* Muon (Jordan et al., 2024) for the matrices of the blocks: the momentum of the gradient with all
 * its singular values brought near to one, by Newton and Schulz's iteration on the register tiles.
 * core/model/muon.py is the same in plain NumPy. Embeddings and head stay with Adam. */
#ifndef MUON_INL_H
#define MUON_INL_H

#include "products/registers-inl.h"

#define MUON_MOMENTUM 0.9f
#define MUON_LEAST 1e-7f /* added to a norm that may be zero */
enum { MUON_ITERATIONS = 3 };

/* A matrix as the iteration takes it: its longer side down, [tall][side], both with padding. */
typedef struct {
    int tall, side;
    int turned; /* whether that is its transpose */
} Upright;

INLINE Upright upright_of(const Matrix *w) {
    int wide = w->vecs * LANES;
    if (w->used >= wide) return (Upright){.tall = w->used, .side = wide};
    return (Upright){.tall = wide, .side = w->rows, .turned = 1};
}

/* Where the blocks' matrices begin and end in a working copy. */
INLINE int64_t blocks_begin(const Plan *p) { return p->layout.matrix[0][0].at; }
INLINE int64_t blocks_end(const Plan *p) { return p->layout.head.at; }

/* c [rows][ldc] = a b, or a^T b by the tiles that go down; b and c are `vecs` vectors wide. */
static void tiles_product(Tile *const tiles[PANEL + 1][13], const float *a, ptrdiff_t lda,
                          ptrdiff_t next_row, const float *b, ptrdiff_t ldb, int depth, float *c,
                          ptrdiff_t ldc, int rows, int vecs) {
    for (int first = 0; first < vecs;) {
        int width = next_height(vecs - first, PANEL);
        for (int r = 0; r < rows;) {
            int height = next_height(rows - r, TALL[width]);
            tiles[width][height](a + r * next_row, lda, b + first * LANES, ldb, depth,
                                 c + r * ldc + first * LANES, ldc, 0, STORE, NULL);
            r += height;
        }
        first += width;
    }
}

/* The momentum takes the gradient in, and y becomes what Nesterov's step would go along; gives
 * the sum of its squares. */
static float muon_momentum(const Plan *p, const Matrix *w, Upright form, float *y, int ld) {
    const vec keep = v_set(MUON_MOMENTUM);
    vec squares = v_zero();
    for (int s = 0; s < w->groups; s++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, s, k);
            ptrdiff_t wide = q.width * LANES;
            float *m = p->call.m + q.at;
            const float *g = p->call.grads[0] + q.at;
            for (int r = 0; r < w->rows; r += LANES)
                for (int j = 0; j < wide; j += LANES) {
                    vec along[LANES];
                    for (int i = 0; i < LANES; i++) {
                        ptrdiff_t at = (r + i) * wide + j;
                        vec x = v_load(g + at), first = v_fma(keep, v_load(m + at) - x, x);
                        v_store(m + at, first);
                        along[i] = v_fma(keep, first - x, x);
                        squares = v_fma(along[i], along[i], squares);
                    }
                    ptrdiff_t column = q.first * LANES + j;
                    if (form.turned) transpose_rows(along);
                    for (int i = 0; i < LANES; i++)
                        v_store(form.turned ? y + (column + i) * ld + r : y + (r + i) * ld + column,
                                along[i]);
                }
        }
    return v_first(v_total(squares));
}

/* w -= rate y. */
static void muon_step(const Plan *p, const Matrix *w, Upright form, const float *y, int ld,
                      float rate) {
    for (int s = 0; s < w->groups; s++)
        for (int k = 0; k < panels_of(w); k++) {
            Panel q = panel_of(w, s, k);
            ptrdiff_t wide = q.width * LANES;
            float *to = p->call.params + q.at;
            for (int r = 0; r < w->rows; r += LANES)
                for (int j = 0; j < wide; j += LANES) {
                    vec along[LANES];
                    ptrdiff_t column = q.first * LANES + j;
                    for (int i = 0; i < LANES; i++)
                        along[i] = v_load(form.turned ? y + (column + i) * ld + r
                                                      : y + (r + i) * ld + column);
                    if (form.turned) transpose_rows(along);
                    for (int i = 0; i < LANES; i++) {
                        float *at = to + (r + i) * wide + j;
                        v_store(at, v_load(at) - rate * along[i]);
                    }
                }
        }
}

/* b = a I + b G + c G^2, from G and its square: what y is multiplied by. */
static void muon_polynomial(const float *gram, float *square, int side, int ld, float scale) {
    const float one = 3.4445f * scale, two = -4.7750f * scale * scale * scale,
                three = 2.0315f * scale * scale * scale * scale * scale;
    for (int r = 0; r < side; r++) {
        float *row = square + (ptrdiff_t)r * ld;
        const float *of = gram + (ptrdiff_t)r * ld;
        for (int j = 0; j < side; j += LANES)
            v_store(row + j, two * v_load(of + j) + three * v_load(row + j));
        row[r] += one;
    }
}

/* One step of Muon for a matrix, from its gradient summed over all threads. */
static void muon_matrix(Plan *p, const Matrix *w, float rate) {
    Muon *own = &p->work.muon;
    Upright form = upright_of(w);
    int ld = own->ld, vecs = form.side / LANES;
    float *y = own->y, *next = own->next;
    float norm = sqrtf(muon_momentum(p, w, form, y, ld)) + MUON_LEAST;
    for (int i = 0; i < MUON_ITERATIONS; i++) {
        tiles_product(DOWN_TILES, y, ld, 1, y, ld, form.tall, own->gram, ld, form.side, vecs);
        tiles_product(ACROSS_TILES, own->gram, ld, ld, own->gram, ld, form.side, own->square, ld,
                      form.side, vecs);
        muon_polynomial(own->gram, own->square, form.side, ld, i == 0 ? 1.0f / norm : 1.0f);
        tiles_product(ACROSS_TILES, y, ld, ld, own->square, ld, form.side, next, ld, form.tall,
                      vecs);
        float *last = y;
        y = next;
        next = last;
    }
    int longer = w->in > w->out ? w->in : w->out, shorter = w->in + w->out - longer;
    muon_step(p, w, form, y, ld, rate * sqrtf((float)longer));
    p->work.counts[EETUI_MULTIPLY_ADDS] += MUON_ITERATIONS * (int64_t)shorter * shorter
                                           * (2 * longer + shorter);
}

/* Every matrix of the blocks, parted among the threads. */
static void muon_update(Plan *p, float rate) {
    for (int i = p->call.thread; i < p->shape.layers * PER_LAYER; i += p->call.threads)
        muon_matrix(p, block_matrix(p, i), rate);
}

#endif
