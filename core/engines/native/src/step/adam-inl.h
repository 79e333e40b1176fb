/* Adam (Kingma and Ba, 2015) with bias correction. */
#ifndef ADAM_INL_H
#define ADAM_INL_H

#include "products/kernels-inl.h"

/* 1 - beta^t, which is 1 to the last bit where beta^t <= exp(-t (1 - beta)) is below 2^-54. */
static double bias_correction(double beta, int64_t t) {
    return (double)t * (1.0 - beta) > 38.0 ? 1.0 : 1.0 - pow(beta, (double)t);
}

/* For the update t, counted from 1: (1 - beta2^t)^-1/2 and eps, both divided by the learning rate
 * with its own correction, 1 / (1 - beta1^t). A rate of zero becomes one that moves no weight. */
static void adam_coefficients(const eetui_run *run, double rate, int64_t t, float *c) {
    if (fabs(rate) < 1e-30) rate = 1e-30;
    rate /= bias_correction(run->beta1, t);
    c[KEEP1] = (float)run->beta1;
    c[KEEP2] = (float)run->beta2;
    c[ROOT] = (float)(1.0 / sqrt(bias_correction(run->beta2, t)) / rate);
    c[EPS] = (float)(run->eps / rate);
}

/* The coefficients in all lanes.
 *
 * The multipliers are what limits an update, so the rate is part of root and eps, and root is part of
 * the round of Newton's method that makes a square root of the estimate y: v y (1.5 - 0.5 v y^2). */
typedef struct {
    vec keep1, keep2, most, less, eps;
} AdamLanes;

INLINE AdamLanes adam_lanes(const float *c) {
    return (AdamLanes){.keep1 = v_set(c[KEEP1]),
                       .keep2 = v_set(c[KEEP2]),
                       .most = v_set(1.5f * c[ROOT]),
                       .less = v_set(0.5f * c[ROOT]),
                       .eps = v_set(c[EPS])};
}

/* p -= m / (sqrt(v) root + eps) for a vector of weights with gradients x; gives the new weights. */
INLINE vec adam_vector(const AdamLanes *c, float *RESTRICT p, float *RESTRICT m, float *RESTRICT v,
                       vec x) {
    vec square = v_apart(x * x);
    vec first = v_fma(c->keep1, v_load(m) - x, x);
    vec second = v_fma(c->keep2, v_load(v) - square, square);
    v_store(m, first);
    v_store(v, second);
    second = v_max(v_set(1e-36f), second);
    vec y = v_rsqrt_estimate(second), deviation = second * y;
    vec scaled = v_fma(deviation, c->most - c->less * (deviation * y), c->eps);
    vec weights = v_load(p) - first / scaled;
    v_store(p, weights);
    return weights;
}

/* The update of n weights, a multiple of LANES; gives how many vectors. */
static int64_t adam_vectors(float *RESTRICT p, float *RESTRICT m, float *RESTRICT v,
                            const float *RESTRICT g, int64_t n, const float *c) {
    const AdamLanes lanes = adam_lanes(c);
    for (int64_t i = 0; i < n; i += LANES) adam_vector(&lanes, p + i, m + i, v + i, v_load(g + i));
    return n / LANES;
}

/* The fused update of n weights at `at` of the working copy, by their gradients g. */
INLINE void fused_update(const Plan *p, int64_t at, const float *g, int64_t n, const Update *u) {
    adam_vectors(p->call.params + at, p->call.m + at, p->call.v + at, g, n, u->coefficient);
}

#endif
