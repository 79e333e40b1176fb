/* The largest shapes that a call may ask for, where each is named once: abi.c refuses what is
 * beyond them, and arrays of a fixed size are sized or checked by them. */
#ifndef LIMITS_H
#define LIMITS_H

enum {
    MAX_D = 512,
    MAX_LAYERS = 8,
    MAX_T = 64,  /* positions of a document */
    MAX_V = 256, /* a token is a byte */
    MAX_BATCH = 512,
    MAX_THREADS = 8,
    MAX_ROUNDS = 1 << 30,   /* of multiply-adds in one call */
    MAX_DOCUMENTS = 1 << 24 /* to be generated in one call */
};

_Static_assert(MAX_V <= 256, "tokens are stored in bytes");

#endif
