/*-------------------------------------------------------------------------
 *
 * compress.h
 *	  LZ4 and Zstd over bytes, in memory of the caller's.
 *
 * src/codec/compress.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COMPRESS_H
#define RUSTS_COMPRESS_H

#include "codec/block.h"

/* How bytes are stored; frozen on disk. */
typedef enum RustsCompression
{
	RUSTS_COMPRESSION_NONE = 0,
	RUSTS_COMPRESSION_LZ4 = 1,
	RUSTS_COMPRESSION_ZSTD = 2
} RustsCompression;

extern size_t rusts_compressor_size(void);
extern size_t rusts_compress(RustsCompression compression, const void *src,
							 size_t srclen, void *dst, size_t dstlen,
							 RustsCodecScratch *scratch);
extern bool rusts_decompress(RustsCompression compression, const void *src,
							 size_t srclen, void *dst, size_t dstlen,
							 RustsCodecScratch *scratch);

#endif							/* RUSTS_COMPRESS_H */
