/* The kernels of SME2 as a step sees them: each writes down what is to be done, and `flush` has
 * all of it done in one stay in streaming mode. Entering and leaving costs more than a small
 * product, and NEON, which this unit is made of, cannot run in between. */
#ifndef SME2_QUEUE_INL_H
#define SME2_QUEUE_INL_H

#include "products/sme2.h"
#include "step/scratch-inl.h"
#include "step/weights-inl.h"

/* No phase of a step has more operations; one that had would be run in two. */
enum { SME2_QUEUED = 16 };

typedef struct {
    int n;
    float *packed, *transposed;
    Sme2Op op[SME2_QUEUED];
} Sme2Queue;

/* Columns of the widest matrix of weights or activations. */
static int64_t sme2_widest(const Plan *p) {
    int widest = padded(p->shape.V, LANES);
    if (widest < p->shape.ff) widest = padded(p->shape.ff, LANES);
    return widest < 3 * p->shape.heads.da ? 3 * p->shape.heads.da : widest;
}

static int64_t sme2_packed(const Plan *p) {
    return padded(p->work.max_rows, SME2_LONGEST) * sme2_widest(p);
}

static void *sme2_lay_out(const Plan *p, Arena *a) {
    int64_t floats = sme2_packed(p) + 2 * SME2_LONGEST * sme2_widest(p);
    return take(a, (int64_t)sizeof(Sme2Queue) + 4 * floats);
}

static void sme2_enter(const Plan *p) {
    Sme2Queue *q = p->work.kernel;
    q->n = 0;
    q->packed = (float *)(q + 1);
    q->transposed = q->packed + sme2_packed(p);
}

static void sme2_flush(const Plan *p) {
    Sme2Queue *q = p->work.kernel;
    if (q->n) eetui_sme2_run(q->op, q->n, q->packed, q->transposed);
    q->n = 0;
}

static void sme2_defer(const Plan *p, Sme2Op op) {
    Sme2Queue *q = p->work.kernel;
    if (q->n == SME2_QUEUED) sme2_flush(p);
    q->op[q->n++] = op;
}

static Sme2Panels sme2_panels(const Matrix *w, float *working) {
    int vecs = w->vecs / w->groups, n = panels_of(w);
    return (Sme2Panels){.at = working + w->at,
                        .used = w->used,
                        .rows = w->rows,
                        .columns = w->vecs * LANES,
                        .panels = n,
                        .wides = vecs % n,
                        .wide = (vecs / n + 1) * LANES,
                        .thin = vecs / n * LANES};
}

static void sme2_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                         int rows, int add, Epilogue epilogue, float *side) {
    sme2_defer(p, (Sme2Op){.kind = SME2_FORWARD,
                           .rows = rows,
                           .add = add,
                           .epilogue = epilogue,
                           .a = a,
                           .lda = lda,
                           .c = c,
                           .ldc = ldc,
                           .side = side,
                           .w = sme2_panels(w, p->call.params)});
}

static void sme2_backward(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                          int lda, int rows, Epilogue epilogue, float *side) {
    sme2_defer(p, (Sme2Op){.kind = SME2_BACKWARD,
                           .rows = rows,
                           .epilogue = epilogue,
                           .a = dc,
                           .lda = ldc,
                           .c = da,
                           .ldc = lda,
                           .side = side,
                           .w = sme2_panels(w, p->call.params)});
}

static void sme2_gradient(const Plan *p, const Matrix *w, const float *a, int lda, const float *dc,
                          int ldc, int rows, const Update *u) {
    sme2_defer(p, (Sme2Op){.kind = SME2_GRADIENT,
                           .rows = rows,
                           .add = !u->first,
                           .a = a,
                           .lda = lda,
                           .b = dc,
                           .ldb = ldc,
                           .w = sme2_panels(w, p->call.grads[p->call.thread])});
}

static void sme2_norm_forward(const Plan *p, const float *x, float *y, float *scale, int rows) {
    sme2_defer(p, (Sme2Op){.kind = SME2_NORM,
                           .rows = rows,
                           .a = x,
                           .lda = p->shape.ld,
                           .c = y,
                           .ldc = p->shape.ld,
                           .side = scale,
                           .d = p->shape.d,
                           .width = p->shape.dv,
                           .eps = NORM_EPS});
}

static void sme2_norm_backward(const Plan *p, const float *dy, const float *y, const float *scale,
                               float *dx, int add, int rows) {
    sme2_defer(p, (Sme2Op){.kind = SME2_NORM_BACK,
                           .rows = rows,
                           .add = add,
                           .a = dy,
                           .lda = p->shape.ld,
                           .b = y,
                           .ldb = p->shape.ld,
                           .c = dx,
                           .ldc = p->shape.ld,
                           .scale = scale,
                           .d = p->shape.d,
                           .width = p->shape.dv});
}

static const Kernels SME2_KERNELS = {
    .lay_out = sme2_lay_out,
    .enter = sme2_enter,
    .forward = sme2_forward,
    .backward = sme2_backward,
    .gradient = sme2_gradient,
    .norm_forward = sme2_norm_forward,
    .norm_backward = sme2_norm_backward,
    .flush = sme2_flush,
};

#endif
