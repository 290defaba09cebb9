#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/// How often this thread has asked for memory. The tests' process takes its memory through this file, which counts.
long callocations_count(void);

/// How many bytes it has asked for.
long callocations_bytes(void);

#endif
