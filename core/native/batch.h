/* From the documents of a batch to the rows of its pieces: order, prefixes, paths. */
#ifndef BATCH_H
#define BATCH_H

#include "plan.h"

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

/* order [n] = the documents, sorted by key so that equal prefixes are neighbours (Shell, 1959). */
static void sort_documents(Plan *p, const int32_t *documents, int n) {
    const eetui_run *run = p->run;
    for (int i = 0; i < n; i++) {
        p->order[i] = documents[i];
        p->keys[i] = key_of(run->tokens + (int64_t)documents[i] * (p->T + 1),
                            run->padding_skip ? run->lengths[documents[i]] : p->T);
    }
    static const int GAPS[] = {301, 132, 57, 23, 10, 4, 1};
    for (int s = 0; s < 7; s++) {
        int gap = GAPS[s];
        for (int i = gap; i < n; i++) {
            uint64_t key = p->keys[i];
            int32_t document = p->order[i];
            int j = i;
            for (; j >= gap && p->keys[j - gap] > key; j -= gap) {
                p->keys[j] = p->keys[j - gap];
                p->order[j] = p->order[j - gap];
            }
            p->keys[j] = key;
            p->order[j] = document;
        }
    }
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

INLINE int add_row(Piece *q, int t, int first, int path_at) {
    int row = q->rows++;
    q->first[row] = first;
    q->depth[row] = t;
    q->path_at[row] = path_at;
    q->prob_at[row] = q->weights;
    q->weights += t + 1;
    q->count[row] = 0;
    return row;
}

INLINE int add_first(Plan *p, int token, int t, int share) {
    Piece *q = &p->piece;
    int32_t *seen = p->seen + t * p->V + token;
    if (share && *seen >= 0) return *seen;
    q->token[q->firsts] = token;
    q->place[q->firsts] = t;
    if (share) *seen = q->firsts;
    return q->firsts++;
}

/* Lay out the rows of documents order[from], order[from + 1], ... until `to`, the rows are full
 * or, in the order by sample, one document is done; returns the next document.
 *
 * Predicted positions become rows, or without padding skip all positions. With prefix sharing a
 * document adds only the rows behind the prefix that it shares with the one before it. */
static int assemble(Plan *p, int from, int to) {
    const eetui_run *run = p->run;
    Piece *q = &p->piece;
    int share = run->prefix_sharing != 0, n_path = 0;
    const uint8_t *before = NULL;
    int before_size = 0, before_path = 0, document = from;
    q->rows = q->firsts = q->pairs = q->weights = 0;
    for (; document < to; document++) {
        const uint8_t *tokens = run->tokens + (int64_t)p->order[document] * (p->T + 1);
        int length = run->lengths[p->order[document]];
        int size = run->padding_skip ? length : p->T;
        int known = share && before ? shared_prefix(before, before_size, tokens, size, p->T + 1) : 0;
        if (q->rows + size - known > p->max_rows) break;
        if (document > from && run->by_sample) break;
        /* The path of its last row is, up to their own place, that of all rows of a document. */
        int last = before_path;
        if (known < size) {
            last = n_path;
            for (int t = 0; t < known; t++) {
                q->path[last + t] = q->path[before_path + t];
                q->path_first[last + t] = q->path_first[before_path + t];
            }
            for (int t = known; t < size; t++) {
                int first = add_first(p, tokens[t], t, share);
                int row = add_row(q, t, first, last);
                q->path[last + t] = row * p->ld_qkv;
                q->path_first[last + t] = first * p->ld_qkv;
            }
            n_path += size;
            before = tokens;
            before_size = size;
            before_path = last;
        }
        for (int t = 0; t < length; t++) {
            int row = q->path[last + t] / p->ld_qkv;
            q->count[row]++;
            q->pair_row[q->pairs] = row;
            q->pair_target[q->pairs++] = tokens[t + 1];
        }
    }
    if (share)
        for (int r = 0; r < q->firsts; r++) p->seen[q->place[r] * p->V + q->token[r]] = -1;
    return document;
}

#endif
