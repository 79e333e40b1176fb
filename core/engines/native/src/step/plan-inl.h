/* What a call works with, by its four jobs: the shape of the model, where its weights lie, what
 * was asked for, and the workspace of one thread. */
#ifndef PLAN_INL_H
#define PLAN_INL_H

#include "eetui.h"
#include "step/layout-inl.h"
#include "thread_pool.h"

/* The rows of one piece of a batch. Each distinct prefix is a row; each distinct (token, place) is
 * a first row. Without prefix sharing every position is its own row and first row. */
typedef struct {
    int rows, firsts, pairs;
    int weights;                     /* attention weights of all rows */
    int32_t *first;                  /* [rows] the first row that a row begins with */
    int32_t *depth;                  /* [rows] the place in the document */
    int32_t *path_at;                /* [rows] where its path starts: depth + 1 rows, itself last */
    int32_t *prob_at;                /* [rows] where its depth + 1 attention weights start */
    int32_t *path;                   /* where the rows of a path start in q, k, v: row * ld_qkv */
    int32_t *path_first;             /* the same of its first rows */
    int32_t *token, *place;          /* [firsts] */
    int32_t *itself;                 /* [rows] 0, 1, 2 ... */
    int32_t *count;                  /* [rows] predictions made at this row */
    int32_t *pair_row, *pair_target; /* [pairs] every prediction of the piece */
} Piece;

/* What the backward pass needs of one layer. `side` holds ReLU's output, of which `hid` is the
 * square or which it is. */
typedef struct {
    float *n1, *r1, *qkv, *prob, *att, *n2, *r2, *hid, *side;
} Layer;

/* What Muon's iteration works with, rows of ld. */
typedef struct {
    int ld;
    float *y, *next, *gram, *square;
} Muon;

/* The buffers of one thread, for one piece of a batch after the other. */
typedef struct {
    int max_rows; /* of a piece */
    Piece piece;
    Layer layer[MAX_LAYERS];
    float *x0, *r0, *x, *logits;
    float *sum; /* what is added to x, where that takes a pass of its own */
    float *dx, *dn, *datt, *dqkv, *dhid, *dfirst;
    float *transposed;     /* one panel of a transposed matrix */
    int32_t *order, *seen; /* [batch] documents in order; [T][V] first row of a token */
    uint64_t *keys;        /* [batch] */
    Muon muon;
    void *kernel;    /* what the kernels keep for this thread */
    int64_t *counts; /* [EETUI_COUNTS] */
} Workspace;

typedef struct Kernels Kernels;

/* Adam on n weights that lie side by side, see adam-inl.h; gives the vectors that these were. */
typedef int64_t Adam(float *params, float *m, float *v, const float *g, int64_t n,
                     const float *coefficient);

/* What was asked for, and what all threads share. */
typedef struct {
    const eetui_run *run;
    const Kernels *kernels; /* how the products are computed */
    Adam *adam;             /* how weights are updated in a pass of its own */
    int fused, fast;
    int thread, threads;          /* whose part of the work is being done, of how many */
    uint32_t *pairs;              /* [n_floats / 2] the weights in bfloat16, or null */
    float *params, *m, *v;        /* working copies */
    float *grads[MAX_THREADS];    /* the gradients of each part, laid out alike */
    int64_t *counts[MAX_THREADS]; /* [EETUI_COUNTS] */
    double *loss;                 /* [threads], a cache line each */
} Call;

typedef struct {
    Shape shape;
    Layout layout;
    Call call;
    Workspace work;
} Plan;

/* Matrix `i` of the blocks, counted through the layers. */
INLINE const Matrix *block_matrix(const Plan *p, int i) {
    return &p->layout.matrix[i / PER_LAYER][i % PER_LAYER];
}

#endif
