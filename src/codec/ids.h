/*-------------------------------------------------------------------------
 *
 * ids.h
 *	  The first byte of an encoded block; frozen on disk.
 *
 * Bits 0 and 1 say how nulls are stored, bits 2 to 7 are the codec's id.
 *
 * src/codec/ids.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_IDS_H
#define RUSTS_CODEC_IDS_H

typedef enum RustsNullMode
{
	RUSTS_NULLS_NONE = 0,
	RUSTS_NULLS_ALL = 1,		/* nothing follows the first byte */
	RUSTS_NULLS_BITMAP = 2,
	RUSTS_NULLS_RUNS = 3
} RustsNullMode;

typedef enum RustsCodec
{
	RUSTS_CODEC_NONE = 0,		/* all rows are null */
	RUSTS_CODEC_FLOAT_PATTERN = 1,
	RUSTS_CODEC_FLOAT_GORILLA = 2,
	RUSTS_CODEC_FLOAT_DECIMAL = 3,
	RUSTS_CODEC_FLOAT_PATCHED_DECIMAL = 4,
	RUSTS_CODEC_FLOAT_CONSTANT_DECIMAL = 5,
	RUSTS_CODEC_BOOL_FALSE = 8,
	RUSTS_CODEC_BOOL_TRUE = 9,
	RUSTS_CODEC_BOOL_BITMAP = 10,
	RUSTS_CODEC_BOOL_RUNS = 11,
	RUSTS_CODEC_BYTES_ONE = 16,
	RUSTS_CODEC_BYTES_DICTIONARY = 17,
	RUSTS_CODEC_BYTES_PLAIN = 18,
	RUSTS_CODEC_INTS = 32		/* + tag of the stream */
} RustsCodec;

#define RUSTS_BLOCK_HEADER(codec, nulls)	((uint8) ((codec) << 2 | (nulls)))
#define RUSTS_BLOCK_CODEC(header)			((header) >> 2)
#define RUSTS_BLOCK_NULLS(header)			((header) & 3)

#endif							/* RUSTS_CODEC_IDS_H */
