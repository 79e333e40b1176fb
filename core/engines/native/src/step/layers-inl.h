/* Embeddings, norms, softmax and loss: what works on one row at a time. */
#ifndef LAYERS_INL_H
#define LAYERS_INL_H

#include "step/plan-inl.h"

#define NORM_EPS 1e-5f
#define ROWS_AT_ONCE 64 /* a row's sum of exp is at most 2^8: 64 of them multiply in a double */

/* y = x scale with scale = 1 / sqrt(mean(x^2) + 1e-5); y may be x. */
INLINE void norm_row(const float *x, float *y, float *scale, int d, int dv) {
    vec total = v_zero();
    for (int f = 0; f < dv; f += LANES) {
        vec a = v_load(x + f);
        total = v_fma(a, a, total);
    }
    vec s = v_rsqrt(v_fma(v_total(total), v_set(1.0f / (float)d), v_set(NORM_EPS)));
    *scale = v_first(s);
    for (int f = 0; f < dv; f += LANES) v_store(y + f, v_load(x + f) * s);
}

static void norm_forward(const Plan *p, const float *x, float *y, float *scale, int rows) {
    for (int r = 0; r < rows; r++)
        norm_row(x + (ptrdiff_t)r * p->shape.ld, y + (ptrdiff_t)r * p->shape.ld, scale + r,
                 p->shape.d, p->shape.dv);
}

/* dx (+)= scale (dy - y mean(dy y)), from the normalised y; dx may be dy. */
static void norm_backward(const Plan *p, const float *dy, const float *y, const float *scale,
                          float *dx, int add, int rows) {
    vec share = v_set(-1.0f / (float)p->shape.d);
    for (int r = 0; r < rows; r++) {
        ptrdiff_t at = (ptrdiff_t)r * p->shape.ld;
        vec total = v_zero();
        for (int f = 0; f < p->shape.dv; f += LANES)
            total = v_fma(v_load(dy + at + f), v_load(y + at + f), total);
        vec mean = v_total(total) * share, s = v_set(scale[r]);
        for (int f = 0; f < p->shape.dv; f += LANES) {
            vec g = v_fma(v_load(y + at + f), mean, v_load(dy + at + f)) * s;
            if (add) g += v_load(dx + at + f);
            v_store(dx + at + f, g);
        }
    }
}

/* The first rows: x = norm(tok_emb[token] + pos_emb[place]), x [firsts][ld]. */
static void embed_forward(const Plan *p, const int32_t *token, const int32_t *place, int rows,
                          float *x, float *scale) {
    for (int r = 0; r < rows; r++) {
        const float *a = p->call.params + p->layout.tokens + (ptrdiff_t)token[r] * p->shape.dv;
        const float *b = p->call.params + p->layout.places + (ptrdiff_t)place[r] * p->shape.dv;
        float *to = x + (ptrdiff_t)r * p->shape.ld;
        for (int f = 0; f < p->shape.dv; f += LANES) v_store(to + f, v_load(a + f) + v_load(b + f));
        norm_row(to, to, scale + r, p->shape.d, p->shape.dv);
    }
}

static void embed_backward(const Plan *p, const float *dx, int add) {
    const Piece *q = &p->work.piece;
    float *g = p->call.grads[p->call.thread];
    if (!add) memset(g + p->layout.tokens, 0, 4 * (size_t)p->layout.embeddings);
    for (int r = 0; r < q->firsts; r++) {
        float *a = g + p->layout.tokens + (ptrdiff_t)q->token[r] * p->shape.dv;
        float *b = g + p->layout.places + (ptrdiff_t)q->place[r] * p->shape.dv;
        const float *from = dx + (ptrdiff_t)r * p->shape.ld;
        for (int f = 0; f < p->shape.dv; f += LANES) {
            vec x = v_load(from + f);
            v_store(a + f, v_load(a + f) + x);
            v_store(b + f, v_load(b + f) + x);
        }
    }
}

/* to[r] = from[index[r]], rows of whole vectors. */
static void gather_rows(const float *from, const int32_t *index, float *to, int ld, int width,
                        int rows) {
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < width; f += LANES)
            v_store(to + (ptrdiff_t)r * ld + f, v_load(from + (ptrdiff_t)index[r] * ld + f));
}

/* to[i] = the sum of from[r] over the rows r with index[r] == i, which are numbered as they come. */
static void scatter_rows(const float *from, const int32_t *index, float *to, int ld, int width,
                         int rows) {
    for (int r = 0, met = 0; r < rows; r++) {
        ivec again = i_set(-(index[r] < met));
        met += index[r] == met;
        for (int f = 0; f < width; f += LANES) {
            float *at = to + (ptrdiff_t)index[r] * ld + f;
            v_store(at,
                    v_select(again, v_load(at), v_zero()) + v_load(from + (ptrdiff_t)r * ld + f));
        }
    }
}

INLINE vec exp_of(vec x, int fast, int same) { return fast ? v_exp(x) : v_exp_library(x, same); }

/* The sum of the piece's losses in nats; `logits` becomes its gradient times scale. A row stands
 * for count[row] predictions: its softmax counts so often, and each target is taken off once. */
static double softmax_loss(const Plan *p, float *logits, float scale) {
    const Piece *q = &p->work.piece;
    int ld = p->shape.ld_vocab, width = padded(p->shape.V, LANES);
    float *top = p->work.sum,
          *total = p->work.sum + q->rows; /* scratch: rows of ld floats are more */
    ivec lane = i_lanes();
    double loss = 0.0;
    int64_t exps = 0;
    for (int i = 0; i < q->pairs; i++)
        loss -= logits[(ptrdiff_t)q->pair_row[i] * ld + q->pair_target[i]];
    int whole = p->shape.V / LANES * LANES;
    ivec beyond = whole < p->shape.V ? ~i_below(lane, p->shape.V - whole) : i_set(0);
    for (int r = 0; r < q->rows; r++) {
        float *x = logits + (ptrdiff_t)r * ld;
        vec highest = v_set(-1e30f); /* the padding must not win, and its exp be nothing */
        for (int f = 0; f < whole; f += LANES) highest = v_max(highest, v_load(x + f));
        if (whole < width)
            highest = v_max(highest, v_select(beyond, v_set(-1e30f), v_load(x + whole)));
        highest = v_highest(highest);
        vec sum = v_zero();
        for (int f = 0; f < width; f += LANES) {
            vec above = v_load(x + f) - highest;
            if (f == whole) above = v_select(beyond, v_set(-1e30f), above);
            vec e = exp_of(above, p->call.fast, 1);
            exps++;
            if (f == whole) e = v_select(beyond, v_zero(), e);
            v_store(x + f, e);
            sum += e;
        }
        sum = v_total(sum);
        top[r] = v_first(highest);
        total[r] = v_first(sum);
        vec share = v_set(scale * (float)q->count[r]) / sum;
        for (int f = 0; f < width; f += LANES) v_store(x + f, v_load(x + f) * share);
    }
    p->work.counts[EETUI_EXP_VECTORS] += exps;
    double product = 1.0;
    for (int i = 0; i < q->pairs; i++) {
        int r = q->pair_row[i];
        loss += top[r];
        product *= total[r];
        logits[(ptrdiff_t)r * ld + q->pair_target[i]] -= scale;
        if (i % ROWS_AT_ONCE == ROWS_AT_ONCE - 1) {
            loss += log(product);
            product = 1.0;
        }
    }
    return loss + log(product);
}

#endif
