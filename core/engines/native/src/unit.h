/* What the baseline-compiled front (abi.c) and the units (unit.c, once per instruction set) share. */
#ifndef UNIT_H
#define UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "eetui.h"

/* The functions of one instruction set. */
typedef struct {
    const char *name;
    int lanes;
    /* Whether its products can be computed that way, one of eetui.h's EETUI_BY_ROWS ... */
    int (*has_products)(int64_t products);
    int64_t (*memory)(const eetui_run *run);
    int64_t (*sample_memory)(const eetui_sample *job);
    /* A whole call; ticks is null if nobody asks for them. */
    void (*train)(const eetui_run *run, int64_t *ticks);
    int64_t (*generate)(const eetui_sample *job);
    /* Adam on n weights that lie side by side, see adam-inl.h for the coefficients; gives the vectors
     * that these were. */
    int64_t (*adam)(float *p, float *m, float *v, const float *g, int64_t n,
                    const float *coefficient);
    /* See eetui_multiply_adds. */
    int64_t (*multiply_adds)(int64_t rounds);
} Unit;

/* EETUI_OK if this process may use AMX on bfloat16, else why not. */
int64_t eetui_amx_usable(void);

/* The unit that goes number by number: its Adam is the scalar one of all. */
extern const Unit eetui_unit_scalar;

#endif
