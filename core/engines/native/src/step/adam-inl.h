/* Adam (Kingma and Ba, 2015) with bias correction. */
#ifndef ADAM_INL_H
#define ADAM_INL_H

#include "products/kernels-inl.h"

/* rate / (1 - beta1^t) and (1 - beta2^t)^-1/2 for the update t, counted from 1. */
static void adam_coefficients(const eetui_run *run, double rate, int64_t t, float *c) {
    c[KEEP1] = (float)run->beta1;
    c[KEEP2] = (float)run->beta2;
    c[RATE] = (float)(rate / (1.0 - pow(run->beta1, (double)t)));
    c[ROOT] = (float)(1.0 / sqrt(1.0 - pow(run->beta2, (double)t)));
    c[EPS] = (float)run->eps;
}

/* p -= rate m / (sqrt(v) root + eps) for n weights, a multiple of LANES; gives how many vectors. */
static int64_t adam_vectors(float *RESTRICT p, float *RESTRICT m, float *RESTRICT v,
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
    return n / LANES;
}

/* The fused update of n weights at `at` of the working copy, by their gradients g. */
INLINE void fused_update(const Plan *p, int64_t at, const float *g, int64_t n, const Update *u) {
    adam_vectors(p->call.params + at, p->call.m + at, p->call.v + at, g, n, u->coefficient);
}

#endif
