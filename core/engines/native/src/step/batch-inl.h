/* From the documents of a batch to the rows of its pieces: order, prefixes, paths. */
#ifndef BATCH_INL_H
#define BATCH_INL_H

#include "step/plan-inl.h"

/* The first eight tokens of a document as a number that sorts like the text. */
INLINE uint64_t key_of(const uint8_t *tokens, int length) {
    uint64_t key = 0;
    int n = length < 9 ? length - 1 : 8; /* the first token is every document's boundary */
    memcpy(&key, tokens + 1, (size_t)n);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    key = __builtin_bswap64(key);
#endif
    return key;
}

/* Few documents in the order of their keys: the place of each is counted, not searched, so that no
 * branch depends on the keys and a vector compares several. */
static void place_by_count(Plan *p, const int32_t *documents, int n) {
    const uint64_t *keys = p->work.keys;
    for (int i = 0; i < n; i++) {
        uint64_t key = keys[i];
        int64_t before = 0;
        for (int64_t j = 0; j < n; j++) before += (keys[j] < key) | ((keys[j] == key) & (j < i));
        p->work.order[before] = documents[i];
    }
}

/* Many documents in the order of their keys (Shell, 1959). */
static void sort_by_gaps(Plan *p, const int32_t *documents, int n) {
    static const int GAPS[] = {301, 132, 57, 23, 10, 4, 1};
    memcpy(p->work.order, documents, 4 * (size_t)n);
    for (int s = 0; s < 7; s++) {
        int gap = GAPS[s];
        for (int i = gap; i < n; i++) {
            uint64_t key = p->work.keys[i];
            int32_t document = p->work.order[i];
            int j = i;
            for (; j >= gap && p->work.keys[j - gap] > key; j -= gap) {
                p->work.keys[j] = p->work.keys[j - gap];
                p->work.order[j] = p->work.order[j - gap];
            }
            p->work.keys[j] = key;
            p->work.order[j] = document;
        }
    }
}

/* order [n] = the documents, sorted by key so that equal prefixes are neighbours. */
static void sort_documents(Plan *p, const int32_t *documents, int n) {
    const eetui_run *run = p->call.run;
    for (int i = 0; i < n; i++)
        p->work.keys[i] = key_of(run->tokens + (int64_t)documents[i] * (p->shape.T + 1),
                                 run->padding_skip ? run->lengths[documents[i]] : p->shape.T);
    if (n <= 4 * LANES)
        place_by_count(p, documents, n);
    else
        sort_by_gaps(p, documents, n);
}

/* How many leading positions of two documents have equal prefixes; their rows hold `size` bytes. */
INLINE int shared_prefix(const uint8_t *a, int n, const uint8_t *b, int m, int size) {
    int t = 0, most = n < m ? n : m;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; t < most && t + 8 <= size; t += 8) { /* one hardly foreseeable branch, not eight */
        uint64_t x, y;
        memcpy(&x, a + t, 8);
        memcpy(&y, b + t, 8);
        if (x != y) {
            t += __builtin_ctzll(x ^ y) / 8;
            return t < most ? t : most;
        }
    }
#endif
    while (t < most && a[t] == b[t]) t++;
    return t < most ? t : most;
}

/* Lay out the rows of documents order[from], order[from + 1], ... until `to`, the rows are full
 * or, in the order by sample, one document is done; returns the next document.
 *
 * Predicted positions become rows, or without padding skip all positions. With prefix sharing a
 * document adds only the rows behind the prefix that it shares with the one before it. What is new
 * can hardly be foreseen: it is written in any case, and only new things are counted. */
static int assemble(Plan *p, int from, int to) {
    const eetui_run *run = p->call.run;
    Piece q = p->work.piece; /* not in memory, where every other store could change its counts */
    int share = run->prefix_sharing != 0, n_path = 0;
    int32_t row_at[MAX_T]; /* the rows of the last path */
    const uint8_t *before = NULL;
    int before_size = 0, document = from;
    q.rows = q.firsts = q.pairs = q.weights = 0;
    for (; document < to; document++) {
        const uint8_t *tokens = run->tokens + (int64_t)p->work.order[document] * (p->shape.T + 1);
        int length = run->lengths[p->work.order[document]];
        int size = run->padding_skip ? length : p->shape.T;
        int known = share && before
                        ? shared_prefix(before, before_size, tokens, size, p->shape.T + 1)
                        : 0;
        if (q.rows + size - known > p->work.max_rows) break;
        if (document > from && run->by_sample) break;
        for (int t = 0; t < size; t++) {
            int32_t *seen = p->work.seen + t * p->shape.V + tokens[t];
            int first = *seen < 0 ? q.firsts : *seen;
            *seen = share ? first : -1;
            q.token[q.firsts] = tokens[t];
            q.place[q.firsts] = t;
            q.firsts += first == q.firsts;

            int fresh = t >= known, row = fresh ? q.rows : row_at[t];
            q.first[q.rows] = first;
            q.depth[q.rows] = t;
            q.path_at[q.rows] = n_path;
            q.prob_at[q.rows] = q.weights;
            q.count[q.rows] = 0;
            q.rows += fresh;
            q.weights += fresh ? t + 1 : 0;

            row_at[t] = row;
            q.path[n_path + t] = row * p->shape.ld_qkv;
            q.path_first[n_path + t] = first * p->shape.ld_qkv;
            q.count[row] += t < length;
            q.pair_row[q.pairs + t] = row;
            q.pair_target[q.pairs + t] = tokens[t + 1];
        }
        q.pairs += length;
        if (known == size) continue; /* the path before is as good and may be longer */
        /* Up to their own place, the path of the last row is that of all rows of a document. */
        n_path += size;
        before = tokens;
        before_size = size;
    }
    if (share)
        for (int r = 0; r < q.firsts; r++) p->work.seen[q.place[r] * p->shape.V + q.token[r]] = -1;
    p->work.piece = q;
    return document;
}

#endif
