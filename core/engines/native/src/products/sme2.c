/* The matrix unit of Arm (SME2): products as sums of outer products in its ZA array.
 *
 * FMOPA adds the outer product of two vectors to a tile of ZA. A vector holds svcntw() floats,
 * which is known only at run time: 4 to 64, 16 on Apple's chips; a tile has as many rows and
 * columns, and there are four. All four are at work, so that no instruction waits for the one
 * before it. Vectors that an operand does not fill are cut by predicates.
 *
 * Only instructions of SME's first version are used. All C here runs in streaming mode: no NEON,
 * and no call to a library. What runs outside of it is in assembly at the end of the file, since
 * Apple's chips have SVE in streaming mode only and compilers put some into a function that enters
 * it.
 */
#include "products/sme2.h"

#include <arm_sme.h>
#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))
#define STREAMING __arm_streaming __arm_inout("za")

/* What a product's left side is: vector i of term k stands at a + i block + k step. */
typedef struct {
    const float *a;
    ptrdiff_t block, step;
    int rows, depth, add;
    Epilogue epilogue;
} Left;

/* A strip of columns, a vector wide at most: of the right side and of the result. */
typedef struct {
    const float *b;
    float *c, *side;
    ptrdiff_t step, ldc;
    int width;
} Right;

/* Where a walk over the strips of a matrix stands. */
typedef struct {
    float *panel;
    int index, wide, offset; /* the panel in its group, its width, the strip's place in it */
    int first, width;        /* the strip's place in the matrix; no width: the end */
} Strip;

INLINE int least(int a, int b) STREAMING { return a < b ? a : b; }

INLINE int length(void) STREAMING { return (int)svcntw(); }

INLINE Strip first_strip(const Sme2Panels *w, int most) STREAMING {
    int wide = w->wides ? w->wide : w->thin;
    return (Strip){.panel = w->at, .wide = wide, .width = least(most, wide)};
}

INLINE Strip next_strip(const Sme2Panels *w, Strip s, int most) STREAMING {
    s.first += s.width;
    s.offset += s.width;
    if (s.offset == s.wide) {
        s.panel += (ptrdiff_t)w->rows * s.wide;
        s.index = s.index + 1 == w->panels ? 0 : s.index + 1;
        s.wide = s.index < w->wides ? w->wide : w->thin;
        s.offset = 0;
    }
    s.width = s.first == w->columns ? 0 : least(most, s.wide - s.offset);
    return s;
}

/* A row of one of the four tiles. The number of a tile is part of the instruction. */
INLINE svfloat32_t tile_row(const int tile, svbool_t columns, uint32_t row) STREAMING {
    svfloat32_t zero = svdup_f32(0.0f);
    switch (tile) {
    case 0: return svread_hor_za32_f32_m(zero, columns, 0, row);
    case 1: return svread_hor_za32_f32_m(zero, columns, 1, row);
    case 2: return svread_hor_za32_f32_m(zero, columns, 2, row);
    default: return svread_hor_za32_f32_m(zero, columns, 3, row);
    }
}

/* Rows `row` and on of a result, from a tile. */
INLINE void store_tile(const int tile, const Left *l, int row, const Right *r) STREAMING {
    int n = least(l->rows - row, length());
    svbool_t columns = svwhilelt_b32(0, r->width);
    for (int i = 0; i < n; i++) {
        ptrdiff_t at = (row + i) * r->ldc;
        svfloat32_t s = tile_row(tile, columns, (uint32_t)i);
        if (l->add) s = svadd_x(columns, s, svld1(columns, r->c + at));
        if (l->epilogue == RELU || l->epilogue == RELU2) {
            s = svmax_x(columns, s, 0.0f);
            if (l->epilogue == RELU2) {
                svst1(columns, r->side + at, s);
                s = svmul_x(columns, s, s);
            }
        } else if (l->epilogue == RELU_BACK) {
            svbool_t open = svcmpgt(columns, svld1(columns, r->side + at), 0.0f);
            s = svsel(open, s, svdup_f32(0.0f));
        } else if (l->epilogue == RELU2_BACK) {
            svfloat32_t forward = svld1(columns, r->side + at);
            s = svmul_x(columns, s, svadd_x(columns, forward, forward));
        }
        svst1(columns, r->c + at, s);
    }
}

/* The sum of all terms for R vectors of rows, from vector i on, and one strip or, if C is 2, two:
 * 4 by 1, 2 by 2 or less. */
INLINE void block(const int R, const int C, const Left *l, int i, const Right *r) STREAMING {
    int s = length(), row = i * s;
    svbool_t p0 = svwhilelt_b32(row, l->rows), p1 = svwhilelt_b32(row + s, l->rows);
    svbool_t p2 = svwhilelt_b32(row + 2 * s, l->rows), p3 = svwhilelt_b32(row + 3 * s, l->rows);
    svbool_t q0 = svwhilelt_b32(0, r[0].width), q1 = svwhilelt_b32(0, r[C - 1].width);
    const float *a = l->a + i * l->block, *b0 = r[0].b, *b1 = r[C - 1].b;
    svzero_za();
    for (int k = 0; k < l->depth; k++) {
        svfloat32_t x0 = svld1(p0, a), y0 = svld1(q0, b0);
        svmopa_za32_m(0, p0, q0, x0, y0);
        if (C == 2) {
            svfloat32_t y1 = svld1(q1, b1);
            svmopa_za32_m(1, p0, q1, x0, y1);
            if (R == 2) {
                svfloat32_t x1 = svld1(p1, a + l->block);
                svmopa_za32_m(2, p1, q0, x1, y0);
                svmopa_za32_m(3, p1, q1, x1, y1);
            }
        } else if (R > 1) {
            svmopa_za32_m(1, p1, q0, svld1(p1, a + l->block), y0);
            if (R == 4) {
                svmopa_za32_m(2, p2, q0, svld1(p2, a + 2 * l->block), y0);
                svmopa_za32_m(3, p3, q0, svld1(p3, a + 3 * l->block), y0);
            }
        }
        a += l->step;
        b0 += r[0].step;
        b1 += r[C - 1].step;
    }
    store_tile(0, l, row, &r[0]);
    if (C == 2) store_tile(1, l, row, &r[1]);
    if (C == 2 && R == 2) {
        store_tile(2, l, row + s, &r[0]);
        store_tile(3, l, row + s, &r[1]);
    }
    if (C == 1 && R > 1) store_tile(1, l, row + s, &r[0]);
    if (C == 1 && R == 4) {
        store_tile(2, l, row + 2 * s, &r[0]);
        if (row + 3 * s < l->rows) store_tile(3, l, row + 3 * s, &r[0]);
    }
}

/* All rows of the strips r[0] and, unless its width is none, r[1]. */
static void sweep(const Left *l, const Right *r) STREAMING {
    int vectors = (l->rows + length() - 1) / length();
    if (r[1].width) {
        for (int i = 0; i < vectors; i += 2)
            i + 1 < vectors ? block(2, 2, l, i, r) : block(1, 2, l, i, r);
        return;
    }
    for (int i = 0; i < vectors; i += 4) {
        if (vectors - i > 2)
            block(4, 1, l, i, r);
        else if (vectors - i == 2)
            block(2, 1, l, i, r);
        else
            block(1, 1, l, i, r);
    }
}

/* The first columns of a tile become rows of a vector each. */
#define STORE_COLUMNS(tile, columns, to)                                      \
    do {                                                                      \
        for (int j = 0; j < (columns); j++)                                   \
            svst1_ver_za32(tile, (uint32_t)j, rows, (to) + (ptrdiff_t)j * s); \
    } while (0)

/* to[j][i] = a[i][j] for i < height, a vector at most, and j < width, four vectors at most; a row
 * of `to` is a vector. Rows that a vector cannot have are left as they are. */
static void transpose(const float *a, ptrdiff_t lda, int height, int width, float *to) STREAMING {
    int s = length();
    svbool_t rows = svwhilelt_b32(0, height);
    svbool_t p0 = svwhilelt_b32(0, width), p1 = svwhilelt_b32(s, width);
    svbool_t p2 = svwhilelt_b32(2 * s, width), p3 = svwhilelt_b32(3 * s, width);
    for (int i = 0; i < height; i++) {
        svld1_hor_za32(0, (uint32_t)i, p0, a + i * lda);
        if (width > s) svld1_hor_za32(1, (uint32_t)i, p1, a + i * lda + s);
        if (width > 2 * s) svld1_hor_za32(2, (uint32_t)i, p2, a + i * lda + 2 * s);
        if (width > 3 * s) svld1_hor_za32(3, (uint32_t)i, p3, a + i * lda + 3 * s);
    }
    STORE_COLUMNS(0, least(width, s), to);
    STORE_COLUMNS(1, least(width - s, s), to + s * s);
    STORE_COLUMNS(2, least(width - 2 * s, s), to + 2 * s * s);
    STORE_COLUMNS(3, least(width - 3 * s, s), to + 3 * s * s);
}

/* The columns of a [rows][lda] as a product's left side: a vector's worth of rows after the other,
 * transposed. */
static Left left_of(const Sme2Op *op, int depth, float *packed) STREAMING {
    int s = length();
    for (int i = 0; i < op->rows; i += s)
        for (int j = 0; j < depth; j += 4 * s)
            transpose(op->a + (ptrdiff_t)i * op->lda + j, op->lda, least(op->rows - i, s),
                      least(depth - j, 4 * s), packed + (ptrdiff_t)i * depth + (ptrdiff_t)j * s);
    return (Left){.a = packed,
                  .block = (ptrdiff_t)depth * s,
                  .step = s,
                  .rows = op->rows,
                  .depth = depth,
                  .add = op->add,
                  .epilogue = op->epilogue};
}

static void forward(const Sme2Op *op, float *packed) STREAMING {
    const Sme2Panels *w = &op->w;
    int s = length();
    Left l = left_of(op, w->used, packed);
    for (Strip x = first_strip(w, s); x.width;) {
        Right r[2];
        for (int i = 0; i < 2; i++) {
            r[i] = (Right){.b = x.panel + x.offset,
                           .step = x.wide,
                           .c = op->c + x.first,
                           .side = op->side + x.first,
                           .ldc = op->ldc,
                           .width = x.width};
            if (x.width) x = next_strip(w, x, s);
        }
        sweep(&l, r);
    }
}

static void backward(const Sme2Op *op, float *packed, float *transposed) STREAMING {
    const Sme2Panels *w = &op->w;
    int s = length();
    Left l = left_of(op, w->columns, packed);
    for (int row = 0; row < w->rows; row += 2 * s) {
        Right r[2];
        for (int i = 0; i < 2; i++) {
            int from = row + i * s, height = from < w->rows ? least(w->rows - from, s) : 0;
            float *to = transposed + (ptrdiff_t)i * w->columns * s;
            r[i] = (Right){.b = to,
                           .step = s,
                           .c = op->c + from,
                           .side = op->side + from,
                           .ldc = op->ldc,
                           .width = height};
            if (!height) break;
            for (Strip x = first_strip(w, 4 * s); x.width; x = next_strip(w, x, 4 * s))
                transpose(x.panel + (ptrdiff_t)from * x.wide + x.offset, x.wide, height, x.width,
                          to + (ptrdiff_t)x.first * s);
        }
        sweep(&l, r);
    }
}

static void gradient(const Sme2Op *op) STREAMING {
    const Sme2Panels *w = &op->w;
    int s = length();
    Left l = {.a = op->a,
              .block = s,
              .step = op->lda,
              .rows = w->used,
              .depth = op->rows,
              .add = op->add,
              .epilogue = STORE};
    for (Strip x = first_strip(w, s); x.width;) {
        Right r[2];
        for (int i = 0; i < 2; i++) {
            r[i] = (Right){.b = op->b + x.first,
                           .step = op->ldb,
                           .c = x.panel + x.offset,
                           .ldc = x.wide,
                           .width = x.width};
            if (x.width) x = next_strip(w, x, s);
        }
        sweep(&l, r);
    }
}

/* sum over j < width of x[j] y[j], in every lane */
INLINE svfloat32_t sum_of_products(const float *x, const float *y, int width) STREAMING {
    svfloat32_t sum = svdup_f32(0.0f);
    for (int j = 0; j < width; j += length()) {
        svbool_t p = svwhilelt_b32(j, width);
        sum = svmla_m(p, sum, svld1(p, x + j), svld1(p, y + j));
    }
    return svdup_f32(svaddv(svptrue_b32(), sum));
}

static void norm_forward(const Sme2Op *op) STREAMING {
    svbool_t all = svptrue_b32(), one = svwhilelt_b32(0, 1);
    for (int i = 0; i < op->rows; i++) {
        const float *x = op->a + (ptrdiff_t)i * op->lda;
        float *y = op->c + (ptrdiff_t)i * op->ldc;
        svfloat32_t mean = svmul_x(all, sum_of_products(x, x, op->width), 1.0f / (float)op->d);
        svfloat32_t root = svsqrt_x(all, svadd_x(all, mean, op->eps));
        svfloat32_t scale = svdivr_x(all, root, 1.0f);
        svst1(one, op->side + i, scale);
        for (int j = 0; j < op->width; j += length()) {
            svbool_t p = svwhilelt_b32(j, op->width);
            svst1(p, y + j, svmul_x(p, svld1(p, x + j), scale));
        }
    }
}

static void norm_backward(const Sme2Op *op) STREAMING {
    svbool_t all = svptrue_b32();
    for (int i = 0; i < op->rows; i++) {
        const float *dy = op->a + (ptrdiff_t)i * op->lda, *y = op->b + (ptrdiff_t)i * op->ldb;
        float *dx = op->c + (ptrdiff_t)i * op->ldc;
        svfloat32_t mean = svmul_x(all, sum_of_products(dy, y, op->width), 1.0f / (float)op->d);
        svfloat32_t scale = svdup_f32(op->scale[i]);
        for (int j = 0; j < op->width; j += length()) {
            svbool_t p = svwhilelt_b32(j, op->width);
            svfloat32_t g = svmls_x(p, svld1(p, dy + j), svld1(p, y + j), mean);
            g = svmul_x(p, g, scale);
            if (op->add) g = svadd_x(p, g, svld1(p, dx + j));
            svst1(p, dx + j, g);
        }
    }
}

#if defined(EETUI_CHECK)
int eetui_sme2_entries;
#endif

void eetui_sme2_phase(const Sme2Op *op, int n, float *packed, float *transposed)
    STREAMING __asm__("eetui_sme2_phase");

void eetui_sme2_phase(const Sme2Op *op, int n, float *packed, float *transposed) STREAMING {
#if defined(EETUI_CHECK)
    eetui_sme2_entries++;
#endif
    for (int i = 0; i < n; i++, op++) {
        switch (op->kind) {
        case SME2_FORWARD: forward(op, packed); break;
        case SME2_BACKWARD: backward(op, packed, transposed); break;
        case SME2_GRADIENT: gradient(op); break;
        case SME2_NORM: norm_forward(op); break;
        case SME2_NORM_BACK: norm_backward(op); break;
        }
    }
}

/* eetui_sme2_run: into streaming mode, the phase, and out. Entering clears all vector registers, of
 * which a caller may count on d8 to d15. A caller further up may have left in ZA what TPIDR2_EL0
 * says where to save (Arm's procedure call standard, the lazy saving scheme). */
#if defined(__APPLE__)
#define HIDDEN ".private_extern"
#else
#define HIDDEN ".hidden"
#endif
__asm__(".text\n.p2align 2\n.globl eetui_sme2_run\n" HIDDEN " eetui_sme2_run\n"
        "eetui_sme2_run:\n"
        ".cfi_startproc\n"
        "stp x29, x30, [sp, #-80]!\n"
        ".cfi_def_cfa_offset 80\n"
        ".cfi_offset x29, -80\n"
        ".cfi_offset x30, -72\n"
        "mov x29, sp\n"
        "stp d8, d9, [sp, #16]\n"
        "stp d10, d11, [sp, #32]\n"
        "stp d12, d13, [sp, #48]\n"
        "stp d14, d15, [sp, #64]\n"
        "mrs x9, tpidr2_el0\n"
        "cbz x9, 2f\n"
        "ldr x10, [x9]\n"      /* to where */
        "ldrh w11, [x9, #8]\n" /* how many rows */
        "msr tpidr2_el0, xzr\n"
        "mov w12, wzr\n"
        "cbz w11, 2f\n"
        "1: str za[w12, 0], [x10]\n"
        "addsvl x10, x10, #1\n"
        "add w12, w12, #1\n"
        "cmp w12, w11\n"
        "b.ne 1b\n"
        "2: smstart\n"
        "bl eetui_sme2_phase\n"
        "smstop\n"
        "ldp d8, d9, [sp, #16]\n"
        "ldp d10, d11, [sp, #32]\n"
        "ldp d12, d13, [sp, #48]\n"
        "ldp d14, d15, [sp, #64]\n"
        "ldp x29, x30, [sp], #80\n"
        "ret\n"
        ".cfi_endproc\n");
