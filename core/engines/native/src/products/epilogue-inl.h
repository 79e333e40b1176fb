/* The epilogue of one vector of sums. */
#ifndef EPILOGUE_INL_H
#define EPILOGUE_INL_H

#include "products/epilogue.h"
#include "vec-inl.h"

INLINE void store_with(Epilogue epilogue, float *c, float *side, vec s) {
    if (epilogue == RELU || epilogue == RELU2) {
        s = v_max(v_zero(), s);
        if (epilogue == RELU2) {
            v_store(side, s);
            s = s * s;
        }
    } else if (epilogue == RELU_BACK) {
        s = v_select(v_above(v_load(side), v_zero()), s, v_zero());
    } else if (epilogue == RELU2_BACK) {
        vec forward = v_load(side);
        s = s * (forward + forward);
    }
    v_store(c, s);
}

#endif
