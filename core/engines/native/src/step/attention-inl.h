/* Causal attention along the paths of a piece, with features in the lanes and all heads at once.
 *
 * The products of a query and a key are summed within each head's lanes by exchanging lanes, so a
 * score stands in every lane of its head and multiplies a value vector as it is. Where a vector
 * holds one head or few, the sums of several vectors are merged into one before the exp.
 */
#ifndef ATTENTION_INL_H
#define ATTENTION_INL_H

#include "step/layers-inl.h"

/* Sum blocks of `s` lanes of two vectors: a's where bit s of the lane is clear, else b's. */
INLINE vec merge_sums(vec a, vec b, int s) {
    ivec upper = ~i_is_zero(i_lanes() & s);
    return v_select(upper, b, a) + v_permute(v_select(upper, a, b), i_lanes() ^ s);
}

/* Merge the sums of `merge` vectors into one: what is left to sum are `group / merge` lanes. */
INLINE vec merge_heads(const vec *part, const int group, const int merge) {
    if (merge == 1) return part[0];
    if (merge == 2) return merge_sums(part[0], part[1], group / 2);
    return merge_sums(merge_sums(part[0], part[1], group / 2),
                      merge_sums(part[2], part[3], group / 2), group / 4);
}

/* The heads' sums of `merge` vectors in one: see expand. */
INLINE vec head_sums(const vec *part, const int group, const int merge) {
    vec s = merge_heads(part, group, merge);
    UNROLL_FOR(int k = LANES / 2; k > 0; k /= 2)
        if (k < group / merge) s += v_permute(s, i_lanes() ^ k);
    return s;
}

/* What head_sums merged, as it multiplies vector i. */
INLINE vec expand(vec s, int i, const int group, const int merge) {
    if (merge == 1) return s;
    int keep = merge == 2 ? group / 2 : group / 2 + group / 4;
    int to = (i & 1 ? group / 2 : 0) | (i & 2 ? group / 4 : 0);
    return v_permute(s, (i_lanes() & ~keep) | to);
}

/* Equal lanes in a vector of sums. */
INLINE int equal_lanes(const int group, const int merge) { return group / merge; }

/* Lane bits that tell apart the keys whose scores share a vector, and the key of each lane. */
INLINE int key_bits(const int equal, const int keys) {
    return keys == 4 ? equal / 2 + equal / 4 : keys == 2 ? equal / 2 : 0;
}
INLINE ivec lane_keys(const int equal, const int keys) {
    ivec key = ~i_is_zero(i_lanes() & (equal / 2)) & 1;
    return keys == 4 ? key + (~i_is_zero(i_lanes() & (equal / 4)) & 2) : key;
}
INLINE int lane_of_key(int key, const int equal) {
    return (key & 1 ? equal / 2 : 0) | (key & 2 ? equal / 4 : 0);
}

/* As attend, for heads of one vector at most whose sums leave room: the scores of 2 or 4 keys share
 * a vector, so that one exp serves all of them. */
INLINE void attend_keys(const Plan *p, const float *qkv, const float *q, const int32_t *path, int n,
                        float *prob, float *out, int at, const int group, const int merge,
                        const int keys, int64_t *exps) {
    const int equal = equal_lanes(group, merge), bits = key_bits(equal, keys);
    int da = p->shape.heads.da, step = p->shape.heads.blocks * LANES;
    float score[MAX_T * LANES] __attribute__((aligned(64)));
    vec scale = v_set(1.0f / sqrtf((float)p->shape.head_size)), top = v_set(-1e30f),
        mine[4] = {v_zero()};
    ivec key = lane_keys(equal, keys);
    UNROLL_FOR(int i = 0; i < merge; i++) mine[i] = v_load(q + at + i * LANES) * scale;
    for (int j = 0; j < n; j += keys) {
        vec sum[4] = {v_zero()};
        UNROLL_FOR(int u = 0; u < keys; u++) {
            const float *k = qkv + path[j + u < n ? j + u : n - 1] + da + at;
            vec part[4] = {v_zero()};
            UNROLL_FOR(int i = 0; i < merge; i++) part[i] = mine[i] * v_load(k + i * LANES);
            sum[u] = merge_heads(part, group, merge);
        }
        vec s = v_select(i_below(key, n - j), head_sums(sum, equal, keys), v_set(-1e30f));
        v_store(score + j / keys * LANES, s);
        top = v_max(top, s);
    }
    UNROLL_FOR(int k = LANES / 2; k > 0; k /= 2)
        if (k & bits) top = v_max(v_permute(top, i_lanes() ^ k), top);
    vec total = v_zero();
    for (int j = 0; j < n; j += keys) {
        vec e = exp_of(v_load(score + j / keys * LANES) - top, p->call.fast, equal / keys);
        ++*exps;
        e = v_select(i_below(key, n - j), e, v_zero());
        v_store(score + j / keys * LANES, e);
        total += e;
    }
    UNROLL_FOR(int k = LANES / 2; k > 0; k /= 2)
        if (k & bits) total += v_permute(total, i_lanes() ^ k);
    vec inverse = v_set(1.0f) / total, o[4] = {v_zero()};
    UNROLL_FOR(int i = 0; i < merge; i++) o[i] = v_zero();
    for (int j = 0; j < n; j += keys) {
        vec e = v_load(score + j / keys * LANES) * inverse;
        UNROLL_FOR(int u = 0; u < keys; u++) {
            if (j + u >= n) break;
            const float *v = qkv + path[j + u] + 2 * da + at;
            vec mine_only = v_permute(e, (i_lanes() & ~bits) | lane_of_key(u, equal));
            v_store(prob + (j + u) * step, mine_only);
            UNROLL_FOR(int i = 0; i < merge; i++)
                o[i] = v_fma(expand(mine_only, i, group, merge), v_load(v + i * LANES), o[i]);
        }
    }
    UNROLL_FOR(int i = 0; i < merge; i++) v_store(out + at + i * LANES, o[i]);
}

/* One block of heads for one query. q, out: its vectors; k, v: of the path's row 0. Adds to *exps
 * the vectors that exp is taken of. */
INLINE void attend(const Plan *p, const float *qkv, const float *q, const int32_t *path, int n,
                   float *prob, float *out, int at, const int group, const int merge,
                   const int span, const int keys, int64_t *exps) {
    if (keys > 1) {
        attend_keys(p, qkv, q, path, n, prob, out, at, group, merge, keys, exps);
        return;
    }
    int da = p->shape.heads.da, step = p->shape.heads.blocks * LANES;
    vec scale = v_set(1.0f / sqrtf((float)p->shape.head_size));
    vec top = v_set(-1e30f), mine[4] = {v_zero()};
    if (span == 1)
        UNROLL_FOR(int i = 0; i < merge; i++) mine[i] = v_load(q + at + i * LANES) * scale;
    for (int j = 0; j < n; j++) {
        const float *k = qkv + path[j] + da + at;
        vec part[4] = {v_zero()};
        if (span == 1) {
            UNROLL_FOR(int i = 0; i < merge; i++) part[i] = mine[i] * v_load(k + i * LANES);
        } else {
            UNROLL_FOR(int i = 0; i < merge; i++) {
                part[i] = v_zero();
                UNROLL_FOR(int u = i * span * LANES; u < (i + 1) * span * LANES; u += LANES)
                    part[i] = v_fma(v_load(q + at + u) * scale, v_load(k + u), part[i]);
            }
        }
        vec s = head_sums(part, group, merge);
        v_store(prob + j * step, s);
        top = v_max(top, s);
    }
    vec sum = v_zero();
    for (int j = 0; j < n; j++) {
        vec e = exp_of(v_load(prob + j * step) - top, p->call.fast, equal_lanes(group, merge));
        ++*exps;
        v_store(prob + j * step, e);
        sum += e;
    }
    vec inverse = v_set(1.0f) / sum;
    if (span == 1) {
        vec o[4] = {v_zero()};
        UNROLL_FOR(int i = 0; i < merge; i++) o[i] = v_zero();
        for (int j = 0; j < n; j++) {
            const float *v = qkv + path[j] + 2 * da + at;
            vec e = v_load(prob + j * step) * inverse;
            v_store(prob + j * step, e);
            UNROLL_FOR(int i = 0; i < merge; i++)
                o[i] = v_fma(expand(e, i, group, merge), v_load(v + i * LANES), o[i]);
        }
        UNROLL_FOR(int i = 0; i < merge; i++) v_store(out + at + i * LANES, o[i]);
        return;
    }
    for (int j = 0; j < n; j++) v_store(prob + j * step, v_load(prob + j * step) * inverse);
    for (int i = 0; i < merge; i++)
        for (int u = i * span * LANES; u < (i + 1) * span * LANES; u += LANES) {
            vec o = v_zero();
            for (int j = 0; j < n; j++) {
                const float *v = qkv + path[j] + 2 * da + at;
                o = v_fma(expand(v_load(prob + j * step), i, group, merge), v_load(v + u), o);
            }
            v_store(out + at + u, o);
        }
}

/* The heads' sums of the products of two vectors each, from `a` and `b` on. */
INLINE vec head_products(const float *a, const float *b, const int group, const int merge,
                         const int span) {
    vec part[4] = {v_zero()};
    UNROLL_FOR(int i = 0; i < merge; i++) {
        part[i] = v_zero();
        UNROLL_FOR(int u = i * span * LANES; u < (i + 1) * span * LANES; u += LANES)
            part[i] = v_fma(v_load(a + u), v_load(b + u), part[i]);
    }
    return head_sums(part, group, merge);
}

/* The gradients of one block of one query: added to d_qkv at the query's and the path's rows. The
 * mean of the weights' gradients, which softmax takes off each, is that of the block's output with
 * its own: so one pass over the path is enough. */
INLINE void attend_backward(const Plan *p, const float *qkv, float *d_qkv, int row,
                            const int32_t *path, int n, const float *prob, const float *out,
                            const float *d_out, int at, const int group, const int merge,
                            const int span) {
    int da = p->shape.heads.da, step = p->shape.heads.blocks * LANES;
    vec scale = v_set(1.0f / sqrtf((float)p->shape.head_size));
    vec mean = head_products(d_out + at, out + at, group, merge, span);
    const float *q = qkv + (ptrdiff_t)row * p->shape.ld_qkv + at;
    float *dq = d_qkv + (ptrdiff_t)row * p->shape.ld_qkv + at;
    const int n_vecs = span == 1 ? merge : merge * span;
    vec sum[4] = {v_zero()};
    if (span == 1)
        UNROLL_FOR(int i = 0; i < merge; i++) sum[i] = v_zero();
    for (int j = 0; j < n; j++) {
        const float *k = qkv + path[j] + da + at;
        vec e = v_load(prob + j * step);
        vec s = e * (head_products(d_out + at, k + da, group, merge, span) - mean) * scale;
        float *dk = d_qkv + path[j] + da + at, *dv = dk + da;
        if (span == 1) {
            UNROLL_FOR(int i = 0; i < merge; i++) {
                int f = i * LANES;
                vec si = expand(s, i, group, merge), ei = expand(e, i, group, merge);
                sum[i] = v_fma(si, v_load(k + f), sum[i]);
                v_store(dk + f, v_fma(si, v_load(q + f), v_load(dk + f)));
                v_store(dv + f, v_fma(ei, v_load(d_out + at + f), v_load(dv + f)));
            }
        } else {
            UNROLL_FOR(int i = 0; i < n_vecs; i++) {
                int f = i * LANES;
                vec si = expand(s, i / span, group, merge), ei = expand(e, i / span, group, merge);
                v_store(dq + f, v_fma(si, v_load(k + f), v_load(dq + f)));
                v_store(dk + f, v_fma(si, v_load(q + f), v_load(dk + f)));
                v_store(dv + f, v_fma(ei, v_load(d_out + at + f), v_load(dv + f)));
            }
        }
    }
    if (span == 1)
        UNROLL_FOR(int i = 0; i < merge; i++)
            v_store(dq + i * LANES, v_load(dq + i * LANES) + sum[i]);
}

/* out [n_rows][ld_att] for queries row[i] of qkv along their paths; prob keeps the weights. */
INLINE void attention_forward_of(const Plan *p, const float *qkv, const int32_t *row,
                                 const int32_t *path, int n_rows, float *prob, float *out,
                                 const int group, const int merge, const int span, const int keys) {
    const Piece *q = &p->work.piece;
    int64_t exps = 0;
    for (int r = 0; r < n_rows; r++)
        for (int b = 0; b < p->shape.heads.blocks; b++)
            attend(p, qkv, qkv + (ptrdiff_t)row[r] * p->shape.ld_qkv, path + q->path_at[r],
                   q->depth[r] + 1,
                   prob + ((ptrdiff_t)q->prob_at[r] * p->shape.heads.blocks + b) * LANES,
                   out + (ptrdiff_t)r * p->shape.ld_att, b * merge * span * LANES, group, merge,
                   span, keys, &exps);
    p->work.counts[EETUI_EXP_VECTORS] += exps;
}

INLINE void attention_backward_of(const Plan *p, const float *qkv, const int32_t *row,
                                  const int32_t *path, int n_rows, const float *prob,
                                  const float *out, const float *d_out, float *d_qkv,
                                  const int group, const int merge, const int span) {
    const Piece *q = &p->work.piece;
    for (int r = 0; r < n_rows; r++)
        for (int b = 0; b < p->shape.heads.blocks; b++)
            attend_backward(p, qkv, d_qkv, row[r], path + q->path_at[r], q->depth[r] + 1,
                            prob + ((ptrdiff_t)q->prob_at[r] * p->shape.heads.blocks + b) * LANES,
                            out + (ptrdiff_t)r * p->shape.ld_att,
                            d_out + (ptrdiff_t)r * p->shape.ld_att, b * merge * span * LANES, group,
                            merge, span);
}

/* Keys whose scores share a vector where `equal` lanes would hold the same number. */
#define KEYS(equal) ((equal) >= 4 ? 4 : (equal) >= 2 ? 2 : 1)

/* Call a function with the heads' shape as constants where it is a common one. */
#define WITH_HEADS(CALL)                                                           \
    do {                                                                           \
        const Heads *h = &p->shape.heads;                                          \
        if (LANES >= 8 && h->group == LANES && h->merge == 4 && h->span == 1)      \
            CALL(LANES, (LANES >= 8 ? 4 : 1), 1, KEYS(LANES / 4));                 \
        else if (LANES >= 8 && h->group == LANES / 2 && h->merge == 2)             \
            CALL((LANES / 2), (LANES >= 8 ? 2 : 1), 1, KEYS(LANES / 4));           \
        else if (LANES >= 4 && h->group == LANES / 4 && h->merge == 1)             \
            CALL((LANES / 4), 1, 1, KEYS(LANES / 4));                              \
        else if (h->group == LANES && h->merge == 1 && h->span == 1)               \
            CALL(LANES, 1, 1, KEYS(LANES));                                        \
        else if (LANES >= 8 && h->group == LANES && h->merge == 4 && h->span == 2) \
            CALL(LANES, (LANES >= 8 ? 4 : 1), 2, 1);                               \
        else if (h->group == LANES && h->merge == 1 && h->span == 2)               \
            CALL(LANES, 1, 2, 1);                                                  \
        else if (h->group == LANES && h->merge == 1 && h->span == 4)               \
            CALL(LANES, 1, 4, 1);                                                  \
        else                                                                       \
            CALL(h->group, h->merge, h->span, 1);                                  \
    } while (0)

static void attention_forward(const Plan *p, const float *qkv, const int32_t *row,
                              const int32_t *path, int n_rows, float *prob, float *out) {
#define CALL(G, M, S, K) attention_forward_of(p, qkv, row, path, n_rows, prob, out, G, M, S, K)
    WITH_HEADS(CALL);
#undef CALL
}

/* d_qkv must be zero where no gradient has come yet. */
static void attention_backward(const Plan *p, const float *qkv, const int32_t *row,
                               const int32_t *path, int n_rows, const float *prob, const float *out,
                               const float *d_out, float *d_qkv) {
#define CALL(G, M, S, K) \
    attention_backward_of(p, qkv, row, path, n_rows, prob, out, d_out, d_qkv, G, M, S)
    WITH_HEADS(CALL);
#undef CALL
}

#endif
