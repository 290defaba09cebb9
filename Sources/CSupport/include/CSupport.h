#ifndef KAFKA_MIRROR_CSUPPORT_H
#define KAFKA_MIRROR_CSUPPORT_H

#include <stddef.h>
#include <stdint.h>

/// Continues a CRC-32C (Castagnoli) over more bytes; start with 0.
///
/// The fastest implementation of this processor is chosen when the program is loaded.
uint32_t csupport_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The table implementation of csupport_crc32c, for processors without an instruction and for tests.
uint32_t csupport_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

/// The name of the implementation that csupport_crc32c uses.
const char *csupport_crc32c_implementation(void);

/// The remainder of bytes without the initial and final inversion: linear, so remainder(a ^ b) is
/// remainder(a) ^ remainder(b).
uint32_t csupport_crc32c_remainder(const void *bytes, size_t count);

/// What a remainder becomes when `count` zero bytes follow.
uint32_t csupport_crc32c_shift(uint32_t remainder, uint64_t count);

/// Continues a CRC-32 (IEEE, as in gzip and in message formats 0 and 1); start with 0.
uint32_t csupport_crc32(uint32_t crc, const void *bytes, size_t count);

/// Tells malloc to keep large buffers instead of giving their pages back to the kernel after each use, and to serve all
/// threads from one heap. To be called before there are threads.
///
/// Returns 1 when the settings were taken, 0 where the C library has none or the environment already decides.
int csupport_keep_large_buffers(void);

#endif
