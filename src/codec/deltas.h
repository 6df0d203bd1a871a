/*-------------------------------------------------------------------------
 *
 * deltas.h
 *	  Sum up the differences that a transform left.
 *
 * src/codec/deltas.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DELTAS_H
#define RUSTS_DELTAS_H

#include "codec/ints.h"

extern void rusts_deltas_sum(const RustsRuns *runs, const uint64 *starts,
							 uint32 n, uint64 *values);
extern void rusts_deltas_add_sums(const RustsRuns *runs,
								  const uint64 *starts, const uint16 *sums,
								  uint64 base, uint32 n, uint64 *values);
extern void rusts_deltas_sum_constant(const RustsRuns *runs,
									  const uint64 *starts, uint64 delta,
									  uint32 n, uint64 *values);
extern void rusts_deltas2_sum(const RustsRuns *runs, const uint64 *starts,
							  const uint64 *firsts, uint32 nfirsts, uint32 n,
							  uint64 *values);
extern void rusts_deltas2_sum_zeros(const RustsRuns *runs,
									const uint64 *starts,
									const uint64 *firsts, uint32 n,
									uint64 *values);

#endif							/* RUSTS_DELTAS_H */
