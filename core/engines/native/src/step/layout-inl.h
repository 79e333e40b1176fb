/* Where the weights lie in a working copy: embeddings, and matrices in panels. */
#ifndef LAYOUT_INL_H
#define LAYOUT_INL_H

#include "step/shape-inl.h"

/* Vectors side by side in a panel of weights, and rows of a tile that is 1, 2, 3 or 4 of them
 * wide: as many sums as the registers hold, with room for the panel's row and one number. */
#if REGISTERS == 32
#define PANEL 4
static const int TALL[PANEL + 1] = {0, 12, 12, 8, 6};
#else
#define PANEL 2
static const int TALL[PANEL + 1] = {0, 12, 6};
#endif

/* A weight matrix [in][out] in panels: panel after panel, row after row, `width` vectors a row.
 *
 * In a matrix of which one side is the heads, each head starts at a power of two or a whole
 * vector: `seg` features of each head take `room` places. */
typedef struct {
    int in, out;           /* in the state */
    int in_seg, in_room;   /* rows: in / in_seg heads, or one segment */
    int out_seg, out_room; /* columns alike, in `parts` equal parts of whole vectors */
    int parts;
    int used;          /* rows here that may hold anything but zero */
    int rows;          /* that, padded to whole vectors */
    int vecs;          /* columns here, in vectors */
    int groups;        /* panels do not cross the borders of so many equal parts */
    int64_t state, at; /* where it starts in the state and in the working copy */
} Matrix;

enum { QKV, OUT, EXPAND, CONTRACT, PER_LAYER };

typedef struct {
    Matrix matrix[MAX_LAYERS][PER_LAYER], head;
    int64_t tokens, places; /* the embeddings in the working copy, rows of dv */
    int64_t embeddings;     /* floats of both, which lie side by side */
    int64_t n_floats;       /* of a working copy */
} Layout;

/* Floats of the widest row of a matrix: a head's features take less than twice their room. */
enum { WIDEST_ROW = 3 * 2 * MAX_D + 16 };
_Static_assert(WIDEST_ROW >= 4 * MAX_D + 16 && WIDEST_ROW >= MAX_V + 16, "a row has no room");

/* A matrix after `state` and `working` floats, both of which it moves on. */
static Matrix matrix_of(int in, int out, int in_seg, int in_room, int out_seg, int out_room,
                        int parts, int part_width, int groups, int64_t *state, int64_t *working) {
    Matrix w = {.in = in,
                .out = out,
                .in_seg = in_seg,
                .in_room = in_room,
                .out_seg = out_seg,
                .out_room = out_room,
                .parts = parts,
                .groups = groups,
                .state = *state,
                .at = *working};
    w.used = in / in_seg * in_room;
    w.rows = padded(w.used, LANES);
    w.vecs = parts * (padded(part_width, LANES) / LANES);
    *state += (int64_t)in * out;
    *working += padded((int)((int64_t)w.rows * w.vecs * LANES), 32);
    return w;
}

/* With `groups` of 3, queries, keys and values are products of their own. */
static Layout layout_of(const Shape *s, int groups) {
    Layout o = {0};
    int d = s->d, ff = s->ff, size = s->head_size, room = s->heads.room, da = s->heads.da;
    int64_t state = (int64_t)(s->V + s->T) * d, working = 0;
    o.tokens = working;
    working += padded(s->V * s->dv, 32);
    o.places = working;
    working += padded(s->T * s->dv, 32);
    o.embeddings = o.places - o.tokens + (int64_t)s->T * s->dv;
    for (int l = 0; l < s->layers; l++) {
        Matrix *w = o.matrix[l];
        w[QKV] = matrix_of(d, 3 * d, d, d, size, room, 3, da, groups, &state, &working);
        w[OUT] = matrix_of(d, d, size, room, d, d, 1, d, 1, &state, &working);
        w[EXPAND] = matrix_of(d, ff, d, d, ff, ff, 1, ff, 1, &state, &working);
        w[CONTRACT] = matrix_of(ff, d, ff, ff, d, d, 1, d, 1, &state, &working);
    }
    o.head = matrix_of(d, s->V, d, d, s->V, s->V, 1, s->V, 1, &state, &working);
    o.n_floats = working;
    return o;
}

#endif
