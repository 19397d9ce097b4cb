// xxHash used as a header: nothing to link, and only XXH3 is compiled.
#define XXH_INLINE_ALL
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

// XXH3 of 64 bits, without a seed.
static inline uint64_t cxxhash_xxh3_64(const void *_Nullable bytes, size_t count) {
    return XXH3_64bits(bytes, count);
}
