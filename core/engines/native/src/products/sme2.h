/* What the unit asks of a CPU's matrix unit (SME2): operations that wait in a queue and run in one
 * stay in streaming mode. sme2_queue.h writes them, sme2.c carries them out. */
#ifndef SME2_H
#define SME2_H

#include "products/epilogue.h"

typedef enum {
    SME2_FORWARD,   /* c (+)= a W */
    SME2_BACKWARD,  /* c = a W^T */
    SME2_GRADIENT,  /* W (+)= a^T b */
    SME2_NORM,      /* c = a side with side = 1 / sqrt(mean(a^2) + eps) */
    SME2_NORM_BACK, /* c (+)= scale (a - b mean(a b)) */
} Sme2Kind;

/* A matrix in panels, see weights.h. Each of `groups` equal parts has `panels` of them: the first
 * `wides` are `wide` floats wide, the others `thin`. */
typedef struct {
    float *at;
    int used, rows, columns; /* columns of all groups */
    int panels, wides, wide, thin;
} Sme2Panels;

typedef struct {
    Sme2Kind kind;
    int rows, add;
    Epilogue epilogue;
    const float *a, *b;
    float *c, *side;
    const float *scale;
    int lda, ldb, ldc;
    int d, width; /* of a norm: features that the mean is over, and with their padding */
    float eps;
    Sme2Panels w;
} Sme2Op;

/* Floats of the longest vector there may be (2,048 bits): what scratch is padded to. */
enum { SME2_LONGEST = 64 };

/* Run n operations in their order, in streaming mode from the first to the last. `packed` holds
 * the rows of the tallest operand, a multiple of SME2_LONGEST, times its columns; `transposed`
 * 2 SME2_LONGEST times the columns of the widest matrix. */
void eetui_sme2_run(const Sme2Op *op, int n, float *packed,
                    float *transposed) __asm__("eetui_sme2_run");

#if defined(EETUI_CHECK)
/* How often streaming mode was entered; for one thread. */
extern int eetui_sme2_entries;
#endif

#endif
