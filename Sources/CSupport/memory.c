#include "CSupport.h"

#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

int csupport_keep_large_buffers(void) {
#if defined(__GLIBC__)
    // Whoever sets these has measured something; leave it alone.
    if (getenv("MALLOC_MMAP_THRESHOLD_") || getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_ARENA_MAX")) return 0;
    // By default a buffer above 128 KiB (later: above the largest freed one) is mapped and unmapped each time, and a
    // fresh page fault per 4 KiB costs more than moving the bytes. 32 MiB is the largest value malloc takes.
    int mapped = mallopt(M_MMAP_THRESHOLD, 32 << 20);
    int trimmed = mallopt(M_TRIM_THRESHOLD, 256 << 20);
    // A heap per thread cannot use what another one has freed, and large buffers leave it full of holes.
    int shared = mallopt(M_ARENA_MAX, 1);
    return mapped && trimmed && shared;
#else
    return 0;
#endif
}
