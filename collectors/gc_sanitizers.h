/* gc_sanitizers.h: whether this is a build with a sanitizer that keeps shadow memory, under gcc or
 * clang. */
#ifndef GC_SANITIZERS_H
#define GC_SANITIZERS_H

#if defined(__has_feature)
#define GC_HAS_FEATURE(feature) __has_feature(feature)
#else
#define GC_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || GC_HAS_FEATURE(address_sanitizer)
#define GC_SANITIZED_ADDRESS 1
#else
#define GC_SANITIZED_ADDRESS 0
#endif
#if defined(__SANITIZE_THREAD__) || GC_HAS_FEATURE(thread_sanitizer)
#define GC_SANITIZED_THREAD 1
#else
#define GC_SANITIZED_THREAD 0
#endif
#define GC_SANITIZED (GC_SANITIZED_ADDRESS || GC_SANITIZED_THREAD)

#endif
