/*-------------------------------------------------------------------------
 *
 * strings.c
 *	  Encode and decode the values of a block of byte strings.
 *
 * one			bytes	the string that all values are, to the end of the block
 *
 * dictionary	varint	number of distinct strings, 1 .. n
 *				varint	size of the arena they need, in units of 8 bytes
 *				stream	their lengths
 *				stream	index of each value, counting from 0
 *				u8		compression of the bytes: 0 none, 1 LZ4, 2 Zstd
 *				bytes	the distinct strings in order of appearance, one after
 *						the other, to the end of the block
 *
 * plain		varint	size of the arena
 *				stream	length of each value
 *				u8		compression
 *				bytes	the values
 *
 * A stream is a tag byte and what ints_decode.c says, a single run.  In the
 * arena each string has RUSTS_ARENA_HEADER spare bytes before it and begins,
 * these included, at a multiple of 8; the last is padded too.  The size is
 * stored so that a reader can allocate without decoding the lengths.
 *
 * src/codec/strings.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/varint.h"
#include "codec/compress.h"
#include "codec/scratch.h"
#include "codec/strings.h"

#define NBUCKETS			(2 * RUSTS_BLOCK_ROWS)
#define MIN_COMPRESSED		48	/* less is not worth the attempt */

/* What a string takes in the arena. */
#define ARENA_SLOT(len) \
	(((uint64) (len) + RUSTS_ARENA_HEADER + 7) & ~UINT64CONST(7))

/*
 * Hash of a string's ends and length: a megabyte of text is not read whole
 * just to find that it is not in a dictionary.
 */
static uint32
hash_string(RustsBytes string)
{
	const uint64 prime = UINT64CONST(0x9E3779B97F4A7C15);
	const char *p = string.data;
	uint32		len = string.len;
	uint64		hash = len;
	uint32		i;

	if (len < 8)
	{
		uint64		word = 0;

		for (i = 0; i < len; i++)
			word = word << 8 | (uint8) p[i];
		hash = (hash ^ word) * prime;
	}
	else
	{
		for (i = 0; i + 8 <= len && i < 64; i += 8)
			hash = ((hash ^ rusts_get_u64(p + i)) * prime) ^ (hash >> 29);
		hash = (hash ^ rusts_get_u64(p + len - 8)) * prime;
	}
	return (uint32) (hash >> 40);
}

/*
 * Number the distinct strings in order of appearance: scratch->distinct[] is
 * where each appears first, index[] which one each string is.
 */
static uint32
find_distinct(const RustsBytes *strings, uint32 n, uint64 *index,
			  RustsCodecScratch *scratch)
{
	uint16	   *distinct = scratch->distinct;
	uint16	   *buckets = scratch->buckets;
	uint32		ndistinct = 0;
	uint32		i;

	memset(buckets, 0, sizeof(scratch->buckets));
	for (i = 0; i < n; i++)
	{
		uint32		bucket;

		if (i > 0 && rusts_bytes_equal(strings[i], strings[i - 1]))
		{
			index[i] = index[i - 1];
			continue;
		}
		for (bucket = hash_string(strings[i]) % NBUCKETS;
			 buckets[bucket] != 0;
			 bucket = (bucket + 1) % NBUCKETS)
		{
			if (rusts_bytes_equal(strings[i],
								  strings[distinct[buckets[bucket] - 1]]))
				break;
		}
		if (buckets[bucket] == 0)
		{
			distinct[ndistinct++] = (uint16) i;
			buckets[bucket] = (uint16) ndistinct;
		}
		index[i] = buckets[bucket] - 1;
	}
	return ndistinct;
}

/*
 * Bytes of some strings, compressed if that makes them fewer.  which says
 * which strings; NULL means all.
 */
static uint8 *
encode_bytes(const RustsBytes *strings, const uint16 *which, uint32 n,
			 uint64 total, RustsEffort effort, uint8 *dst,
			 RustsCodecScratch *scratch)
{
	RustsCompression compression = RUSTS_COMPRESSION_NONE;
	uint8	   *flag = dst++;
	uint8	   *raw = dst;
	uint32		i;

	/*
	 * The compressors need the bytes in one piece: put them where they go if
	 * they stay as they are, and the result behind, to be moved there.
	 */
	for (i = 0; i < n; i++)
	{
		RustsBytes	string = strings[which == NULL ? i : which[i]];

		memcpy(dst, string.data, string.len);
		dst += string.len;
	}
	if (total >= MIN_COMPRESSED)
	{
		size_t		size;

		/* The bound has room for both results behind the bytes. */
		compression = RUSTS_COMPRESSION_LZ4;
		size = rusts_compress(compression, raw, total, dst, total - 1,
							  scratch);
		if (effort == RUSTS_EFFORT_COLD)
		{
			uint8	   *other = dst + size;
			size_t		other_size;

			other_size = rusts_compress(RUSTS_COMPRESSION_ZSTD, raw, total,
										other,
										(size > 0 ? size : total) - 1,
										scratch);
			if (other_size > 0)
			{
				compression = RUSTS_COMPRESSION_ZSTD;
				dst = other;
				size = other_size;
			}
		}
		if (size > 0)
		{
			memmove(raw, dst, size);
			dst = raw + size;
		}
		else
			compression = RUSTS_COMPRESSION_NONE;
	}
	*flag = (uint8) compression;
	return dst;
}

/* Is a dictionary smaller than every string by itself? */
static bool
prefer_dictionary(const RustsBytes *strings, uint32 n, uint32 ndistinct,
				  const uint16 *distinct)
{
	uint64		repeated = 0;
	uint32		i;

	for (i = 0; i < n; i++)
		repeated += strings[i].len + 1;
	for (i = 0; i < ndistinct; i++)
		repeated -= strings[distinct[i]].len + 1;
	return repeated > (uint64) n * rusts_bit_length(ndistinct - 1) / 8;
}

/*
 * Encode n >= 1 strings, and set *codec, which the caller stores.  Returns
 * the byte after them.
 */
uint8 *
rusts_strings_encode(const RustsBytes *strings, uint32 n, RustsEffort effort,
					 RustsCodec *codec, uint8 *dst,
					 RustsCodecScratch *scratch)
{
	uint64	   *index = scratch->string_index;
	uint64	   *lengths = scratch->string_lengths;
	uint16	   *distinct = scratch->distinct;
	uint32		ndistinct = find_distinct(strings, n, index, scratch);
	bool		dictionary;
	uint32		nstored;
	uint64		total = 0;
	uint64		arena_size = 0;
	uint32		i;

	if (ndistinct == 1 && strings[0].len < MIN_COMPRESSED)
	{
		*codec = RUSTS_CODEC_BYTES_ONE;
		memcpy(dst, strings[0].data, strings[0].len);
		return dst + strings[0].len;
	}

	dictionary = prefer_dictionary(strings, n, ndistinct, distinct);
	nstored = dictionary ? ndistinct : n;
	for (i = 0; i < nstored; i++)
	{
		lengths[i] = strings[dictionary ? distinct[i] : i].len;
		total += lengths[i];
		arena_size += ARENA_SLOT(lengths[i]);
	}

	*codec = dictionary ? RUSTS_CODEC_BYTES_DICTIONARY :
		RUSTS_CODEC_BYTES_PLAIN;
	if (dictionary)
		dst = rusts_put_varint(dst, ndistinct);
	dst = rusts_put_varint(dst, arena_size / 8);
	dst = rusts_ints_encode_tagged(lengths, nstored, &rusts_single_run,
								   effort, dst, scratch);
	if (dictionary)
		dst = rusts_ints_encode_tagged(index, n, &rusts_single_run, effort,
									   dst, scratch);
	return encode_bytes(strings, dictionary ? distinct : NULL, nstored,
						total, effort, dst, scratch);
}

/* The numbers a block begins with; advances *src. */
static bool
read_sizes(const uint8 **src, const uint8 *end, RustsCodec codec, uint32 n,
		   uint64 *arena_size, uint32 *ndistinct)
{
	uint64		v = n;

	if (codec == RUSTS_CODEC_BYTES_ONE)
	{
		if (end - *src > PG_UINT32_MAX)
			return false;
		*arena_size = ARENA_SLOT(end - *src);
		*ndistinct = 1;
		return true;
	}

	if (codec == RUSTS_CODEC_BYTES_DICTIONARY)
		*src = rusts_get_varint(*src, end, &v);
	else if (codec != RUSTS_CODEC_BYTES_PLAIN)
		return false;
	if (*src == NULL || v < 1 || v > n)
		return false;
	*ndistinct = (uint32) v;
	*src = rusts_get_varint(*src, end, &v);
	if (*src == NULL || v > PG_UINT64_MAX / 8)
		return false;
	*arena_size = v * 8;
	return true;
}

/* The arena that n >= 1 strings need; false if that is corrupt. */
bool
rusts_strings_arena(const uint8 *src, const uint8 *end, RustsCodec codec,
					uint32 n, uint64 *arena_size, uint32 *ndistinct)
{
	return read_sizes(&src, end, codec, n, arena_size, ndistinct);
}

/*
 * Do the lengths fill the arena exactly?  Sets the total without padding.
 */
static bool
check_lengths(const uint64 *lengths, uint32 n, uint64 arena_size,
			  uint64 *total)
{
	uint64		left = arena_size;
	uint32		i;

	*total = 0;
	for (i = 0; i < n; i++)
	{
		if (lengths[i] > PG_UINT32_MAX || ARENA_SLOT(lengths[i]) > left)
			return false;
		left -= ARENA_SLOT(lengths[i]);
		*total += lengths[i];
	}
	return left == 0;
}

/*
 * Put the strings in their places.  They come to the end of the arena first,
 * in one piece: padding only moves strings forward, never over a later one.
 */
static bool
fill_arena(const uint8 *src, const uint8 *end, const uint64 *lengths,
		   uint32 n, uint64 total, char *arena, uint64 arena_size,
		   RustsBytes *distinct, RustsCodecScratch *scratch)
{
	char	   *packed = arena + (arena_size - total);
	uint8		compression;
	uint32		i;

	if (src == end)
		return false;
	compression = *src++;
	if (compression == RUSTS_COMPRESSION_NONE)
	{
		if ((uint64) (end - src) != total)
			return false;
		memcpy(packed, src, total);
	}
	else if (compression > RUSTS_COMPRESSION_ZSTD ||
			 !rusts_decompress(compression, src, end - src, packed, total,
							   scratch))
		return false;

	for (i = 0; i < n; i++)
	{
		memmove(arena + RUSTS_ARENA_HEADER, packed, lengths[i]);
		distinct[i].data = arena + RUSTS_ARENA_HEADER;
		distinct[i].len = (uint32) lengths[i];
		packed += lengths[i];
		arena += ARENA_SLOT(lengths[i]);
	}
	return true;
}

/*
 * Decode n >= 1 strings: the distinct ones into the arena, index[] of each.
 * arena_size and ndistinct are from rusts_strings_arena.  False if the
 * strings are corrupt.
 */
bool
rusts_strings_decode(const uint8 *src, const uint8 *end, RustsCodec codec,
					 uint32 n, char *arena, uint64 arena_size,
					 RustsBytes *distinct, uint32 ndistinct, uint32 *index,
					 RustsCodecScratch *scratch)
{
	uint64	   *lengths = scratch->string_lengths;
	uint64	   *stored_index = scratch->string_index;
	uint64		stored_arena_size;
	uint32		stored_ndistinct;
	uint64		total;
	uint32		i;

	if (!read_sizes(&src, end, codec, n, &stored_arena_size,
					&stored_ndistinct) ||
		stored_arena_size != arena_size || stored_ndistinct != ndistinct)
		return false;

	if (codec == RUSTS_CODEC_BYTES_ONE)
	{
		distinct[0].data = arena + RUSTS_ARENA_HEADER;
		distinct[0].len = (uint32) (end - src);
		memcpy(arena + RUSTS_ARENA_HEADER, src, end - src);
		memset(index, 0, n * sizeof(uint32));
		return true;
	}

	src = rusts_ints_decode_tagged(src, end, ndistinct, &rusts_single_run,
								   lengths, scratch);
	if (src == NULL || !check_lengths(lengths, ndistinct, arena_size, &total))
		return false;
	if (codec == RUSTS_CODEC_BYTES_DICTIONARY)
	{
		src = rusts_ints_decode_tagged(src, end, n, &rusts_single_run,
									   stored_index, scratch);
		if (src == NULL)
			return false;
		for (i = 0; i < n; i++)
		{
			if (stored_index[i] >= ndistinct)
				return false;
			index[i] = (uint32) stored_index[i];
		}
	}
	else
	{
		for (i = 0; i < n; i++)
			index[i] = i;
	}
	return fill_arena(src, end, lengths, ndistinct, total, arena, arena_size,
					  distinct, scratch);
}
