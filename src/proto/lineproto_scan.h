/*-------------------------------------------------------------------------
 *
 * lineproto_scan.h
 *	  Search for the bytes that mean something in line protocol.
 *
 * Each search exists twice: sixteen bytes at a time with SSE2, which every
 * x86-64 has, and byte by byte (RUSTS_NO_SIMD, and all other machines).  A
 * search that stops short of the end of the input returns NULL; the caller
 * then takes the careful way, so where exactly it stops changes no result.
 *
 * src/proto/lineproto_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINEPROTO_SCAN_H
#define RUSTS_LINEPROTO_SCAN_H

#include "c.h"

#if defined(__SSE2__) && !defined(RUSTS_NO_SIMD)
#define RUSTS_LP_SSE2
#include <emmintrin.h>
#endif

/* How much a caller must leave before the end to use rusts_lp_same_key. */
#define RUSTS_LP_SLACK	64

#ifdef RUSTS_LP_SSE2

/* Which of the sixteen bytes are <= ' ' or a backslash? */
static inline uint64
rusts_lp_key_stops(const char *p)
{
	__m128i		v = _mm_loadu_si128((const __m128i *) p);
	__m128i		low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ')), v);
	__m128i		backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

	return (uint32) _mm_movemask_epi8(_mm_or_si128(low, backslash));
}

/*
 * First byte <= ' ' or backslash.  Series keys of a hundred bytes and more are
 * common; 64 at a time keep the number of turns, and so the loop's branch,
 * the same for keys of somewhat different length.
 */
static inline const char *
rusts_lp_scan_series(const char *p, const char *end)
{
	for (; end - p >= 64; p += 64)
	{
		uint64		stops = rusts_lp_key_stops(p) |
			rusts_lp_key_stops(p + 16) << 16 |
			rusts_lp_key_stops(p + 32) << 32 |
			rusts_lp_key_stops(p + 48) << 48;

		if (stops != 0)
			return p + __builtin_ctzll(stops);
	}
	return NULL;
}

/*
 * First byte that cannot stand in a plain field key: anything <= ' ', comma,
 * equals, quote, backslash, and what is not ASCII.
 */
static inline const char *
rusts_lp_scan_field_key(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16)
	{
		__m128i		v = _mm_loadu_si128((const __m128i *) p);
		__m128i		stop = _mm_cmpgt_epi8(_mm_set1_epi8(' ' + 1), v);
		uint32		stops;

		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8(',')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		stops = _mm_movemask_epi8(stop);
		if (stops != 0)
			return p + __builtin_ctz(stops);
	}
	return NULL;
}

/*
 * First quote, backslash, newline or NUL.  *high is set when a byte that is
 * not ASCII was met, perhaps a few bytes behind the one found.
 */
static inline const char *
rusts_lp_scan_string(const char *p, const char *end, bool *high)
{
	for (; end - p >= 16; p += 16)
	{
		__m128i		v = _mm_loadu_si128((const __m128i *) p);
		__m128i		stop = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
		uint32		stops;

		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_setzero_si128()));
		if (_mm_movemask_epi8(v) != 0)
			*high = true;
		stops = _mm_movemask_epi8(stop);
		if (stops != 0)
			return p + __builtin_ctz(stops);
	}
	return NULL;
}

/*
 * Are len bytes at a and b equal?  Both have RUSTS_LP_SLACK readable bytes, or
 * len if that is more.
 */
static inline bool
rusts_lp_same_key(const char *a, const char *b, uint32 len)
{
	const __m128i *x = (const __m128i *) a;
	const __m128i *y = (const __m128i *) b;
	__m128i		lo = _mm_cmpeq_epi8(_mm_loadu_si128(x), _mm_loadu_si128(y));
	__m128i		hi = _mm_cmpeq_epi8(_mm_loadu_si128(x + 1),
									_mm_loadu_si128(y + 1));
	uint32		differ = ~((uint32) _mm_movemask_epi8(lo) |
						   (uint32) _mm_movemask_epi8(hi) << 16);

	if (unlikely(len >= 32))
		return memcmp(a, b, len) == 0;
	return (differ & ((1U << len) - 1)) == 0;
}

#else							/* !RUSTS_LP_SSE2 */

static inline const char *
rusts_lp_scan_series(const char *p, const char *end)
{
	for (; p < end; p++)
	{
		if ((uint8) *p <= ' ' || *p == '\\')
			return p;
	}
	return NULL;
}

static inline const char *
rusts_lp_scan_field_key(const char *p, const char *end)
{
	for (; p < end; p++)
	{
		if ((uint8) *p <= ' ' || *p == '=' || *p == ',' || *p == '"' ||
			*p == '\\' || (uint8) *p >= 0x80)
			return p;
	}
	return NULL;
}

static inline const char *
rusts_lp_scan_string(const char *p, const char *end, bool *high)
{
	for (; p < end; p++)
	{
		if (*p == '"' || *p == '\\' || *p == '\n' || *p == '\0')
			return p;
		if ((uint8) *p >= 0x80)
			*high = true;
	}
	return NULL;
}

static inline bool
rusts_lp_same_key(const char *a, const char *b, uint32 len)
{
	return memcmp(a, b, len) == 0;
}

#endif							/* RUSTS_LP_SSE2 */

#endif							/* RUSTS_LINEPROTO_SCAN_H */
