/* The shape of the model, in the units of the vectors that it is computed with.
 *
 * d d_model, da width of the heads side by side, ff 4 d, V vocabulary, T block size. Matrices of
 * activations are [rows][ld] with zeros behind the last feature, so that no kernel has a tail.
 */
#ifndef SHAPE_INL_H
#define SHAPE_INL_H

#include "limits.h"
#include "vec-inl.h"

/* How many heads one vector holds, or how many vectors a head. */
typedef struct {
    int room;   /* places of a head: a power of two up to LANES, then a multiple of it */
    int group;  /* lanes of a vector that belong to one head */
    int span;   /* vectors of a head, 1 where a vector holds several */
    int merge;  /* vectors whose sums share one vector: 1, 2 or 4 */
    int blocks; /* vectors of scores of one query and key */
    int da;     /* width of all heads, a multiple of LANES */
} Heads;

typedef struct {
    int d, ff, V, T, layers;
    int head_size; /* features of a head */
    int squared;   /* the activation is ReLU's square */
    int dv;        /* d padded to whole vectors: the row of an embedding */
    int ld, ld_qkv, ld_att, ld_ff, ld_vocab;
    Heads heads;
} Shape;

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

static Shape shape_of(int64_t d, int64_t n_heads, int64_t layers, int64_t T, int64_t V,
                      int64_t squared) {
    Shape s = {.d = (int)d, .ff = 4 * (int)d, .V = (int)V, .T = (int)T, .layers = (int)layers};
    s.head_size = s.d / (int)n_heads;
    s.squared = squared != 0;
    s.heads = heads_of(s.d, (int)n_heads);
    s.dv = padded(s.d, LANES);
    s.ld = leading(s.dv);
    s.ld_qkv = leading(3 * s.heads.da);
    s.ld_att = leading(s.heads.da);
    s.ld_ff = leading(padded(s.ff, LANES));
    s.ld_vocab = leading(padded(s.V, LANES));
    return s;
}

#endif
