/*-------------------------------------------------------------------------
 *
 * deltas.c
 *	  Sum up the differences that a transform left.
 *
 * A sum needs the one before it, one addition after the other.  We take four
 * values at a time: their sums within the four do not wait for anything, and
 * from one four to the next there is a single addition.  The fours are vectors
 * of the compiler's (not plain loops, which it did not see through).
 *
 * The Huffman decoder sums up small differences itself, and those that are all
 * the same need not be there at all: for these two, the common cases, see
 * residuals.h, there is no array of differences.
 *
 * All arithmetic is modulo 2^64.
 *
 * src/codec/deltas.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/kernels.h"
#include "codec/deltas.h"

/* Four numbers, in whatever registers the machine has. */
typedef uint64 Four __attribute__ ((vector_size(32)));

/* Elements of v, or 0 for number 4. */
#ifdef __clang__
#define SHUFFLE(v, a, b, c, d) \
	__builtin_shufflevector(v, (Four) {0}, a, b, c, d)
#else
#define SHUFFLE(v, a, b, c, d) \
	__builtin_shuffle(v, (Four) {0}, (Four) {a, b, c, d})
#endif

static inline uint32
run_end(const RustsRuns *runs, uint32 run, uint32 n)
{
	return run + 1 < runs->nruns ? runs->starts[run + 1] : n;
}

/*
 * One run of differences after the number value.  values[] may be the array of
 * deltas[] or begin before it.
 */
RUSTS_KERNEL static void
sum_run(uint64 value, const uint64 *deltas, uint32 n, uint64 *values)
{
	Four		before = {value, value, value, value};
	uint32		i;

	for (i = 0; i + 4 <= n; i += 4)
	{
		Four		sum;
		Four		result;

		memcpy(&sum, &deltas[i], sizeof(sum));
		sum += SHUFFLE(sum, 4, 0, 1, 2);
		sum += SHUFFLE(sum, 4, 4, 0, 1);
		result = before + sum;
		memcpy(&values[i], &result, sizeof(result));
		before += SHUFFLE(sum, 3, 3, 3, 3);
	}
	value = before[0];
	for (; i < n; i++)
	{
		value += deltas[i];
		values[i] = value;
	}
}

/*
 * Sum up differences.  They lie at the end of values[], as many places behind
 * as there are runs not begun yet, so each is read before it is overwritten.
 */
void
rusts_deltas_sum(const RustsRuns *runs, const uint64 *starts, uint32 n,
				 uint64 *values)
{
	const uint64 *deltas = values + runs->nruns;
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		first = runs->starts[run];
		uint32		ndeltas = run_end(runs, run, n) - first - 1;

		values[first] = starts[run];
		sum_run(starts[run], deltas, ndeltas, values + first + 1);
		deltas += ndeltas;
	}
}

/* n values from value on, base apart, and sums[] on top. */
RUSTS_KERNEL static void
add_sums(uint64 value, uint64 base, const uint16 *restrict sums, uint32 n,
		 uint64 *restrict values)
{
	uint32		i;

	for (i = 0; i < n; i++)
	{
		values[i] = value + sums[i];
		value += base;
	}
}

/*
 * Sum up differences that are base and more; the sum of what is more, up to
 * each of the differences, is in sums[].
 */
void
rusts_deltas_add_sums(const RustsRuns *runs, const uint64 *starts,
					  const uint16 *sums, uint64 base, uint32 n,
					  uint64 *values)
{
	uint64		before = 0;		/* the sum where the run begins */
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		first = runs->starts[run];
		uint32		ndeltas = run_end(runs, run, n) - first - 1;

		values[first] = starts[run];
		if (ndeltas == 0)
			continue;
		add_sums(starts[run] + base - before, base, sums, ndeltas,
				 values + first + 1);
		sums += ndeltas;
		before = sums[-1];
	}
}

/* n >= 1 values from value on, delta apart. */
static inline __attribute__ ((always_inline))
void
fill_progression(uint64 value, uint64 delta, uint32 n, uint64 *values)
{
	uint64		delta2 = 2 * delta;
	uint64		delta3 = 3 * delta;
	uint64		delta4 = 4 * delta;
	uint32		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		values[i] = value;
		values[i + 1] = value + delta;
		values[i + 2] = value + delta2;
		values[i + 3] = value + delta3;
		value += delta4;
	}
	for (; i < n; i++)
	{
		values[i] = value;
		value += delta;
	}
}

/* Sum up differences that are all the same. */
RUSTS_KERNEL void
rusts_deltas_sum_constant(const RustsRuns *runs, const uint64 *starts,
						  uint64 delta, uint32 n, uint64 *values)
{
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		first = runs->starts[run];

		fill_progression(starts[run], delta, run_end(runs, run, n) - first,
						 values + first);
	}
}

/*
 * Sum up differences of differences, which lie at the end of values[], to
 * differences, and these.
 */
void
rusts_deltas2_sum(const RustsRuns *runs, const uint64 *starts,
				  const uint64 *firsts, uint32 nfirsts, uint32 n,
				  uint64 *values)
{
	const uint64 *delta2 = values + runs->nruns + nfirsts;
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		i = runs->starts[run];
		uint32		end = run_end(runs, run, n);
		uint64		value = starts[run];
		uint64		delta;

		values[i++] = value;
		if (i == end)
			continue;
		delta = *firsts++;
		value += delta;
		values[i++] = value;
		for (; i < end; i++)
		{
			delta += *delta2++;
			value += delta;
			values[i] = value;
		}
	}
}

/* The same where all differences of differences are 0. */
RUSTS_KERNEL void
rusts_deltas2_sum_zeros(const RustsRuns *runs, const uint64 *starts,
						const uint64 *firsts, uint32 n, uint64 *values)
{
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		first = runs->starts[run];
		uint32		end = run_end(runs, run, n);
		uint64		delta = end - first > 1 ? *firsts++ : 0;

		fill_progression(starts[run], delta, end - first, values + first);
	}
}
