/* Adam (Kingma and Ba, 2015) with bias correction, and the gradients of weights it lives on. */
#ifndef ADAM_H
#define ADAM_H

#include "products.h"

enum { KEEP1, KEEP2, RATE, ROOT, EPS, COEFFICIENTS };

/* rate / (1 - beta1^t) and (1 - beta2^t)^-1/2 for the update t, counted from 1. */
static void adam_coefficients(const eetui_run *run, double rate, int64_t t, float *c) {
    c[KEEP1] = (float)run->beta1;
    c[KEEP2] = (float)run->beta2;
    c[RATE] = (float)(rate / (1.0 - pow(run->beta1, (double)t)));
    c[ROOT] = (float)(1.0 / sqrt(1.0 - pow(run->beta2, (double)t)));
    c[EPS] = (float)run->eps;
}

/* p -= rate m / (sqrt(v) root + eps) for n weights, a multiple of LANES. */
static void adam_vectors(float *RESTRICT p, float *RESTRICT m, float *RESTRICT v,
                         const float *RESTRICT g, int64_t n, const float *c) {
    vec keep1 = v_set(c[KEEP1]), keep2 = v_set(c[KEEP2]), rate = v_set(c[RATE]);
    vec root = v_set(c[ROOT]), eps = v_set(c[EPS]), least = v_set(1e-36f);
    for (int64_t i = 0; i < n; i += LANES) {
        vec x = v_load(g + i), square = x * x;
        vec first = v_fma(keep1, v_load(m + i) - x, x);
        vec second = v_fma(keep2, v_load(v + i) - square, square);
        v_store(m + i, first);
        v_store(v + i, second);
        vec deviation = second * v_rsqrt(v_max(least, second));
        v_store(p + i, v_load(p + i) - rate * first / v_fma(deviation, root, eps));
    }
}

/* How the gradients of one piece of a batch are used. */
typedef struct {
    int first, last;      /* of the pieces of its batch */
    int fuse;             /* update right behind the gradient of the last piece */
    float coefficient[COEFFICIENTS];
} Update;

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
static void weight_gradient(const Plan *p, const Matrix *w, const float *a, int lda,
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

#endif
