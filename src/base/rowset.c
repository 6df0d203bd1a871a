/*-------------------------------------------------------------------------
 *
 * rowset.c
 *	  Sets of row numbers as bytes.
 *
 * src/base/rowset.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bitmap.h"
#include "base/rowset.h"
#include "base/varint.h"

static const uint8 *next_run(const uint8 *p, const uint8 *end, uint64 *row,
							 uint64 *length);
static void set_run(uint64 *bits, uint32 first, uint32 end);

static inline uint32
row_at(const uint32 *rows, size_t stride, uint32 i)
{
	return *(const uint32 *) ((const char *) rows + stride * i);
}

uint8 *
rusts_rowset_put(uint8 *p, const uint32 *rows, size_t stride, uint32 n)
{
	size_t		nbits = (size_t) row_at(rows, stride, n - 1) / 8 + 1;
	size_t		size = 0;
	uint32		end = 0;
	uint32		i;
	uint32		length;

	for (i = 0; i < n && size < nbits; i += length)
	{
		uint32		first = row_at(rows, stride, i);

		for (length = 1; i + length < n &&
			 row_at(rows, stride, i + length) == first + length; length++)
			;
		size += rusts_varint_size(first - end) + rusts_varint_size(length);
		end = first + length;
	}
	if (size >= nbits)
	{
		*p++ = RUSTS_ROWSET_BITS;
		memset(p, 0, nbits);
		for (i = 0; i < n; i++)
		{
			uint32		row = row_at(rows, stride, i);

			p[row / 8] |= 1 << row % 8;
		}
		return p + nbits;
	}

	*p++ = RUSTS_ROWSET_RUNS;
	end = 0;
	for (i = 0; i < n; i += length)
	{
		uint32		first = row_at(rows, stride, i);

		for (length = 1; i + length < n &&
			 row_at(rows, stride, i + length) == first + length; length++)
			;
		p = rusts_put_varint(p, first - end);
		p = rusts_put_varint(p, length);
		end = first + length;
	}
	return p;
}

/* *row is the end of the run before, and becomes the first of the next. */
static const uint8 *
next_run(const uint8 *p, const uint8 *end, uint64 *row, uint64 *length)
{
	uint64		gap;

	p = rusts_get_varint(p, end, &gap);
	if (p != NULL)
		p = rusts_get_varint(p, end, length);
	if (p == NULL || gap > PG_UINT32_MAX || *length > PG_UINT32_MAX)
		return NULL;
	*row += gap;
	return p;
}

bool
rusts_rowset_get(const uint8 *p, const uint8 *end, uint32 nrows, uint64 *bits)
{
	uint64		row = 0;
	uint64		length;
	size_t		i;

	if (p >= end)
		return false;
	switch (*p++)
	{
		case RUSTS_ROWSET_RUNS:
			while (p < end)
			{
				p = next_run(p, end, &row, &length);
				if (p == NULL || row > nrows || length > nrows - row)
					return false;
				set_run(bits, row, row + length);
				row += length;
			}
			return true;
		case RUSTS_ROWSET_BITS:
			for (i = 0; i < end - p; i++)
			{
				uint64		byte = p[i];

				if (byte == 0)
					continue;
				if (i * 8 >= nrows || (nrows - i * 8 < 8 &&
									   byte >> (nrows - i * 8) != 0))
					return false;
				bits[i / 8] |= byte << i % 8 * 8;
			}
			return true;
		default:
			return false;
	}
}

bool
rusts_rowset_list(const uint8 *p, const uint8 *end, uint32 *rows,
				  size_t stride, uint32 n)
{
	uint32		count = 0;
	uint64		row = 0;
	uint64		length;
	size_t		bit;

	if (p >= end)
		return false;
	if (*p == RUSTS_ROWSET_BITS)
	{
		p++;
		for (bit = 0; bit < (size_t) (end - p) * 8; bit++)
		{
			if (!((p[bit / 8] >> bit % 8) & 1))
				continue;
			if (count == n || bit > PG_UINT32_MAX)
				return false;
			*(uint32 *) ((char *) rows + stride * count++) = bit;
		}
		return count == n;
	}
	if (*p++ != RUSTS_ROWSET_RUNS)
		return false;
	while (p < end)
	{
		p = next_run(p, end, &row, &length);
		if (p == NULL || length > n - count ||
			row + length > (uint64) PG_UINT32_MAX + 1)
			return false;
		for (; length > 0; length--)
			*(uint32 *) ((char *) rows + stride * count++) = row++;
	}
	return count == n;
}

static void
set_run(uint64 *bits, uint32 first, uint32 end)
{
	for (; first < end && first % 64 != 0; first++)
		rusts_bitmap_set(bits, first);
	for (; end - first >= 64; first += 64)
		bits[first / 64] = PG_UINT64_MAX;
	for (; first < end; first++)
		rusts_bitmap_set(bits, first);
}

bool
rusts_rowset_has(const uint8 *p, const uint8 *end, uint32 row)
{
	uint64		first = 0;
	uint64		length;

	if (p >= end)
		return false;
	if (*p++ == RUSTS_ROWSET_BITS)
		return row / 8 < end - p && ((p[row / 8] >> row % 8) & 1);
	while (p < end)
	{
		p = next_run(p, end, &first, &length);
		if (p == NULL || first > row)
			return false;
		if (row - first < length)
			return true;
		first += length;
	}
	return false;
}
