/*-------------------------------------------------------------------------
 *
 * residuals_plan.c
 *	  Choose how to encode what a transform leaves of a stream of integers.
 *
 * The interesting number is the range in which most values lie, the window:
 * a few outliers must not widen every value.  We count values in some 32
 * equal bins over the whole range; while nearly all of them turn out to lie
 * in a few bins, we look at these alone, and the rest become exceptions.  The
 * last count is also what a Huffman code needs: the bin number is its symbol,
 * the bits below are stored as they are.
 *
 * src/codec/residuals_plan.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/kernels.h"
#include "base/varint.h"
#include "codec/bitpack.h"
#include "codec/residuals.h"

#define BIN_BITS			5	/* 2^BIN_BITS bins at most, or ... */
#define MAX_BINS			RUSTS_WINDOW_SYMBOLS	/* ... one a value */
#define MAX_NARROWINGS		8

/* Below this many values a Huffman code is not worth its header. */
#define HUFFMAN_MIN_VALUES	24

typedef struct Window
{
	uint64		low;
	uint64		high;			/* inclusive; as int64, low <= high */
	unsigned	shift;			/* bin number is (value - low) >> shift */
	uint32		nbins;
	uint32		counts[MAX_BINS + 1];	/* the last: outside the window */
	uint32		noutside;
} Window;

RUSTS_KERNEL static void
find_range(const uint64 *values, uint32 n, int64 *low, int64 *high)
{
	int64		min = (int64) values[0];
	int64		max = min;
	uint32		i;

	for (i = 1; i < n; i++)
	{
		int64		v = (int64) values[i];

		min = v < min ? v : min;
		max = v > max ? v : max;
	}
	*low = min;
	*high = max;
}

/*
 * Neighbours are often in the same bin, and to count one waits for the count
 * before: count in four places.
 */
static void
count_bins(const uint64 *values, uint32 n, Window *window)
{
	uint64		low = window->low;
	uint64		range = window->high - low;
	unsigned	shift = range < MAX_BINS ? 0 :
	rusts_bit_length(range) - BIN_BITS;
	uint64		nbins = (range >> shift) + 1;
	uint32		counts[4][MAX_BINS + 1];
	uint32		i;

	for (i = 0; i < 4; i++)
		memset(counts[i], 0, (nbins + 1) * sizeof(uint32));
#define COUNT(j) \
	do { \
		uint64		bin = (values[i + (j)] - low) >> shift; \
		counts[j][Min(bin, nbins)]++; \
	} while (0)
	for (i = 0; i + 4 <= n; i += 4)
	{
		COUNT(0);
		COUNT(1);
		COUNT(2);
		COUNT(3);
	}
	for (; i < n; i++)
		COUNT(0);
#undef COUNT

	window->shift = shift;
	window->nbins = (uint32) nbins;
	for (i = 0; i <= nbins; i++)
		window->counts[i] = counts[0][i] + counts[1][i] + counts[2][i] +
			counts[3][i];
	window->noutside = window->counts[nbins];
}

/*
 * If a few neighbouring bins hold all but some values, narrow the window to
 * the values in them.
 */
static bool
narrow_window(const uint64 *values, uint32 n, Window *window)
{
	uint32		limit = n / 32 + 1;
	uint32		noutside = window->noutside;
	uint32		first = 0;
	uint32		last = window->nbins - 1;
	uint64		from;
	uint64		size;
	uint64		low = ~UINT64CONST(0);
	uint64		high = 0;
	uint32		i;

	if (window->shift == 0)
		return false;
	while (first < last)
	{
		bool		left = window->counts[first] <= window->counts[last];
		uint32		count = window->counts[left ? first : last];

		if (noutside + count > limit)
			break;
		noutside += count;
		if (left)
			first++;
		else
			last--;
	}
	if ((last - first + 1) * 4 > window->nbins)
		return false;

	from = window->low + ((uint64) first << window->shift);
	size = (uint64) (last - first + 1) << window->shift;
	for (i = 0; i < n; i++)
	{
		uint64		x = values[i] - from;

		if (x < size)
		{
			low = Min(low, x);
			high = Max(high, x);
		}
	}
	window->high = from + high;
	window->low = from + low;
	return true;
}

/*
 * Join neighbouring bins: fewer code lengths to store.  An odd number of them
 * would draw in values from outside, so there must be none.
 */
static void
halve_bins(Window *window)
{
	uint32		i;

	for (i = 0; i < (window->nbins + 1) / 2; i++)
		window->counts[i] = window->counts[2 * i] +
			(2 * i + 1 < window->nbins ? window->counts[2 * i + 1] : 0);
	window->nbins = i;
	window->counts[i] = window->noutside;
	window->shift++;
}

/* Plan for a Huffman code of these bins, kept if it is smaller. */
static void
try_huffman(const Window *window, uint32 n, size_t base_size,
			unsigned exception_width, RustsPlan *plan)
{
	uint8		lengths[RUSTS_HUFFMAN_SYMBOLS];
	uint32		nbits;
	size_t		size;

	nbits = rusts_huffman_lengths(window->counts, window->nbins + 1,
								  lengths);
	if (nbits == 0)
		return;

	/* Every lane may end in a part of a byte. */
	size = base_size + 2 + (window->nbins + 2) / 2 +
		rusts_bitpack_size(n, window->shift) +
		(n < 256 ? 3 : 10) + nbits / 8;
	if (window->noutside > 0)
		size += 1 + rusts_bitpack_size(window->noutside, exception_width);
	if (size >= plan->size)
		return;

	plan->method = RUSTS_METHOD_HUFFMAN;
	plan->size = size;
	plan->base = window->low;
	plan->width = window->shift;
	plan->nsymbols = window->nbins;
	plan->nexceptions = window->noutside;
	plan->exception_width = exception_width;
	memcpy(plan->lengths, lengths, window->nbins + 1);
}

/*
 * Plan the encoding of n >= 1 values.
 */
void
rusts_residuals_plan(const uint64 *values, uint32 n, RustsEffort effort,
					 RustsPlan *plan)
{
	Window		window;
	int64		low;
	int64		high;
	uint64		range;
	size_t		base_size;
	unsigned	exception_width = 0;
	int			narrowings;

	find_range(values, n, &low, &high);
	range = (uint64) high - (uint64) low;
	base_size = rusts_varint_size(rusts_zigzag((uint64) low));
	plan->base = (uint64) low;
	plan->nexceptions = 0;
	if (range == 0)
	{
		plan->method = RUSTS_METHOD_CONSTANT;
		plan->size = base_size;
		return;
	}
	plan->method = RUSTS_METHOD_PACK;
	plan->width = rusts_bit_length(range);
	plan->size = base_size + 1 + rusts_bitpack_size(n, plan->width);
	if (n < 4)
		return;

	window.low = (uint64) low;
	window.high = (uint64) high;
	for (narrowings = 0;; narrowings++)
	{
		count_bins(values, n, &window);
		if (narrowings == MAX_NARROWINGS ||
			!narrow_window(values, n, &window))
			break;
	}

	base_size = rusts_varint_size(rusts_zigzag(window.low));
	if (window.noutside > 0)
	{
		uint64		below = window.low - (uint64) low;
		uint64		above = (uint64) high - window.low;
		unsigned	width = rusts_bit_length(window.high - window.low);
		size_t		size;

		/* zigzag(value - base) of the two ends */
		exception_width =
			Max(rusts_bit_length(rusts_zigzag(0 - below)),
				rusts_bit_length(rusts_zigzag(above)));
		if (below >> 63 || above >> 63)
			exception_width = 64;
		size = base_size + 3 + (window.noutside > 127) +
			rusts_bitpack_size(n, width) +
			rusts_bitpack_size(window.noutside, rusts_bit_length(n - 1)) +
			rusts_bitpack_size(window.noutside, exception_width);
		if (size < plan->size && width < 64)
		{
			plan->method = RUSTS_METHOD_PATCH;
			plan->size = size;
			plan->base = window.low;
			plan->width = width;
			plan->nexceptions = window.noutside;
			plan->exception_width = exception_width;
		}
	}
	if (n < HUFFMAN_MIN_VALUES)
		return;
	if (effort == RUSTS_EFFORT_COLD)
		try_huffman(&window, n, base_size, exception_width, plan);
	if (window.shift > 0 && window.nbins > 20 &&
		(window.nbins % 2 == 0 || window.noutside == 0))
		halve_bins(&window);
	try_huffman(&window, n, base_size, exception_width, plan);
}
