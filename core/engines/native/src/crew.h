/* Threads that live from call to call: see crew.c. */
#ifndef CREW_H
#define CREW_H

#include "unit.h"

enum { MAX_CREW = 8 };

typedef void Work(const void *job, int place);

/* How many threads work together at most, the caller's own included. */
int eetui_crew_size(const Crew *crew);

/* work(job, place) for each place below `party`, place 0 by the caller; returns when all are done. */
void eetui_crew_run(Crew *crew, int party, Work *work, const void *job);

#endif
