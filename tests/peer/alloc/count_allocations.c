/* Loaded before a program (LD_PRELOAD): counts its calls of malloc and its kin, and of mmap, in a file that others may map.
 * operator new of libstdc++ calls malloc, so it is counted too. The file is named by WEFT_COUNT_FILE: two 64-bit counters. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct counters {
  _Atomic uint64_t mallocs, mmaps;
};
static struct counters none;
static struct counters* counted = &none;

static void* raw_mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return (void*)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

__attribute__((constructor)) static void open_counters(void) {
  const char* path = getenv("WEFT_COUNT_FILE");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void* at = raw_mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) abort();
  counted = at;
}

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

#define EXPORT __attribute__((visibility("default")))
EXPORT void* malloc(size_t size) {
  atomic_fetch_add_explicit(&counted->mallocs, 1, memory_order_relaxed);
  return __libc_malloc(size);
}
EXPORT void* calloc(size_t count, size_t size) {
  atomic_fetch_add_explicit(&counted->mallocs, 1, memory_order_relaxed);
  return __libc_calloc(count, size);
}
EXPORT void* realloc(void* at, size_t size) {
  atomic_fetch_add_explicit(&counted->mallocs, 1, memory_order_relaxed);
  return __libc_realloc(at, size);
}
EXPORT void* memalign(size_t alignment, size_t size) {
  atomic_fetch_add_explicit(&counted->mallocs, 1, memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
EXPORT void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
EXPORT int posix_memalign(void** at, size_t alignment, size_t size) {
  *at = memalign(alignment, size);
  return *at == NULL ? 12 : 0;
}
EXPORT void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  atomic_fetch_add_explicit(&counted->mmaps, 1, memory_order_relaxed);
  return raw_mmap(at, size, protection, flags, fd, offset);
}
