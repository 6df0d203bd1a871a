/*-------------------------------------------------------------------------
 *
 * compress.c
 *	  LZ4 and Zstd over bytes, in memory of the caller's.
 *
 * LZ4 data is one LZ4 block; Zstd data is one Zstd frame without magic
 * number, content size and checksum (the segment has its own).  Sizes before
 * and after are stored by whoever calls.
 *
 * The libraries work in the scratch memory, so nothing is allocated that an
 * error could leak.  For Zstd that takes the functions its header calls
 * experimental; they have kept their signatures since 1.3.
 *
 * src/codec/compress.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <lz4.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "codec/compress.h"
#include "codec/scratch.h"

/*
 * For what is written once and kept.  Tables larger than these find little
 * more in blocks of up to some hundred kilobytes, and cost more to clear;
 * the next stronger strategy takes half as long again for two percent.
 */
static const ZSTD_compressionParameters zstd_parameters = {
	.windowLog = 22,
	.chainLog = 16,
	.hashLog = 15,
	.searchLog = 6,
	.minMatch = 3,
	.targetLength = 128,
	.strategy = ZSTD_btopt
};

/* Memory that LZ4 and Zstd need, either way. */
size_t
rusts_compressor_size(void)
{
	size_t		size = LZ4_sizeofState();

	size = Max(size, ZSTD_estimateCCtxSize_usingCParams(zstd_parameters));
	return Max(size, ZSTD_estimateDCtxSize());
}

static size_t
compress_zstd(const void *src, size_t srclen, void *dst, size_t dstlen,
			  RustsCodecScratch *scratch)
{
	const		ZSTD_compressionParameters *p = &zstd_parameters;
	ZSTD_CCtx  *cctx = ZSTD_initStaticCCtx(scratch->compressor,
										   rusts_compressor_size());
	size_t		size;

	if (cctx == NULL)
		return 0;
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_format, ZSTD_f_zstd1_magicless);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 0);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, p->windowLog);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_chainLog, p->chainLog);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_hashLog, p->hashLog);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_searchLog, p->searchLog);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_minMatch, p->minMatch);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_targetLength, p->targetLength);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_strategy, p->strategy);
	size = ZSTD_compress2(cctx, dst, dstlen, src, srclen);
	return ZSTD_isError(size) ? 0 : size;
}

/*
 * Compress to dst; returns the bytes written, or 0 if it does not fit dstlen
 * or the source is larger than the method can take.
 */
size_t
rusts_compress(RustsCompression compression, const void *src, size_t srclen,
			   void *dst, size_t dstlen, RustsCodecScratch *scratch)
{
	if (compression == RUSTS_COMPRESSION_LZ4)
	{
		if (srclen > LZ4_MAX_INPUT_SIZE)
			return 0;
		return LZ4_compress_fast_extState(scratch->compressor, src, dst,
										  (int) srclen,
										  (int) Min(dstlen, PG_INT32_MAX),
										  1);
	}
	return compress_zstd(src, srclen, dst, dstlen, scratch);
}

/* Decompress to exactly dstlen bytes; false if the source is corrupt. */
bool
rusts_decompress(RustsCompression compression, const void *src,
				 size_t srclen, void *dst, size_t dstlen,
				 RustsCodecScratch *scratch)
{
	if (compression == RUSTS_COMPRESSION_LZ4)
	{
		if (srclen > PG_INT32_MAX || dstlen > LZ4_MAX_INPUT_SIZE)
			return false;
		return LZ4_decompress_safe(src, dst, (int) srclen,
								   (int) dstlen) == (int) dstlen;
	}
	else
	{
		ZSTD_DCtx  *dctx = ZSTD_initStaticDCtx(scratch->compressor,
											   rusts_compressor_size());

		if (dctx == NULL)
			return false;
		ZSTD_DCtx_setParameter(dctx, ZSTD_d_format, ZSTD_f_zstd1_magicless);
		return ZSTD_decompressDCtx(dctx, dst, dstlen, src, srclen) == dstlen;
	}
}
