/*-------------------------------------------------------------------------
 *
 * codec_check.h
 *	  Checks and random numbers of the codecs' tests.
 *
 * test/unit/codec_check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_CHECK_H
#define RUSTS_CODEC_CHECK_H

#include "codec/block.h"

#define ROWS	RUSTS_BLOCK_ROWS

static int	npassed = 0;
static int	nfailed = 0;
static RustsCodecScratch *scratch;

#define CHECK(condition, ...) \
	do { \
		if (condition) \
			npassed++; \
		else \
		{ \
			nfailed++; \
			printf("%s:%d: failed: %s: ", __FILE__, __LINE__, #condition); \
			printf(__VA_ARGS__); \
			printf("\n"); \
		} \
	} while (0)

/* Deterministic random numbers (splitmix64). */
static uint64 random_state;

static uint64
random_word(void)
{
	uint64		z = (random_state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint32
random_below(uint32 limit)
{
	return (uint32) (random_word() % limit);
}

#endif							/* RUSTS_CODEC_CHECK_H */
