/* What a way of computing the products has to offer; a step calls nothing else for them. */
#ifndef KERNELS_INL_H
#define KERNELS_INL_H

#include "products/epilogue.h"
#include "step/plan-inl.h"

enum { KEEP1, KEEP2, ROOT, EPS, COEFFICIENTS };

/* How the gradients of one piece of a batch are used. */
typedef struct {
    int first, last;                 /* of the pieces of its batch */
    int fuse;                        /* update right behind the gradient of the last piece */
    float coefficient[COEFFICIENTS]; /* of Adam, see adam.h */
} Update;

typedef struct Arena Arena;

/* Matrices of activations are [rows][ld], zero behind the last feature; weights lie in the panels
 * of p->call.params, gradients alike in p->call.grads[p->call.thread]. What may be null says so. */
struct Kernels {
    int fuses; /* `gradient` can update the weights itself */
    int pairs; /* they keep the weights in p->call.pairs as well, see bf16-inl.h */

    /* Take scratch for a thread and tell where it is (p->work.kernel). Runs twice, the first time to
     * count, when there is no memory yet. May be null. */
    void *(*lay_out)(const Plan *p, Arena *a);

    /* Before and after a part of a step's documents, on the thread that takes it. May be null. */
    void (*enter)(const Plan *p);
    void (*leave)(const Plan *p);

    /* c [rows][ldc] (+)= a [rows][lda] W: a projection of the forward pass. */
    void (*forward)(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                    int rows, int add, Epilogue epilogue, float *side);
    /* da [rows][lda] = dc [rows][ldc] W^T: the gradient of a projection's input. */
    void (*backward)(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da, int lda,
                     int rows, Epilogue epilogue, float *side);
    /* G (+)= a^T dc, and the update of W where u->fuse says so. */
    void (*gradient)(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                     int ldc, int rows, const Update *u);
    /* y = x scale, and back: see layers.h, of which these are the usual ones. */
    void (*norm_forward)(const Plan *p, const float *x, float *y, float *scale, int rows);
    void (*norm_backward)(const Plan *p, const float *dy, const float *y, const float *scale,
                          float *dx, int add, int rows);

    /* The weights have changed other than by `gradient`. It is called for every part, and
     * nothing else goes on meanwhile. May be null. */
    void (*refresh)(const Plan *p);

    /* All of the five above may be deferred until this is called; null if none ever is. */
    void (*flush)(const Plan *p);
};

#endif
