/* What a call works with: the shape of the model, the working copy of its weights and the buffers.
 *
 * d d_model, da width of the heads side by side, ff 4 d, V vocabulary, T block size. Matrices of
 * activations are [rows][ld] with zeros behind the last feature, so that no kernel has a tail.
 */
#ifndef PLAN_H
#define PLAN_H

#include "unit.h"
#include "vec.h"

/* Vectors side by side in a panel of weights, and rows of a tile that is 1, 2, 3 or 4 of them
 * wide: as many sums as the registers hold, with room for the panel's row and one number. */
#if REGISTERS == 32
#define PANEL 4
static const int TALL[5] = {0, 12, 12, 8, 6};
#else
#define PANEL 2
static const int TALL[5] = {0, 12, 6, 0, 0};
#endif

/* Floats of all activations of one piece of a batch: about what the second-level cache holds. */
#define PIECE_FLOATS (1 << 19)
#define LEAST_ROWS 256

/* A weight matrix [in][out] in panels: panel after panel, row after row, `width` vectors a row.
 *
 * In a matrix of which one side is the heads, each head starts at a power of two or a whole
 * vector: `seg` features of each head take `room` places. */
typedef struct {
    int in, out;           /* in the state */
    int in_seg, in_room;   /* rows: in / in_seg heads, or one segment */
    int out_seg, out_room; /* columns alike, in `parts` equal parts of whole vectors */
    int parts;
    int used;              /* rows here that may hold anything but zero */
    int rows;              /* that, padded to whole vectors */
    int vecs;              /* columns here, in vectors */
    int groups;            /* panels do not cross the borders of so many equal parts */
    int64_t state, at;     /* where it starts in the state and in the working copy */
} Matrix;

enum { QKV, OUT, EXPAND, CONTRACT, PER_LAYER };

/* How many heads one vector holds, or how many vectors a head. */
typedef struct {
    int room;   /* places of a head: a power of two up to LANES, then a multiple of it */
    int group;  /* lanes of a vector that belong to one head */
    int span;   /* vectors of a head, 1 where a vector holds several */
    int merge;  /* vectors whose sums share one vector: 1, 2 or 4 */
    int blocks; /* vectors of scores of one query and key */
    int da;     /* width of all heads, a multiple of LANES */
} Heads;

/* The rows of one piece of a batch. Each distinct prefix is a row; each distinct (token, place) is
 * a first row. Without prefix sharing every position is its own row and first row. */
typedef struct {
    int rows, firsts, pairs;
    int weights;           /* attention weights of all rows */
    int32_t *first;        /* [rows] the first row that a row begins with */
    int32_t *depth;        /* [rows] the place in the document */
    int32_t *path_at;      /* [rows] where the row's path starts: depth + 1 rows, itself the last */
    int32_t *prob_at;      /* [rows] where its depth + 1 attention weights start */
    int32_t *path;         /* where the rows of a path start in q, k, v: row * ld_qkv */
    int32_t *path_first;   /* the same of its first rows */
    int32_t *token, *place; /* [firsts] */
    int32_t *itself;       /* [rows] 0, 1, 2 ... */
    int32_t *count;        /* [rows] predictions made at this row */
    int32_t *pair_row, *pair_target; /* [pairs] every prediction of the piece */
} Piece;

/* What the backward pass needs of one layer. */
typedef struct {
    float *n1, *r1, *qkv, *prob, *att, *n2, *r2, *hid, *side;
} Layer;

enum { MAX_LAYERS = 8, MAX_THREADS = 8, MAX_BATCH = 512, MAX_T = 64 };

typedef struct Kernels Kernels;

typedef struct {
    const eetui_run *run;
    const Kernels *kernels;     /* how its products are computed */
    int d, ff, V, T, layers;
    int size;                   /* features of a head */
    int dv;                     /* d padded to whole vectors: the row of an embedding */
    int ld, ld_qkv, ld_att, ld_ff, ld_vocab;
    int max_rows;
    int tiles, fused, fast, squared;
    Heads heads;
    Matrix matrix[MAX_LAYERS][PER_LAYER], head;
    int64_t tok, pos;           /* the embeddings in the working copy, rows of dv */
    int64_t n_working;          /* floats of a working copy */
    float *p, *m, *v;           /* working copies, shared by all threads */
    float *g[MAX_THREADS];      /* the gradients of each thread, laid out alike */
    double *loss;               /* [threads] */
    /* of this thread */
    Layer layer[MAX_LAYERS];
    float *x0, *r0, *x, *dx, *dn, *datt, *dqkv, *dhid, *dfirst, *logits, *rest;
    float *turned;              /* one panel of a transposed matrix */
    float *scores;              /* [T][blocks] of one query, backward */
    int32_t *order, *seen;      /* [batch] documents in order; [T][V] first row of a token */
    uint64_t *keys;             /* [batch] */
    Piece piece;
    int thread, threads;
    void *own;                  /* what the kernels keep for this thread */
} Plan;

INLINE int padded(int n, int to) { return (n + to - 1) / to * to; }

/* Floats from one row to the next: whole cache lines, and no multiple of eight of them, since
 * rows at a power of two fall into few sets of the cache and push each other out. */
INLINE int leading(int n) {
    int lines = (n + 15) / 16;
    return 16 * (lines % 8 == 0 ? lines + 1 : lines);
}

static Heads heads_of(int d, int n_heads) {
    Heads h = {.room = d / n_heads};
    if (h.room > LANES) {
        h.room = padded(h.room, LANES);
    } else {
        int room = 1;
        while (room < h.room) room *= 2;
        h.room = room;
    }
    h.group = h.room < LANES ? h.room : LANES;
    h.span = h.room < LANES ? 1 : h.room / LANES;
    h.da = padded(n_heads * h.room, LANES);
    int bundles = h.da / LANES / h.span;
    h.merge = 1;
    while (LANES >= 8 && h.merge < 4 && 2 * h.merge <= h.group && bundles % (2 * h.merge) == 0)
        h.merge *= 2;
    h.blocks = bundles / h.merge;
    return h;
}

/* A matrix after `state` and `working` floats, both of which it moves on. */
static Matrix matrix_of(int in, int out, int in_seg, int in_room, int out_seg, int out_room,
                        int parts, int part_width, int groups, int64_t *state,
                        int64_t *working) {
    Matrix w = {.in = in, .out = out, .in_seg = in_seg, .in_room = in_room, .out_seg = out_seg,
                .out_room = out_room, .parts = parts, .groups = groups,
                .state = *state, .at = *working};
    w.used = in / in_seg * in_room;
    w.rows = padded(w.used, LANES);
    w.vecs = parts * (padded(part_width, LANES) / LANES);
    *state += (int64_t)in * out;
    *working += padded((int)((int64_t)w.rows * w.vecs * LANES), 16);
    return w;
}

static void lay_out_weights(Plan *p, int groups) {
    const Heads *h = &p->heads;
    int d = p->d, ff = p->ff, size = p->size;
    int64_t state = (int64_t)(p->V + p->T) * d, working = 0;
    p->tok = working;
    working += padded(p->V * p->dv, 16);
    p->pos = working;
    working += padded(p->T * p->dv, 16);
    for (int l = 0; l < p->layers; l++) {
        Matrix *w = p->matrix[l];
        w[QKV] = matrix_of(d, 3 * d, d, d, size, h->room, 3, h->da, groups, &state, &working);
        w[OUT] = matrix_of(d, d, size, h->room, d, d, 1, d, 1, &state, &working);
        w[EXPAND] = matrix_of(d, ff, d, d, ff, ff, 1, ff, 1, &state, &working);
        w[CONTRACT] = matrix_of(ff, d, ff, ff, d, d, 1, d, 1, &state, &working);
    }
    p->head = matrix_of(d, p->V, d, d, p->V, p->V, 1, p->V, 1, &state, &working);
    p->n_working = working;
}

static void shape_of(Plan *p, int64_t d, int64_t n_heads, int64_t layers, int64_t T, int64_t V) {
    p->d = (int)d;
    p->ff = 4 * p->d;
    p->V = (int)V;
    p->T = (int)T;
    p->layers = (int)layers;
    p->size = p->d / (int)n_heads;
    p->heads = heads_of(p->d, (int)n_heads);
    p->dv = padded(p->d, LANES);
    p->ld = leading(p->dv);
    p->ld_qkv = leading(3 * p->heads.da);
    p->ld_att = leading(p->heads.da);
    p->ld_ff = leading(padded(p->ff, LANES));
    p->ld_vocab = leading(padded(p->V, LANES));
}

#endif
