/* The table of what this unit can compute its products with. */
#ifndef PRODUCTS_INL_H
#define PRODUCTS_INL_H

#if LANES == 16 && (defined(EETUI_AMX) || defined(EETUI_AMX_MODEL))
#include "products/amx-inl.h"
#define HAS_AMX
#endif
#include "products/outer-inl.h"
#include "products/registers-inl.h"
#if defined(EETUI_SME2)
#include "products/sme2_queue-inl.h"
#endif

#if defined(EETUI_BF16)
extern const Kernels eetui_bf16_kernels; /* of an instruction set of its own, see bf16.c */
#endif

/* By the numbers of eetui.h; null where this unit has none. */
static const Kernels *const KERNELS[EETUI_PRODUCTS] = {
    [EETUI_BY_ROWS] = &ROWS_KERNELS,   /* one row of sums at a time */
    [EETUI_BY_TILES] = &TILES_KERNELS, /* a block of them */
    [EETUI_BY_OUTER] = &OUTER_KERNELS,
#if defined(EETUI_SME2)
    [EETUI_BY_SME2] = &SME2_KERNELS,
#endif
#if defined(HAS_AMX)
    [EETUI_BY_AMX_SPLIT] = &AMX_SPLIT_KERNELS, /* nearly float32 */
    [EETUI_BY_AMX] = &AMX_KERNELS,
#endif
#if defined(EETUI_BF16)
    [EETUI_BY_BF16] = &eetui_bf16_kernels,
#endif
};

#endif
