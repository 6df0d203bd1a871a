/*-------------------------------------------------------------------------
 *
 * kernels.h
 *	  How the hot loops over arrays are compiled.
 *
 * A function marked RUSTS_KERNEL is a plain loop, compiled twice where the
 * compiler and the machine allow: for every x86-64 and for AVX2; the CPU
 * decides when the program starts.  The results are the same: AVX2 does not
 * include FMA, which would round differently.
 *
 * src/base/kernels.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_KERNELS_H
#define RUSTS_KERNELS_H

/* The resolvers run before the sanitizers are ready. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
	defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define RUSTS_KERNEL	__attribute__((target_clones("avx2", "default")))
#else
#define RUSTS_KERNEL
#endif

#endif							/* RUSTS_KERNELS_H */
