/* What happens to a sum before it is stored. side and c lie alike.
 * RELU: max(s, 0). RELU2: side = max(s, 0), c = side^2. The two backward ones need the forward's
 * result in side: RELU_BACK: s where side > 0, else 0. RELU2_BACK: 2 s side. */
#ifndef EPILOGUE_H
#define EPILOGUE_H

typedef enum { STORE, RELU, RELU2, RELU_BACK, RELU2_BACK } Epilogue;

#endif
